"""The client against real HTTP servers on loopback: one that does what a test tells it, well or badly."""

import gzip
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count, islice
from pathlib import Path

import pytest
from tests.acts import (
    Act,
    Handler,
    Server,
    breaks_off,
    completion,
    drips,
    echoes,
    floods,
    hangs,
    refuses,
    says,
    sends,
    waits,
)
from tests.served import free_port

from adhere.config import EndpointSettings
from adhere.endpoint import Conversation, Endpoint, Failed, Message, Reply, Request
from adhere.errors import ConfigError, DataError, ModelError


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that answers "fine" until told otherwise."""
    server = Server()
    with server.running():
        yield server
        server.let_go.set()


@contextmanager
def opened(server: Server, settings: EndpointSettings | None = None, **named: str) -> Iterator[Endpoint]:
    with Endpoint(
        server.model, settings or EndpointSettings(seconds=5), first_wait=0.01, **named
    ) as endpoint:
        yield endpoint


def asks(text: str, *, seed: int | None = None) -> Request:
    return Request(messages=(Message("user", text),), seed=seed)


def test_a_reply_says_what_it_took(server: Server) -> None:
    server.acts = [says("fine", usage=(1000, 500))]
    with opened(server, EndpointSettings(price_in=2.0, price_out=6.0)) as endpoint:
        reply = endpoint.reply(asks("how are you"))
        totals = endpoint.totals
    assert isinstance(reply, Reply)
    assert (reply.text, reply.finish_reason, reply.attempts, reply.cached) == ("fine", "stop", 1, False)
    assert (reply.prompt_tokens, reply.completion_tokens) == (1000, 500)
    assert reply.cost == pytest.approx((1000 * 2.0 + 500 * 6.0) / 1e6)
    assert 0 < reply.seconds < 5
    assert (totals.requests, totals.spending.attempts, totals.spending.tokens) == (1, 1, 1500)
    assert totals.summary()["cost"] == 0.005


def test_what_is_asked_is_sent_and_nothing_else(server: Server) -> None:
    whole = Request(
        messages=(Message("system", "be brief"), Message("user", "hello")),
        temperature=0.0,
        max_tokens=7,
        seed=3,
        stop=("END",),
        response_format={"type": "json_object"},
    )
    with opened(server, EndpointSettings(temperature=0.3, max_tokens=99)) as endpoint:
        endpoint.reply(whole)
        endpoint.reply(asks("hello"))
    assert server.paths == ["/v1/chat/completions"] * 2
    assert server.asked[0] == {
        "model": "fake",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}],
        "temperature": 0.0,
        "max_tokens": 7,
        "seed": 3,
        "stop": ["END"],
        "response_format": {"type": "json_object"},
    }
    assert server.asked[1] == {
        "model": "fake",
        "messages": [{"role": "user", "content": "hello"}],
        "temperature": 0.3,
        "max_tokens": 99,
    }


def test_a_server_may_have_another_name_for_the_limit(server: Server) -> None:
    said = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."

    def act(handler: Handler) -> None:
        (refuses(400, said=said) if "max_tokens" in handler.asked else says("fine"))(handler)

    server.acts = [act]
    with opened(server, EndpointSettings(max_tokens=7, attempts=1)) as endpoint:
        outcomes = [endpoint.reply(asks(text)) for text in "ab"]
    assert all(isinstance(reply, Reply) for reply in outcomes)
    assert [asked.get("max_completion_tokens") for asked in server.asked] == [None, 7, 7]
    server.acts = [refuses(400, said=said)]
    with opened(server) as endpoint:
        assert isinstance(endpoint.reply(asks("a")), Failed), "and no third"


def test_the_key_of_the_named_variable_is_sent_and_no_other(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "of-another-server")
    monkeypatch.setenv("MY_KEY", "mine")
    with opened(server, EndpointSettings(key_from="MY_KEY")) as endpoint:
        endpoint.reply(asks("hello"))
    with opened(server, EndpointSettings(key_from="NOT_SET")) as endpoint:
        endpoint.reply(asks("hello"))
    with_key, without = server.headers
    assert with_key["authorization"] == "Bearer mine"
    assert "authorization" not in without
    assert not any("of-another-server" in value for sent in server.headers for value in sent.values())


@pytest.mark.parametrize(
    ("act", "attempts"),
    [
        pytest.param(refuses(500), 2, id="500"),
        pytest.param(refuses(503), 2, id="503"),
        pytest.param(refuses(429), 2, id="429"),
        pytest.param(refuses(408), 2, id="408"),
        pytest.param(refuses(409), 2, id="409"),
        pytest.param(hangs, 2, id="no answer in time"),
        pytest.param(drips, 2, id="an answer that never ends"),
        pytest.param(breaks_off, 2, id="a connection cut in the middle"),
        pytest.param(sends(b"<html>hello</html>", headers={"Content-Type": "text/html"}), 2, id="a web page"),
        pytest.param(sends(b'{"choices": [{"mess'), 2, id="half a JSON text"),
        pytest.param(sends(b'{"choices": []}'), 2, id="no choices"),
        pytest.param(sends(b'{"choices": [{"message": {"content": 5}}]}'), 2, id="a text that is a number"),
        pytest.param(sends(b"[]"), 2, id="a list"),
        pytest.param(sends(b"\xff\xfe"), 2, id="bytes that are not UTF-8"),
        pytest.param(sends(completion("fine"), headers={"Content-Type": "text/plain"}), 1, id="called text"),
    ],
)
def test_what_may_fare_better_is_tried_again(server: Server, act: Act, attempts: int) -> None:
    server.acts = [act, says("fine")]
    with opened(server, EndpointSettings(seconds=0.3)) as endpoint:
        reply = endpoint.reply(asks("hello"))
    assert isinstance(reply, Reply), reply
    assert (reply.text, reply.attempts, len(server.asked)) == ("fine", attempts, attempts)


@pytest.mark.parametrize(
    ("act", "cause", "message"),
    [
        pytest.param(refuses(400, said="too long for me"), "status", "HTTP 400: .*too long for me", id="400"),
        pytest.param(refuses(413), "status", "HTTP 413", id="413"),
        pytest.param(refuses(422), "status", "HTTP 422", id="422"),
        pytest.param(floods, "oversize", "more than 4194304 bytes", id="a flood"),
        pytest.param(
            sends(gzip.compress(completion("fine")), headers={"Content-Encoding": "gzip"}),
            "malformed",
            "packed with 'gzip'",
            id="packed",
        ),
        pytest.param(says("half of", finish_reason="length"), "cut", "cut off after 5 tokens", id="cut"),
        pytest.param(says("", usage=(3, 0)), "empty", "empty", id="empty"),
        pytest.param(says(None), "empty", "empty", id="no content"),
        pytest.param(says("", finish_reason="content_filter"), "filtered", "filter", id="filtered"),
    ],
)
def test_what_cannot_fare_better_is_sent_once(server: Server, act: Act, cause: str, message: str) -> None:
    server.acts = [act]
    with opened(server) as endpoint:
        failed = endpoint.reply(asks("hello"))
        totals = endpoint.totals
    assert isinstance(failed, Failed)
    assert failed.cause == cause
    assert re.search(message, failed.message)
    assert (failed.attempts, len(server.asked)) == (1, 1)
    assert totals.failures == {cause: 1}


def test_a_cut_reply_keeps_what_was_written(server: Server) -> None:
    server.acts = [says("half of", finish_reason="length")]
    with opened(server) as endpoint:
        failed = endpoint.reply(asks("hello"))
    assert isinstance(failed, Failed)
    assert failed.text == "half of"


def test_attempts_come_to_an_end(server: Server) -> None:
    server.acts = [refuses(503)]
    with opened(server, EndpointSettings(attempts=3)) as endpoint:
        failed = endpoint.reply(asks("hello"))
    assert isinstance(failed, Failed)
    assert (failed.cause, failed.status, failed.attempts, len(server.asked)) == ("status", 503, 3, 3)


def in_a_second() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=1.5), usegmt=True)


@pytest.mark.parametrize(
    ("given", "least", "most"),
    [
        pytest.param(lambda: "0.5", 0.5, 1.0, id="seconds"),
        pytest.param(in_a_second, 0.3, 2.5, id="a date"),
        pytest.param(lambda: "soon", 0.0, 0.3, id="neither"),
        pytest.param(lambda: "-5", 0.0, 0.3, id="less than nothing"),
        pytest.param(lambda: "inf", 0.0, 0.3, id="for ever"),
    ],
)
def test_a_server_that_asks_for_time_gets_it(
    server: Server, given: Callable[[], str], least: float, most: float
) -> None:
    server.acts = [refuses(429, headers={"Retry-After": given()}), says("fine")]
    with opened(server) as endpoint:
        assert isinstance(endpoint.reply(asks("hello")), Reply)
    first, second = server.times
    assert least <= second - first < most


@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        pytest.param(401, ConfigError, "endpoint.key_from = 'MY_KEY': the server refuses the key", id="401"),
        pytest.param(403, ConfigError, "the server refuses the key that it holds", id="403"),
        pytest.param(404, ModelError, "teacher = 'openai:fake@http://.*no such model", id="404"),
        pytest.param(405, ModelError, "which as a rule ends in /v1", id="405"),
        pytest.param(307, ModelError, "HTTP 307", id="a redirect is not followed"),
    ],
)
def test_what_concerns_every_request_stops_at_once_in_one_line(
    server: Server, monkeypatch: pytest.MonkeyPatch, status: int, error: type[Exception], message: str
) -> None:
    monkeypatch.setenv("MY_KEY", "s3cret")
    headers = {"Location": "http://127.0.0.1:9/v1"}
    server.acts = [refuses(status, headers=headers, said="the key s3cret is wrong")]
    with (
        opened(server, EndpointSettings(key_from="MY_KEY")) as endpoint,
        pytest.raises(error, match=message) as raised,
    ):
        list(endpoint.replies(asks(str(number)) for number in count()))
    assert "s3cret" not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(server.asked) <= 8


def test_a_server_that_asks_for_a_key_is_told_apart(server: Server) -> None:
    server.acts = [refuses(401)]
    with (
        opened(server, EndpointSettings(key_from="NOT_SET")) as endpoint,
        pytest.raises(ConfigError, match=r"it is not set, and the server asks for a key.*Set NOT_SET"),
    ):
        endpoint.reply(asks("hello"))


def test_what_concerns_every_request_is_not_asked_again(server: Server) -> None:
    server.acts = [refuses(404)]
    with opened(server) as endpoint:
        for text in "ab":
            with pytest.raises(ModelError):
                endpoint.reply(asks(text))
    assert len(server.asked) == 1


def test_a_server_that_is_not_there_is_given_up() -> None:
    reference = f"openai:fake@http://127.0.0.1:{free_port()}/v1"
    settings = EndpointSettings(concurrency=2, attempts=2)
    with (
        Endpoint(reference, settings, first_wait=0.01) as endpoint,
        pytest.raises(ModelError, match=r"4 requests in a row failed, the last by connection"),
    ):
        list(endpoint.replies(asks(str(number)) for number in count()))
    assert endpoint.totals.spending.tokens == 0


def test_so_many_are_asked_at_once_and_no_more(server: Server) -> None:
    server.acts = [waits(0.1, echoes)]
    requests = (asks(str(number)) for number in range(24))
    with opened(server, EndpointSettings(concurrency=6)) as endpoint:
        outcomes = list(endpoint.replies(requests))
    assert server.most_at_once == 6
    assert [number for number, _ in outcomes] == list(range(24))
    assert all(isinstance(reply, Reply) and reply.text == str(number) for number, reply in outcomes)


def test_an_endless_stream_is_not_read_ahead_of_need(server: Server) -> None:
    taken: list[int] = []

    def endless() -> Iterator[Request]:
        for number in count():
            taken.append(number)
            yield asks(str(number))

    with opened(server, EndpointSettings(concurrency=2)) as endpoint:
        assert [number for number, _ in islice(endpoint.replies(endless()), 5)] == [0, 1, 2, 3, 4]
    assert len(taken) <= 5 + 2 * 4


def test_a_slow_request_holds_nobody_up_where_order_does_not_matter(server: Server) -> None:
    def act(handler: Handler) -> None:
        while handler.asked["messages"][-1]["content"] == "0" and len(server.asked) < 4:
            time.sleep(0.01)  # until others were answered, for two are asked at once
        echoes(handler)

    server.acts = [act]
    with opened(server, EndpointSettings(concurrency=2)) as endpoint:
        outcomes = list(endpoint.replies((asks(str(number)) for number in range(6)), ordered=False))
    assert sorted(number for number, _ in outcomes) == list(range(6))
    assert outcomes[0][0] == 1


def test_a_conversation_goes_on_from_what_it_is_told(server: Server) -> None:
    server.acts = [echoes]

    def counting(word: str) -> Conversation[str]:
        heard = ""
        for _ in range(3):
            reply = yield asks(heard + word)
            assert isinstance(reply, Reply)
            heard = reply.text
        return heard

    with opened(server) as endpoint:
        outcomes = list(endpoint.hold(counting(word) for word in "abc"))
    assert outcomes == [(0, "aaa"), (1, "bbb"), (2, "ccc")]


def test_a_request_that_was_answered_is_not_sent_again(server: Server, tmp_path: Path) -> None:
    settings = EndpointSettings(cache=tmp_path / "replies.sqlite", price_in=1.0)
    for cached in (False, True):
        with opened(server, settings) as endpoint:
            reply = endpoint.reply(asks("hello"))
            assert isinstance(reply, Reply)
            assert (reply.text, reply.cached, reply.cost > 0) == ("fine", cached, not cached)
            assert (reply.prompt_tokens, reply.completion_tokens) == (10, 5)
    assert len(server.asked) == 1
    assert endpoint.totals.cached == 1
    assert endpoint.totals.seconds == {}
    assert [path.name for path in tmp_path.iterdir()] == ["replies.sqlite"]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(asks("hello!"), id="another text"),
        pytest.param(asks("hello", seed=1), id="another seed"),
        pytest.param(
            Request(messages=(Message("user", "hello"),), temperature=0.0), id="another temperature"
        ),
        pytest.param(Request(messages=(Message("system", "hello"),)), id="another role"),
    ],
)
def test_another_request_is_sent(server: Server, tmp_path: Path, other: Request) -> None:
    with opened(server, EndpointSettings(cache=tmp_path / "replies.sqlite")) as endpoint:
        endpoint.reply(asks("hello"))
        endpoint.reply(other)
    assert len(server.asked) == 2


def test_the_same_request_is_not_under_way_twice(server: Server, tmp_path: Path) -> None:
    server.acts = [waits(0.1, says("fine"))]
    with opened(server, EndpointSettings(cache=tmp_path / "replies.sqlite")) as endpoint:
        outcomes = list(endpoint.replies(asks("hello") for _ in range(5)))
    assert len(server.asked) == 1
    assert [reply.cached for _, reply in outcomes] == [False, True, True, True, True]


def test_a_failure_is_not_kept_and_a_cut_reply_is(server: Server, tmp_path: Path) -> None:
    settings = EndpointSettings(cache=tmp_path / "replies.sqlite", attempts=1)
    server.acts = [refuses(500), says("half", finish_reason="length")]
    with opened(server, settings) as endpoint:
        failures = [endpoint.reply(asks("hello")) for _ in range(3)]
    assert [failed.cause for failed in failures if isinstance(failed, Failed)] == ["status", "cut", "cut"]
    assert len(server.asked) == 2


def test_nothing_is_asked_once_the_budget_is_spent(server: Server) -> None:
    server.acts = [says("fine", usage=(10, 5))]
    with opened(server, EndpointSettings(budget=40, concurrency=1)) as endpoint:
        outcomes = [outcome for _, outcome in endpoint.replies(asks(str(number)) for number in range(6))]
    assert len(server.asked) == 3  # 15, 30, and with 45 it is spent
    assert [isinstance(outcome, Reply) for outcome in outcomes] == [True] * 3 + [False] * 3
    assert endpoint.totals.failures == {"budget": 3}


def test_attempts_that_failed_count_for_the_budget_by_what_they_sent(server: Server) -> None:
    server.acts = [refuses(500)]
    with opened(server, EndpointSettings(budget=100, attempts=9)) as endpoint:
        failed = endpoint.reply(asks("x" * 160))
    assert isinstance(failed, Failed)
    assert failed.cause == "budget"
    assert len(server.asked) == 3  # 160 / 4 + 4 = 44 tokens each: 44, 88, 132
    assert endpoint.totals.spending.estimated == 132


def test_a_server_that_does_not_count_is_counted_for(server: Server) -> None:
    server.acts = [says("y" * 41, usage=None)]
    with opened(server) as endpoint:
        reply = endpoint.reply(asks("x" * 40))
    assert isinstance(reply, Reply)
    assert (reply.prompt_tokens, reply.completion_tokens) == (40 // 4 + 4, 11)
    assert endpoint.totals.spending.estimated == 25


def test_the_model_that_the_server_names_is_told_and_kept(server: Server, tmp_path: Path) -> None:
    named = json.dumps({**json.loads(completion("fine")), "model": "fake-2025"}).encode()
    cut = json.dumps({**json.loads(completion("fi", finish_reason="length")), "model": "fake-2025"}).encode()
    server.acts = [sends(named), sends(cut), says("fine")]
    for _ in range(2):
        with opened(server, EndpointSettings(cache=tmp_path / "replies.sqlite")) as endpoint:
            replies = [endpoint.reply(asks(text)) for text in "abc"]
        assert [reply.model for reply in replies] == ["fake-2025", "fake-2025", ""]
        assert [reply.completion_tokens for reply in replies] == [5, 5, 5]


def test_a_cache_of_before_names_were_kept_is_read(server: Server, tmp_path: Path) -> None:
    settings = EndpointSettings(cache=tmp_path / "replies.sqlite")
    with opened(server, settings) as endpoint:
        endpoint.reply(asks("hello"))
    with sqlite3.connect(tmp_path / "replies.sqlite") as base:
        base.execute("DROP TABLE served")
    base.close()
    with opened(server, settings) as endpoint:
        reply = endpoint.reply(asks("hello"))
    assert (reply.text, reply.cached, reply.model) == ("fine", True, "")


def test_a_later_process_goes_on_counting_what_was_spent(server: Server, tmp_path: Path) -> None:
    settings = EndpointSettings(cache=tmp_path / "replies.sqlite", budget=40)
    for text in "ab":
        with opened(server, settings, account="run") as endpoint:
            assert isinstance(endpoint.reply(asks(text)), Reply)
    with opened(server, settings, account="run") as endpoint:
        assert endpoint.totals.spending.tokens == 30
        assert isinstance(endpoint.reply(asks("c")), Reply)
        assert isinstance(endpoint.reply(asks("d")), Failed)
        assert isinstance(endpoint.reply(asks("a")), Reply), "what is kept costs nothing"
    with opened(server, settings, account="another") as endpoint:
        assert isinstance(endpoint.reply(asks("d")), Reply)


def test_an_account_can_be_begun_anew(server: Server, tmp_path: Path) -> None:
    settings = EndpointSettings(cache=tmp_path / "replies.sqlite", budget=15)
    for text in "ab":
        with opened(server, settings, account="run") as endpoint:
            endpoint.forget_spending()
            assert isinstance(endpoint.reply(asks(text)), Reply)
    with opened(server) as endpoint:
        endpoint.forget_spending()
    assert endpoint.totals.spending.tokens == 0


@pytest.mark.slow
def test_two_processes_may_share_a_cache(server: Server, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from adhere.config import EndpointSettings\n"
        "from adhere.endpoint import Endpoint, Message, Reply, Request\n"
        "settings = EndpointSettings(cache=Path(sys.argv[2]))\n"
        "with Endpoint(sys.argv[1], settings) as endpoint:\n"
        "    asked = [Request(messages=(Message('user', str(number)),)) for number in range(40)]\n"
        "    assert all(isinstance(reply, Reply) for _, reply in endpoint.replies(asked))\n"
    )
    server.acts = [echoes]
    command = [sys.executable, "-c", script, server.model, str(tmp_path / "replies.sqlite")]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    before = len(server.asked)
    assert 40 <= before <= 80
    with opened(server, EndpointSettings(cache=tmp_path / "replies.sqlite")) as endpoint:
        assert all(reply.cached for _, reply in endpoint.replies(asks(str(number)) for number in range(40)))
    assert len(server.asked) == before


def test_a_cache_that_is_none_is_refused_in_one_line(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database, and longer than the head of one " * 10)
    for cache in (file, tmp_path / "nowhere" / "replies.sqlite"):
        with pytest.raises(DataError, match=r"endpoint.cache = .*replies cannot be kept there"):
            Endpoint(server.model, EndpointSettings(cache=cache))
    assert file.read_text().startswith("not a database")


def test_leaving_stops_what_is_under_way(server: Server) -> None:
    server.acts = [hangs]
    with opened(server, EndpointSettings(seconds=60)) as endpoint:
        replies = endpoint.replies(asks(str(number)) for number in range(4))
        stopped = threading.Event()

        def wait() -> None:
            with pytest.raises(CancelledError):
                next(replies)
            stopped.set()

        threading.Thread(target=wait, daemon=True).start()
        while len(server.asked) < 4:
            time.sleep(0.01)
        began = time.monotonic()
    assert time.monotonic() - began < 2
    assert stopped.wait(2)


@pytest.mark.slow
def test_ctrl_c_stops_promptly(server: Server) -> None:
    server.acts = [hangs]
    script = (
        "import sys\n"
        "from adhere.config import EndpointSettings\n"
        "from adhere.endpoint import Endpoint, Message, Request\n"
        "try:\n"
        "    with Endpoint(sys.argv[1], EndpointSettings(seconds=60)) as endpoint:\n"
        "        list(endpoint.replies(Request(messages=(Message('user', 'x'),)) for _ in range(9)))\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit(130)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, server.model], stderr=subprocess.PIPE)
    while len(server.asked) < 8:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    began = time.monotonic()
    _, said = process.communicate(timeout=10)
    assert process.returncode == 130
    assert said == b""
    assert time.monotonic() - began < 3
