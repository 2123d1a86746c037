"""What `adhere doctor` tells people: the verdict, what to change, the numbers, and what was written."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from adhere.records import JSON

_MEANING = {
    "ready": "the run would learn",
    "weak": "the run would learn slowly",
    "no signal": "the run would learn nothing",
    "already solved": "there is nothing left to learn",
    "cannot start": "the run would be refused",
    "gets worse": "the run lost what it had",
    "diverged": "the run left its updates out, as they were not finite",
}


def show(summary: Mapping[str, JSON], console: Console) -> None:
    """Print the summary of `adhere doctor`."""
    verdict = str(summary["verdict"])
    console.print(Text.assemble((verdict, "bold"), f": {_MEANING[verdict]}{_share(summary['informative'])}"))
    causes = cast("Sequence[Mapping[str, str]]", summary["causes"])
    for cause in causes:
        console.print()
        console.print(Text(cause["cause"], "bold"))
        console.print(Padding(_cause(cause), (0, 0, 0, 2)))
    if summary["groups"]:
        console.print()
        console.print(_table(_numbers(summary)))
        console.print()
        for line in _samples(summary):
            console.print(line, no_wrap=True, overflow="ellipsis")


def _share(informative: JSON) -> str:
    if not isinstance(informative, dict):
        return ""
    low, high = cast("float", informative["low"]), cast("float", informative["high"])
    return f"; {_of(informative)} groups teach anything [{low:.0%}, {high:.0%}]"


def _cause(cause: Mapping[str, str]) -> RenderableType:
    return Group(Text(f"{cause['why']}."), Text.assemble(("change  ", "dim"), (cause["fix"], "green")))


def _numbers(summary: Mapping[str, JSON]) -> Iterator[tuple[str, str]]:
    reward = cast("Mapping[str, float]", summary["reward"])
    yield "completions", f"{summary['completions']}, in {summary['groups']} groups"
    yield "outcomes", ", ".join(f"{name} {_of(rate)}" for name, rate in _items(summary["outcomes"]))
    yield (
        "reward",
        f"{reward['average']:.3g} on average; spread {reward['spread_within_groups']:.3g} within groups, "
        f"{reward['spread_between_groups']:.3g} between them",
    )
    length = summary["length"]
    tokens = f"{length:.0f} tokens on average; " if isinstance(length, float) else ""
    yield "length", f"{tokens}{_of(summary['finished'])} finished"
    yield "distinct", f"{summary['distinct']:.0%} of a group's completions"


def _samples(summary: Mapping[str, JSON]) -> Iterator[Text]:
    for sample in cast("Sequence[Mapping[str, str]]", summary["samples"]):
        written = json.dumps(sample["completion"], ensure_ascii=False)
        yield Text.assemble((sample["fault"], "bold"), f"  {written}")


def _table(rows: Iterator[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    return table


def _items(counted: JSON) -> Sequence[tuple[str, JSON]]:
    return list(counted.items()) if isinstance(counted, dict) else []


def _of(rate: JSON) -> str:
    counted = cast("Mapping[str, int]", rate)
    return f"{counted['hits']} of {counted['tries']}"
