import copy
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import cast

import pytest
import torch

from adhere.config import GrpoConfig, Lora
from adhere.data.store import Dataset
from adhere.errors import ConfigError, TrainingError
from adhere.model import Model, add_lora
from adhere.records import Example
from adhere.reward import loading
from adhere.schema import Schema
from adhere.train.curriculum import EVERYTHING, Curriculum, Stage
from adhere.train.examine import Sampled, examine
from adhere.train.grpo import GrpoStep, begun, train
from adhere.train.rollouts import Writer
from adhere.train.state import State

SCHEMA = Schema.of(
    {"title": "S", "type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
)
SCHEMAS = {"S": SCHEMA}
EXAMPLES = [
    Example(id=word, text=word, schema="S", target={"a": word}) for word in ("mug", "pot", "jar", "cup")
]


def config(**changes: object) -> GrpoConfig:
    given = {"data": Path("d"), "out": Path("o"), "steps": 2, "prompts_per_step": 2, "group_size": 4}
    return GrpoConfig(**{**given, "max_new_tokens": 6, "reward": "schema", **changes})  # type: ignore[arg-type]


def weights(model: Model) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in model.network.state_dict().items()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


def test_two_steps_run_on_any_architecture(any_model: Model) -> None:
    steps = list(train(any_model, EXAMPLES, SCHEMAS, config()))
    assert [step.step for step in steps] == [1, 2]
    for step in steps:
        assert sum(map(len, step.groups)) == 8
        assert sum(step.outcomes.values()) == pytest.approx(1.0)


def test_a_step_without_signal_moves_no_weight(model: Model) -> None:
    # Random bytes never parse: all rewards are 0, all groups are dropped.
    before = weights(model)
    (step,) = train(model, EXAMPLES, SCHEMAS, config(steps=1))
    assert (step.reward, step.zero_variance, step.loss, step.grad_norm) == (0.0, 1.0, 0.0, 0.0)
    assert same(before, weights(model))


def only(model: Model, tokens: list[int]) -> None:
    """Make the model write these tokens with like probability, whatever came before."""
    with torch.no_grad():
        for weight in model.network.parameters():
            weight.mul_(0.0)
        model.network.model.norm.weight.fill_(1.0)
        model.network.model.embed_tokens.weight[:, 0] = 1.0
        model.network.model.embed_tokens.weight[tokens, 0] = 3.0


def informative(model: Model) -> GrpoConfig:
    """Digits and the end.

    Some completions are JSON numbers, which violate the schema and earn 0.5; others earn 0.
    """
    digits = model.tokenizer.encode("0123456789", add_special_tokens=False)
    only(model, [*digits, 2])
    return config(steps=12, prompts_per_step=4, group_size=8, lr=5e-2, warmup_steps=0, max_new_tokens=4)


def test_reward_rises_where_groups_differ(model: Model) -> None:
    steps = list(train(model, EXAMPLES, SCHEMAS, informative(model)))
    assert steps[0].zero_variance < 1
    early = sum(step.reward for step in steps[:3])
    late = sum(step.reward for step in steps[-3:])
    assert late > early + 0.15


def run(settings: GrpoConfig, model: Model) -> tuple[list[GrpoStep], dict[str, torch.Tensor]]:
    return list(train(model, EXAMPLES, SCHEMAS, settings)), weights(model)


def test_trainer_and_sampler_agree_on_policy(model: Model) -> None:
    steps = list(train(model, EXAMPLES, SCHEMAS, informative(model)))
    assert all(abs(step.drift) < 1e-4 for step in steps)
    assert all(step.clipped == 0 for step in steps)


def test_the_learning_rate_warms_up(model: Model) -> None:
    steps = list(train(model, EXAMPLES, SCHEMAS, config(steps=4, lr=1.0, warmup_steps=1, max_new_tokens=1)))
    assert [step.lr for step in steps] == [0.5, 1.0, 1.0, 1.0]


def test_examples_without_targets_can_be_trained_on(model: Model) -> None:
    unlabelled = [Example(id="u", text="The mug.", schema="S")]
    (step,) = train(model, unlabelled, SCHEMAS, config(steps=1, reward="grounded", prompts_per_step=1))
    assert set(step.parts) == {"parses", "obeys", "matches"}


def test_every_rollout_keeps_its_score_and_advantage(model: Model) -> None:
    step = next(train(model, EXAMPLES, SCHEMAS, informative(model)))
    for group in step.groups:
        assert len({rollout.completion.example_id for rollout in group}) == 1
        assert sum(rollout.advantage for rollout in group) == pytest.approx(0, abs=1e-9)
        best = max(group, key=lambda rollout: rollout.score.total)
        assert best.advantage == max(rollout.advantage for rollout in group)


# ------------------------------------------------------------------------------------------------ a step


def test_a_step_says_where_its_time_went(model: Model) -> None:
    step = next(train(model, EXAMPLES, SCHEMAS, informative(model)))
    assert set(step.seconds) == {"rollout", "reward", "gradients", "optimizer"}
    assert all(seconds > 0 for seconds in step.seconds.values())


def test_a_step_says_how_open_its_choices_were(model: Model) -> None:
    # Eleven tokens of like probability, and some hundred of little.
    step = next(train(model, EXAMPLES, SCHEMAS, informative(model)))
    assert step.entropy is not None
    assert 2.3 < step.entropy < 2.7
    assert (step.kl, step.truncated, step.lag, step.valid_free) == (None, 0.0, 0, None)
    assert (step.sampled, step.resting, step.skipped) == (4, 0, False)
    assert step.accepted == 1 - step.zero_variance


def settings(model: Model, **changes: object) -> GrpoConfig:
    return replace(informative(model), **{"steps": 4, "prompts_per_step": 2, "group_size": 4, **changes})


def test_several_updates_are_made_of_one_batch(model: Model) -> None:
    twin = Model(model.reference, copy.deepcopy(model.network), model.tokenizer)
    once, _ = run(settings(model, steps=1), model)
    thrice, _ = run(settings(twin, steps=1, updates_per_batch=3), twin)
    assert thrice[0].groups == once[0].groups
    assert thrice[0].drift == pytest.approx(once[0].drift, abs=1e-6)
    # Of a rate of 0.05 and three steps; the ratio has left the clip's range.
    assert once[0].clipped == 0 < thrice[0].clipped
    assert not same(weights(model), weights(twin))


def test_a_sampler_that_lags_is_corrected_for_and_says_so(model: Model) -> None:
    steps, _ = run(settings(model, sync_every=2, updates_per_batch=2), model)
    assert [step.lag for step in steps] == [0, 2, 0, 2]
    assert abs(steps[0].drift) < 1e-4
    assert abs(steps[1].drift) > 1e-3
    never, _ = run(settings(model, sync_every=0), model)
    assert [step.lag for step in never] == [0, 1, 2, 3]


def test_a_divergence_from_the_beginning_grows_from_nothing(model: Model) -> None:
    steps, _ = run(settings(model, beta=0.1), model)
    assert steps[0].kl == pytest.approx(0.0, abs=1e-6)
    assert max(step.kl or 0.0 for step in steps) > 1e-3


def test_adapters_alone_are_trained_and_the_model_without_them_is_the_reference(model: Model) -> None:
    config = constrained(steps=2, beta=0.1, lora=Lora(rank=2))
    add_lora(model, config.lora, seed=0)
    before = weights(model)
    steps = list(train(model, ITEMS, {"S": NAMED}, config))
    after = weights(model)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {name for name in before if "lora" in name}
    kls = [step.kl for step in steps if step.kl is not None]
    assert kls[0] == pytest.approx(0.0, abs=1e-6)
    assert kls[-1] > 1e-5


def test_all_groups_are_learned_from_where_there_is_a_divergence_to_weigh(model: Model) -> None:
    # Random bytes earn 0: no advantage, yet the divergence has a gradient as soon as there is any.
    (step,) = train(model, EXAMPLES, SCHEMAS, config(steps=1, beta=0.1, accept="all"))
    assert (step.accepted, step.zero_variance, step.kl) == (1.0, 1.0, pytest.approx(0.0, abs=1e-6))


def test_refills_bring_groups_that_teach(model: Model) -> None:
    config = settings(model, prompts_per_step=1, group_size=2, steps=6, lr=1e-6, refill=3)
    steps = list(train(model, EXAMPLES, SCHEMAS, config))
    assert {step.sampled for step in steps} > {1}
    for step in steps:
        accepted = [group[0].accepted for group in step.groups]
        assert len(accepted) == step.sampled
        # The last one was what the step had asked for, if any was.
        assert not any(accepted[:-1])
        assert len({group[0].completion.example_id for group in step.groups}) == step.sampled


def test_a_function_of_ones_own_chooses_the_groups(model: Model, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def never(rewards):\n    return sum(rewards) > len(rewards)\n")
    before = weights(model)
    steps = list(train(model, EXAMPLES, SCHEMAS, config(accept=f"{tmp_path}/own.py:never")))
    assert [step.accepted for step in steps] == [0.0, 0.0]
    assert same(before, weights(model))


def test_prompts_that_are_hopeless_rest_until_all_are(model: Model) -> None:
    # Random bytes earn 0. There are four prompts: two rest after the first step, all after the second.
    state = begun(model, config(rest=9))
    steps = list(train(model, EXAMPLES, SCHEMAS, config(rest=9, steps=4), state=state))
    assert [step.resting for step in steps] == [0, 0, 0, 0]
    asked = [{group[0].completion.example_id for group in step.groups} for step in steps]
    assert asked[0] | asked[1] == {example.id for example in EXAMPLES}
    resting = cast("dict[str, int]", state.remembered["resting"])
    assert resting.keys() == asked[2] | asked[3]


def test_a_prompt_that_rests_makes_way_for_the_next(model: Model) -> None:
    steps = list(train(model, EXAMPLES, SCHEMAS, config(rest=2, steps=3, prompts_per_step=3)))
    asked = [{group[0].completion.example_id for group in step.groups} for step in steps]
    # The one that the first step did not ask about comes first; of the others, two fill up.
    assert asked[0] | asked[1] == {example.id for example in EXAMPLES}
    assert steps[1].resting >= 1


# -------------------------------------------------------------------------------------------- what goes wrong


def hooked(model: Model, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Let the network say something else whenever gradients are recorded."""

    def hook(_module: object, _given: object, made: torch.Tensor) -> torch.Tensor:
        return change(made) if torch.is_grad_enabled() else made

    model.network.model.norm.register_forward_hook(hook)


def test_a_trainer_that_is_another_policy_than_the_sampler_stops_the_run(model: Model) -> None:
    config = informative(model)
    hooked(model, lambda made: made * 1.2)
    with pytest.raises(
        TrainingError, match=r"^step \d drift = 0\.\d+: .* rounding accounts for 0.001 at most"
    ):
        list(train(model, EXAMPLES, SCHEMAS, config))


def test_a_sampler_that_lags_may_be_another_policy(model: Model) -> None:
    config = settings(model, sync_every=2)
    hooked(model, lambda made: made * 1.2)
    assert len(list(train(model, EXAMPLES, SCHEMAS, config))) == 4


def test_an_update_that_is_not_finite_is_left_out_and_the_run_goes_on(model: Model) -> None:
    config = settings(model, steps=2)
    hooked(model, lambda made: made * torch.nan)
    before = weights(model)
    steps = list(train(model, EXAMPLES, SCHEMAS, config))
    assert [step.skipped for step in steps] == [True, True]
    assert same(before, weights(model))


# ------------------------------------------------------------------------------------------------ a grammar


NAMED = Schema.of(
    {
        "title": "S",
        "type": "object",
        "properties": {"item": {"enum": ["mug", "pot", "jar"]}, "count": {"enum": [1, 2]}},
        "required": ["item", "count"],
        "additionalProperties": False,
    }
)
ITEMS = [
    Example(id=word, text=word, schema="S", target={"item": word, "count": 2}) for word in ("mug", "pot")
]


def constrained(**changes: object) -> GrpoConfig:
    given = {"constrain": True, "reward": "fields", "max_new_tokens": 40, "lr": 2e-2, "warmup_steps": 0}
    return config(**{**given, "steps": 6, **changes})


def test_answers_under_a_grammar_obey_from_the_first_step_on(any_model: Model) -> None:
    steps = list(train(any_model, ITEMS, {"S": NAMED}, constrained(steps=2)))
    for step in steps:
        assert step.outcomes == {"obeys": 1.0}
        # Both were sampled with the same weights, and forced tokens are in neither.
        assert abs(step.drift) < 1e-4
        # What it would write without the grammar is looked at, and not learned from.
        assert step.valid_free == 0.0
        assert [len(group) for group in step.groups] == [4, 4]
        assert all(rollout.completion.logprobs[0] == 0.0 for group in step.groups for rollout in group)


def test_what_is_sampled_without_the_grammar_changes_nothing_else(model: Model) -> None:
    reward = loading.load("fields")
    writer = Writer.of(model, ITEMS, {"S": NAMED}, reward, constrained())
    groups = writer.groups(model, ITEMS, step=3)
    assert [group.obeys_free for group in groups] == [False, False]
    for group in groups:
        alone = writer.completions(model, group.example, step=3)
        assert [each.text for each in alone] == [rollout.completion.text for rollout in group.rollouts]


def test_the_doctor_looks_at_groups_under_the_grammar(model: Model) -> None:
    # Thirteen tokens are too few to close an answer in: all are cut off, and sampled again with more.
    config = constrained(max_new_tokens=13, group_size=2)
    writer = Writer.of(model, ITEMS, {"S": NAMED}, loading.load("fields"), config)
    sampled = [Sampled(0, [group.rollouts for group in writer.groups(model, ITEMS, step=0)])]
    dataset = Dataset({"S": NAMED}, tuple(ITEMS))
    report = examine(model, dataset, sampled, writer.reward, config, rows=Path("d"))
    assert report.verdict == "no signal"
    assert report.causes[0].fix.startswith("max_new_tokens = ")


def test_a_model_learns_under_a_grammar(model: Model) -> None:
    steps = list(train(model, ITEMS, {"S": NAMED}, constrained(steps=7, group_size=6)))
    assert sum(step.reward for step in steps[-3:]) > sum(step.reward for step in steps[:3]) + 0.15


def test_an_answer_that_thinks_is_sampled_and_learned_under_the_grammar_too(model: Model) -> None:
    # Nothing but the thought's end and the answer is forced; the thought is the model's own.
    (step,) = train(model, ITEMS, {"S": NAMED}, constrained(form="think", steps=1, max_new_tokens=90))
    assert abs(step.drift) < 1e-4
    rolled = [rollout for group in step.groups for rollout in group]
    assert {rollout.score.outcome for rollout in rolled} == {"obeys"}
    assert all("</think>\n<answer>" in rollout.completion.text for rollout in rolled)


def test_a_grammar_needs_answers_in_json(model: Model) -> None:
    with pytest.raises(ConfigError, match=r"^grpo.form = 'prose': its answers are free text"):
        list(train(model, ITEMS, {"S": NAMED}, constrained(form="prose", reward="rubric")))


# ------------------------------------------------------------------------------------------------ going on


def taken_up(model: Model, state: State, config: GrpoConfig) -> tuple[Model, State]:
    """What a checkpoint would hold, read again."""
    twin = Model(model.reference, copy.deepcopy(model.network), model.tokenizer)
    again = begun(twin, config)
    again.optimizer.load_state_dict(copy.deepcopy(state.optimizer.state_dict()))
    again.restore(json.loads(json.dumps(state.as_json())))
    again.sampler = copy.deepcopy(state.sampler)
    return twin, again


TWO_STAGES = Curriculum((Stage(name="one", most=2), Stage(name="all")))


@pytest.mark.parametrize(
    ("changes", "curriculum"),
    [
        pytest.param({}, EVERYTHING, id="default"),
        pytest.param({"updates_per_batch": 2, "sync_every": 3}, EVERYTHING, id="a sampler that lags"),
        pytest.param({"sync_every": 0}, EVERYTHING, id="a sampler that stays"),
        pytest.param({"beta": 0.1}, EVERYTHING, id="a reference"),
        pytest.param({"beta": 0.1, "lora": Lora(rank=2)}, EVERYTHING, id="adapters"),
        pytest.param(
            {"refill": 2, "rest": 1, "prompts_per_step": 1, "group_size": 2}, TWO_STAGES, id="refills, rests"
        ),
    ],
)
def test_a_run_that_is_taken_up_ends_as_if_it_had_never_stopped(
    model: Model, changes: dict[str, object], curriculum: Curriculum
) -> None:
    given = settings(model, **changes)
    add_lora(model, given.lora, seed=0)
    began = Model(model.reference, copy.deepcopy(model.network), model.tokenizer)
    state = begun(model, given)
    kept: list[tuple[Model, State]] = []
    steps: list[GrpoStep] = []
    for step in train(model, EXAMPLES, SCHEMAS, given, curriculum=curriculum, state=state):
        steps.append(step)
        kept.append(taken_up(model, state, given))
    assert [step.step for step in steps] == [1, 2, 3, 4]
    for done, (again, its_state) in enumerate(kept, 1):
        rest = train(again, EXAMPLES, SCHEMAS, given, curriculum=curriculum, state=its_state, reference=began)
        assert list(rest) == steps[done:]
        assert same(weights(again), weights(model))
        assert its_state.as_json() == state.as_json()


def test_a_run_may_be_left_after_any_step(model: Model) -> None:
    given = settings(model)
    state = begun(model, given)
    assert len(list(islice(train(model, EXAMPLES, SCHEMAS, given, state=state), 2))) == 2
    assert (state.step, state.place.steps, state.place.drawn) == (2, 2, 4)


def test_products_in_bfloat16_train_weights_in_float32(model: Model) -> None:
    settings = informative(model)
    brief = Model(model.reference, model.network, model.tokenizer, mixed=True)
    before = weights(model)
    steps = list(train(brief, EXAMPLES, SCHEMAS, settings))
    assert all(abs(step.drift) < 0.1 for step in steps)
    assert all(step.lag == 0 for step in steps)
    assert all(weight.dtype == torch.float32 for weight in brief.network.parameters())
    assert not same(before, weights(brief))
