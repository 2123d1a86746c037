"""Trackers that are told a run's numbers besides its own log: trackio, wandb, mlflow, tensorboard.

Each is an extra (`pip install "adhere[wandb]"`), imported only where it is asked for. Nothing leaves the
machine unless the user's environment says so: wandb writes offline, mlflow and tensorboard write into the
run's directory, trackio into its own folder. A resumed run goes on in its trackers too.
"""

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, Protocol, TypeAlias
from uuid import uuid4

from adhere.config.training import Tracker
from adhere.errors import ConfigError

RUN_NAME = "tracked.txt"
"""File in the run's directory with the name under which trackers know it: the same after a resume."""
_DRAWN = 8
"""Hexadecimal digits of a run's name: two runs of one name meet once in four billion."""


Told: TypeAlias = Sequence[tuple[int, Mapping[str, float]]]
"""Steps with their numbers."""


class Listener(Protocol):
    """Is told the numbers of a run."""

    def hear(self, step: int, numbers: Mapping[str, float]) -> None:
        """Take the numbers of a step, by name; the names of nested ones are joined by `/`."""

    def close(self) -> None:
        """Write what is not yet written."""


def refuse_missing(names: Sequence[Tracker]) -> None:
    """Refuse trackers that are not installed; called before anything is loaded.

    Raises:
        ConfigError: A package is missing; it names the extra that brings it.
    """
    for name in names:
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError as fault:
            raise ConfigError.at(
                "report_to", name, "it is not installed", fix=f"Run pip install 'adhere[{name}]'"
            ) from fault


def listeners(
    names: Sequence[Tracker],
    directory: Path,
    *,
    project: str,
    out: Path,
    settings: Mapping[str, str],
    earlier: Told,
) -> list[Listener]:
    """Open trackers for a run.

    Args:
        names: Of the trackers.
        directory: The run's own, as it is written.
        project: Under which trackers list it.
        out: Where the run will stand when it is done; its last part is the beginning of its name.
        settings: Shown with the run.
        earlier: What was told of the steps of an earlier attempt that the run goes on from.
    """
    if not names:
        return []
    run = run_name(directory, out, is_new=not earlier)
    return [_OPENED[name](directory, project, run, settings, earlier) for name in dict.fromkeys(names)]


def run_name(directory: Path, out: Path, *, is_new: bool) -> str:
    """Return under which name trackers know a run: a new one, or that of the attempt it goes on from."""
    named = directory / RUN_NAME
    if not is_new and named.exists():
        return named.read_text(encoding="utf-8").strip()
    name = f"{out.name}-{uuid4().hex[:_DRAWN]}"
    named.write_text(f"{name}\n", encoding="utf-8")
    return name


class _Tensorboard:
    """Event files in `tensorboard/`; steps that are made again after a kill replace the first ones."""

    def __init__(
        self, directory: Path, _project: str, _run: str, settings: Mapping[str, str], earlier: Told
    ) -> None:
        done = earlier[-1][0] if earlier else 0
        board: Any = import_module("torch.utils.tensorboard")
        self._writer: Any = board.SummaryWriter(str(directory / "tensorboard"), purge_step=done + 1)
        if not done:
            rows = "\n".join(f"| {name} | `{value}` |" for name, value in settings.items())
            self._writer.add_text("settings", f"| setting | value |\n|---|---|\n{rows}")

    def hear(self, step: int, numbers: Mapping[str, float]) -> None:
        for name, number in numbers.items():
            self._writer.add_scalar(name, number, step)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class _Wandb:
    """Offline files in `wandb/`, to be sent by `wandb sync`; WANDB_MODE=online sends at once."""

    def __init__(
        self, directory: Path, project: str, run: str, settings: Mapping[str, str], earlier: Told
    ) -> None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        mode = os.environ.get("WANDB_MODE", "offline")
        if mode == "offline":
            # What a killed process told was in its memory only.
            shutil.rmtree(directory / "wandb", ignore_errors=True)
        self._wandb: Any = import_module("wandb")
        self._run: Any = self._wandb.init(
            project=os.environ.get("WANDB_PROJECT", project),
            id=run,
            name=run,
            dir=str(directory),
            config=dict(settings),
            mode=mode,
            resume="allow",
            settings=self._wandb.Settings(silent=True, console="off", disable_git=True, save_code=False),
        )
        for step, numbers in earlier if mode == "offline" else ():
            self.hear(step, numbers)

    def hear(self, step: int, numbers: Mapping[str, float]) -> None:
        self._run.log(dict(numbers), step=step)

    def close(self) -> None:
        self._run.finish()
        # Its process writes on after `finish`, and the directory is about to be hashed and moved.
        self._wandb.teardown()


class _Mlflow:
    """A database in `mlflow/`, shown by `mlflow ui`; MLFLOW_TRACKING_URI names another place."""

    def __init__(
        self, directory: Path, project: str, run: str, settings: Mapping[str, str], _earlier: Told
    ) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        entities: Any = import_module("mlflow.entities")
        tracking: Any = import_module("mlflow.tracking")
        place = directory / "mlflow"
        place.mkdir(exist_ok=True)
        elsewhere = os.environ.get("MLFLOW_TRACKING_URI")
        self._client: Any = tracking.MlflowClient(
            elsewhere or f"sqlite:///{(place / 'mlflow.db').absolute()}"
        )
        self._metric: Any = entities.Metric
        self._finished = entities.RunStatus.to_string(entities.RunStatus.FINISHED)
        known = self._client.get_experiment_by_name(project)
        # The folder moves when the run is done, so a local store must not note where it was.
        files = None if elsewhere else "artifacts"
        experiment = known.experiment_id if known else self._client.create_experiment(project, files)
        found = self._client.search_runs([experiment], f"attributes.run_name = '{run}'")
        self._run: str = (
            found[0] if found else self._client.create_run(experiment, run_name=run)
        ).info.run_id
        if not found:
            for name, value in settings.items():
                self._client.log_param(self._run, name, value)

    def hear(self, step: int, numbers: Mapping[str, float]) -> None:
        now = round(time.time() * 1000)
        metrics = [self._metric(name, number, now, step) for name, number in numbers.items()]
        self._client.log_batch(self._run, metrics)

    def close(self) -> None:
        self._client.set_terminated(self._run, self._finished)


class _Trackio:
    """A local database in trackio's own folder, shown by `trackio show`; TRACKIO_DIR names another."""

    def __init__(
        self, _directory: Path, project: str, run: str, settings: Mapping[str, str], _earlier: Told
    ) -> None:
        self._trackio: Any = import_module("trackio")
        self._trackio.init(
            project=project,
            name=run,
            config=dict(settings),
            resume="allow",
            embed=False,
            auto_log_cpu=False,
            auto_log_gpu=False,
        )

    def hear(self, step: int, numbers: Mapping[str, float]) -> None:
        self._trackio.log(dict(numbers), step=step)

    def close(self) -> None:
        self._trackio.finish()


_Open: TypeAlias = Callable[[Path, str, str, Mapping[str, str], Told], Listener]
_OPENED: Mapping[Tracker, _Open] = {
    "trackio": _Trackio,
    "wandb": _Wandb,
    "mlflow": _Mlflow,
    "tensorboard": _Tensorboard,
}
