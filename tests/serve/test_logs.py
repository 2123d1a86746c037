"""What a server logs: one object a line, whole, and nothing that was asked or answered."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from tests.serve.guarded import Guarded, guarded

from adhere.serve import logs

PROMPT = "my diagnosis is none of your business"


@pytest.fixture
def told() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers, root.level
    stream = io.StringIO()
    logs.configure(stream)
    yield stream
    root.handlers, root.level = before


@pytest.fixture(scope="module")
def server() -> Iterator[Guarded]:
    with guarded() as running:
        yield running


def test_a_request_is_one_line(server: Guarded) -> None:
    reply = server.post({"prompt": 9, "tokens": 4}, x_request_id="order-1")
    line = server.line_of(reply.headers["x-request-id"])
    assert line.pop("seconds") >= 0  # type: ignore[operator]
    assert str(line.pop("time")).endswith("Z")
    assert line == {
        "event": "request",
        "level": "info",
        "request_id": "order-1",
        "method": "POST",
        "route": "/v1/completions",
        "status": 200,
        "prompt_tokens": 9,
        "tokens": 4,
    }


@pytest.mark.parametrize("content", [False, True])
def test_what_was_asked_and_answered_is_logged_where_that_is_wanted_only(content: bool) -> None:  # noqa: FBT001
    with guarded(content=content) as server:
        id = server.post({"words": PROMPT}).headers["x-request-id"]
        line = server.line_of(id)
        told = server.told.getvalue()
    assert (PROMPT in told) == content
    assert ("an answer" in told) == content
    assert ("asked" in line) == content


def test_a_fault_is_told_by_its_class_and_its_place_not_by_its_words(server: Guarded) -> None:
    server.post({"do": "fail", "words": PROMPT}, x_request_id="fails")
    server.line_of("fails")
    lines = [json.loads(line) for line in server.told.getvalue().splitlines()]
    (fault,) = (line for line in lines if line.get("exception"))
    assert (fault["exception"], fault["level"], fault["request_id"]) == (
        "ZeroDivisionError",
        "error",
        "fails",
    )
    assert fault["at"][-1].endswith(" routes")
    assert PROMPT not in json.dumps(lines)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param("/%0a{%22event%22:%22request%22}", id="a line break in a path"),
        pytest.param("/%1b[2J", id="a terminal's code in a path"),
        pytest.param("/%e2%80%a8x", id="a line separator in a path"),
        pytest.param("/" + "x" * 10_000, id="a path without end"),
        pytest.param("/?" + PROMPT.replace(" ", "+"), id="a query"),
    ],
)
def test_nothing_that_a_stranger_sends_makes_a_line(server: Guarded, said: str) -> None:
    before = len(server.lines)
    id = server.get(said).headers["x-request-id"]
    line = server.line_of(id)
    raw = server.told.getvalue()
    assert [each["request_id"] for each in server.lines[before:]] == [id]
    assert raw.isascii()
    assert all(character >= " " for character in raw.replace("\n", ""))
    assert len(str(line.get("path", ""))) <= 200
    assert PROMPT.replace(" ", "+") not in raw


def test_every_library_s_warnings_go_the_same_way(told: io.StringIO) -> None:
    logging.getLogger("some.library").warning("look\nout %s", {"a": 1})
    logging.getLogger("some.library").info("chatter")
    logging.getLogger("uvicorn.error").info("Started")
    structlog.get_logger("adhere.serve").info("engine.started", workers=2)
    lines = [json.loads(line) for line in told.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["look\nout {'a': 1}", "Started", "engine.started"]
    assert [line["level"] for line in lines] == ["warning", "info", "info"]
    assert lines[2]["workers"] == 2


def test_a_structlog_fault_is_told_without_words_too(told: io.StringIO) -> None:
    try:
        int(PROMPT)
    except ValueError as fault:
        structlog.get_logger("adhere.serve").error("engine.fault", exc_info=fault)
        structlog.get_logger("adhere.serve").exception("engine.fault")
    first, second = (json.loads(line) for line in told.getvalue().splitlines())
    assert first["exception"] == second["exception"] == "ValueError"
    assert PROMPT not in told.getvalue()
