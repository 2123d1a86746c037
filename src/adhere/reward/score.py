"""The reward of a completion: seven presets, each a short pure function."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from adhere.config import Form, Preset, Scoring
from adhere.errors import DataError
from adhere.records import JSON, Example
from adhere.reward.grounded import support
from adhere.reward.hierarchical import attempt, share_of_keys
from adhere.reward.match import match
from adhere.reward.prefix import sound_share
from adhere.reward.rubric import aspects, criteria
from adhere.reward.shape import share_in_order
from adhere.reward.thinkjson import format_reward, json_reward
from adhere.reward.verdict import Malformed, NoOutput, Obeys, Outcome, Verdict, Violates, bare, judge, outcome
from adhere.reward.wrapping import Wrapping
from adhere.schema import Schema

DEFAULT_SCORING = Scoring()


@dataclass(frozen=True, slots=True)
class Score:
    """A reward and where it came from."""

    total: float
    """In [0, 1], as `docs/rewards.md` defines each preset; any finite number from the user's own reward."""
    outcome: Outcome
    parts: Mapping[str, float]
    """Each in [0, 1], before its weight; or the total, as `own`."""
    wrapping: Wrapping = "none"
    """What stands around the JSON."""


def by_part(scores: Iterable[Score]) -> Mapping[str, list[float]]:
    """Return the values of each part, of the scores that have it; under `rubric` rows differ in theirs."""
    values: dict[str, list[float]] = defaultdict(list)
    for each in scores:
        for name, value in each.parts.items():
            values[name].append(value)
    return values


def needs_target(reward: str) -> bool:
    """Whether a reward compares with the right answer, so that an example without one is a `DataError`.

    Of a function of the user's own that is not known.
    """
    return reward in {"fields", "hierarchical", "thinkjson"}


