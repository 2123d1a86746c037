"""What became of a request."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from adhere.records import JSON
from adhere.schema.parse import Malformed, parse_bytes

Cause: TypeAlias = Literal[
    "timeout", "connection", "status", "malformed", "oversize", "cut", "empty", "filtered", "budget"
]
"""timeout: no whole reply within the seconds of an attempt. connection: none to be had, or lost. status: an
error of HTTP. malformed: not a chat completion. oversize: more bytes than any reply has. cut: the model was
stopped by the limit of tokens. empty: it wrote nothing. filtered: the server kept it back. budget: not asked,
for the tokens were spent."""

AGAIN = frozenset({408, 409, 429})
"""Statuses of HTTP that fault the request and not what it asks for: another attempt may fare better."""
_CLIENT_FAULTS = range(400, 500)
_QUOTED = 200
"""Characters of what a server says that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server replied, before it is judged."""

    text: str
    finish_reason: str
    prompt_tokens: int | None
    """`None` where the server does not count."""
    completion_tokens: int | None
    model: str = ""
    """As the server calls the one that replied; empty where it does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a model wrote, to its end."""

    text: str
    finish_reason: str
    """`stop` as a rule; empty where the server does not say."""
    prompt_tokens: int
    completion_tokens: int
    """Of the last attempt; guessed where the server does not count."""
    seconds: float
    """From the first attempt on, waits between attempts among it; 0 for a kept reply."""
    cached: bool
    """Whether it was kept from an earlier time."""
    attempts: int
    """0 for a kept reply."""
    cost: float
    """Of all attempts, at the prices of the settings; 0 for a kept reply."""
    model: str = ""
    """As the server calls the one that replied; empty where it does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Why there is no reply, or none that is whole."""

    cause: Cause
    message: str
    """A clause without a full stop."""
    text: str = ""
    """What the model had written when it was cut."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    """Of the last attempt, where it brought a reply, though none that is whole."""
    model: str = ""
    """As for `Reply`."""
    status: int | None = None
    """Of HTTP, where that is the cause."""
    seconds: float = 0.0
    cached: bool = False
    attempts: int = 0
    cost: float = 0.0

    @property
    def is_refusal(self) -> bool:
        """Whether the server will never take the request, such as one with a schema that it does not know."""
        return self.status in _CLIENT_FAULTS and self.status not in AGAIN


def read(body: bytes) -> Answer | str:
    """Read the body of a chat completion; a text says what is wrong with it."""
    parsed = parse_bytes(body)
    if isinstance(parsed, Malformed):
        return f"the reply is not JSON ({parsed.reason}): {quoted(body)}"
    choice = step(step(parsed.value, "choices"), 0)
    content = step(step(choice, "message"), "content")
    if not isinstance(choice, dict) or not isinstance(content, str | None):
        return f"the reply is not a chat completion: {quoted(body)}"
    usage = step(parsed.value, "usage")
    finish_reason, model = choice.get("finish_reason"), step(parsed.value, "model")
    return Answer(
        text=content or "",
        finish_reason=finish_reason if isinstance(finish_reason, str) else "",
        prompt_tokens=count(step(usage, "prompt_tokens")),
        completion_tokens=count(step(usage, "completion_tokens")),
        model=model if isinstance(model, str) else "",
    )


def quoted(body: bytes) -> str:
    """Return the beginning of what a server sent, on one line."""
    words = " ".join(body[: 4 * _QUOTED].decode(errors="replace").split())
    return words if len(words) <= _QUOTED else f"{words[: _QUOTED - 1]}…"


def step(value: JSON, key: str | int) -> JSON:
    """Go one step into what a server sent; `None` where there is none."""
    match value:
        case dict() if isinstance(key, str):
            return value.get(key)
        case list() if isinstance(key, int) and key < len(value):
            return value[key]
        case _:
            return None


def count(value: JSON) -> int | None:
    """Read a count that a server sent; `None` where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
