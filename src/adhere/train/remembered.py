"""Steps that a run may yet have to explain, as JSON: what a checkpoint holds of them."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import cast

from adhere.records import JSON, Completion
from adhere.reward.score import Score
from adhere.train.grpo import GrpoStep
from adhere.train.rollouts import Rollout


def spelled(step: GrpoStep) -> dict[str, JSON]:
    """Spell a step as JSON, its completions too but not their log-probabilities, which no diagnosis reads."""
    groups: JSON = [[_rollout(rollout) for rollout in group] for group in step.groups]
    numbers = {field.name: getattr(step, field.name) for field in fields(step) if field.name != "groups"}
    plain = {name: dict(value) if isinstance(value, Mapping) else value for name, value in numbers.items()}
    return {**cast("dict[str, JSON]", plain), "groups": groups}


def of_json(kept: Mapping[str, JSON]) -> GrpoStep:
    """Read what `spelled` wrote."""
    groups = cast("list[list[dict[str, JSON]]]", kept["groups"])
    read = tuple(tuple(_of_json(rollout) for rollout in group) for group in groups)
    return GrpoStep(**{**kept, "groups": read})  # type: ignore[arg-type]


def _rollout(rollout: Rollout) -> dict[str, JSON]:
    completion: dict[str, JSON] = asdict(rollout.completion)
    return {
        "completion": {**completion, "tokens": list(rollout.completion.tokens), "logprobs": []},
        "prompt": list(rollout.prompt),
        "score": {**asdict(rollout.score), "parts": dict(rollout.score.parts)},
        "advantage": rollout.advantage,
        "accepted": rollout.accepted,
    }


def _of_json(kept: Mapping[str, JSON]) -> Rollout:
    completion = cast("dict[str, JSON]", kept["completion"])
    tokens = tuple(cast("list[int]", completion["tokens"]))
    return Rollout(
        Completion(**{**completion, "tokens": tokens, "logprobs": ()}),  # type: ignore[arg-type]
        tuple(cast("list[int]", kept["prompt"])),
        Score(**cast("dict[str, JSON]", kept["score"])),  # type: ignore[arg-type]
        cast("float", kept["advantage"]),
        accepted=cast("bool", kept["accepted"]),
    )
