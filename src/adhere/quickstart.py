"""The main job on the embedded model: data, before, training, after, report."""

import io
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import cast

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from adhere import artifact
from adhere.config import GrpoConfig, QuickstartConfig, SftConfig
from adhere.data import invoices, store
from adhere.data.store import Dataset
from adhere.decode.sample import Sampling
from adhere.decode.workers import workers
from adhere.evaluate.compare import Comparison, comparisons
from adhere.evaluate.evaluation import Evaluation, write_predictions
from adhere.evaluate.report import render
from adhere.evaluate.run import evaluate_model
from adhere.model import NANO, Model, load, save
from adhere.records import JSON, Example
from adhere.schema import Schema
from adhere.shown import LABELS, bracketed
from adhere.train import grpo, run, sft
from adhere.train.log import Log

_EVALUATIONS = ("before", "after_sft", "after", "after_constrained")
MAX_NEW_TOKENS = 96
"""An invoice takes 40 to 70 tokens of nano's."""


def quickstart(config: QuickstartConfig) -> dict[str, JSON]:
    """Train nano on unlabelled invoices, measure it before and after, write a report; return the summary."""
    began = time.monotonic()
    with artifact.writing(config.out, config) as directory:
        made = _Data(config)
        made.write(directory.path / "data")
        model = load(NANO)
        evaluations = {"before": _measured(model, made.held_out, "before")}
        training: dict[str, list[Mapping[str, JSON]]] = {}
        with run.kept_when_interrupted(directory, model):
            if config.labels:
                training["sft"] = _warmed_up(model, made, config, directory.path / "sft")
                evaluations["after_sft"] = _measured(model, made.held_out, "after sft")
            training["grpo"] = _reinforced(model, made, config, directory.path / "grpo")
        save(model, directory.path / run.CHECKPOINT)
        evaluations["after"] = _measured(model, made.held_out, "after")
        evaluations["after_constrained"] = _measured(
            model, made.held_out, "after, constrained", constrain=True
        )
        for name, evaluation in evaluations.items():
            write_predictions(directory.path / f"predictions_{name}.jsonl", evaluation.predictions)
        compared = comparisons(
            {name: [each.row for each in e.predictions] for name, e in evaluations.items()}
        )
        _report(directory.path / "report.html", config, evaluations, training, compared)
        directory.summary = {
            **{name: evaluation.summary for name, evaluation in evaluations.items()},
            "comparisons": [each.as_json() for each in compared],
            "seconds": round(time.monotonic() - began, 1),
            "report": str(config.out / "report.html"),
            "checkpoint": str(config.out / run.CHECKPOINT),
            "use": _use(config.out),
        }
    return dict(directory.summary)


class _Data:
    """Invoices: some labelled where asked for, others without labels, and held-out ones with gold."""

    def __init__(self, config: QuickstartConfig) -> None:
        schema = Schema.of(invoices.SCHEMA)
        schemas = {schema.name: schema}
        drawn = list(islice(invoices.invoices(config.seed, "train"), config.rows + config.labels))
        self.labelled = Dataset(schemas, tuple(drawn[: config.labels]))
        self.unlabelled = Dataset(
            schemas, tuple(_without_target(example) for example in drawn[config.labels :])
        )
        gold = tuple(islice(invoices.invoices(config.seed, "held_out"), config.held_out))
        self.held_out = Dataset(schemas, gold)

    def write(self, directory: Path) -> None:
        """Write what was drawn, and the schema by itself."""
        directory.mkdir()
        store.write(self.unlabelled, directory)
        store.write(self.held_out, directory, "held_out.jsonl")
        if self.labelled.examples:
            store.write(self.labelled, directory, "labelled.jsonl")
        artifact.write_json(directory / "schema.json", invoices.SCHEMA)


def _without_target(example: Example) -> Example:
    return replace(example, target=None)


def _measured(model: Model, dataset: Dataset, title: str, *, constrain: bool = False) -> Evaluation:
    side_by_side = workers(model.device)
    sampling = Sampling(temperature=0.0, max_new_tokens=MAX_NEW_TOKENS, workers=side_by_side)
    return evaluate_model(model, dataset, constrain=constrain, sampling=sampling, progress=title)


def _warmed_up(
    model: Model, made: _Data, config: QuickstartConfig, directory: Path
) -> list[Mapping[str, JSON]]:
    settings = SftConfig(
        data=config.out / "data",
        out=config.out / directory.name,
        epochs=4,
        batch_size=10,
        lr=3e-4,
        seed=config.seed,
    )
    directory.mkdir()
    steps = sft.train(model, made.labelled.examples, made.labelled.schemas, settings)
    with Log(directory, settings, sft.updates(made.labelled.examples, settings)) as log:
        return [log.step(step) for step in steps]


def _reinforced(
    model: Model, made: _Data, config: QuickstartConfig, directory: Path
) -> list[Mapping[str, JSON]]:
    settings = GrpoConfig(
        data=config.out / "data",
        out=config.out / directory.name,
        steps=config.steps,
        reward="grounded",
        lr=config.lr,
        max_new_tokens=MAX_NEW_TOKENS,
        seed=config.seed,
    )
    directory.mkdir()
    steps = grpo.train(model, made.unlabelled.examples, made.unlabelled.schemas, settings)
    with Log(directory, settings, settings.steps) as log:
        return [log.step(step) for step in steps]


def _report(
    path: Path,
    config: QuickstartConfig,
    evaluations: Mapping[str, Evaluation],
    training: Mapping[str, list[Mapping[str, JSON]]],
    compared: Sequence[Comparison],
) -> None:
    command = (
        f"adhere quickstart --rows {config.rows} --held-out {config.held_out} --labels {config.labels}"
        f" --steps {config.steps} --lr {config.lr:g} --seed {config.seed}"
    )
    page = render(
        "Invoices to JSON, before and after training",
        evaluations,
        training=training,
        comparisons=compared,
        reward="fields",
        meta={"command": command, **artifact.versions()},
    )
    path.write_text(page, encoding="utf-8")


def _use(out: Path) -> str:
    checkpoint, schema = (shlex.quote(str(out / name)) for name in (run.CHECKPOINT, "data/schema.json"))
    text = "'Invoice by Bolt & Sons of 3 May 2026, € 1,250.00'"
    return f"adhere extract --model {checkpoint} --schema {schema} {text}"


_SHOWN = ("schema_valid", "exact", "match_all")


def closing_words(summary: Mapping[str, JSON]) -> str:
    """Return what the user reads last: the table, where the report is, and how to use the result."""
    console = Console(width=100, file=io.StringIO(), force_terminal=False)
    table = Table(box=SIMPLE_HEAD)
    table.add_column("")
    for name in _SHOWN:
        table.add_column(LABELS[name], justify="right")
    for name in (name for name in _EVALUATIONS if name in summary):
        evaluation = cast("Mapping[str, JSON]", summary[name])
        table.add_row(name.replace("_", ", ", 1), *(bracketed(evaluation[metric]) for metric in _SHOWN))
    console.print(table)
    rows = cast("Mapping[str, JSON]", summary["before"])["rows"]
    console.print(f"{rows} held-out invoices; 95 % intervals in brackets. {summary['seconds']} s in all.")
    drawn = cast("io.StringIO", console.file).getvalue()
    return f"{drawn}\nReport  {summary['report']}\nUse it  {summary['use']}\n"
