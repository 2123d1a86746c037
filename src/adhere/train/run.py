"""`adhere sft` and `adhere grpo`: reads data, runs a loop, seals the directory."""

import errno
import math
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from adhere import artifact
from adhere.config import GrpoConfig, SftConfig
from adhere.data import store
from adhere.data.store import Dataset
from adhere.errors import DataError, TrainingError, TrainingStopped
from adhere.model import Model, add_lora, load, save_adapter
from adhere.records import JSON
from adhere.reward import loading
from adhere.reward.normalise import refuse_unknown_paths
from adhere.reward.score import needs_target
from adhere.train import acceptance
from adhere.train import grpo as grpo_loop
from adhere.train import sft as sft_loop
from adhere.train.attempt import Attempt, write_model
from adhere.train.checkpoint import RESUME, whole
from adhere.train.curriculum import Curriculum, passage
from adhere.train.curriculum import load as load_stages
from adhere.train.doctor import Report
from adhere.train.examine import Sampled, examine
from adhere.train.grpo import GrpoStep
from adhere.train.held_out import Looks, read_apart
from adhere.train.log import REPORT, Step
from adhere.train.trackers import refuse_missing
from adhere.train.watch import Skips, Watch

CHECKPOINT = "checkpoint"
"""Directory, in a run's own, that holds the trained weights and their tokenizer."""
ADAPTER = "adapter"
"""Directory, in a run's own, that holds the adapter alone, where one was trained."""
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def sft(config: SftConfig) -> dict[str, JSON]:
    """Run supervised fine-tuning and write its directory; return the summary.

    What an earlier attempt at the same run left is gone on from, and ends as if it had never stopped.

    Raises:
        ConfigError: The curriculum is none, or no example fits a stage of it.
        DataError: A row is not what its form needs, or a held-out one is among those of the training.
        TrainingError: There is no room on the disk; what was saved before stays.
        TrainingStopped: Several updates in a row were not finite.
    """
    refuse_missing(config.report_to)
    dataset = store.read(config.data)
    held_out = read_apart(config.held_out, dataset.examples, config.data) if config.held_out else None
    curriculum = load_stages(config.curriculum, dataset.examples, by="loss")
    total = sft_loop.updates(dataset.examples, config)
    with _going_on(config, _inputs(config)) as run:
        if not run.summary:
            model = _model(config)
            looks = Looks.of_sft(model, held_out, config, total=total) if held_out else None
            state = sft_loop.begun(model, config)
            watch = Skips(lr=config.lr)
            attempt = Attempt(run, model, state, config, total=total, watch=watch, looks=looks)
            updates = sft_loop.train(
                model, dataset.examples, dataset.schemas, config, curriculum=curriculum, state=state
            )
            _go_through(attempt, updates, dataset, curriculum)
    return dict(run.summary)


def grpo(config: GrpoConfig) -> dict[str, JSON]:
    """Run reinforcement learning and write its directory; return the summary.

    What an earlier attempt at the same run left is gone on from, and ends as if it had never stopped.

    Raises:
        ConfigError: The reward is the user's own and cannot be loaded, `normalise` names no value, or the
            curriculum is none, or no example fits a stage of it.
        DataError: The reward needs targets and a row has none, or a held-out row is among those of the
            training.
        TrainingError: There is no room on the disk; what was saved before stays.
        TrainingStopped: The steps taught nothing, and `config.stop` is set; or several updates in a row were
            not finite.
    """
    refuse_missing(config.report_to)
    inputs = [
        *_inputs(config),
        *loading.files(config.reward, config.scoring),
        *acceptance.files(config.accept),
    ]
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
    held_out = read_apart(config.held_out, dataset.examples, config.data) if config.held_out else None
    curriculum = load_stages(config.curriculum, dataset.examples, by="reward")
    with _going_on(config, inputs) as run:
        if not run.summary:
            model = _model(config)
            looks = Looks.of_grpo(model, held_out, config) if held_out else None
            state = grpo_loop.begun(model, config)

            def warn(report: Report) -> None:
                attempt.log.warn(f"{report.line}. Going on, as --no-stop asks.")

            watch = Watch(
                _diagnosis(model, dataset, config), config, warn=warn, learned=curriculum.is_learned
            )
            attempt = Attempt(run, model, state, config, total=config.steps, watch=watch, looks=looks)
            # What the weights are compared with is what the run began with, wherever it goes on.
            moved = state.step and config.beta and not model.has_adapter
            updates = grpo_loop.train(
                model,
                dataset.examples,
                dataset.schemas,
                config,
                curriculum=curriculum,
                state=state,
                reference=_loaded(config) if moved else None,
            )
            _go_through(attempt, updates, dataset, curriculum)
    return dict(run.summary)


