"""One attempt to get one reply over HTTP."""

import asyncio
import logging
import os
import random
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn, cast

import httpx2
import openai

from adhere.config import EndpointSettings
from adhere.endpoint.reference import PREFIX, Reference
from adhere.endpoint.reply import AGAIN, Answer, Cause, quoted, read
from adhere.errors import ConfigError, ModelError
from adhere.records import JSON

LARGEST = 4 * 2**20
"""Bytes of a body; a reply of a hundred thousand tokens has a tenth of them."""
LONGEST_WAIT = 60.0
"""Seconds before another attempt, whatever a server asks for."""
_KEY = frozenset({401, 403})
_SERVER_FAULT = 500
_ADDRESS = frozenset({404, 405})
_REDIRECTS = range(300, 400)
_REFUSED = 400
_LIMIT, _OTHER_LIMIT = "max_tokens", "max_completion_tokens"
"""What the limit of a reply is called: by every server, and by OpenAI for models that reason."""

# What stamina says of every retry at level WARNING goes to whoever has set logging up, and to nobody else.
logging.getLogger("stamina").addHandler(logging.NullHandler())


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


class _Bounded(httpx2.AsyncByteStream):
    """A body that is not read past a bound."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._stream:
            size += len(part)
            if size > LARGEST:
                raise Fault("oversize", f"the reply has more than {LARGEST} bytes", again=False)
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _bound(response: httpx2.Response) -> None:
    """Bound a body before it is read; a packed one could unpack into anything."""
    packing = response.headers.get("content-encoding", "identity")
    if packing != "identity":
        raise Fault("malformed", f"the reply is packed with {packing!r}, unasked", again=False)
    response.stream = _Bounded(cast("httpx2.AsyncByteStream", response.stream))


class Wire:
    """A client of one model on one server; use it within one event loop, and close it.

    Args:
        reference: The model and the server.
        settings: Say where the key is, and how long an attempt may take.
        where: The setting that names the model.
    """

    def __init__(self, reference: Reference, settings: EndpointSettings, *, where: str) -> None:
        self._reference = reference
        self._settings = settings
        self._where = where
        self._limit = _LIMIT
        self._key = os.environ.get(settings.key_from, "")
        # What the client would take from the environment by itself is meant for another server.
        self._headers: dict[str, str | openai.Omit] = {
            "Authorization": f"Bearer {self._key}" if self._key else openai.Omit(),
            "OpenAI-Organization": openai.Omit(),
            "OpenAI-Project": openai.Omit(),
        }
        http = httpx2.AsyncClient(
            timeout=settings.seconds,
            follow_redirects=False,
            headers={"Accept-Encoding": "identity"},
            event_hooks={"response": [_bound]},
            limits=httpx2.Limits(max_connections=settings.concurrency),
        )
        self._client = openai.AsyncOpenAI(
            api_key=self._key or "none",  # which the headers overrule
            base_url=reference.base_url,
            max_retries=0,
            http_client=http,
        )

    async def ask(self, sent: Mapping[str, JSON]) -> Answer:
        """Send one request once.

        Raises:
            Fault: It brought no reply.
            ConfigError: The server refuses the key.
            ModelError: There is no such model, or nothing to ask, at the URL.
        """
        limit = self._limit
        try:
            async with asyncio.timeout(self._settings.seconds):
                body = await self._exchange(sent)
        except (TimeoutError, openai.APITimeoutError) as fault:
            message = f"no whole reply within {self._settings.seconds:g} s"
            raise Fault("timeout", message, again=True) from fault
        except openai.APIStatusError as fault:
            if limit == _LIMIT and _wants_other_limit(fault.response):
                self._limit = _OTHER_LIMIT
                return await self.ask(sent)
            self._refuse(fault.response)
        except openai.APIConnectionError as fault:
            why = str(fault.__cause__) or type(fault.__cause__).__name__
            refused = isinstance(fault.__cause__, httpx2.ConnectError)
            raise Fault("connection", f"no connection ({why})", again=True, worked=not refused) from fault
        answer = read(body)
        if isinstance(answer, str):
            raise Fault("malformed", self._without_key(answer), again=True)
        return answer

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def _exchange(self, sent: Mapping[str, JSON]) -> bytes:
        rest = {name: value for name, value in sent.items() if name not in ("messages", _LIMIT)}
        rest |= {self._limit: sent[_LIMIT]} if _LIMIT in sent else {}
        response = await self._client.chat.completions.with_raw_response.create(
            model=self._reference.model,
            messages=cast("Any", sent["messages"]),  # Any: its own types list each field of each role
            extra_body=rest,
            extra_headers=self._headers,
        )
        return response.content

    def _refuse(self, response: httpx2.Response) -> NoReturn:
        """Raise what a status that is no success means."""
        status = response.status_code
        said = self._without_key(quoted(response.content))
        if status in _KEY:
            raise self._key_error(status)
        if status in _ADDRESS or status in _REDIRECTS:
            raise ModelError.at(
                self._where,
                f"{PREFIX}{self._reference.model}@{self._reference.base_url}",
                f"there is no such model, or no chat completions, at that URL (HTTP {status}: {said})",
                fix="Correct the model or the URL, which as a rule ends in /v1",
            )
        again = status in AGAIN or status >= _SERVER_FAULT
        fault = Fault("status", f"HTTP {status}: {said}", again=again, worked=again and status not in AGAIN)
        fault.status = status
        fault.after = _asked_wait(response.headers)
        raise fault

    def _key_error(self, status: int) -> ConfigError:
        name = self._settings.key_from
        if self._key:
            why, fix = "the server refuses the key that it holds", "Put a valid key into it"
        else:
            why, fix = "it is not set, and the server asks for a key", f"Set {name}, or name another variable"
        return ConfigError.at("endpoint.key_from", name, f"{why} (HTTP {status})", fix=fix)

    def _without_key(self, said: str) -> str:
        """Leave the key out of what a server says, should it repeat it."""
        return said.replace(self._key, "…") if self._key else said


def _wants_other_limit(response: httpx2.Response) -> bool:
    """Whether a server refuses the limit of a reply by the name that it was given."""
    return response.status_code == _REFUSED and _OTHER_LIMIT.encode() in response.content


def wait(fault: Exception) -> bool | float:
    """Say whether an attempt is to be made again, or after how many seconds."""
    if not isinstance(fault, Fault) or not fault.again:
        return False
    if fault.after is None:
        return True
    # So that those who were sent away together do not come back together.
    return min(LONGEST_WAIT, fault.after * (1 + random.random() / 4))


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
