"""`adhere compare`: evaluations on the same rows, how they differ, and what the difference is worth."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import TypeAlias, cast

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adhere import artifact
from adhere.artifact import Run
from adhere.config import COMPARED, Bound, CompareConfig, bounds
from adhere.evaluate.compare import Comparison, comparisons, numbers
from adhere.evaluate.contestants import TEXT, Contestant, contestants, units
from adhere.evaluate.evaluation import Evaluation
from adhere.evaluate.markdown import markdown
from adhere.evaluate.report import render
from adhere.records import JSON
from adhere.shown import LABELS, points, probability, shown

METRICS, REPORT, PLAIN_REPORT = "metrics.json", "report.html", "report.md"
_CONDITIONS = ("model", "constrained", "form", "temperature", "samples", "failed")
"""What of an evaluation's summary says how its answers came about."""

_FINE = 0.02
"""Intervals narrower than that are told to a hundredth of a point: noise is often a matter of those."""

Spelled: TypeAlias = Mapping[str, JSON]


def compare(config: CompareConfig) -> dict[str, JSON]:
    """Compare evaluations; return the summary.

    With `out`, leave there a report, the summary, and all numbers of all evaluations.

    Raises:
        ConfigError: A directory is named twice, two have one name, or `out` stands already.
        DataError: A directory is no evaluation, its rows are not those of the first, or their `meta` has no
            such key as `cluster`.
        EvaluationError: All rows are of one cluster.
    """
    compared = contestants(config.directories)
    files = [each.directory for each in compared]
    writing = nullcontext() if config.out is None else artifact.writing(config.out, config, inputs=files)
    with writing as run:
        rows = {each.name: [p.row for p in each.evaluation.predictions] for each in compared}
        unit_N, clusters = units([p.example for p in compared[0].evaluation.predictions], config.cluster)
        measured = numbers(rows, unit_N=unit_N, seed=config.seed)
        made = comparisons(
            rows,
            metrics=config.metrics or COMPARED,
            all_pairs=config.all_pairs,
            unit_N=unit_N,
            detect=config.detect,
            seed=config.seed,
        )
        summary: dict[str, JSON] = {
            "rows": len(unit_N),
            "clusters": clusters,
            "cluster": config.cluster,
            "evaluations": {each.name: _told(each) | measured[each.name] for each in compared},
            "comparisons": [each.as_json() for each in made],
        }
        if run is not None:
            run.summary = summary
            _write(run, _remeasured(compared, measured), made, _command(config))
    return summary


def shortfalls(summary: Spelled, config: CompareConfig) -> Iterator[str]:
    """Say which bounds of `fail_under` the last evaluation does not reach, a line for each."""
    asked = bounds(config.fail_under, "compare.fail_under")
    evaluations = cast("Mapping[str, Mapping[str, Spelled]]", summary["evaluations"])
    first, *_, last = evaluations
    for metric, floor in asked.floors.items():
        measured = evaluations[last].get(metric, {})
        value = measured.get("rate", measured.get("mean"))
        yield from _short(f"{last}: {metric}", value, measured, floor, config.decide_by)
    made = {
        (each["metric"], each["evaluation"], each["baseline"]): each
        for each in cast("Sequence[Spelled]", summary["comparisons"])
    }
    for metric, gain in asked.gains.items():
        difference = made.get((metric, last, first), {})
        value = difference.get("difference")
        yield from _short(
            f"{last} − {first}: {metric}", value, difference, gain, config.decide_by, signed=True
        )


def show(summary: Spelled, console: Console) -> None:
    """Print what each evaluation reached, and by how much they differ."""
    evaluations = cast("Mapping[str, Spelled]", summary["evaluations"])
    reached = Table(box=SIMPLE_HEAD)
    reached.add_column("")
    reached.add_column("")
    for heading in ("%", "95 % interval", "n"):
        reached.add_column(heading, justify="right")
    for metric, label in LABELS.items():
        measured = {name: shown(each.get(metric)) for name, each in evaluations.items()}
        told = {name: each for name, each in measured.items() if each is not None}
        for place, (name, each) in enumerate(told.items()):
            value = f"{100 * each.value:.1f}"
            is_last = place == len(told) - 1
            titled = "" if place else label
            reached.add_row(
                titled,
                _named(name, evaluations[name]),
                value,
                each.interval,
                str(each.n),
                end_section=is_last,
            )
    console.print(reached)
    for baseline, name in _pairs(summary):
        console.print(_differences(summary, baseline, name))
    for name, each in evaluations.items():
        if (failed := shown(each.get("failed"))) and failed.value:
            console.print(
                Text(f"{name}: {failed.percent} of {failed.n:,} requests failed, and count as misses.")
            )
    console.print(_fine_print(summary))


