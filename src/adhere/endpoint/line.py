"""HTTP to one server: JSON there, and bytes back."""

import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from ssl import SSLContext
from typing import cast
from urllib.request import getproxies, proxy_bypass

import httpx2

from adhere.endpoint.reply import AGAIN, Cause, quoted
from adhere.records import JSON

CHAT = "/chat/completions"
LARGEST = 4 * 2**20
"""Bytes of a body; a reply of a hundred thousand tokens has a tenth of them."""
_HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": "adhere",
}
_CONNECT = 10.0
"""Seconds for a connection; one takes three round trips."""
_IDLE = 3.0
"""Seconds after which an idle connection is used no more: uvicorn, and so vLLM, hangs up after five."""
_SERVER_FAULT = 500
_REFUSED = 400
_LIMIT, _OTHER_LIMIT = "max_tokens", "max_completion_tokens"
"""What the limit of a reply is called: by every server, and by OpenAI for models that reason."""
_EVENT, _END = b"data:", b"[DONE]"


class Fault(Exception):
    """An attempt that brought no reply."""

    def __init__(self, cause: Cause, message: str, *, again: bool, worked: bool = True) -> None:
        super().__init__(message)
        self.cause: Cause = cause
        self.again = again
        """Whether another attempt may fare better."""
        self.worked = worked
        """Whether the server may have read the prompt and counts it."""
        self.after: float | None = None
        """Seconds that the server asks to be left alone for."""
        self.status: int | None = None
        self.body = b""
        """Of the error, where there is a status; without the key, should it repeat it."""


