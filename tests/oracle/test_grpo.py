"""Policy losses, their gradients and advantages are those of TRL's GRPOTrainer on the same completions.

Both are given the same weights, tokens and advantages, and the same log-probabilities of the sampler, of the
weights before the first update and of the reference. TRL pads, and computes a prompt for each of its
completions; ours goes its real way, through several packs that share prompts, and without the groups that
carry no signal where leaving them out is exact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, compress
from pathlib import Path
from random import Random
from statistics import pstdev, stdev
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from adhere.config import GrpoSettings, Lora, Loss
from adhere.model import Model, add_lora, save
from adhere.reward.score import Score
from adhere.train.advantage import advantages, group_advantages
from adhere.train.forward import answer_logprobs
from adhere.train.loss import Counts, Taken, policy_loss, token_weights
from adhere.train.pack import Answer, Group, packs

# Names that TRL still uses, and transformers will drop.
pytestmark = pytest.mark.filterwarnings("ignore:`(is_)?gradient_checkpointing` is deprecated:FutureWarning")

LOSSES: dict[Loss, dict[str, str]] = {
    "dapo": {"loss_type": "dapo"},
    "grpo": {"loss_type": "grpo"},
    "dr_grpo": {"loss_type": "dr_grpo"},
    "bnpo": {"loss_type": "bnpo"},
    "gspo": {"loss_type": "grpo", "importance_sampling_level": "sequence"},
    "cispo": {"loss_type": "cispo"},
}
"""What TRL calls each."""
LIMIT = 12
PACK = 40
"""Tokens of a pack: some hold part of a group, some more than one."""
CLOSE = 1e-4
PEFT = "base_model.model."
"""What PEFT puts before a weight's name."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """A completion and what is known of each of its tokens."""

    tokens: tuple[int, ...]
    wanted: tuple[bool, ...]
    """False for a token that the model did not choose."""
    advantage: float
    old: tuple[float, ...] = ()
    sampled: tuple[float, ...] = ()
    reference: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Prompts with their groups of completions."""

    prompts: tuple[tuple[int, ...], ...]
    groups: tuple[tuple[Sampled, ...], ...]

    @property
    def completions(self) -> list[Sampled]:
        return [each for group in self.groups for each in group]


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a batch teaches."""

    loss: float
    gradients: Mapping[str, torch.Tensor]
    counts: Counts


@pytest.fixture
def sharp(model: Model) -> Model:
    """A Qwen2 whose distributions are far from even, so that its gradients are large."""
    return sharpened(model)


def sharpened(model: Model) -> Model:
    with torch.no_grad():
        for weight in model.network.parameters():
            if weight.dim() > 1:
                weight.mul_(5.0)
    return model


def drawn(model: Model, *, temperature: float, forced: int = LIMIT + 1) -> Batch:
    """Three prompts of 9, 4 and 13 tokens, and for each three completions, of 1 to 12 tokens.

    The log-probabilities lie on both sides of the true ones, far enough to meet every bound. The rewards of
    the second group are all equal. Of the tokens at every place from 1 that `forced` divides, the model chose
    none.
    """
    random = Random(0)

    def some(count: int) -> tuple[int, ...]:
        return tuple(random.randrange(3, 259) for _ in range(count))

    prompts = tuple(some(length) for length in (9, 4, 13))
    answers = [tuple(some(length) for length in lengths) for lengths in ((5, 12, 1), (3, 3, 8), (7, 2, 10))]
    groups = [
        Group(prompt, tuple(Answer(tokens) for tokens in group))
        for prompt, group in zip(prompts, answers, strict=True)
    ]
    ((_, pack),) = packs(groups, model.device)
    with torch.no_grad():
        true = iter(answer_logprobs(model, pack, temperature=temperature).logprob_N.tolist())
    earned = ((0.3, 1.0, 0.0), (0.5, 0.5, 0.5), (0.0, 0.2, 0.7))

    def near(logprobs: Sequence[float]) -> tuple[float, ...]:
        return tuple(logprob + random.uniform(-0.5, 0.5) for logprob in logprobs)

    def known(tokens: tuple[int, ...], advantage: float) -> Sampled:
        logprobs = [next(true) for _ in tokens]
        wanted = tuple(place % forced > 0 for place in range(1, len(tokens) + 1))
        return Sampled(tokens, wanted, advantage, near(logprobs), near(logprobs), near(logprobs))

    return Batch(
        prompts,
        tuple(
            tuple(known(tokens, advantage) for tokens, advantage in zip(group, of_group, strict=True))
            for group, of_group in zip(answers, map(group_advantages, earned), strict=True)
        ),
    )


