"""How far a run is: a bar where someone looks on, and a plain line now and then where nobody does."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

LINES = 10
"""Plain lines over a whole run, at least; a log of it stays short."""
SECONDS = 30.0
"""Longest time without a plain line while steps are made."""
_BAR = 16
"""Width of the bar, in characters: with a description of 58 the line has 100."""
_SPEED = 3600.0
"""Seconds over which the speed is measured; steps of some minutes each have one too."""


class Advance(Protocol):
    """Says how far a run is."""

    def __call__(self, description: str, steps: int = 1, /) -> None:
        """Say what stands beside the bar, and how many steps were taken."""


@contextmanager
def progress(verb: str, total: int, *, done: int = 0) -> Iterator[Advance]:
    """Show on stderr how far a run is, and the time left; yield a function that advances it.

    On a terminal that is a bar. Anywhere else it is a plain line after the first step, after every tenth of
    the run or 30 seconds, whichever comes first, and after the last.

    Args:
        verb: What is going on.
        total: Steps in all.
        done: Steps that an earlier attempt made.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(verb, total, done, console)
        return
    columns = (
        TextColumn(verb),
        BarColumn(bar_width=_BAR),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=console, speed_estimate_period=_SPEED) as bar:
        task = bar.add_task("", total=total, completed=done)

        def advance(description: str, steps: int = 1) -> None:
            bar.update(task, advance=steps, description=description)

        yield advance


def _lines(verb: str, total: int, done: int, console: Console) -> Advance:
    """Return a function that writes a plain line when it is time for one."""
    began, spoke, reached, first = time.monotonic(), -SECONDS, done, done

    def advance(description: str, steps: int = 1) -> None:
        nonlocal spoke, reached
        before, reached, now = reached, reached + steps, time.monotonic()
        is_tenth = LINES * before // max(1, total) < LINES * reached // max(1, total)
        if not is_tenth and reached < total and now - spoke < SECONDS:
            return
        spoke = now
        left = timedelta(seconds=round((now - began) / max(1, reached - first) * max(0, total - reached)))
        line = f"{verb} {reached}/{total}  {left} left  {description}".rstrip()
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    return advance
