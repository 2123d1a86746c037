"""A report as Markdown: the numbers of the page, in tables that GitHub draws."""

import re
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from adhere.evaluate import tables
from adhere.evaluate.browse import judgement, worst
from adhere.evaluate.compare import Comparison
from adhere.evaluate.evaluation import Evaluation
from adhere.evaluate.tables import Line, Pair
from adhere.measure.prediction import Prediction
from adhere.records import JSON
from adhere.shown import LABELS, Shown, points, probability

WORST = 10
"""Rows that are listed: the page is where rows are browsed."""
_MARKS = re.compile(r"[\\`*_\[\]<>|~&#]")
"""What Markdown or GitHub would read as more than text."""
_ENDS = 10
"""One step in so many, at either end of a run, is averaged: one step alone is noise."""
_TRAINED = {"reward": "reward", "loss": "loss", "length": "tokens of a completion", "kl": "divergence, nats"}
_OUTCOMES = {
    "exact": "exactly right",
    "obeys": "obeys the schema",
    "violates": "breaks the schema",
    "malformed": "broken JSON",
    "no_output": "no JSON",
}


def markdown(
    title: str,
    evaluations: Mapping[str, Evaluation],
    *,
    training: Mapping[str, Sequence[Mapping[str, JSON]]] | None = None,
    comparisons: Sequence[Comparison] = (),
    meta: Mapping[str, str] | None = None,
) -> str:
    """Write a report as GitHub-flavoured Markdown, without HTML.

    Pure: the same arguments give the same text.

    Args:
        title: Of the report.
        evaluations: As for `report.render`.
        training: As for `report.render`; of each number its mean over the first and the last steps.
        comparisons: As for `report.render`.
        meta: As for `report.render`.
    """
    summaries = {name: evaluation.summary for name, evaluation in evaluations.items()}
    focus, rows = tables.focus_of(summaries), next(iter(summaries.values()))["rows"]
    blocks = [f"# {_plain(title)}", _plain(tables.headline(summaries, comparisons, focus))]
    blocks += _results(summaries, f"Shares of {rows} rows, unless an n is given, with their 95 % intervals.")
    blocks += _differences(tables.pairs(comparisons), len(comparisons))
    blocks += _training(training or {})
    names = list(summaries)
    fields = tables.fields(summaries)
    if fields:
        about = (
            "Of each field's leaves in the right answers, the share that was answered with an equal value."
        )
        blocks += ["## Field by field", about, _by_name("Field", names, fields)]
    for each in tables.breakdowns(summaries):
        blocks += [f"## {each.title}", each.about, _by_name(each.column, names, each.lines)]
    trusted = [line for line in tables.trusted(evaluations) if any(line.numbers)]
    if trusted:
        about = "How far a leaf's confidence can be trusted; n is of leaves."
        blocks += ["## Confidence", about, _by_name("Of the confidence", names, trusted)]
    blocks += _worst(evaluations, focus)
    if meta:
        blocks += ["## How it was made", "\n".join(f"- {_plain(name)}: {_code(meta[name])}" for name in meta)]
    # A half of a surrogate pair, which a model can write and UTF-8 cannot, becomes a question mark.
    return "\n\n".join([*blocks, ""])[:-1].encode(errors="replace").decode()


def _results(summaries: Mapping[str, Mapping[str, JSON]], about: str) -> list[str]:
    lines = tables.metrics(summaries)
    rows = next(iter(summaries.values()))["rows"]
    heads = [f"{each.label}{' (less is better)' if each.less_is_better else ''}" for each in lines]
    told = [
        [_plain(name), *(_number(line.numbers[at], rows) for line in lines)]
        for at, name in enumerate(summaries)
    ]
    return ["## Results", about, _table(["", *heads], told)]