def ours(model: Model, batch: Batch, how: GrpoSettings, *, first: bool, corrected: bool) -> Learnt:
    """What adhere learns: `first` is the first update on the batch; `corrected` if the sampler lags."""
    is_trained = [how.beta > 0 or any(each.advantage for each in group) for group in batch.groups]
    trained = [is_in for group, is_in in zip(batch.groups, is_trained, strict=True) for _ in group]
    lengths = [sum(each.wanted) for each in batch.completions]
    weights = token_weights(how.loss, lengths, trained=trained, limit=LIMIT)
    chosen = [each for each, is_in in zip(batch.completions, trained, strict=True) if is_in]
    weights = [weight for weight, is_in in zip(weights, trained, strict=True) if is_in]
    groups = [
        Group(prompt, tuple(Answer(each.tokens, each.wanted) for each in group))
        for prompt, group, is_in in zip(batch.prompts, batch.groups, is_trained, strict=True)
        if is_in
    ]
    model.network.zero_grad()
    loss, counts, start, made = 0.0, Counts(), 0, 0
    for where, pack in packs(groups, model.device, tokens=PACK):
        held = chosen[start : start + len(where)]
        logprob_N = answer_logprobs(model, pack, temperature=how.temperature).logprob_N
        old_N = logprob_N.detach() if first else flat(held, [each.old for each in held])
        learnt = policy_loss(
            Taken(
                logprob_N=logprob_N,
                old_logprob_N=old_N,
                sampled_logprob_N=flat(held, [each.sampled for each in held]) if corrected else old_N,
                reference_logprob_N=flat(held, [each.reference for each in held]) if how.beta else None,
                answer_N=pack.answer_N,
                advantage_C=torch.tensor([each.advantage for each in held]),
                weight_C=torch.tensor(weights[start : start + len(where)]),
            ),
            how,
        )
        learnt.loss.backward()
        loss, counts = loss + float(learnt.loss.detach()), counts + learnt.counts
        start, made = start + len(where), made + 1
    assert made > 1
    return Learnt(loss, gradients(model.network), counts)


def flat(completions: Sequence[Sampled], rows: Sequence[Sequence[float]]) -> torch.Tensor:
    """Numbers of the tokens that the model chose, one row after the other."""
    chosen = [compress(row, each.wanted) for each, row in zip(completions, rows, strict=True)]
    return torch.tensor(list(chain.from_iterable(chosen)))


