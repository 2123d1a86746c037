"""The model in this process as what writes answers: many orders side by side, each heard as it is written.

Orders wait in a line and are written by a thread for each core, see `decode.workers`. What a thread tells
comes to the event loop in one hop a step, whoever it is for.
"""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from types import TracebackType
from typing import Protocol, Self

from adhere.attention import prove
from adhere.decode.archive import Archive
from adhere.decode.constraint import Constraint
from adhere.decode.workers import workers
from adhere.model import Model
from adhere.serve.job import Job, Task
from adhere.serve.line import Line
from adhere.serve.order import Ended, Event, Order, Refusal, Wanted
from adhere.serve.reply import Spelling
from adhere.serve.writer import Place, Writer

_LONG = 16_384
"""Characters of an order past which its tokens are counted in a thread: more would hold up the event loop."""
_MIB = 1 << 20
_SPELLED = 1 << 16
"""Tokens whose text is remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What an engine keeps to."""

    queue: int = 256
    """Orders that may wait; half of them of a single key."""
    rows: int = 32
    """Answers that a thread writes side by side."""
    workers: int | None = None
    """Threads that write; `None` for one a core, or one for a GPU."""
    max_tokens: int = 1024
    """Most tokens of an answer, where an order does not say."""
    deterministic: bool = False
    """Whether the same order gives the same bytes whatever else is written: each is written on its own then,
    nothing is taken over from prompts that were read, and one without a seed has the seed 0."""
    remembered_mib: int = 256
    """Memory for the keys of prompts that were read, for prompts that begin alike."""
    room_mib: int = 2048
    """Memory of each thread for keys of what is being written, if that is more than one order's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an engine stands."""

    is_ready: bool
    """Whether it is open, and each of its threads writes, not only faults."""
    waiting: int
    """Orders in the line."""
    writing: int
    """Answers under way."""
    faults: int
    """Batches that failed since it was opened."""
    remembered: int
    """Bytes of keys that are kept of prompts."""


class Promises(Protocol):
    """What turns what is wanted into a constraint."""

    async def constraint(self, wanted: Wanted) -> Constraint | None:
        """Return a constraint at the start of an answer; `None` where nothing is promised.

        Raises:
            Refusal: There is none that keeps the promise.
        """
        ...

    def spelled(self, token: int) -> bytes:
        """Return the bytes of a token; none of one that is no text."""
        ...


