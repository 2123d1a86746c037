"""An answer of the shape that a schema asks for is cast from any leaves, each only where it fits."""

import pytest

from adhere.records import JSON
from adhere.reward.mould import Slot, cast_from, has_lists, least, mould, number, slots, string
from adhere.schema import Schema

TREE = Schema.of(
    {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 3, "maxLength": 5},
            "kind": {"const": "tree"},
            "left": {"$ref": "#"},
            "right": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
            "size": {"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 2}]},
            "colour": {"oneOf": [{"enum": ["red"]}, {"type": "integer"}]},
            "box": {"anyOf": [{"type": "null"}, {"properties": {"width": {"type": "number"}}}]},
            "none": {"type": "null"},
            "never": {"oneOf": [False]},
            "any": {},
            "pair": {"prefixItems": [{"type": "boolean"}, {"$ref": "#"}], "items": False},
            "rows": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 3},
            "children": {"type": "array", "items": {"$ref": "#"}},
            "open": {"type": "object"},
        },
        "required": ["name", "left"],
        "additionalProperties": {"type": "string"},
    }
)


def test_an_answer_is_cast_from_leaves() -> None:
    assert cast_from(mould(TREE), least) == {
        "name": "aaa",
        "kind": "tree",
        "left": None,
        "right": None,
        "size": 2,
        "colour": "red",
        "box": {"width": 0},
        "none": None,
        "any": "",
        "pair": [False],
        "rows": [0, 0],
        "children": [],
        "open": {},
    }  # fmt: skip
    assert cast_from(mould(TREE), least, optional=False) == {"name": "aaa", "left": None}


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param(0, [0, 0], id="no fewer than the schema asks for"),
        pytest.param(3, [0, 0, 0], id="as many as are asked for"),
        pytest.param(9, [0, 0, 0], id="no more than the schema allows"),
    ],
)
def test_a_list_is_as_long_as_it_may_be(items: int, expected: JSON) -> None:
    value = cast_from(mould(TREE), least, items=items)
    assert isinstance(value, dict)
    assert value["rows"] == expected


def test_slots_are_listed_once() -> None:
    keys = [slot.key for slot in slots(mould(TREE))]
    assert keys == (
        ["name", "kind", "left", "right", "size", "colour", "width", "none", "any", "pair", "rows", "open"]
    )
    nullable = {slot.key for slot in slots(mould(TREE)) if slot.nullable}
    assert nullable == {"left", "right", "size", "none"}


def test_a_schema_for_a_leaf_is_a_slot() -> None:
    shape = mould(Schema.of({"type": "integer"}))
    assert isinstance(shape, Slot)
    assert not has_lists(shape)
    assert has_lists(mould(TREE))


def slot(keywords: dict[str, JSON]) -> Slot:
    (found,) = slots(mould(Schema.of(keywords)))
    return found


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        pytest.param({"type": "string"}, "", id="a string"),
        pytest.param({"type": "string", "minLength": 2}, "aa", id="of some length"),
        pytest.param({"type": "string", "format": "date"}, "2000-01-01", id="of a format"),
        pytest.param({"type": "string", "format": "no-such"}, "", id="of a format nobody knows"),
        pytest.param({"type": "number"}, 0, id="a number"),
        pytest.param({"type": "number", "minimum": 2.5}, 2.5, id="above a bound"),
        pytest.param({"type": "integer", "exclusiveMinimum": 7}, 8, id="past a bound"),
        pytest.param({"type": "integer", "maximum": -3}, -3, id="below a bound"),
        pytest.param({"type": "boolean"}, False, id="a boolean"),
        pytest.param({"type": "null"}, None, id="null"),
        pytest.param({"type": ["null", "integer"]}, 0, id="or null"),
        pytest.param({"const": [1]}, [1], id="a constant"),
        pytest.param({"enum": [3, 4]}, 3, id="an option"),
    ],
)
def test_the_least_leaf_obeys(keywords: dict[str, JSON], expected: JSON) -> None:
    assert least(slot(keywords)) == expected
    assert Schema.of(keywords).obeys(expected)


def test_leaves_go_only_where_they_fit() -> None:
    assert string(slot({"type": "string", "maxLength": 2}), "abc") == "ab"
    assert string(slot({"type": "integer"}), "abc") == 0
    assert number(slot({"type": "integer"}), 2.5) == 2
    assert number(slot({"type": "number"}), 2.5) == 2.5
    assert number(slot({"type": "string"}), 2.5) == ""
