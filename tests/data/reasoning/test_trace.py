"""What is wrong with a trace."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.data.reasoning.trace import Cause, fault
from adhere.records import JSON, Example
from adhere.schema import Schema
from adhere.schema.canonical import spelled

SCHEMA = Schema.of(
    {
        "title": "Invoice",
        "type": "object",
        "properties": {
            "vendor": {"type": "string"},
            "due": {"type": "string", "format": "date"},
            "total": {"type": "number"},
            "currency": {"enum": ["EUR", "USD"]},
            "paid": {"type": "boolean"},
            "type": {"const": "invoice"},
            "note": {"type": ["string", "null"]},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
    }
)
TEXT = "Acme asks for 1,234.50 € by 3 March 2024, that is 2024-03-03. Paid: no. [red, blue]"
TARGET: dict[str, JSON] = {
    "vendor": "Acme",
    "due": "2024-03-03",
    "total": 1234.5,
    "currency": "EUR",
    "paid": False,
    "type": "invoice",
    "note": None,
    "tags": ["red", "blue"],
}
EXAMPLE = Example(id="one", text=TEXT, schema="Invoice", target=TARGET)
GOOD = (
    'The vendor is "Acme". "3 March 2024" is the day it is due, 2024-03-03; "1,234.50" means 1234.5 and "€" '
    'means EUR. It is not paid. The form is always an invoice, no note is given, and the tags are "red" and '
    '"blue".'
)


def cause(trace: str, target: JSON = None, *, text: str = TEXT, longest: int = 6000) -> Cause | None:
    whole = Example(id="one", text=text, schema="Invoice", target=TARGET if target is None else target)
    found = fault(trace, whole, SCHEMA, longest=longest)
    return None if found is None else found.cause


def test_a_good_trace_has_no_fault() -> None:
    assert fault(GOOD, EXAMPLE, SCHEMA) is None


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        pytest.param("", "empty", id="nothing"),
        pytest.param(" \n", "empty", id="blanks"),
        pytest.param(f"{GOOD}</think>", "tags", id="a tag of its own"),
        pytest.param(f"{GOOD} <Answer>", "tags", id="a tag in another case"),
        pytest.param(f"{GOOD} 1 < 2 <b>", None, id="other angle brackets"),
        pytest.param(f"{GOOD} {spelled(TARGET)}", "answer_inside", id="the answer"),
        pytest.param(
            f"{GOOD} {json.dumps(TARGET, indent=2)}", "answer_inside", id="the answer on many lines"
        ),
        pytest.param(
            f"{GOOD}\n```json\n{json.dumps(TARGET)}\n```", "answer_inside", id="the answer in a fence"
        ),
        pytest.param(f"{GOOD} {TARGET}", "answer_inside", id="the answer as Python writes it"),
        pytest.param(f'{GOOD} {{"total": 1234.5, "paid": false}}', "answer_inside", id="two keys of it"),
        pytest.param(
            f'{GOOD} {{"fields": {{"total": 1, "due": ""}}}}', "answer_inside", id="two keys, wrapped"
        ),
        pytest.param(f'{GOOD} {{"total": 1234.5, "due": "2024', "answer_inside", id="JSON that breaks off"),
        pytest.param(f'{GOOD} {{"total": 1234.5}}', None, id="one key of eight"),
        pytest.param(f'{GOOD} {{"sum": 1234.5, "date": 1}}', None, id="other keys"),
        pytest.param(
            f'{GOOD} {{ "total": and "due": stand for fields', "answer_inside", id="begun like JSON"
        ),
        pytest.param(f'{GOOD} {{ that "total": and "due": are fields', None, id="a brace in a sentence"),
        pytest.param(f'{GOOD} ["red", "blue"]', "answer_inside", id="a list of it"),
        pytest.param(f"{GOOD} [red, blue] ] }} [1]", None, id="brackets of the text"),
        pytest.param(GOOD.replace('"Acme"', "theirs"), "unmentioned", id="a name not quoted"),
        pytest.param(GOOD.replace('"Acme"', "ACME"), None, id="a name in another case"),
        pytest.param(GOOD.replace('"Acme"', "Acmen"), "unmentioned", id="a name within a word"),
        pytest.param(GOOD.replace('"3 March 2024"', "this"), None, id="the other place that states it"),
        pytest.param(
            GOOD.replace('"3 March 2024"', "this").replace("2024-03-03", "that"), "unmentioned", id="no date"
        ),
        pytest.param(GOOD.replace('"1,234.50"', "it"), "unmentioned", id="a value without its span"),
        pytest.param(GOOD.replace("1234.5 ", "that "), None, id="a span without the value: it states it"),
        pytest.param(GOOD.replace('"€"', "this"), "unmentioned", id="a currency without its sign"),
        pytest.param(
            GOOD.replace("not paid", "unpaid").replace("no note", "one"),
            "unmentioned",
            id="neither yes nor no",
        ),
        pytest.param(GOOD.replace("is not paid", "has paid: false"), None, id="a yes or no spelled out"),
        pytest.param(GOOD.replace("an invoice", "so"), "unmentioned", id="what the schema fixes"),
        pytest.param(GOOD.replace('"blue"', "more"), "unmentioned", id="an item of a list"),
        pytest.param(GOOD.replace("no note is given", "so"), None, id="null need not be mentioned"),
    ],
)
def test_a_trace_quotes_all_it_needs_and_gives_nothing_away(trace: str, expected: Cause | None) -> None:
    assert cause(trace) == expected


def test_a_trace_may_be_as_long_as_is_allowed() -> None:
    assert cause(GOOD, longest=len(GOOD)) is None
    assert cause(GOOD, longest=len(GOOD) - 1) == "too_long"


@pytest.mark.parametrize(
    ("trace", "target", "expected"),
    [
        pytest.param('{"total": 7}', {"total": 7}, "answer_inside", id="an answer of one key"),
        pytest.param("It is 7.", {"total": 7}, None, id="a value that the text does not state, given"),
        pytest.param("It is more.", {"total": 7}, "unmentioned", id="a value that the text does not state"),
        pytest.param("By 1 May 2030.", {"due": "2030-05-01"}, None, id="a date in another spelling"),
        pytest.param("A Foo.", {"vendor": "Foo"}, None, id="a name the text does not have"),
        pytest.param("Nothing.", {"vendor": "", "tags": [], "note": None}, None, id="nothing to mention"),
    ],
)
def test_what_the_text_does_not_state_is_to_be_given(
    trace: str, target: JSON, expected: Cause | None
) -> None:
    assert cause(trace, target) == expected


def test_a_long_stretch_may_be_quoted_by_its_ends() -> None:
    words = " ".join(f"word{number}" for number in range(100))
    target: JSON = {"vendor": words}
    assert cause(f"It runs from {words[:60]} to {words[-60:]}.", target, text=words) is None
    assert cause(f"It runs from {words[:60]}.", target, text=words) == "unmentioned"


@pytest.mark.parametrize(
    ("target", "trace", "expected"),
    [
        pytest.param([1, 2], "Here [1, 2]", "answer_inside", id="the whole answer is a list"),
        pytest.param([1], "Here [1]", "answer_inside", id="of one item"),
        pytest.param([1, 2], "Here 1, 2", None, id="its items in words"),
        pytest.param(5, "Here 5", None, id="a number has no JSON form of its own"),
    ],
)
def test_an_answer_need_not_be_an_object(target: JSON, trace: str, expected: Cause | None) -> None:
    schema = Schema.of({"type": ["array", "integer"], "items": {"type": "integer"}})
    example = Example(id="one", text="1, 2 or 5", schema="numbers", target=target)
    found = fault(trace, example, schema)
    assert (None if found is None else found.cause) == expected


def test_a_fault_says_what_to_mend() -> None:
    said = fault(GOOD.replace('"1,234.50"', "it"), EXAMPLE, SCHEMA)
    assert said is not None
    assert said.detail == 'it does not quote what /total comes from, "1,234.50"'


@given(st.text(alphabet='{}[]":, abtotaldue', max_size=300))
def test_no_trace_raises(trace: str) -> None:
    cause(trace)
