"""Whether a server upstream keeps to what it is told: asked at the start, and from time to time."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Literal

import structlog

from adhere.config.remote import Dialect, RemoteSettings
from adhere.endpoint import Reference, canary
from adhere.endpoint.line import Fault
from adhere.endpoint.wire import refused
from adhere.errors import AdhereError, ModelError
from adhere.records import JSON
from adhere.reward.wrapping import after_thought
from adhere.schema import Schema
from adhere.serve import dialect as dialects
from adhere.serve.order import Obeying, Refusal
from adhere.serve.remote import Remote

_TOKENS = 512
"""Most of an answer to the canary; a thought may come before it."""
_UNKNOWN = 1.0
"""Seconds before a server is asked again that was not there."""
_SOONEST = 10.0
"""Seconds: replies that break what a server was told may come by the hundred."""
_ORDER: tuple[Dialect, ...] = ("vllm", "llamacpp", "openai")
"""Which dialect is tried first: the one that can say most."""
_NO_FIELD = frozenset({400, 422, 500, 501})
"""Statuses by which servers say that they do not know a field, or cannot honour it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a canary showed."""

    outcome: Literal["kept", "dropped", "untold"]
    """untold: there was no answer by which to tell."""
    why: str = ""
    """A clause without a full stop."""


class Vigil:
    """Watches one server; `begin` it, and close it.

    Args:
        remote: The server.
        settings: Which dialect it is asked in, how often, and what is done where it does not obey.
        soonest: Least seconds between two canaries, whatever makes one doubt.
    """

    def __init__(self, remote: Remote, settings: RemoteSettings, *, soonest: float = _SOONEST) -> None:
        self.dialect: Dialect | None = None
        """That the server is asked in; `None` until it is known."""
        self.is_obeyed = False
        """Whether the server kept to what it was told when it was asked last."""
        self.why = "the server upstream was not asked yet"
        """Why promises cannot be kept well; empty where they can."""
        self._remote = remote
        self._settings = settings
        self._soonest = soonest
        self._doubted = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("adhere.upstream")

    async def begin(self) -> None:
        """Ask the canary, and go on asking it.

        A server that is not there yet is waited for in the background.

        Raises:
            ConfigError: It refuses the key.
            ModelError: It has no such model; or it does not obey, in any dialect that it may be asked in.
        """
        error = await self._look()
        if error is not None:
            raise error
        if self._settings.dialect != "none" or self.dialect is None:
            self._watch = asyncio.create_task(self._go_on(), name="upstream canary")

    async def close(self) -> None:
        """Ask no more."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)

    def doubt(self) -> None:
        """Have the canary asked soon: a reply broke what the server was told."""
        self._doubted.set()

    async def _go_on(self) -> None:
        while True:
            every = self._settings.canary
            rest = _UNKNOWN if self.dialect is None else min(self._soonest, every or self._soonest)
            await asyncio.sleep(rest)
            if self.dialect is not None and not self.why:
                await self._until_due(every - rest if every else None)
            was = self.why
            error = await self._look()
            if error is not None:
                self.why = str(error)
            if self.why != was:
                self._log.warning("upstream.canary", dialect=self.dialect, why=self.why or "obeys")

    async def _until_due(self, seconds: float | None) -> None:
        """Wait until the canary is due, or there is doubt."""
        try:
            async with asyncio.timeout(seconds):
                await self._doubted.wait()
        except TimeoutError:
            pass
        self._doubted.clear()

    async def _look(self) -> AdhereError | None:
        """Ask the canary in each dialect that may be; return what makes every request hopeless."""
        given = self._settings.dialect
        try:
            await self._remote.find()
        except ModelError as error:
            return error
        except Fault as fault:
            return self._hopeless(fault) or self._untold(str(fault))
        if given == "none":
            self.dialect, self.is_obeyed, self.why = "none", False, ""
            return None
        dropped: list[str] = []
        known: tuple[Dialect, ...] = () if self.dialect in (None, "none") else (self.dialect,)
        for dialect in dict.fromkeys((*known, *_ORDER)) if given == "auto" else (given,):
            try:
                found = await self._ask(dialect)
            except Fault as fault:
                return self._hopeless(fault) or self._untold(str(fault))
            if found.outcome == "untold":
                return self._untold(found.why)
            if found.outcome == "kept":
                self.dialect, self.is_obeyed, self.why = dialect, True, ""
                return None
            dropped.append(f"{dialect}: {found.why}")
        return self._dropped(dropped)

    def _untold(self, why: str) -> None:
        """Nothing is known anew; what was known before stands."""
        if self.dialect is None:
            self.why = f"the server upstream cannot be asked yet: {why}"

    def _dropped(self, dropped: list[str]) -> AdhereError | None:
        self.is_obeyed = False
        if self._settings.unconstrained:
            self.dialect = "none" if self._settings.dialect == "auto" else self._settings.dialect
            self.why = ""
            self._log.warning("upstream.unconstrained", why=dropped)
            return None
        return ModelError.at(
            "serve.upstream",
            self._remote.base_url,
            f"it does not keep to a schema ({'; '.join(dropped)})",
            fix="Name a server that decodes under a schema, or give --remote.unconstrained to check replies "
            "and ask again alone",
        )

    def _hopeless(self, fault: Fault) -> AdhereError | None:
        reference = Reference(self._remote.model, self._remote.base_url)
        key_from = self._settings.key_from
        return refused(fault, reference, self._remote.line, key_from, where="serve.upstream")

    async def _ask(self, dialect: Dialect) -> Found:
        """Ask for a code that the prompt does not tell, under a schema that does."""
        code = canary.code(secrets.randbits(64))
        said = dialects.fields(dialect, Obeying(schema=Schema.of(canary.schema(code), name="canary")))
        message: JSON = {"role": "user", "content": canary.QUESTION}
        limits: dict[str, JSON] = {"temperature": 0.0, "max_tokens": _TOKENS}
        try:
            heard = await self._remote.say({"messages": [message], **limits, **(said or {})})
        except Refusal as refusal:
            return Found("untold", refusal.message)
        except Fault as fault:
            if fault.status in _NO_FIELD:
                return Found("dropped", f"it refuses the field: {fault}")
            raise
        written = after_thought(heard.text.strip())
        if heard.reason == "stop" and canary.is_kept(written, code):
            return Found("kept")
        if heard.reason == "length" and canary.may_be_kept(written, code):
            return Found("untold", "its answer was cut off")
        return Found("dropped", f"it answered {written[:60]!r}, which the schema forbids")
