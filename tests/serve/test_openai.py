"""OpenAI's own client against `adhere serve` with the embedded model."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any, Literal

import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel
from tests.serve.served import Served

TEXT = "Please send 3 green mugs to Ada Lovelace by Friday."


class Parcel(BaseModel):
    """What is sent."""

    item: str
    count: int
    color: Literal["red", "green", "blue"]


class Book(BaseModel):
    """Book a table."""

    name: str
    guests: int


FORM: Any = {
    "type": "json_schema",
    "json_schema": {
        "name": "parcel",
        "strict": True,
        "schema": {**Parcel.model_json_schema(), "additionalProperties": False},
    },
}
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "book",
        "description": "Book a table.",
        "parameters": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "guests": {"type": "integer"}},
            "required": ["name", "guests"],
            "additionalProperties": False,
        },
    },
}
ASKED: Any = {"model": "nano", "messages": [{"role": "user", "content": TEXT}], "max_tokens": 64}


@pytest.fixture(scope="module")
def client(server: Served) -> Iterator[OpenAI]:
    with server.client() as made:
        yield made


def test_the_model_is_listed_and_told_of(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["nano"]
    assert client.models.retrieve("nano").object == "model"


def test_plain_text(client: OpenAI) -> None:
    reply = client.chat.completions.create(**{**ASKED, "max_tokens": 8})
    (choice,) = reply.choices
    assert choice.message.role == "assistant"
    assert choice.finish_reason in ("stop", "length")
    assert reply.usage is not None
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    assert 0 < reply.usage.completion_tokens <= 8


def test_json_that_obeys_a_schema(client: OpenAI) -> None:
    reply = client.chat.completions.create(**ASKED, response_format=FORM)
    (choice,) = reply.choices
    assert choice.finish_reason == "stop"
    Parcel.model_validate_json(choice.message.content or "")


def test_a_pydantic_model_is_parsed(client: OpenAI) -> None:
    reply = client.chat.completions.parse(**ASKED, response_format=Parcel)
    assert isinstance(reply.choices[0].message.parsed, Parcel)


def test_a_reply_that_was_cut_is_an_error_of_the_client(client: OpenAI) -> None:
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(**{**ASKED, "max_tokens": 3}, response_format=Parcel)
    cut = client.chat.completions.create(**{**ASKED, "max_tokens": 3}, response_format=FORM)
    assert cut.choices[0].finish_reason == "length"


def test_some_json_object(client: OpenAI) -> None:
    reply = client.chat.completions.create(
        **{**ASKED, "max_tokens": 200}, response_format={"type": "json_object"}
    )
    if reply.choices[0].finish_reason == "stop":
        assert isinstance(json.loads(reply.choices[0].message.content or ""), dict)


@pytest.mark.parametrize(
    "form",
    [
        pytest.param({"regex": "[0-9]{3}-[a-z]{2}"}, id="regex"),
        pytest.param({"choice": ["green", "red"]}, id="choice"),
        pytest.param({"grammar": 'start: "yes" | "no"'}, id="grammar"),
        pytest.param({"json": FORM["json_schema"]["schema"]}, id="json"),
    ],
)
def test_vllm_s_structured_outputs(client: OpenAI, form: dict[str, Any]) -> None:
    reply = client.chat.completions.create(**ASKED, extra_body={"structured_outputs": form})
    text = reply.choices[0].message.content or ""
    assert reply.choices[0].finish_reason == "stop"
    match form:
        case {"regex": _}:
            assert len(text) == 6
            assert text[:3].isdigit()
        case {"choice": texts}:
            assert text in texts
        case {"grammar": _}:
            assert text in ("yes", "no")
        case _:
            Parcel.model_validate_json(text)


def test_a_stream_is_the_whole_in_pieces(client: OpenAI) -> None:
    whole = client.chat.completions.create(**ASKED, response_format=FORM)
    chunks = list(
        client.chat.completions.create(
            **ASKED, response_format=FORM, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert whole.usage is not None
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_the_stream_helper_parses_too(client: OpenAI) -> None:
    with client.chat.completions.stream(**ASKED, response_format=Parcel) as stream:
        kinds = {event.type for event in stream}
        parsed = stream.get_final_completion().choices[0].message.parsed
    assert isinstance(parsed, Parcel)
    assert {"chunk", "content.delta", "content.done"} <= kinds


def test_a_stream_may_be_left(client: OpenAI) -> None:
    stream = client.chat.completions.create(**{**ASKED, "max_tokens": 400}, stream=True)
    next(iter(stream))
    stream.close()
    assert client.chat.completions.create(**{**ASKED, "max_tokens": 1}).choices


@pytest.mark.parametrize(
    "choice", ["required", {"type": "function", "function": {"name": "book"}}], ids=["required", "named"]
)
def test_a_tool_is_called_with_arguments_that_obey(client: OpenAI, choice: Any) -> None:
    reply = client.chat.completions.create(**ASKED, tools=[TOOL], tool_choice=choice)
    (call,) = reply.choices[0].message.tool_calls or []
    assert reply.choices[0].finish_reason == "tool_calls"
    assert call.type == "function"
    assert call.function.name == "book"
    Book.model_validate_json(call.function.arguments)


def test_a_tool_may_be_called_or_not(client: OpenAI) -> None:
    reply = client.chat.completions.create(**ASKED, tools=[TOOL])
    (choice,) = reply.choices
    if choice.finish_reason == "tool_calls":
        (call,) = choice.message.tool_calls or []
        assert call.type == "function"
        Book.model_validate_json(call.function.arguments)
    else:
        assert choice.message.content is not None


def test_no_tool_is_called_where_none_may_be(client: OpenAI) -> None:
    reply = client.chat.completions.create(**ASKED, tools=[TOOL], tool_choice="none")
    assert reply.choices[0].message.tool_calls is None


def test_a_pydantic_tool_is_parsed(client: OpenAI) -> None:
    reply = client.chat.completions.parse(
        **ASKED, tools=[openai.pydantic_function_tool(Book)], tool_choice="required"
    )
    (call,) = reply.choices[0].message.tool_calls or []
    assert isinstance(call.function.parsed_arguments, Book)


def test_a_streamed_call_is_put_together(client: OpenAI) -> None:
    with client.chat.completions.stream(
        **ASKED, tools=[openai.pydantic_function_tool(Book)], tool_choice="required"
    ) as stream:
        reply = stream.get_final_completion()
    (call,) = reply.choices[0].message.tool_calls or []
    assert call.function.name == "Book"
    Book.model_validate_json(call.function.arguments)


def test_a_conversation_goes_on_after_a_call(client: OpenAI) -> None:
    first = client.chat.completions.create(**ASKED, tools=[TOOL], tool_choice="required").choices[0].message
    (call,) = first.tool_calls or []
    reply = client.chat.completions.create(
        model="nano",
        messages=[
            {"role": "user", "content": TEXT},
            first.model_dump(),  # type: ignore[list-item]
            {"role": "tool", "tool_call_id": call.id, "content": "booked"},
        ],
        max_tokens=8,
    )
    assert reply.choices[0].finish_reason in ("stop", "length")


def test_several_answers(client: OpenAI) -> None:
    reply = client.chat.completions.create(**ASKED, response_format=FORM, n=3, temperature=1.0, seed=1)
    assert [choice.index for choice in reply.choices] == [0, 1, 2]
    for choice in reply.choices:
        Parcel.model_validate_json(choice.message.content or "")


def test_a_seed_gives_the_same_answer_again(client: OpenAI) -> None:
    def answer(seed: int) -> str | None:
        reply = client.chat.completions.create(**ASKED, response_format=FORM, temperature=1.5, seed=seed)
        return reply.choices[0].message.content

    assert answer(-5) == answer(-5)


def test_tokens_are_told_with_their_probabilities(client: OpenAI) -> None:
    reply = client.chat.completions.create(**ASKED, response_format=FORM, logprobs=True, top_logprobs=3)
    (choice,) = reply.choices
    assert choice.logprobs is not None
    told = choice.logprobs.content or []
    assert b"".join(bytes(each.bytes or ()) for each in told).decode() == choice.message.content
    assert all(each.logprob <= 0 for each in told)
    assert all(len(each.top_logprobs) <= 3 for each in told)


def test_a_text_to_stop_at_ends_the_answer(client: OpenAI) -> None:
    whole = client.completions.create(model="nano", prompt="The mug is", max_tokens=24).choices[0].text
    stop = whole[3:5] or "x"
    reply = client.completions.create(model="nano", prompt="The mug is", max_tokens=24, stop=[stop])
    assert stop not in reply.choices[0].text


def test_a_text_is_continued(client: OpenAI) -> None:
    reply = client.completions.create(model="nano", prompt="The mug is", max_tokens=6, logprobs=2, n=2)
    assert len(reply.choices) == 2
    (first, _) = reply.choices
    assert first.logprobs is not None
    assert "".join(first.logprobs.tokens or ()) == first.text
    pieces = list(client.completions.create(model="nano", prompt="The mug is", max_tokens=6, stream=True))
    assert "".join(piece.choices[0].text for piece in pieces) == first.text


def test_the_newer_api_answers(client: OpenAI) -> None:
    reply = client.responses.create(model="nano", input=TEXT, max_output_tokens=8, store=False)
    assert reply.status in ("completed", "incomplete")
    assert reply.output_text is not None
    assert reply.usage is not None
    assert reply.usage.total_tokens == reply.usage.input_tokens + reply.usage.output_tokens


def test_the_newer_api_parses(client: OpenAI) -> None:
    reply = client.responses.parse(model="nano", input=TEXT, text_format=Parcel, instructions="Read it.")
    assert isinstance(reply.output_parsed, Parcel)


def test_the_newer_api_streams(client: OpenAI) -> None:
    with client.responses.stream(model="nano", input=TEXT, text_format=Parcel) as stream:
        pieces = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(pieces) == final.output_text
    assert isinstance(final.output_parsed, Parcel)


def test_the_adhere_block_says_where_a_value_was_found(client: OpenAI) -> None:
    reply = client.chat.completions.create(
        **ASKED, response_format=FORM, extra_body={"adhere": {"fields": True}}
    )
    block: Any = reply.choices[0].model_extra
    assert block["adhere"]["promise"] == "kept"
    assert {leaf["pointer"] for leaf in block["adhere"]["leaves"]} == {"/item", "/count", "/color"}
    plain = client.chat.completions.create(**ASKED, response_format=FORM)
    assert "adhere" not in (plain.choices[0].model_extra or {})


@pytest.mark.parametrize(
    ("fields", "error", "param"),
    [
        pytest.param({"model": "gpt-4o"}, openai.NotFoundError, "model", id="another model"),
        pytest.param({"n": 9}, openai.BadRequestError, "n", id="too many answers"),
        pytest.param({"frequency_penalty": 1.0}, openai.BadRequestError, "frequency_penalty", id="a penalty"),
        pytest.param({"extra_body": {"top_k": 4}}, openai.BadRequestError, "top_k", id="no such field"),
        pytest.param(
            {"extra_body": {"guided_json": {}}}, openai.BadRequestError, "guided_json", id="an old name"
        ),
        pytest.param(
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"not": {}}}}},
            openai.BadRequestError,
            "response_format.json_schema.schema",
            id="a schema that cannot be promised",
        ),
        pytest.param(
            {"extra_body": {"structured_outputs": {"regex": "("}}},
            openai.BadRequestError,
            "structured_outputs.regex",
            id="no pattern",
        ),
        pytest.param(
            {"extra_body": {"structured_outputs": {"grammar": "start: ("}}},
            openai.BadRequestError,
            "structured_outputs.grammar",
            id="no grammar",
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": "a " * 5000}]},
            openai.BadRequestError,
            "messages",
            id="too long",
        ),
    ],
)
def test_refusals_are_the_client_s_own_errors(
    client: OpenAI, fields: dict[str, Any], error: type[openai.APIStatusError], param: str
) -> None:
    with pytest.raises(error) as caught:
        client.chat.completions.create(**{**ASKED, **fields})
    assert caught.value.param == param
    assert caught.value.request_id
    with pytest.raises(error):
        client.chat.completions.create(**{**ASKED, **fields}, stream=True)


def test_many_ask_at_once(server: Served) -> None:
    async def ask_all() -> list[Any]:
        async with server.async_client() as client:
            asked = [
                client.chat.completions.parse(**ASKED, response_format=Parcel, seed=each)
                for each in range(12)
            ]
            return await asyncio.gather(*asked)

    replies = asyncio.run(ask_all())
    assert all(isinstance(reply.choices[0].message.parsed, Parcel) for reply in replies)


def test_streams_may_be_read_at_once(server: Served) -> None:
    async def read(client: openai.AsyncOpenAI, seed: int) -> str:
        text = ""
        async with client.chat.completions.stream(**ASKED, response_format=Parcel, seed=seed) as stream:
            async for event in stream:
                if event.type == "content.delta":
                    text += event.delta
        return text

    async def read_all() -> list[str]:
        async with server.async_client() as client:
            return await asyncio.gather(*(read(client, seed) for seed in range(6)))

    for text in asyncio.run(read_all()):
        Parcel.model_validate_json(text)


def test_one_who_leaves_takes_no_other_down(server: Served) -> None:
    async def leave() -> Any:
        async with server.async_client() as client:
            with pytest.raises(openai.APITimeoutError):
                await client.chat.completions.create(**{**ASKED, "max_tokens": 500}, timeout=0.2)
            return await client.chat.completions.parse(**ASKED, response_format=Parcel)

    assert asyncio.run(leave()).choices[0].message.parsed