def theirs(trainer: Any, batch: Batch, how: GrpoSettings, *, first: bool, corrected: bool) -> Learnt:
    """What TRL learns of all completions, in one padded batch."""
    prompts = [prompt for prompt, group in zip(batch.prompts, batch.groups, strict=True) for _ in group]
    chosen = batch.completions
    if how.loss == "bnpo" and not how.beta:
        # TRL divides by the tokens of whatever batch it is given: here, by those that carry signal.
        informative = [any(each.advantage for each in group) for group in batch.groups for _ in group]
        prompts = [prompt for prompt, is_in in zip(prompts, informative, strict=True) if is_in]
        chosen = [each for each, is_in in zip(chosen, informative, strict=True) if is_in]
    prompt_ids, prompt_mask = padded(prompts, left=True)
    completion_ids, completion_mask = padded([each.tokens for each in chosen])
    # So TRL leaves out what a tool wrote; it has no other tokens that the model did not choose.
    tool_mask, _ = padded([list(map(int, each.wanted)) for each in chosen])
    inputs = {
        "prompt_ids": prompt_ids.long(),
        "prompt_mask": prompt_mask,
        "completion_ids": completion_ids.long(),
        "completion_mask": completion_mask,
        "advantages": torch.tensor([each.advantage for each in chosen]),
        "tool_mask": tool_mask,
        "num_items_in_batch": tool_mask.sum(),
        "ref_per_token_logps": padded([each.reference for each in chosen])[0],
    }
    old = padded([each.old for each in chosen])[0]
    if first:
        with torch.no_grad():
            old = trainer._get_per_token_logps_and_entropies(
                trainer.model,
                torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], 1),
                torch.cat([prompt_mask, completion_mask], 1),
                completion_ids.shape[1],
            )[0]
    else:
        inputs["old_per_token_logps"] = old
    if corrected:
        # TRL corrects for a sampler only where that is vLLM. Its loss takes this factor from the inputs; it
        # computes it where vLLM has generated (mode `token_truncate`), by the formula that stands here.
        trainer.use_vllm = True
        sampled = padded([each.sampled for each in chosen])[0]
        inputs["importance_sampling_ratio"] = (old - sampled).exp().clamp(max=how.truncate)
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    loss = trainer.compute_loss(trainer.model, inputs)
    loss.backward()
    told = {name: values[-1] for name, values in trainer._metrics["train"].items()}
    tokens = int(tool_mask.sum())
    clipped = round(told.get("clip_ratio/region_mean", 0.0) * tokens)
    counts = Counts(tokens, clipped, kl=told.get("kl", 0.0) * tokens)
    return Learnt(float(loss.detach()), gradients(trainer.model), counts)