def weights(reward: str, scoring: Scoring = DEFAULT_SCORING) -> Mapping[str, float]:
    """Return what each part counts in a reward's total: the total is the weighted mean of the parts it has.

    Args:
        reward: The name of a preset, or that of a function of the user's own, whose one part is `own`.
        scoring: What is paid for.
    """
    match reward:
        case "schema":
            return {"parses": 0.5, "obeys": 0.5}
        case "fields" | "grounded":
            return {"parses": scoring.parses, "obeys": scoring.obeys, "matches": scoring.matches}
        case "hierarchical":
            levels = scoring.hierarchical
            return {
                "begun": levels.begun,
                "parses": levels.parses,
                "keys": levels.keys,
                "obeys": levels.obeys,
                "matches": levels.matches,
            }
        case "prefix":
            return {"obeys": 1 - scoring.prefix, "sound": scoring.prefix}
        case "thinkjson":
            return {"json": 0.5, "format": 0.5}
        case "rubric":
            rubric = scoring.rubric
            return {
                "accuracy": rubric.accuracy,
                "relevance": rubric.relevance,
                "completeness": rubric.completeness,
                "reasoning": rubric.reasoning,
                "format": rubric.format,
            }
        case _:
            return {"own": 1.0}


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

    Pure: the same arguments give the same score, on any machine, in training and in evaluation. A file of
    checks for `rubric` is read once in the life of the process.

    Args:
        text: The whole completion, what the prompt has already written of it included.
        example: Its text is what `grounded` reads; its target is what `fields`, `hierarchical` and
            `thinkjson` compare with; its column `rubric` is what `rubric` checks.
        schema: The schema that the example names.
        preset: How to weigh the verdict; `docs/rewards.md` defines each.
        form: Where in the completion the answer stands; `thinkjson` always goes by `think`.
        scoring: What is paid for.

    Raises:
        ConfigError: The file of checks cannot be read.
        DataError: The preset needs a target and the example has none, or it has nothing to check.
    """
    verdict = judge(text, schema, form="think" if preset == "thinkjson" else form)
    return score_verdict(verdict, example, schema, completion=text, preset=preset, form=form, scoring=scoring)


def score_verdict(
    verdict: Verdict,
    example: Example,
    schema: Schema,
    *,
    completion: str | None = None,
    preset: Preset = "fields",
    form: Form = "plain",
    scoring: Scoring = DEFAULT_SCORING,
) -> Score:
    """Score a completion that has been judged already; see `score`.

    Args:
        verdict: What became of it.
        example: As for `score`.
        schema: As for `score`.
        completion: All that was written; `None` where that is the answer alone.
        preset: As for `score`.
        form: The one that it was judged by.
        scoring: As for `score`.
    """
    completion = verdict.answer if completion is None else completion
    scored = _by_preset(verdict, example, schema, completion, preset=preset, form=form, scoring=scoring)
    if verdict.wrapping == "none":
        return scored
    is_priced = scoring.wrapped > 0 and preset not in {"thinkjson", "rubric"}
    alone = bare(verdict, schema) if is_priced and isinstance(verdict, Malformed) else None
    if alone is not None:
        whole = _by_preset(alone, example, schema, alone.answer, preset=preset, form=form, scoring=scoring)
        if scoring.wrapped * whole.total > scored.total:
            parts = {name: scoring.wrapped * part for name, part in whole.parts.items()}
            scored = Score(scoring.wrapped * whole.total, scored.outcome, parts)
    return replace(scored, wrapping=verdict.wrapping)


def _by_preset(
    verdict: Verdict,
    example: Example,
    schema: Schema,
    completion: str,
    *,
    preset: Preset,
    form: Form,
    scoring: Scoring,
) -> Score:
    match preset:
        case "schema":
            return schema_score(verdict)
        case "fields":
            return fields_score(verdict, example, schema, scoring)
        case "grounded":
            return grounded_score(verdict, example, schema, scoring)
        case "hierarchical":
            return hierarchical_score(verdict, example, schema, scoring, completion=completion, form=form)
        case "prefix":
            return prefix_score(verdict, schema, scoring)
        case "thinkjson":
            return thinkjson_score(verdict, example, scoring, completion=completion)
        case "rubric":
            return rubric_score(verdict, example, scoring, completion=completion)


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
    target = _target(example, "fields")
    normalise = scoring.normalise
    return _gated(
        verdict, schema, scoring, lambda value: match(value, target, schema=schema, normalise=normalise).f1
    )


def grounded_score(verdict: Verdict, example: Example, schema: Schema, scoring: Scoring) -> Score:
    """Score the values against the text: the share of them that it states. Needs no target."""

    def stated(value: JSON) -> float:
        return support(value, example.text, schema, longest=scoring.longest).share

    return _gated(verdict, schema, scoring, stated)


def hierarchical_score(
    verdict: Verdict, example: Example, schema: Schema, scoring: Scoring, *, completion: str, form: Form
) -> Score:
    """Score by levels, each paid above the whole of those below it, with credit for an attempt.

    Begun, parses, has the container and the keys of the target, obeys, has its values.

    Raises:
        DataError: The example has no target.
    """
    target = _target(example, "hierarchical")
    begun, parses, keys, obeys, matches = 1.0, 1.0, 1.0, 1.0, 0.0
    match verdict:
        case NoOutput() | Malformed():
            begun, parses, keys, obeys = attempt(verdict, completion, form=form), 0.0, 0.0, 0.0
        case Violates(value=value):
            keys = share_of_keys(value, target)
            obeys = share_in_order(verdict.violations, schema) if keys else 0.0
        case Obeys(value=value):
            matches = match(value, target, schema=schema, normalise=scoring.normalise).f1
    return _weighed(
        verdict,
        weights("hierarchical", scoring),
        {"begun": begun, "parses": parses, "keys": keys, "obeys": obeys, "matches": matches},
    )


def prefix_score(verdict: Verdict, schema: Schema, scoring: Scoring) -> Score:
    """Score 1 what obeys, and by how much of it is sound before its first fault what does not.

    Source: arXiv:2502.18878.
    """
    if isinstance(verdict, Obeys):
        return Score(1.0, "obeys", {"obeys": 1.0, "sound": 1.0})
    sound = sound_share(verdict, schema)
    return Score(scoring.prefix * sound, outcome(verdict), {"obeys": 0.0, "sound": sound})


def thinkjson_score(verdict: Verdict, example: Example, scoring: Scoring, *, completion: str) -> Score:
    """Score the tags and the keys at the top as ThinkJSON does; the total is half of its sum.

    Half, so that it lies in [0, 1]. Advantages are divided by their group's deviation, so that a factor on
    all rewards changes nothing.

    Raises:
        DataError: The example has no target.

    Source: arXiv:2502.14905, Algorithms 1 and 2.
    """
    target = _target(example, "thinkjson")
    parts = {
        "json": json_reward(completion, target, length=scoring.thinkjson_length),
        "format": format_reward(completion),
    }
    return Score(sum(parts.values()) / 2, outcome(verdict), parts)


def rubric_score(verdict: Verdict, example: Example, scoring: Scoring, *, completion: str) -> Score:
    """Score free text by the checks of the example's rubric: the weighted mean of the aspects that have some.

    Accuracy is raised to a power first. Only aspects with checks are parts.

    Raises:
        ConfigError: The file of checks cannot be read.
        DataError: There is nothing to check, or what is checked has no weight.
    """
    rubric, weighed = scoring.rubric, weights("rubric", scoring)
    asked = criteria(example, rubric.file)
    parts: dict[str, float] = {**aspects(asked, verdict.answer, completion=completion)}
    if not any(weighed[aspect] for aspect in parts):
        raise DataError.at(
            f"example {example.id} rubric",
            list(parts),
            "none of the aspects that it checks has a weight",
            fix="Weigh one of them above 0, or check another",
        )
    if "accuracy" in parts:
        parts["accuracy"] **= rubric.power
    return _weighed(verdict, weighed, parts)


def _target(example: Example, preset: Preset) -> JSON:
    """Return the right answer.

    Raises:
        DataError: The example has none.
    """
    if example.target is None:
        raise DataError.at(
            f"example {example.id}",
            None,
            f"the reward `{preset}` compares with a target and this example has none",
            fix="Label it, or use the reward `schema` or `grounded`",
        )
    return example.target


def _gated(verdict: Verdict, schema: Schema, scoring: Scoring, content: Callable[[JSON], float]) -> Score:
    """Pay for parsing, then for the share of the schema obeyed, then for content: each after the last."""
    parses, obeys, matches = 1.0, 1.0, 0.0
    match verdict:
        case NoOutput() | Malformed():
            parses, obeys = 0.0, 0.0
        case Violates():
            obeys = share_in_order(verdict.violations, schema)
        case Obeys():
            matches = content(verdict.value)
    return _weighed(
        verdict, weights("fields", scoring), {"parses": parses, "obeys": obeys, "matches": matches}
    )


def _weighed(verdict: Verdict, weighed: Mapping[str, float], parts: Mapping[str, float]) -> Score:
    """Return the weighted mean of the parts."""
    # Sums rounded once, and the same sum below, so that full marks are exactly 1.
    total = math.fsum(weighed[name] * share for name, share in parts.items())
    total /= math.fsum(weighed[name] for name in parts)
    return Score(total, outcome(verdict), parts)
