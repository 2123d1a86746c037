"""What the completions of a step teach: the gradient of the plain computation, without what adds nothing."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from adhere.config import GrpoConfig, Lora
from adhere.model import Model, add_lora
from adhere.records import Completion, Example
from adhere.reward.score import Score
from adhere.train.lesson import Lesson, Taught
from adhere.train.reference import Reference
from adhere.train.rollouts import Group, Rollout

PROMPTS = [(9, 10, 11, 12, 13, 14), (20, 21), (9, 10, 11)]
ANSWERS = [
    # Of several lengths; 2 ends a turn, so that the second ended at once and the third was cut off.
    [(30, 31, 2), (2,), (33, 34, 35, 36, 37), (30, 2)],
    [(40, 41, 42, 2), (43, 2), (44, 45, 46, 47, 48), (49, 2)],
    [(50, 2), (51, 52, 2), (53, 2), (54, 2)],
]
ADVANTAGES = [[1.5, -0.5, 0.0, -1.0], [-1.0, 1.0, 1.0, -1.0], [0.0, 0.0, 0.0, 0.0]]
TOKENS = sum(len(answer) for answers in ANSWERS for answer in answers)


def config(**changes: object) -> GrpoConfig:
    return GrpoConfig(data=Path("d"), out=Path("o"), max_new_tokens=5, temperature=0.7, **changes)  # type: ignore[arg-type]


def plain_logprobs(
    model: Model, prompt: Sequence[int], answer: Sequence[int], settings: GrpoConfig
) -> torch.Tensor:
    """Read one prompt and one answer by themselves, all positions up to the vocabulary."""
    logits_TV = model.network(input_ids=torch.tensor([[*prompt, *answer]]), use_cache=False).logits[0]
    logprob_TV = (logits_TV[len(prompt) - 1 : -1].float() / settings.temperature).log_softmax(-1)
    return logprob_TV.gather(-1, torch.tensor(answer)[:, None])[:, 0]


def groups(model: Model, settings: GrpoConfig, *, lagging: float = 0.0) -> list[Group]:
    """The completions above; the sampler's log-probabilities are off by so many nats, up and down in turn."""
    made: list[Group] = []
    for index, (prompt, answers, advantages) in enumerate(zip(PROMPTS, ANSWERS, ADVANTAGES, strict=True)):
        rollouts: list[Rollout] = []
        for place, (answer, advantage) in enumerate(zip(answers, advantages, strict=True)):
            with torch.no_grad():
                logprobs = plain_logprobs(model, prompt, answer, settings).tolist()
            logprobs = [logprob + lagging * (-1) ** at for at, logprob in enumerate(logprobs)]
            completion = Completion(
                example_id=str(index),
                index=place,
                text="",
                tokens=answer,
                logprobs=tuple(logprobs),
                finished=answer[-1] == 2,
            )
            rollouts.append(Rollout(completion, prompt, Score(0.0, "obeys", {}), advantage))
        example = Example(id=str(index), text="", schema="S")
        made.append(Group(example=example, rollouts=tuple(rollouts)))
    return made


def plain_loss(
    model: Model, made: Sequence[Group], settings: GrpoConfig, old: Mapping[str, torch.Tensor]
) -> torch.Tensor:
    """The definition: PPO's clipped gain of every token of the step, divided by all of them."""
    total = torch.zeros(())
    for group in made:
        for rollout in group.rollouts:
            completion = rollout.completion
            logprob_A = plain_logprobs(model, rollout.prompt, completion.tokens, settings)
            old_A = old.get(key(completion), logprob_A.detach())
            sampled_A = torch.tensor(completion.logprobs)
            ratio_A = (logprob_A - old_A).exp()
            gain_A = torch.minimum(
                ratio_A * rollout.advantage,
                ratio_A.clamp(1 - settings.clip, 1 + settings.clip) * rollout.advantage,
            )
            total = total - (gain_A * (old_A - sampled_A).exp().clamp(max=settings.truncate)).sum()
    return total / TOKENS


def key(completion: Completion) -> str:
    return f"{completion.example_id} {completion.index}"


def gradients(model: Model, compute: Callable[[], object]) -> dict[str, torch.Tensor]:
    model.network.zero_grad()
    compute()
    return {
        name: weight.grad.clone()
        for name, weight in model.network.named_parameters()
        if weight.grad is not None
    }


def assert_close(ours: Mapping[str, torch.Tensor], plain: Mapping[str, torch.Tensor]) -> None:
    assert ours.keys() == plain.keys()
    scale = max(float(gradient.abs().max()) for gradient in plain.values())
    for name, gradient in plain.items():
        assert float((ours[name] - gradient).abs().max()) <= 1e-5 * max(1.0, scale), name


CPU = torch.device("cpu")


