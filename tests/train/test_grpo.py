from pathlib import Path

import pytest
import torch

from adhere.config import GrpoConfig
from adhere.model import Model
from adhere.records import Example
from adhere.schema import Schema
from adhere.train.grpo import GrpoStep, train

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
    (step, *_) = train(model, EXAMPLES, SCHEMAS, informative(model))
    for group in step.groups:
        assert len({rollout.completion.example_id for rollout in group}) == 1
        assert sum(rollout.advantage for rollout in group) == pytest.approx(0, abs=1e-9)
        best = max(group, key=lambda rollout: rollout.score.total)
        assert best.advantage == max(rollout.advantage for rollout in group)
