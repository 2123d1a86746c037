"""Connections: how long a request may take to come, how large its head may be, and how many there may be.

uvicorn has a deadline for connections that are idle and none for those that send slowly, and it waits for
ever for a client that does not read. This is its HTTP protocol with both.
"""

import asyncio
import resource
import sys
import time
from functools import partial
from http import HTTPStatus
from typing import Any, Literal, cast

import h11
from starlette.responses import Response
from starlette.types import Scope
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from adhere.config.guarding import LimitSettings
from adhere.errors import ConfigError
from adhere.serve import faults
from adhere.serve.limits import crowded_out, head_too_large, too_slow
from adhere.serve.logs import Log
from adhere.serve.order import Refusal
from adhere.serve.telemetry import Telemetry
from adhere.serve.visit import made_id, visit_of

_SLICE = 16 * 1024
"""Bytes that are parsed at once, before it is seen what they were; and that a client must read in time."""
_LINES = 4096
"""Line ends that a body sent in chunks may have, beyond one in each 16 bytes. A chunk has two, and takes as
long to parse whatever its length: a body in chunks of a byte would cost a thousand times one sent whole."""
_LINGER = 1.0
"""Seconds for which a client that was refused is listened to, so that it can read why; and that the guard,
which answers better, has to be late before the connection is closed."""
_OTHERS = 128
"""Files that a server has open besides its connections: weights, logs, pipes of workers."""


def protocol(limits: LimitSettings, telemetry: Telemetry, log: Log) -> type[asyncio.Protocol]:
    """Return what uvicorn makes of each connection, for its setting `http`."""
    return cast("type[asyncio.Protocol]", partial(Receipt, limits=limits, telemetry=telemetry, log=log))


