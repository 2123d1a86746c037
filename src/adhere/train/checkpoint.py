"""Checkpoints: all that a killed run needs to go on as if nothing had happened, whole on disk or not there.

A run writes one into its directory every few updates:

    resume/step-40/
        weights.safetensors    the weights that are trained: all of them, or the adapters
        moments.safetensors    what the optimizer keeps of each, by its name
        sampler.safetensors    the sampler's own weights, where they lag
        state.json             `State`, and what else the run keeps
        manifest.json          SHA-256 of each of these

Random numbers are no part of it: each follows from the seed, the step and the example it is drawn for.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from adhere.artifact import flush, sha256
from adhere.errors import ConfigError
from adhere.model import Model
from adhere.records import JSON
from adhere.train.state import State

RESUME = "resume"
"""Directory, in a run's own, of the checkpoints."""
_MANIFEST, _STATE = "manifest.json", "state.json"
_WEIGHTS, _MOMENTS, _SAMPLER = "weights.safetensors", "moments.safetensors", "sampler.safetensors"


def save(directory: Path, model: Model, state: State, also: Mapping[str, JSON]) -> None:
    """Write a checkpoint; the one before it stays, and those before that one go.

    Whenever the process is killed, and where the disk is full, the checkpoints that were whole are whole.

    Args:
        directory: The run's own.
        model: Of which the trained weights are written.
        state: The run's, between two updates.
        also: What else `load` is to return.
    """
    for older in newest_first(directory / RESUME)[1:]:
        shutil.rmtree(older)
    with whole(directory / RESUME / f"step-{state.step}") as aside:
        trained = _trained(model)
        save_file(trained, aside / _WEIGHTS)
        save_file(_moments(trained, state), aside / _MOMENTS)
        if state.sampler is not None:
            save_file(state.sampler, aside / _SAMPLER)
        kept = {**state.as_json(), "also": dict(also), **_machine(model)}
        (aside / _STATE).write_text(json.dumps(kept), encoding="utf-8")
        hashes = {file.name: sha256(file) for file in sorted(aside.iterdir())}
        (aside / _MANIFEST).write_text(json.dumps(hashes, indent=2), encoding="utf-8")


def load(directory: Path, model: Model, state: State) -> Mapping[str, JSON] | None:
    """Put the newest whole checkpoint into a model and a state that stand at the beginning.

    One that is not whole is removed, and stderr says so. Sums depend on how many threads add them up, so the
    process takes the number that the run began with.

    Returns:
        What `save` took besides; `None` where there is no checkpoint, and model and state are as they were.

    Raises:
        ConfigError: The run began on another kind of device, whose sums are others.
    """
    for left in directory.rglob(".*.partial"):
        shutil.rmtree(left)
    for place in newest_first(directory / RESUME):
        fault = _fault(place)
        if fault is None:
            return _restored(place, model, state)
        sys.stderr.write(f"{place.name} is not whole ({fault}), so the checkpoint before it is taken.\n")
        shutil.rmtree(place)
    return None


def newest_first(directory: Path) -> list[Path]:
    """Return what a directory holds of single steps, `step-40` before `step-20`."""
    found = directory.glob("step-*")
    return sorted(found, key=lambda place: int(place.name.removeprefix("step-")), reverse=True)


@contextmanager
def whole(place: Path) -> Generator[Path]:
    """Write a directory aside and put it in place when all of it is on disk.

    An error leaves what stood there; one of the disk is an `OSError`, whoever wrote. A process that is killed
    leaves that or the new one, or neither where it was killed between the two; what it was writing stays
    behind as `.NAME.partial`.
    """
    aside = place.with_name(f".{place.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        yield aside
        for path in (*aside.rglob("*"), aside):
            flush(path)
        shutil.rmtree(place, ignore_errors=True)
        aside.replace(place)
        flush(place.parent)
    except SafetensorError as fault:
        raise _of_system(fault) from fault
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _of_system(fault: SafetensorError) -> OSError | SafetensorError:
    """Return an error of the system as what it is: safetensors leaves its number in the text alone."""
    number = re.search(r"\(os error (\d+)\)", str(fault))
    return OSError(int(number[1]), os.strerror(int(number[1]))) if number else fault


def _fault(place: Path) -> str | None:
    """Say what a checkpoint lacks."""
    try:
        hashes = cast("dict[str, str]", json.loads((place / _MANIFEST).read_bytes()))
    except (OSError, ValueError):
        return f"{_MANIFEST} cannot be read"
    for name, expected in hashes.items():
        if not (place / name).is_file() or sha256(place / name) != expected:
            return f"{name} is not as it was written"
    return None


def _restored(place: Path, model: Model, state: State) -> Mapping[str, JSON]:
    kept = cast("dict[str, JSON]", json.loads((place / _STATE).read_bytes()))
    began, here = kept["device"], model.device.type
    if began != here:
        raise ConfigError.at(
            "out",
            str(place.parents[1]),
            f"its run began on {began}, and this process would go on with {here}, which adds up differently",
            fix=f"Go on where there is {began}, or remove that directory to begin afresh",
        )
    torch.set_num_threads(cast("int", kept["threads"]))
    trained = _trained(model)
    with torch.no_grad():
        for name, tensor in load_file(place / _WEIGHTS).items():
            trained[name].copy_(tensor)
    for name, tensor in load_file(place / _MOMENTS).items():
        weight, _, kind = name.rpartition("/")
        state.optimizer.state[trained[weight]][kind] = _own(tensor, model)
    if (place / _SAMPLER).exists():
        state.sampler = {name: _own(tensor, model) for name, tensor in load_file(place / _SAMPLER).items()}
    state.restore(kept)
    return cast("dict[str, JSON]", kept["also"])


def _own(tensor: torch.Tensor, model: Model) -> torch.Tensor:
    """Return a copy in memory of its own, where the model is; what is read may be a view of a file."""
    return tensor.to(model.device, copy=True)


def _trained(model: Model) -> dict[str, torch.Tensor]:
    return {name: weight for name, weight in model.network.named_parameters() if weight.requires_grad}


def _moments(trained: Mapping[str, torch.Tensor], state: State) -> dict[str, torch.Tensor]:
    return {
        f"{name}/{kind}": tensor
        for name, weight in trained.items()
        for kind, tensor in state.optimizer.state.get(weight, {}).items()
    }


def _machine(model: Model) -> dict[str, JSON]:
    """Return what the rounding of sums depends on."""
    return {"device": model.device.type, "threads": torch.get_num_threads()}