@pytest.mark.parametrize("lora", [Lora(), Lora(rank=2)], ids=["all weights", "adapters"])
@pytest.mark.parametrize("lagging", [0.0, 0.9], ids=["on-policy", "a sampler that lags"])
def test_sharing_packing_and_dropping_change_nothing(any_model: Model, lora: Lora, lagging: float) -> None:
    # exp(0.9) = 2.5 is more than the 2 at which a correction is cut.
    settings = config()
    add_lora(any_model, lora, seed=0)
    made = groups(any_model, settings, lagging=lagging)
    plain = gradients(any_model, lambda: plain_loss(any_model, made, settings, {}).backward())
    for tokens in (8192, 12):
        lesson = Lesson(made, settings, {}, CPU, tokens=tokens)
        taught: list[Taught] = []
        ours = gradients(
            any_model, lambda lesson=lesson, taught=taught: taught.append(lesson.gradients(any_model, None))
        )
        assert_close(ours, plain)
        loss = float(plain_loss(any_model, made, settings, {}).detach())
        assert taught[0].loss == pytest.approx(loss, abs=1e-6)
        # The third completion and the last group are left out.
        assert taught[0].counts.tokens == TOKENS - 5 - 9


def test_a_second_update_measures_from_before_the_first(model: Model) -> None:
    settings = config(updates_per_batch=2)
    made = groups(model, settings)
    lesson = Lesson(made, settings, {}, CPU)
    gradients(model, lambda: lesson.gradients(model, None))
    with torch.no_grad():
        old = {
            key(each.completion): plain_logprobs(model, each.prompt, each.completion.tokens, settings)
            for group in made
            for each in group.rollouts
        }
        for weight in model.network.parameters():
            weight.add_(weight.grad if weight.grad is not None else 0.0, alpha=-3.0)
    plain = gradients(model, lambda: plain_loss(model, made, settings, old).backward())
    taught: list[Taught] = []
    ours = gradients(model, lambda: taught.append(lesson.gradients(model, None)))
    assert_close(ours, plain)
    # The step was large enough for the clip to hold some tokens; the drift is still that of the sampler.
    assert taught[0].counts.clipped > 0
    assert abs(taught[0].counts.drift) < 1e-4
    assert taught[0].apart < 1e-4


def test_a_divergence_brings_back_what_has_no_advantage(model: Model) -> None:
    settings = config(beta=0.1)
    began = Model(model.reference, copy.deepcopy(model.network), model.tokenizer)
    with torch.no_grad():
        for weight in model.network.parameters():
            weight.add_(torch.sin(torch.arange(weight.numel()).float()).reshape(weight.shape), alpha=0.05)
    made = groups(model, settings)

    def plain() -> None:
        loss = plain_loss(model, made, settings, {})
        for rollout in (rollout for group in made for rollout in group.rollouts):
            tokens = rollout.completion.tokens
            logprob_A = plain_logprobs(model, rollout.prompt, tokens, settings)
            lead_A = plain_logprobs(began, rollout.prompt, tokens, settings).detach() - logprob_A
            ratio_A = (logprob_A - logprob_A.detach()).exp()
            loss = loss + 0.1 * (ratio_A * (lead_A.exp() - lead_A - 1)).sum() / TOKENS
        loss.backward()

    wanted = gradients(model, plain)
    lesson = Lesson(made, settings, {}, CPU)
    taught: list[Taught] = []
    reference = Reference(model, began, step=3)
    assert_close(gradients(model, lambda: taught.append(lesson.gradients(model, reference))), wanted)
    assert taught[0].counts.tokens == TOKENS
    assert taught[0].counts.kl > 0


def test_groups_that_were_not_accepted_count_in_what_the_loss_is_divided_by(model: Model) -> None:
    settings = config()
    made = groups(model, settings)
    refused = [made[0].judged(accepted=False), *made[1:]]
    unlearned = [
        replace(made[0], rollouts=tuple(replace(each, advantage=0.0) for each in made[0].rollouts)),
        *made[1:],
    ]
    plain = gradients(model, lambda: plain_loss(model, unlearned, settings, {}).backward())
    assert_close(gradients(model, lambda: Lesson(refused, settings, {}, CPU).gradients(model, None)), plain)


def test_a_step_that_teaches_nothing_has_nothing_to_compute(model: Model) -> None:
    settings = config()
    made = groups(model, settings)
    lesson = Lesson([group.judged(accepted=False) for group in made], settings, {}, CPU)
    assert lesson.is_empty
    assert lesson.gradients(model, None) == Taught()


def test_a_number_that_is_too_large_leaves_the_rest_undone(model: Model) -> None:
    settings = config()
    made = groups(model, settings)
    broken = replace(made[0].rollouts[0], advantage=math.inf)
    made[0] = replace(made[0], rollouts=(broken, *made[0].rollouts[1:]))
    taught = Lesson(made, settings, {}, CPU, tokens=12).gradients(model, None)
    assert not math.isfinite(taught.loss)
    assert all(weight.grad is None for weight in model.network.parameters())
