"""One attempt to get one reply from a model on a server."""

import logging
import random
from collections.abc import Mapping

from adhere.config import EndpointSettings
from adhere.endpoint.line import Fault, Line
from adhere.endpoint.reference import PREFIX, Reference
from adhere.endpoint.reply import Answer, read
from adhere.errors import AdhereError, ConfigError, ModelError
from adhere.records import JSON

LONGEST_WAIT = 60.0
"""Seconds before another attempt, whatever a server asks for."""
_KEY = frozenset({401, 403})
_ADDRESS = frozenset({404, 405})
_REDIRECTS = range(300, 400)

# What stamina says of every retry at level WARNING goes to whoever has set logging up, and to nobody else.
logging.getLogger("stamina").addHandler(logging.NullHandler())


class Wire:
    """A client of one model on one server; use it within one event loop, and close it.

    Args:
        reference: The model and the server.
        settings: Say where the key is, and how long an attempt may take.
        where: The setting that names the model.
    """

    def __init__(self, reference: Reference, settings: EndpointSettings, *, where: str) -> None:
        self._reference = reference
        self._key_from = settings.key_from
        self._where = where
        self._line = Line(
            reference.base_url,
            key_from=settings.key_from,
            seconds=settings.seconds,
            connections=settings.concurrency,
        )

    async def ask(self, sent: Mapping[str, JSON]) -> Answer:
        """Send one request once.

        Raises:
            Fault: It brought no reply.
            ConfigError: The server refuses the key.
            ModelError: There is no such model, or nothing to ask, at the URL.
        """
        try:
            body = await self._line.ask({"model": self._reference.model, **sent})
        except Fault as fault:
            error = refused(fault, self._reference, self._line, self._key_from, where=self._where)
            raise error or fault from fault.__cause__
        answer = read(body)
        if isinstance(answer, str):
            raise Fault("malformed", self._line.without_key(answer), again=True)
        return answer

    async def close(self) -> None:
        """Close all connections."""
        await self._line.close()


def refused(
    fault: Fault, reference: Reference, line: Line, key_from: str, *, where: str
) -> AdhereError | None:
    """Return what a fault says of every request: that the key or the model is none that a server knows."""
    status = fault.status
    if status in _KEY:
        if line.has_key:
            why, fix = "the server refuses the key that it holds", "Put a valid key into it"
        else:
            why = "it is not set, and the server asks for a key"
            fix = f"Set {key_from}, or name another variable"
        return ConfigError.at("endpoint.key_from", key_from, f"{why} (HTTP {status})", fix=fix)
    if status in _ADDRESS or (status is not None and status in _REDIRECTS):
        return ModelError.at(
            where,
            f"{PREFIX}{reference.model}@{reference.base_url}",
            f"there is no such model, or no chat completions, at that URL ({fault})",
            fix="Correct the model or the URL, which as a rule ends in /v1",
        )
    return None


def wait(fault: Exception) -> bool | float:
    """Say whether an attempt is to be made again, or after how many seconds."""
    if not isinstance(fault, Fault) or not fault.again:
        return False
    if fault.after is None:
        return True
    # So that those who were sent away together do not come back together.
    return min(LONGEST_WAIT, fault.after * (1 + random.random() / 4))
