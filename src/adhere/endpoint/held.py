"""Many conversations held at once."""

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Generic, TypeAlias, TypeVar

from adhere.endpoint.reply import Cause, Failed, Reply
from adhere.endpoint.request import Request

Outcome = TypeVar("Outcome")
Conversation: TypeAlias = Generator[Request, Reply | Failed, Outcome]
"""Yields what it asks, is sent what became of that, and returns what it was held for.

It does nothing else that takes time, so it needs no server to be tested.
"""

_LOOK_AHEAD = 4
"""Conversations begun and not yielded, for each that may be under way: those that ended wait for an earlier
one."""
_MOST_FAILURES = 2
"""Requests that may fail in a row, for each that may be under way, before the server is given up."""
_SERVER_FAILURES: frozenset[Cause] = frozenset({"timeout", "connection", "status", "malformed"})


def single(request: Request) -> Conversation[Reply | Failed]:
    """Ask one thing."""
    return (yield request)


class Held(Generic[Outcome]):
    """Conversations under way; all of them run in the thread that iterates.

    Args:
        ask: Sends a request, and returns at once.
        given_up: Says of the last failure, and how many there were in a row, that the server is out of order.
        width: Conversations under way at once.
        ordered: Whether to yield in the order begun, rather than as they end.
    """

    def __init__(
        self,
        ask: Callable[[Request], "Future[Reply | Failed]"],
        given_up: Callable[[Failed, int], Exception],
        *,
        width: int,
        ordered: bool,
    ) -> None:
        self._ask = ask
        self._given_up = given_up
        self._width = width
        self._most_held = width * _LOOK_AHEAD
        self._ordered = ordered
        self._begun = 0
        self._yielded = 0
        self._open: dict[int, tuple[Conversation[Outcome], Future[Reply | Failed]]] = {}
        self._ended: dict[int, Outcome] = {}
        self._arrived: SimpleQueue[int] = SimpleQueue()
        self._failures = 0

    def run(self, conversations: Iterable[Conversation[Outcome] | None]) -> Generator[tuple[int, Outcome]]:
        """Yield each conversation's number, from 0, and what it returned."""
        waiting = iter(conversations)
        try:
            while True:
                self._begin(waiting)
                if self._next is not None:
                    yield self._take(self._next)
                elif self._open:
                    self._go_on(self._arrived.get())
                else:
                    return
        finally:
            for conversation, future in self._open.values():
                future.cancel()
                conversation.close()

    def _begin(self, waiting: Iterator[Conversation[Outcome] | None]) -> None:
        """Begin conversations until there are enough; those begun go on before others begin."""
        while len(self._open) < self._width and len(self._open) + len(self._ended) < self._most_held:
            conversation = next(waiting, None)
            if conversation is None:
                return
            self._begun += 1
            self._send(self._begun - 1, conversation, None)

    @property
    def _next(self) -> int | None:
        """Number of the conversation to be yielded now."""
        number = self._yielded if self._ordered else next(iter(self._ended), None)
        return number if number in self._ended else None

    def _take(self, number: int) -> tuple[int, Outcome]:
        self._yielded += 1
        return number, self._ended.pop(number)

    def _go_on(self, number: int) -> None:
        conversation, future = self._open.pop(number)
        outcome = future.result()
        is_failure = isinstance(outcome, Failed) and outcome.cause in _SERVER_FAILURES
        self._failures = self._failures + 1 if is_failure else 0
        if isinstance(outcome, Failed) and self._failures >= _MOST_FAILURES * self._width:
            conversation.close()
            raise self._given_up(outcome, self._failures)
        self._send(number, conversation, outcome)

    def _send(self, number: int, conversation: Conversation[Outcome], said: Reply | Failed | None) -> None:
        """Tell a conversation what became of what it asked, and ask what it asks next."""
        try:
            # Nothing can be sent to one that has not begun.
            request = next(conversation) if said is None else conversation.send(said)
        except StopIteration as end:
            self._ended[number] = end.value
            return
        future = self._ask(request)
        self._open[number] = conversation, future
        future.add_done_callback(lambda _: self._arrived.put(number))
