"""Writes nano's model card, and docs/nano.md with its curves, from what measure.py and train.py have left.

python recipes/nano/card.py --figures runs/card --log runs/nano-long/log.jsonl runs/nano/log.jsonl

Every number of both pages comes from `figures.json`, from the logs of the training runs, given in the order
in which one went on from the other, or from the model's own files.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import curves
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from parts import grid, held_out, invoices, specialise, swapping, trust
from parts.bench import FIGURES
from parts.faults import FAULTS, KINDS
from parts.figure import Figure
from parts.labelled import BEFORE, CONTROL, E2E, GRPO, SFT, SNIPS
from safetensors import safe_open

from adhere.artifact import sha256
from adhere.errors import AdhereError, DataError
from adhere.records import JSON
from adhere.shown import points as in_points

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NANO = ROOT / "src" / "adhere" / "nano"
CARD, PAGE = NANO / "README.md", ROOT / "docs" / "nano.md"
MAIN = (("obeys its schema", "valid"), ("exactly right", "exact"), ("leaf F1", "f1"))
_TASKS = {
    SNIPS.name: (
        "SNIPS",
        "Requests that people typed to a voice assistant, seven schemas without a required key; train split "
        "to learn from, validation split to measure on.",
    ),
    E2E.name: (
        "E2E",
        "Descriptions of restaurants by crowd workers, eight fields, often paraphrased or left out; "
        "development split to learn from, test split to measure on.",
    ),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table."""

    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """What is shown of some cases."""

    columns: tuple[str, ...]
    lines: tuple[Line, ...]

    def markdown(self, first: str) -> str:
        """Spell the table, with the heading of its first column."""
        rows = [(first, *self.columns), ("---", *("---:" for _ in self.columns))]
        rows += [(line.name, *line.cells) for line in self.lines]
        return "".join(f"| {' | '.join(row)} |\n" for row in rows)


class Figures:
    """All that was measured, by part, case and metric."""

    def __init__(self, made: Mapping[str, JSON]) -> None:
        """Read what measure.py wrote."""
        listed = [Figure.of(each) for each in cast("list[JSON]", made["figures"])]
        self.all: Sequence[Figure] = listed
        self._by_name = {(each.part, each.case, each.metric): each for each in listed}

    def get(self, part: str, case: str, metric: str) -> Figure | None:
        """Return a figure, where it was measured."""
        return self._by_name.get((part, case, metric))

    def cases(self, part: str) -> list[str]:
        """Return the cases of a part in the order in which they were measured."""
        return list(dict.fromkeys(each.case for each in self.all if each.part == part))

    def table(
        self, part: str, columns: Iterable[tuple[str, str]], *, cases: Sequence[str] | None = None
    ) -> Table:
        """Show some metrics of some cases, with the n of the first; a case without any is left out.

        Rows that could be asked have a line of their own where not all could.

        Args:
            part: Whose cases they are.
            columns: Headings, each with its metric.
            cases: All of the part's, where none are named.
        """
        chosen = list(columns)
        lines: list[Line] = []
        for case in self.cases(part) if cases is None else cases:
            found = [self.get(part, case, metric) for _, metric in chosen]
            if any(found):
                lines.append(Line(case, (_n(found), *map(cell, found))))
            of_taken = [self.get(part, case, f"{metric} of taken") for _, metric in chosen]
            if any(of_taken):
                lines.append(Line(f"{case}, of those asked", (_n(of_taken), *map(cell, of_taken))))
        return Table(("n", *(heading for heading, _ in chosen)), tuple(lines))


def cell(figure: Figure | None) -> str:
    """Spell a figure with its interval, shares in percent."""
    if figure is None:
        return "–"
    if figure.unit in {"seconds", "count"}:
        return f"{figure.value:,.0f}"
    spelled = in_points(figure.value) if figure.unit == "points" else f"{100 * figure.value:.1f}"
    if figure.low is None or figure.high is None:
        return spelled
    ends = (f"{100 * end:.1f}".replace("-", "−") for end in (figure.low, figure.high))
    return f"{spelled} [{', '.join(ends)}]"


def _n(found: Sequence[Figure | None]) -> str:
    return f"{next(each.n for each in found if each):,}"