def _differences(pairs: Sequence[Pair], made: int) -> list[str]:
    if not pairs:
        return []
    metrics = [key for key in LABELS if any(key in pair.by_metric for pair in pairs)]
    told = [
        [
            f"{_plain(pair.evaluation)} − {_plain(pair.baseline)}",
            *(_difference(pair.by_metric.get(metric)) for metric in metrics),
        ]
        for pair in pairs
    ]
    about = (
        "Paired, row by row, in percentage points, with 95 % intervals; p is adjusted by Holm for all "
        f"{made} comparisons. ≈ marks what chance alone could give, at 5 %, with the rows that would "
        "show such a difference four times in five."
    )
    return ["## Differences", about, _table(["", *(LABELS[metric] for metric in metrics)], told)]


def _difference(comparison: Comparison | None) -> str:
    if comparison is None:
        return "–"
    its = comparison.difference
    sign = "" if tables.is_significant(comparison) else "≈ "
    p = probability(comparison.p_holm)
    equal = "" if p.startswith("<") else "= "
    needed = tables.rows_needed(comparison)
    more = f", {needed} rows" if needed else ""
    return f"{sign}{points(its.difference)} ({points(its.low)} to {points(its.high)}, p {equal}{p}{more})"


def _training(training: Mapping[str, Sequence[Mapping[str, JSON]]]) -> list[str]:
    told = [
        [_plain(name), str(len(steps)), label, f"{first:.4g}", f"{last:.4g}"]
        for name, steps in training.items()
        for label, first, last in _ends(steps)
    ]
    if not told:
        return []
    about = "Means over the first and the last tenth of the steps."
    return ["## Training", about, _table(["Run", "Steps", "", "First", "Last"], told)]


def _ends(steps: Sequence[Mapping[str, JSON]]) -> Iterator[tuple[str, float, float]]:
    """Yield the numbers that the steps have, each averaged at the start and at the end."""
    for key, label in _TRAINED.items():
        values = [value for step in steps if isinstance(value := step.get(key), int | float)]
        if values:
            some = max(1, len(values) // _ENDS)
            yield label, fmean(values[:some]), fmean(values[-some:])


def _by_name(column: str, names: Sequence[str], lines: Sequence[Line]) -> str:
    told = [[_named(line), *(_number(each, None) for each in line.numbers)] for line in lines]
    return _table([column, *map(_plain, names)], told)


def _named(line: Line) -> str:
    key = _code(line.key) if line.key else ""
    return f"{_plain(line.label)} {key}".strip()


def _number(number: Shown | None, rows: JSON) -> str:
    """Spell a number with its interval, and its n where that is not the rows'."""
    if number is None:
        return "not measured"
    of = "" if number.n == rows else f", n = {number.n}"
    return f"{number.percent} ({number.interval}{of})"


def _worst(evaluations: Mapping[str, Evaluation], focus: str) -> list[str]:
    told = [
        [_code(answers[0].example.id), *(_outcome(each) for each in answers)]
        for answers in worst(evaluations, focus, WORST)
    ]
    about = f"The {len(told)} worst answers of {_plain(focus)}; the page shows them with their texts."
    return ["## Worst rows", about, _table(["Row", *map(_plain, evaluations)], told)]


def _outcome(prediction: Prediction) -> str:
    said, share = _OUTCOMES[judgement(prediction)], prediction.row.match_share
    return said if share is None or prediction.row.exact else f"{said}, {100 * share:.0f} % of leaves right"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Draw a table: the first column to the left, numbers to the right."""
    rule = [":--", *("--:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def _plain(text: str) -> str:
    """Spell text so that Markdown takes it for nothing else."""
    return _MARKS.sub(lambda mark: f"\\{mark[0]}", " ".join(text.split()))


def _code(text: str) -> str:
    """Spell text as code, in a table too; as text where a code span cannot hold it."""
    flat = " ".join(text.split())
    if not flat or "`" in flat or "\\" in flat:
        return _plain(flat)
    within = flat.replace("|", "\\|")
    return f"`{within}`"
