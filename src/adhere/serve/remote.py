"""A model on a server upstream, which is left alone for a moment where it is out of order."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import aclosing, contextmanager

import orjson
import structlog
from purgatory.domain.model import Context, OpenedState

from adhere.config.remote import RemoteSettings
from adhere.endpoint.line import CHAT, Fault, Line
from adhere.endpoint.reply import quoted, step
from adhere.errors import ModelError
from adhere.records import JSON
from adhere.schema import Malformed, parse_bytes
from adhere.serve import relayed
from adhere.serve.order import Token
from adhere.serve.said import Said

COMPLETIONS = "/completions"
_MODELS = "/models"
_FAILURES = 5
"""In a row, after which a server is left alone."""
_REST = 1.0
"""Seconds for which it is; then the next request shows whether it has come back."""
_BUSY = 503
_SERVER_FAULT = 500

Headers = Callable[[], Mapping[str, str]]


class Remote:
    """Use it within one event loop, and close it.

    Args:
        base_url: What `/chat/completions` is put behind.
        model: As the server calls it; empty for the only one that it has, which `find` looks up.
        settings: How it is asked.
        headers: Returns what each request carries beside the key.
    """

    def __init__(
        self, base_url: str, model: str, settings: RemoteSettings, *, headers: Headers | None = None
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.model = model
        self.other_models: set[str] = set()
        """Names of models that replied and were not asked."""
        self.line = Line(
            self.base_url,
            key_from=settings.key_from,
            seconds=settings.seconds,
            connections=settings.concurrency,
        )
        self._seconds = settings.seconds
        self._headers = headers or dict
        self._circuit = Context(self.base_url, threshold=_FAILURES, ttl=_REST)
        self._log = structlog.get_logger("adhere.upstream")

    async def find(self) -> None:
        """Look the model's name up where none was given.

        Raises:
            Fault: There is no list of models now.
            ModelError: It has none, or several.
        """
        if self.model:
            return
        parsed = parse_bytes(await self.line.ask(None, path=_MODELS))
        listed = None if isinstance(parsed, Malformed) else step(parsed.value, "data")
        names = [step(each, "id") for each in listed] if isinstance(listed, list) else []
        if len(names) != 1 or not isinstance(names[0], str):
            why = f"it has {len(names)} models" if names else "it lists no models"
            shown = f": {', '.join(map(str, names[:8]))}" if names else ""
            fix = "Name one with --upstream-model"
            raise ModelError.at("serve.upstream", self.base_url, f"{why}{shown}", fix=fix)
        self.model = names[0]

    async def say(self, sent: Mapping[str, JSON], *, path: str = CHAT, until: float | None = None) -> Said:
        """Have one answer written, and return it whole.

        Args:
            sent: The request, without the model.
            path: What is asked of the server.
            until: When the answer is no use any more, by the monotonic clock.

        Raises:
            Fault: There is none.
            Refusal: The time is over, or the server is out of order.
        """
        seconds = self._left(until)
        with self._watched(seconds):
            body = await self.line.ask(
                {"model": self.model, **sent}, path=path, seconds=seconds, headers=self._headers()
            )
            said = Said()
            said.hear(self._read(body))
            return self._whole(said, body)

    async def pieces(
        self, sent: Mapping[str, JSON], said: Said, *, path: str = CHAT, until: float | None = None
    ) -> AsyncGenerator[tuple[str, tuple[Token, ...]]]:
        """Have one answer written, and yield it as it comes; at the end `said` is whole.

        Raises as `say` does, on the way too.
        """
        seconds = self._left(until)
        options: dict[str, JSON] = {"stream": True, "stream_options": {"include_usage": True}}
        events = self.line.events(
            {"model": self.model, **sent, **options}, path=path, seconds=seconds, headers=self._headers()
        )
        with self._watched(seconds):
            last = b""
            async with aclosing(events):
                async for last in events:
                    piece = said.hear(self._read(last))
                    if any(piece):
                        yield piece
            self._whole(said, last)

    async def close(self) -> None:
        """Close all connections."""
        await self.line.close()

    def _left(self, until: float | None) -> float:
        """Return how long a try may take, in seconds."""
        left = self._seconds if until is None else min(self._seconds, until - time.monotonic())
        if left <= 0:
            raise relayed.late()
        return left

    def _read(self, body: bytes) -> JSON:
        # The answer within is judged by a stricter reader; this one takes a tenth of its time.
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as fault:
            raise self._malformed(f"the reply is not JSON ({fault})", body) from fault

    def _whole(self, said: Said, body: bytes) -> Said:
        """Make sure that an answer has come to its end, and take note of who gave it."""
        if not said.is_reply:
            raise self._malformed("the reply is not a completion", body)
        if not said.ended:
            raise Fault("connection", "the reply broke off", again=True)
        if said.reason is None:
            raise Fault("filtered", f"the answer was not ended but stopped ({said.ended!r})", again=False)
        if said.model and said.model != self.model and said.model not in self.other_models:
            self.other_models.add(said.model)
            self._log.warning("upstream.other_model", asked=self.model, replied=said.model)
        return said

    def _malformed(self, why: str, body: bytes) -> Fault:
        return Fault("malformed", self.line.without_key(f"{why}: {quoted(body)}"), again=True)

    @contextmanager
    def _watched(self, seconds: float) -> Generator[None]:
        """Count failures in a row, and send nothing for a while after too many.

        Who leaves, or gives less time than a try has, tells nothing of the server.
        """
        try:
            self._circuit.handle_new_request()
        except OpenedState as rest:
            left = rest.opened_at + _REST - time.time()
            raise relayed.down(max(0.0, left)) from None
        try:
            yield
        except Fault as fault:
            if fault.cause == "timeout" and seconds < self._seconds:
                raise relayed.late() from fault
            if _is_down(fault):
                self._circuit.handle_exception(fault)
            else:
                self._circuit.handle_end_request()
            raise
        else:
            self._circuit.handle_end_request()
        finally:
            self._tell()

    def _tell(self) -> None:
        """Log what has become of the circuit."""
        for each in self._circuit.messages:
            state = getattr(each, "state", None)
            if state in ("opened", "closed"):
                self._log.warning("upstream.out_of_order" if state == "opened" else "upstream.back")
        self._circuit.messages.clear()


async def pause(tried: int, until: float | None) -> None:
    """Wait before another try, twice as long each time.

    Args:
        tried: How often it was tried, from 1.
        until: When the answer is no use any more.
    """
    left = 1.0 if until is None else until - time.monotonic()
    await asyncio.sleep(max(0.0, min(left, 0.05 * 2**tried)))


def _is_down(fault: Fault) -> bool:
    """Whether a fault speaks against the server rather than against what was asked of it."""
    if fault.status is not None:
        return fault.status >= _SERVER_FAULT and fault.status != _BUSY
    return fault.cause in ("connection", "timeout", "malformed")
