"""Answers as they come from a backend; none leaves before what it promises was checked."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from starlette.requests import Request

from adhere.config import ServeConfig
from adhere.records import JSON
from adhere.schema import Schema
from adhere.serve.body import LARGE, Gone
from adhere.serve.form import Asker, Compiler, Own
from adhere.serve.kept import breaches
from adhere.serve.order import AnyText, Backend, Ended, Event, Obeying, Order, Refusal, Token, Written
from adhere.serve.visit import Promise, Visit

if TYPE_CHECKING:
    from adhere.measure.calibration import Calibration

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What answers requests, and what of it they do not say themselves."""

    backend: Backend
    compiler: Compiler
    settings: ServeConfig
    name: str
    """What requests call the model."""
    created: int
    """When the server started, in seconds since 1970."""
    default: Schema | None = None
    """What answers obey where a request says nothing of their form."""
    calibration: "Calibration | None" = None
    each_prompt_counts: bool = False
    """Whether each of n answers read the prompt anew."""
    why_not_ready: Callable[[], str] = str
    """Why it cannot answer now; empty where it can."""
    figures: Callable[[], tuple[bytes, str]] = lambda: (b"", "text/plain")
    """What Prometheus reads, with its content type."""

    def asker(self, visit: Visit) -> Asker:
        """Return who asks."""
        return Asker(id=visit.id, client=visit.client, compiler=self.compiler, default=self.default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of a request, over all of its answers."""

    prompt: int
    cached: int
    written: int

    @classmethod
    def of(cls, ends: Iterable[Ended], service: Service) -> "Usage":
        """Add up what answers took."""
        ended = list(ends)
        total = sum if service.each_prompt_counts else max
        return cls(
            prompt=total(each.prompt_tokens for each in ended),
            cached=total(each.cached_tokens for each in ended),
            written=sum(each.tokens for each in ended),
        )

    @property
    def spelled(self) -> dict[str, JSON]:
        """As the two older APIs write it."""
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.written,
            "total_tokens": self.prompt + self.written,
            "prompt_tokens_details": {"cached_tokens": self.cached},
        }


def noted(visit: Visit, order: Order, service: Service) -> None:
    """Tell the guard what a request asks for, before it is answered."""
    visit.most_tokens = (
        min(order.max_tokens or service.settings.max_new_tokens, service.settings.max_new_tokens) * order.n
    )
    visit.streamed = order.streamed
    if isinstance(order.wanted, Obeying):
        visit.schema = order.wanted.schema.hash
    visit.asked = order.prompt or "\n".join(turn.content for turn in order.turns)


async def checked(order: Order, service: Service, visit: Visit) -> AsyncGenerator[Event]:
    """Yield what the backend does, and each answer's end only where its promise is kept.

    Raises:
        Refusal: The backend refuses, or an answer that came to its end breaks what was promised of it.
    """
    try:
        async with aclosing(_checked(order, service, visit)) as events:
            async for event in events:
                yield event
    except Refusal as refusal:
        # A stream that has begun has its status, so nobody else sees this one.
        visit.cause = refusal.code or ""
        raise


async def _checked(order: Order, service: Service, visit: Visit) -> AsyncGenerator[Event]:
    pieces: dict[int, list[str]] = {index: [] for index in range(order.n)}
    ends: dict[int, Ended] = {}
    async with aclosing(service.backend.write(order)) as events:
        async for event in events:
            visit.first_token()
            if isinstance(event, Written):
                pieces[event.index].append(event.text)
            else:
                await _refuse_broken(event, order, "".join(pieces[event.index]), service, visit)
                ends[event.index] = event
                visit.finish = event.reason
                visit.answered += event.text
            yield event
    if len(ends) < order.n:
        raise Refusal(500, f"{order.n - len(ends)} of {order.n} answers never came. Ask again.")
    used = Usage.of(ends.values(), service)
    visit.spent(prompt=used.prompt, cached=used.cached, tokens=used.written)


async def _refuse_broken(ended: Ended, order: Order, sent: str, service: Service, visit: Visit) -> None:
    visit.promise = made = promise(ended, order, service.compiler)
    if order.streamed and sent != ended.text:
        broken: tuple[str, ...] = ("its pieces are not its whole",)
    elif ended.reason == "stop":
        broken = await _breaches(order, ended.text)
    else:
        return
    if broken:
        visit.promise = "broken"
        why = "; ".join(broken)
        message = f"The answer broke what was promised of it, and was withheld: {why}. Ask again."
        # Who asks for a promise that cannot be made has a part in it that it is broken.
        raise Refusal(422 if made == "lenient" else 500, message, code="promise_broken")


async def _breaches(order: Order, text: str) -> tuple[str, ...]:
    if len(text) > LARGE:
        return await asyncio.to_thread(breaches, order.wanted, text)
    return breaches(order.wanted, text)


def promise(ended: Ended, order: Order, compiler: Compiler) -> Promise:
    """Return what became of the promise of an answer that passed its check."""
    match order.wanted:
        case AnyText():
            return "none"
        case _ if ended.reason == "length":
            return "cut"
        case Obeying(lenient=True, schema=schema) if compiler.relaxed(schema):
            return "lenient"
        case _:
            return "kept"


async def block(ended: Ended, order: Order, own: Own | None, service: Service) -> dict[str, JSON] | None:
    """Return the `adhere` block of an answer, or `None` where nobody wants one.

    What is promised less than the request says it is, the block says, whether it is wanted or not.
    """
    state = promise(ended, order, service.compiler)
    less: dict[str, JSON] = {}
    if state == "lenient" and isinstance(order.wanted, Obeying):
        less["relaxed"] = service.compiler.relaxed(order.wanted.schema)
    if (ended.note or {}).get("constrained") is False:
        less["constrained"] = False
    if service.settings.fields if own is None or own.fields is None else own.fields:
        from adhere.serve.fields import told

        below = None if own is None else own.undecided_below
        below = service.settings.undecided_below if below is None else below
        known = await asyncio.to_thread(
            told, order, ended, promise=state, calibration=service.calibration, below=below
        )
        tries: dict[str, JSON] = {"tries": ended.tries} if ended.tries > 1 else {}
        return known | tries | dict(ended.note or {}) | less
    return {"promise": state, **less} if less else None


@dataclass(slots=True, kw_only=True)
class Answer:
    """An answer that is over."""

    ended: Ended
    tokens: tuple[Token, ...]
    """Where they were asked for."""


async def whole(events: AsyncIterator[Event]) -> list[Answer]:
    """Wait for all answers; return them in their order."""
    tokens: dict[int, list[Token]] = {}
    answers: list[Answer] = []
    async for event in events:
        if isinstance(event, Written):
            tokens.setdefault(event.index, []).extend(event.tokens)
        else:
            answers.append(Answer(ended=event, tokens=tuple(tokens.get(event.index, ()))))
    return sorted(answers, key=lambda answer: answer.ended.index)


async def begun(request: Request, events: AsyncGenerator[Event]) -> AsyncGenerator[Event]:
    """Wait for the first event, so that what is refused is refused with its own status; return them all.

    Raises:
        Refusal: There is none.
        Gone: The client left before.
    """
    first = await while_here(request, anext(events))

    async def all_of_them() -> AsyncGenerator[Event]:
        async with aclosing(events):
            yield first
            async for event in events:
                yield event

    return all_of_them()


async def while_here(request: Request, work: Coroutine[None, None, Result]) -> Result:
    """Return what `work` gives; it is cancelled when the client leaves.

    Raises:
        Gone: The client left.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Gone
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    """Return when the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
