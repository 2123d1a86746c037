"""One request, from its head to the end of its reply: what is logged, counted and charged of it."""

import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from starlette.types import Scope

Promise: TypeAlias = Literal["kept", "lenient", "cut", "none", "broken"]
"""kept: the reply was checked and holds. lenient: it holds what the grammar can guarantee. cut: its tokens
were spent before its end. none: nothing was asked for. broken: it did not hold, and was not sent."""

_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
"""An id of the client's own that may stand in a log line and in a header."""


@dataclass(slots=True, kw_only=True)
class Visit:
    """What is known of a request so far. The guard makes it; routes tell it what they learn."""

    id: str
    method: str = ""
    route: str = "other"
    """One of the paths that the server has, and `other` for any other."""
    client: str = ""
    """Name of the key; empty where none is asked for."""
    began: float = field(default_factory=time.monotonic)
    status: int = 0
    """0 until the reply begins."""
    whole: bool = False
    """Whether the reply was sent to its end."""
    cause: str = ""
    """Code of the error, where the reply is one."""
    most_tokens: int = 0
    """Most that the answers may have together. It is charged where the client leaves before they end, since
    nobody knows then what was written."""
    prompt: int = 0
    cached: int = 0
    tokens: int = 0
    """Written, over all answers and tries."""
    body_bytes: int = 0
    schema: str = ""
    """Content hash."""
    promise: Promise | None = None
    finish: str = ""
    streamed: bool = False
    asked: str = ""
    """Logged only where the user of the server wants it."""
    answered: str = ""
    came: float | None = None
    """When the request was there whole."""
    began_writing: float | None = None
    first: float | None = None
    ended: float | None = None

    def entered(self) -> None:
        """Note that the queue is behind the request."""
        if self.began_writing is None:
            self.began_writing = time.monotonic()

    def first_token(self) -> None:
        """Note that the reply's first piece is there."""
        if self.first is None:
            self.first = time.monotonic()

    def spent(self, *, prompt: int = 0, cached: int = 0, tokens: int = 0) -> None:
        """Add what an answer took, in tokens; `cached` are some of those of the prompt."""
        self.prompt += prompt
        self.cached += cached
        self.tokens += tokens

    @property
    def seconds(self) -> float:
        """From the first byte of the request to the end of its reply, or so far."""
        return (time.monotonic() if self.ended is None else self.ended) - self.began

    @property
    def queue_seconds(self) -> float | None:
        """How long the request waited for its turn, where that is known."""
        if self.began_writing is None:
            return None
        return self.began_writing - (self.began if self.came is None else self.came)

    @property
    def first_seconds(self) -> float | None:
        """How long its client waited for the first piece, where that is known."""
        return None if self.first is None else self.first - self.began

    @property
    def parts(self) -> Iterator[tuple[str, float, float]]:
        """What its time went into: what, from when and until when."""
        if self.came is None or self.ended is None:
            return
        yield "receive", self.began, self.came
        if self.began_writing is not None:
            yield "queue", self.came, self.began_writing
            yield "write", self.began_writing, self.ended

    @property
    def due(self) -> int:
        """Tokens to charge its client for: what was used, or where it left, what it could have used.

        A byte of a body is taken for a quarter of a token where nobody counted.
        """
        used = self.prompt + self.tokens
        if used or self.whole or not self.most_tokens:
            return used
        return self.body_bytes // 4 + self.most_tokens


def visit_of(scope: Scope) -> Visit:
    """Return the visit that the guard made for a request; a new one where there is no guard."""
    state = scope.setdefault("state", {})
    if "visit" not in state:
        state["visit"] = Visit(id=made_id())
    return state["visit"]


def made_id() -> str:
    """Return a new id of a request."""
    return f"req_{secrets.token_hex(12)}"


def id_of(given: bytes | None) -> str:
    """Return the id that the client gave where it may stand in a log line, else a new one."""
    return given.decode("ascii") if given and _SANE_ID.fullmatch(given) else made_id()
