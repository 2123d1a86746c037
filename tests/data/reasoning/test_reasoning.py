"""What is told of how a target is read from its text."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere import prompt
from adhere.data.reasoning.reasoning import LONGEST_QUOTE, Unexplained, ends, reasoning
from adhere.data.reasoning.trace import fault
from adhere.records import JSON, Example
from adhere.reward.thinkjson import format_reward, json_reward
from adhere.schema import Schema

INVOICE: dict[str, JSON] = {
    "title": "Invoice",
    "type": "object",
    "properties": {
        "vendor": {"type": "string"},
        "due_date": {"type": "string", "format": "date"},
        "total": {"type": "number"},
        "currency": {"enum": ["EUR", "USD"]},
        "status": {"enum": ["in_progress", "done"]},
        "paid": {"type": "boolean"},
        "type": {"const": "invoice"},
        "nothing": {"type": "null"},
        "po_number": {"type": ["string", "null"]},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "count": {"type": "integer"},
                    "note": {"type": ["string", "null"]},
                },
            },
        },
        "tags": {"type": "array", "items": {"type": ["string", "null"]}},
        "buyer": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        "extra": {"type": "object"},
    },
}
PAGE = (Path(__file__).parents[3] / "docs" / "reasoning.md").read_text(encoding="utf-8")
PLAIN = "cg"
"""An id whose wording has no opener, a line for each sentence, and colons."""


def invoice(text: str, target: JSON, *, id: str = PLAIN) -> Example:
    return Example(id=id, text=text, schema="Invoice", target=target)


def open_schema(example: Example) -> Schema:
    """Return the schema without what it requires, so that a test may leave out what it is not about."""
    assert isinstance(example.target, dict)
    properties = INVOICE["properties"]
    assert isinstance(properties, dict)
    named: dict[str, JSON] = {key: properties[key] for key in example.target}
    return Schema.of({"type": "object", "properties": named, "required": list(named)})


def told(text: str, target: JSON, **meta: JSON) -> str | Unexplained:
    example = replace(invoice(text, target), meta=meta)
    return reasoning(example, open_schema(example))


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        pytest.param("From Acme.", {"vendor": "Acme"}, 'Vendor: "Acme".', id="as it stands"),
        pytest.param("From ACME.", {"vendor": "Acme"}, 'Vendor: "ACME" is written Acme.', id="another case"),
        pytest.param(
            "Due 3 March 2024.",
            {"due_date": "2024-03-03"},
            'Due date: "3 March 2024" is 2024-03-03.',
            id="date",
        ),
        pytest.param("In all 1,234.50.", {"total": 1234.5}, 'Total: "1,234.50" is 1234.5.', id="number"),
        pytest.param("In all 20 €.", {"currency": "EUR"}, 'Currency: "€" means EUR.', id="sign"),
        pytest.param(
            "It is in progress.",
            {"status": "in_progress"},
            'Status: "in progress" is the option in_progress.',
            id="option",
        ),
        pytest.param("Paid: yes", {"paid": True}, 'Paid: "yes" means true.', id="yes"),
        pytest.param("A thing.", {"type": "invoice"}, "Type is always invoice.", id="fixed by the schema"),
        pytest.param(
            "A thing.",
            {"type": "invoice", "nothing": None},
            "Type is always invoice, nothing null.",
            id="several fixed",
        ),
        pytest.param("A thing.", {"nothing": None}, "Nothing is always null.", id="null by the schema"),
        pytest.param(
            "A thing.", {"po_number": None}, "The text gives no po number, so it is null.", id="null"
        ),
        pytest.param(
            "PO Number: n/a\nDone.",
            {"po_number": None},
            '"PO Number: n/a" says that there is no po number, so it is null.',
            id="said to be nothing",
        ),
        pytest.param(
            "A thing.",
            {"tags": [], "extra": {}, "vendor": ""},
            "The text gives no tags, extra or vendor, so they are empty.",
            id="empty",
        ),
        pytest.param(
            "Red and blue.", {"tags": ["red", "blue", None, ""]},
            'Tags has 4 entries: "Red" is written red, "blue", null, empty.',
            id="a list",
        ),
        pytest.param(
            "2 of mug, 3 of CUP",
            {"items": [{"name": "mug", "count": 2}, {"name": "cup", "note": None}]},
            "Items has 2 entries.\n"
            'Items 1: name "mug", count "2", no note.\n'
            'Items 2: name "CUP" is written cup, no note (null), no count.',
            id="rows, each with what it lacks",
        ),
        pytest.param("A cup", {"items": [{}]}, "Items has 1 entry: empty.", id="an empty row"),
        pytest.param("In Bonn.", {"buyer": {"city": "Bonn"}}, 'Buyer: city "Bonn".', id="an object"),
        pytest.param(
            "Due 3 May 2024, sent 1 May 2024 and 2 May 2024, seen 4 May 2024.",
            {"due_date": "2024-05-03"},
            'Due date: "3 May 2024" is 2024-05-03.\n'
            '"1 May 2024" is another date, which answers no field.\n'
            '"2 May 2024" is another date, which answers no field.',
            id="two dates that are not asked for",
        ),
    ],
)  # fmt: skip
def test_a_leaf_is_told_with_its_words_and_what_they_mean(text: str, target: JSON, expected: str) -> None:
    assert told(text, target) == expected


def test_the_example_of_the_page_is_what_is_told() -> None:
    text, target, trace = re.findall(r"```(?:text|json)\n(.*?)\n```", PAGE, re.DOTALL)[:3]
    fields: dict[str, JSON] = {
        "vendor": {"type": "string"},
        "issued": {"type": "string", "format": "date"},
        "due": {"type": "string", "format": "date"},
        "total": {"type": "number"},
        "currency": {"enum": ["EUR", "USD"]},
        "status": {"enum": ["in_progress", "done"]},
        "paid": {"type": "boolean"},
        "po_number": {"type": ["string", "null"]},
        "lines": {"items": {"properties": {"item": {"type": "string"}, "count": {"type": "integer"}}}},
        "kind": {"const": "invoice"},
    }
    schema = Schema.of({"properties": fields, "required": ["po_number"]})
    example = Example(id=PLAIN, text=text, schema="Invoice", target=json.loads(target))
    assert reasoning(example, schema) == trace


@pytest.mark.parametrize(
    ("surface", "value", "said"),
    re.findall(r"^\| `(.*?)` \| `(.*?)` \| `(.*?)` \|$", PAGE, re.MULTILINE),
)
def test_the_table_of_the_page_is_what_is_told(surface: str, value: str, said: str) -> None:
    options: JSON = ["in_progress", "done"] if "_" in value else None
    schema = Schema.of({"properties": {"it": {"enum": options} if options else {}}})
    meta: dict[str, JSON] = {"spans": {"/it": [0, len(surface)]}}
    example = Example(id=PLAIN, text=surface, schema="s", target={"it": json.loads(value)}, meta=meta)
    assert reasoning(example, schema) == f"It: {said}."


def test_keys_that_are_not_required_are_told_to_be_left_out() -> None:
    schema = Schema.of({"properties": {"a": {"type": "string"}, "b": {}, "c": {}}})
    example = Example(id=PLAIN, text="A mug.", schema="s", target={"a": "mug"})
    assert reasoning(example, schema) == 'A: "mug".\nThe text gives no b or c, so they are left out.'


def test_other_dates_are_not_looked_for_where_there_are_no_distractors() -> None:
    text = "Due 3 May 2024, sent 1 May 2024."
    assert told(text, {"due_date": "2024-05-03"}, distractors=0) == 'Due date: "3 May 2024" is 2024-05-03.'


@pytest.mark.parametrize(
    ("schema", "target", "text", "expected"),
    [
        pytest.param({"type": "string"}, "mug", "A mug", 'Answer: "mug".', id="a word"),
        pytest.param(
            {"items": {"type": "integer"}},
            [2, 3],
            "2 and 3",
            'The answer has 2 entries: "2", "3".',
            id="a list",
        ),
        pytest.param(
            {"items": {"const": 1}}, [1], "One", "The answer has 1 entry: always 1.", id="what is fixed"
        ),
        pytest.param(
            {"items": {"properties": {"a": {}}}},
            [{"a": "mug"}],
            "A mug",
            'The answer has 1 entry.\n1: a "mug".',
            id="rows",
        ),
    ],
)
def test_an_answer_need_not_be_an_object(
    schema: dict[str, JSON], target: JSON, text: str, expected: str
) -> None:
    example = Example(id=PLAIN, text=text, schema="s", target=target)
    assert reasoning(example, Schema.of(schema)) == expected


def test_leaves_that_the_text_does_not_state_are_named() -> None:
    target: JSON = {"vendor": "Acme", "total": 3, "tags": ["red", "blue"]}
    assert told("Acme sent blue.", target) == Unexplained(("/total", "/tags/0"))


def test_the_id_decides_the_wording() -> None:
    def traces(ids: list[str]) -> list[str | Unexplained]:
        examples = [invoice("From Acme, 1,200.", {"vendor": "Acme", "total": 1200}, id=id) for id in ids]
        return [reasoning(example, open_schema(example)) for example in examples]

    ids = [f"row-{number}" for number in range(60)]
    assert traces(ids) == traces(ids)
    assert len(set(traces(ids))) > 15  # 4 wordings × 5 openers, on one line or two


def test_a_flag_reads_as_english_in_every_wording() -> None:
    for number in range(40):
        example = invoice("Paid: yes", {"paid": True}, id=str(number))
        assert str(reasoning(example, open_schema(example))).endswith('Paid: "yes" means true.')


def test_a_long_stretch_is_quoted_by_its_ends() -> None:
    words = " ".join(f"word{number}" for number in range(100))
    trace = told(f"Vendor: {words}", {"vendor": words})
    assert trace == f'Vendor: "{" … ".join(ends(words))}".'
    assert len(str(trace)) < LONGEST_QUOTE
    assert all(part in words for part in ends(words))


@pytest.mark.parametrize(
    ("surface", "parts"),
    [
        pytest.param("x" * 200, ("x" * 200,), id="whole"),
        pytest.param("x" * 201, ("x" * 60, "x" * 60), id="without blanks, cut anywhere"),
        pytest.param("a " * 100 + "b", (" ".join("a" * 29), " ".join("a" * 28) + " b"), id="at blanks"),
        pytest.param(
            "ab" * 25 + " " + "c" * 150 + " " + "de" * 25, ("ab" * 25, "de" * 25), id="within words"
        ),
    ],
)
def test_ends_break_off_at_blanks(surface: str, parts: tuple[str, ...]) -> None:
    assert ends(surface) == parts


def test_a_row_with_a_trace_keeps_to_the_form_of_the_paper() -> None:
    target: JSON = {"vendor": "Acme", "total": 1200}
    example = invoice("From Acme, 1,200.", target)
    schema = open_schema(example)
    trace = reasoning(example, schema)
    assert isinstance(trace, str)
    whole = Example(id="one", text=example.text, schema="Invoice", target=target, reasoning=trace)
    completion = prompt.answer(whole, schema, form="think")
    assert completion == f'<think>{trace}</think>\n<answer>{{"vendor":"Acme","total":1200}}</answer>'
    assert format_reward(completion) == 1.0
    assert json_reward(completion, target, length="characters") == 1.0


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="<"), min_size=1, max_size=20)


@settings(max_examples=40)
@given(
    vendor=WORDS,
    total=st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)),
    tags=st.lists(WORDS, max_size=3),
    id=st.text(),
)
def test_what_is_told_passes_the_check(vendor: str, total: float, tags: list[str], id: str) -> None:
    target: JSON = {"vendor": vendor, "total": total, "tags": list(tags)}
    example = invoice(f"{vendor} | {total} | {' | '.join(tags)}", target, id=id)
    schema = open_schema(example)
    trace = reasoning(example, schema)
    if isinstance(trace, str):
        found = fault(trace, example, schema)
        assert found is None or found.cause == "answer_inside"
