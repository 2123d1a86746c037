"""A model on a server, asked many things at once."""

import asyncio
import threading
import time
from collections.abc import Generator, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self, TypeVar, cast

import stamina

from adhere.config import EndpointSettings
from adhere.endpoint.cache import Cache, Spending
from adhere.endpoint.held import Conversation, Held, single
from adhere.endpoint.line import Fault
from adhere.endpoint.reference import PREFIX, parse_reference
from adhere.endpoint.reply import Answer, Cause, Failed, Reply
from adhere.endpoint.request import Request, body, estimated_prompt, estimated_tokens, key
from adhere.endpoint.tally import Tally, Totals
from adhere.endpoint.wire import LONGEST_WAIT, Wire, wait
from adhere.errors import AdhereError, ModelError

Outcome = TypeVar("Outcome")

_FIRST_WAIT = 0.5
"""Seconds before a second attempt; half a second is past most hiccups, and no burden after them."""


class Endpoint:
    """A model on a server. Use it in a `with` block; threads may share it.

    An attempt that fails is made again, after growing waits, where it may fare better: after a timeout, a
    lost connection, HTTP 408, 409, 429 and 5xx, and a reply that is none. A `Retry-After` is heeded, up to a
    minute. With a cache, what was answered once is not asked again. Every attempt counts for the budget; once
    that is spent, what is under way is waited for, and nothing more is sent.

    Args:
        reference: `openai:<model>@<base url>`.
        settings: How it is asked.
        where: The setting that names the model, for errors.
        account: Names what spending is counted for in the cache. A later process with the same one goes on
            counting, and the budget is that of both.
        first_wait: Seconds before a second attempt; the waits after it double, and each is up to so much
            longer by chance.

    Raises:
        ConfigError: The reference is none.
        DataError: The cache cannot be used.
    """

    def __init__(
        self,
        reference: str,
        settings: EndpointSettings,
        *,
        where: str = "teacher",
        account: str = "",
        first_wait: float = _FIRST_WAIT,
    ) -> None:
        self.reference = parse_reference(reference, where=where)
        self._settings = settings
        self._where = where
        self._first_wait = first_wait
        self._wire = Wire(self.reference, settings, where=where)
        self._cache = Cache(settings.cache, account=account) if settings.cache else None
        self._tally = Tally(settings, self._cache.spent if self._cache else Spending())
        self._broken: AdhereError | None = None
        self._under_way: dict[str, asyncio.Event] = {}
        self._running: set[asyncio.Task[Reply | Failed]] = set()
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._thread = threading.Thread(target=self._live, name="endpoint", daemon=True)
        self._living: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    def __enter__(self) -> Self:
        self._thread.start()
        self._loop, self._end = self._living.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        if self._cache is not None:
            self._cache.close()

    @property
    def totals(self) -> Totals:
        """What asking took so far."""
        return self._tally.totals()

    def forget_spending(self) -> None:
        """Begin the account anew; to be called before anything is asked."""
        if self._cache is not None:
            self._cache.forget_spending()
            self._tally = Tally(self._settings, Spending())

    def reply(self, request: Request) -> Reply | Failed:
        """Ask one thing, and wait; raises as `hold` does, save that no failures are counted."""
        return self._ask(request).result()

    def replies(
        self, requests: Iterable[Request], *, ordered: bool = True
    ) -> Generator[tuple[int, Reply | Failed]]:
        """Ask many things at once; yield each one's number, from 0, and what became of it; else as `hold`.

        Args:
            requests: May be endless: no more are taken than are needed to stay busy.
            ordered: Whether to yield in the order asked, rather than as they come.
        """
        return self.hold((single(request) for request in requests), ordered=ordered)

    def hold(
        self, conversations: Iterable[Conversation[Outcome] | None], *, ordered: bool = True
    ) -> Generator[tuple[int, Outcome]]:
        """Hold many conversations at once; yield each one's number, from 0, and what it returned.

        All of them run in the thread that iterates.

        Args:
            conversations: May be endless: no more are begun than are needed to stay busy. `None` says that
                nothing should be begun before one that is under way has been yielded; where none is, that
                this is the end.
            ordered: Whether to yield in the order begun, rather than as they end.

        Raises:
            ConfigError: The server refuses the key.
            ModelError: It has no such model; or requests failed, one after the other, until it was given up.
            DataError: The cache cannot be used.
        """
        held = Held[Outcome](self._ask, self._given_up, width=self._settings.concurrency, ordered=ordered)
        return held.run(conversations)

    def _ask(self, request: Request) -> "Future[Reply | Failed]":
        return asyncio.run_coroutine_threadsafe(self._reply(request), self._loop)

    def _given_up(self, failed: Failed, count: int) -> ModelError:
        return ModelError.at(
            self._where,
            f"{PREFIX}{self.reference.model}@{self.reference.base_url}",
            f"{count} requests in a row failed, the last by {failed.cause}: {failed.message}",
            fix="Mend the server or the URL, and run again",
        )

    def _live(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        """Let requests run until the end is asked for, and then stop them."""
        end = asyncio.Event()
        self._living.set_result((asyncio.get_running_loop(), end))
        await end.wait()
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._wire.close()

    async def _reply(self, request: Request) -> Reply | Failed:
        settings = self._settings
        whole = replace(
            request,
            temperature=settings.temperature if request.temperature is None else request.temperature,
            max_tokens=settings.max_tokens if request.max_tokens is None else request.max_tokens,
        )
        task = cast("asyncio.Task[Reply | Failed]", asyncio.current_task())
        self._running.add(task)
        try:
            outcome = await (self._sent(whole, "") if self._cache is None else self._kept(whole, self._cache))
        finally:
            self._running.discard(task)
        self._tally.end(outcome)
        return outcome

    async def _kept(self, request: Request, cache: Cache) -> Reply | Failed:
        """Look a reply up, or get it; the same request is not under way twice."""
        name = key(self.reference, body(request))
        while name in self._under_way:
            await self._under_way[name].wait()
        answer = cache.get(name)
        if answer is not None:
            return _judged(request, answer, _Taken(began=None))
        done = self._under_way[name] = asyncio.Event()
        try:
            return await self._sent(request, name)
        finally:
            del self._under_way[name]
            done.set()

    async def _sent(self, request: Request, name: str) -> Reply | Failed:
        """Attempt until there is a reply, or no hope of one."""
        async with self._slots:
            taken = _Taken(began=time.monotonic())
            attempt = stamina.AsyncRetryingCaller(
                attempts=self._settings.attempts,
                timeout=None,
                wait_initial=self._first_wait,
                wait_max=LONGEST_WAIT,
                wait_jitter=self._first_wait,
            )
            try:
                answer = await attempt(wait, self._attempt, request, name, taken)
            except Fault as fault:
                return taken.failed(fault.cause, str(fault), status=fault.status)
        return _judged(request, answer, taken)

    async def _attempt(self, request: Request, name: str, taken: "_Taken") -> Answer:
        if self._tally.is_spent:
            message = f"the budget of {self._settings.budget} tokens is spent"
            raise Fault("budget", message, again=False)
        if self._broken is not None:
            raise self._broken
        taken.attempts += 1
        try:
            answer = await self._wire.ask(body(request))
        except AdhereError as error:
            # It would be the same for every request.
            self._broken = error
            raise
        except Fault as fault:
            guess = estimated_prompt(request) if fault.worked else 0
            self._spend(Spending(1, guess, 0, guess), taken)
            if self._cache is not None:
                self._cache.spend(Spending(1, guess, 0, guess))
            raise
        spending = _spending(request, answer)
        self._spend(spending, taken)
        if self._cache is not None:
            self._cache.put(name, answer, spending)
        return answer

    def _spend(self, spending: Spending, taken: "_Taken") -> None:
        taken.cost += self._tally.cost(spending)
        self._tally.spend(spending)


@dataclass(slots=True)
class _Taken:
    """What a request has taken so far."""

    began: float | None
    """By the monotonic clock; `None` for a kept reply."""
    attempts: int = 0
    cost: float = 0.0

    @property
    def seconds(self) -> float:
        return 0.0 if self.began is None else time.monotonic() - self.began

    def failed(self, cause: Cause, message: str, *, status: int | None = None) -> Failed:
        return Failed(
            cause=cause,
            message=message,
            status=status,
            seconds=self.seconds,
            cached=self.began is None,
            attempts=self.attempts,
            cost=self.cost,
        )


def _spending(request: Request, answer: Answer) -> Spending:
    """Return what the attempt took that brought an answer; guessed where the server does not count."""
    prompt, completion = answer.prompt_tokens, answer.completion_tokens
    guessed_prompt = estimated_prompt(request) if prompt is None else 0
    guessed_completion = estimated_tokens(answer.text) if completion is None else 0
    return Spending(
        1,
        guessed_prompt if prompt is None else prompt,
        guessed_completion if completion is None else completion,
        guessed_prompt + guessed_completion,
    )


def _judged(request: Request, answer: Answer, taken: _Taken) -> Reply | Failed:
    """Tell a whole reply from one that is not."""
    spending = _spending(request, answer)
    match answer.finish_reason:
        case "length":
            message = f"the reply was cut off after {spending.completion_tokens} tokens"
            failed = taken.failed("cut", message)
        case "content_filter":
            failed = taken.failed("filtered", "the server's filter kept the reply back")
        case _ if not answer.text.strip():
            failed = taken.failed("empty", "the reply is empty")
        case reason:
            return Reply(
                text=answer.text,
                finish_reason=reason,
                prompt_tokens=spending.prompt_tokens,
                completion_tokens=spending.completion_tokens,
                seconds=taken.seconds,
                cached=taken.began is None,
                attempts=taken.attempts,
                cost=taken.cost,
                model=answer.model,
            )
    return replace(
        failed,
        text=answer.text,
        prompt_tokens=spending.prompt_tokens,
        completion_tokens=spending.completion_tokens,
        model=answer.model,
    )
