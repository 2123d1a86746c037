"""Who is let through to the routes, and what is said to those who are not."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from tests.serve.guarded import Guarded, Reply, guarded, heard, made_key, spelled

from adhere.config import KeyConfig, LimitSettings
from adhere.config.guarding import is_loopback, refuse_stranger_address
from adhere.errors import ConfigError
from adhere.serve.managing import manage

Keys: TypeAlias = dict[str, dict[str, str]]
"""Headers by the name of their key."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys.json"


KEYS: dict[str, dict[str, Any]] = {
    "generate": {"scopes": ("generate",)},
    "models": {"scopes": ("models",)},
    "metrics": {"scopes": ("metrics",)},
    "named": {},
    "counted": {"requests_per_minute": 2},
    "thirsty": {"tokens_per_minute": 600},
    "hasty": {"tokens_per_minute": 600},
    "narrow": {"concurrency": 1},
}


@pytest.fixture(scope="module")
def keys(path: Path) -> Keys:
    return {name: bearer(made_key(path, name, **limits)) for name, limits in KEYS.items()}


@pytest.fixture(scope="module")
def server(path: Path, keys: Keys) -> Iterator[Guarded]:
    assert keys
    with guarded(keys=path) as running:
        yield running


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        pytest.param({}, "An API key must be given, once", id="no key"),
        pytest.param({"authorization": "Basic dXNlcg=="}, "must be given, once", id="another scheme"),
        pytest.param({"authorization": "Bearer"}, "must be given, once", id="an empty key"),
        pytest.param(bearer("sk-1234"), "is not known here", id="another's key"),
        pytest.param(bearer("adh_00000000_" + "a" * 43), "is not known here", id="nobody's key"),
        pytest.param(bearer("a b"), "must be given, once", id="two keys in one"),
        pytest.param(bearer("\xe9"), "is not known here", id="no ASCII"),
    ],
)
def test_without_a_key_nobody_is_let_in(server: Guarded, headers: dict[str, str], says: str) -> None:
    reply = server.post({}, **headers)
    assert (reply.status, reply.code, reply.headers["www-authenticate"]) == (401, "invalid_api_key", "Bearer")
    assert says in reply.body.decode()


def test_two_keys_in_one_request_are_none(server: Guarded, keys: Keys) -> None:
    assert server.get("/v1/models", **keys["named"]).status == 200
    both = spelled(None, path="/v1/models", method="GET", **keys["named"])
    assert server.say(both.replace(b"\r\n\r\n", b"\r\nauthorization: Bearer x\r\n\r\n")).status == 401


@pytest.mark.parametrize("path_open", ["/", "/healthz", "/readyz", "/openapi.json"])
def test_what_tells_nothing_of_anybody_needs_no_key(server: Guarded, path_open: str) -> None:
    assert server.get(path_open).status == 200


@pytest.mark.parametrize(
    ("name", "asked", "status"),
    [
        pytest.param("generate", "/v1/chat/completions", 200, id="generate chats"),
        pytest.param("generate", "/v1/models", 403, id="generate lists no models"),
        pytest.param("models", "/v1/models", 200, id="models lists them"),
        pytest.param("models", "/v1/models/nano", 200, id="models tells of one"),
        pytest.param("models", "/v1/responses", 403, id="models has no answers"),
        pytest.param("metrics", "/metrics", 200, id="metrics reads figures"),
        pytest.param("named", "/metrics", 403, id="what a key has by default reads none"),
        pytest.param("models", "/v1/chat/completions/", 403, id="a path that is not known needs generate"),
        pytest.param("models", "//v1/chat/completions", 403, id="nor does another spelling help"),
    ],
)
def test_a_key_may_do_what_its_scopes_say(
    server: Guarded, keys: Keys, name: str, asked: str, status: int
) -> None:
    reply = server.get(asked, **keys[name])
    assert reply.status == status
    if status == 403:
        assert reply.code == "insufficient_scope"


