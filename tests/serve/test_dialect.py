"""What each kind of server is told, field by field."""

import pytest

from adhere.config.remote import Dialect
from adhere.records import JSON
from adhere.schema import Schema
from adhere.serve.dialect import asked_by, fields
from adhere.serve.order import AnyObject, AnyText, Calling, Matching, Obeying, OneOf, Spelled, Tool, Wanted

SOURCE: dict[str, JSON] = {"type": "object", "properties": {"item": {"type": "string"}}}
SCHEMA = Schema.of(SOURCE, name="an order")
BOOK = Tool(name="book", description="Book it.", parameters=SCHEMA)
SELL = Tool(name="sell", description="", parameters=SCHEMA)
BOOKING = {"name": "book", "description": "Book it.", "parameters": SOURCE}
SELLING = {"name": "sell", "description": "", "parameters": SOURCE}


@pytest.mark.parametrize(
    ("dialect", "wanted", "said"),
    [
        pytest.param(
            "openai",
            Obeying(schema=SCHEMA),
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "an_order", "schema": SOURCE, "strict": True},
                }
            },
            id="openai: a schema",
        ),
        pytest.param("openai", AnyObject(), {"response_format": {"type": "json_object"}}, id="openai: JSON"),
        pytest.param(
            "vllm", Obeying(schema=SCHEMA), {"structured_outputs": {"json": SOURCE}}, id="vllm: json"
        ),
        pytest.param(
            "vllm", AnyObject(), {"structured_outputs": {"json_object": True}}, id="vllm: an object"
        ),
        pytest.param("vllm", Matching("a+"), {"structured_outputs": {"regex": "a+"}}, id="vllm: regex"),
        pytest.param(
            "vllm", OneOf(("a", "b")), {"structured_outputs": {"choice": ["a", "b"]}}, id="vllm: choice"
        ),
        pytest.param(
            "vllm",
            Spelled("start: /a/"),
            {"structured_outputs": {"grammar": "start: /a/"}},
            id="vllm: grammar",
        ),
        pytest.param("llamacpp", Obeying(schema=SCHEMA), {"json_schema": SOURCE}, id="llamacpp: a schema"),
        pytest.param(
            "llamacpp", AnyObject(), {"response_format": {"type": "json_object"}}, id="llamacpp: JSON"
        ),
        pytest.param(
            "llamacpp",
            OneOf(("yes", 'a "b"\n', "ä")),
            {"grammar": r'root ::= "yes" | "a \U00000022b\U00000022\U0000000A" | "\U000000E4"'},
            id="llamacpp: a choice is a grammar",
        ),
        pytest.param(
            "vllm",
            Calling(tools=(BOOK,)),
            {
                "tools": [{"type": "function", "function": BOOKING}],
                "tool_choice": {"type": "function", "function": {"name": "book"}},
                "parallel_tool_calls": False,
            },
            id="the only tool is named",
        ),
        pytest.param(
            "openai",
            Calling(tools=(BOOK, SELL)),
            {
                "tools": [
                    {"type": "function", "function": {**BOOKING, "strict": True}},
                    {"type": "function", "function": {**SELLING, "strict": True}},
                ],
                "tool_choice": "required",
                "parallel_tool_calls": False,
            },
            id="openai: one of several tools, strictly",
        ),
        pytest.param(
            "llamacpp",
            Calling(tools=(BOOK,), must=False),
            {
                "tools": [{"type": "function", "function": BOOKING}],
                "tool_choice": "auto",
                "parallel_tool_calls": False,
            },
            id="a call that may be text instead",
        ),
        pytest.param("none", AnyText(), {}, id="free text needs no words"),
    ],
)
def test_a_server_is_told_in_its_own_words(dialect: Dialect, wanted: Wanted, said: dict[str, JSON]) -> None:
    assert fields(dialect, wanted) == said


@pytest.mark.parametrize(
    ("dialect", "wanted", "field"),
    [
        pytest.param("openai", Matching("a+"), "structured_outputs.regex", id="openai knows no pattern"),
        pytest.param("openai", OneOf(("a",)), "structured_outputs.choice", id="openai knows no choice"),
        pytest.param("openai", Spelled("start: /a/"), "structured_outputs.grammar", id="openai: no grammar"),
        pytest.param("llamacpp", Matching("a+"), "structured_outputs.regex", id="llamacpp knows no pattern"),
        pytest.param(
            "llamacpp", Spelled("start: /a/"), "structured_outputs.grammar", id="not Lark's grammar"
        ),
        pytest.param("none", AnyObject(), "response_format", id="none: no JSON"),
        pytest.param("none", Obeying(schema=SCHEMA), "response_format", id="none: no schema"),
        pytest.param("none", Calling(tools=(BOOK,)), "tools", id="none: no tools"),
    ],
)
def test_what_a_dialect_has_no_words_for_is_told_by_its_field(
    dialect: Dialect, wanted: Wanted, field: str
) -> None:
    assert fields(dialect, wanted) is None
    assert asked_by(wanted) == field
