"""How much of a document stands before its first fault."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.records import JSON
from adhere.reward.prefix import sound_share
from adhere.reward.verdict import Obeys, judge
from adhere.schema import Schema

SOURCE: dict[str, JSON] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3},
        "at": {
            "type": "object",
            "properties": {"x": {"type": "number"}, "a/b~": {"type": "number"}},
            "required": ["x"],
            "additionalProperties": False,
        },
        "rows": {
            "type": "array",
            "items": {"type": "object", "properties": {"n": {}}, "additionalProperties": False},
        },
    },
    "required": ["id"],
    "additionalProperties": False,
}
SCHEMA = Schema.of(SOURCE)


def sound(answer: str, schema: Schema = SCHEMA) -> float:
    verdict = judge(answer, schema)
    assert not isinstance(verdict, Obeys)
    return sound_share(verdict, schema)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param('{"id": ', '"7"}', id="a wrong value"),
        pytest.param('{"id": 7, "tags": ["a", ', "5]}", id="a wrong item"),
        pytest.param(
            '{"id": 7, "tags": ', '["a", "b", "c", "d"]}', id="a list too long is wrong where it begins"
        ),
        pytest.param('{"id": 7, "tags": [', "]}", id="a list too short, where it closes"),
        pytest.param('{"tags": ["a"]', "}", id="a missing key, where its object closes"),
        pytest.param('{"id": 7, "at": {', '}, "more": 1}', id="a missing key inside"),
        pytest.param('{"id": 7, ', '"more": 1, "most": 2}', id="a key that may not be there"),
        pytest.param('{"id": 7, "at": {"x": 1, ', '"y": 2}}', id="one inside"),
        pytest.param('{"id": 7, "rows": [{"n": 1}, {"n": 1, ', '"m": 1}]}', id="one in a list"),
        pytest.param('{"id": 7, "at": {"x": 1, "a/b~": ', '"2"}}', id="a key that pointers escape"),
        pytest.param('{"tags": [', '1], "id": "x"}', id="the first of two in the order of the text"),
        pytest.param("", "[]", id="another type"),
        pytest.param('{"id": 7', ' "at"}', id="a syntax error"),
        pytest.param('{"id": 7, "tags": ["a', "", id="cut off: all of it"),
    ],
)
def test_an_answer_is_sound_up_to_its_first_fault(before: str, after: str) -> None:
    answer = before + after
    # A reader meets a syntax error at the token that cannot stand there.
    faulty = len(answer) - len(after.lstrip())
    assert sound(answer) == pytest.approx(faulty / len(answer))


@pytest.mark.parametrize(
    ("source", "answer", "expected"),
    [
        pytest.param(
            {"properties": {"a": {}}, "unevaluatedProperties": False},
            '{"a":1,"b":2}',
            7 / 13,
            id="unevaluated",
        ),
        pytest.param(
            {"patternProperties": {"^x": {}}, "additionalProperties": False},
            '{"x":1,"y":2}',
            0.0,
            id="where a pattern decides on keys, all of the object",
        ),
        pytest.param({"additionalProperties": False}, '{"a":1}', 0.0, id="no key may be there"),
        pytest.param(
            {"properties": {"a": False}}, '{"b":1,"a":1}', 11 / 13, id="a key of which nothing is right"
        ),
        pytest.param({"minProperties": 2}, '{"a":1}', 6 / 7, id="keys too few"),
        pytest.param({"contains": {"type": "string"}}, "[1,2]", 4 / 5, id="an item that is missing"),
        pytest.param({"uniqueItems": True}, "[1,1]", 0.0, id="items twice"),
        pytest.param({"anyOf": [{"type": "string"}, {"type": "null"}]}, "7", 0.0, id="no branch"),
    ],
)
def test_every_kind_of_violation_has_a_place(source: dict[str, JSON], answer: str, expected: float) -> None:
    assert sound(answer, Schema.of(source)) == pytest.approx(expected)


@pytest.mark.parametrize("answer", ["", "Acme Corp", "Here: {}"])
def test_what_does_not_begin_with_json_is_not_sound(answer: str) -> None:
    assert sound(answer) == 0.0


PARTS: st.SearchStrategy[JSON] = st.recursive(
    st.integers() | st.text(max_size=3) | st.none(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["id", "tags", "at", "rows", "x", "n"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(PARTS, st.sampled_from([None, 2]))
def test_every_violation_has_a_place_in_the_answer(value: JSON, indent: int | None) -> None:
    verdict = judge(json.dumps(value, indent=indent), SCHEMA)
    if not isinstance(verdict, Obeys):
        assert 0.0 <= sound_share(verdict, SCHEMA) < 1.0
