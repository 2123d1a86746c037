"""What is heard of a server's replies, whole or in pieces."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.records import JSON
from adhere.serve.order import Token
from adhere.serve.said import Said

NAMES = (
    *("choices", "message", "delta", "content", "text", "usage", "prompt_tokens", "model", "finish_reason"),
    *("tool_calls", "index", "function", "name", "arguments", "logprobs", "tokens", "token_logprobs"),
    "top_logprobs",
)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


def heard(*replies: JSON) -> Said:
    said = Said()
    for reply in replies:
        said.hear(reply)
    return said


def test_a_whole_reply_is_heard() -> None:
    said = heard(
        {
            "model": "m",
            "choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}],
            "usage": {
                "prompt_tokens": 7,
                "completion_tokens": 2,
                "prompt_tokens_details": {"cached_tokens": 4},
            },
        }
    )
    assert (said.text, said.ended, said.reason, said.model, said.is_reply) == (
        "hello",
        "stop",
        "stop",
        "m",
        True,
    )
    assert (said.prompt_tokens, said.cached_tokens, said.written_tokens) == (7, 4, 2)


def test_pieces_make_a_whole() -> None:
    said = heard(
        {"choices": [{"delta": {"role": "assistant", "content": ""}}], "model": "m"},
        {"choices": [{"delta": {"content": "hel"}, "finish_reason": None}]},
        {"choices": [{"delta": {"content": "lo"}}], "usage": None},
        {"choices": [{"delta": {}, "finish_reason": "length"}]},
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
    )
    assert (said.text, said.reason, said.model) == ("hello", "length", "m")
    assert (said.prompt_tokens, said.written_tokens) == (3, 2)


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        ("stop", "stop"),
        ("tool_calls", "stop"),
        ("function_call", "stop"),
        ("length", "length"),
        ("content_filter", None),
        ("abort", None),
        ("", None),
    ],
)
def test_only_a_known_end_makes_a_reply_whole(ended: str, reason: str | None) -> None:
    said = heard({"choices": [{"message": {"content": "x"}, "finish_reason": ended}]})
    assert said.reason == reason


def test_calls_are_heard_whole_and_in_pieces() -> None:
    whole: JSON = {"function": {"name": "book", "arguments": '{"a":1}'}, "id": "1", "type": "function"}
    said = heard({"choices": [{"message": {"content": None, "tool_calls": [whole, whole]}}]})
    assert said.calls == [("book", '{"a":1}')] * 2
    pieces: list[JSON] = [
        {"index": 0, "function": {"name": "book", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"a"'}},
        {"index": 0, "function": {"arguments": ":1}"}},
    ]
    said = Said()
    for piece in pieces:
        said.hear({"choices": [{"delta": {"tool_calls": [piece]}}]})
    assert said.calls == [("book", '{"a":1}')]


def test_tokens_of_a_chat_and_of_a_completion_are_heard() -> None:
    chat: JSON = {
        "content": [
            {
                "token": "a",
                "logprob": -0.5,
                "top_logprobs": [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": -1}],
            }
        ]
    }
    completion: JSON = {"tokens": ["a"], "token_logprobs": [-0.5], "top_logprobs": [{"b": -1.0, "a": -0.5}]}
    expected = [Token(text="a", logprob=-0.5, alternatives=(("a", -0.5), ("b", -1.0)))]
    assert heard({"choices": [{"message": {"content": "a"}, "logprobs": chat}]}).tokens == expected
    assert heard({"choices": [{"text": "a", "logprobs": completion}]}).tokens == expected
    half: JSON = {
        "content": [
            {"token": "\ufffd", "logprob": -1, "bytes": [195]},
            {"token": "a", "logprob": -1, "bytes": [97]},
        ]
    }
    raw = [token.raw for token in heard({"choices": [{"message": {}, "logprobs": half}]}).tokens]
    assert raw == [b"\xc3", b""], "where the text does not say it"
    uneven: JSON = {"tokens": ["a"], "token_logprobs": []}
    assert heard({"choices": [{"text": "a", "logprobs": uneven}]}).tokens == []


@settings(max_examples=60)
@given(st.lists(ANY, max_size=3))
def test_nothing_that_a_server_sends_raises(replies: list[JSON]) -> None:
    said = heard(*replies)
    assert said.reason in ("stop", "length", None)
    assert isinstance(said.text, str)
