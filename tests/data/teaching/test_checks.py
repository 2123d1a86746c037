import json
import re

import pytest

from adhere.data.teaching.checks import (
    LONGEST,
    DocumentKind,
    Fault,
    Reason,
    Written,
    data_in,
    document_kind_in,
    example_in,
    wording,
)
from adhere.records import JSON, Example
from adhere.schema import Schema
from adhere.schema.canonical import spelled

ORDER = Schema.of(
    {
        "title": "Order",
        "type": "object",
        "properties": {
            "item": {"type": "string"},
            "count": {"type": "integer"},
            "due": {"type": "string", "format": "date"},
            "gift": {"type": "boolean"},
            "note": {"type": ["string", "null"]},
            "unit": {"const": "pcs"},
        },
        "required": ["item", "count"],
        "additionalProperties": False,
    }
)
MUG: dict[str, JSON] = {"item": "blue mug", "count": 12}


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param('{"item": "blue mug", "count": 12}', id="alone"),
        pytest.param('\n {"count": 12, "item": "blue mug"}\n', id="keys in another order"),
        pytest.param('```json\n{"item": "blue mug", "count": 12}\n```', id="fenced"),
        pytest.param(
            'Here it is:\n```\n{"item": "blue mug", "count": 12}\n```\nFine?', id="fenced, with words"
        ),
        pytest.param('Sure! {"item": "blue mug", "count": 12} Is it well?', id="in words"),
        pytest.param('<think>{"item": 1}? No.</think>{"item": "blue mug", "count": 12}', id="thought about"),
        pytest.param(
            'so {"a": 1}.</think>\n{"item": "blue mug", "count": 12}', id="thought begun in the prompt"
        ),
    ],
)
def test_data_are_found_in_a_reply(reply: str) -> None:
    assert data_in(reply, ORDER) == Written(MUG)
    assert list(json.loads(spelled(MUG))) == ["item", "count"]


@pytest.mark.parametrize(
    ("reply", "reason", "detail"),
    [
        pytest.param("", "not_json", "there is none", id="nothing"),
        pytest.param("I am sorry.", "not_json", "not one JSON value", id="words"),
        pytest.param('{"item": "mug", "count": 1', "not_json", "at character", id="broken off"),
        pytest.param(
            '{"item": "mug", "count": 1, "count": 2}',
            "not_json",
            "key 'count' stands twice",
            id="a key twice",
        ),
        pytest.param('{"item": "mug", "count": NaN}', "not_json", "NaN", id="NaN"),
        pytest.param("[1]", "breaks_schema", "the whole: ", id="no object"),
        pytest.param('{"item": "mug"}', "breaks_schema", "count", id="a key is missing"),
        pytest.param(
            '{"item": 1, "count": "x"}', "breaks_schema", "/item: .*; /count: ", id="both are named"
        ),
    ],
)
def test_data_that_cannot_be_used_have_a_reason(reply: str, reason: Reason, detail: str) -> None:
    found = data_in(reply, ORDER)
    assert isinstance(found, Fault)
    assert found.reason == reason
    assert re.search(detail, found.detail)


def test_no_more_faults_are_named_than_can_be_read() -> None:
    many = Schema.of({"type": "array", "items": {"type": "string"}})
    found = data_in(json.dumps([1] * 50), many)
    assert isinstance(found, Fault)
    assert found.detail.endswith("; and 38 more")  # 50 less the 12 that are named


def closed(**properties: JSON) -> JSON:
    names: list[JSON] = [*properties]
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}


def node(level: int, called: str, **more: JSON) -> dict[str, JSON]:
    return {"id": "1", "title": "T", "level": level, "level_type": called, **more}


LOOSE: dict[str, JSON] = {
    "title": "Log",
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "title": {"type": "string"},
        "level": {"type": "integer"},
        "level_type": {"type": "string"},
    },
}


def kind(schema: JSON, data: JSON) -> str:
    return spelled({"schema": schema, "data": data})


def test_a_kind_of_document_is_its_schema_and_the_data_of_one() -> None:
    deep = node(3, "DETAIL_3")
    data = node(
        0,
        "ROOT",
        children=[node(1, "SECTION", children=[node(2, "SUBSECTION", children=[deep])]), node(1, "SECTION")],
    )
    found = document_kind_in(kind(LOOSE, data))
    assert isinstance(found, DocumentKind)
    assert (found.schema.name, found.data) == ("Log", Written(data))


@pytest.mark.parametrize(
    ("reply", "reason", "detail"),
    [
        pytest.param("no", "not_json", "not one JSON value", id="words"),
        pytest.param("[]", "not_json", '"schema" and "data"', id="a list"),
        pytest.param('{"schema": {}}', "not_json", '"schema" and "data"', id="no data"),
        pytest.param(
            kind({**LOOSE, "$ref": "http://x/y"}, node(0, "ROOT")),
            "not_a_schema",
            "cannot be used",
            id="a remote $ref",
        ),
        pytest.param(
            kind({**LOOSE, "type": "thing"}, node(0, "ROOT")),
            "not_a_schema",
            "cannot be used",
            id="no such type",
        ),
        pytest.param(
            kind({**LOOSE, "title": ""}, node(0, "ROOT")), "not_a_schema", "no title", id="no title"
        ),
        pytest.param(
            kind({"title": "Log", **closed(id={"const": "1"}, a={"enum": [1, 2]})}, node(0, "ROOT")),  # type: ignore[dict-item]
            "not_a_schema",
            "fewer than 3 values",
            id="nothing varies",
        ),
        pytest.param(kind(LOOSE, node("0", "ROOT")), "breaks_schema", "/level", id="the data break it"),  # type: ignore[arg-type]
        pytest.param(
            kind(LOOSE, node(1, "ROOT")), "not_a_tree", "data is no node of level 0", id="a wrong level"
        ),
        pytest.param(kind(LOOSE, node(0, "TOP")), "not_a_tree", "level_type ROOT", id="a wrong name of it"),
        pytest.param(
            kind(LOOSE, node(0, "ROOT", children=[node(1, "SECTION"), node(2, "SUBSECTION")])),
            "not_a_tree",
            "data/children/1 is no node of level 1",
            id="a child of a wrong level",
        ),
        pytest.param(kind(LOOSE, {"id": "1"}), "not_a_tree", "data is no node", id="no title"),
    ],
)
def test_a_kind_that_cannot_be_used_has_a_reason(reply: str, reason: Reason, detail: str) -> None:
    found = document_kind_in(reply)
    assert isinstance(found, Fault)
    assert (found.reason, detail in found.detail) == (reason, True), found


