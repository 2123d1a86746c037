"""A bar that says how far a run is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Advance(Protocol):
    """Moves a bar."""

    def __call__(self, description: str, steps: int = 1, /) -> None:
        """Say what stands beside the bar, and how many steps were taken."""


@contextmanager
def progress(verb: str, total: int) -> Iterator[Advance]:
    """Draw a bar with the time left on stderr; yield a function that advances it."""
    columns = (
        TextColumn(verb),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=total)

        def advance(description: str, steps: int = 1) -> None:
            bar.update(task, advance=steps, description=description)

        yield advance
