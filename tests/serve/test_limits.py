"""What a stranger may send to `adhere serve`: each limit, its status and its words; and none costs others.

Limits of heads, connections and time are in test_receipt.py, those of a key in test_guard.py.
"""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.serve.guarded import Reply, heard, spelled
from tests.serve.served import Served
from tests.serve.test_sockets import connected

PATH = "/v1/chat/completions"
SCHEMA = "response_format.json_schema.schema"
TEXT: dict[str, Any] = {"type": "string"}


def asked(**more: Any) -> dict[str, Any]:
    return {"model": "nano", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 2, **more}


def under(schema: Any) -> dict[str, Any]:
    """Return a request for an answer under a schema."""
    wanted = {"name": "bill", "strict": True, "schema": schema}
    return asked(response_format={"type": "json_schema", "json_schema": wanted})


def record(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def nested(depth: int) -> dict[str, Any]:
    schema = TEXT
    for _ in range(depth - 1):
        schema = record(a=schema)
    return schema


def say(server: Served, body: bytes, **headers: str) -> Reply:
    given = {"content_type": "application/json", "content_length": str(len(body))} | headers
    with connected(server) as line:
        line.sendall(spelled(None, path=PATH, **given) + body)
        return heard(line)


def ask(server: Served, body: object) -> Reply:
    return say(server, json.dumps(body).encode())


@pytest.fixture(scope="module", autouse=True)
def honest(server: Served) -> Iterator[None]:
    """Ask honestly all the while: every reply must be one, from the same process, and soon."""
    stop = threading.Event()
    heard: list[tuple[int, float]] = []

    def go_on() -> None:
        while not stop.is_set():
            began = time.monotonic()
            reply = ask(server, under(record(a={"type": "boolean"})) | {"max_tokens": 16})
            heard.append((reply.status, time.monotonic() - began))
            stop.wait(0.05)

    asking = threading.Thread(target=go_on)
    asking.start()
    yield
    stop.set()
    asking.join()
    assert server.process.poll() is None
    assert {status for status, _ in heard} == {200}
    assert max(seconds for _, seconds in heard) < 3


SCHEMAS = [
    pytest.param(
        record(a={"const": "x" * 65_536}), "invalid_schema", "at most 65536 are read", id="over 64 KiB"
    ),
    pytest.param(nested(17), "invalid_schema", "is 17 schemas deep, and at most 16", id="17 deep"),
    pytest.param(nested(40), "invalid_schema", "and at most 16 may be nested", id="40 deep"),
    pytest.param(
        record(**{f"p{n}": True for n in range(257)}),
        "invalid_schema",
        "has 257 entries, and an object may have 256",
        id="257 properties of an object",
    ),
    pytest.param(
        {"anyOf": [{"properties": {f"{m}{n}": True for n in range(250)}} for m in "abcdefghijklmnopqrstu"]},
        "invalid_schema",
        "brings the schema to 5250 properties, over 5000",
        id="5,250 properties in all",
    ),
    pytest.param(
        record(a={"enum": list(range(1001))}),
        "invalid_schema",
        "brings the schema to 1001 options, over 1000",
        id="1,001 options",
    ),
    pytest.param(
        record(a={**TEXT, "pattern": "a" * 1025}),
        "invalid_schema",
        "has a pattern of more than 1024 bytes",
        id="a pattern over 1 KiB",
    ),
    pytest.param(
        record(a={**TEXT, "pattern": r"^(a)\1$"}),
        "invalid_schema",
        "cannot be matched in linear time",
        id="a pattern that looks back",
    ),
    pytest.param(
        record(a={**TEXT, "pattern": "^(a{1,999}){1,999}$"}),
        "invalid_schema",
        "one that is too large",
        id="a pattern that repeats a million times",
    ),
    pytest.param(
        record(a={"type": "integer", "multipleOf": 9_999_991}),
        "invalid_schema",
        "is over 10000 and no power of ten",
        id="a multiple over 10,000",
    ),
    pytest.param(
        record(a={"$ref": "https://example.com/s.json"}),
        "invalid_schema",
        "nothing is ever fetched",
        id="a schema elsewhere",
    ),
    pytest.param(
        record(a={"$ref": "file:///etc/passwd"}),
        "invalid_schema",
        "nothing is ever fetched",
        id="a file of the server",
    ),
    pytest.param(
        {
            "$defs": {
                f"d{n}": record(**{f"k{m}": {"$ref": f"#/$defs/d{n + 1}"} for m in range(10)})
                for n in range(10)
            }
            | {"d10": TEXT},
            "$ref": "#/$defs/d0",
        },
        "invalid_schema",
        "is past 10000 schemas once every reference is written out",
        id="ten references to ten references, ten times",
    ),
    pytest.param(
        record(a={**TEXT, "minLength": 10**9}), "schema_too_complex", "Simplify it", id="a text of a gigabyte"
    ),
    pytest.param({"type": "strin"}, "invalid_schema", "keyword 'type'", id="no schema"),
    pytest.param(
        record(a={"not": {"const": 1}}), "schema_not_supported", "keyword 'not'", id="what cannot be promised"
    ),
]


@pytest.mark.parametrize(("schema", "code", "says"), SCHEMAS)
def test_a_schema_that_is_too_much_is_refused_by_its_keyword_within_3_s(
    server: Served, schema: Any, code: str, says: str
) -> None:
    began = time.monotonic()
    reply = ask(server, under(schema))
    error = json.loads(reply.body)["error"]
    assert (reply.status, error["code"], error["param"]) == (400, code, SCHEMA)
    assert says in error["message"]
    assert error["type"] == "invalid_request_error"
    assert time.monotonic() - began < 3


def test_a_pattern_that_would_take_for_ever_elsewhere_is_matched_in_linear_time(server: Served) -> None:
    assert ask(server, under(record(a={**TEXT, "pattern": "^(a+)+$"}))).status == 200


@pytest.mark.parametrize(
    ("body", "param", "says"),
    [
        pytest.param(asked(n=9), "n", "less than or equal to 8", id="nine answers"),
        pytest.param(asked(n=0), "n", "greater than or equal to 1", id="no answer"),
        pytest.param(asked(max_tokens=0), "max_tokens", "greater than or equal to 1", id="no token"),
        pytest.param(asked(temperature=3), "temperature", "less than or equal to 2", id="temperature"),
        pytest.param(asked(seed=2**70), "seed", "seed =", id="a seed over 64 bits"),
        pytest.param(asked(stop=["a"] * 5), "stop", "at most 4", id="five stop texts"),
        pytest.param(asked(top_logprobs=21, logprobs=True), "top_logprobs", "20", id="21 alternatives"),
        pytest.param(asked(messages=[]), "messages", "at least 1", id="no message"),
        pytest.param(asked(surprise=1), "surprise", "does not know the field", id="an unknown field"),
        pytest.param(
            asked(messages=[{"role": "user", "content": "word " * 100_000}]),
            "messages",
            "Send a shorter text",
            id="a prompt over the context",
        ),
        pytest.param(
            asked(structured_outputs={"regex": "("}),
            "structured_outputs.regex",
            "does not compile",
            id="no regular expression",
        ),
        pytest.param(
            asked(structured_outputs={"grammar": "start: ("}),
            "structured_outputs.grammar",
            "does not compile",
            id="no grammar",
        ),
    ],
)
def test_a_field_that_is_too_much_is_refused_by_name(
    server: Served, body: object, param: str, says: str
) -> None:
    reply = ask(server, body)
    error = json.loads(reply.body)["error"]
    assert (reply.status, error["param"]) == (400, param)
    assert says in error["message"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param(b"", "it is not JSON", id="nothing"),
        pytest.param(b"{", "it is not JSON", id="torn"),
        pytest.param(b"[]", "it is no JSON object", id="a list"),
        pytest.param(b'{"n": NaN}', "NaN is not a JSON number", id="NaN"),
        pytest.param(b'{"n": -Infinity}', "Infinity is not a JSON number", id="infinity"),
        pytest.param(b'{"n": 1, "n": 2}', "stands twice", id="a key twice"),
        pytest.param(b"[" * 100_000, "more than 128 levels deep", id="depth 100,000"),
        pytest.param(b'{"n": ' + b"9" * 5000 + b"}", "more than 640 digits", id="a number without end"),
        pytest.param(b'{"a": "\xff"}', "not UTF-8", id="no UTF-8"),
        pytest.param(b'{"a": "\\ud800"}', "half a surrogate pair", id="half a character"),
    ],
)
def test_a_body_that_is_no_json_is_refused(server: Served, body: bytes, says: str) -> None:
    reply = say(server, body)
    assert (reply.status, reply.code) == (400, "invalid_json")
    assert says in reply.body.decode()


def test_a_body_over_4_mib_is_refused(server: Served) -> None:
    reply = say(server, b"x" * (4 * 2**20 + 1))
    assert (reply.status, reply.code) == (413, "body_too_large")
    assert "The body is over 4 MiB." in reply.body.decode()


def test_a_head_over_16_kib_is_refused(server: Served) -> None:
    reply = say(server, b"{}", x="y" * 16 * 1024)
    assert (reply.status, reply.code) == (431, "headers_too_large")


def test_a_body_that_is_packed_is_not_unpacked(server: Served) -> None:
    reply = say(server, b"\x1f\x8b", content_encoding="gzip")
    assert (reply.status, reply.code) == (415, "unsupported_media_type")


def test_a_page_of_another_site_is_not_answered(server: Served) -> None:
    reply = say(server, b"{}", host="evil.example")
    assert (reply.status, reply.code) == (403, "host_not_allowed")
    assert say(server, json.dumps(asked()).encode(), content_type="text/plain").status == 415