def blank(target: JSON) -> Example:
    return Example(id="o-1", text="", schema="Order", target=target, meta={"kept": True})


def test_a_text_that_states_its_data_makes_an_example() -> None:
    text = "We need 12 of the blue mug by 3 May 2024; the 2023 order of 9 April 2023 had 40. Gift: yes"
    target: JSON = {
        "item": "blue mug",
        "count": 12,
        "due": "2024-05-03",
        "gift": True,
        "note": None,
        "unit": "pcs",
    }
    made = example_in(f"<think>hm</think>Fine:\n<text>\n{text}\n</text>", blank(target), ORDER)
    assert isinstance(made, Example)
    assert (made.text, made.target, made.id) == (text, target, "o-1")
    spans = made.meta["spans"]
    assert isinstance(spans, dict)
    stated = {pointer: text[slice(*span)] for pointer, span in spans.items() if isinstance(span, list)}  # type: ignore[misc]
    assert stated == {"/item": "blue mug", "/count": "12", "/due": "3 May 2024", "/gift": "yes"}
    assert made.meta["distractors"] == 3  # 2023, 9 April 2023, 40
    assert made.meta["kept"] is True
    assert isinstance(made.meta["difficulty"], dict)
    assert made.meta["difficulty"]["leaves"] == 6


def test_a_yes_or_no_need_not_be_found() -> None:
    made = example_in("<text>☑ wrap it up: 12 of the blue mug</text>", blank({**MUG, "gift": True}), ORDER)
    assert isinstance(made, Example)


@pytest.mark.parametrize(
    ("reply", "reason", "detail"),
    [
        pytest.param("12 of the blue mug, please", "no_text", "between <text>", id="no tags"),
        pytest.param("<text> </text>", "no_text", "between <text>", id="nothing between them"),
        pytest.param("<text>12 blue mug", "no_text", "between <text>", id="broken off"),
        pytest.param("<text>blue mug 12</text>", "length", "11 characters", id="hardly a text"),
        pytest.param(f"<text>{'x' * (LONGEST + 1)}</text>", "length", "20001 characters", id="a book"),
        pytest.param(
            '<text>As data: {"item": "blue mug", "count": 12}</text>', "shows_json", "as JSON", id="its JSON"
        ),
        pytest.param(
            '<text>the "count" : 12 of blue mug</text>', "shows_json", "as JSON", id="one key of it"
        ),
        pytest.param(
            "<text>We need a dozen, as always.</text>", "unstated", '/item ("blue mug")', id="a name"
        ),
        pytest.param("<text>We need the blue mug again.</text>", "unstated", "/count (12)", id="a number"),
        pytest.param(
            "<text>We need 120 of the blue mug.</text>", "unstated", "/count (12)", id="another number"
        ),
    ],
)
def test_a_text_that_cannot_be_used_has_a_reason(reply: str, reason: Reason, detail: str) -> None:
    found = example_in(reply, blank(MUG), ORDER)
    assert isinstance(found, Fault)
    assert (found.reason, detail in found.detail) == (reason, True), found


@pytest.mark.parametrize(
    ("target", "text", "shows"),
    [
        pytest.param(["one", "two"], 'They are ["one","two"], as said', True, id="a list"),
        pytest.param(["one", "two"], "They are one and two, as was said", False, id="its items"),
        pytest.param([], "There is nothing there, it seems []", False, id="an empty list"),
    ],
)
def test_data_without_keys_are_shown_by_their_brackets(target: JSON, text: str, *, shows: bool) -> None:
    schema = Schema.of({"type": "array", "items": {"type": "string"}})
    found = example_in(f"<text>{text}</text>", blank(target), schema)
    assert isinstance(found, Fault) is shows


def test_a_long_value_is_named_by_its_beginning() -> None:
    found = example_in("<text>Nothing of the kind.</text>", blank({"item": "m" * 200, "count": 1}), ORDER)
    assert isinstance(found, Fault)
    assert f'/item ("{"m" * 78}…)' in found.detail


def test_texts_in_the_same_words_have_one_wording() -> None:
    one = wording("12 mugs for Ann", [(0, 2), (12, 15)])
    assert wording("7 mugs for Bob", [(11, 14), (0, 1)]) == one
    assert wording("7 cups for Bob", [(0, 1), (11, 14)]) != one
    assert wording("12 mugs for Ann", [(0, 2), (0, 2), (12, 15), (13, 15)]) == one, "spans may overlap"
