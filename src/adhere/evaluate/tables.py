"""The numbers of a report as tables and one sentence, the same for a page and for Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from adhere.evaluate.compare import Comparison
from adhere.evaluate.evaluation import Evaluation
from adhere.measure.reliability import Reliability
from adhere.measure.statistics import Rate
from adhere.records import JSON
from adhere.shown import LABELS, LESS_IS_BETTER, Shown, points, probability, shown

HEADLINES = ("exact", "schema_valid", "match_all")
"""Metrics that stand first, the first of them that there is in a sentence."""
_SAID = {
    "exact": "is exactly right",
    "schema_valid": "obeys the schema",
}
"""What the sentence says of a metric."""
SIGNIFICANT = 0.05
"""Adjusted p below which a difference is not left to chance."""
_LEAVES = {
    "recall": "Right, of the right answers' leaves",
    "wrong": "Wrong, of the same",
    "missing": "Missing, of the same",
    "precision": "Right, of the answers' leaves",
    "invented": "Invented, of the same",
    "leaf_f1": "F1 of both",
}
"""Shares of the leaves of all rows together, by the key of a summary."""
_DIFFICULTIES = {
    "given": "difficulty as given",
    "leaves": "leaves",
    "depth": "keys deep",
    "arrays": "lists",
    "distractors": "distractors",
    "characters": "characters",
}
"""Measures of difficulty, as people name them."""
_TRUST = {
    "ece": "Gap between confidence and share right",
    "auroc": "A right leaf has more than a wrong one",
}
"""Numbers of a `Reliability` that are shares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A metric, a field or a kind of row over all evaluations."""

    key: str
    """As the summary names it."""
    label: str = ""
    """For people; empty where the key is all there is."""
    numbers: tuple[Shown | None, ...]
    """Of each evaluation; `None` where it was not measured."""

    @property
    def less_is_better(self) -> bool:
        """Whether a smaller number is a better one."""
        return self.key in LESS_IS_BETTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """Numbers by what leaves or rows are like."""

    title: str
    about: str
    """What they are shares of."""
    column: str
    """What the lines are."""
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """By how much one evaluation exceeds another, metric by metric."""

    evaluation: str
    baseline: str
    by_metric: Mapping[str, Comparison]


def is_significant(comparison: Comparison) -> bool:
    """Whether a difference is more than chance would give."""
    return comparison.p_holm < SIGNIFICANT


def rows_needed(comparison: Comparison) -> str:
    """Spell how many rows would show a difference that these do not; empty where these do, or none would."""
    needed = comparison.difference.rows_needed
    if needed is None or needed <= comparison.difference.n or is_significant(comparison):
        return ""
    return f"{needed:,}"


def focus_of(summaries: Mapping[str, Mapping[str, JSON]]) -> str:
    """Name the evaluation that a report is about: the last without a grammar, or the last if all had one.

    A grammar makes every answer obey, whatever the model has learned.
    """
    free = [name for name, summary in summaries.items() if not summary["constrained"]]
    return (free or list(summaries))[-1]


def metrics(summaries: Mapping[str, Mapping[str, JSON]]) -> list[Line]:
    """List the metrics that any evaluation has."""
    return _measured(
        Line(key=key, label=label, numbers=tuple(shown(each.get(key)) for each in summaries.values()))
        for key, label in LABELS.items()
    )


def pairs(comparisons: Sequence[Comparison]) -> list[Pair]:
    """Gather comparisons by the evaluations that they are of."""
    met = dict.fromkeys((each.evaluation, each.baseline) for each in comparisons)
    return [
        Pair(
            evaluation=evaluation,
            baseline=baseline,
            by_metric={
                c.metric: c for c in comparisons if (c.evaluation, c.baseline) == (evaluation, baseline)
            },
        )
        for evaluation, baseline in met
    ]


def fields(summaries: Mapping[str, Mapping[str, JSON]]) -> list[Line]:
    """List the fields of the right answers, each with the share of its leaves that is right."""
    return _by_name(summaries, "fields")


def breakdowns(summaries: Mapping[str, Mapping[str, JSON]]) -> list[Breakdown]:
    """List what the summaries tell beside rows and fields; what none of them tells is left out."""
    made = [
        Breakdown(
            title="Leaf by leaf",
            about="What became of all leaves together.",
            column="Leaves",
            lines=_measured(
                Line(key=key, label=label, numbers=tuple(shown(each.get(key)) for each in summaries.values()))
                for key, label in _LEAVES.items()
            ),
        ),
        Breakdown(
            title="By type",
            about="Of each type's leaves in the right answers, the share that was answered as they are.",
            column="Type",
            lines=_by_name(summaries, "types"),
        ),
        Breakdown(
            title="By depth",
            about="The same, by how many keys lead to the leaf.",
            column="Keys",
            lines=_by_name(summaries, "depths"),
        ),
        Breakdown(
            title="By difficulty",
            about="Of rows alike in one thing, the share that is exactly right.",
            column="Rows with",
            lines=_by_difficulty(summaries),
        ),
        Breakdown(
            title="Schemas broken",
            about="Of answers that are JSON, the share that breaks a keyword of its schema; less is better.",
            column="Keyword",
            lines=_by_keyword(summaries),
        ),
        Breakdown(
            title="Several samples",
            about="Share of rows of which at least one of so many samples is exactly right.",
            column="Samples",
            lines=_by_name(summaries, "pass_at"),
        ),
    ]
    return [each for each in made if each.lines]


def trusted(evaluations: Mapping[str, Evaluation]) -> list[Line]:
    """List what the confidences of each evaluation were worth, calibrated where they are."""
    spelled = [best_known(each) for each in evaluations.values()]
    return [
        Line(
            key=key,
            label=label,
            numbers=tuple(shown(getattr(each, key).as_json()) if each else None for each in spelled),
        )
        for key, label in _TRUST.items()
    ]


def best_known(evaluation: Evaluation) -> Reliability | None:
    """Return what confidences were worth, calibrated if they are."""
    trusted = evaluation.trust
    return trusted and (trusted.calibrated or trusted.raw)


def headline(
    summaries: Mapping[str, Mapping[str, JSON]], comparisons: Sequence[Comparison], focus: str
) -> str:
    """Say in a sentence what was measured: the first number, its interval, and what it is held against."""
    rows = summaries[focus]["rows"]
    found = ((key, shown(summaries[focus].get(key))) for key in _SAID)
    key, number = next((key, number) for key, number in found if number is not None)
    of = f"{rows} rows" if number.n == rows else f"the {number.n} of {rows} rows that have a right answer"
    said = f"\N{LEFT DOUBLE QUOTATION MARK}{focus}\N{RIGHT DOUBLE QUOTATION MARK} {_SAID[key]}"
    said = f"{said} on {number.percent} of {of} (95\N{NO-BREAK SPACE}% interval {number.interval})"
    made = [each for each in comparisons if (each.metric, each.evaluation) == (key, focus)]
    return f"{said}{_held_against(made[0])}." if made else f"{said}."


def _held_against(comparison: Comparison) -> str:
    change = comparison.difference
    other = f"\N{LEFT DOUBLE QUOTATION MARK}{comparison.baseline}\N{RIGHT DOUBLE QUOTATION MARK}"
    if not change.difference:
        return f", as often as {other}"
    size = points(abs(change.difference)).lstrip("+")
    more = "more" if change.difference > 0 else "fewer"
    sign = "" if is_significant(comparison) else ", which chance alone could give"
    evidence = f"{points(change.low)} to {points(change.high)}, p\N{NO-BREAK SPACE}{_p(comparison.p_holm)}"
    return f", {size} points {more} than {other} ({evidence}){sign}"


def _p(p: float) -> str:
    return probability(p) if p < 0.001 else f"=\N{NO-BREAK SPACE}{probability(p)}"


def _by_name(summaries: Mapping[str, Mapping[str, JSON]], key: str) -> list[Line]:
    """List what a summary holds by name under `key`, in the order in which names are met."""
    given = [_inner(summary, key) for summary in summaries.values()]
    return _measured(
        Line(
            key=name,
            label="" if name else "the whole answer",
            numbers=tuple(shown(each.get(name)) for each in given),
        )
        for name in dict.fromkeys(name for each in given for name in each)
    )


def _by_keyword(summaries: Mapping[str, Mapping[str, JSON]]) -> list[Line]:
    """List the keywords that any answer breaks; of an evaluation without one that does, 0 of its JSON."""
    given = [_inner(summary, "violations") for summary in summaries.values()]
    parsed = [_inner(summary, "valid_json").get("hits") for summary in summaries.values()]
    never = [Rate(0, tries).as_json() if isinstance(tries, int) and tries else None for tries in parsed]
    return _measured(
        Line(
            key=name,
            numbers=tuple(shown(each.get(name, none)) for each, none in zip(given, never, strict=True)),
        )
        for name in dict.fromkeys(name for each in given for name in each)
    )


def _by_difficulty(summaries: Mapping[str, Mapping[str, JSON]]) -> list[Line]:
    given = [_inner(summary, "difficulties") for summary in summaries.values()]
    bands = dict.fromkeys(
        (measure, band) for each in given for measure in each for band in _inner(each, measure)
    )
    return _measured(
        Line(
            key=f"{band} {_DIFFICULTIES.get(measure, measure)}",
            numbers=tuple(shown(_inner(_inner(each, measure), band).get("exact")) for each in given),
        )
        for measure, band in bands
    )


def _measured(lines: Iterable[Line]) -> list[Line]:
    return [line for line in lines if any(line.numbers)]


def _inner(summary: Mapping[str, JSON], key: str) -> Mapping[str, JSON]:
    inner = summary.get(key)
    return inner if isinstance(inner, dict) else {}
