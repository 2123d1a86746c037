"""The line in which orders wait for a place: bounded, and fair between clients."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Condition
from typing import Generic, Protocol, TypeVar

from adhere.serve.order import Refusal

_SEEN = 64
"""Orders by whose going the wait is estimated."""
_SHORTEST, _LONGEST = 1.0, 60.0
"""Seconds that who is turned away is asked to wait."""
_REMEMBERED = 1024
"""Clients without an order here of whom it is known what they had."""


class Waiting(Protocol):
    """What stands in a line."""

    @property
    def client(self) -> str:
        """Who asks."""
        ...

    @property
    def tokens(self) -> int:
        """What is asked for: those of the prompt, and the most of all answers."""
        ...


Who = TypeVar("Who", bound=Waiting)


@dataclass(slots=True)
class _Client(Generic[Who]):
    had: float
    """Tokens that were given, on a clock that all clients share: the one that had least is next."""
    orders: deque[Who] = field(default_factory=deque[Who])


class Line(Generic[Who]):
    """Holds orders until they are taken; threads may share it.

    Clients take turns by the tokens that they ask for: one with a thousand orders waits as long for its
    second as another for its first of as many tokens. Within a client, who came first goes first.

    Source: start-time fair queuing, Goyal, Vin and Cheng, SIGCOMM 1996, section 2.
    """

    def __init__(self, most: int) -> None:
        """Hold nothing yet.

        Args:
            most: Orders that may wait; half of them, one at least, of a single named client.
        """
        self._most = most
        self._clients: dict[str, _Client[Who]] = {}
        self._gone: dict[str, float] = {}
        self._now = 0.0
        self._taken: deque[float] = deque(maxlen=_SEEN)
        self._changed = Condition()
        self.is_closed = False

    def __len__(self) -> int:
        """Return how many wait."""
        return sum(len(client.orders) for client in self._clients.values())

    def put(self, order: Who) -> None:
        """Let an order wait.

        Raises:
            Refusal: 503, there is no room, or the line is closed; 429, its client has its share of it.
        """
        with self._changed:
            if self.is_closed:
                raise Refusal(503, "The server is shutting down. Ask again.", retry_after=_SHORTEST)
            client = self._clients.get(order.client)
            if len(self) >= self._most:
                raise Refusal(
                    503,
                    f"{self._most} requests are waiting, which is as many as may. Ask again later.",
                    code="overloaded",
                    retry_after=self._wait(),
                )
            if client and order.client and len(client.orders) >= max(1, self._most // 2):
                raise Refusal(
                    429,
                    f"{len(client.orders)} requests of this key are waiting, which is as many as may. Ask "
                    "again when some are answered.",
                    code="rate_limit_exceeded",
                    retry_after=self._wait(),
                )
            if client is None:
                had = max(self._now, self._gone.pop(order.client, 0.0))
                client = self._clients[order.client] = _Client(had)
            client.orders.append(order)
            self._changed.notify_all()

    def remove(self, order: Who) -> bool:
        """Take an order out that nobody waits for any more; return whether it was here still."""
        with self._changed:
            client = self._clients.get(order.client)
            if client is None or order not in client.orders:
                return False
            client.orders.remove(order)
            self._forget(order.client, client)
            return True

    def take(self, fits: Callable[[Who], bool], *, patient: bool) -> Who | None:
        """Return the order that is next, if it fits.

        Args:
            fits: Asked of that order alone, so that none is passed over for ever.
            patient: Wait until there is one, or the line is closed.
        """
        with self._changed:
            if patient:
                self._changed.wait_for(lambda: self._clients or self.is_closed)
            name = self._next()
            return self._pop(name) if name is not None and fits(self._clients[name].orders[0]) else None

    def close(self) -> list[Who]:
        """Take nobody any more; return who waits."""
        with self._changed:
            self.is_closed = True
            left = [order for client in self._clients.values() for order in client.orders]
            self._clients.clear()
            self._changed.notify_all()
            return left

    def _next(self) -> str | None:
        # Of equals, the one that has waited longest for something: they stand in that order.
        return min(self._clients, key=lambda name: self._clients[name].had, default=None)

    def _pop(self, name: str) -> Who:
        client = self._clients[name]
        order = client.orders.popleft()
        self._now = client.had
        client.had += order.tokens
        self._taken.append(time.monotonic())
        self._forget(name, client)
        return order

    def _forget(self, name: str, client: _Client[Who]) -> None:
        """Let a client go that has nothing here any more, but not what it had, while others wait."""
        if client.orders:
            return
        del self._clients[name]
        self._gone[name] = client.had
        if not self._clients:
            self._now = max(self._gone.values())
            self._gone.clear()
        elif len(self._gone) > _REMEMBERED:
            # Those that had least lose least by it.
            most = sorted(self._gone, key=lambda each: self._gone[each])[_REMEMBERED // 2 :]
            self._gone = {each: self._gone[each] for each in most}

    def _wait(self) -> float:
        """Return after how many seconds those who wait now will have gone, at the pace of the last."""
        if len(self._taken) < 2:
            return _SHORTEST
        each = (time.monotonic() - self._taken[0]) / (len(self._taken) - 1)
        return min(max(_SHORTEST, each * len(self)), _LONGEST)
