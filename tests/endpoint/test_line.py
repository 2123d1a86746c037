"""HTTP to one server: events of a stream, and what stands in their way."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import aclosing

import pytest
from tests.acts import Act, Handler, Server, drips, floods, hangs, refuses, says, sends

from adhere.endpoint.line import Fault, Line
from adhere.endpoint.reply import Cause


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    with server.running():
        yield server
        server.let_go.set()


def events(server: Server, **sent: int) -> list[bytes]:
    async def work() -> list[bytes]:
        line = Line(server.url, key_from="NOT_SET", seconds=0.3, connections=1)
        try:
            asked = {"model": "fake", **sent}
            async with aclosing(line.events(asked, headers={"X-Trace": "1"})) as heard:
                return [data async for data in heard]
        finally:
            await line.close()

    return asyncio.run(work())


def streams(*parts: bytes) -> Act:
    def act(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        for part in parts:
            handler.wfile.write(part)
            handler.wfile.flush()
        handler.close_connection = True

    return act


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((b"data: 1\n\ndata: 2\n\ndata: [DONE]\n\ndata: 3\n\n",), id="none after the end"),
        pytest.param((b"da", b"ta: 1\r", b"\n\r\ndata:2", b"\n\n", b"data: [DONE]\n"), id="cut anywhere"),
        pytest.param((b": a comment\nevent: x\ndata: 1\nid: 7\n\ndata: 2\n\n",), id="other fields, no end"),
        pytest.param((b"data: 1\n\ndata: 2\n\ndata: half a li",), id="half a line is none"),
    ],
)
def test_events_are_read_however_they_come(server: Server, parts: tuple[bytes, ...]) -> None:
    server.acts = [streams(*parts)]
    assert events(server) == [b"1", b"2"]
    assert server.headers[-1]["x-trace"] == "1"
    assert "authorization" not in server.headers[-1]


@pytest.mark.parametrize(
    ("act", "cause"),
    [
        pytest.param(refuses(500), "status", id="500"),
        pytest.param(hangs, "timeout", id="no answer in time"),
        pytest.param(drips, "timeout", id="a slow drip"),
        pytest.param(floods, "oversize", id="a flood"),
        pytest.param(
            sends(b"data: 1\n\n", headers={"Content-Encoding": "gzip"}), "malformed", id="packed, unasked"
        ),
    ],
)
def test_what_stands_in_the_way_of_events_is_told(server: Server, act: Act, cause: Cause) -> None:
    server.acts = [act]
    with pytest.raises(Fault) as raised:
        events(server)
    assert raised.value.cause == cause


def test_a_stream_too_is_asked_for_with_the_other_name_of_the_limit(server: Server) -> None:
    said = "Use 'max_completion_tokens' instead."
    server.acts = [refuses(400, said=said), streams(b"data: 1\n\n")]
    assert events(server, max_tokens=7) == [b"1"]
    assert [asked.get("max_completion_tokens") for asked in server.asked] == [None, 7]
    server.acts = [refuses(400, said=said)]
    with pytest.raises(Fault, match="HTTP 400"):
        events(server)
    assert "max_completion_tokens" not in json.dumps(server.asked[-1]), "nothing to be renamed"


def test_what_is_not_sent_is_a_get(server: Server) -> None:
    async def work() -> bytes:
        line = Line(server.url, key_from="NOT_SET", seconds=5, connections=1)
        try:
            return await line.ask(None, path="/models")
        finally:
            await line.close()

    server.acts = [says("never")]
    assert json.loads(asyncio.run(work()))["data"] == [{"id": "fake", "object": "model"}]


@pytest.mark.parametrize(("bypass", "is_proxied"), [("", True), ("example.invalid", False)])
def test_the_proxy_of_the_environment_is_used(
    server: Server, monkeypatch: pytest.MonkeyPatch, bypass: str, *, is_proxied: bool
) -> None:
    monkeypatch.setenv("http_proxy", server.url.removesuffix("/v1"))
    monkeypatch.setenv("no_proxy", bypass)

    async def work() -> None:
        line = Line("http://example.invalid/v1/", key_from="NOT_SET", seconds=5, connections=1)
        try:
            await line.ask({"model": "fake"})
        finally:
            await line.close()

    if is_proxied:
        asyncio.run(work())
        assert server.paths == ["http://example.invalid/v1/chat/completions"]
    else:
        with pytest.raises(Fault, match="no connection"):
            asyncio.run(work())
        assert not server.paths