def shown(made: Mapping[str, JSON], log: Sequence[Mapping[str, JSON]], model: Path) -> dict[str, Any]:
    """Return what both pages are filled in with.

    Args:
        made: `figures.json`.
        log: Lines of the training's `log.jsonl`, of all its runs in their order.
        model: The model's directory.

    Raises:
        DataError: The figures are of other weights, or of a share of the rows only.
    """
    subject = cast("dict[str, Any]", made["subject"])
    _refuse_another_subject(subject, model)
    figures = Figures(made)
    drawn = [
        case for case in figures.cases(held_out.PART) if figures.get(held_out.PART, case, "leaves: right")
    ]
    settings = [
        case for case in figures.cases(grid.PART) if figures.get(grid.PART, case, "exact over before")
    ]
    gained = (
        ("obeys its schema", "valid over before"),
        ("exactly right", "exact over before"),
        ("leaf F1", "f1 over before"),
        ("seconds", "seconds"),
    )
    machine = cast("dict[str, Any]", made["machine"])
    return {
        "shape": _shape(model),
        "training": {"tokens": f"{log[-1]['tokens']:,}", "steps": f"{_updates(log):,}"},
        "held_out": figures.table(held_out.PART, [*MAIN, ("taken", "taken")]),
        "kinds": _kinds(figures, drawn),
        "calibration": figures.table(
            trust.PART, [("error (ECE)", "ece"), ("Brier score", "brier"), ("AUROC", "auroc")]
        ),
        "tasks": [_task(figures, name) for name in _TASKS if figures.cases(name)],
        "specialise": figures.table(
            specialise.PART,
            [
                *MAIN,
                ("exact, over before", "exact over before"),
                ("exact, over sft", "exact over sft"),
                ("seconds", "seconds"),
            ],
        ),
        "specialise_n": specialise.TESTED,
        "threads": machine["threads"],
        "invoices": figures.table(invoices.PART, MAIN),
        "swapped": figures.table(
            swapping.PART, [*MAIN, ("exact, more", "exact over plain"), ("F1, more", "f1 over plain")]
        ),
        "about_grpo": f"{grid.STEPS} updates of {grid.PROMPTS} prompts, {grid.TESTED} rows for the test.",
        "grpo": figures.table(grid.PART, gained, cases=settings),
        "best_grpo": figures.table(grid.PART, gained, cases=_best(figures, settings)),
        "faults": figures.table(grid.PART, [(fault, f"leaves: {fault}") for fault in FAULTS]),
        "aims": _aims(figures.all),
        "skipped": made["skipped"],
        "versions": machine["versions"],
        "machine": machine["accelerator"] or f"{machine['processor']}, {machine['threads']} threads",
        "weights": subject["weights"],
    }


def _kinds(figures: Figures, cases: Sequence[str]) -> Table:
    """Show the leaves of each kind, which are not as many of one as of another."""

    def told(figure: Figure | None) -> str:
        return "–" if figure is None else f"{cell(figure)} of {figure.n:,}"

    lines = [
        Line(case, tuple(told(figures.get(held_out.PART, case, f"right: {kind}")) for kind in KINDS))
        for case in cases
    ]
    return Table(KINDS, tuple(lines))


def _task(figures: Figures, name: str) -> dict[str, Any]:
    title, about = _TASKS[name]
    gains = [
        Line(
            f"exactly right, over {before}",
            (cell(figures.get(name, GRPO, f"exact over {before}")),),
        )
        for before in (SFT, CONTROL)
    ] + [
        Line(f"leaf F1, over {before}", (cell(figures.get(name, GRPO, f"f1 over {before}")),))
        for before in (SFT, CONTROL)
    ]
    counted = {which: cell(figures.get(name, GRPO, f"rows of {which}")) for which in ("sft", "grpo")}
    split = f" SFT learns from {counted['sft']} rows, GRPO from {counted['grpo']} others."
    return {
        "title": title,
        "about": about + split,
        "results": figures.table(
            name,
            [*MAIN, ("seconds", "seconds")],
            cases=[BEFORE, SFT, GRPO, f"{GRPO}, under the grammar", CONTROL],
        ),
        "gains": Table(("difference",), tuple(gains)),
    }


def _best(figures: Figures, settings: Sequence[str]) -> list[str]:
    """Return of each model and reward the case that made most answers exactly right."""

    def exact(case: str) -> float:
        found = figures.get(grid.PART, case, "exact")
        return found.value if found else 0.0

    groups = dict.fromkeys(case.split(",")[0] for case in settings)
    return [max((case for case in settings if case.split(",")[0] == group), key=exact) for group in groups]


def _aims(figures: Iterable[Figure]) -> Table:
    lines = [
        Line(
            f"{each.part}, {each.case}: {each.metric}",
            (
                f"{each.n:,}",
                cell(each),
                f"{each.aim:,.0f}" if each.unit == "seconds" else f"{100 * each.aim:.0f}",
                "yes" if each.is_reached else "no",
            ),
        )
        for each in figures
        if each.aim is not None
    ]
    return Table(("n", "is", "aim", "reached"), tuple(lines))