def padded(rows: Sequence[Sequence[float]], *, left: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows side by side, and where they have something."""
    side = "left" if left else "right"
    values, masks = (
        torch.nn.utils.rnn.pad_sequence(each, batch_first=True, padding_side=side)
        for each in ([torch.tensor(row) for row in rows], [torch.ones(len(row)).long() for row in rows])
    )
    return values, masks


def gradients(network: PreTrainedModel) -> dict[str, torch.Tensor]:
    made: dict[str, torch.Tensor] = {}
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            assert weight.grad is not None, name
            made[name.removeprefix(PEFT)] = weight.grad.clone()
    return made


def trl_trainer(model: Model, directory: Path, how: GrpoSettings, **more: Any) -> Any:
    """A GRPOTrainer of its own copy of the weights, with the settings that mean what ours do."""
    from datasets import Dataset
    from trl.trainer.grpo_config import GRPOConfig
    from trl.trainer.grpo_trainer import GRPOTrainer

    class Recording(GRPOTrainer):
        """Remembers what its loss was given."""

        def compute_loss(self, model: Any, inputs: Any, *given: Any, **more: Any) -> torch.Tensor:
            self.seen: list[dict[str, torch.Tensor]] = [*getattr(self, "seen", []), dict(inputs)]
            return super().compute_loss(model, inputs, *given, **more)

    save(model, directory / "model")
    tokenizer: Any = model.tokenizer  # of which adhere names only what it uses
    high = how.clip if how.clip_high is None else how.clip_high
    settings: dict[str, Any] = {
        "per_device_train_batch_size": 9,
        "num_generations": 3,
        "max_completion_length": LIMIT,
        "temperature": how.temperature,
        "epsilon": how.clip,
        # The bound on cispo's ratio is 1 + this in its paper and in adhere, and this itself in TRL.
        "epsilon_high": 1 + high if how.loss == "cispo" else high,
        "beta": how.beta,
        "num_iterations": how.updates_per_batch,
        **LOSSES[how.loss],
        **more,
    }
    rewards, adapters = settings.pop("rewards", [silent]), settings.pop("peft_config", None)
    return Recording(
        model=AutoModelForCausalLM.from_pretrained(directory / "model", dtype=torch.float32),
        reward_funcs=rewards,
        args=GRPOConfig(
            output_dir=str(directory / "out"),
            report_to="none",
            save_strategy="no",
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            disable_tqdm=True,
            dataloader_pin_memory=False,
            **settings,
        ),
        train_dataset=Dataset.from_list([{"prompt": each} for each in ("One.", "Another one.", "A third.")]),
        processing_class=tokenizer,
        peft_config=adapters,
    )


def silent(completions: Sequence[str], **_: Any) -> list[float]:
    return [0.0] * len(completions)


def assert_equal(made: Learnt, expected: Learnt) -> None:
    # On-policy it is a sum of advantages, which cancel: what is left is rounding.
    assert made.loss == pytest.approx(expected.loss, rel=CLOSE, abs=1e-7)
    assert made.gradients.keys() == expected.gradients.keys()
    for name, gradient in expected.gradients.items():
        difference = float((made.gradients[name] - gradient).norm() / gradient.norm())
        assert difference <= CLOSE, (name, difference)


@pytest.mark.parametrize("loss", LOSSES)
def test_an_update_with_the_default_settings_is_trl_s(loss: Loss, sharp: Model, tmp_path: Path) -> None:
    how = GrpoSettings(loss=loss)
    batch = drawn(sharp, temperature=1.0)
    made = ours(sharp, batch, how, first=True, corrected=False)
    assert_equal(made, theirs(trl_trainer(sharp, tmp_path, how), batch, how, first=True, corrected=False))


@pytest.mark.parametrize("loss", LOSSES)
def test_a_later_update_of_a_lagging_sampler_with_divergence_and_two_bounds_is_trl_s(
    loss: Loss, sharp: Model, tmp_path: Path
) -> None:
    how = GrpoSettings(
        loss=loss, clip=0.1, clip_high=0.25, beta=0.05, truncate=1.2, temperature=0.7, updates_per_batch=2
    )
    batch = drawn(sharp, temperature=0.7)
    made = ours(sharp, batch, how, first=False, corrected=True)
    expected = theirs(trl_trainer(sharp, tmp_path, how), batch, how, first=False, corrected=True)
    assert_equal(made, expected)
    assert made.counts.kl == pytest.approx(expected.counts.kl, rel=CLOSE)
    assert made.counts.tokens == expected.counts.tokens
    assert 0 < made.counts.truncated < made.counts.tokens
    assert 0 < made.counts.clipped < made.counts.tokens
    if loss not in {"gspo", "cispo"}:  # of which TRL counts other things
        assert made.counts.clipped == expected.counts.clipped


@pytest.mark.parametrize("loss", LOSSES)
def test_tokens_that_the_model_did_not_choose_leave_the_loss_and_the_lengths(
    loss: Loss, sharp: Model, tmp_path: Path
) -> None:
    how = GrpoSettings(loss=loss, clip=0.1, beta=0.05, truncate=1.2, updates_per_batch=2)
    batch = drawn(sharp, temperature=1.0, forced=3)
    made = ours(sharp, batch, how, first=False, corrected=True)
    assert_equal(made, theirs(trl_trainer(sharp, tmp_path, how), batch, how, first=False, corrected=True))
    # Of 5, 12, 1, 3, 3, 8, 7, 2 and 10 tokens.
    assert made.counts.tokens == 51 - (1 + 4 + 0 + 1 + 1 + 2 + 2 + 0 + 3)


@pytest.mark.slow
@pytest.mark.parametrize("corrected", [False, True], ids=["on the sampler's weights", "lagging"])
@pytest.mark.parametrize("first", [True, False], ids=["first update", "later update"])
@pytest.mark.parametrize("beta", [0.0, 0.05], ids=["free", "divergence"])
@pytest.mark.parametrize("clip_high", [None, 0.25], ids=["one bound", "two bounds"])
@pytest.mark.parametrize("loss", LOSSES)
def test_an_update_is_trl_s(
    loss: Loss,
    clip_high: float | None,
    beta: float,
    first: bool,  # noqa: FBT001
    corrected: bool,  # noqa: FBT001
    sharp: Model,
    tmp_path: Path,
) -> None:
    how = GrpoSettings(
        loss=loss, clip=0.1, clip_high=clip_high, beta=beta, truncate=1.2, updates_per_batch=1 if first else 2
    )
    batch = drawn(sharp, temperature=1.0)
    made = ours(sharp, batch, how, first=first, corrected=corrected)
    trainer = trl_trainer(sharp, tmp_path, how)
    assert_equal(made, theirs(trainer, batch, how, first=first, corrected=corrected))


@pytest.mark.slow
def test_an_update_of_other_architectures_is_trl_s(any_model: Model, tmp_path: Path) -> None:
    how = GrpoSettings(clip=0.1, clip_high=0.25, beta=0.05, truncate=1.2, updates_per_batch=2)
    batch = drawn(sharpened(any_model), temperature=1.0)
    made = ours(any_model, batch, how, first=False, corrected=True)
    trainer = trl_trainer(any_model, tmp_path, how)
    assert_equal(made, theirs(trainer, batch, how, first=False, corrected=True))


@pytest.mark.slow
def test_an_update_of_adapters_is_trl_s(sharp: Model, tmp_path: Path) -> None:
    from peft import LoraConfig

    how = GrpoSettings(clip=0.1, clip_high=0.25, beta=0.05, truncate=1.2, updates_per_batch=2)
    batch = drawn(sharp, temperature=1.0)
    theirs_alone = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
    trainer = trl_trainer(sharp, tmp_path, how, peft_config=theirs_alone)
    add_lora(sharp, Lora(rank=4, alpha=8.0), seed=0)
    theirs_by_name = {name.removeprefix(PEFT): weight for name, weight in trainer.model.named_parameters()}
    with torch.no_grad():
        for name, weight in sharp.network.named_parameters():
            if weight.requires_grad:
                # The second factors begin as 0, and then the first ones have no gradient.
                theirs_by_name[name].copy_(weight.normal_(std=0.1))
    made = ours(sharp, batch, how, first=False, corrected=True)
    assert len(made.gradients) == 2 * 2 * 7  # factors, layers, linear maps of a layer
    assert_equal(made, theirs(trainer, batch, how, first=False, corrected=True))


def even(completion_ids: Sequence[Sequence[int]], **_: Any) -> list[float]:
    """Share of even tokens."""
    return [sum(token % 2 == 0 for token in tokens) / len(tokens) for tokens in completion_ids]


def small(completion_ids: Sequence[Sequence[int]], **_: Any) -> list[float]:
    """Share of tokens in the lower half of the vocabulary."""
    return [sum(token < 150 for token in tokens) / len(tokens) for tokens in completion_ids]


def a_step_of_trl(trainer: Any) -> dict[str, torch.Tensor]:
    """Let TRL sample, score and compute; return the gradients as they reach its optimizer."""
    from transformers import TrainerCallback

    class Gradients(TrainerCallback):
        made: dict[str, torch.Tensor]

        def on_pre_optimizer_step(self, *_: Any, model: PreTrainedModel, **__: Any) -> None:
            self.made = gradients(model)

    callback = Gradients()
    trainer.add_callback(callback)
    trainer.train()
    return callback.made


ONE_STEP: dict[str, Any] = {
    "per_device_train_batch_size": 3,
    "gradient_accumulation_steps": 3,
    "max_steps": 1,
    "max_grad_norm": 0.0,
    "logging_steps": 1,
    "seed": 3,
}


@pytest.mark.slow
@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss != "bnpo"])
def test_a_whole_step_of_trl_s_training_has_our_gradients(loss: Loss, sharp: Model, tmp_path: Path) -> None:
    # Three batches of three completions that TRL shuffled. Under bnpo it weighs such batches alike, whatever
    # their tokens, so that the step depends on how it was cut.
    how = GrpoSettings(loss=loss)
    trainer = trl_trainer(sharp, tmp_path, how, rewards=[even], **ONE_STEP)
    expected = a_step_of_trl(trainer)
    groups: dict[tuple[int, ...], list[Sampled]] = {}
    for seen in trainer.seen:
        for row in range(3):
            prompt, tokens = (
                tuple(seen[f"{name}_ids"][row][seen[f"{name}_mask"][row].bool()].tolist())
                for name in ("prompt", "completion")
            )
            advantage = float(seen["advantages"][row])
            groups.setdefault(prompt, []).append(Sampled(tokens, (True,) * len(tokens), advantage))
    batch = Batch(tuple(groups), tuple(map(tuple, groups.values())))
    assert [len(group) for group in batch.groups] == [3, 3, 3]
    made = ours(sharp, batch, how, first=True, corrected=False)
    assert_equal(made, Learnt(made.loss, expected, Counts()))


@pytest.mark.slow
def test_advantages_are_trl_s_but_for_its_kind_of_deviation(sharp: Model, tmp_path: Path) -> None:
    trainer = trl_trainer(sharp, tmp_path, GrpoSettings(), rewards=[even], **ONE_STEP)
    a_step_of_trl(trainer)
    rewards, advantages = list(trainer._logs["rewards"]["even"]), list(trainer._logs["advantages"])
    for start in (0, 3, 6):
        group = rewards[start : start + 3]
        # TRL divides by the sample's deviation, of 3 - 1 degrees of freedom, and 1e-4.
        other = pstdev(group) / (stdev(group) + 1e-4)
        expected = [advantage * other for advantage in group_advantages(group)]
        assert advantages[start : start + 3] == pytest.approx(expected, rel=CLOSE)


@pytest.mark.slow
def test_centred_advantages_are_trl_s(sharp: Model, tmp_path: Path) -> None:
    trainer = trl_trainer(
        sharp, tmp_path, GrpoSettings(), rewards=[even], scale_rewards="none", loss_type="dr_grpo", **ONE_STEP
    )
    a_step_of_trl(trainer)
    rewards, advantages = list(trainer._logs["rewards"]["even"]), list(trainer._logs["advantages"])
    for start in (0, 3, 6):
        expected = group_advantages(rewards[start : start + 3], "centred")
        assert advantages[start : start + 3] == pytest.approx(expected, abs=1e-6)


@pytest.mark.slow
def test_parts_compared_each_are_trl_s_but_for_its_kind_of_deviation(sharp: Model, tmp_path: Path) -> None:
    trainer = trl_trainer(
        sharp,
        tmp_path,
        GrpoSettings(),
        rewards=[even, small],
        reward_weights=[0.3, 0.7],
        multi_objective_aggregation="normalize_then_sum",
        **ONE_STEP,
    )
    a_step_of_trl(trainer)
    rewards = zip(trainer._logs["rewards"]["even"], trainer._logs["rewards"]["small"], strict=True)
    scores = [Score(0.3 * e + 0.7 * s, "obeys", {"even": e, "small": s}) for e, s in rewards]
    groups = [scores[start : start + 3] for start in (0, 3, 6)]
    made = advantages(groups, "zscore", "each", weights={"even": 0.3, "small": 0.7})
    # Within groups of one size the kind of deviation is a factor on all, which the division over the step
    # takes away; there it is 9 - 1 degrees of freedom against 9. What TRL adds to its divisors is 1e-4.
    expected = [advantage * (8 / 9) ** 0.5 for group in made for advantage in group]
    assert list(trainer._logs["advantages"]) == pytest.approx(expected, rel=5e-3)
