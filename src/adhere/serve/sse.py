"""Replies that are sent piece by piece, as server-sent events."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

import orjson
from starlette.responses import StreamingResponse
from starlette.types import Send

from adhere.records import JSON

DONE = b"data: [DONE]\n\n"


class EventStream(StreamingResponse):
    """A reply in pieces, whose source is closed as soon as nobody reads it any more."""

    def __init__(self, pieces: AsyncGenerator[bytes]) -> None:
        super().__init__(pieces, media_type="text/event-stream", headers={"cache-control": "no-store"})
        self._pieces = pieces

    async def stream_response(self, send: Send) -> None:
        """Send all pieces."""
        async with aclosing(self._pieces):
            await super().stream_response(send)


def event(value: Mapping[str, JSON], *, name: str | None = None) -> bytes:
    """Return a value as one event."""
    head = b"" if name is None else b"event: " + name.encode() + b"\n"
    return head + b"data: " + orjson.dumps(value) + b"\n\n"