def _updates(log: Sequence[Mapping[str, JSON]]) -> int:
    """Return the updates of all runs; each counts its own from 0."""
    steps = [cast("int", line["steps"]) for line in log]
    ends = [one for one, other in zip(steps, [*steps[1:], 0], strict=True) if other < one]
    return sum(ends)


def _shape(model: Path) -> dict[str, Any]:
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    files = sorted(model.glob("*.safetensors"))
    weights = 0
    for file in files:
        with safe_open(file, framework="numpy") as tensors:
            for name in tensors.keys():  # noqa: SIM118 - it is no dict
                size = 1
                for side in tensors.get_slice(name).get_shape():
                    size *= side
                weights += size
    return {
        "architecture": config["architectures"][0].removesuffix("ForCausalLM"),
        "parameters": f"{weights / 1e6:.1f} million" if weights >= 1e6 else f"{weights:,}",
        "layers": config["num_hidden_layers"],
        "width": config["hidden_size"],
        "vocabulary": f"{config['vocab_size']:,}",
        "context": f"{config['max_position_embeddings']:,}",
        "megabytes": f"{sum(file.stat().st_size for file in files) / 1e6:.1f}",
    }


def _refuse_another_subject(subject: Mapping[str, Any], model: Path) -> None:
    weights = {file.name: sha256(file) for file in sorted(model.glob("*.safetensors"))}
    if subject["weights"] != weights:
        raise DataError.at(
            FIGURES,
            str(model),
            "the figures are of other weights than these",
            fix="Run measure.py on them, or name their directory with --model",
        )
    if subject["share"] != 1:
        raise DataError.at(
            FIGURES,
            subject["share"],
            "it is a look at a share of the rows",
            fix="Run measure.py without --share",
        )


def write(given: argparse.Namespace) -> None:
    """Write the card, the page and its curves.

    Raises:
        DataError: A file is missing, or the figures are not those of the model.
    """
    made = _object(given.figures / FIGURES)
    log = [line for file in given.log for line in _lines(file)]
    told = shown(made, log, given.model)
    page: Path = given.page
    images = _images(given.figures, made, log, page)
    environment = Environment(
        loader=FileSystemLoader(HERE),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown of our own numbers
        trim_blocks=False,
        keep_trailing_newline=True,
    )
    template = environment.get_template("card.md.jinja")
    for file, is_page in ((given.card, False), (page, True)):
        text = template.render(**told, images=images, is_page=is_page)
        file.write_text(tidy(text), encoding="utf-8")


def tidy(text: str) -> str:
    """Leave one blank line where a template left several, and none at the ends."""
    lines: list[str] = []
    for line in text.strip().splitlines():
        if line.strip() or (lines and lines[-1]):
            lines.append(line.rstrip())
    return "\n".join(lines) + "\n"


def _images(figures: Path, made: Mapping[str, JSON], log: Sequence[Mapping[str, JSON]], page: Path) -> dict:
    names = {name: f"{page.stem}_{name}.svg" for name in ("training", "calibration", "grpo")}
    (page.parent / names["training"]).write_text(curves.training(log), encoding="utf-8")
    runs = [each for each in cast("list[dict[str, JSON]]", made["curves"]) if each["part"] == grid.PART]
    if runs:
        (page.parent / names["grpo"]).write_text(curves.runs(runs), encoding="utf-8")
    curve = figures / trust.CURVE
    if curve.exists():
        shutil.copyfile(curve, page.parent / names["calibration"])
    return {name: file if (page.parent / file).exists() else None for name, file in names.items()}


def _object(file: Path) -> dict[str, JSON]:
    if not file.is_file():
        raise DataError.at(str(file), "no such file", "measure.py writes it", fix="Run measure.py first")
    return json.loads(file.read_text(encoding="utf-8"))


def _lines(file: Path) -> list[dict[str, JSON]]:
    if not file.is_file():
        raise DataError.at(str(file), "no such file", "train.py writes it", fix="Name a run's log.jsonl")
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    """Read the command line, and write both pages."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--figures", type=Path, default=Path("runs/card"), help="directory of measure.py")
    parser.add_argument("--log", type=Path, nargs="+", required=True, help="log.jsonl of the training runs")
    parser.add_argument("--model", type=Path, default=NANO, help="the directory that was measured")
    parser.add_argument("--card", type=Path, default=CARD, help="file to write")
    parser.add_argument("--page", type=Path, default=PAGE, help="file to write; its curves go beside it")
    try:
        write(parser.parse_args())
    except AdhereError as error:
        sys.exit(f"card.py: {error}")


if __name__ == "__main__":
    main()
