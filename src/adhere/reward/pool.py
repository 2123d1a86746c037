"""Worker processes that call a user's reward, each call within a limit of time."""

import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from typing import cast

from adhere.errors import RewardError
from adhere.reward.own import Call, Own, Written
from adhere.reward.worker import PROGRAM


class Pool:
    """Processes that start with the first call and end with the pool.

    They are fresh interpreters that load the function from its file, so nothing of the run's own state is in
    them, and what they print goes to standard error.
    """

    def __init__(self, own: Own, *, processes: int, seconds: float | None) -> None:
        """Say how a function is to be called.

        Args:
            own: The function, as it was found in this process.
            processes: At least 1.
            seconds: Longest call, the loading of the file left out; `None` for no limit.
        """
        self._own = own
        self._processes = processes
        self._seconds = seconds
        self._workers: list[_Worker] = []
        weakref.finalize(self, _end, self._workers)

    def rewards(self, written: Sequence[Written]) -> list[float]:
        """Return the reward of every completion, in order; as many calls at a time as there are processes.

        Raises:
            RewardError: A call took too long, raised, returned no usable number, or ended its process. All
                processes have been ended then.
        """
        calls = self._own.calls(written)
        answers: dict[int, list[float]] = {}
        try:
            if calls:
                self._start()
            self._ask(calls, answers)
        finally:
            if len(answers) < len(calls):
                _end(self._workers)
        return [reward for place in range(len(calls)) for reward in answers[place]]

    def _start(self) -> None:
        if not self._workers:
            for _ in range(self._processes):
                self._workers.append(_Worker(self._own.function.reference))
            for worker in self._workers:
                worker.answer(f"{self._own.function.reference}, loaded anew")

    def _ask(self, calls: Sequence[Call], answers: dict[int, list[float]]) -> None:
        """Put every call's rewards in its place of `answers`."""
        waiting = deque(enumerate(calls))
        idle = list(self._workers)
        # The worker at a socket, the place of its call, and when that must have been answered.
        busy: dict[int, tuple[_Worker, int, float]] = {}
        while waiting or busy:
            while waiting and idle:
                worker, (place, call) = idle.pop(), waiting.popleft()
                worker.ask(call, self._own.where(call))
                busy[worker.fileno] = worker, place, time.monotonic() + (self._seconds or math.inf)
            first = min(due for _, _, due in busy.values())
            patience = None if first == math.inf else max(0.0, first - time.monotonic())
            for ready in cast("list[int]", wait(busy, patience)):
                worker, place, _ = busy.pop(ready)
                answers[place] = worker.answer(self._own.where(calls[place]))
                idle.append(worker)
            for _, place, due in busy.values():
                if due <= time.monotonic():
                    raise self._too_slow(calls[place])

    def _too_slow(self, call: Call) -> RewardError:
        return RewardError.at(
            self._own.where(call),
            f"no answer after {self._seconds:g} s",
            "that is the longest that a call may take, and it was ended",
            fix="Make the function quicker, or raise own.seconds",
        )


class _Worker:
    """One process and the socket to it."""

    def __init__(self, reference: str) -> None:
        self._channel, theirs = socket.socketpair()
        self.fileno = self._channel.fileno()
        with theirs:
            command = [sys.executable, "-P", "-c", PROGRAM, str(theirs.fileno()), reference]
            # A session of its own: Ctrl-C is for the run, and what the function started is ended with it.
            self._process = subprocess.Popen(  # noqa: S603, the interpreter that runs this, with words of ours
                command,
                stdin=subprocess.DEVNULL,
                stdout=2,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
            )
        self._answers = self._channel.makefile("r", encoding="utf-8")

    def ask(self, call: Call, where: str) -> None:
        question = [[written.completion, dict(written.row)] for written in call]
        try:
            self._channel.sendall(f"{json.dumps(question)}\n".encode())
        except ConnectionError as fault:
            raise self._gone(where) from fault

    def answer(self, where: str) -> list[float]:
        """Read the rewards that the process sends, or wait until it does.

        Raises:
            RewardError: It sent an error, or nothing because it is gone.
        """
        try:
            line = self._answers.readline()
        except ConnectionError:
            line = ""
        if not line:
            raise self._gone(where)
        answer = json.loads(line)
        if "error" not in answer:
            return answer["rewards"]
        error = RewardError(answer["error"])
        if answer["trace"]:
            error.add_note(answer["trace"])
        raise error

    def end(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._answers.close()
        self._channel.close()

    def _gone(self, where: str) -> RewardError:
        status = self._process.wait()
        return RewardError.at(
            where,
            f"status {status}",
            "the process that called the function ended instead of answering",
            fix="Let the function neither exit nor kill its process; a negative status is a signal",
        )


def _end(workers: list[_Worker]) -> None:
    """End all processes with all that they started, and forget them."""
    while workers:
        workers.pop().end()
