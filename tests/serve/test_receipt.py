"""Connections that send slowly, at length or not at all, and those that do not read: none costs another."""

import asyncio
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.serve.guarded import RECEIPT, Guarded, awaited, guarded, heard, spelled

from adhere.config import LimitSettings
from adhere.errors import ConfigError
from adhere.serve import receipt

HEAD = b"POST /v1/completions HTTP/1.1\r\nhost: a\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Guarded]:
    with guarded() as running:
        yield running


def drip(line: socket.socket, byte: bytes = b"x", *, seconds: float = 5.0) -> None:
    """Send a byte now and then, until the server has had enough."""
    end = time.monotonic() + seconds
    line.settimeout(0.02)
    while time.monotonic() < end:
        try:
            line.send(byte)
            if line.recv(1, socket.MSG_PEEK):
                break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    line.settimeout(5.0)


@pytest.mark.parametrize(
    ("first", "byte"),
    [
        pytest.param(b"POST", b"T", id="its method"),
        pytest.param(HEAD + b"a: ", b"b", id="a header"),
        pytest.param(HEAD + b"content-length: 1000\r\n\r\n", b"x", id="its body"),
        pytest.param(HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n", id="its chunks"),
    ],
)
def test_who_sends_slowly_is_told_when_the_time_is_over(server: Guarded, first: bytes, byte: bytes) -> None:
    began = time.monotonic()
    with server.connect() as line:
        line.sendall(first)
        drip(line, byte)
        reply = heard(line)
    assert (reply.status, reply.code) == (408, "request_timeout")
    assert reply.headers["connection"] == "close"
    assert RECEIPT <= time.monotonic() - began < RECEIPT + 1
    assert server.line_of(reply.headers["x-request-id"])["status"] == 408


def test_who_sends_nothing_is_left_without_a_word(server: Guarded) -> None:
    with server.connect() as line:
        assert closed(line)


def closed(line: socket.socket) -> bool:
    """Say whether the server closes a connection, whichever way, without a word."""
    try:
        return line.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_body_that_nobody_wants_keeps_no_connection(server: Guarded) -> None:
    with server.connect() as line:
        line.sendall(HEAD + b"content-length: 4294967296\r\n\r\n")
        assert heard(line).status == 413
        began = time.monotonic()
        drip(line)
        assert closed(line)
    # The request's own time and a little, although uvicorn begins its time anew at every byte.
    assert time.monotonic() - began < RECEIPT + 1


def test_a_body_that_nobody_wants_is_not_read_without_end() -> None:
    with guarded(limits=LimitSettings(receipt=5, body_mib=0.0625)) as server, server.connect() as line:
        line.sendall(HEAD + b"content-length: 4294967296\r\n\r\n")
        assert heard(line).status == 413
        with pytest.raises(ConnectionError):
            for _ in range(1000):
                line.sendall(b"x" * 65536)


def test_a_request_may_come_in_pieces_and_several_on_one_connection(server: Guarded) -> None:
    said = spelled({"a": 1})
    with server.connect() as line:
        for _ in range(3):
            for piece in (said[:10], said[10:70], said[70:]):
                line.sendall(piece)
                time.sleep(0.01)
            assert heard(line).status == 200
            # Longer than a request may take to come: what is awaited is the next one's first byte.
            time.sleep(RECEIPT / 3)


def test_requests_sent_ahead_are_answered_one_after_another(server: Guarded) -> None:
    with server.connect() as line, line.makefile("rb") as file:
        line.sendall(spelled({"do": "wait", "seconds": 1.5 * RECEIPT}) + spelled({}) + spelled({})[:-1])
        time.sleep(RECEIPT)
        line.sendall(b"}")
        statuses = []
        for _ in range(3):
            statuses.append(int(file.readline().split()[1]))
            headers = list(iter(file.readline, b"\r\n"))
            (length,) = (int(each.split()[1]) for each in headers if each.startswith(b"content-length"))
            file.read(length)
    assert statuses == [200, 200, 200]


@pytest.mark.slow
def test_an_answer_may_take_longer_than_a_request(server: Guarded) -> None:
    assert server.post({"do": "wait", "seconds": 2 * RECEIPT}).status == 200


@pytest.mark.slow
def test_an_idle_connection_is_closed(server: Guarded) -> None:
    with server.connect() as line:
        line.sendall(spelled({}))
        assert heard(line).status == 200
        assert closed(line)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(HEAD + b"a: " + b"b" * 17_000, id="not whole"),
        pytest.param(HEAD + b"a: " + b"b" * 17_000 + b"\r\n\r\n", id="whole at once"),
        pytest.param(HEAD + b"a: b\r\n" * 3000 + b"\r\n", id="many headers"),
        pytest.param(b"GET /" + b"x" * 17_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n", id="its path"),
    ],
)
def test_a_head_over_16_kib_is_refused(server: Guarded, said: bytes) -> None:
    reply = server.say(said)
    assert (reply.status, reply.code) == (431, "headers_too_large")
    assert "over 16 KiB" in reply.body.decode()


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"nonsense\r\n\r\n", id="no request"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", id="TLS"),
        pytest.param(HEAD + b"content-length: -1\r\n\r\n", id="a negative length"),
        pytest.param(HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\nx", id="two lengths"),
        pytest.param(HEAD + b"a : b\r\n\r\n", id="a blank before the colon"),
        pytest.param(HEAD + b"a: \x00\r\n\r\n", id="a control character"),
        pytest.param(HEAD + b"transfer-encoding: gzip\r\n\r\n", id="an unknown coding"),
    ],
)
def test_what_is_no_request_is_said_to_be_none(server: Guarded, said: bytes) -> None:
    reply = server.say(said)
    assert reply.status in (400, 501)
    assert reply.code == "malformed_request"
    assert "The server speaks HTTP/1.1" in reply.body.decode()


