"""Bodies of requests that are held at a time: each is bounded, and so are their sum and their coming."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.types import Receive

from adhere.config.guarding import LimitSettings
from adhere.serve.limits import body_too_large, crowded_out, too_slow


@dataclass(slots=True, eq=False)
class Body:
    """One of them."""

    size: int = 0
    watch: asyncio.Timeout | None = None
    """Ends its reading; only while it comes."""
    is_crowded_out: bool = False


class Bodies:
    """All that are held. Where their sum is reached, the one that has been coming longest is given up.

    So slow senders keep nobody out: whoever sends without delay is never the oldest for long.
    """

    def __init__(self, limits: LimitSettings, told: Callable[[int], None]) -> None:
        """Hold none.

        Args:
            limits: Of one, and of all.
            told: Is given the sum whenever it changes.
        """
        self._limits = limits
        self._told = told
        self._sum = 0
        self._all: dict[Body, None] = {}

    @contextmanager
    def held(self) -> Generator[Body]:
        """Hold a body for the length of a block; it counts from its first byte on."""
        body = Body()
        self._all[body] = None
        try:
            yield body
        finally:
            del self._all[body]
            self._count(body, 0)

    async def read(self, body: Body, receive: Receive, *, within: float) -> bytes | None:
        """Read a body whole; `None` where the client left.

        Args:
            body: Where it is counted.
            receive: Of ASGI.
            within: Seconds.

        Raises:
            Refusal: It is too large, did not come in time, or there was no room for it any longer.
        """
        try:
            async with asyncio.timeout(within) as body.watch:
                return await self._read(body, receive)
        except TimeoutError:
            raise (crowded_out() if body.is_crowded_out else too_slow(self._limits)) from None
        finally:
            body.watch = None

    async def _read(self, body: Body, receive: Receive) -> bytes | None:
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > self._limits.body_bytes:
                raise body_too_large(self._limits)
            self._make_room(body, size)
            self._count(body, size)
            if not message.get("more_body", False):
                return b"".join(pieces)

    def _make_room(self, body: Body, size: int) -> None:
        while self._sum - body.size + size > self._limits.bodies_bytes:
            oldest = next((each for each in self._all if each.watch is not None and each.size), body)
            if oldest is body or oldest.watch is None:
                raise crowded_out()
            oldest.is_crowded_out = True
            oldest.watch.reschedule(asyncio.get_running_loop().time())
            oldest.watch = None
            self._count(oldest, 0)

    def _count(self, body: Body, size: int) -> None:
        self._sum += size - body.size
        body.size = size
        self._told(self._sum)
