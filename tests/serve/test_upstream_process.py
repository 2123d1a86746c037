"""A server upstream that is killed under load: nothing half counts as whole, and it is back at once."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

import pytest
from tests.serve.test_upstream import RIGHT, VLLM, order, run
from tests.served import free_port

from adhere.config.remote import RemoteSettings
from adhere.config.serving import Manner
from adhere.serve.order import AnyText, Order, Refusal, Written
from adhere.serve.upstream import Upstream

SLOW_HALVES = """
import json, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        told = asked.get("structured_outputs", {}).get("json", {}).get("properties", {})
        text = json.dumps({"code": told["code"]["enum"][0]}) if "code" in told else sys.argv[2]
        self.send_response(200)
        if asked.get("stream"):
            self.send_header("Connection", "close")
            self.end_headers()
            for part in (text[:9], text[9:]):
                self.say(b"data: " + json.dumps({"choices": [{"delta": {"content": part}}]}).encode())
            self.say(b"data: " + json.dumps({"choices": [{"delta": {}, "finish_reason": "stop"}]}).encode())
            self.close_connection = True
        else:
            message = {"message": {"content": text}, "finish_reason": "stop"}
            body = json.dumps({"choices": [message]}).encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.say(body[:40], b"")
            self.say(body[40:], b"")
    def say(self, part, end=b"\\n\\n"):
        self.wfile.write(part + end)
        self.wfile.flush()
        time.sleep(0.01)
class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    def handle_error(self, *_): pass
Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
"""Answers in two halves, with a moment between them."""


@contextmanager
def halves(port: int) -> Iterator[int]:
    """Run the server; yield its process's number once it listens."""
    process = subprocess.Popen([sys.executable, "-c", SLOW_HALVES, str(port), RIGHT])
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait(10)


@asynccontextmanager
async def started(
    url: str, model: str, settings: RemoteSettings, manner: Manner = "chat"
) -> AsyncGenerator[Upstream]:
    upstream = Upstream(url, model, settings, manner=manner)
    try:
        await upstream.start()
        while upstream.why_not_ready:
            await asyncio.sleep(0.02)
        yield upstream
    finally:
        await upstream.close()


async def outcome(upstream: Upstream, asked: Order) -> str | int:
    """Return a whole answer's text, or the status of an error; what came before that is no answer."""
    pieces = ""
    try:
        async for event in upstream.write(asked):
            if isinstance(event, Written):
                pieces += event.text
            else:
                assert (event.text, event.reason) == (pieces, "stop")
                return event.text
    except Refusal as refusal:
        return refusal.status
    raise AssertionError


@pytest.mark.slow
def test_a_server_that_is_killed_under_load_is_back_at_once_and_nothing_half_counts() -> None:
    port, done = free_port(), False
    came: list[tuple[float, str | int]] = []

    async def ask(upstream: Upstream, asked: Order) -> None:
        while not done:
            found = await outcome(upstream, asked)
            came.append((time.monotonic(), found))
            await asyncio.sleep(0.01 if isinstance(found, str) else 0.05)

    async def work() -> tuple[float, float]:
        nonlocal done
        free = order(AnyText(), streamed=True)
        with halves(port) as first:
            async with started(f"http://127.0.0.1:{port}/v1", "m", replace(VLLM, canary=0.2)) as upstream:
                async with asyncio.TaskGroup() as tasks:
                    for asked in (order(), free) * 4:
                        tasks.create_task(ask(upstream, asked))
                    await asyncio.sleep(0.7)
                    os.kill(first, signal.SIGKILL)
                    killed = time.monotonic()
                    await asyncio.sleep(1.5)
                    with halves(port):
                        await _listening(port)
                        back = time.monotonic()
                        await asyncio.sleep(2.0)
                        done = True
                        await asyncio.sleep(0.3)
                assert upstream.why_not_ready == ""
        return killed, back

    killed, back = run(work())
    assert {found for _, found in came} <= {RIGHT, 502, 503}, "all, or an error"
    assert any(found == RIGHT for at, found in came if at < killed)
    assert any(found == 503 for at, found in came if killed < at < back), "left alone"
    assert min(at for at, found in came if at > back and found == RIGHT) - back < 2


async def _listening(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return
