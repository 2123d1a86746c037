"""`adhere study`: does what a study's file says, step by step, and tells what came of it."""

import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypeAlias, cast

import numpy as np

from adhere import artifact
from adhere.claim import write_whole
from adhere.config import Config, GrpoConfig, SftConfig, StudyConfig
from adhere.data.reasoning.origins import holders
from adhere.data.store import read_object
from adhere.errors import TrainingStopped
from adhere.evaluate.compare import Comparison, comparisons, numbers
from adhere.evaluate.contestants import units
from adhere.evaluate.evaluation import Evaluation
from adhere.evaluate.evaluation import read as read_evaluation
from adhere.evaluate.report import render
from adhere.figures import bars, training_curves
from adhere.measure.paired import differences
from adhere.measure.prediction import Prediction
from adhere.measure.row import Row
from adhere.measure.statistics import Floats, Units, holm, means
from adhere.records import JSON
from adhere.study.page import OPEN, page
from adhere.study.plan import CONSTRAINED, Plan, Step, read
from adhere.train.log import METRICS, ROLLOUTS

PAGE, REPORT, FIGURES = "report.md", "report.html", "figures"

Summary: TypeAlias = Mapping[str, JSON]
Perform: TypeAlias = Callable[[Config], Summary]
"""Runs one verb and returns its summary."""


def study(config: StudyConfig, perform: Perform) -> dict[str, JSON]:
    """Do all steps of a study that are not done yet, compare, and write the report; return the summary.

    A step that is done is left as it is, and one that was cut short goes on as its verb does; so a study can
    be killed at any moment and run again. A stage that ends itself because it taught nothing takes part with
    the weights that it had.

    Args:
        config: Its own settings.
        perform: Runs a step.

    Raises:
        ConfigError: The file is no study, or a step of other settings or inputs stands where one belongs.
    """
    plan = read(config)
    done = _carried_out(plan, perform)
    measured = [_Measured(plan, held_out) for held_out in plan.held_out]
    made = _adjusted([each.compared() for each in measured])
    summary: dict[str, JSON] = {
        "title": plan.title,
        "about": plan.about,
        "command": " ".join(["adhere study", str(config.file), "--out", str(config.out), *_set(config)]),
        "data": {name: _of_data(plan, name, done) for name in plan.data},
        "stages": {name: _of_stage(plan, name, done) for name in plan.stages},
        "contestants": {
            each.name: {"title": each.title, "stages": list(each.stages), "form": form}
            for each in plan.contestants.values()
            for form in {evaluation.form for evaluation in each.evaluations.values()}
        },
        "held_out": {each.name: each.facts for each in measured},
        "evaluations": {each.name: each.told for each in measured},
        "questions": {question: list(pair) for question, pair in plan.questions.items()},
        "comparisons": {
            each.name: [comparison.as_json() for comparison in found]
            for each, found in zip(measured, made, strict=True)
        },
        "goals": {name: list(bound) for name, bound in plan.goals.items()},
        "published": {name: dict(figures) for name, figures in plan.published.items()},
        "seconds": round(sum(_seconds(step.out, done[name]) for name, step in plan.steps()), 1),
        "versions": dict(artifact.versions()),
        "report": str(plan.out / PAGE),
    }
    _write(plan, summary, measured[0], made[0], config)
    return summary


def _carried_out(plan: Plan, perform: Perform) -> dict[str, Summary]:
    """Do what is not done; return the summary of every step by its name."""
    steps = list(plan.steps())
    for _, step in steps:
        # What can be refused is refused before hours of work, not after them.
        artifact.ended(step.out, step, look_at_inputs=False)
    done: dict[str, Summary] = {}
    for number, (name, step) in enumerate(steps, 1):
        found = artifact.ended(step.out, step)
        if found is None:
            sys.stderr.write(f"adhere study: {name}, step {number} of {len(steps)}\n")
            found = _performed(step, perform)
        done[name] = found
    return done


