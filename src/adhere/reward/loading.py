"""A reward by its name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from adhere.config import Form, OwnCalls, Preset, Scoring, is_preset, refuse_unread_form
from adhere.records import JSON, Example
from adhere.reward.function import Function
from adhere.reward.own import Own, Written
from adhere.reward.pool import Pool
from adhere.reward.score import DEFAULT_SCORING, Score, score
from adhere.reward.verdict import judge, outcome
from adhere.schema import Schema

IN_PROCESS = OwnCalls()


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a model wrote, and what for."""

    completion: str
    """The whole completion, what the prompt had already written of it included."""
    example: Example
    schema: Schema


Reward: TypeAlias = Callable[[Sequence[Attempt]], list[Score]]
"""Scores attempts, one `Score` each in the same order."""


def load(
    name: str,
    *,
    form: Form = "plain",
    scoring: Scoring = DEFAULT_SCORING,
    own: OwnCalls = IN_PROCESS,
) -> Reward:
    """Return the reward of this name.

    Args:
        name: A preset, or a function of the user's as `path/to/file.py:function`.
        form: Where in a completion the answer stands.
        scoring: What a preset pays for.
        own: How a user's function is called.

    Returns:
        A reward. One that is the user's raises `RewardError` where their function raises or returns no usable
        number; its totals are finite and need not lie in [0, 1], and its one part is `own`.

    Raises:
        ConfigError: There is no such preset, file or function, the file does not run, or a preset reads JSON
            where `form` asks for a text.
    """
    refuse_unread_form("reward", name, form)
    if is_preset(name):
        return partial(_preset, preset=name, form=form, scoring=scoring)
    function = Own(Function.load(name))
    if own.processes == 0 and own.seconds is None:
        return partial(_own, rewards=function.rewards, form=form)
    pool = Pool(function, processes=max(1, own.processes), seconds=own.seconds)
    return partial(_own, rewards=pool.rewards, form=form)


def files(name: str, scoring: Scoring = DEFAULT_SCORING) -> list[Path]:
    """Return the files that decide what a reward gives; that of a user's function is run.

    Raises:
        ConfigError: As `load`.
    """
    if is_preset(name):
        return [scoring.rubric.file] if name == "rubric" and scoring.rubric.file else []
    return [Function.load(name).file]


def _preset(attempts: Sequence[Attempt], *, preset: Preset, form: Form, scoring: Scoring) -> list[Score]:
    return [
        score(each.completion, each.example, each.schema, preset=preset, form=form, scoring=scoring)
        for each in attempts
    ]


def _own(
    attempts: Sequence[Attempt], *, rewards: Callable[[Sequence[Written]], list[float]], form: Form
) -> list[Score]:
    totals = rewards([Written(each.completion, _row(each)) for each in attempts])
    verdicts = [judge(each.completion, each.schema, form=form) for each in attempts]
    return [
        Score(total, outcome(verdict), {"own": total}, verdict.wrapping)
        for total, verdict in zip(totals, verdicts, strict=True)
    ]


def _row(attempt: Attempt) -> Mapping[str, JSON]:
    example = attempt.example
    return {
        **example.meta,
        "id": example.id,
        "text": example.text,
        "schema": attempt.schema.source,
        "target": example.target,
        "reasoning": example.reasoning,
    }
