"""Held-out examples, of which a run must have seen none."""

from collections.abc import Sequence
from pathlib import Path

from adhere.data import store
from adhere.data.inspection.overlap import leaking
from adhere.data.store import Dataset
from adhere.errors import DataError
from adhere.records import Example


def read_apart(held_out: Path, examples: Sequence[Example], data: Path) -> Dataset:
    """Read held-out examples.

    Args:
        held_out: Where they lie.
        examples: Those that the run trains on.
        data: Where these lie.

    Raises:
        DataError: `store.read` refuses them, or one has the text or the target of one of `examples`.
    """
    dataset = store.read(held_out)
    refuse_leaks(held_out, dataset.examples, examples, data)
    return dataset


def refuse_leaks(held_out: Path, apart: Sequence[Example], examples: Sequence[Example], data: Path) -> None:
    """Refuse held-out examples that a run trains on, as `read_apart` does."""
    leaks = leaking(examples, apart)
    if not leaks:
        return
    first = leaks[0]
    raise DataError.at(
        f"{held_out} row",
        first.held_out,
        f"row {first.train} of {data} has this {first.by} too, and so it is with {len(leaks)} of "
        f"{len(apart)} held-out rows: what a model was trained on measures nothing",
        fix=f"Take them out of one of the two; `adhere check {data} --against {held_out}` lists them",
    )
