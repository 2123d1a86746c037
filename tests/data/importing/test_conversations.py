"""Conversations of every form give a text and an answer."""

from pathlib import Path

import pytest

from adhere.data.importing.carried import Carried, carried
from adhere.data.importing.conversations import Said, said
from adhere.data.store import Row
from adhere.errors import DataError
from adhere.records import JSON

ANSWER = '{"item": "mug", "count": 2}'
FUNCTION: JSON = {"name": "order", "parameters": {"type": "object"}}


def says(role: str, content: JSON, **more: JSON) -> JSON:
    return {"role": role, "content": content, **more}


def calls(*functions: tuple[str, JSON]) -> JSON:
    listed: list[JSON] = [
        {"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}}
        for name, arguments in functions
    ]
    return {"role": "assistant", "content": None, "tool_calls": listed}


def row(**columns: JSON) -> Row:
    return Row(Path("rows.jsonl"), 7, columns)


ASKED, ANSWERED = says("user", "Two mugs."), says("assistant", ANSWER)


@pytest.mark.parametrize(
    ("columns", "answer", "called"),
    [
        pytest.param({"messages": [ASKED, ANSWERED]}, ANSWER, None, id="an answer"),
        pytest.param({"messages": [ASKED, calls(("order", ANSWER))]}, ANSWER, "order", id="a call of a tool"),
        pytest.param(
            {
                "messages": [
                    ASKED,
                    says("assistant", None, function_call={"name": "order", "arguments": ANSWER}),
                ]
            },
            ANSWER,
            "order",
            id="a call of a function, as it was written before tools",
        ),
        pytest.param(
            {
                "messages": [
                    ASKED,
                    says("assistant", ANSWER, tool_calls=None, function_call=None, weight=None),
                ]
            },
            ANSWER,
            None,
            id="nothing called, as Parquet writes it",
        ),
        pytest.param(
            {"messages": [ASKED, says("assistant", ANSWER, weight=1)]},
            ANSWER,
            None,
            id="an answer of weight 1",
        ),
        pytest.param(
            {"messages": [ASKED, says("assistant", ANSWER, weight=0)]}, None, None, id="an answer of weight 0"
        ),
        pytest.param(
            {"prompt": [ASKED], "chosen": [ANSWERED], "rejected": [says("assistant", "{}")]},
            ANSWER,
            None,
            id="a preference",
        ),
        pytest.param(
            {"prompt": "Two mugs.", "chosen": ANSWER, "rejected": "{}"},
            ANSWER,
            None,
            id="a preference of texts",
        ),
        pytest.param(
            {"chosen": [ASKED, ANSWERED], "rejected": [ASKED, says("assistant", "{}")]},
            ANSWER,
            None,
            id="a preference with its prompt in it",
        ),
        pytest.param(
            {
                "input": {"messages": [ASKED], "tools": []},
                "preferred_output": [ANSWERED],
                "non_preferred_output": [says("assistant", "{}")],
            },
            ANSWER,
            None,
            id="a preference as OpenAI has them",
        ),
    ],
)
def test_an_answer_is_found_in_every_form(columns: dict[str, JSON], answer: JSON, called: str | None) -> None:
    found = said(row(**columns), "text")
    assert (found.text, found.answer, found.called) == ("Two mugs.", answer, called)


def test_a_call_before_its_result_is_the_answer() -> None:
    turns: list[JSON] = [ASKED, calls(("order", ANSWER)), says("tool", "done"), says("assistant", "I did.")]
    found = said(row(messages=turns), "text")
    assert found.answer == ANSWER
    assert found.around == {"turns": [says("tool", "done"), says("assistant", "I did.")]}


def test_an_earlier_question_counts_where_the_last_answer_has_no_weight() -> None:
    turns: list[JSON] = [ASKED, ANSWERED, says("user", "Thanks."), says("assistant", "Welcome.", weight=0)]
    found = said(row(messages=turns), "text")
    assert (found.text, found.answer) == ("Two mugs.", ANSWER)


@pytest.mark.parametrize("role", ["system", "developer"])
def test_instructions_go_around(role: str) -> None:
    found = said(row(messages=[says(role, "Extract."), ASKED]), "text")
    assert found == Said(text="Two mugs.", around={"system": "Extract."}, columns=("messages",))


@pytest.mark.parametrize(
    ("turn", "message"),
    [
        pytest.param(
            calls(("a", "{}"), ("b", "{}")), "calls 2 functions, and a target is one value", id="two"
        ),
        pytest.param(
            says("assistant", None, function_call="order"), "without name or arguments", id="no call"
        ),
        pytest.param(
            says("assistant", None, tool_calls=[{"function": {"name": "order"}}]),
            "without name or arguments",
            id="no arguments",
        ),
    ],
)
def test_what_is_no_one_call_is_an_error(turn: JSON, message: str) -> None:
    with pytest.raises(DataError, match=rf"rows.jsonl:7 messages = .*{message}"):
        said(row(messages=[ASKED, turn]), "text")


@pytest.mark.parametrize(
    ("columns", "called", "expected"),
    [
        pytest.param(
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "order", "schema": {"type": "object"}, "strict": True},
                }
            },
            None,
            "order",
            id="a response format",
        ),
        pytest.param(
            {"response_format": {"type": "json_schema", "name": "order", "schema": {"type": "object"}}},
            None,
            "order",
            id="a response format written flat",
        ),
        pytest.param(
            {"response_format": {"type": "json_object"}}, None, None, id="a format without a schema"
        ),
        pytest.param({"tools": [{"type": "function", "function": FUNCTION}]}, "order", "order", id="a tool"),
        pytest.param(
            {"tools": [{"type": "function", "function": FUNCTION}]}, None, "order", id="the only tool"
        ),
        pytest.param({"functions": [FUNCTION]}, "order", "order", id="a function"),
        pytest.param({"functions": [FUNCTION, {**FUNCTION, "name": "b"}]}, None, None, id="which of two?"),  # pyright: ignore[reportGeneralTypeIssues]
        pytest.param({"functions": [FUNCTION]}, "other", None, id="a function that is not there"),
        pytest.param(
            {"tools": [5, {"type": "web_search"}], "functions": None}, None, None, id="no functions"
        ),
    ],
)
def test_a_row_may_bring_its_schema(
    columns: dict[str, JSON], called: str | None, expected: str | None
) -> None:
    brought = carried(row(**columns), called)
    assert brought == (None if expected is None else Carried(expected, {"type": "object"}))
