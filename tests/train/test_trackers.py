"""Trackers are told what the log is told; each test is skipped where its package is not installed."""

import importlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from adhere.artifact import installed
from adhere.config.training import Tracker
from adhere.errors import ConfigError
from adhere.train import trackers

NAMES: tuple[Tracker, ...] = ("trackio", "wandb", "mlflow", "tensorboard")
# What these packages warn of among themselves is not ours.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what trackers write beside the run's directory in the test's own folder."""
    for name in ("WANDB_MODE", "WANDB_PROJECT", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))


def told(rewards: Mapping[int, float]) -> trackers.Told:
    return [(step, {"reward": reward, "parts/matches": reward / 2}) for step, reward in rewards.items()]


def tell(
    name: Tracker,
    directory: Path,
    rewards: Mapping[int, float],
    *,
    earlier: Mapping[int, float] | None = None,
) -> None:
    opened = trackers.listeners(
        (name,),
        directory,
        project="adhere",
        out=Path("runs/mugs"),
        settings={"lr": "1e-05"},
        earlier=told(earlier or {}),
    )
    for step, numbers in told(rewards):
        for listener in opened:
            listener.hear(step, numbers)
    for listener in opened:
        listener.close()


def in_tensorboard(directory: Path, name: str) -> dict[int, float]:
    events: Any = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    read = events.EventAccumulator(str(directory / "tensorboard"))
    read.Reload()
    return {each.step: each.value for each in read.Scalars(name)}


def in_mlflow(directory: Path, name: str) -> dict[int, float]:
    with sqlite3.connect(directory / "mlflow" / "mlflow.db") as database:
        assert database.execute("select count(*) from runs").fetchone() == (1,)
        found = database.execute("select step, value from metrics where key = ? order by timestamp", (name,))
        return dict(found.fetchall())


def in_trackio(directory: Path, name: str) -> dict[int, float]:
    found: dict[int, float] = {}
    runs: set[str] = set()
    for file in (directory.parent / "trackio").glob("*.db"):
        with sqlite3.connect(file) as database:
            for run, step, told in database.execute(
                "select run_name, step, metrics from metrics order by id"
            ):
                runs.add(run)
                found |= {step: json.loads(told)[name]}
    assert len(runs) == 1
    return found


BLOCK, HEADER = 32768, 7


def pieces(written: bytes) -> Iterator[bytes]:
    """Records of wandb's file, a LevelDB log: blocks of frames of checksum, length, kind and bytes."""
    offset, piece = HEADER, b""
    while offset + HEADER <= len(written):
        if BLOCK - offset % BLOCK < HEADER:
            offset += BLOCK - offset % BLOCK
            continue
        length, kind = int.from_bytes(written[offset + 4 : offset + 6], "little"), written[offset + 6]
        offset += HEADER
        piece += written[offset : offset + length]
        offset += length
        # 1 is a whole record, 4 the last frame of one.
        if kind in (1, 4):
            yield piece
            piece = b""


def in_wandb(directory: Path, name: str) -> dict[int, float]:
    protocol: Any = importlib.import_module("wandb.proto.wandb_internal_pb2")
    found: dict[int, float] = {}
    files = sorted((directory / "wandb").glob("offline-run-*/run-*.wandb"))
    assert len({file.name for file in files}) == 1
    for file in files:
        for piece in pieces(file.read_bytes()):
            history = protocol.Record.FromString(piece).history
            told = {item.key or "/".join(item.nested_key): item.value_json for item in history.item}
            if name in told:
                found[history.step.num] = json.loads(told[name])
    return found


READ: Mapping[Tracker, Callable[[Path, str], dict[int, float]]] = {
    "tensorboard": in_tensorboard,
    "mlflow": in_mlflow,
    "trackio": in_trackio,
    "wandb": in_wandb,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_tracker_has_the_numbers_of_a_run_that_was_resumed(name: Tracker, tmp_path: Path) -> None:
    pytest.importorskip(name, reason=f"{name} is not installed: pip install 'adhere[{name}]'")
    directory = tmp_path / "run"
    directory.mkdir()
    tell(name, directory, {1: 0.25, 2: 0.5, 3: 0.625})
    # Killed after step 3, with a checkpoint of step 2.
    tell(name, directory, {3: 0.75, 4: 1.0}, earlier={1: 0.25, 2: 0.5})
    assert READ[name](directory, "reward") == {1: 0.25, 2: 0.5, 3: 0.75, 4: 1.0}
    assert READ[name](directory, "parts/matches")[4] == 0.5


def test_a_tracker_that_is_not_installed_is_refused_by_the_name_of_its_extra() -> None:
    for name in NAMES:
        if installed(name):
            trackers.refuse_missing((name,))
            continue
        with pytest.raises(ConfigError) as refused:
            trackers.refuse_missing((name,))
        assert str(refused.value) == (
            f"report_to = '{name}': it is not installed. Run pip install 'adhere[{name}]'."
        )


def test_no_tracker_is_imported_that_nobody_asked_for() -> None:
    code = f"import sys, adhere.train.log; print([name for name in {NAMES} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_without_trackers_nothing_is_written(tmp_path: Path) -> None:
    assert trackers.listeners((), tmp_path, project="p", out=tmp_path, settings={}, earlier=()) == []
    assert list(tmp_path.iterdir()) == []


def test_a_run_keeps_its_name_when_it_goes_on_and_gets_another_when_it_begins_anew(tmp_path: Path) -> None:
    names: list[str] = []
    for is_new in (True, False, True):
        assert trackers.run_name(tmp_path, Path("runs/mugs"), is_new=is_new).startswith("mugs-")
        names.append((tmp_path / trackers.RUN_NAME).read_text())
    assert names[0] == names[1] != names[2]
