"""Threads that compute side by side, each on one core."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Event
from typing import TypeVar

import torch

Made = TypeVar("Made")


def workers(device: torch.device) -> int:
    """Return how many threads write fastest on a device: on a CPU as many as torch would use, elsewhere one.

    The matrices of a small model are too small to be split between cores. Two threads that each write answers
    of their own are near twice as fast as one; two that share every product are a fifth faster.
    """
    return torch.get_num_threads() if device.type == "cpu" else 1


def side_by_side(parts: Sequence[Iterator[Made]]) -> Iterator[Made]:
    """Yield what iterators give as it comes, each run by a thread in which torch uses one core.

    When one raises, or nothing more is asked for, the others end after what they are at.
    """
    come: SimpleQueue[Made | Future[None]] = SimpleQueue()
    stopped = Event()

    def run(part: Iterator[Made]) -> None:
        torch.set_num_threads(1)  # OpenMP counts for each thread that calls it
        for made in part:
            come.put(made)
            if stopped.is_set():
                return

    with _one_core(), ThreadPoolExecutor(len(parts)) as pool:
        for part in parts:
            pool.submit(run, part).add_done_callback(come.put)
        going = len(parts)
        try:
            while going:
                made = come.get()
                if isinstance(made, Future):
                    made.result()  # raises what ended the thread
                    going -= 1
                else:
                    yield made
        finally:
            stopped.set()


@contextmanager
def _one_core() -> Iterator[None]:
    """Let torch use one core, as its setting is that of threads to come."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