def _short(
    what: str, value: JSON, measured: Spelled, least: float, decide_by: Bound, *, signed: bool = False
) -> Iterator[str]:
    sign = "+" if signed else ""
    if not isinstance(value, int | float):
        yield f"{what} was not measured, and is to be at least {least:{sign}g}."
        return
    low, high = cast("float", measured["low"]), cast("float", measured["high"])
    if {"estimate": value, "low": low, "high": high}[decide_by] < least:
        ends = f"[{low:{sign}.4f}, {high:{sign}.4f}]"
        by = "" if decide_by == "estimate" else f" by the {'lower' if decide_by == 'low' else 'upper'} end"
        yield f"{what} = {value:{sign}.4f} {ends}, and is to be at least {least:{sign}g}{by}."


def _told(contestant: Contestant) -> dict[str, JSON]:
    summary = contestant.evaluation.summary
    conditions = {name: summary[name] for name in _CONDITIONS if name in summary}
    return {"directory": str(contestant.directory), **conditions}


def _remeasured(compared: Sequence[Contestant], measured: Mapping[str, Spelled]) -> dict[str, Evaluation]:
    """Return evaluations by name, whose intervals heed how rows go together."""
    return {
        each.name: replace(each.evaluation, summary={**each.evaluation.summary, **measured[each.name]})
        for each in compared
    }


def _write(run: Run, evaluations: Mapping[str, Evaluation], made: Sequence[Comparison], command: str) -> None:
    told: dict[str, JSON] = {
        "evaluations": {name: evaluation.summary for name, evaluation in evaluations.items()},
        "comparisons": [each.as_json() for each in made],
    }
    artifact.write_json(run.path / METRICS, told)
    title, meta = " against ".join(reversed(list(evaluations))), {"command": command, **artifact.versions()}
    page = render(title, evaluations, comparisons=made, meta=meta)
    (run.path / REPORT).write_text(page, encoding="utf-8")
    plain = markdown(title, evaluations, comparisons=made, meta=meta)
    (run.path / PLAIN_REPORT).write_text(plain, encoding="utf-8")


def _command(config: CompareConfig) -> str:
    """Return what to type to get the same numbers."""
    words = ["adhere", "compare", *config.directories]
    words += ["--all-pairs"] if config.all_pairs else []
    words += ["--metrics", *config.metrics] if config.metrics else []
    words += [] if config.cluster == TEXT else ["--cluster", config.cluster]
    words += [] if config.detect is None else ["--detect", f"{config.detect:g}"]
    return shlex.join([*words, "--seed", str(config.seed)])


def _pairs(summary: Spelled) -> dict[tuple[str, str], None]:
    """Baselines and what was held against them, in the order in which they were compared."""
    made = cast("Sequence[Mapping[str, str]]", summary["comparisons"])
    return {(each["baseline"], each["evaluation"]): None for each in made}


def _differences(summary: Spelled, baseline: str, name: str) -> Table:
    table = Table(box=SIMPLE_HEAD, title=Text(f"{name} − {baseline}, in points"), title_justify="left")
    table.add_column("")
    for heading in ("difference", "95 % interval", "p", "p (Holm)", "detectable", "rows needed"):
        table.add_column(heading, justify="right")
    for each in cast("Sequence[Spelled]", summary["comparisons"]):
        if (each["baseline"], each["evaluation"]) != (baseline, name):
            continue
        difference, low, high = (cast("float", each[key]) for key in ("difference", "low", "high"))
        p, p_holm = (cast("float", each[key]) for key in ("p", "p_holm"))
        detectable, needed = cast("float | None", each["detectable"]), each["rows_needed"]
        fine = high - low < _FINE
        table.add_row(
            LABELS.get(str(each["metric"]), str(each["metric"])),
            _points(difference, fine=fine),
            f"{_points(low, fine=fine)} to {_points(high, fine=fine)}",
            probability(p),
            probability(p_holm),
            "–" if detectable is None else f"{100 * detectable:.{2 if fine else 1}f}",
            "–" if needed is None else f"{needed:,}",
        )
    return table


def _points(difference: float, *, fine: bool) -> str:
    return f"{100 * difference:+.2f}".replace("-", "\N{MINUS SIGN}") if fine else points(difference)


def _named(name: str, evaluation: Spelled) -> Text:
    """Return a name, with the conditions that make an evaluation another kind than most."""
    temperature = evaluation.get("temperature") or 0
    marks = {
        "constrained": evaluation.get("constrained"),
        "think": evaluation.get("form") == "think",
        f"temperature {temperature}": temperature,
    }
    told = ", ".join(mark for mark, is_so in marks.items() if is_so)
    return Text(f"{name} ({told})" if told else name)


def _fine_print(summary: Spelled) -> Text:
    rows, clusters = summary["rows"], summary["clusters"]
    together = "" if rows == clusters else f" of {clusters:,} {_sources(str(summary['cluster']))}"
    tests = len(cast("Sequence[JSON]", summary["comparisons"]))
    return Text(
        f"{rows:,} rows{together}. p (Holm) is adjusted for all {tests} comparisons. detectable: smallest "
        "true difference, in points, that this many rows find with a chance of 80 %; rows needed: for the "
        "difference that was seen, or the one of --detect. docs/compare.md says how to read them."
    )


def _sources(cluster: str) -> str:
    return "texts" if cluster == TEXT else f"values of {cluster}"
