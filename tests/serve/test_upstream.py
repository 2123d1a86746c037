"""A server upstream that decodes, well or badly: what leaves keeps its promise, or is an error."""

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

import pytest
from tests.acts import (
    Act,
    Handler,
    Server,
    breaks_off,
    completion,
    drips,
    floods,
    hangs,
    refuses,
    says,
    sends,
    waits,
)

from adhere.config.remote import Dialect, RemoteSettings
from adhere.endpoint import canary
from adhere.errors import ConfigError
from adhere.records import JSON
from adhere.schema import Schema
from adhere.serve.order import (
    AnyObject,
    AnyText,
    Calling,
    Ended,
    Event,
    Matching,
    Obeying,
    OneOf,
    Order,
    Refusal,
    Tool,
    Turn,
    Wanted,
    Written,
)
from adhere.serve.upstream import Upstream

Result = TypeVar("Result")

SCHEMA = Schema.of(
    {
        "type": "object",
        "properties": {"item": {"type": "string"}, "count": {"type": "integer"}},
        "required": ["item", "count"],
        "additionalProperties": False,
    },
    name="order",
)
RIGHT = '{"item":"mug","count":2}'
WRONG = '{"item":"mug","count":"two"}'
OBEYING = Obeying(schema=SCHEMA)
VLLM = RemoteSettings(dialect="vllm", seconds=5)
HTML = {"Content-Type": "text/html"}
FAILS = b'data: {"error": {"message": "out of memory"}}\n\n'
BOOK = Calling(tools=(Tool(name="book", description="", parameters=SCHEMA),))


