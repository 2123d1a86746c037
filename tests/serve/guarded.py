"""A small application behind the guard, on a real server that a test speaks to by raw sockets."""

import asyncio
import io
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from starlette.types import Receive, Scope, Send

from adhere.config import KeyConfig, LimitSettings
from adhere.serve import logs, receipt
from adhere.serve.guard import Guard
from adhere.serve.keys import Keys
from adhere.serve.logs import Log
from adhere.serve.managing import manage
from adhere.serve.telemetry import Telemetry
from adhere.serve.visit import visit_of

T = TypeVar("T")

RECEIPT = 0.4
"""Seconds that a request may take to come, where a test does not say otherwise."""


async def routes(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the length of the body; or slowly, at length, or not at all."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    message = await receive()
    visit = visit_of(scope)
    asked = json.loads(message["body"]) if message["body"].startswith(b"{") else {}
    visit.asked, visit.most_tokens = str(asked), int(asked.get("most_tokens", 0))
    match asked.get("do"):
        case "wait":
            leaving = asyncio.ensure_future(receive())
            await asyncio.wait([leaving], timeout=asked["seconds"])
            if leaving.done():
                return
            leaving.cancel()
        case "long":
            length = int(asked["bytes"])
            headers = [(b"content-length", b"%d" % length)]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"x" * length})
            return
        case "fail":
            raise ZeroDivisionError(asked["words"])
        case "flood":
            leaving = asyncio.ensure_future(receive())
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while not leaving.done():
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
                await asyncio.sleep(0)
            return
        case _:
            pass
    visit.spent(prompt=int(asked.get("prompt", 0)), tokens=int(asked.get("tokens", 0)))
    visit.answered = "an answer"
    body = json.dumps({"came": len(message["body"]), "id": visit.id, "client": visit.client}).encode()
    headers = [(b"content-length", b"%d" % len(body)), (b"x-request-id", b"of-the-route")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """Of an error."""
        return json.loads(self.body)["error"]["code"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """The server, while it runs."""

    port: int
    told: io.StringIO
    telemetry: Telemetry

    def connect(self, *, timeout: float = 5.0) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def say(self, said: bytes, *, timeout: float = 5.0) -> Reply:
        """Send bytes on a connection of their own, and return the reply."""
        with self.connect(timeout=timeout) as line:
            line.sendall(said)
            return heard(line)

    def post(self, body: object = None, *, path: str = "/v1/completions", **headers: str) -> Reply:
        return self.say(spelled(body, path=path, **headers))

    def get(self, path: str, **headers: str) -> Reply:
        return self.say(spelled(None, path=path, method="GET", **headers))

    @property
    def lines(self) -> list[dict[str, object]]:
        """What was logged of requests."""
        lines = [json.loads(line) for line in self.told.getvalue().splitlines()]
        return [line for line in lines if line["event"] == "request"]

    def line_of(self, request_id: str) -> dict[str, object]:
        """Return the line of a request; it is written after the reply."""
        return awaited(lambda: next((e for e in self.lines if e["request_id"] == request_id), None))

    @property
    def figures(self) -> str:
        return self.telemetry.exposition()[0].decode()


def awaited(found: Callable[[], T | None], *, seconds: float = 5.0) -> T:
    """Return what is found, as soon as it is."""
    end = time.monotonic() + seconds
    while (value := found()) is None:
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)
    return value


def spelled(body: object, *, path: str = "/v1/completions", method: str = "POST", **headers: str) -> bytes:
    """Spell a request; header names have underscores for hyphens."""
    text = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1"]
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    given = {"host": "127.0.0.1", "content-length": str(len(text))} | named
    lines += [f"{name}: {value}" for name, value in given.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + text


def heard(line: socket.socket) -> Reply:
    """Read one reply that says its length."""
    file = line.makefile("rb")
    first = file.readline()
    if not first:
        raise ConnectionResetError("it was closed without a word")
    headers: dict[str, str] = {}
    while (header := file.readline()) not in (b"\r\n", b""):
        name, _, value = header.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return Reply(int(first.split()[1]), headers, file.read(int(headers.get("content-length", 0))))


def made_key(path: Path, name: str, **settings: Any) -> str:
    """Make a key as the verb does, and return it."""
    return str(manage(KeyConfig(do="add", keys=path, name=name, **settings))["key"])


@contextmanager
def guarded(
    *,
    keys: Path | None = None,
    limits: LimitSettings | None = None,
    content: bool = False,
    only_loopback: bool = False,
    telemetry: Telemetry | None = None,
) -> Iterator[Guarded]:
    """Run the server in a thread of its own for the length of a block."""
    limits = limits or LimitSettings(receipt=RECEIPT)
    told = io.StringIO()
    root = logging.getLogger()
    before = root.handlers, root.level
    logs.configure(told)
    log, telemetry = Log(content=content), telemetry or Telemetry()
    guard = Guard(
        routes,
        keys=Keys(keys) if keys else None,
        limits=limits,
        telemetry=telemetry,
        log=log,
        only_loopback=only_loopback,
    )
    config = uvicorn.Config(
        guard,
        http=receipt.protocol(limits, telemetry, log),
        ws="none",
        access_log=False,
        server_header=False,
        log_config=None,
        timeout_keep_alive=1,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=limits.header_bytes,
    )
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        yield Guarded(port=listening.getsockname()[1], told=told, telemetry=telemetry)
    finally:
        server.should_exit = True
        thread.join()
        root.handlers, root.level = before
