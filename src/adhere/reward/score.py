"""The reward of a completion: three presets, each a short pure function."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adhere.config import Form, Preset
from adhere.errors import ConfigError, DataError
from adhere.records import JSON, Example
from adhere.reward.grounded import support
from adhere.reward.match import match
from adhere.reward.shape import share_in_order
from adhere.reward.stated import LONGEST
from adhere.reward.verdict import Malformed, NoOutput, Obeys, Outcome, Verdict, Violates, judge, outcome
from adhere.schema import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardWeights:
    """What the parts of `fields` and `grounded` weigh; together 1."""

    parses: float = 0.1
    """For an answer that is JSON."""
    obeys: float = 0.2
    """For the share of the schema that it obeys."""
    matches: float = 0.7
    """For its content, which earns nothing unless the schema is obeyed."""

    def __post_init__(self) -> None:
        given = (self.parses, self.obeys, self.matches)
        if min(given) < 0 or not math.isclose(math.fsum(given), 1.0, abs_tol=1e-9):
            raise ConfigError.at(
                "reward weights",
                given,
                "rewards lie in [0, 1], so weights are at least 0 and add up to 1",
                fix="Give three such as 0.1, 0.2 and 0.7",
            )


DEFAULT_WEIGHTS = RewardWeights()


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
    weights: RewardWeights = DEFAULT_WEIGHTS,
    longest: int = LONGEST,
) -> Score:
    """Score what a model wrote for `example`.

    Pure: the same arguments give the same score, on any machine, in training and in evaluation.

    Args:
        text: The whole completion.
        example: Its text is what `grounded` reads; its target is what `fields` compares with.
        schema: The schema that the example names.
        preset: How to weigh the verdict; `docs/rewards.md` defines each.
        form: Where in the completion the answer stands.
        weights: Of the parts of `fields` and `grounded`.
        longest: Characters beyond which `grounded` takes a string for echoed text.

    Raises:
        DataError: The preset needs a target and the example has none.
    """
    verdict = judge(text, schema, form=form)
    return score_verdict(verdict, example, schema, preset=preset, weights=weights, longest=longest)


def score_verdict(
    verdict: Verdict,
    example: Example,
    schema: Schema,
    *,
    preset: Preset = "fields",
    weights: RewardWeights = DEFAULT_WEIGHTS,
    longest: int = LONGEST,
) -> Score:
    """Score a completion that has been judged already; see `score`."""
    match preset:
        case "schema":
            return schema_score(verdict)
        case "fields":
            return fields_score(verdict, example, schema, weights)
        case "grounded":
            return grounded_score(verdict, example, schema, weights, longest=longest)


def schema_score(verdict: Verdict) -> Score:
    """Score the form alone: 0 does not parse, 0.5 parses and breaks the schema, 1 obeys it."""
    match verdict:
        case NoOutput() | Malformed():
            return Score(0.0, outcome(verdict), {"parses": 0.0, "obeys": 0.0})
        case Violates():
            return Score(0.5, "violates", {"parses": 1.0, "obeys": 0.0})
        case Obeys():
            return Score(1.0, "obeys", {"parses": 1.0, "obeys": 1.0})


def fields_score(verdict: Verdict, example: Example, schema: Schema, weights: RewardWeights) -> Score:
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
    return _gated(verdict, schema, weights, lambda value: match(value, target, schema=schema).f1)


def grounded_score(
    verdict: Verdict, example: Example, schema: Schema, weights: RewardWeights, *, longest: int = LONGEST
) -> Score:
    """Score the values against the text: the share of them that it states. Needs no target."""

    def stated(value: JSON) -> float:
        return support(value, example.text, schema, longest=longest).share

    return _gated(verdict, schema, weights, stated)


def _gated(
    verdict: Verdict, schema: Schema, weights: RewardWeights, content: Callable[[JSON], float]
) -> Score:
    """Pay for parsing, then for the share of the schema obeyed, then for content: each after the last."""
    match verdict:
        case NoOutput() | Malformed():
            return _weighed(verdict, weights, parses=0.0, obeys=0.0, matches=0.0)
        case Violates():
            shape = share_in_order(verdict.violations, schema)
            return _weighed(verdict, weights, parses=1.0, obeys=shape, matches=0.0)
        case Obeys():
            return _weighed(verdict, weights, parses=1.0, obeys=1.0, matches=content(verdict.value))


def _weighed(
    verdict: Verdict, weights: RewardWeights, *, parses: float, obeys: float, matches: float
) -> Score:
    given = (weights.parses, weights.obeys, weights.matches)
    earned = (weights.parses * parses, weights.obeys * obeys, weights.matches * matches)
    # Sums rounded once, and the same sum below, so that full marks are exactly 1.
    total = math.fsum(earned) / math.fsum(given)
    return Score(total, outcome(verdict), {"parses": parses, "obeys": obeys, "matches": matches})
