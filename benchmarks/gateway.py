"""What `adhere serve --upstream` adds to each answer of a server that answers at once, in milliseconds.

Requests come at a steady rate, whether earlier ones were answered or not, so that waiting counts: from when a
request was due until its answer is whole. They go straight to the server, and through the gateway, in turn,
`runs` times each; `p50` and `p99` are what the gateway adds to the same percentile. Everything is on this
machine and shares its cores: the load, the gateway and the server, a process each.

Each request is a chat completion under a JSON Schema, sent to the server in vLLM's dialect; each answer is
checked against the schema before it leaves the gateway. `limit` is what may be added at most; a ratio above 1
means that less is. LiteLLM's documentation says 2 ms and 13 ms of its own gateway on four machines of four
cores; that was measured elsewhere, and is no peer here.
"""

import argparse
import asyncio
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import cast

import h11
import uvloop

from adhere.records import JSON

LIMITS = {"p50": 3.0, "p99": 15.0}
"""Milliseconds that may be added."""
PUBLISHED = {"p50": 2.0, "p99": 13.0}
"""LiteLLM's, of its documentation, on four machines of four cores: for orientation, measured elsewhere."""
MAIN = "import sys; from adhere.cli import main; sys.exit(main())"
WARM = 200
"""Requests that are not measured."""
ADDRESS = re.compile(r"at (http://\S+)/v1")
SCHEMA: dict[str, JSON] = {
    "type": "object",
    "properties": {
        "vendor": {"type": "string"},
        "total": {"type": "number"},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "count": {"type": "integer"}},
                "required": ["name", "count"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["vendor", "total", "items"],
    "additionalProperties": False,
}
ANSWER = json.dumps({"vendor": "Acme", "total": 12.5, "items": [{"name": "bolt", "count": 3}] * 8})


def request(model: str) -> bytes:
    """Return a chat completion with a prompt of about 200 tokens."""
    form: dict[str, JSON] = {"name": "invoice", "schema": SCHEMA, "strict": True}
    body: dict[str, JSON] = {
        "model": model,
        "messages": [
            {"role": "system", "content": "Fill in the form from the text. JSON only."},
            {"role": "user", "content": "Invoice of Acme, eight times three bolts, 12.50 in all. " * 14},
        ],
        "temperature": 0,
        "max_tokens": 400,
        "response_format": {"type": "json_schema", "json_schema": form},
    }
    return json.dumps(body).encode()


class Instant(asyncio.Protocol):
    """A server that answers at once, as one does that keeps to what it is told."""

    def __init__(self) -> None:
        self._heard = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what is answered by."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer once a request is whole."""
        self._heard += data
        head, end, body = self._heard.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if end and len(body) >= (wanted := int(length[1]) if length else 0):
            self._heard = bytearray()
            self._transport.write(answer(bytes(body[:wanted])))


def answer(body: bytes) -> bytes:
    """Return the reply to a request; a canary's code is in its schema."""
    text = ANSWER
    if b'"structured_outputs"' in body and b'"enum"' in body:
        told = json.loads(body)["structured_outputs"]["json"]
        text = json.dumps({"code": told["properties"]["code"]["enum"][0]})
    message: JSON = {"role": "assistant", "content": text}
    choice: JSON = {"index": 0, "message": message, "finish_reason": "stop"}
    usage: JSON = {"prompt_tokens": 200, "completion_tokens": 90, "total_tokens": 290}
    reply: JSON = {
        "id": "1",
        "object": "chat.completion",
        "model": "mock",
        "choices": [choice],
        "usage": usage,
    }
    content = json.dumps(reply).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


async def serve_instantly() -> None:
    """Say at which address, and answer until killed."""
    server = await asyncio.get_running_loop().create_server(Instant, "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"answers at http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1\n")
    sys.stdout.flush()
    await server.serve_forever()


@asynccontextmanager
async def process(*command: str) -> AsyncGenerator[str]:
    """Run a server; yield its base URL once it has said it."""
    running = subprocess.Popen(  # noqa: S603, our own command
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said: list[str] = []
    try:
        assert running.stdout is not None
        for line in running.stdout:
            said.append(line)
            if found := ADDRESS.search(line):
                # What it says afterwards must not fill the pipe.
                drained = asyncio.create_task(asyncio.to_thread(running.stdout.read))
                yield f"{found[1]}/v1"
                break
        else:
            raise SystemExit("".join(said))
    finally:
        running.terminate()
        running.wait(20)
    await drained


class Client:
    """One connection, which asks one thing at a time."""

    def __init__(self, url: str) -> None:
        host, port = re.fullmatch(r"http://([^:]+):(\d+)/v1", url).groups()  # pyright: ignore[reportOptionalMemberAccess]
        self._host, self._port = host, int(port)
        self._http = h11.Connection(h11.CLIENT)

    async def open(self) -> "Client":
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self

    @property
    def is_over(self) -> bool:
        """Whether the server has hung up, as it does on a connection that lay idle."""
        return self._reader.at_eof()

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    async def ask(self, body: bytes) -> bytes:
        """Return the body of the reply, which must be a success."""
        headers = [
            ("Host", self._host),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
        ]
        asked = h11.Request(method="POST", target="/v1/chat/completions", headers=headers)
        self._writer.write(
            b"".join(filter(None, map(self._http.send, (asked, h11.Data(body), h11.EndOfMessage()))))
        )
        parts: list[bytes] = []
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(65536))
            elif isinstance(event, h11.Response):
                assert event.status_code == 200, event
            elif isinstance(event, h11.Data):
                parts.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                self._http.start_next_cycle()
                return b"".join(parts)


async def load(url: str, body: bytes, *, rate: float, seconds: float) -> list[float]:
    """Ask at a steady rate; return how long each answer took, from when its request was due, in ms."""
    idle: list[Client] = []
    took: list[float] = []

    async def one(due: float) -> None:
        client = idle.pop() if idle else await Client(url).open()
        while client.is_over:
            client = idle.pop() if idle else await Client(url).open()
        reply = await client.ask(body)
        took.append((time.perf_counter() - due) * 1e3)
        assert b'"finish_reason":' in reply
        idle.append(client)

    count = int(rate * seconds)
    for measured in (False, True):
        began = time.perf_counter()
        asked: list[asyncio.Task[None]] = []
        for number in range(count if measured else WARM):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            asked.append(asyncio.create_task(one(due)))
        await asyncio.gather(*asked)
        if not measured:
            took.clear()
    for client in idle:
        client.close()
    return took


def percentile(took: Sequence[float], share: float) -> float:
    """Return the value that so large a share is at or below."""
    return sorted(took)[min(len(took) - 1, int(len(took) * share))]


async def cases(given: argparse.Namespace) -> dict[str, JSON]:
    """Measure both ways in turn; return each asked case's figures."""
    body = request("mock")
    added: dict[str, list[float]] = {"p50": [], "p99": []}
    direct: dict[str, list[float]] = {"p50": [], "p99": []}
    serve = (
        "-c",
        MAIN,
        "serve",
        "--port",
        "0",
        "--upstream-model",
        "mock",
        "--remote.dialect",
        "vllm",
    )
    async with process(__file__, "--mock") as mock, process(*serve, "--upstream", mock) as gateway:
        for _ in range(given.runs):
            straight = await load(mock, body, rate=given.rate, seconds=given.seconds)
            through = await load(gateway, body, rate=given.rate, seconds=given.seconds)
            for name, share in (("p50", 0.5), ("p99", 0.99)):
                direct[name].append(percentile(straight, share))
                added[name].append(percentile(through, share) - percentile(straight, share))
    return {
        name: {
            "ours": round(statistics.median(added[name]), 2),
            "limit": LIMITS[name],
            "unit": "ms",
            "ratio": round(LIMITS[name] / statistics.median(added[name]), 2),
            "runs": given.runs,
            "direct": round(statistics.median(direct[name]), 2),
            "requests": int(given.rate * given.seconds),
            "rate": given.rate,
            "published_elsewhere": PUBLISHED[name],
        }
        for name in given.case
    }


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="on one line")
    parser.add_argument("--case", nargs="+", choices=list(LIMITS), default=list(LIMITS))
    parser.add_argument("--rate", type=float, default=150.0, help="requests a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="of load, each way and run")
    parser.add_argument("--runs", type=int, default=3, help="of each way, in turn")
    parser.add_argument("--mock", action="store_true", help="be the server that answers at once")
    given = parser.parse_args()
    if given.mock:
        uvloop.run(serve_instantly())
        return
    machine = (
        platform.machine(),
        f"{len(os.sched_getaffinity(0))} cores",
        f"Python {platform.python_version()}",
    )
    result = {
        "cases": uvloop.run(cases(given)),
        "machine": ", ".join(machine),
        "versions": {name: version(name) for name in ("adhere", "fastapi", "httpx2", "uvicorn", "uvloop")},
    }
    sys.stdout.write(f"{json.dumps(result, indent=None if given.json else 2)}\n")


if __name__ == "__main__":
    main()