def _performed(step: Step, perform: Perform) -> Summary:
    try:
        return perform(step)
    except TrainingStopped as fault:
        sys.stderr.write(f"adhere study: {fault} The study goes on with these weights.\n")
        return cast("Summary", fault.summary)


class _Measured:
    """What all contestants achieved on one set of rows."""

    def __init__(self, plan: Plan, held_out: str) -> None:
        """Read the evaluations; of those that the report does not show, only what each answer achieved."""
        self.name = held_out
        self.shown: dict[str, Evaluation] = {}
        self._plan = plan
        self._rows: dict[str, list[Row]] = {}
        self._open_N: dict[str, Floats] = {}
        summaries: dict[str, Summary] = {}
        for name, config in plan.evaluations(held_out).items():
            evaluation = read_evaluation(config.out)
            if not self._rows:
                self.unit_N, clusters = _clusters(evaluation.predictions, plan.cluster)
                self.facts = _facts(evaluation.predictions, plan.cluster, clusters)
            self._rows[name] = [_bare(each.row) for each in evaluation.predictions]
            self._open_N[name] = np.array([open_share(each) for each in evaluation.predictions])
            summaries[name] = evaluation.summary
            if name in plan.report:
                self.shown[name] = evaluation
        found = numbers(self._rows, unit_N=self.unit_N)
        self.told: dict[str, JSON] = {
            name: {**summaries[name], **found[name], **self._open(name)} for name in summaries
        }
        for name, evaluation in self.shown.items():
            told = cast("dict[str, JSON]", self.told[name])
            self.shown[name] = replace(evaluation, summary=told)

    def compared(self) -> list[Comparison]:
        """Hold the two evaluations of every question against each other."""
        found: list[Comparison] = []
        for one, other in dict.fromkeys(self._plan.questions.values()):
            found += comparisons({other: self._rows[other], one: self._rows[one]}, unit_N=self.unit_N)
            gap_N = self._open_N[one] - self._open_N[other]
            if not np.isnan(gap_N).all():
                (gap,) = differences(gap_N[:, None], self.unit_N)
                found.append(
                    Comparison(metric=OPEN, evaluation=one, baseline=other, difference=gap, p_holm=gap.p)
                )
        return found

    def _open(self, name: str) -> dict[str, JSON]:
        """Return the mean of what is right of open leaves, where a row has any."""
        open_N = self._open_N[name]
        if np.isnan(open_N).all():
            return {}
        (mean,) = means(open_N[:, None], self.unit_N)
        return {OPEN: mean.as_json()}


def open_share(prediction: Prediction) -> float:
    """Return what share of the leaves that the schema leaves open is right at its place; NaN without any."""
    target = prediction.example.target
    if target is None:
        return math.nan
    held = holders(target, prediction.schema)
    asked = [leaf.pointer for holder in held for leaf in holder.leaves if not leaf.is_fixed]
    right = sum(prediction.row.right.get(pointer, False) for pointer in asked)
    return right / len(asked) if asked else math.nan


def _bare(row: Row) -> Row:
    """Return what of a row is compared; what it says of single leaves takes most of its memory."""
    return replace(row, leaves={}, types={}, depths={}, right={}, violations=(), difficulty={})


def _clusters(predictions: Sequence[Prediction], key: str) -> tuple[Units, int]:
    if key != "schema":
        return units([each.example for each in predictions], key)
    numbered: dict[str, int] = {}
    found = [numbered.setdefault(each.schema.hash, len(numbered)) for each in predictions]
    return np.array(found, dtype=np.intp), len(numbered)


def _facts(predictions: Sequence[Prediction], cluster: str, clusters: int) -> dict[str, JSON]:
    """Say what rows are like: how many, how long, and how much of an answer their schema has fixed."""
    leaves = [
        leaf
        for each in predictions
        if each.example.target is not None
        for holder in holders(each.example.target, each.schema)
        for leaf in holder.leaves
    ]
    rows = len(predictions)
    return {
        "rows": rows,
        "schemas": len({each.schema.hash for each in predictions}),
        "cluster": cluster,
        "clusters": clusters,
        "characters": round(sum(len(each.example.text) for each in predictions) / rows, 1),
        "leaves": round(len(leaves) / rows, 1),
        "open_leaves": round(sum(not leaf.is_fixed for leaf in leaves) / rows, 1),
    }


