"""How much a client may still ask for: requests and tokens a minute, and requests at once."""

import math
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from adhere.serve.keys import Key
from adhere.serve.order import Refusal

_MINUTE = 60.0


@dataclass(slots=True)
class Bucket:
    """A minute's worth of something, that fills again as time goes by.

    It may be overdrawn, since what an answer takes is known only at its end; then nothing is left until the
    debt is paid.
    """

    limit: int
    """What a minute brings, and the most that it holds."""
    level: float
    filled: float
    """When `level` was true, in seconds."""

    def left(self, now: float) -> int:
        """Fill it, and return what there is, in whole units; 0 while it is overdrawn."""
        self.level = min(self.limit, self.level + (now - self.filled) * self.limit / _MINUTE)
        self.filled = now
        return max(0, math.floor(self.level))

    def seconds_until(self, amount: float) -> float:
        """Return how long it takes from the last filling until it holds so much; 0 where it does."""
        return max(0.0, amount - self.level) * _MINUTE / self.limit


class Allowance:
    """What one client has left. It belongs to a name, so that a new key brings no new minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._requests: Bucket | None = None
        self._tokens: Bucket | None = None
        self._under_way = 0

    @contextmanager
    def asking(self, key: Key) -> Generator[None]:
        """Take one request, and a place among those under way for the length of the block.

        Raises:
            Refusal: There is none left; it says when there will be.
        """
        self._admit(key)
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    def charge(self, tokens: int) -> None:
        """Take what an answer took; the bucket may be overdrawn."""
        if self._tokens is not None:
            self._tokens.left(self._clock())
            self._tokens.level -= tokens

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """What is left, as OpenAI's API says it."""
        now = self._clock()
        told: list[tuple[bytes, bytes]] = []
        for kind, bucket in ((b"requests", self._requests), (b"tokens", self._tokens)):
            if bucket is not None:
                left = bucket.left(now)
                told += [
                    (b"x-ratelimit-limit-" + kind, b"%d" % bucket.limit),
                    (b"x-ratelimit-remaining-" + kind, b"%d" % left),
                    (b"x-ratelimit-reset-" + kind, _spelled(bucket.seconds_until(bucket.limit))),
                ]
        return told

    def _admit(self, key: Key) -> None:
        """Take one request.

        Raises:
            Refusal: There is none left.
        """
        now = self._clock()
        self._requests = _sized(self._requests, key.requests_per_minute, now)
        self._tokens = _sized(self._tokens, key.tokens_per_minute, now)
        if key.concurrency is not None and self._under_way >= key.concurrency:
            message = f"{key.concurrency} requests of this key are under way, its most. Wait for one to end."
            raise Refusal(429, message, code="concurrency_exceeded", retry_after=1.0)
        for kind, bucket in (("requests", self._requests), ("tokens", self._tokens)):
            if bucket is not None and not bucket.left(now):
                wait = bucket.seconds_until(1)
                message = (
                    f"This key may have {bucket.limit} {kind} a minute, and none is left. "
                    f"Ask again in {math.ceil(wait)} s."
                )
                raise Refusal(429, message, code="rate_limit_exceeded", retry_after=wait)
        if self._requests is not None:
            self._requests.level -= 1


class Allowances:
    """What every client has left, by name. Names come from the file of keys, so they are few."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._by_name: dict[str, Allowance] = {}

    def of(self, name: str) -> Allowance:
        """Return that of a client."""
        return self._by_name.setdefault(name, Allowance(self._clock))


def _sized(bucket: Bucket | None, limit: int | None, now: float) -> Bucket | None:
    """Return the bucket with a limit that may have changed: a full one where there was none."""
    if limit is None:
        return None
    if bucket is None:
        return Bucket(limit, limit, now)
    bucket.limit = limit
    return bucket


def _spelled(seconds: float) -> bytes:
    """Spell a time as OpenAI does: 120ms, 6s, 1m30s."""
    if seconds < 1:
        return b"%dms" % math.ceil(seconds * 1000)
    minutes, rest = divmod(math.ceil(seconds), 60)
    return b"%dm%ds" % (minutes, rest) if minutes else b"%ds" % rest
