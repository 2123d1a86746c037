"""A thread that writes answers, those of many orders side by side; new ones enter between two steps."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import structlog
import torch

from adhere.decode.archive import Archive
from adhere.decode.desk import Desk
from adhere.model import Model
from adhere.serve.job import Job
from adhere.serve.line import Line
from adhere.serve.order import Event, Refusal
from adhere.serve.reply import Spelling

_READ = {"cpu": 512, "cuda": 4096}
"""Most tokens of prompts that are read between two steps: answers under way wait no longer for new ones. A
GPU reads more of them at once as fast as few."""
_PADDING = 2.0
"""See `Desk`. Of 1 to 8 the fastest for 16 answers under schemas, by a fifth over no bound."""
_TOO_MANY = 3
"""Faults in a row after which a writer is not to be trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What writers are given."""

    model: Model
    line: Line[Job]
    archive: Archive | None
    """`None` reads every prompt from its start."""
    rows: int
    """Most answers side by side; more where a single order has more."""
    room: int
    """Most tokens of prompts and answers that there is room for, where it is more than one order."""
    is_alone: bool
    """Whether every order is written on its own."""
    spelling: Spelling
    tell: Callable[[Iterable[tuple[Job, Event | Refusal]]], None]
    """Called in the thread of a writer with what is new."""


class Writer:
    """Writes until the line is closed; what fails is told to those it was for, and logged."""

    def __init__(self, place: Place, loads: list[int], number: int) -> None:
        """Write nothing yet.

        Args:
            place: What all writers are given.
            loads: How many answers each writer has, itself by its number.
            number: Of this one.
        """
        self._place, self._loads, self._number = place, loads, number
        self._log = structlog.get_logger("adhere.serve").bind(writer=number)
        self._read = _READ[place.model.device.type]
        self._desk = self._cleared()
        self._jobs: list[Job] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"writer-{number}")
        self._shift: Future[None] | None = None
        self.faults = self._faults_in_a_row = 0

    @property
    def is_well(self) -> bool:
        """Whether it writes, and not only faults."""
        is_there = self._shift is not None and not self._shift.done()
        return is_there and self._faults_in_a_row < _TOO_MANY

    def start(self) -> None:
        """Begin to write."""
        self._shift = self._thread.submit(self._write)
        self._shift.add_done_callback(self._ended)

    def join(self) -> None:
        """Wait until it has written its last step; the line has to be closed."""
        self._thread.shutdown()

    @torch.inference_mode()
    def _write(self) -> None:
        if self._place.model.device.type == "cpu":
            torch.set_num_threads(1)  # OpenMP counts for each thread that calls it
        while not self._place.line.is_closed:
            self._turn()
        self._fail(Refusal(503, "The server is shutting down. Ask again.", retry_after=1.0))

    def _ended(self, shift: Future[None]) -> None:
        """Start anew after a fault; in the thread itself."""
        fault = shift.exception()
        if fault is None:
            return
        self.faults += 1
        self._faults_in_a_row += 1
        self._log.error("engine.fault", orders=[job.task.order.id for job in self._jobs], exc_info=fault)
        self._fail(
            Refusal(500, "The model failed while this request was answered. Ask again.", code="engine_fault")
        )
        self._desk = self._cleared()
        if not self._place.line.is_closed:
            self.start()

    def _fail(self, refusal: Refusal) -> None:
        jobs, self._jobs = self._jobs, []
        self._loads[self._number] = 0
        self._place.tell((job, refusal) for job in jobs)

    def _turn(self) -> None:
        """Let orders in, read of their prompts, and write a token of every answer or more."""
        for job in self._jobs:
            if job.is_given_up:
                job.close()
        self._desk.leave()
        self._count()
        while (job := self._place.line.take(self._fits, patient=not self._jobs)) is not None:
            self._enter(job)
        if self._desk.unread:
            self._desk.read(self._read)
            self._hear()
        self._desk.step()
        self._hear()
        self._faults_in_a_row = 0

    def _fits(self, job: Job) -> bool:
        """Say whether an order may enter now: the writer that has least is to take it."""
        load = self._loads[self._number]
        if not load:
            return True
        order, task = job.task.order, job.task
        if self._place.is_alone or load > min(self._loads) or load + order.n > self._place.rows:
            return False
        room = self._desk.room(prompt=len(task.prompt), answers=order.n, limit=task.limit)
        return self._desk.unread < self._read and room <= self._place.room

    def _enter(self, job: Job) -> None:
        self._jobs.append(job)
        order, task = job.task.order, job.task
        if not self._desk.expected and (
            self._place.is_alone
            or self._desk.room(prompt=len(task.prompt), answers=order.n, limit=task.limit) > self._place.room
        ):
            self._desk = self._cleared()
        group = job.begin(self._place.model, self._place.spelling)
        if not group.is_over:
            self._desk.put(group)
        self._count()

    def _cleared(self) -> Desk:
        return Desk(self._place.model, self._place.archive, padding=_PADDING)

    def _hear(self) -> None:
        """Tell what is new."""
        told = [(job, event) for job in self._jobs for event in job.heard()]
        self._jobs = [job for job in self._jobs if not job.is_over]
        if told:
            self._place.tell(told)

    def _count(self) -> None:
        self._loads[self._number] = self._desk.expected