def _adjusted(made: Sequence[Sequence[Comparison]]) -> list[list[Comparison]]:
    """Adjust p values for all comparisons of a study together (Holm)."""
    adjusted = iter(holm([each.difference.p for several in made for each in several]))
    return [[replace(each, p_holm=next(adjusted)) for each in several] for several in made]


def _of_data(plan: Plan, name: str, done: Mapping[str, Summary]) -> dict[str, JSON]:
    summary = done[f"data.{name}"]
    counted = ("rows", "held_out", "kept", "rejected", "leaks", "bytes")
    step = plan.data[name]
    return {
        "verb": artifact.verb_of(step),
        **{key: summary[key] for key in counted if key in summary},
        "seconds": _seconds(step.out, summary),
    }


def _of_stage(plan: Plan, name: str, done: Mapping[str, Summary]) -> dict[str, JSON]:
    step, summary = plan.stages[name], done[f"stages.{name}"]
    finished = read_object(step.out / artifact.MANIFEST)["finished"]
    told: dict[str, JSON] = {
        "verb": "sft" if isinstance(step, SftConfig) else "grpo",
        "from": plan.parents.get(name, step.model),
        "data": str(step.data),
        "form": step.form,
        "steps": summary["steps"],
        "seconds": _seconds(step.out, summary),
        "tokens": _tokens(step),
        "stopped": finished is not True,
        "final": summary["final"],
    }
    if isinstance(step, GrpoConfig):
        told |= {"reward": step.reward, "constrain": step.constrain}
    return told


def _tokens(step: SftConfig | GrpoConfig) -> int:
    """Return the tokens that a stage learned from or wrote: of right answers, or of completions."""
    file = step.out / (METRICS if isinstance(step, SftConfig) else ROLLOUTS)
    with file.open(encoding="utf-8") as lines:
        return sum(json.loads(line)["tokens"] for line in lines)


def _seconds(out: Path, summary: Summary) -> float:
    """Return how long a step took: as it says itself, or by its manifest."""
    said = summary.get("seconds")
    if isinstance(said, int | float):
        return float(said)
    manifest = read_object(out / artifact.MANIFEST)
    began, ended = (datetime.fromisoformat(str(manifest[name])) for name in ("started", "ended"))
    return round((ended - began).total_seconds(), 1)


def _write(
    plan: Plan, summary: Summary, measured: _Measured, made: Sequence[Comparison], config: StudyConfig
) -> None:
    """Write the summary, the pages and the figures; each appears whole or not at all."""
    training = {name: _steps(step) for name, step in plan.stages.items()}
    figures = plan.out / FIGURES
    figures.mkdir(exist_ok=True)
    told = cast("Mapping[str, Summary]", measured.told)
    free = {name: each for name, each in told.items() if not name.endswith(CONSTRAINED)}
    write_whole(figures / "comparison.svg", bars(free or told))
    for name, steps in training.items():
        write_whole(figures / f"{name}.svg", training_curves(steps))
    html = render(
        plan.title,
        measured.shown,
        training=training,
        comparisons=[
            each
            for each in made
            if {each.evaluation, each.baseline} <= measured.shown.keys() and each.metric != OPEN
        ],
        meta={"command": str(summary["command"]), **artifact.versions()},
    )
    write_whole(plan.out / REPORT, html)
    write_whole(plan.out / "study.toml", config.file.read_text(encoding="utf-8"))
    write_whole(plan.out / artifact.SUMMARY, f"{json.dumps(summary, indent=2, ensure_ascii=False)}\n")
    write_whole(plan.out / PAGE, page(summary, figures=FIGURES))


def _steps(step: SftConfig | GrpoConfig) -> list[dict[str, JSON]]:
    with (step.out / METRICS).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _set(config: StudyConfig) -> list[str]:
    return ["--set", *config.set] if config.set else []
