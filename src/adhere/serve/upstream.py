"""Answers written by another server, with every promise kept here."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Self

from adhere.config.remote import RemoteSettings
from adhere.config.serving import Manner
from adhere.endpoint.line import CHAT, Fault
from adhere.endpoint.request import estimated_tokens
from adhere.records import JSON
from adhere.serve import dialect, relayed
from adhere.serve.asking import conversation
from adhere.serve.kept import breaches, text_of_call
from adhere.serve.order import AnyText, Calling, Ended, Event, Order, Reason, Refusal, Token, Written
from adhere.serve.remote import COMPLETIONS, Headers, Remote, pause
from adhere.serve.retold import amended, explained, unwrapped
from adhere.serve.said import Said
from adhere.serve.vigil import Vigil

_BUSY = frozenset({429, 503})
"""Statuses of a server that asks to be left alone; the client is told, and decides when to ask again."""
_SHORT = 16_384
"""Characters of a reply that is checked within the event loop, in about a millisecond."""
_SEEDS = 2**31
"""Below this every server takes a seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a backend upstream has done so far."""

    model: str
    dialect: str
    """Empty until it is known."""
    under_way: int
    answers: int
    tries: int
    """Replies that came, over all answers."""
    broken: int
    """Of these, those that broke a promise."""
    other_models: tuple[str, ...]
    """Names of models that replied and were not asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """An answer that is asked for."""

    order: Order
    index: int
    turns: tuple[dict[str, JSON], ...]
    retold: tuple[dict[str, JSON], ...] = ()
    """The last bad reply and what was wrong with it."""
    said: Mapping[str, JSON]
    """How the server is told what the reply must obey."""
    is_told: bool
    """Whether it is."""
    note: Mapping[str, JSON] | None

    def body(self, tried: int) -> dict[str, JSON]:
        """Return the request of one try."""
        order = self.order
        turns: list[JSON] = [*self.turns, *self.retold]
        sent: dict[str, JSON] = {"prompt": order.prompt} if order.prompt else {"messages": turns}
        sent["temperature"] = order.temperature
        if order.top_p != 1.0:
            sent["top_p"] = order.top_p
        if order.max_tokens is not None:
            sent["max_tokens"] = order.max_tokens
        if order.stop:
            sent["stop"] = list(order.stop)
        if order.seed is not None:
            sent["seed"] = (order.seed + self.index + tried * order.n) % _SEEDS
        if order.alternatives is not None:
            tops: dict[str, JSON] = {"logprobs": True, "top_logprobs": order.alternatives}
            sent |= {"logprobs": order.alternatives} if order.prompt else tops
        return sent | dict(self.said)

    @property
    def path(self) -> str:
        """What is asked of the server."""
        return COMPLETIONS if self.order.prompt else CHAT

    @property
    def estimated_prompt(self) -> int:
        """Tokens of the prompt, guessed."""
        contents = (str(turn.get("content") or "") for turn in (*self.turns, *self.retold))
        return sum(map(estimated_tokens, (self.order.prompt, *contents)))

    def after(self, text: str, broken: Sequence[str]) -> Self:
        """Tell the model what was wrong; a bare prompt has no turns to tell it in."""
        if self.order.prompt:
            return self
        return replace(self, retold=amended(text, broken))


@dataclass(slots=True)
class _Spent:
    """What the tries of one answer took."""

    tries: int = 0
    prompt: int = 0
    cached: int = 0
    written: int = 0

    def add(self, asked: _Asked, said: Said) -> None:
        """Count one reply; guessed where the server does not count."""
        self.tries += 1
        prompt, written = said.prompt_tokens, said.written_tokens
        self.prompt += asked.estimated_prompt if prompt is None else prompt
        self.cached += said.cached_tokens
        self.written += estimated_tokens(said.text) if written is None else written


