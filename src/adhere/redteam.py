"""`adhere doctor --attack`: tries to cheat a reward on the rows that it would train on; loads no model."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from adhere.config import DoctorConfig
from adhere.data import store
from adhere.errors import ConfigError
from adhere.records import JSON
from adhere.reward.attack import attack, known_of
from adhere.reward.loading import load

_MEANING = {
    "holds": "no cheat earns what a mediocre honest answer earns",
    "pays for cheating": "some cheats earn what a mediocre honest answer earns",
}


def attacked(config: DoctorConfig) -> dict[str, JSON]:
    """Attack the reward of a run on the rows of its data, and return the summary.

    Raises:
        ConfigError: The reward is `rubric`, which reads free text.
        DataError: The rows are not what they should be, or lack targets that the reward needs.
        RewardError: The user's own reward fails on an honest answer.
    """
    if config.reward == "rubric" or config.form == "prose":
        raise ConfigError.at(
            "doctor.attack",
            config.reward,
            "this reward reads free text, and the cheats are made for JSON",
            fix="Attack another reward",
        )
    # With `attack`, there are data.
    dataset = store.read(config.data or Path())
    # `thinkjson` goes by its own form, whatever the run's.
    form = "think" if config.reward == "thinkjson" else config.form
    reward = load(config.reward, form=form, scoring=config.scoring, own=config.own)
    known = known_of(config.reward, dataset.examples)
    report = attack(dataset.examples, dataset.schemas, reward, form=form, known=known)
    return {**report.as_json(), "reward": config.reward}


def shortfalls(summary: Mapping[str, JSON]) -> Iterator[str]:
    """Say which families the reward fell for, if any."""
    names = [str(family["family"]) for family in _families(summary) if not family["held"]]
    if names:
        yield f"the reward {summary['reward']} pays for cheating: {', '.join(names)}."


def show(summary: Mapping[str, JSON], console: Console) -> None:
    """Print the summary: the verdict, what reached the bar, and how many families did not."""
    verdict = str(summary["verdict"])
    console.print(Text.assemble((verdict, "bold"), f": {_MEANING[verdict]}"))
    rows, mediocre = cast("int", summary["rows"]), cast("float", summary["mediocre"])
    console.print(
        f"{summary['tried']} completions on {rows} rows; a right answer earns {summary['right']:.3g} and a "
        f"mediocre one {mediocre:.3g} on average"
    )
    reached = [family for family in _families(summary) if family["reached"] or family["error"]]
    if reached:
        console.print(_table(reached, rows))
    console.print(f"no breach by {len(_families(summary)) - len(reached)} further families")


def _table(families: Sequence[Mapping[str, JSON]], rows: int) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("family", no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("highest", justify="right", no_wrap=True)
    table.add_column("completions")
    for family in families:
        style = "dim" if family["held"] else "bold"
        highest = family["highest"]
        table.add_row(
            Text(str(family["family"]), style),
            f"{family['rows']} of {rows}",
            f"{highest:.3g}" if isinstance(highest, float) else "",
            _said(family),
        )
    return table


def _said(family: Mapping[str, JSON]) -> Group:
    """Say what a family writes, why it is paid if that is known, and show its worst completion."""
    lines = [Text(str(family["what"]))]
    if family["error"] is not None:
        lines.append(Text(f"the reward failed: {family['error']}", "red"))
    if family["known"] is not None:
        lines.append(Text(f"known: {family['known']}", "dim"))
    worst = family["worst"]
    if isinstance(worst, dict):
        shown = " ".join(str(worst["completion"]).split())
        lines.append(Text(shown, "dim", no_wrap=True, overflow="ellipsis"))
    return Group(*lines)


def _families(summary: Mapping[str, JSON]) -> Sequence[Mapping[str, JSON]]:
    return cast("Sequence[Mapping[str, JSON]]", summary["families"])
