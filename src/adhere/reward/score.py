"""The reward of a completion: three presets, each a short pure function."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adhere.config import Form, Preset, Scoring
from adhere.errors import DataError
from adhere.records import JSON, Example
from adhere.reward.grounded import support
from adhere.reward.match import match
from adhere.reward.shape import share_in_order
from adhere.reward.verdict import Malformed, NoOutput, Obeys, Outcome, Verdict, Violates, judge, outcome
from adhere.schema import Schema

DEFAULT_SCORING = Scoring()


@dataclass(frozen=True, slots=True)
class Score:
    """A reward and where it came from."""

    total: float
    """In [0, 1]: the weighted mean of the parts."""
    outcome: Outcome
    parts: Mapping[str, float]
    """Each in [0, 1], before its weight."""


def needs_target(preset: Preset) -> bool:
    """Whether a preset compares with the right answer, so that an example without one is a `DataError`."""
    return preset == "fields"


def score(
    text: str,
    example: Example,
    schema: Schema,
    *,
    preset: Preset = "fields",
    form: Form = "plain",
    scoring: Scoring = DEFAULT_SCORING,
) -> Score:
    """Score what a model wrote for `example`.

    Pure: the same arguments give the same score, on any machine, in training and in evaluation.

    Args:
        text: The whole completion.
        example: Its text is what `grounded` reads; its target is what `fields` compares with.
        schema: The schema that the example names.
        preset: How to weigh the verdict; `docs/rewards.md` defines each.
        form: Where in the completion the answer stands.
        scoring: What is paid for.

    Raises:
        DataError: The preset needs a target and the example has none.
    """
    verdict = judge(text, schema, form=form)
    return score_verdict(verdict, example, schema, preset=preset, scoring=scoring)


def score_verdict(
    verdict: Verdict,
    example: Example,
    schema: Schema,
    *,
    preset: Preset = "fields",
    scoring: Scoring = DEFAULT_SCORING,
) -> Score:
    """Score a completion that has been judged already; see `score`."""
    match preset:
        case "schema":
            return schema_score(verdict)
        case "fields":
            return fields_score(verdict, example, schema, scoring)
        case "grounded":
            return grounded_score(verdict, example, schema, scoring)


def schema_score(verdict: Verdict) -> Score:
    """Score the form alone: 0 does not parse, 0.5 parses and breaks the schema, 1 obeys it."""
    match verdict:
        case NoOutput() | Malformed():
            return Score(0.0, outcome(verdict), {"parses": 0.0, "obeys": 0.0})
        case Violates():
            return Score(0.5, "violates", {"parses": 1.0, "obeys": 0.0})
        case Obeys():
            return Score(1.0, "obeys", {"parses": 1.0, "obeys": 1.0})


def fields_score(verdict: Verdict, example: Example, schema: Schema, scoring: Scoring) -> Score:
    """Score the values against the target: F1 over typed leaves, in which every invented leaf costs.

    Each part is earned only if the one before it is: an answer that breaks its schema earns nothing
    for content, so no amount of right content pays for a wrong shape.

    Raises:
        DataError: The example has no target.
    """
    if example.target is None:
        raise DataError.at(
            f"example {example.id}",
            None,
            "the reward `fields` compares with a target and this example has none",
            fix="Label it, or use the reward `schema` or `grounded`",
        )
    target = example.target
    return _gated(verdict, schema, scoring, lambda value: match(value, target, schema=schema).f1)


def grounded_score(verdict: Verdict, example: Example, schema: Schema, scoring: Scoring) -> Score:
    """Score the values against the text: the share of them that it states. Needs no target."""

    def stated(value: JSON) -> float:
        return support(value, example.text, schema, longest=scoring.longest).share

    return _gated(verdict, schema, scoring, stated)


def _gated(verdict: Verdict, schema: Schema, scoring: Scoring, content: Callable[[JSON], float]) -> Score:
    """Pay for parsing, then for the share of the schema obeyed, then for content: each after the last."""
    match verdict:
        case NoOutput() | Malformed():
            return _weighed(verdict, scoring, parses=0.0, obeys=0.0, matches=0.0)
        case Violates():
            shape = share_in_order(verdict.violations, schema)
            return _weighed(verdict, scoring, parses=1.0, obeys=shape, matches=0.0)
        case Obeys():
            return _weighed(verdict, scoring, parses=1.0, obeys=1.0, matches=content(verdict.value))


def _weighed(verdict: Verdict, scoring: Scoring, *, parses: float, obeys: float, matches: float) -> Score:
    given = (scoring.parses, scoring.obeys, scoring.matches)
    earned = (scoring.parses * parses, scoring.obeys * obeys, scoring.matches * matches)
    # Sums rounded once, and the same sum below, so that full marks are exactly 1.
    total = math.fsum(earned) / math.fsum(given)
    return Score(total, outcome(verdict), {"parses": parses, "obeys": obeys, "matches": matches})
