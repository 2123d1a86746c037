"""A checkpoint is whole or it is not taken."""

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
import torch

from adhere.errors import ConfigError
from adhere.model import Model
from adhere.records import JSON
from adhere.train import checkpoint
from adhere.train.curriculum import Place
from adhere.train.optimizer import adamw
from adhere.train.state import State


def begun(model: Model) -> State:
    return State(adamw(model, lr=1e-2, weight_decay=0.1))


def learn(model: Model, state: State) -> None:
    """Make an update that follows from the step alone."""
    generator = torch.Generator().manual_seed(state.step)
    for weight in model.network.parameters():
        weight.grad = torch.randn(weight.shape, generator=generator)
    state.optimizer.step()
    state.step += 1


def weights(model: Model) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.network.state_dict().items()}


def is_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def saved(directory: Path, model: Model, steps: int, *, every: int = 1) -> dict[str, torch.Tensor]:
    """Make updates of a copy, with checkpoints on the way; return the last weights."""
    model = Model(model.reference, copy.deepcopy(model.network), model.tokenizer)
    state = begun(model)
    for _ in range(steps):
        learn(model, state)
        if state.step % every == 0:
            checkpoint.save(directory, model, state, {"step": state.step})
    return weights(model)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_what_goes_on_from_a_checkpoint_ends_with_the_same_weights(tmp_path: Path, model: Model) -> None:
    expected = saved(tmp_path / "whole", model, 5, every=9)
    saved(tmp_path / "half", model, 3, every=3)
    state = begun(model)
    assert checkpoint.load(tmp_path / "half", model, state) == {"step": 3}
    while state.step < 5:
        learn(model, state)
    assert is_equal(weights(model), expected)


def test_all_of_a_state_comes_back(tmp_path: Path, model: Model) -> None:
    state = begun(model)
    state.step, state.place = 7, Place(stage=1, steps=3, recent=(0.1, float("nan"), 1e-300), drawn=4)
    state.remembered = {"resting": {"a": [1, 0.1 + 0.2], "b": None}}
    state.sampler = {"head": torch.tensor([0.1, 0.2], dtype=torch.bfloat16)}
    also: dict[str, JSON] = {"watch": {"silent": [1, 2]}, "text": "é"}
    checkpoint.save(tmp_path, model, state, also)
    found = begun(model)
    assert checkpoint.load(tmp_path, model, found) == also
    assert repr(found.place) == repr(state.place)
    assert (found.step, found.remembered) == (state.step, state.remembered)
    assert found.sampler is not None
    assert is_equal(found.sampler, state.sampler)


def test_without_a_checkpoint_all_stays_as_it_is(tmp_path: Path, model: Model) -> None:
    before, state = weights(model), begun(model)
    assert checkpoint.load(tmp_path, model, state) is None
    assert (state.step, is_equal(weights(model), before)) == (0, True)


def test_the_last_two_stay(tmp_path: Path, model: Model) -> None:
    saved(tmp_path, model, 12, every=3)
    assert names(tmp_path / "resume") == ["step-12", "step-9"]


def test_only_weights_that_are_trained_are_written(tmp_path: Path, model: Model) -> None:
    for name, weight in model.network.named_parameters():
        weight.requires_grad_("norm" in name)
    checkpoint.save(tmp_path, model, begun(model), {})
    whole = sum(weight.nbytes for weight in model.network.parameters())
    assert (tmp_path / "resume" / "step-0" / "weights.safetensors").stat().st_size < whole / 10


FILES = ("manifest.json", "moments.safetensors", "state.json", "weights.safetensors")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("harm", [truncate, flip, Path.unlink, lambda path: path.write_bytes(b"")],
                         ids=["truncated", "one bit wrong", "missing", "empty"])  # fmt: skip
def test_a_checkpoint_that_is_not_whole_is_passed_over(
    tmp_path: Path, model: Model, capsys: pytest.CaptureFixture[str], file: str, harm: Callable[[Path], None]
) -> None:
    saved(tmp_path, model, 2)
    harm(tmp_path / "resume" / "step-2" / file)
    state = begun(model)
    assert checkpoint.load(tmp_path, model, state) == {"step": 1}
    told = capsys.readouterr().err
    assert told.startswith("step-2 is not whole (")
    assert told.count("\n") == 1
    assert names(tmp_path / "resume") == ["step-1"]


def half_written(directory: Path) -> None:
    """Killed while it was written aside."""
    (directory / "step-3").rename(directory / ".step-3.partial")
    (directory / ".step-3.partial" / "manifest.json").unlink()


def half_removed(directory: Path) -> None:
    """Killed while the oldest one was removed."""
    (directory / "step-1" / "manifest.json").write_text("{}")
    (directory / "step-1" / "state.json").unlink(missing_ok=True)
    shutil.rmtree(directory / "step-3")


def without_files(directory: Path) -> None:
    """Killed by a power cut that the file system did not survive whole."""
    for file in (directory / "step-3").iterdir():
        file.unlink()


@pytest.mark.parametrize("left", [half_written, half_removed, without_files], ids=lambda left: left.__doc__)
def test_wherever_a_kill_fell_the_newest_whole_checkpoint_is_taken(
    tmp_path: Path, model: Model, left: Callable[[Path], None]
) -> None:
    saved(tmp_path, model, 3)
    shutil.copytree(tmp_path / "resume" / "step-2", tmp_path / "resume" / "step-1")
    left(tmp_path / "resume")
    state = begun(model)
    assert checkpoint.load(tmp_path, model, state) == {"step": 2}
    assert not [name for name in names(tmp_path / "resume") if name.startswith(".")]


def test_where_none_is_whole_the_run_begins_afresh(tmp_path: Path, model: Model) -> None:
    saved(tmp_path, model, 2)
    for place in (tmp_path / "resume").iterdir():
        truncate(place / "weights.safetensors")
    before, state = weights(model), begun(model)
    assert checkpoint.load(tmp_path, model, state) is None
    assert is_equal(weights(model), before)
    assert names(tmp_path / "resume") == []


def test_a_process_takes_the_number_of_threads_that_the_run_began_with(tmp_path: Path, model: Model) -> None:
    saved(tmp_path, model, 1)
    torch.set_num_threads(2)
    try:
        checkpoint.load(tmp_path, model, begun(model))
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(1)


def test_another_device_is_refused(tmp_path: Path, model: Model) -> None:
    saved(tmp_path, model, 1)
    with pytest.raises(ConfigError, match="its run began on cpu, and this process would go on with meta"):
        cast("torch.nn.Module", model.network).to("meta")
        checkpoint.load(tmp_path, model, begun(model))


def test_an_error_while_a_directory_is_written_leaves_the_one_that_stood_there(tmp_path: Path) -> None:
    for text in ("first", "second"):
        with checkpoint.whole(tmp_path / "best") as aside:
            (aside / "model").write_text(text)
    with pytest.raises(OSError, match="full"), checkpoint.whole(tmp_path / "best") as aside:
        (aside / "model").write_text("third")
        raise OSError("full")
    assert (tmp_path / "best" / "model").read_text() == "second"
    assert names(tmp_path) == ["best"]
