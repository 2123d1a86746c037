"""Raw bytes sent to `adhere serve`: what no well-behaved client would."""

import json
import socket
import time
from typing import Any

import pytest
from tests.serve.guarded import heard, spelled
from tests.serve.served import Served

CHAT: dict[str, Any] = {
    "model": "nano",
    "messages": [{"role": "user", "content": "hi"}],
    "max_tokens": 2,
}
PATH = "/v1/chat/completions"
JSON = {"content_type": "application/json"}


def connected(server: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=30)


def figure(server: Served, name: str) -> float:
    """Return one of the server's figures."""
    lines = server.get("/metrics").decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def test_a_request_may_come_a_byte_at_a_time(server: Served) -> None:
    with connected(server) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in spelled(CHAT, path=PATH, **JSON):
            line.sendall(bytes([byte]))
        assert heard(line).status == 200


def test_a_body_may_come_in_chunks(server: Served) -> None:
    body = json.dumps(CHAT).encode()
    head = f"POST {PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    with connected(server) as line:
        line.sendall(f"{head}transfer-encoding: chunked\r\n\r\n".encode())
        for start in range(0, len(body), 7):
            piece = body[start : start + 7]
            line.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        line.sendall(b"0\r\n\r\n")
        assert heard(line).status == 200


def test_requests_sent_at_once_are_answered_in_their_order(server: Served) -> None:
    many = [spelled(CHAT, path=PATH, **JSON), spelled({}, path=PATH, **JSON)] * 2
    many.append(spelled(None, path="/healthz", method="GET"))
    with connected(server) as line:
        line.sendall(b"".join(many))
        file = line.makefile("rb")
        statuses = []
        for _ in many:
            statuses.append(int(file.readline().split()[1]))
            length = 0
            while (header := file.readline()) != b"\r\n":
                if header.lower().startswith(b"content-length:"):
                    length = int(header.split(b":")[1])
            file.read(length)
    assert statuses == [200, 400, 200, 400, 200]


def test_a_connection_goes_on_after_a_refusal(server: Served) -> None:
    with connected(server) as line:
        for body, status in (({"model": "x"}, 400), (CHAT, 200)):
            line.sendall(spelled(body, path=PATH, **JSON))
            assert heard(line).status == status


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"hello\r\n\r\n", id="no request"),
        pytest.param(b"GET /\r\n\r\n", id="no version"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", id="TLS"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nhost 127.0.0.1\r\n\r\n", id="a header without a colon"),
        pytest.param(
            b"POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}",
            id="two lengths",
        ),
        pytest.param(
            b"POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n", id="a negative length"
        ),
        pytest.param(
            b"POST /v1/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            id="no chunk",
        ),
    ],
)
def test_what_is_no_request_is_told_so(server: Served, said: bytes) -> None:
    with connected(server) as line:
        line.sendall(said)
        reply = heard(line)
        assert line.recv(1) == b""
    assert reply.status == 400
    assert json.loads(reply.body)["error"]["type"] == "invalid_request_error"


def test_methods_and_versions_that_few_use(server: Served) -> None:
    with connected(server) as line:
        line.sendall(b"HEAD /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        assert line.recv(12) == b"HTTP/1.1 405"
    with connected(server) as line:
        line.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert heard(line).status == 200


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_work_ends_when_its_client_leaves(server: Served, *, streamed: bool) -> None:
    long = {**CHAT, "max_tokens": 900, "temperature": 2, "n": 8, "stream": streamed}
    before = figure(server, "adhere_left_total")
    with connected(server) as line:
        line.sendall(spelled(long, path=PATH, **JSON))
        end = time.monotonic() + 30
        while not figure(server, "adhere_writing") and time.monotonic() < end:
            time.sleep(0.005)
    while time.monotonic() < end and (
        figure(server, "adhere_writing") or figure(server, "adhere_left_total") <= before
    ):
        time.sleep(0.01)
    assert figure(server, "adhere_writing") == 0
    assert figure(server, "adhere_left_total") == before + 1
