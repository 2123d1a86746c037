"""What a client is told where a server upstream brought no reply."""

from adhere.endpoint.line import Fault
from adhere.endpoint.reply import quoted, step
from adhere.records import JSON
from adhere.schema import Malformed, parse_bytes
from adhere.serve.order import Refusal

_BUSY = {429: "rate_limit_exceeded", 503: "upstream_busy"}
_KEY = frozenset({401, 403})
_OURS = frozenset({400, 413, 414, 422, 431})
"""Statuses by which a server says that the request itself is at fault."""
_AGAIN = 1.0
"""Seconds after which to come again, where a server that is busy does not say."""


def refusal(fault: Fault, *, said: str) -> Refusal:
    """Say what became of a request upstream.

    A server that is busy is passed on with its `Retry-After`, and what it finds wrong with the request with
    its words, field and code. A key that it refuses and a model that it lacks are faults of this server's
    settings, not of who asks.

    Args:
        fault: Of the last try.
        said: What it says, without any key.
    """
    status = fault.status
    if status in _BUSY:
        message = f"The server upstream has no room ({said}). Ask again later."
        after = _AGAIN if fault.after is None else fault.after
        return Refusal(status, message, code=_BUSY[status], retry_after=after)
    if status in _OURS:
        return _of_request(status, fault.body, said)
    match fault.cause:
        case "timeout":
            message = f"The server upstream brought {said}. Ask for less, or ask again later."
            return Refusal(504, message, code="upstream_timeout")
        case "status" if status in _KEY:
            message = f"The server upstream refuses the key that it is asked with (HTTP {status})."
            return Refusal(502, message, code="upstream_key")
        case _:
            message = f"The server upstream brought no reply: {said}. Ask again later."
            return Refusal(502, message, code="upstream_error")


def down(after: float) -> Refusal:
    """Say that a server upstream failed several times in a row, and is left alone for a moment."""
    message = "The server upstream is out of order. Ask again later."
    return Refusal(503, message, code="upstream_down", retry_after=after)


def late() -> Refusal:
    """Say that the time of a request is over."""
    message = "The time for this request was over before there was an answer. Ask for less, or later."
    return Refusal(504, message, code="deadline_exceeded")


def _of_request(status: int, body: bytes, said: str) -> Refusal:
    parsed = parse_bytes(body)
    error = None if isinstance(parsed, Malformed) else step(parsed.value, "error")
    told, param, code = (_text(step(error, name)) for name in ("message", "param", "code"))
    message = f"The server upstream refuses the request: {quoted(told.encode()) if told else said}"
    return Refusal(status, message, param=param or None, code=code or "upstream_refused")


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else ""