def make_room(limits: LimitSettings) -> None:
    """Let the process have as many files open as the connections need.

    Raises:
        ConfigError: The system does not allow it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = limits.connections + _OTHERS
    if resource.RLIM_INFINITY != soft < needed:
        if resource.RLIM_INFINITY != hard < needed:
            why = f"each needs an open file, and the system allows {hard}"
            fix = f"Use {max(1, hard - _OTHERS)} or fewer, or raise the limit (ulimit -n)"
            raise ConfigError.at("serve.limits.connections", limits.connections, why, fix=fix)
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


class Receipt(H11Protocol):
    """One connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: LimitSettings,
        telemetry: Telemetry,
        log: Log,
    ) -> None:
        # A copy, since what is noted in it is of one connection.
        super().__init__(config, server_state, dict(app_state), _loop)
        self._limits = limits
        self._telemetry = telemetry
        self._log = log
        self._clock: asyncio.TimerHandle | None = None
        """Of a request that is coming."""
        self._reader: asyncio.TimerHandle | None = None
        """Of a client that has something to read."""
        self._began = time.monotonic()
        """When what the connection waits for began: the request's first byte, or the waiting for one."""
        self._came = 0
        self._lines = 0
        self._is_over = False

    # What the transport calls.

    def connection_made(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, transport: asyncio.Transport
    ) -> None:
        """Take a connection; in the place of a slower one, where there are as many as there may be."""
        super().connection_made(transport)
        self._telemetry.connected(len(self.connections))
        if len(self.connections) > self._limits.connections and not self._crowd_out():
            # All the others are being answered. This one is told so; one that dawdles is crowded out itself.
            self._telemetry.dropped("crowded")
            self.app = self._busy()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._unwatch()
        self._unread()
        super().connection_lost(exc)
        self._telemetry.connected(len(self.connections))

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request."""
        if self._is_over:
            return
        self._watch()
        for start in range(0, len(data), _SLICE):
            piece = data[start : start + _SLICE]
            super().data_received(piece)
            self._count(piece)
            if self._is_over or self.transport.is_closing():
                return
        self._settle()

    def pause_writing(self) -> None:
        """Begin to wait for a client that does not read."""
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        """Go on writing: the client has read."""
        self._unread()
        super().resume_writing()

    # What uvicorn calls.

    def on_response_complete(self) -> None:
        """Go on with the connection's next request."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._await_reader()
        self._settle()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection on which nothing is asked any more."""
        super().timeout_keep_alive_handler()
        self._await_reader()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP request. It is called where the fault is handled."""
        fault = sys.exception()
        if isinstance(fault, h11.RemoteProtocolError) and fault.error_status_hint == 431:
            self._refuse(head_too_large(self._limits))
        else:
            message = f"{msg} The server speaks HTTP/1.1, without TLS. Check the client and its address."
            self._refuse(Refusal(400, message, code="malformed_request"))

    # How long a request may take.

    def _watch(self) -> None:
        """Start the clock, where it does not run."""
        if self._clock is None:
            self._began = self.app_state["began"] = time.monotonic()
            self._came = self._lines = 0
            self._clock = self.loop.call_later(self._limits.receipt, self._be_late)

    def _unwatch(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _settle(self) -> None:
        """Let the clock run as long as a part of a request is there and the rest is not."""
        if self.transport.is_closing():
            self._unwatch()
        elif self.conn.their_state is h11.SEND_BODY or self._has_part_of_a_head:
            self._watch()
        else:
            self._unwatch()
            if self.conn.their_state is h11.IDLE:
                self._began = time.monotonic()
                if self.timeout_keep_alive_task is None:
                    # uvicorn stops its clock at every byte, also of a body that nobody wanted.
                    self.timeout_keep_alive_task = self.loop.call_later(
                        self.timeout_keep_alive, self.timeout_keep_alive_handler
                    )

    @property
    def _has_part_of_a_head(self) -> bool:
        return self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])

    def _be_late(self) -> None:
        """Give up a request that did not come in time."""
        self._clock = None
        self._telemetry.dropped("slow")
        if self._has_part_of_a_head:
            self._refuse(too_slow(self._limits))
        elif self.conn.their_state is h11.SEND_BODY and not self.cycle.response_complete:
            # The guard reads the body, and has the same deadline.
            self._clock = self.loop.call_later(_LINGER, self.transport.abort)
        else:
            self.transport.abort()

    def _await_reader(self) -> None:
        """Close the connection unless its client reads some of what was written in time, or goes."""
        self._unread()
        unread = self.transport.get_write_buffer_size()
        self._reader = self.loop.call_later(self._limits.receipt, self._be_unread, unread)

    def _be_unread(self, before: int) -> None:
        if before - self.transport.get_write_buffer_size() >= _SLICE:
            self._await_reader()
        else:
            self._drop("reader")

    def _unread(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None

    # How much may come.

    def _count(self, piece: bytes) -> None:
        """Refuse a body that is mostly framing, and stop listening to one that nobody wants any more."""
        if self.conn.their_state is not h11.SEND_BODY:
            return
        self._came += len(piece)
        self._lines += piece.count(b"\r\n")
        is_chunked = any(name == b"transfer-encoding" for name, _ in self.headers)
        if self.cycle.response_complete:
            if self._came > 2 * self._limits.body_bytes:
                self.transport.abort()
        elif is_chunked and self._lines > _LINES + self._came // 16:
            message = "The body comes in chunks of a few bytes. Send it whole, or in larger chunks."
            self._refuse(Refusal(400, message, code="malformed_request"))

    def _crowd_out(self) -> bool:
        """Close the connection that has been waited for longest; say whether there was one."""
        waiting = [each for each in self.connections if isinstance(each, Receipt) and each.is_awaited]
        if waiting:
            min(waiting, key=lambda each: each.awaited_since).crowd_out()
        return bool(waiting)

    @property
    def is_awaited(self) -> bool:
        """Whether the next thing to come is for the client to send."""
        return self._clock is not None or self.timeout_keep_alive_task is not None

    @property
    def awaited_since(self) -> float:
        """Since when, by `time.monotonic`."""
        return self._began

    def crowd_out(self) -> None:
        """Make room for another connection."""
        self._drop("crowded")

    def _drop(self, why: Literal["crowded", "reader"]) -> None:
        self._telemetry.dropped(why)
        self.connections.discard(self)
        self.transport.abort()

    # What is said in place of the application.

    def _busy(self) -> Response:
        """Return what answers a connection that there is no room for, and tell of it."""
        request_id = made_id()
        refusal = crowded_out()
        self._tell(refusal, request_id)
        response = faults.response(refusal)
        response.headers.update({"connection": "close", "x-request-id": request_id})
        return response

    def _refuse(self, refusal: Refusal) -> None:
        """Say why the request is none, and close the connection once the client has had time to read that."""
        is_under_way = self.cycle is not None and not self.cycle.response_complete
        if is_under_way:
            visit = visit_of(cast("Scope", self.cycle.scope))
            visit.status, visit.cause = refusal.status, refusal.code or ""
            request_id = visit.id
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        else:
            request_id = made_id()
            self._tell(refusal, request_id)
        if not (is_under_way and self.cycle.response_started):
            self.transport.write(_spelled(refusal, request_id))
        self._is_over = True
        self._unwatch()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._clock = self.loop.call_later(_LINGER, self.transport.abort)

    def _tell(self, refusal: Refusal, request_id: str) -> None:
        """Count and log the refusal of a request of which the guard never hears."""
        seconds = time.monotonic() - self._began
        self._telemetry.refused(refusal.code or "")
        self._log.refused(request_id, status=refusal.status, cause=refusal.code or "", seconds=seconds)


def _spelled(refusal: Refusal, request_id: str) -> bytes:
    """Spell the whole response that a refusal is."""
    headers, body = faults.answer(refusal)
    lines = [f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}".encode()]
    lines += [name + b": " + value for name, value in headers]
    lines += [b"x-request-id: " + request_id.encode(), b"connection: close"]
    return b"\r\n".join([*lines, b"", body])
