"""`adhere check`: finds what is wrong with examples, before a model learns it."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TypeAlias, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

from adhere import artifact
from adhere.artifact import Run
from adhere.config import CheckConfig
from adhere.data import store
from adhere.data.inspection.finding import LEAKED, PROBLEMS, REMARKS, Finding
from adhere.data.inspection.inspection import Inspection
from adhere.data.store import Row
from adhere.errors import ConfigError
from adhere.figures import histogram
from adhere.measure.lengths import Lengths
from adhere.model import load_reader
from adhere.progress import Advance, progress
from adhere.records import JSON

FINDINGS, TABLE, FIGURE = "findings.jsonl", "check.md", "lengths.svg"
_SHOWN = 5
"""Findings of each kind that the summary names."""
_COUNTED = 2_000
"""Rows, evenly spread, whose tokens are counted: the share of all that is longer than their median is known
to within 2 %."""
_FIELDS = 20
"""Fields that the tables name: those of which most leaves are not stated."""
_BAR = 40
"""Characters of the longest bar of a histogram."""


_Line: TypeAlias = tuple[str, str, str]
"""A name, a count and what there is to say, of a table."""


def check(config: CheckConfig) -> dict[str, JSON]:
    """Look through a data set and the splits beside it; return the summary.

    With `out`, leave there every finding, the summary as a table, and a figure of the lengths.

    Raises:
        ConfigError: `out` stands already, or a split is named twice.
        DataError: There are no rows or no schemas, or a line is no JSON object. What is wrong with rows is
            found, and not raised.
        ModelError: The model has no tokenizer that loads.
        SchemaError: A schema is not one.
    """
    files = _files(config)
    writing = nullcontext() if config.out is None else artifact.writing(config.out, config, inputs=files)
    with writing as run:
        inspection, lengths = _inspected(files, config)
        summary = _summary(inspection, lengths) | {"model": config.model}
        if run is not None:
            run.summary = summary
            _write(run, inspection.findings)
    return summary


def shortfalls(summary: Mapping[str, JSON]) -> Iterator[str]:
    """Say what is wrong, a line for each kind of problem, with the first row that has it."""
    examples = cast("Mapping[str, Sequence[str]]", summary["examples"])
    for kind, count in _counts(summary, "problems").items():
        if count:
            yield f"{kind} = {count}: {PROBLEMS[kind]}; the first is {examples[kind][0]}."


def show(summary: Mapping[str, JSON], console: Console) -> None:
    """Print the summary: what is wrong, what may be, and what the rows are like."""
    console.print(Text.assemble((_verdict(summary), "bold"), f" in {summary['rows']:,} rows"))
    for title, lines in _tables(summary):
        table = Table(box=None, padding=(0, 2, 0, 0))
        # A path or a pointer may be longer than the line, and its end tells it from others.
        table.add_column(title, no_wrap=title in ("problems", "remarks"), overflow="fold")
        table.add_column(justify="right", no_wrap=True)
        table.add_column(overflow="fold")
        for name, count, what in lines:
            table.add_row(Text(name, "dim" if count == "0" else "bold"), count, Text(what))
        console.print()
        console.print(table)
    _show_lengths(cast("Mapping[str, JSON]", summary["lengths"]), str(summary["model"]), console)


def _files(config: CheckConfig) -> list[Path]:
    """Return the JSONL file of each split, in the order in which they are held against one another."""
    beside = config.data / store.HELD_OUT
    named = [config.data, *([beside] if beside.exists() else []), *config.against]
    files: list[Path] = []
    for path in named:
        file = path / store.EXAMPLES if path.is_dir() else path
        if not any(file.exists() and other.exists() and file.samefile(other) for other in files):
            files.append(file)
        elif file.samefile(files[0]):
            raise ConfigError.at(
                "check.against", str(path), "these are the rows that are checked", fix="Name another split"
            )
    return files


def _inspected(files: Sequence[Path], config: CheckConfig) -> tuple[Inspection, Lengths]:
    splits = [(str(file), *store.parts(file)) for file in files]
    total = sum(map(_lines_of, files))
    reader = load_reader(config.model)
    inspection = Inspection(near=config.near)
    lengths = Lengths(reader.tokenizer, reader.context, every=1 + total // _COUNTED)
    with progress("check", total) as advance:
        for name, rows, schemas in splits:
            for place, example, schema in inspection.read(name, _told(rows, name, advance), schemas):
                excess = lengths.excess(example, schema)
                if excess:
                    what = f"it is {excess:,} tokens longer than the {reader.context:,} of the model"
                    inspection.findings.append(Finding("too_long", place, what))
        inspection.close()
    return inspection, lengths


def _told(rows: Iterator[Row], name: str, advance: Advance) -> Iterator[Row]:
    """Yield rows, and move the bar with each; a whole path beside it would leave no room for it."""
    end = "/".join(Path(name).parts[-2:])
    for row in rows:
        yield row
        advance(end)


def _lines_of(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(1 for _ in lines)


def _summary(inspection: Inspection, lengths: Lengths) -> dict[str, JSON]:
    counts = Counter(finding.kind for finding in inspection.findings)
    counts["unlabelled"], counts["without_reasoning"] = inspection.unlabelled, inspection.without_reasoning
    examples: dict[str, list[JSON]] = {}
    for finding in inspection.findings:
        listed = examples.setdefault(finding.kind, [])
        if len(listed) < _SHOWN:
            listed.append(str(finding))
    unstated: dict[str, JSON] = {
        name: {"missing": len(field.missing), "of": field.total}
        for name, field in inspection.fields.items()
        if field.missing
    }
    return {
        "rows": sum(inspection.rows.values()),
        "splits": dict[str, JSON](inspection.rows),
        "problems": {kind: counts[kind] for kind in PROBLEMS},
        "remarks": {kind: counts[kind] for kind in REMARKS},
        "leaks": {shared: counts[kind] for kind, shared in LEAKED.items()},
        "unstated": unstated,
        "languages": dict[str, JSON](inspection.languages.most_common()),
        "lengths": lengths.as_json(),
        "examples": dict[str, JSON](examples),
    }


def _write(run: Run, findings: Sequence[Finding]) -> None:
    with (run.path / FINDINGS).open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(finding.as_json(), ensure_ascii=False)}\n" for finding in findings)
    (run.path / TABLE).write_text(_markdown(run.summary), encoding="utf-8")
    lengths = cast("Mapping[str, JSON]", run.summary["lengths"])
    bins = _bins(lengths)
    if bins:
        figure = histogram(
            bins, quantity="tokens of prompt and answer", limit=cast("int", lengths["context"])
        )
        (run.path / FIGURE).write_text(f"{figure}\n", encoding="utf-8")


def _verdict(summary: Mapping[str, JSON]) -> str:
    kinds = sum(map(bool, _counts(summary, "problems").values()))
    return f"{kinds} kind{'s' if kinds > 1 else ''} of problems" if kinds else "nothing wrong"


def _markdown(summary: Mapping[str, JSON]) -> str:
    parts = [f"# {summary['rows']:,} rows: {_verdict(summary)}\n"]
    for title, lines in _tables(summary):
        rows = "".join(f"| {' | '.join(map(_escaped, line))} |\n" for line in lines)
        parts.append(f"| {title} | | |\n|---|---:|---|\n{rows}")
    return "\n".join(parts)


def _escaped(cell: str) -> str:
    return " ".join(cell.replace("|", r"\|").split())


def _tables(summary: Mapping[str, JSON]) -> Iterator[tuple[str, Sequence[_Line]]]:
    """Yield the parts of the summary that are tables, each by its title."""
    examples = cast("Mapping[str, Sequence[str]]", summary["examples"])
    yield "split", _plain(_counts(summary, "splits"))
    for title, meanings in (("problems", PROBLEMS), ("remarks", REMARKS)):
        counts = _counts(summary, title)
        yield (
            title,
            [_described(kind, counts[kind], meanings[kind], examples.get(kind, ())) for kind in counts],
        )
    missing = cast("Mapping[str, Mapping[str, int]]", summary["unstated"])
    worst = sorted(missing.items(), key=lambda field: -field[1]["missing"])[:_FIELDS]
    if worst:
        yield "not stated", [(name, f"{each['missing']:,}", f"of {each['of']:,}") for name, each in worst]
    yield "language", _plain(_counts(summary, "languages"))


def _plain(counts: Mapping[str, int]) -> list[_Line]:
    return [(name, f"{count:,}", "") for name, count in counts.items()]


def _described(kind: str, count: int, meaning: str, examples: Sequence[str]) -> _Line:
    if count == 0:
        return kind, "0", ""
    return kind, f"{count:,}", f"{meaning}. First {examples[0]}" if examples else meaning


def _show_lengths(lengths: Mapping[str, JSON], model: str, console: Console) -> None:
    bins = _bins(lengths)
    if not bins:
        return
    most = max(rows for _, _, rows in bins)
    width = len(f"{bins[-1][1]:,}")
    console.print()
    console.print(
        f"tokens of prompt and answer, of {lengths['n']:,} rows: half have up to {lengths['p50']:,}, "
        f"99 % up to {lengths['p99']:,}, the longest {lengths['max']:,}; {model} takes {lengths['context']:,}"
    )
    for low, _, rows in bins:
        bar = "█" * -(-rows * _BAR // most)
        console.print(Text.assemble((f"{low:{width},}  ", "dim"), bar, f" {rows:,}" if rows else ""))


def _bins(lengths: Mapping[str, JSON]) -> list[tuple[int, int, int]]:
    bins = cast("Sequence[Mapping[str, int]]", lengths["bins"])
    return [(each["from"], each["below"], each["rows"]) for each in bins]


def _counts(summary: Mapping[str, JSON], name: str) -> Mapping[str, int]:
    return cast("Mapping[str, int]", summary[name])