def test_a_key_made_while_the_server_runs_works_and_a_revoked_one_does_not(
    server: Guarded, path: Path
) -> None:
    headers = bearer(made_key(path, "late"))
    time.sleep(0.51)
    assert server.post({}, **headers).status == 200
    manage(KeyConfig(do="revoke", keys=path, name="late"))
    time.sleep(0.51)
    reply = server.post({}, **headers)
    assert (reply.status, reply.code) == (401, "invalid_api_key")


def test_the_body_and_the_name_of_the_key_reach_the_route(server: Guarded, keys: Keys) -> None:
    reply = server.post({"a": 1}, **keys["named"])
    assert b'"came": 8' in reply.body
    assert b'"client": "named"' in reply.body


def test_a_minute_of_requests_is_counted_and_its_end_is_told(server: Guarded, keys: Keys) -> None:
    headers = keys["counted"]
    replies = [server.post({}, **headers) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert replies[0].headers["x-ratelimit-limit-requests"] == "2"
    assert [reply.headers["x-ratelimit-remaining-requests"] for reply in replies] == ["1", "0", "0"]
    assert (replies[2].code, replies[2].headers["retry-after"]) == ("rate_limit_exceeded", "30")
    assert server.get("/v1/models", **headers).status == 200, "only answers are counted"


def test_tokens_are_charged_after_the_reply(server: Guarded, keys: Keys) -> None:
    headers = keys["thirsty"]
    assert server.post({"prompt": 500, "tokens": 400}, **headers).status == 200
    reply = awaited_status(server, 429, headers)
    assert reply.code == "rate_limit_exceeded"
    assert 28 <= int(reply.headers["retry-after"]) <= 31  # 300 too many, at 10 a second


def test_who_leaves_early_is_charged_what_could_have_been_written(server: Guarded, keys: Keys) -> None:
    headers = keys["hasty"]
    with server.connect() as line:
        line.sendall(spelled({"do": "wait", "seconds": 5, "most_tokens": 900}, **headers))
        time.sleep(0.1)
    assert awaited_status(server, 429, headers).code == "rate_limit_exceeded"


def awaited_status(server: Guarded, status: int, headers: dict[str, str]) -> Reply:
    """Ask until the reply has a status."""
    end = time.monotonic() + 5
    while (reply := server.post({}, **headers)).status != status:
        assert time.monotonic() < end
        time.sleep(0.02)
    return reply


def test_requests_at_once_are_bounded_for_each_key(server: Guarded, keys: Keys) -> None:
    headers = keys["narrow"]
    with server.connect() as line:
        line.sendall(spelled({"do": "wait", "seconds": 0.2}, **headers))
        time.sleep(0.05)
        refused = server.post({}, **headers)
        assert (refused.status, refused.code) == (429, "concurrency_exceeded")
        assert heard(line).status == 200
    assert server.post({}, **headers).status == 200


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param("order-4711.b_2", True, id="one of the client's"),
        pytest.param("a" * 64, True, id="64 characters"),
        pytest.param("a" * 65, False, id="65 characters"),
        pytest.param("a b", False, id="a blank"),
        pytest.param('{"x":1}', False, id="JSON"),
        pytest.param("\x1b[31m", False, id="colours of a terminal"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_a_request_has_one_id_everywhere(server: Guarded, given: str, kept: bool) -> None:  # noqa: FBT001
    reply = server.get("/healthz", x_request_id=given)
    if reply.status == 400:
        assert given == "\x1b[31m", "h11 takes no control characters in a header"
        return
    id = reply.headers["x-request-id"]
    assert (id == given) == kept
    assert f'"id": "{id}"' in reply.body.decode()
    assert server.line_of(id)["route"] == "/healthz"


def test_a_body_is_counted_while_it_comes(server: Guarded, keys: Keys) -> None:
    headers = keys["named"]
    least = 4 * 1024 * 1024 - 2  # with the two quotes of a JSON text, 4 MiB
    assert server.post("x" * least, **headers).status == 200
    declared = server.post("x" * (least + 1), **headers)
    assert (declared.status, declared.code) == (413, "body_too_large")
    assert "The body is over 4 MiB." in declared.body.decode()


def test_a_body_that_does_not_say_its_length_is_counted_too() -> None:
    head = b"POST /v1/completions HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
    chunk = b"400\r\n" + b"x" * 1024 + b"\r\n"
    with guarded(limits=LimitSettings(receipt=5, body_mib=0.0625)) as server:  # 64 chunks of 1 KiB
        assert server.say(head + 64 * chunk + b"0\r\n\r\n").status == 200
        reply = server.say(head + 65 * chunk + b"0\r\n\r\n")
    assert (reply.status, reply.code) == (413, "body_too_large")


def test_a_connection_goes_on_after_a_body_that_was_too_large() -> None:
    with guarded(limits=LimitSettings(receipt=5, body_mib=0.0625)) as server, server.connect() as line:
        line.sendall(spelled("x" * 100_000))
        assert heard(line).status == 413
        line.sendall(spelled({}))
        assert heard(line).status == 200


def test_bodies_have_a_sum_and_the_slowest_gives_way() -> None:
    limits = LimitSettings(receipt=5, body_mib=0.0625, bodies_mib=0.125)
    half = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 60001\r\n\r\n" + b"x" * 60_000
    with guarded(limits=limits) as server, server.connect() as slow, server.connect() as slower:
        slower.sendall(half)
        time.sleep(0.05)
        slow.sendall(half)
        time.sleep(0.05)
        assert server.post("x" * 50_000).status == 200
        reply = heard(slower)
        assert (reply.status, reply.code, reply.headers["retry-after"]) == (503, "overloaded", "1")
        slow.sendall(b"x")
        assert heard(slow).status == 200


def test_bodies_that_are_being_answered_leave_no_room_and_the_next_is_told_so() -> None:
    limits = LimitSettings(receipt=5, body_mib=0.0625, bodies_mib=0.125)
    wait = {"do": "wait", "seconds": 0.3, "padding": "x" * 60_000}
    with guarded(limits=limits) as server, server.connect() as one, server.connect() as two:
        for line in (one, two):
            line.sendall(spelled(wait))
        time.sleep(0.1)
        reply = server.post("x" * 50_000)
        assert (reply.status, reply.code) == (503, "overloaded")
        assert [heard(line).status for line in (one, two)] == [200, 200]
        assert server.post("x" * 50_000).status == 200
        assert "adhere_bodies_bytes 0.0" in server.figures


def test_a_page_in_a_browser_cannot_ask_a_server_without_keys_by_a_name_of_its_own() -> None:
    with guarded(only_loopback=True) as server:
        statuses = {
            host: server.get("/v1/models", host=host).status
            for host in ("127.0.0.1:8000", "localhost", "[::1]:80", "evil.example", "10.0.0.1", "[")
        }
        assert server.say(b"GET /v1/models HTTP/1.0\r\n\r\n").status == 200
        code = server.get("/v1/models", host="evil.example").code
    assert statuses == {
        "127.0.0.1:8000": 200,
        "localhost": 200,
        "[::1]:80": 200,
        "evil.example": 403,
        "10.0.0.1": 403,
        "[": 403,
    }
    assert code == "host_not_allowed"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("[::1]", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("LOCALHOST.", True),
        ("0.0.0.0", False),  # noqa: S104
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.evil.example", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_alone(host: str, expected: bool) -> None:  # noqa: FBT001
    assert is_loopback(host) == expected


def test_strangers_are_let_in_by_keys_or_by_the_user_s_word_only() -> None:
    with pytest.raises(
        ConfigError, match=r"^serve.host = '0.0.0.0': whoever reaches .*--keys .*--open"
    ) as caught:
        refuse_stranger_address("0.0.0.0", keys=None, is_open=False)  # noqa: S104
    assert "\n" not in str(caught.value)
    refuse_stranger_address("0.0.0.0", keys=Path("keys.json"), is_open=False)  # noqa: S104
    refuse_stranger_address("0.0.0.0", keys=None, is_open=True)  # noqa: S104
    refuse_stranger_address("127.0.0.1", keys=None, is_open=False)