@contextmanager
def _going_on(config: SftConfig | GrpoConfig, inputs: Iterable[Path]) -> Generator[artifact.Run]:
    """Write the run's directory, where it stood if it was begun; say in one line that the disk is full."""
    try:
        with artifact.resuming(config.out, config, inputs=inputs, scratch=RESUME) as run:
            # Work that was saved outlasts what may be wrong today only, as a model that cannot be reached.
            run.keep_on_error = run.resumed
            yield run
    except OSError as fault:
        if fault.errno not in _NO_ROOM:
            raise
        raise TrainingError.at(
            "out",
            str(config.out),
            f"it cannot be written on ({fault.strerror})",
            fix="Make room and run the same command again, which goes on from the last checkpoint",
        ) from fault


def _loaded(config: SftConfig | GrpoConfig) -> Model:
    return load(
        config.model,
        precision=config.precision,
        trained=not config.lora.rank,
        sampled=isinstance(config, GrpoConfig),
    )


def _model(config: SftConfig | GrpoConfig) -> Model:
    model = _loaded(config)
    add_lora(model, config.lora, seed=config.seed)
    return model


def _inputs(config: SftConfig | GrpoConfig) -> list[Path]:
    """List the files of a run, those of a reward aside."""
    return [config.data, *(path for path in (config.held_out, config.curriculum) if path is not None)]


def _go_through(attempt: Attempt, updates: Iterable[Step], dataset: Dataset, curriculum: Curriculum) -> None:
    """Let a loop run to its end; write the weights and the summary.

    Raises:
        TrainingStopped: It had to be ended.
    """
    run, model, config, watch = attempt.run, attempt.model, attempt.config, attempt.watch
    with kept_when_interrupted(run, model):
        attempt.follow(updates)
        write_model(model, run.path / CHECKPOINT)
        if model.has_adapter:
            with whole(run.path / ADAPTER) as aside:
                save_adapter(model, aside)
        run.summary = {
            "steps": len(attempt.log.lines),
            "seconds": round(attempt.seconds, 2),
            **_final(attempt),
            "checkpoint": str(config.out / CHECKPOINT),
            "report": str(config.out / REPORT),
            **_passage(curriculum, dataset, attempt),
        }
        for name in (CHECKPOINT, ADAPTER) if model.has_adapter else (CHECKPOINT,):
            attempt.calibrate(name)
    if isinstance(watch, Watch) and watch.report is not None:
        run.summary = {**run.summary, "diagnosis": watch.report.as_json()}
    if watch.failed:
        run.keep_on_interrupt = True
        taught = f"stopped after {len(attempt.log.lines)} of {attempt.total} steps: {watch.line}"
        kept = f"{config.out} holds weights and logs"
        if isinstance(config, GrpoConfig) and config.stop:
            kept = f"{kept}, and --no-stop goes on regardless"
        raise TrainingStopped(f"{taught}. {kept}.", run.summary)


def _final(attempt: Attempt) -> dict[str, JSON]:
    """Return the last step's numbers, and what the weights achieve on the held-out examples."""
    final = dict(attempt.log.lines[-1])
    if attempt.looks is None:
        return {"final": final}
    before = attempt.looks.best
    seen = attempt.looks.summary(attempt.state.step)
    if attempt.looks.best is not before:
        attempt.note_look()
    if "loss" in seen:
        final["held_out_loss"] = cast("dict[str, JSON]", seen["loss"])["mean"]
    return {"final": final, "held_out": seen}


def _passage(curriculum: Curriculum, dataset: Dataset, attempt: Attempt) -> dict[str, JSON]:
    if attempt.config.curriculum is None:
        return {}
    by = "loss" if isinstance(attempt.config, SftConfig) else "reward"
    achieved = [math.nan if line[by] is None else cast("float", line[by]) for line in attempt.log.lines]
    return passage(curriculum, dataset.examples, achieved, by=by)


def _diagnosis(model: Model, dataset: Dataset, config: GrpoConfig) -> Callable[[Sequence[GrpoStep]], Report]:
    def diagnosed(steps: Sequence[GrpoStep]) -> Report:
        # The loop samples its first step as step 0.
        sampled = [Sampled(step.step - 1, step.groups) for step in steps]
        reward = loading.load(config.reward, form=config.form, scoring=config.scoring, own=config.own)
        return examine(model, dataset, sampled, reward, config, rows=config.data)

    return diagnosed


@contextmanager
def kept_when_interrupted(run: artifact.Run, model: Model) -> Iterator[None]:
    """Save the weights as they are when the user stops the run."""
    try:
        yield
    except KeyboardInterrupt:
        write_model(model, run.path / CHECKPOINT)
        run.keep_on_interrupt = True
        raise