class Engine:
    """Writes answers to orders; see `Backend`. Open it in the loop that it is used in, by `async with`."""

    def __init__(
        self,
        model: Model,
        asked: Callable[[Order], tuple[int, ...]],
        promises: Promises,
        rules: Rules | None = None,
    ) -> None:
        """Write nothing yet.

        Args:
            model: Writes; it is set to evaluation mode.
            asked: The tokens of a prompt. Called in other threads too; what it raises is a `Refusal`.
            promises: What is promised.
            rules: Those of `Rules`, if not given.
        """
        self._model, self._asked, self._promises = model, asked, promises
        self._rules = rules or Rules()
        self._line: Line[Job] = Line(self._rules.queue)
        is_alone = self._rules.deterministic
        self._archive = None if is_alone else Archive(self._rules.remembered_mib * _MIB)
        self._post = _Post()
        count = self._rules.workers or workers(model.device)
        self._loads = [0] * count
        place = Place(
            model=model,
            line=self._line,
            archive=self._archive,
            rows=self._rules.rows,
            room=self._rules.room_mib * _MIB // _bytes_of_token(model),
            is_alone=is_alone,
            spelling=Spelling(lru_cache(_SPELLED)(_text_of(model)), promises.spelled),
            tell=self._post.send,
        )
        self._writers = [Writer(place, self._loads, number) for number in range(count)]

    async def __aenter__(self) -> Self:
        """Begin to write.

        Raises:
            ModelError: The model's attention cannot be shared.
        """
        self._model.network.eval()
        prove(self._model.network)
        self._post.open(asyncio.get_running_loop())
        for writer in self._writers:
            writer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Refuse what waits and what is under way, and end after the step that threads are at."""
        refusal = Refusal(503, "The server is shutting down. Ask again.", retry_after=1.0)
        self._post.send((job, refusal) for job in self._line.close())
        for writer in self._writers:
            await asyncio.to_thread(writer.join)
        self._post.deliver()

    @property
    def standing(self) -> Standing:
        """How it stands now."""
        return Standing(
            is_ready=not self._line.is_closed and all(writer.is_well for writer in self._writers),
            waiting=len(self._line),
            writing=sum(self._loads),
            faults=sum(writer.faults for writer in self._writers),
            remembered=0 if self._archive is None else self._archive.bytes,
        )

    async def write(self, order: Order) -> AsyncGenerator[Event]:
        """Write the answers to an order; see `Backend.write`.

        Raises:
            Refusal: 400, the prompt has no tokens or too many; 429 or 503, too many wait; 504, its deadline
                has passed, in the line or while it was written: the request came in whole and in time, so
                that 408 would be wrong of it; 500, the model failed; 503, the server is shutting down.
        """
        job = Job(await self._task(order))
        late = None
        if order.deadline is not None:
            left = order.deadline - time.monotonic()
            late = asyncio.get_running_loop().call_later(left, self._expire, job)
        going = order.n
        try:
            self._line.put(job)
            while going:
                await job.has_come.wait()
                job.has_come.clear()
                while job.come:
                    event = job.come.popleft()
                    if isinstance(event, Refusal):
                        raise event
                    going -= isinstance(event, Ended)
                    yield event
        finally:
            if late is not None:
                late.cancel()
            if going:
                job.is_given_up = True
                self._line.remove(job)

    def _expire(self, job: Job) -> None:
        waited = self._line.remove(job)
        where = "before there was a place for it" if waited else "before it was answered"
        job.is_given_up = True
        self._post.send([(job, Refusal(504, f"The request's time was over {where}.", code="timeout"))])

    async def _task(self, order: Order) -> Task:
        """Find what an order comes to.

        Raises:
            Refusal: It cannot be written.
        """
        size = len(order.prompt) + sum(len(turn.content) for turn in order.turns)
        if size > _LONG:
            prompt = await asyncio.to_thread(self._asked, order)
        else:
            prompt = self._asked(order)
        param = "messages" if order.turns else "prompt"
        if not prompt:
            raise Refusal(
                400, f"{param} has no tokens, and a model goes on from one. Write something.", param=param
            )
        left = self._model.context - len(prompt)
        if left < 1:
            raise Refusal(
                400,
                f"{param} has {len(prompt)} tokens, and the model's context of {self._model.context} leaves "
                "none for an answer. Shorten it.",
                param=param,
                code="context_length_exceeded",
            )
        seed = order.seed
        if seed is None:
            seed = 0 if self._rules.deterministic else secrets.randbits(63)
        return Task(
            order=order,
            prompt=prompt,
            constraint=await self._promises.constraint(order.wanted),
            limit=min(order.max_tokens or self._rules.max_tokens, left),
            seed=seed,
        )


class _Post:
    """Brings what threads tell to the event loop, in one hop however much it is."""

    def __init__(self) -> None:
        self._sent: deque[tuple[Job, Event | Refusal]] = deque()
        self._is_called = False
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Deliver in a loop."""
        self._loop = loop

    def send(self, told: Iterable[tuple[Job, Event | Refusal]]) -> None:
        """Send something; from any thread."""
        self._sent.extend(told)
        with self._lock:
            is_called, self._is_called = self._is_called, True
        if not is_called and self._loop is not None:
            self._loop.call_soon_threadsafe(self.deliver)

    def deliver(self) -> None:
        """Hand over what was sent; in the loop."""
        with self._lock:
            self._is_called = False
        while self._sent:
            job, event = self._sent.popleft()
            job.come.append(event)
            job.has_come.set()


def _text_of(model: Model) -> Callable[[int], str]:
    return lambda token: model.tokenizer.decode([token], skip_special_tokens=False)


def _bytes_of_token(model: Model) -> int:
    """Return what the keys and values of a token take, in all layers."""
    config = model.network.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return 2 * config.num_hidden_layers * heads * width * model.network.dtype.itemsize
