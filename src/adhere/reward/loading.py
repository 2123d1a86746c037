"""A reward by its name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, cast

from adhere.config import Form, Preset, Scoring
from adhere.records import Example
from adhere.reward.score import Score, score
from adhere.schema import Schema


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a model wrote, and what for."""

    completion: str
    """The whole completion, what the prompt had already written of it included."""
    example: Example
    schema: Schema


Reward: TypeAlias = Callable[[Sequence[Attempt]], list[Score]]
"""Scores attempts, one `Score` each in the same order."""


def load(name: str, *, form: Form, scoring: Scoring) -> Reward:
    """Return the reward of this name.

    Args:
        name: A preset.
        form: Where in a completion the answer stands.
        scoring: What is paid for.
    """
    return partial(_preset, preset=cast("Preset", name), form=form, scoring=scoring)


def _preset(attempts: Sequence[Attempt], *, preset: Preset, form: Form, scoring: Scoring) -> list[Score]:
    return [
        score(each.completion, each.example, each.schema, preset=preset, form=form, scoring=scoring)
        for each in attempts
    ]
