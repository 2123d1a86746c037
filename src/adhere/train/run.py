"""`adhere sft` and `adhere grpo`: reads data, runs a loop, logs every update, seals the directory."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from adhere import artifact
from adhere.config import GrpoConfig, SftConfig
from adhere.data import store
from adhere.data.store import Dataset
from adhere.errors import DataError, TrainingStopped
from adhere.model import Model, load, save
from adhere.prompt import Rendered
from adhere.records import JSON
from adhere.reward import loading
from adhere.reward.normalise import refuse_unknown_paths
from adhere.reward.score import needs_target
from adhere.train import grpo as grpo_loop
from adhere.train import sft as sft_loop
from adhere.train.curriculum import Curriculum, Measure, passage
from adhere.train.curriculum import load as load_stages
from adhere.train.doctor import Report
from adhere.train.examine import Sampled, examine
from adhere.train.grpo import GrpoStep
from adhere.train.held_out import read_apart
from adhere.train.log import logged_grpo, logged_sft
from adhere.train.watch import Watch

CHECKPOINT = "checkpoint"
"""Directory, in a run's own, that holds the trained weights and their tokenizer."""


def sft(config: SftConfig) -> dict[str, JSON]:
    """Run supervised fine-tuning and write its directory; return the summary.

    Raises:
        ConfigError: The curriculum is none, or no example fits a stage of it.
        DataError: A row is not what its form needs, or a held-out one is among those of the training.
    """
    dataset = store.read(config.data)
    held_out = read_apart(config.held_out, dataset.examples, config.data) if config.held_out else None
    curriculum = load_stages(config.curriculum, dataset.examples, by="loss")
    with artifact.writing(config.out, config, inputs=_inputs(config)) as run:
        model = load(config.model)
        # A held-out row that is too long must not end the run after its last update.
        kept = _rendered(model, held_out, config) if held_out else []
        began = time.monotonic()
        with kept_when_interrupted(run, model):
            updates = sft_loop.train(model, dataset.examples, dataset.schemas, config, curriculum=curriculum)
            steps = list(logged_sft(updates, run.path, sft_loop.updates(dataset.examples, config)))
        final: dict[str, JSON] = dict(steps[-1])
        if kept:
            final["held_out_loss"] = sft_loop.mean_loss(model, kept)
        save(model, run.path / CHECKPOINT)
        run.summary = _summary(config.out, steps=len(steps), began=began, final=final)
        if config.curriculum:
            run.summary = {**run.summary, **_passage(curriculum, dataset, steps, by="loss")}
    return dict(run.summary)


def grpo(config: GrpoConfig) -> dict[str, JSON]:
    """Run reinforcement learning and write its directory; return the summary.

    Raises:
        ConfigError: The reward is the user's own and cannot be loaded, `normalise` names no value, or the
            curriculum is none, or no example fits a stage of it.
        DataError: The reward needs targets and a row has none, or a held-out row is among those of the
            training.
        TrainingStopped: The steps taught nothing, and `config.stop` is set.
    """
    inputs = [*_inputs(config), *loading.files(config.reward, config.scoring)]
    dataset = store.read(config.data)
    refuse_unknown_paths(config.scoring.normalise, dataset.schemas.values())
    unlabelled = next((example for example in dataset.examples if example.target is None), None)
    if needs_target(config.reward) and unlabelled is not None:
        raise DataError.at(
            f"{config.data} row {unlabelled.id}",
            unlabelled.target,
            f"the reward {config.reward!r} compares with a target and this row has none",
            fix="Label the rows, or train with --reward grounded, which needs no labels",
        )
    if config.held_out:
        read_apart(config.held_out, dataset.examples, config.data)
    curriculum = load_stages(config.curriculum, dataset.examples, by="reward")
    with artifact.writing(config.out, config, inputs=inputs) as run:
        model = load(config.model)
        watch = _watch(model, dataset, config, curriculum)
        began = time.monotonic()
        with kept_when_interrupted(run, model):
            updates = grpo_loop.train(model, dataset.examples, dataset.schemas, config, curriculum=curriculum)
            steps = list(logged_grpo(watch.steps(updates), run.path, config.steps))
        save(model, run.path / CHECKPOINT)
        run.summary = _summary(config.out, steps=len(steps), began=began, final=steps[-1])
        if config.curriculum:
            run.summary = {**run.summary, **_passage(curriculum, dataset, steps, by="reward")}
        if watch.report is not None:
            run.summary = {**run.summary, "diagnosis": watch.report.as_json()}
            if config.stop and not watch.has_learned_all:
                run.keep_on_interrupt = True
                taught = f"stopped after {len(steps)} of {config.steps} steps: {watch.report.line}"
                kept = f"{config.out} holds weights and logs, and --no-stop goes on regardless"
                raise TrainingStopped(f"{taught}. {kept}.", run.summary)
    return dict(run.summary)


def _inputs(config: SftConfig | GrpoConfig) -> list[Path]:
    """List the files of a run, those of a reward aside."""
    return [config.data, *(path for path in (config.held_out, config.curriculum) if path is not None)]


def _passage(
    curriculum: Curriculum, dataset: Dataset, steps: Sequence[Mapping[str, JSON]], *, by: Measure
) -> dict[str, JSON]:
    achieved = [cast("float", step[by]) for step in steps]
    return passage(curriculum, dataset.examples, achieved, by=by)


def _rendered(model: Model, dataset: Dataset, config: SftConfig) -> list[Rendered]:
    rows = sft_loop.rendered(
        model, dataset.examples, dataset.schemas, form=config.form, max_tokens=config.max_tokens
    )
    return list(rows.values())


def _watch(model: Model, dataset: Dataset, config: GrpoConfig, curriculum: Curriculum) -> Watch:
    def diagnosed(steps: Sequence[GrpoStep]) -> Report:
        # The loop samples its first step as step 0.
        sampled = [Sampled(step.step - 1, step.groups) for step in steps]
        reward = loading.load(config.reward, form=config.form, scoring=config.scoring, own=config.own)
        return examine(model, dataset, sampled, reward, config, rows=config.data)

    def warn(report: Report) -> None:
        sys.stderr.write(f"adhere grpo: {report.line}. Going on, as --no-stop asks.\n")

    return Watch(diagnosed, lr=config.lr, stop=config.stop, warn=warn, learned=curriculum.is_learned)


def _summary(out: Path, *, steps: int, began: float, final: Mapping[str, JSON]) -> dict[str, JSON]:
    return {
        "steps": steps,
        "seconds": round(time.monotonic() - began, 2),
        "final": dict(final),
        "checkpoint": str(out / CHECKPOINT),
    }


@contextmanager
def kept_when_interrupted(run: artifact.Run, model: Model) -> Iterator[None]:
    """Save the weights as they are when the user stops the run."""
    try:
        yield
    except KeyboardInterrupt:
        save(model, run.path / CHECKPOINT)
        run.keep_on_interrupt = True
        raise