def test_a_length_and_chunks_together_hide_no_second_request(server: Guarded) -> None:
    smuggled = b"0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"
    both = b"content-length: %d\r\ntransfer-encoding: chunked\r\n\r\n" % len(smuggled)
    with server.connect() as line:
        line.sendall(HEAD + both + smuggled)
        assert heard(line).status in (200, 400)


def test_a_body_in_chunks_of_a_byte_is_refused_before_it_costs_anything(server: Guarded) -> None:
    before = time.process_time()
    reply = server.say(HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 200_000)
    assert (reply.status, reply.code) == (400, "malformed_request")
    assert "larger chunks" in reply.body.decode()
    assert time.process_time() - before < 1
    assert server.line_of(reply.headers["x-request-id"])["cause"] == "malformed_request"


def test_framing_that_breaks_in_the_middle_of_a_body_is_refused(server: Guarded) -> None:
    reply = server.say(HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\nno length\r\n")
    assert (reply.status, reply.code) == (400, "malformed_request")
    assert server.line_of(reply.headers["x-request-id"])["status"] == 400


def test_a_client_that_does_not_read_is_left(server: Guarded) -> None:
    with server.connect() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.sendall(spelled({"do": "flood"}))
        awaited(lambda: 'adhere_dropped_connections_total{why="reader"} 1' in server.figures or None)
    awaited(lambda: next((line for line in server.lines if line.get("left") and line["status"] == 200), None))


@pytest.mark.slow
def test_a_client_may_read_slowly(server: Guarded) -> None:
    with server.connect() as line:
        line.sendall(spelled({"do": "long", "bytes": 40_000_000}))
        read = 0
        while piece := line.recv(400_000):
            read += len(piece)
            if read > 40_000_000:
                break
            time.sleep(0.01)
    # 100 pieces or more with 10 ms between them take longer than a client has that reads nothing.
    assert read > 40_000_000


def test_more_connections_than_there_may_be_crowd_out_the_slowest_not_the_newest() -> None:
    with guarded(limits=LimitSettings(receipt=5, connections=5)) as server, ExitStack() as open_:
        slow = [open_.enter_context(server.connect()) for _ in range(10)]
        for line in slow:
            line.sendall(b"POST")
        assert [server.post({}).status for _ in range(10)] == [200] * 10
        assert closed(slow[0])
        assert "adhere_connections" in server.figures


def test_where_every_connection_is_being_answered_the_next_is_told_that_the_server_is_busy() -> None:
    with guarded(limits=LimitSettings(receipt=5, connections=2)) as server, ExitStack() as open_:
        busy = [open_.enter_context(server.connect()) for _ in range(2)]
        for line in busy:
            line.sendall(spelled({"do": "wait", "seconds": 0.3}))
        time.sleep(0.1)
        reply = server.post({})
        assert (reply.status, reply.code, reply.headers["retry-after"]) == (503, "overloaded", "1")
        assert reply.headers["connection"] == "close"
        assert [heard(line).status for line in busy] == [200, 200]
        assert server.post({}).status == 200


def test_slow_senders_do_not_slow_an_honest_one() -> None:
    async def run(port: int) -> None:
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]
        for _, writer in slow:
            writer.write(b"POST /v1/completions HTTP/1.1\r\n")
        for _ in range(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(spelled({}))
            assert (await reader.readline()).split()[1] == b"200"
            writer.close()
        for _, writer in slow:
            writer.close()

    with guarded(limits=LimitSettings(receipt=5)) as server:
        asyncio.run(asyncio.wait_for(run(server.port), 5))


def test_the_system_must_allow_so_many_connections() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        receipt.make_room(LimitSettings(connections=500))
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 500 + 128
        with pytest.raises(ConfigError, match=r"serve.limits.connections = \d+: each needs an open file"):
            receipt.make_room(LimitSettings(connections=hard))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
