"""The routes in this process, with a backend that says what a test wrote for it."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from adhere.config import ServeConfig
from adhere.records import JSON
from adhere.schema import Schema
from adhere.serve.answers import Service
from adhere.serve.app import app
from adhere.serve.order import Ended, Event, Order, Reason, Refusal, Token, Wanted, Written

HELLO: list[JSON] = [{"role": "user", "content": "hello"}]
CHAT: dict[str, JSON] = {"model": "nano", "messages": HELLO}
"""The shortest conversation."""
COUNT: dict[str, JSON] = {
    "type": "object",
    "properties": {"count": {"type": "integer"}},
    "required": ["count"],
    "additionalProperties": False,
}


class Direct:
    """Accepts what the schema itself accepts, in this process."""

    async def schema(
        self, given: JSON, *, param: str, client: str = "", name: str | None = None, lenient: bool = False
    ) -> Schema:
        del param, client, lenient
        assert isinstance(given, dict)
        return Schema.of(given, name=name)

    async def admit(self, wanted: Wanted, *, param: str, client: str = "") -> None:
        del wanted, param, client

    def relaxed(self, schema: Schema) -> list[JSON]:
        return [{"keyword": "not", "pointer": ""}] if "not" in schema.source else []


@dataclass(slots=True)
class Scripted:
    """Writes the texts it was given, one for each answer, a character a piece where that is of use."""

    texts: Sequence[str] = ("hello",)
    reason: Reason = "stop"
    fails: Refusal | Exception | None = None
    """Raised after the first piece of the first answer."""
    told: str | None = None
    """What ends say of their text, where that is not so."""
    forgets: bool = False
    """Whether the last answer never ends."""
    note: dict[str, JSON] | None = None
    orders: list[Order] = field(default_factory=list[Order])
    closed: int = 0

    async def write(self, order: Order) -> AsyncGenerator[Event]:
        self.orders.append(order)
        try:
            for index in range(order.n):
                text = self.texts[index % len(self.texts)]
                for piece in text if order.streamed else [text]:
                    yield Written(index=index, text=piece, tokens=self._tokens(order, piece))
                    await asyncio.sleep(0)
                    if self.fails is not None:
                        raise self.fails
                if self.forgets and index == order.n - 1:
                    return
                yield Ended(
                    index=index,
                    reason=self.reason,
                    text=text if self.told is None else self.told,
                    prompt_tokens=7,
                    cached_tokens=3,
                    tokens=len(text),
                    note=self.note,
                )
        finally:
            self.closed += 1

    @staticmethod
    def _tokens(order: Order, piece: str) -> tuple[Token, ...]:
        if order.alternatives is None:
            return ()
        likelier = (("x", -1.5), ("\ufffd", float("-inf")))[: order.alternatives]
        return tuple(Token(text=each, logprob=-0.25, alternatives=likelier) for each in piece)


@dataclass(slots=True)
class Wired:
    """The routes, asked from within."""

    backend: Scripted = field(default_factory=Scripted)
    settings: ServeConfig = field(default_factory=ServeConfig)
    default: Schema | None = None
    why_not_ready: str = ""
    each_prompt_counts: bool = False

    @property
    def service(self) -> Service:
        return Service(
            backend=self.backend,
            compiler=Direct(),
            settings=self.settings,
            name="nano",
            created=1,
            default=self.default,
            each_prompt_counts=self.each_prompt_counts,
            why_not_ready=lambda: self.why_not_ready,
            figures=lambda: (b"adhere_requests_total 0\n", "text/plain; version=1.0.0"),
        )

    def ask(self, method: str, path: str, **given: Any) -> httpx2.Response:  # Any: what httpx2 takes
        async def asked() -> httpx2.Response:
            inside = httpx2.ASGITransport(app=app(self.service), raise_app_exceptions=False)
            async with httpx2.AsyncClient(transport=inside, base_url="http://127.0.0.1") as client:
                return await client.request(method, path, **given)

        return asyncio.run(asked())

    def post(self, path: str, body: JSON) -> httpx2.Response:
        return self.ask("POST", path, json=body)

    def chat(self, **fields: JSON) -> httpx2.Response:
        return self.post("/v1/chat/completions", {**CHAT, **fields})

    @property
    def order(self) -> Order:
        """What was asked of the backend."""
        (order,) = self.backend.orders
        return order


def events(reply: httpx2.Response) -> list[dict[str, Any]]:
    """Return the events of a stream, as JSON, without the word that ends it."""
    assert reply.headers["content-type"].startswith("text/event-stream")
    datas = [line.removeprefix("data: ") for line in reply.text.splitlines() if line.startswith("data: ")]
    return [json.loads(data) for data in datas if data != "[DONE]"]


def refused(reply: httpx2.Response) -> tuple[int, str | None]:
    """Return the status of a refusal, and the field that it names."""
    error = reply.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["message"].endswith(".")
    return reply.status_code, error["param"]