class Line:
    """Connections to one server, which are used again; use it within one event loop, and close it.

    Nothing is followed to another address, and the key goes nowhere else.

    Args:
        base_url: What paths are put behind.
        key_from: Environment variable that holds the key; where it is unset, none is sent.
        seconds: Longest wait for a whole reply.
        connections: Most at once.
    """

    def __init__(self, base_url: str, *, key_from: str, seconds: float, connections: int) -> None:
        self._url = httpx2.URL(base_url)
        self._seconds = seconds
        self._limit = _LIMIT
        self._key = os.environ.get(key_from, "")
        self._headers = {"Host": self._url.netloc.decode(), **_HEADERS}
        if self._key:
            self._headers["Authorization"] = f"Bearer {self._key}"
        self._patience = {"connect": min(seconds, _CONNECT), "read": None, "write": None, "pool": None}
        # Not a client: what that adds, such as cookies, takes a third of the time and is of no use here.
        self._transport = httpx2.AsyncHTTPTransport(
            verify=_certificates(),
            limits=httpx2.Limits(
                max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=_IDLE
            ),
            proxy=_proxy(self._url),
        )

    @property
    def has_key(self) -> bool:
        """Whether a key is sent."""
        return bool(self._key)

    async def ask(
        self,
        sent: Mapping[str, JSON] | None,
        *,
        path: str = CHAT,
        seconds: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """Send one request once, and return the body of the reply; a request of `None` is a GET.

        Args:
            sent: As JSON.
            path: Behind the base URL.
            seconds: Longest wait, where it is not that of the line.
            headers: Further ones.

        Raises:
            Fault: It brought none.
        """
        limit = self._limit
        try:
            async with self._reply(sent, path, seconds, headers) as parts:
                return b"".join([part async for part in parts])
        except Fault as fault:
            if not self._may_be_renamed(sent, limit, fault):
                raise
        return await self.ask(sent, path=path, seconds=seconds, headers=headers)

    async def events(
        self,
        sent: Mapping[str, JSON],
        *,
        path: str = CHAT,
        seconds: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[bytes]:
        """Send one request once, and yield the data of each event of the reply; close it to hang up.

        The end of what a server sends is no sign that it was all: look for what ends a reply. Arguments are
        those of `ask`.

        Raises:
            Fault: It brought no events, or no more of them.

        Source: WHATWG HTML, section 9.2, of which these servers use lines of data; they end by `[DONE]`.
        """
        limit = self._limit
        try:
            async with self._reply(sent, path, seconds, headers) as parts:
                async for line in _lines(parts):
                    if line.startswith(_EVENT):
                        data = line[len(_EVENT) :].strip()
                        if data == _END:
                            return
                        yield data
                return
        except Fault as fault:
            if not self._may_be_renamed(sent, limit, fault):
                raise
        async with aclosing(self.events(sent, path=path, seconds=seconds, headers=headers)) as renamed:
            async for data in renamed:
                yield data

    def without_key(self, said: str) -> str:
        """Leave the key out of what a server says, should it repeat it."""
        return said.replace(self._key, "…") if self._key else said

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    @asynccontextmanager
    async def _reply(
        self,
        sent: Mapping[str, JSON] | None,
        path: str,
        seconds: float | None,
        headers: Mapping[str, str] | None,
    ) -> AsyncGenerator[AsyncGenerator[bytes]]:
        """Send a request, and read the reply: its parts, as they come."""
        seconds = self._seconds if seconds is None else seconds
        until = time.monotonic() + seconds
        request = httpx2.Request(
            "GET" if sent is None else "POST",
            self._url.copy_with(path=self._url.path.rstrip("/") + path),
            content=None if sent is None else self._spelled(sent),
            headers=self._headers | dict(headers or {}),
            extensions={"timeout": self._patience},
        )
        with _faults(seconds):
            async with asyncio.timeout(seconds):
                response = await self._transport.handle_async_request(request)
            try:
                if not response.is_success:
                    raise await self._refused(response, until)
                packing = response.headers.get("content-encoding", "identity")
                if packing != "identity":  # it could unpack into anything
                    raise Fault("malformed", f"the reply is packed with {packing!r}, unasked", again=False)
                yield _parts(response, until)
            finally:
                await response.aclose()

    def _spelled(self, sent: Mapping[str, JSON]) -> bytes:
        renamed = {self._limit if name == _LIMIT else name: value for name, value in sent.items()}
        return json.dumps(renamed, separators=(",", ":")).encode()

    def _may_be_renamed(self, sent: Mapping[str, JSON] | None, limit: str, fault: Fault) -> bool:
        """Use the other name of the limit from now on, where a server refuses the one that it was given."""
        refuses_name = fault.status == _REFUSED and _OTHER_LIMIT.encode() in fault.body
        if not refuses_name or limit != _LIMIT or sent is None or _LIMIT not in sent:
            return False
        self._limit = _OTHER_LIMIT
        return True

    async def _refused(self, response: httpx2.Response, until: float) -> Fault:
        """Return what a status that is no success means."""
        status = response.status_code
        body = b"".join([part async for part in _parts(response, until)])
        again = status in AGAIN or status >= _SERVER_FAULT
        body = body.replace(self._key.encode(), b"...") if self._key else body
        said = f"HTTP {status}: {quoted(body)}"
        fault = Fault("status", said, again=again, worked=again and status not in AGAIN)
        fault.status, fault.body = status, body
        fault.after = _asked_wait(response.headers)
        return fault


@cache
def _certificates() -> SSLContext:
    """Read whom to trust once; that takes longer than hundreds of requests."""
    return httpx2.create_ssl_context()


def _proxy(url: httpx2.URL) -> str | None:
    """Return the proxy that the environment names for an address, as other programs read it."""
    named = {} if proxy_bypass(url.host) else getproxies()
    return named.get(url.scheme, named.get("all"))


@contextmanager
def _faults(seconds: float) -> Generator[None]:
    """Say in one way what the client and the clock say in theirs."""
    try:
        yield
    except (TimeoutError, httpx2.TimeoutException) as fault:
        raise Fault("timeout", f"no whole reply within {seconds:g} s", again=True) from fault
    except httpx2.RequestError as fault:
        refused = isinstance(fault, httpx2.ConnectError)
        why = str(fault) or type(fault).__name__
        raise Fault("connection", f"no connection ({why})", again=True, worked=not refused) from fault


async def _parts(response: httpx2.Response, until: float) -> AsyncGenerator[bytes]:
    """Yield a body as it comes, up to its bound and no longer than until then, by the monotonic clock."""
    size = 0
    parts = aiter(cast("httpx2.AsyncByteStream", response.stream))
    while True:
        async with asyncio.timeout(until - time.monotonic()):
            part = await anext(parts, None)
        if part is None:
            return
        size += len(part)
        if size > LARGEST:
            raise Fault("oversize", f"the reply has more than {LARGEST} bytes", again=False)
        yield part


async def _lines(parts: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Yield whole lines; what stands after the last is no line."""
    kept = bytearray()
    async for part in parts:
        kept += part
        *lines, rest = kept.split(b"\n") if b"\n" in part else (kept,)
        for line in lines:
            yield bytes(line).rstrip(b"\r")
        kept = rest


def _asked_wait(headers: Mapping[str, str]) -> float | None:
    """Read `Retry-After`, which has seconds or a date.

    Source: RFC 9110, section 10.2.3.
    """
    given = headers.get("retry-after", "")
    try:
        seconds = float(given)
    except ValueError:
        return _seconds_until(given)
    return seconds if 0 <= seconds < float("inf") else None


def _seconds_until(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    # A date without a zone is in UTC, as RFC 9110 has it.
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