class Upstream:
    """A model on an OpenAI-compatible server; `start` it within the loop that it is used in, and close it.

    A reply is passed on only where it keeps the promise, whether the server was told of that or not. One that
    does not is asked for again, with what is wrong told to the model.

    Args:
        base_url: What `/chat/completions` is put behind.
        model: As the server calls it; `None` for the only one that it has.
        settings: How it is asked.
        manner: How a conversation is told to the model.
        headers: Returns what each request carries beside the key, such as those of a trace.
    """

    def __init__(
        self,
        base_url: str,
        model: str | None,
        settings: RemoteSettings,
        *,
        manner: Manner = "chat",
        headers: Headers | None = None,
    ) -> None:
        self._settings = settings
        self._manner: Manner = manner
        self._remote = Remote(base_url, model or "", settings, headers=headers)
        self._vigil = Vigil(self._remote, settings)
        self._under_way = self._answers = self._tries = self._broken = 0

    async def start(self) -> None:
        """Find out what the server is and whether it obeys; one that is not there yet is waited for.

        Raises:
            ConfigError: It refuses the key.
            ModelError: It has no such model; or it does not keep to a schema, and that is not allowed.
        """
        try:
            await self._vigil.begin()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Hang up."""
        await self._vigil.close()
        await self._remote.close()

    @property
    def model(self) -> str:
        """As the server calls it; empty until that is known."""
        return self._remote.model

    @property
    def why_not_ready(self) -> str:
        """Why promises cannot be kept well, a sentence; empty where they can."""
        return f"{self._vigil.why.removesuffix('.')}." if self._vigil.why else ""

    @property
    def standing(self) -> Standing:
        """What was done so far."""
        return Standing(
            model=self.model,
            dialect=self._vigil.dialect or "",
            under_way=self._under_way,
            answers=self._answers,
            tries=self._tries,
            broken=self._broken,
            other_models=tuple(sorted(self._remote.other_models)),
        )

    async def write(self, order: Order) -> AsyncGenerator[Event]:
        """Write the answers to an order; see `Backend`. Each answer is a request of its own upstream."""
        asked = self._asked(order)
        if self._under_way + order.n > self._settings.concurrency:
            message = (
                "The server upstream writes as many answers as it is asked for at once. Ask again later."
            )
            raise Refusal(503, message, code="overloaded", retry_after=1.0)
        self._under_way += order.n
        try:
            sources = [self._answer(replace(asked, index=index)) for index in range(order.n)]
            async with aclosing(sources[0] if order.n == 1 else _merged(sources)) as events:
                async for event in events:
                    yield event
        finally:
            self._under_way -= order.n

    def _asked(self, order: Order) -> _Asked:
        """Put an order in the server's words."""
        known = self._vigil.dialect
        if known is None:
            raise Refusal(503, f"Not ready: {self.why_not_ready}", code="upstream_down", retry_after=1.0)
        said = dialect.fields(known, order.wanted)
        is_told = said is not None
        if said is None and known != "none" and not self._settings.unconstrained:
            field = dialect.asked_by(order.wanted)
            message = (
                f"{field}: the server upstream, asked in the dialect {known!r}, has no words for it. "
                "Use response_format with a JSON Schema."
            )
            raise Refusal(400, message, param=field, code="constraint_not_supported")
        turns = [] if order.prompt else conversation(order, manner=self._manner)
        if not is_told and not order.prompt and self._manner == "chat":
            turns = explained(turns, order.wanted)
        is_promised = not isinstance(order.wanted, AnyText)
        is_loose = is_promised and not (is_told and self._vigil.is_obeyed)
        return _Asked(
            order=order,
            index=0,
            turns=tuple(turns),
            said=said or dialect.NOTHING,
            is_told=is_told,
            note={"constrained": False} if is_loose else None,
        )

    async def _answer(self, asked: _Asked) -> AsyncGenerator[Event]:
        """Write one answer."""
        self._answers += 1
        if asked.order.streamed and isinstance(asked.order.wanted, AnyText):
            async with aclosing(self._streamed(asked)) as events:
                async for event in events:
                    yield event
            return
        tokens, ended = await self._whole(asked)
        if ended.text:
            yield Written(index=ended.index, text=ended.text, tokens=tokens)
        yield ended

    async def _whole(self, asked: _Asked) -> tuple[tuple[Token, ...], Ended]:
        """Ask until a reply keeps the promise, or is cut off."""
        spent, until = _Spent(), asked.order.deadline
        text, broken = "", ()
        for tried in range(self._settings.tries):
            try:
                said = await self._remote.say(asked.body(tried), path=asked.path, until=until)
            except Fault as fault:
                await self._again(fault, tried + 1, asked.order)
                continue
            spent.add(asked, said)
            self._tries += 1
            text, reason = _text(asked, said), said.reason or "length"
            broken = () if reason == "length" else await _breaches(asked.order, text)
            if not broken:
                return tuple(said.tokens), self._ended(asked, text, reason, spent, said)
            self._broken += 1
            if asked.is_told:
                self._vigil.doubt()
            asked = asked.after(text, broken)
        raise _unkept(text, broken, spent)

    async def _streamed(self, asked: _Asked) -> AsyncGenerator[Event]:
        """Pass free text on as it comes; once a piece has left, there is no other try."""
        tried = 0
        while True:
            said = Said()
            pieces = self._remote.pieces(asked.body(tried), said, path=asked.path, until=asked.order.deadline)
            try:
                async with aclosing(pieces):
                    async for text, tokens in pieces:
                        yield Written(index=asked.index, text=text, tokens=tokens)
                break
            except Fault as fault:
                tried = self._settings.tries if any(said.pieces) else tried + 1
                await self._again(fault, tried, asked.order)
        self._tries += 1
        spent = _Spent(tries=tried)
        spent.add(asked, said)
        yield self._ended(asked, said.text, said.reason or "length", spent, said)

    async def _again(self, fault: Fault, tried: int, order: Order) -> None:
        """Wait before another try, where there may be one.

        Raises:
            Refusal: There may not.
        """
        if tried >= self._settings.tries or not fault.again or fault.status in _BUSY:
            raise relayed.refusal(fault, said=str(fault)) from fault
        await pause(tried, order.deadline)

    def _ended(self, asked: _Asked, text: str, reason: Reason, spent: _Spent, said: Said) -> Ended:
        note = dict(asked.note or {})
        if said.model and said.model != self.model:
            note["upstream_model"] = said.model
        return Ended(
            index=asked.index,
            reason=reason,
            text=text,
            prompt_tokens=spent.prompt,
            cached_tokens=spent.cached,
            tokens=spent.written,
            tries=spent.tries,
            note=note or None,
        )