class Decoder(Server):
    """Keeps to schemas in some dialects, as far as the canary goes; other requests are acted out in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.obeys: set[Dialect] = {"vllm"}
        self.refuses_others = False
        self.canaries = 0
        self.everything: Act | None = None
        """What all requests get, the canary too."""

    def act(self, handler: Handler) -> None:
        if self.everything:
            self.everything(handler)
            return
        turns = handler.asked.get("messages") or [{}]
        if turns[-1].get("content") != canary.QUESTION:
            super().act(handler)
            return
        self.canaries += 1
        said = {
            "vllm": handler.asked.get("structured_outputs", {}).get("json"),
            "llamacpp": handler.asked.get("json_schema"),
            "openai": handler.asked.get("response_format", {}).get("json_schema", {}).get("schema"),
        }
        found = next((said[dialect] for dialect in sorted(self.obeys) if said.get(dialect)), None)
        if found:
            says(json.dumps({"code": found["properties"]["code"]["enum"][0]}))(handler)
        else:
            (refuses(400, said="unknown field") if self.refuses_others else says('{"code": "0"}'))(handler)

    def requests(self) -> list[dict[str, object]]:
        """What was asked beside the canary."""
        return [asked for asked in self.asked if canary.QUESTION not in json.dumps(asked)]


@pytest.fixture
def server() -> Iterator[Decoder]:
    server = Decoder()
    server.acts = [says(RIGHT)]
    with server.running():
        yield server
        server.let_go.set()


def order(wanted: Wanted = OBEYING, **changes: object) -> Order:
    turns = (Turn(role="system", content="Be brief."), Turn(role="user", content="two mugs"))
    made = Order(id="1", turns=turns, wanted=wanted, temperature=0.0)
    return replace(made, **changes)  # pyright: ignore[reportArgumentType]


@asynccontextmanager
async def started(server: Server, settings: RemoteSettings = VLLM) -> AsyncGenerator[Upstream]:
    upstream = Upstream(server.url, "fake", settings)
    await upstream.start()
    try:
        yield upstream
    finally:
        await upstream.close()


def run(work: Coroutine[object, object, Result]) -> Result:
    return asyncio.run(work)


async def events(upstream: Upstream, asked: Order) -> list[Event]:
    return [event async for event in upstream.write(asked)]


def answered(server: Server, asked: Order, settings: RemoteSettings = VLLM) -> list[Event]:
    async def work() -> list[Event]:
        async with started(server, settings) as upstream:
            return await events(upstream, asked)

    return run(work())


def ended(server: Server, asked: Order, settings: RemoteSettings = VLLM) -> Ended:
    """Return the end of the only answer."""
    *_, last = answered(server, asked, settings)
    assert isinstance(last, Ended)
    return last


def refused(server: Server, asked: Order, settings: RemoteSettings = VLLM) -> Refusal:
    with pytest.raises(Refusal) as raised:
        answered(server, asked, settings)
    assert "\n" not in raised.value.message
    return raised.value


def calls(*made: tuple[str, str]) -> Act:
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}}
            for name, arguments in made
        ],
    }
    return sends(json.dumps({"choices": [{"message": message, "finish_reason": "tool_calls"}]}).encode())


def streams(
    *pieces: str, reason: str | None = "stop", end: bytes = b"data: [DONE]\n\n", pause: float = 0.0
) -> Act:
    def act(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        chunks: list[JSON] = [{"choices": [{"delta": {"content": piece}}]} for piece in pieces]
        if reason:
            chunks.append({"choices": [{"delta": {}, "finish_reason": reason}]})
            chunks.append({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5}})
        for chunk in chunks:
            handler.wfile.write(b": comment\r\ndata: " + json.dumps(chunk).encode() + b"\r\n\r\n")
            time.sleep(pause)
        handler.wfile.write(end)
        handler.close_connection = True

    return act


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"tries": 0}, "remote.tries = 0: nothing would be asked", id="no try"),
        pytest.param({"seconds": 0.0}, "remote.seconds = 0.0: no reply can come in no time", id="no time"),
        pytest.param({"concurrency": 0}, "remote.concurrency = 0", id="nothing at once"),
        pytest.param({"canary": -1.0}, "remote.canary = -1.0: a time cannot be negative", id="before now"),
    ],
)
def test_settings_out_of_range_are_refused(given: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        RemoteSettings(**given)  # pyright: ignore[reportArgumentType]


def test_an_answer_is_asked_for_in_the_dialect_and_comes_whole(server: Decoder) -> None:
    asked = order(max_tokens=50, top_p=0.5, seed=-1, n=1, stop=())
    assert answered(server, asked) == [
        Written(index=0, text=RIGHT),
        Ended(index=0, reason="stop", text=RIGHT, prompt_tokens=10, tokens=5),
    ]
    assert server.requests() == [
        {
            "model": "fake",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "two mugs"}],
            "temperature": 0.0,
            "top_p": 0.5,
            "max_tokens": 50,
            "seed": 2**31 - 1,
            "structured_outputs": {"json": SCHEMA.source},
        }
    ]


def test_a_bare_prompt_is_gone_on_with(server: Decoder) -> None:
    server.acts = [sends(b'{"choices": [{"text": "fine", "finish_reason": "stop"}]}')]
    last = ended(server, order(AnyText(), turns=(), prompt="how are you", stop=("END",), alternatives=2))
    assert (last.text, last.prompt_tokens, last.tokens) == ("fine", 3, 1), "guessed: 11 / 4 and 4 / 4"
    assert server.paths[-1] == "/v1/completions"
    assert server.requests()[-1] == {
        "model": "fake",
        "prompt": "how are you",
        "temperature": 0.0,
        "stop": ["END"],
        "logprobs": 2,
    }


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        pytest.param(says(WRONG), "/count", id="a wrong type, by its pointer"),
        pytest.param(says("Sure! " + RIGHT), "JSON", id="no JSON"),
        pytest.param(says(RIGHT[:-1]), "JSON", id="cut, and called whole"),
        pytest.param(says('{"item":"mug","count":2,"count":2}'), "twice", id="a repeated key"),
        pytest.param(says(""), "JSON", id="nothing"),
    ],
)
def test_a_reply_that_breaks_its_promise_is_asked_for_again_with_what_is_wrong(
    server: Decoder, bad: Act, what: str
) -> None:
    server.acts = [bad, says(RIGHT)]
    last = ended(server, order())
    assert (last.text, last.tries, last.prompt_tokens, last.tokens) == (RIGHT, 2, 20, 10)
    first, second = server.requests()
    assert isinstance(second["messages"], list)
    assert second["messages"][:2] == first["messages"]
    reply, said = second["messages"][2:]
    assert (reply["role"], said["role"]) == ("assistant", "user")
    assert what in said["content"]


def test_a_long_reply_is_checked_too(server: Decoder) -> None:
    long = json.dumps({"item": "m" * 20_000, "count": 2})
    server.acts = [says(long.replace("2", '"2"')), says(long)]
    last = ended(server, order())
    assert (last.text, last.tries) == (long, 2)


def test_tries_are_bounded_and_the_last_bad_reply_is_kept(server: Decoder) -> None:
    server.acts = [says("no"), says("never"), says(WRONG)]
    fault = refused(server, order())
    assert (fault.status, fault.code) == (502, "promise_broken")
    assert "3 times" in fault.message
    assert "/count" in fault.message
    assert fault.detail is not None
    violations = fault.detail["violations"]
    assert isinstance(violations, list)
    assert len(violations) == 1
    assert {name: fault.detail[name] for name in ("last_reply", "tries", "usage")} == {
        "last_reply": WRONG,
        "tries": 3,
        "usage": {"prompt_tokens": 30, "completion_tokens": 15},
    }
    *_, last = server.requests()
    assert isinstance(last["messages"], list)
    assert [turn["content"] for turn in last["messages"]][2] == "never", "only the last bad reply is repeated"
    assert len(last["messages"]) == 4


def test_a_bare_prompt_is_tried_again_with_another_seed(server: Decoder) -> None:
    server.acts = [
        sends(b'{"choices": [{"text": "no", "finish_reason": "stop"}]}'),
        sends(json.dumps({"choices": [{"text": RIGHT, "finish_reason": "stop"}]}).encode()),
    ]
    assert ended(server, order(turns=(), prompt="two mugs", seed=5)).tries == 2
    assert [(asked["prompt"], asked["seed"]) for asked in server.requests()] == [
        ("two mugs", 5),
        ("two mugs", 6),
    ]


@pytest.mark.parametrize("text", [RIGHT, RIGHT[:9]])
def test_a_reply_that_was_cut_off_says_so_whatever_it_is(server: Decoder, text: str) -> None:
    server.acts = [says(text, finish_reason="length")]
    last = ended(server, order())
    assert (last.reason, last.text, last.tries) == ("length", text, 1)


@pytest.mark.parametrize(
    ("wanted", "bad", "good", "text"),
    [
        pytest.param(AnyObject(), says("[]"), says("{}"), "{}", id="an object"),
        pytest.param(Matching("[a-c]+"), says("xabc"), says("abc"), "abc", id="a pattern, whole"),
        pytest.param(OneOf(("yes", "no")), says("yes."), says("no"), "no", id="a choice"),
        pytest.param(
            BOOK,
            calls(("book", '{"item":1}')),
            calls(("book", RIGHT)),
            f'{{"name":"book","arguments":{RIGHT}}}',
            id="a call",
        ),
        pytest.param(
            BOOK,
            calls(("sell", RIGHT)),
            calls(("book", RIGHT)),
            f'{{"name":"book","arguments":{RIGHT}}}',
            id="a call of a tool that there is",
        ),
        pytest.param(
            BOOK,
            calls(("book", RIGHT), ("book", RIGHT)),
            calls(("book", RIGHT)),
            f'{{"name":"book","arguments":{RIGHT}}}',
            id="one call, not two",
        ),
        pytest.param(
            BOOK,
            says("I would rather not"),
            calls(("book", RIGHT)),
            f'{{"name":"book","arguments":{RIGHT}}}',
            id="a call, and no text",
        ),
    ],
)
def test_every_promise_is_checked(server: Decoder, wanted: Wanted, bad: Act, good: Act, text: str) -> None:
    server.acts = [bad, good]
    last = ended(server, order(wanted))
    assert (last.text, last.tries) == (text, 2)


def test_text_is_an_answer_where_a_call_need_not_be(server: Decoder) -> None:
    server.acts = [says("I would rather not")]
    assert ended(server, order(replace(BOOK, must=False))).text == "I would rather not"


@pytest.mark.parametrize(
    ("act", "tries", "status", "code"),
    [
        pytest.param(refuses(500), 3, 502, "upstream_error", id="500"),
        pytest.param(breaks_off, 3, 502, "upstream_error", id="closed early"),
        pytest.param(sends(b"<html>", headers=HTML), 3, 502, "upstream_error", id="html"),
        pytest.param(sends(b'{"choices": [{"mess'), 3, 502, "upstream_error", id="half a JSON text"),
        pytest.param(sends(b"[]"), 3, 502, "upstream_error", id="no completion"),
        pytest.param(sends(b"\xff\xfe"), 3, 502, "upstream_error", id="no text"),
        pytest.param(says(RIGHT, finish_reason=""), 3, 502, "upstream_error", id="no end"),
        pytest.param(says("", finish_reason="content_filter"), 1, 502, "upstream_error", id="filtered"),
        pytest.param(says(RIGHT, finish_reason="abort"), 1, 502, "upstream_error", id="stopped"),
        pytest.param(floods, 1, 502, "upstream_error", id="an endless body"),
        pytest.param(hangs, 3, 504, "upstream_timeout", id="no answer in time"),
        pytest.param(drips, 3, 504, "upstream_timeout", id="a slow drip"),
        pytest.param(refuses(401), 1, 502, "upstream_key", id="401"),
        pytest.param(refuses(404), 1, 502, "upstream_error", id="404"),
        pytest.param(refuses(307, headers={"Location": "/"}), 1, 502, "upstream_error", id="a redirect"),
        pytest.param(refuses(400), 1, 400, "upstream_refused", id="400"),
        pytest.param(refuses(429, headers={"Retry-After": "7"}), 1, 429, "rate_limit_exceeded", id="429"),
        pytest.param(refuses(503, headers={"Retry-After": "7"}), 1, 503, "upstream_busy", id="503"),
    ],
)
def test_no_fault_upstream_becomes_an_answer(
    server: Decoder, act: Act, tries: int, status: int, code: str
) -> None:
    server.acts = [act]
    fault = refused(server, order(), replace(VLLM, seconds=0.3 if act in (hangs, drips) else 5.0))
    assert (fault.status, fault.code, len(server.requests())) == (status, code, tries)
    assert fault.retry_after == (7.0 if status in (429, 503) else None)


@pytest.mark.parametrize("act", [refuses(500), breaks_off, hangs, sends(b"{}")])
def test_what_may_fare_better_is_tried_again(server: Decoder, act: Act) -> None:
    server.acts = [act, says(RIGHT)]
    assert ended(server, order(), replace(VLLM, seconds=0.3)).text == RIGHT


def test_a_deadline_ends_all_tries_and_is_no_fault_of_the_server(server: Decoder) -> None:
    server.acts = [hangs]

    async def work() -> None:
        async with started(server) as upstream:
            for _ in range(7):
                with pytest.raises(Refusal) as raised:
                    await events(upstream, order(deadline=time.monotonic() + 0.05))
                assert (raised.value.status, raised.value.code) == (504, "deadline_exceeded")
            server.acts = [says(RIGHT)]
            assert len(await events(upstream, order())) == 2, "the circuit is closed"
            with pytest.raises(Refusal, match="time for this request was over"):
                await events(upstream, order(deadline=time.monotonic() - 1))

    began = time.monotonic()
    run(work())
    assert time.monotonic() - began < 3
    assert len(server.requests()) == 8


def test_a_server_that_is_out_of_order_is_left_alone_for_a_moment(server: Decoder) -> None:
    async def work() -> None:
        async with started(server, replace(VLLM, tries=1)) as upstream:
            server.acts = [refuses(500)]
            for _ in range(5):
                with pytest.raises(Refusal, match="no reply"):
                    await events(upstream, order())
            asked = len(server.requests())
            with pytest.raises(Refusal) as raised:
                await events(upstream, order())
            assert (raised.value.status, raised.value.code) == (503, "upstream_down")
            assert raised.value.retry_after is not None
            assert 0 < raised.value.retry_after <= 1
            assert len(server.requests()) == asked, "nothing was sent"
            server.acts = [says(RIGHT)]
            await asyncio.sleep(raised.value.retry_after + 0.05)
            assert len(await events(upstream, order())) == 2
            assert len(await events(upstream, order())) == 2

    run(work())


def test_who_leaves_takes_the_request_upstream_along(server: Decoder) -> None:
    left: list[bytes] = []

    def listens(handler: Handler) -> None:
        handler.connection.settimeout(5)
        left.append(handler.rfile.read(1))

    server.acts = [listens]

    async def work() -> None:
        async with started(server, replace(VLLM, seconds=60)) as upstream:
            for _ in range(6):
                task = asyncio.create_task(events(upstream, order()))
                while not server.requests():
                    await asyncio.sleep(0.01)
                server.asked.clear()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            while len(left) < 6:
                await asyncio.sleep(0.01)
            assert upstream.standing.under_way == 0
            server.acts = [says(RIGHT)]
            assert len(await events(upstream, order())) == 2, "leaving is no fault of the server"

    run(work())
    assert left == [b""] * 6, "the end of each connection"


def test_several_answers_are_several_requests(server: Decoder) -> None:
    server.acts = [says(WRONG), says(RIGHT)]
    made = answered(server, order(n=3, seed=10))
    ends = sorted((event for event in made if isinstance(event, Ended)), key=lambda each: each.index)
    assert [each.index for each in ends] == [0, 1, 2]
    assert sum(each.tries for each in ends) == 4
    assert sum(each.prompt_tokens for each in ends) == 40
    seeds = {asked["seed"] for asked in server.requests()}
    assert {10, 11, 12} <= seeds
    assert len(seeds) == 4, "another one for the answer that is asked for again"


def test_where_one_of_several_answers_fails_all_do(server: Decoder) -> None:
    server.acts = [hangs, refuses(400)]
    began = time.monotonic()
    assert refused(server, order(n=2)).status == 400
    assert time.monotonic() - began < 2


def test_no_more_is_asked_for_at_once_than_allowed(server: Decoder) -> None:
    server.acts = [waits(0.3, says(RIGHT))]

    async def work() -> None:
        async with started(server, replace(VLLM, concurrency=2)) as upstream:
            under_way = [asyncio.create_task(events(upstream, order())) for _ in range(2)]
            while len(server.requests()) < 2:
                await asyncio.sleep(0.01)
            with pytest.raises(Refusal) as raised:
                await events(upstream, order())
            assert (raised.value.status, raised.value.code, raised.value.retry_after) == (
                503,
                "overloaded",
                1.0,
            )
            assert all(len(made) == 2 for made in await asyncio.gather(*under_way))

    run(work())


@pytest.mark.parametrize(
    ("wanted", "dialect", "field"),
    [
        pytest.param(Matching("a"), "openai", "structured_outputs.regex", id="a pattern"),
        pytest.param(OneOf(("a",)), "openai", "structured_outputs.choice", id="a choice"),
        pytest.param(Matching("a"), "llamacpp", "structured_outputs.regex", id="a pattern, to llama.cpp"),
    ],
)
def test_what_the_server_cannot_be_told_is_refused_by_its_field(
    server: Decoder, wanted: Wanted, dialect: Dialect, field: str
) -> None:
    server.obeys = {dialect}
    fault = refused(server, order(wanted), replace(VLLM, dialect=dialect))
    assert (fault.status, fault.param, fault.code) == (400, field, "constraint_not_supported")
    assert not server.requests()


def test_what_the_server_cannot_be_told_is_checked_alone_where_that_is_allowed(server: Decoder) -> None:
    server.obeys = {"openai"}
    server.acts = [says("b"), says("  aa\n")]
    loose = replace(VLLM, dialect="openai", unconstrained=True)
    last = ended(server, order(Matching("a+")), loose)
    assert (last.text, last.tries, last.note) == ("aa", 2, {"constrained": False})
    first = server.requests()[0]
    assert isinstance(first["messages"], list)
    assert first["messages"][0]["content"].startswith("Be brief.\n\nAnswer with text that")
    assert "response_format" not in first
    server.acts = [says(RIGHT)]
    assert ended(server, order(), loose).note is None


def test_a_server_without_constraints_is_told_in_its_turns_and_labelled(server: Decoder) -> None:
    server.acts = [says(f"<think>two</think>Here it is:\n```json\n{RIGHT}\n```")]
    last = ended(server, order(), replace(VLLM, dialect="none"))
    assert (last.text, last.note, server.canaries) == (RIGHT, {"constrained": False}, 0)
    assert SCHEMA.canonical in json.dumps(server.requests()[0]).replace("\\", "")
    server.acts = [says("fine")]
    assert ended(server, order(AnyText()), replace(VLLM, dialect="none")).note is None


def test_another_model_that_replies_is_told_of(server: Decoder) -> None:
    other = {**json.loads(completion(RIGHT)), "model": "fake-mini"}
    server.acts = [sends(json.dumps(other).encode())]

    async def work() -> tuple[str, ...]:
        async with started(server) as upstream:
            *_, last = await events(upstream, order())
            assert isinstance(last, Ended)
            assert last.note == {"upstream_model": "fake-mini"}
            return upstream.standing.other_models

    assert run(work()) == ("fake-mini",)


def test_the_key_is_sent_to_the_server_and_told_to_nobody(
    server: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of-another-server")
    monkeypatch.setenv("MY_KEY", "s3cret")
    server.acts = [refuses(400, said="s3cret is wrong")]
    fault = refused(server, order(), replace(VLLM, key_from="MY_KEY"))
    assert {sent["authorization"] for sent in server.headers} == {"Bearer s3cret"}
    assert "s3cret" not in fault.message


def test_what_a_trace_needs_goes_along(server: Decoder) -> None:
    async def work() -> None:
        upstream = Upstream(server.url, "fake", VLLM, headers=lambda: {"traceparent": "00-1-2-01"})
        await upstream.start()
        await events(upstream, order())
        await upstream.close()

    run(work())
    assert server.headers[-1]["traceparent"] == "00-1-2-01"


def test_free_text_comes_as_it_is_written(server: Decoder) -> None:
    server.acts = [streams("he", "llo", " \u2028you", pause=0.05)]
    made = answered(server, order(AnyText(), streamed=True))
    assert made == [
        Written(index=0, text="he"),
        Written(index=0, text="llo"),
        Written(index=0, text=" \u2028you"),
        Ended(index=0, reason="stop", text="hello \u2028you", prompt_tokens=10, tokens=5),
    ]
    assert server.requests()[-1]["stream_options"] == {"include_usage": True}


def test_a_constrained_stream_comes_when_it_was_checked(server: Decoder) -> None:
    server.acts = [says(WRONG), says(RIGHT)]
    first, last = answered(server, order(streamed=True))
    assert isinstance(first, Written)
    assert isinstance(last, Ended)
    assert (first.text, last.text, last.tries) == (RIGHT, RIGHT, 2)
    assert "stream" not in server.requests()[0]


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(streams("half", reason=None, end=b""), id="cut without a word"),
        pytest.param(streams("half", reason=None), id="ended without a reason"),
        pytest.param(streams("half", reason=None, end=FAILS), id="an error"),
        pytest.param(streams("half", reason=None, end=b"data: {nonsense\n\n"), id="garbage"),
        pytest.param(streams("half", reason="abort"), id="stopped"),
    ],
)
def test_half_a_stream_never_ends_as_a_whole_one(server: Decoder, act: Act) -> None:
    server.acts = [act]

    async def work() -> None:
        async with started(server) as upstream:
            made: list[Event] = []
            with pytest.raises(Refusal) as raised:
                async for event in upstream.write(order(AnyText(), streamed=True)):
                    made.append(event)
            assert raised.value.status == 502
            assert made == [Written(index=0, text="half")]

    run(work())
    assert len(server.requests()) == 1, "what has left cannot be taken back"


def test_a_stream_that_has_not_begun_is_tried_again(server: Decoder) -> None:
    server.acts = [refuses(500), says("whole, where a stream was asked for")]
    with pytest.raises(Refusal):
        answered(server, order(AnyText(), streamed=True))
    server.acts = [refuses(500), streams("fine")]
    *_, last = answered(server, order(AnyText(), streamed=True))
    assert isinstance(last, Ended)
    assert (last.text, last.tries) == ("fine", 2)


def test_who_leaves_a_stream_ends_it_upstream(server: Decoder) -> None:
    server.acts = [streams(*["more"] * 200, pause=0.02)]

    async def work() -> None:
        async with started(server) as upstream:
            made = upstream.write(order(AnyText(), streamed=True))
            assert isinstance(await anext(made), Written)
            await made.aclose()
            assert upstream.standing.under_way == 0

    began = time.monotonic()
    run(work())
    assert time.monotonic() - began < 2
