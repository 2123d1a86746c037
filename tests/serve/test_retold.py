"""What a model is told in turns, and how its answers are freed of what stands around them."""

import pytest

from adhere.records import JSON
from adhere.schema import Schema
from adhere.serve.order import AnyObject, AnyText, Calling, Matching, Obeying, OneOf, Spelled, Tool, Wanted
from adhere.serve.retold import amended, explained, unwrapped

SCHEMA = Schema.of({"type": "object", "title": "order"})
TOOL = Tool(name="book", description="Book it.", parameters=SCHEMA)
USER: dict[str, JSON] = {"role": "user", "content": "hello"}


def test_a_bad_reply_and_each_fault_are_told() -> None:
    reply, said = amended("x" * 9_000, ("/count: no number", "/item: missing"))
    assert reply == {"role": "assistant", "content": "x" * 8_000 + "…"}
    assert said == {
        "role": "user",
        "content": "That breaks what was asked for:\n- /count: no number\n- /item: missing\n"
        "Write the whole answer again, without these faults.",
    }
    assert amended("short", ("/: wrong",))[0]["content"] == "short"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        pytest.param(AnyObject(), "one JSON object", id="an object"),
        pytest.param(Obeying(schema=SCHEMA), SCHEMA.canonical, id="a schema"),
        pytest.param(Matching("[a-z]+"), "[a-z]+", id="a pattern"),
        pytest.param(OneOf(("yes", "no")), "yes\nno", id="a choice"),
        pytest.param(Spelled("start: /a/"), "start: /a/", id="a grammar"),
        pytest.param(Calling(tools=(TOOL,)), '"description":"Book it."', id="a tool"),
        pytest.param(Calling(tools=(TOOL,), must=False), "Answer with text, or with JSON", id="or text"),
    ],
)
def test_what_is_wanted_is_told_first(wanted: Wanted, said: str) -> None:
    first, second = explained([USER], wanted)
    assert first["role"] == "system"
    assert said in str(first["content"])
    assert second == USER
    assert explained([first, USER], wanted)[0]["content"] == f"{first['content']}\n\n{first['content']}"


def test_free_text_needs_no_words() -> None:
    assert explained([USER], AnyText()) == [USER]


@pytest.mark.parametrize(
    ("wanted", "text", "answer"),
    [
        pytest.param(AnyText(), " hello ", " hello ", id="free text stays"),
        pytest.param(Calling(tools=(TOOL,), must=False), " hi ", " hi ", id="and where a call need not be"),
        pytest.param(Obeying(schema=SCHEMA), ' {"a": 1}\n', '{"a": 1}', id="white space"),
        pytest.param(AnyObject(), 'Sure:\n```json\n{"a": 1}\n```\n', '{"a": 1}', id="a fence"),
        pytest.param(AnyObject(), '<think>{}</think>{"a": 1}', '{"a": 1}', id="a thought"),
        pytest.param(Calling(tools=(TOOL,)), 'I call {"name": 1}.', '{"name": 1}', id="a sentence"),
        pytest.param(AnyObject(), "no", "no", id="no JSON at all"),
        pytest.param(AnyObject(), 'Sure: {"a": ', 'Sure: {"a":', id="JSON that breaks off"),
        pytest.param(OneOf(("yes",)), "<think>x</think>\nyes\n", "yes", id="a choice after a thought"),
        pytest.param(Matching("a"), " a ", "a", id="a pattern"),
    ],
)
def test_what_stands_around_an_answer_is_left_out(wanted: Wanted, text: str, answer: str) -> None:
    assert unwrapped(text, wanted) == answer