def _text(asked: _Asked, said: Said) -> str:
    """Return an answer as text; several calls make one that no promise allows."""
    if isinstance(asked.order.wanted, Calling) and said.calls:
        return "".join(text_of_call(name, arguments) for name, arguments in said.calls)
    return said.text if asked.is_told else unwrapped(said.text, asked.order.wanted)


async def _breaches(order: Order, text: str) -> tuple[str, ...]:
    """Check a reply; a long one aside, so that others need not wait."""
    if len(text) > _SHORT:
        return await asyncio.to_thread(breaches, order.wanted, text)
    return breaches(order.wanted, text)


def _unkept(text: str, broken: Sequence[str], spent: _Spent) -> Refusal:
    times = "once" if spent.tries == 1 else f"{spent.tries} times"
    return Refusal(
        502,
        f"The model broke what was asked for {times}; at last: {'; '.join(broken)}. Ask again, or for less.",
        code="promise_broken",
        detail={
            "last_reply": text,
            "violations": list(broken),
            "tries": spent.tries,
            "usage": {"prompt_tokens": spent.prompt, "completion_tokens": spent.written},
        },
    )


async def _merged(sources: Sequence[AsyncGenerator[Event]]) -> AsyncGenerator[Event]:
    """Yield what several sources yield, as it comes; where one fails, all end."""
    queue: asyncio.Queue[Event | asyncio.Task[None]] = asyncio.Queue()

    async def pump(source: AsyncGenerator[Event]) -> None:
        async with aclosing(source):
            async for event in source:
                queue.put_nowait(event)

    tasks = [asyncio.create_task(pump(source)) for source in sources]
    for task in tasks:
        task.add_done_callback(queue.put_nowait)
    running = len(tasks)
    try:
        while running:
            event = await queue.get()
            if isinstance(event, asyncio.Task):
                event.result()
                running -= 1
            else:
                yield event
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
