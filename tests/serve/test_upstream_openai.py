"""OpenAI's own client before `adhere serve --upstream` before a server that decodes well or badly."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel
from tests.acts import completion, refuses, says, sends
from tests.serve.test_upstream import RIGHT, WRONG, Decoder, calls, streams

pytestmark = pytest.mark.slow

MAIN = "import sys; from adhere.cli import main; sys.exit(main())"


class Ordered(BaseModel):
    item: str
    count: int


@pytest.fixture(scope="module")
def server() -> Iterator[Decoder]:
    server = Decoder()
    with server.running():
        yield server
        server.let_go.set()


@pytest.fixture(scope="module")
def url(server: Decoder) -> Iterator[str]:
    words = ["serve", "--port", "0", "--upstream", server.url, "--name", "ours"]
    environment = {**os.environ, "OPENAI_API_KEY": "of-the-upstream"}
    command = [sys.executable, "-c", MAIN, *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        try:
            said = next(line for line in process.stderr if " answers at " in line)
            yield said.split()[-1]
        finally:
            process.terminate()
            process.communicate(timeout=20)


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=url, api_key="of-the-client", max_retries=0) as client:
        yield client


MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "two mugs"}]


def test_a_reply_is_parsed_after_a_bad_one(server: Decoder, client: openai.OpenAI) -> None:
    server.acts = [says(WRONG), says(RIGHT)]
    reply = client.chat.completions.parse(model="ours", messages=MESSAGES, response_format=Ordered)
    assert reply.choices[0].message.parsed == Ordered(item="mug", count=2)
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (20, 10), "of both tries"
    assert {sent["authorization"] for sent in server.headers} == {"Bearer of-the-upstream"}


def test_a_promise_that_is_never_kept_is_an_error_with_the_last_reply(
    server: Decoder, client: openai.OpenAI
) -> None:
    server.acts = [says(WRONG)]
    with pytest.raises(openai.APIStatusError) as raised:
        client.chat.completions.parse(model="ours", messages=MESSAGES, response_format=Ordered)
    assert raised.value.status_code == 502
    error = raised.value.response.json()["error"]
    assert (error["code"], error["adhere"]["last_reply"], error["adhere"]["tries"]) == (
        "promise_broken",
        WRONG,
        3,
    )
    assert error["adhere"]["usage"] == {"prompt_tokens": 30, "completion_tokens": 15}


def test_a_tool_is_called(server: Decoder, client: openai.OpenAI) -> None:
    server.acts = [calls(("book", WRONG)), calls(("book", RIGHT))]
    reply = client.chat.completions.create(
        model="ours",
        messages=MESSAGES,
        tools=[openai.pydantic_function_tool(Ordered, name="book")],
        tool_choice="required",
    )
    (call,) = reply.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, json.loads(call.function.arguments)) == ("book", json.loads(RIGHT))
    assert reply.choices[0].finish_reason == "tool_calls"


def test_a_constrained_stream_is_whole_when_it_comes(server: Decoder, client: openai.OpenAI) -> None:
    server.acts = [says(WRONG), says(RIGHT)]
    with client.chat.completions.stream(
        model="ours", messages=MESSAGES, response_format=Ordered, stream_options={"include_usage": True}
    ) as stream:
        reply = stream.get_final_completion()
    assert reply.choices[0].message.parsed == Ordered(item="mug", count=2)
    assert reply.usage is not None
    assert reply.usage.total_tokens == 30


def test_free_text_streams(server: Decoder, client: openai.OpenAI) -> None:
    server.acts = [streams("he", "llo", pause=0.05)]
    pieces = [
        chunk.choices[0].delta.content
        for chunk in client.chat.completions.create(model="ours", messages=MESSAGES, stream=True)
        if chunk.choices and chunk.choices[0].delta.content
    ]
    assert pieces == ["he", "llo"]


def test_half_a_stream_has_no_end(server: Decoder, client: openai.OpenAI) -> None:
    server.acts = [streams("half", reason=None, end=b"")]
    reasons: list[str | None] = []
    with pytest.raises(openai.APIError):
        for chunk in client.chat.completions.create(model="ours", messages=MESSAGES, stream=True):
            reasons += [choice.finish_reason for choice in chunk.choices]
    assert set(reasons) == {None}


def test_a_server_that_is_busy_is_passed_on(server: Decoder, client: openai.OpenAI) -> None:
    server.acts = [refuses(429, headers={"Retry-After": "7"})]
    with pytest.raises(openai.RateLimitError) as raised:
        client.chat.completions.create(model="ours", messages=MESSAGES)
    assert raised.value.response.headers["retry-after"] == "7"


def test_what_is_known_of_the_answer_stands_in_its_block(server: Decoder, client: openai.OpenAI) -> None:
    other = {**json.loads(completion(RIGHT)), "model": "fake-mini"}
    server.acts = [says(WRONG), sends(json.dumps(other).encode())]
    reply = client.chat.completions.parse(
        model="ours", messages=MESSAGES, response_format=Ordered, extra_body={"adhere": {"fields": True}}
    )
    block = reply.choices[0].model_extra["adhere"]  # pyright: ignore[reportOptionalSubscript]
    assert (block["promise"], block["tries"], block["upstream_model"]) == ("kept", 2, "fake-mini")
    assert [leaf["confidence"] for leaf in block["leaves"]] == [None, None]


def test_a_pattern_goes_upstream(server: Decoder, client: openai.OpenAI) -> None:
    server.acts = [says("abc"), says("aaa")]
    reply = client.chat.completions.create(
        model="ours", messages=MESSAGES, extra_body={"structured_outputs": {"regex": "a+"}}
    )
    assert reply.choices[0].message.content == "aaa"
    assert server.requests()[-1]["structured_outputs"] == {"regex": "a+"}


def test_a_server_that_drops_what_it_is_told_is_one_line_and_no_start() -> None:
    server = Decoder()
    server.obeys = set()
    with server.running():
        command = [sys.executable, "-c", MAIN, "serve", "--port", "0", "--upstream", server.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "does not keep to a schema" in line


def test_it_is_ready(url: str) -> None:
    assert httpx2.get(url.removesuffix("/v1") + "/readyz").status_code == 200
