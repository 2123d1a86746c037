"""Processes that make things ahead, taken from in turn."""

import os
import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from itertools import cycle
from multiprocessing.connection import Connection, Pipe
from typing import Generic, Protocol, TypeVar

from adhere.errors import AdhereError

PROGRAM = "from adhere.data.workers import main; main()"

T_co = TypeVar("T_co", covariant=True)
Thing = TypeVar("Thing")


class Job(Protocol[T_co]):
    """What a worker does; sent to it, so made of what can be pickled."""

    def chunks(self) -> Iterator[Sequence[T_co]]:
        """Make things, some at a time; a chunk that fits into a pipe several times keeps a worker busy."""
        ...


def in_turn(jobs: Sequence[Job[Thing]]) -> Generator[Thing]:
    """Yield a chunk of each job after the other, over and over, until the one whose turn it is has no more.

    Each job has a process of its own, which begins at once, works ahead, and ends with the generator.

    Raises:
        AdhereError: A job raised it.
        ChildProcessError: A worker was ended from outside, or by a fault of ours that it has printed.
    """
    workers: list[_Worker[Thing]] = []
    try:
        for job in jobs:
            workers.append(_Worker(job))
        for worker in cycle(workers):
            chunk = worker.chunk()
            if chunk is None:
                return
            yield from chunk
    finally:
        for worker in workers:
            worker.end()


class _Worker(Generic[Thing]):
    """A process that makes things ahead, as many as fit into the pipe to us.

    It is a fresh interpreter: nothing of this one is copied, not its threads either, and no script is run
    again in it. When this process is gone, it ends with the next chunk.
    """

    def __init__(self, job: Job[Thing]) -> None:
        self._channel, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603, the interpreter that runs this, with words of ours
                [sys.executable, "-P", "-c", PROGRAM, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=2,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for the run, which ends its workers
                env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
            )
        with suppress(ConnectionError):  # of a process that is gone, `chunk` tells
            self._channel.send(job)

    def chunk(self) -> Sequence[Thing] | None:
        """Wait for the next chunk; `None` after the last."""
        try:
            made: Sequence[Thing] | AdhereError | None = self._channel.recv()
        except (EOFError, ConnectionError) as fault:
            status = self._process.wait()
            raise ChildProcessError(f"a worker process ended with status {status}") from fault
        if isinstance(made, AdhereError):
            raise made
        return made

    def end(self) -> None:
        self._channel.close()
        self._process.kill()
        self._process.wait()


def main(words: Sequence[str] | None = None) -> None:
    """Do a job that is read from a pipe, until it is done or the other end of the pipe is closed.

    Args:
        words: The number of an open pipe; by default the process's own.
    """
    (descriptor,) = sys.argv[1:] if words is None else words
    with Connection(int(descriptor)) as channel:
        try:
            serve(channel)
        except (BrokenPipeError, ConnectionResetError, EOFError):
            return


def serve(channel: Connection) -> None:
    """Read a job, and send its chunks and then `None`, or the error that ended it."""
    job: Job[object] = channel.recv()
    try:
        for chunk in job.chunks():
            channel.send(chunk)
        channel.send(None)
    except AdhereError as error:
        channel.send(error)
