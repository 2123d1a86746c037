"""What a server says of itself: one JSON object a line, on standard error.

A line holds no prompt, no reply and no key. Whatever a stranger sends can neither end a line nor begin one,
since JSON escapes it.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor

from adhere.serve.telemetry import trace_id
from adhere.serve.visit import Visit

_LONGEST = 200
"""Characters of what a stranger sent, such as a path, that a line repeats."""


def configure(stream: TextIO | None = None, *, level: int = logging.INFO) -> None:
    """Send what adhere, uvicorn and every other library log to one stream, as JSON.

    Args:
        stream: Standard error by default.
        level: Of the least that is told; libraries other than uvicorn tell warnings and errors only.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _traceback_without_words,
    ]
    rendered = structlog.processors.JSONRenderer(sort_keys=False)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, rendered],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in ("adhere", "uvicorn"):
        logging.getLogger(name).setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers = []
        # What uvicorn says of a request is said by `Log`, and better.
        logging.getLogger(name).propagate = name != "uvicorn.access"


class Log:
    """Tells of requests, one line each."""

    def __init__(self, *, content: bool = False) -> None:
        """Begin.

        Args:
            content: Whether lines also hold what was asked and answered.
        """
        self._content = content
        self._log = structlog.get_logger("adhere.serve")

    def ended(self, visit: Visit, *, path: str) -> None:
        """Tell of a request whose reply is over."""
        known: dict[str, object] = {
            "request_id": visit.id,
            "client": visit.client,
            "method": visit.method,
            "route": visit.route,
            "path": path[:_LONGEST] if visit.route == "other" else "",
            "status": visit.status,
            "left": not visit.whole,
            "cause": visit.cause,
            "seconds": _rounded(visit.seconds),
            "queue_seconds": _rounded(visit.queue_seconds),
            "first_token_seconds": _rounded(visit.first_seconds),
            "prompt_tokens": visit.prompt,
            "cached_tokens": visit.cached,
            "tokens": visit.tokens,
            "finish_reason": visit.finish,
            "streamed": visit.streamed,
            "schema": visit.schema,
            "promise": visit.promise,
            "trace_id": trace_id(),
        }
        if self._content:
            known |= {"asked": visit.asked, "answered": visit.answered}
        # What is empty says nothing; 0 tokens and false do not say more than their absence.
        self._log.info("request", **{name: value for name, value in known.items() if value})

    def refused(self, request_id: str, *, status: int, cause: str, seconds: float) -> None:
        """Tell of a request that was refused before its head had come whole."""
        self._log.info(
            "request", request_id=request_id, status=status, cause=cause, seconds=_rounded(seconds)
        )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)


def _traceback_without_words(_logger: Any, _method: str, event: EventDict) -> MutableMapping[str, Any]:
    """Tell of an exception its class and where it came from: its words may be a prompt's."""
    given = event.pop("exc_info", None)
    fault = sys.exception() if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(fault, BaseException):
        frames = traceback.extract_tb(fault.__traceback__)
        event["exception"] = type(fault).__qualname__
        event["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return event
