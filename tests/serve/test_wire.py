"""What the routes say to a request, whatever writes the answers."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.serve.wired import CHAT, COUNT, HELLO, Scripted, Wired, events, refused

from adhere.config import ServeConfig
from adhere.records import JSON
from adhere.schema import Schema
from adhere.serve.answers import checked
from adhere.serve.calls import Argued, CallReader, Named, Said
from adhere.serve.order import (
    AnyObject,
    AnyText,
    Call,
    Calling,
    Matching,
    Obeying,
    OneOf,
    Order,
    Refusal,
    Spelled,
    Turn,
)
from adhere.serve.visit import Visit

FORMAT: dict[str, JSON] = {"type": "json_schema", "json_schema": {"name": "count", "schema": COUNT}}
TOOL: dict[str, JSON] = {"type": "function", "function": {"name": "add", "parameters": COUNT}}
OTHER: dict[str, JSON] = {"type": "function", "function": {"name": "stop", "description": "Ends it."}}
CALL = '{"name":"add","arguments":{"count":3}}'


def test_a_whole_reply_has_the_shape_of_openai_s() -> None:
    wired = Wired()
    reply = wired.chat()
    shown = reply.json()
    assert reply.status_code == 200
    assert shown["id"].startswith("chatcmpl-")
    assert (shown["object"], shown["model"]) == ("chat.completion", "nano")
    assert shown["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "hello", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert shown["usage"] == {
        "prompt_tokens": 7,
        "completion_tokens": 5,
        "total_tokens": 12,
        "prompt_tokens_details": {"cached_tokens": 3},
    }


def test_a_request_becomes_an_order() -> None:
    wired = Wired()
    reply = wired.chat(n=2, seed=-4, temperature=0.5, top_p=0.9, max_completion_tokens=9, stop=["a", "b"])
    assert reply.status_code == 200
    order = wired.order
    assert order.turns == (Turn(role="user", content="hello"),)
    assert (order.n, order.seed, order.temperature, order.top_p) == (2, -4, 0.5, 0.9)
    assert (order.max_tokens, order.stop, order.wanted) == (9, ("a", "b"), AnyText())
    assert not order.streamed


def test_what_a_request_leaves_open_the_server_decides() -> None:
    wired = Wired(settings=ServeConfig(temperature=0.25, max_new_tokens=50))
    wired.chat()
    assert (wired.order.temperature, wired.order.top_p, wired.order.max_tokens) == (0.25, 1.0, 50)
    wired = Wired(settings=ServeConfig(max_new_tokens=50))
    wired.chat(max_tokens=1000)
    assert wired.order.max_tokens == 50


@pytest.mark.parametrize(("counts", "prompt"), [(False, 7), (True, 14)], ids=["read once", "read for each"])
def test_the_prompt_of_several_answers_counts_as_often_as_it_was_read(*, counts: bool, prompt: int) -> None:
    usage = Wired(each_prompt_counts=counts).chat(n=2).json()["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (prompt, 10)


def test_a_stream_begins_with_the_role_and_ends_with_the_reason_and_a_word() -> None:
    reply = Wired().chat(stream=True, stream_options={"include_usage": True})
    chunks = events(reply)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[:-1]]
    assert deltas[0] == {"role": "assistant", "content": "", "refusal": None}
    assert "".join(delta.get("content", "") for delta in deltas) == "hello"
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == [None] * 6 + ["stop"]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 5
    assert {chunk["usage"] for chunk in map(_hashable, chunks[:-1])} == {None}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert reply.text.endswith("data: [DONE]\n\n")


def _hashable(chunk: dict[str, Any]) -> dict[str, Any]:
    return {"usage": chunk["usage"]}


def test_a_stream_without_usage_says_nothing_of_it() -> None:
    assert all("usage" not in chunk for chunk in events(Wired().chat(stream=True)))


def test_several_answers_of_a_stream_are_told_apart() -> None:
    chunks = events(Wired(backend=Scripted(texts=("ab", "cd"))).chat(stream=True, n=2))
    said = {0: "", 1: ""}
    for chunk in chunks:
        (choice,) = chunk["choices"]
        said[choice["index"]] += choice["delta"].get("content", "")
    assert said == {0: "ab", 1: "cd"}


def test_tokens_are_told_with_their_bytes_and_alternatives() -> None:
    wired = Wired(backend=Scripted(texts=("hé",)))
    told = wired.chat(logprobs=True, top_logprobs=2).json()["choices"][0]["logprobs"]
    assert wired.order.alternatives == 2
    assert told["refusal"] is None
    assert [each["token"] for each in told["content"]] == ["h", "é"]
    assert told["content"][1]["bytes"] == [0xC3, 0xA9]
    # Half a character has no bytes that are known; a probability of 0 has no logarithm.
    assert told["content"][0]["top_logprobs"] == [
        {"token": "x", "logprob": -1.5, "bytes": [120]},
        {"token": "\ufffd", "logprob": -9999.0, "bytes": None},
    ]
    chunks = events(Wired(backend=Scripted(texts=("hé",))).chat(logprobs=True, stream=True))
    streamed = [
        token["token"]
        for chunk in chunks
        if chunk["choices"][0]["logprobs"]
        for token in chunk["choices"][0]["logprobs"]["content"]
    ]
    assert streamed == ["h", "é"]


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        pytest.param({}, AnyText(), id="nothing said"),
        pytest.param({"response_format": None}, AnyText(), id="null"),
        pytest.param({"response_format": {"type": "text"}}, AnyText(), id="text"),
        pytest.param({"response_format": {"type": "json_object"}}, AnyObject(), id="json_object"),
        pytest.param({"response_format": FORMAT}, Obeying(schema=Schema.of(COUNT)), id="json_schema"),
        pytest.param(
            {"response_format": {**FORMAT, "json_schema": {**FORMAT["json_schema"], "strict": False}}},  # type: ignore[dict-item]
            Obeying(schema=Schema.of(COUNT)),
            id="not strict, and held to it all the same",
        ),
        pytest.param(
            {"response_format": FORMAT, "adhere": {"lenient": True}},
            Obeying(schema=Schema.of(COUNT), lenient=True),
            id="lenient",
        ),
        pytest.param({"structured_outputs": {"json": COUNT}}, Obeying(schema=Schema.of(COUNT)), id="vLLM"),
        pytest.param(
            {"structured_outputs": {"json": json.dumps(COUNT)}},
            Obeying(schema=Schema.of(COUNT)),
            id="as a text",
        ),
        pytest.param({"structured_outputs": {"regex": "a+"}}, Matching("a+"), id="regex"),
        pytest.param({"structured_outputs": {"choice": ["a", "b"]}}, OneOf(("a", "b")), id="choice"),
        pytest.param({"structured_outputs": {"grammar": 'start: "a"'}}, Spelled('start: "a"'), id="grammar"),
        pytest.param({"structured_outputs": {"json_object": True}}, AnyObject(), id="vLLM's json_object"),
        pytest.param({"tools": [TOOL], "tool_choice": "none"}, AnyText(), id="no tool to be called"),
    ],
)
def test_the_form_that_is_asked_for_is_the_one_that_is_ordered(
    fields: dict[str, JSON], wanted: object
) -> None:
    # The text obeys none of the forms, so that the reply is withheld; what was ordered is the question.
    wired = Wired()
    wired.chat(**fields)
    assert wired.order.wanted == wanted


@pytest.mark.parametrize(
    ("choice", "must", "names"),
    [
        pytest.param("auto", False, ["add", "stop"], id="auto"),
        pytest.param(None, False, ["add", "stop"], id="nothing said"),
        pytest.param("required", True, ["add", "stop"], id="required"),
        pytest.param({"type": "function", "function": {"name": "add"}}, True, ["add"], id="named"),
    ],
)
def test_tools_may_or_must_be_called(*, choice: JSON, must: bool, names: list[str]) -> None:
    wired = Wired(backend=Scripted(texts=(CALL,)))
    wired.chat(tools=[TOOL, OTHER], tool_choice=choice)
    wanted = wired.order.wanted
    assert isinstance(wanted, Calling)
    assert (wanted.must, [tool.name for tool in wanted.tools]) == (must, names)


def test_a_tool_without_parameters_takes_none() -> None:
    wired = Wired(backend=Scripted(texts=('{"name":"stop","arguments":{}}',)))
    assert wired.chat(tools=[OTHER]).status_code == 200
    wanted = wired.order.wanted
    assert isinstance(wanted, Calling)
    (tool,) = wanted.tools
    assert tool.description == "Ends it."
    assert tool.parameters.obeys({})
    assert not tool.parameters.obeys({"a": 1})


def test_a_call_is_told_as_one() -> None:
    (choice,) = Wired(backend=Scripted(texts=(CALL,))).chat(tools=[TOOL]).json()["choices"]
    (call,) = choice["message"]["tool_calls"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert call["id"].startswith("call_")
    assert (call["type"], call["function"]) == ("function", {"name": "add", "arguments": '{"count":3}'})


def test_text_instead_of_a_call_is_text() -> None:
    (choice,) = Wired().chat(tools=[TOOL]).json()["choices"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("stop", "hello")


def test_a_call_is_streamed_name_first_and_its_arguments_as_they_come() -> None:
    chunks = events(Wired(backend=Scripted(texts=(CALL,))).chat(tools=[TOOL], stream=True))
    calls = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", ())]
    assert calls[0]["function"] == {"name": "add", "arguments": ""}
    assert "".join(call["function"]["arguments"] for call in calls) == '{"count":3}'
    assert len(calls) == 1 + len('{"count":3}')
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_text_is_streamed_as_soon_as_it_can_be_no_call() -> None:
    chunks = events(Wired(backend=Scripted(texts=('{"no": 1}',))).chat(tools=[TOOL], stream=True))
    assert [chunk["choices"][0]["delta"].get("content") for chunk in chunks] == [
        "", '{"no', *'": 1}', None,
    ]  # fmt: skip


def test_a_call_that_was_cut_says_so() -> None:
    wired = Wired(backend=Scripted(texts=(CALL[:-4],), reason="length"))
    (choice,) = wired.chat(tools=[TOOL]).json()["choices"]
    (call,) = choice["message"]["tool_calls"]
    assert choice["finish_reason"] == "length"
    assert call["function"]["arguments"] == '{"count"'


def test_a_cut_answer_is_no_valid_one() -> None:
    wired = Wired(backend=Scripted(texts=('{"count"',), reason="length"))
    (choice,) = wired.chat(response_format=FORMAT, adhere={"fields": True}).json()["choices"]
    assert choice["finish_reason"] == "length"
    assert choice["adhere"]["promise"] == "cut"


def test_a_broken_promise_is_an_error_and_never_an_answer() -> None:
    wired = Wired(backend=Scripted(texts=('{"count": "three"}',)))
    reply = wired.chat(response_format=FORMAT)
    assert reply.status_code == 500
    error = reply.json()["error"]
    assert (error["code"], error["type"]) == ("promise_broken", "server_error")
    assert "/count" in error["message"]
    assert "choices" not in reply.json()


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/v1/responses"])
def test_a_stream_whose_promise_breaks_ends_in_an_error(path: str) -> None:
    wired = Wired(backend=Scripted(texts=('{"count": "three"}',)))
    form: dict[str, dict[str, JSON]] = {
        "/v1/chat/completions": {"messages": list(HELLO), "response_format": FORMAT},
        "/v1/completions": {"prompt": "hello", "response_format": FORMAT},
        "/v1/responses": {
            "input": "hello",
            "text": {"format": {"type": "json_schema", "name": "count", "schema": COUNT}},
        },
    }
    reply = wired.post(path, {"model": "nano", "stream": True, **form[path]})
    assert reply.status_code == 200
    told = events(reply)
    assert "promise_broken" in json.dumps(told[-1])
    assert "[DONE]" not in reply.text
    assert '"stop"' not in reply.text
    assert "response.completed" not in reply.text


def test_what_ends_a_stream_is_told_to_whoever_keeps_the_log() -> None:
    wired = Wired(backend=Scripted(fails=Refusal(504, "Too late.", code="timeout")))
    order = Order(id="x", prompt="a", wanted=AnyText(), streamed=True)
    visit = Visit(id="x")

    async def read() -> list[object]:
        return [event async for event in checked(order, wired.service, visit)]

    with pytest.raises(Refusal):
        asyncio.run(read())
    assert visit.cause == "timeout"


def test_pieces_that_are_not_their_whole_break_the_promise_too() -> None:
    wired = Wired(backend=Scripted(texts=('{"count": 3}',), told='{"count": 4}'))
    assert events(wired.chat(response_format=FORMAT, stream=True))[-1]["error"]["code"] == "promise_broken"


def test_an_answer_that_never_ends_makes_no_reply() -> None:
    assert refused(Wired(backend=Scripted(forgets=True)).chat(n=2)) == (500, None)


def test_an_answer_of_which_less_is_guaranteed_is_labelled_though_nobody_asked() -> None:
    def block(schema: dict[str, JSON], **own: JSON) -> object:
        form: JSON = {"type": "json_schema", "json_schema": {"name": "count", "schema": schema}}
        wired = Wired(backend=Scripted(texts=('{"count": 3}',)))
        (choice,) = wired.chat(response_format=form, adhere={"lenient": True, **own}).json()["choices"]
        return choice.get("adhere")

    gaps = [{"keyword": "not", "pointer": ""}]
    hard = {**COUNT, "not": {"required": ["other"]}}
    assert block(hard) == {"promise": "lenient", "relaxed": gaps}
    assert block(COUNT) is None
    known = block(hard, fields=True)
    assert isinstance(known, dict)
    assert (known["promise"], known["relaxed"]) == ("lenient", gaps)
    assert len(known["leaves"]) == 1


def test_an_answer_that_breaks_what_could_not_be_guaranteed_is_withheld_and_no_fault_of_the_server() -> None:
    schema = {**COUNT, "not": {"required": ["count"]}}
    form: JSON = {"type": "json_schema", "json_schema": {"name": "count", "schema": schema}}
    wired = Wired(backend=Scripted(texts=('{"count": 3}',)))
    reply = wired.chat(response_format=form, adhere={"lenient": True})
    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "promise_broken")


def test_a_temperature_that_no_number_could_be_divided_by_is_none() -> None:
    wired = Wired()
    wired.chat(temperature=6.6e-106)
    assert wired.order.temperature == 0


def test_an_upstream_that_was_told_of_no_constraint_is_named_though_nobody_asked() -> None:
    wired = Wired(backend=Scripted(texts=('{"count": 3}',), note={"constrained": False}))
    (choice,) = wired.chat(response_format=FORMAT).json()["choices"]
    assert choice["adhere"] == {"promise": "kept", "constrained": False}


def test_the_served_schema_holds_where_a_request_says_nothing() -> None:
    default = Schema.of(COUNT)
    backend = Scripted(texts=('{"count": 3}',))
    wired = Wired(backend=backend, default=default)
    wired.chat()
    assert wired.order.wanted == Obeying(schema=default)
    backend.orders.clear()
    wired.chat(response_format={"type": "text"})
    assert wired.order.wanted == AnyText()
    backend.orders.clear()
    wired.post("/v1/responses", {"model": "nano", "input": "hello"})
    assert wired.order.wanted == Obeying(schema=default)


def test_messages_are_turns_one_for_one() -> None:
    wired = Wired()
    call: JSON = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    reply = wired.chat(
        messages=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": None, "tool_calls": [call], "refusal": None, "audio": None},
            {"role": "tool", "tool_call_id": "c1", "content": "3"},
            {"role": "assistant", "content": "three", "annotations": []},
            {"role": "user", "content": "thanks"},
        ]
    )
    assert reply.status_code == 200
    assert wired.order.turns == (
        Turn(role="system", content="Be brief."),
        Turn(role="user", content="ab"),
        Turn(role="assistant", content="", calls=(Call(id="c1", name="add", arguments="{}"),)),
        Turn(role="tool", content="3", answers="c1"),
        Turn(role="assistant", content="three"),
        Turn(role="user", content="thanks"),
    )


HARMLESS: dict[str, JSON] = {
    "frequency_penalty": 0,
    "presence_penalty": 0.0,
    "logit_bias": {},
    "user": "me",
    "store": False,
    "metadata": {"team": "a"},
    "modalities": ["text"],
    "parallel_tool_calls": True,
    "service_tier": "auto",
    "safety_identifier": "x",
    "prompt_cache_key": "x",
    "prompt_cache_retention": "in_memory",
    "reasoning_effort": "none",
    "verbosity": "medium",
    "audio": None,
    "prediction": None,
    "functions": None,
    "function_call": None,
    "web_search_options": None,
    "logprobs": False,
    "stream_options": None,
    "tools": [],
    "top_p": 1,
}


@pytest.mark.parametrize("field", HARMLESS)
def test_what_changes_nothing_is_taken(field: str) -> None:
    assert Wired().chat(**{field: HARMLESS[field]}).status_code == 200


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"frequency_penalty": 0.5}, "frequency_penalty"),
    ({"presence_penalty": -1}, "presence_penalty"),
    ({"logit_bias": {"50256": -100}}, "logit_bias"),
    ({"store": True}, "store"),
    ({"modalities": ["text", "audio"]}, "modalities[1]"),
    ({"audio": {"voice": "alloy", "format": "wav"}}, "audio"),
    ({"prediction": {"type": "content", "content": "x"}}, "prediction"),
    ({"functions": [{"name": "f"}]}, "functions"),
    ({"function_call": "auto"}, "function_call"),
    ({"web_search_options": {}}, "web_search_options"),
    ({"reasoning_effort": "high"}, "reasoning_effort"),
    ({"verbosity": "low"}, "verbosity"),
    ({"service_tier": "flex"}, "service_tier"),
    ({"metadata": {"a": 1}}, "metadata.a"),
    ({"top_k": 5}, "top_k"),
    ({"guided_json": {}}, "guided_json"),
    ({"n": 0}, "n"),
    ({"n": 9}, "n"),
    ({"n": "2"}, "n"),
    ({"n": True}, "n"),
    ({"n": 1.0}, "n"),
    ({"seed": 2**63}, "seed"),
    ({"temperature": 2.1}, "temperature"),
    ({"temperature": -0.1}, "temperature"),
    ({"top_p": 0}, "top_p"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": 1, "max_completion_tokens": 2}, "max_tokens"),
    ({"stop": ["a"] * 5}, "stop"),
    ({"stop": ""}, "stop"),
    ({"stop": ["a", ""]}, "stop[1]"),
    ({"stop": "}", "response_format": FORMAT}, "stop"),
    ({"stop": "}", "tools": [TOOL]}, "stop"),
    ({"stream_options": {"include_usage": True}}, "stream_options"),
    ({"stream": True, "stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
    ({"messages": []}, "messages"),
    ({"messages": "hello"}, "messages"),
    ({"messages": [{"role": "user"}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": []}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": "a", "name": "bob"}]}, "messages[0].name"),
    ({"messages": [{"role": "function", "content": "a"}]}, "messages[0].role"),
    ({"messages": [{"content": "a"}]}, "messages[0].role"),
    ({"messages": [{"role": "assistant"}]}, "messages[0].content"),
    ({"messages": [{"role": "tool", "content": "a", "tool_call_id": "x"}]}, "messages[0].tool_call_id"),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        "messages[0].content[0].type",
    ),
    ({"response_format": {"type": "grammar"}}, "response_format.type"),
    ({"response_format": {}}, "response_format.type"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}},
        "response_format.json_schema.schema",
    ),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a b", "schema": {}}}},
        "response_format.json_schema.name",
    ),
    ({"structured_outputs": {}}, "structured_outputs"),
    ({"structured_outputs": {"regex": "a", "choice": ["a"]}}, "structured_outputs"),
    ({"structured_outputs": {"regex": "a"}, "response_format": {"type": "text"}}, "structured_outputs"),
    ({"structured_outputs": {"choice": []}}, "structured_outputs.choice"),
    ({"structured_outputs": {"json": "{"}}, "structured_outputs.json"),
    ({"structured_outputs": {"json": "[]"}}, "structured_outputs.json"),
    ({"structured_outputs": {"json": 3}}, "structured_outputs.json"),
    ({"structured_outputs": {"structural_tag": "x"}}, "structured_outputs.structural_tag"),
    ({"tool_choice": "auto"}, "tool_choice"),
    ({"tools": [TOOL], "tool_choice": "always"}, "tool_choice"),
    (
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "x"}}},
        "tool_choice.function.name",
    ),
    ({"tools": [TOOL, TOOL]}, "tools[1].function.name"),
    ({"tools": [{"type": "custom", "custom": {"name": "a"}}]}, "tools[0].type"),
    ({"tools": [TOOL], "response_format": FORMAT}, "response_format"),
    ({"tools": [TOOL], "structured_outputs": {"regex": "a"}}, "structured_outputs"),
    ({"adhere": {"undecided_below": 2}}, "adhere.undecided_below"),
    ({"adhere": {"confidence": True}}, "adhere.confidence"),
]


@pytest.mark.parametrize(("fields", "param"), REFUSED, ids=[json.dumps(fields)[:60] for fields, _ in REFUSED])
def test_what_cannot_be_honoured_is_refused_by_name(fields: dict[str, JSON], param: str) -> None:
    wired = Wired()
    assert refused(wired.chat(**fields)) == (400, param)
    assert wired.backend.orders == []


@pytest.mark.parametrize(
    ("fields", "advice"),
    [
        pytest.param({"guided_json": {}}, "use structured_outputs", id="vLLM's old name"),
        pytest.param({"functions": []}, "Use tools", id="OpenAI's old name"),
        pytest.param({"extra_body": {}}, "beside the other fields", id="the client's own"),
        pytest.param({"store": True}, "it must be false", id="one value"),
        pytest.param({"n": 9}, "less than or equal to 8", id="a bound"),
    ],
)
def test_a_refusal_says_what_to_do(fields: dict[str, JSON], advice: str) -> None:
    assert advice in Wired().chat(**fields).json()["error"]["message"]


def test_a_long_value_is_not_repeated() -> None:
    message = Wired().chat(user=[["x" * 50_000]]).json()["error"]["message"]
    assert len(message) < 250


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param('{"model":"nano","model":"x"}', "twice in its object at character 16", id="a key twice"),
        pytest.param('{"temperature":NaN}', "NaN is not a JSON number at character 15", id="NaN"),
        pytest.param("", "at character 0", id="nothing"),
        pytest.param("{", "at character 1", id="cut"),
        pytest.param("[" * 5000, "nested more than 128 levels deep at character 128", id="deep"),
        pytest.param('{"user":"\\ud800"}', "half a surrogate pair", id="half a character"),
        pytest.param(b'{"user":"\xff"}', "not UTF-8", id="not UTF-8"),
        pytest.param("[1]", "no JSON object", id="a list"),
        pytest.param("null", "no JSON object", id="null"),
        pytest.param('{"a":"' + "x" * 70_000 + '"', "at character", id="long, and cut"),
    ],
)
def test_a_body_is_read_strictly(text: str | bytes, words: str) -> None:
    reply = Wired().ask(
        "POST", "/v1/chat/completions", content=text, headers={"content-type": "application/json"}
    )
    assert refused(reply) == (400, None)
    error = reply.json()["error"]
    assert error["code"] == "invalid_json"
    assert words in error["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 415, id="not said"),
        pytest.param({"content-type": "text/plain"}, 415, id="text"),
        pytest.param({"content-type": "application/json; charset=latin-1"}, 415, id="not UTF-8"),
        pytest.param({"content-type": "application/json", "content-encoding": "gzip"}, 415, id="gzip"),
        pytest.param({"content-type": "application/json; charset=UTF-8"}, 200, id="UTF-8"),
        pytest.param({"content-type": "Application/JSON"}, 200, id="capitals"),
    ],
)
def test_only_json_is_read(headers: dict[str, str], status: int) -> None:
    reply = Wired().ask("POST", "/v1/chat/completions", content=json.dumps(CHAT), headers=headers)
    assert reply.status_code == status


def test_another_model_is_not_found() -> None:
    reply = Wired().chat(model="gpt-4o")
    assert refused(reply) == (404, "model")
    assert reply.json()["error"]["code"] == "model_not_found"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        pytest.param("GET", "/v1/nope", 404, "unknown_url", id="no route"),
        pytest.param("GET", "/v1/chat/completions/", 404, "unknown_url", id="a slash too many"),
        pytest.param("GET", "/v1/chat/completions", 405, "method_not_allowed", id="another method"),
        pytest.param("DELETE", "/v1/models", 405, "method_not_allowed", id="and another"),
        pytest.param("GET", "/v1/models/gpt-4o", 404, "model_not_found", id="another model"),
        pytest.param("GET", "/docs", 404, "unknown_url", id="pages that would need a network"),
    ],
)
def test_routes_that_are_not_there_answer_in_openai_s_way(
    method: str, path: str, status: int, code: str
) -> None:
    reply = Wired().ask(method, path)
    assert refused(reply)[0] == status
    assert reply.json()["error"]["code"] == code
    assert ("allow" in reply.headers) == (status == 405)


def test_the_model_is_listed() -> None:
    wired = Wired()
    model = {"id": "nano", "object": "model", "created": 1, "owned_by": "adhere"}
    assert wired.ask("GET", "/v1/models").json() == {"object": "list", "data": [model]}
    assert wired.ask("GET", "/v1/models/nano").json() == model


def test_readiness_is_what_the_backend_says() -> None:
    wired = Wired()
    assert wired.ask("GET", "/healthz").json() == {"status": "ok"}
    assert wired.ask("GET", "/readyz").json() == {"status": "ready"}
    wired.why_not_ready = "The server upstream does not answer."
    reply = wired.ask("GET", "/readyz")
    assert refused(reply) == (503, None)
    assert reply.headers["retry-after"] == "1"
    assert wired.ask("GET", "/healthz").status_code == 200


def test_figures_are_those_of_the_server() -> None:
    reply = Wired().ask("GET", "/metrics")
    assert reply.headers["content-type"] == "text/plain; version=1.0.0"
    assert reply.text == "adhere_requests_total 0\n"


def test_what_the_backend_refuses_is_told_with_its_status() -> None:
    full = Refusal(429, "Too many of yours wait. Ask later.", code="queue_full", retry_after=2.2)
    for streamed in (False, True):
        reply = Wired(backend=Scripted(texts=("",), fails=full)).chat(stream=streamed)
        # An answer that fails before its first piece fails with its status, streamed or not.
        assert reply.status_code == (200 if streamed else 429)
    reply = Wired(backend=Scripted(fails=full)).chat()
    assert reply.headers["retry-after"] == "3"
    assert reply.json()["error"]["type"] == "rate_limit_error"


def test_a_bug_says_nothing_of_itself() -> None:
    wired = Wired(backend=Scripted(fails=ZeroDivisionError("the prompt was hello")))
    reply = wired.chat()
    assert reply.status_code == 500
    assert reply.json()["error"]["code"] == "internal_error"
    assert "hello" not in reply.text


def test_a_text_is_continued() -> None:
    wired = Wired(backend=Scripted(texts=("one", "two")))
    reply = wired.post("/v1/completions", {"model": "nano", "prompt": ["count"], "n": 2, "logprobs": 1})
    shown = reply.json()
    assert wired.order.prompt == "count"
    assert (shown["object"], [choice["text"] for choice in shown["choices"]]) == (
        "text_completion",
        ["one", "two"],
    )
    assert shown["choices"][1]["logprobs"] == {
        "tokens": ["t", "w", "o"],
        "token_logprobs": [-0.25] * 3,
        "top_logprobs": [{"x": -1.5}] * 3,
        "text_offset": [0, 1, 2],
    }
    assert shown["usage"]["completion_tokens"] == 6


def test_a_text_is_continued_piece_by_piece() -> None:
    body: JSON = {
        "model": "nano",
        "prompt": "count",
        "stream": True,
        "stream_options": {"include_usage": True},
        "logprobs": 0,
        "adhere": {"fields": True},
    }
    chunks = events(Wired(backend=Scripted(texts=("one",))).post("/v1/completions", body))
    assert [chunk["choices"][0]["text"] for chunk in chunks[:-1]] == ["o", "n", "e", ""]
    assert [chunk["choices"][0]["logprobs"]["text_offset"] for chunk in chunks[:3]] == [[0], [1], [2]]
    assert chunks[3]["choices"][0]["finish_reason"] == "stop"
    assert chunks[3]["choices"][0]["adhere"]["promise"] == "none"
    assert chunks[4]["usage"]["total_tokens"] == 10


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": [1, 2]}, "prompt"),
        ({"echo": True}, "echo"),
        ({"suffix": "x"}, "suffix"),
        ({"best_of": 3}, "best_of"),
        ({"logprobs": 6}, "logprobs"),
        ({"messages": []}, "messages"),
    ],
)
def test_of_a_text_too_what_cannot_be_honoured_is_refused(fields: dict[str, JSON], param: str) -> None:
    status, named = refused(Wired().post("/v1/completions", {"model": "nano", "prompt": "a", **fields}))
    assert status == 400
    assert named is not None
    assert named.startswith(param)


def test_a_response_has_the_shape_of_openai_s() -> None:
    wired = Wired(backend=Scripted(texts=('{"count": 3}',)))
    form: JSON = {"type": "json_schema", "name": "count", "schema": COUNT, "strict": True}
    reply = wired.post(
        "/v1/responses",
        {
            "model": "nano",
            "instructions": "Be brief.",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "three"}]},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "3"}]},
                {"role": "developer", "content": "again"},
            ],
            "text": {"format": form},
            "include": ["message.output_text.logprobs"],
            "top_logprobs": 1,
            "metadata": {"a": "b"},
            "adhere": {"fields": True},
        },
    )
    shown = reply.json()
    assert wired.order.wanted == Obeying(schema=Schema.of(COUNT))
    assert [(turn.role, turn.content) for turn in wired.order.turns] == [
        ("system", "Be brief."),
        ("user", "three"),
        ("assistant", "3"),
        ("system", "again"),
    ]
    (item,) = shown["output"]
    assert (shown["object"], shown["status"], item["status"]) == ("response", "completed", "completed")
    assert item["content"][0]["text"] == '{"count": 3}'
    assert len(item["content"][0]["logprobs"]) == len('{"count": 3}')
    assert shown["text"]["format"] == {**form, "description": None}
    assert shown["usage"]["input_tokens"] == 7
    assert shown["metadata"] == {"a": "b"}
    assert shown["adhere"]["promise"] == "kept"


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ({"type": "text"}, AnyText()),
        ({"type": "json_object"}, AnyObject()),
        (None, AnyText()),
    ],
)
def test_a_response_has_the_form_that_was_asked_for(form: JSON, wanted: object) -> None:
    wired = Wired(backend=Scripted(texts=("{}",)))
    assert (
        wired.post("/v1/responses", {"model": "nano", "input": "a", "text": {"format": form}}).status_code
        == 200
    )
    assert wired.order.wanted == wanted


def test_a_response_that_was_cut_is_incomplete() -> None:
    wired = Wired(backend=Scripted(reason="length"))
    shown = wired.post("/v1/responses", {"model": "nano", "input": "a"}).json()
    assert (shown["status"], shown["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})


def test_a_response_is_streamed_as_events_in_their_order() -> None:
    reply = Wired(backend=Scripted(texts=("hi",))).post(
        "/v1/responses", {"model": "nano", "input": "a", "stream": True}
    )
    told = events(reply)
    assert [each["type"] for each in told] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [each["sequence_number"] for each in told] == list(range(10))
    assert told[-1]["response"]["output"][0]["content"][0]["text"] == "hi"
    assert told[-1]["response"]["id"] == told[0]["response"]["id"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"store": True}, "store"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"background": True}, "background"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"reasoning": {"effort": "high"}}, "reasoning.effort"),
        ({"truncation": "auto"}, "truncation"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"include": ["file_search_call.results"]}, "include[0]"),
        ({"text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format.name"),
        ({"input": []}, "input"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].role"),
    ],
)
def test_of_a_response_too_what_cannot_be_honoured_is_refused(fields: dict[str, JSON], param: str) -> None:
    assert refused(Wired().post("/v1/responses", {"model": "nano", "input": "a", **fields})) == (400, param)


def test_the_description_names_every_body() -> None:
    described = Wired().ask("GET", "/openapi.json").json()
    for path, name in {
        "/v1/chat/completions": "ChatBody",
        "/v1/completions": "CompletionBody",
        "/v1/responses": "ResponseBody",
    }.items():
        body = described["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert body == {"$ref": f"#/components/schemas/{name}"}
        assert described["components"]["schemas"][name]["additionalProperties"] is False
    text = json.dumps(described)
    assert all(f'"{name}"' in text for name in ("max_completion_tokens", "structured_outputs", "Error"))


@settings(max_examples=40)
@given(st.text(max_size=20), st.dictionaries(st.text(max_size=5), st.text(max_size=8), max_size=3), st.data())
def test_a_call_is_read_the_same_however_it_is_cut(
    name: str, arguments: dict[str, str], data: st.DataObject
) -> None:
    argued = json.dumps(arguments, ensure_ascii=data.draw(st.booleans()))
    text = f'{{"name":{json.dumps(name)},"arguments":{argued}}}'
    if data.draw(st.booleans()):
        text = f"<tool_call>\n{text}\n</tool_call>"
    reader = CallReader()
    parts: list[object] = []
    while text:
        cut = data.draw(st.integers(1, len(text)))
        parts += reader.read(text[:cut])
        text = text[cut:]
    parts += reader.rest()
    named, *rest = parts
    assert named == Named(name)
    assert "".join(part.text for part in rest if isinstance(part, Argued)) == argued
    assert not any(isinstance(part, Said) for part in parts)


@settings(max_examples=40)
@given(st.text(max_size=30), st.data())
def test_what_is_no_call_is_said_whole(text: str, data: st.DataObject) -> None:
    reader = CallReader()
    said: list[object] = []
    rest = text
    while rest:
        cut = data.draw(st.integers(1, len(rest)))
        said += reader.read(rest[:cut])
        rest = rest[cut:]
    said += reader.rest()
    assert "".join(part.text for part in said if isinstance(part, Said)) == text
