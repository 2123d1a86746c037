import pytest

from adhere.records import JSON
from adhere.schema.unique import Lists, lists_of, without_unique_items

LINKED: dict[str, JSON] = {
    "type": "object",
    "properties": {"tags": {"$ref": "#/$defs/tags"}, "next": {"$ref": "#"}},
    "patternProperties": {"^x": {"type": "array"}},
    "additionalProperties": {"allOf": [{"type": "array"}, {"uniqueItems": True}]},
    "$defs": {"tags": {"anyOf": [{"type": "null"}, {"type": "array", "uniqueItems": True}]}},
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(["tags"], True, id="by reference, in one branch"),
        pytest.param(["next", "next", "tags"], True, id="in a schema within itself"),
        pytest.param(["other"], True, id="under a key that is not fixed"),
        pytest.param(["next"], False, id="an object"),
        pytest.param(["tags", 0], False, id="an item of it"),
        pytest.param([], False, id="the whole"),
    ],
)
def test_a_part_of_a_value_knows_whether_its_items_must_differ(
    path: list[str | int], *, expected: bool
) -> None:
    lists = Lists([LINKED])
    position = lists.root
    for step in path:
        position = lists.inside(position, step)
    assert lists.differ(position) is expected


def test_items_are_found_by_their_place() -> None:
    unique: JSON = {"type": "array", "uniqueItems": True}
    lists = Lists(
        [{"prefixItems": [True, unique], "items": False}, {"items": [unique], "additionalItems": {}}]
    )
    assert [lists.differ(lists.inside(lists.root, place)) for place in range(3)] == [True, True, False]


def test_lists_of_several_schemas_count_together() -> None:
    unique: JSON = {"uniqueItems": True}
    lists = lists_of([{"properties": {"a": unique}}, {"properties": {"b": unique}}])
    assert lists is not None
    assert [lists.differ(lists.inside(lists.root, key)) for key in "abc"] == [True, True, False]
    assert lists_of([{"properties": {"a": {"uniqueItems": False}}}]) is None


FREE: JSON = {"type": "string"}


@pytest.mark.parametrize(
    ("keywords", "is_left_out"),
    [
        pytest.param({}, True, id="any items"),
        pytest.param({"items": {"enum": ["a", "b"]}, "minItems": 2}, True, id="two options, two items"),
        pytest.param({"items": {"enum": ["a", "a"]}, "minItems": 2}, False, id="one option, given twice"),
        pytest.param({"items": {"enum": ["a", 'b"']}}, False, id="an option that JSON escapes"),
        pytest.param({"items": {"const": 1}, "minItems": 1}, True, id="one value, one item"),
        pytest.param({"items": {"const": 1}, "minItems": 2}, False, id="one value, two items"),
        pytest.param({"items": {"type": ["boolean", "null"]}, "minItems": 3}, True, id="true, false, null"),
        pytest.param({"items": {"type": ["boolean", "null"]}, "minItems": 4}, False, id="three, not four"),
        pytest.param({"items": FREE, "minItems": 900}, True, id="strings"),
        pytest.param({"items": {"type": "string", "maxLength": 7}, "minItems": 2}, False, id="short strings"),
        pytest.param({"items": {"type": "string", "pattern": "a"}, "minItems": 2}, False, id="a pattern"),
        pytest.param({"items": {"type": "string", "format": "date"}, "minItems": 1}, True, id="one date"),
        pytest.param(
            {"items": {"type": "integer", "minimum": 1, "maximum": 4}, "minItems": 3}, True, id="1 to 4"
        ),
        pytest.param(
            {"items": {"type": "integer", "minimum": 1, "maximum": 9, "multipleOf": 4}, "minItems": 3},
            False,
            id="(9 - 1) / 4 = 2 at least",
        ),
        pytest.param(
            {"items": {"type": "integer", "exclusiveMinimum": 1}, "minItems": 2}, False, id="an open bound"
        ),
        pytest.param({"items": {"type": "number", "minimum": 1}, "minItems": 50}, True, id="numbers"),
        pytest.param(
            {"items": {"anyOf": [{"const": 1}, FREE]}, "minItems": 9}, True, id="the branch with most"
        ),
        pytest.param({"items": {"anyOf": [False]}, "minItems": 1}, False, id="no branch"),
        pytest.param({"items": {"type": "object"}, "minItems": 2}, False, id="two objects"),
        pytest.param(
            {"items": {"$ref": "#/properties/list"}, "minItems": 1}, False, id="lists of such lists"
        ),
        pytest.param({"items": {"$ref": "#"}, "minItems": 1}, False, id="what holds such lists"),
        pytest.param({"items": {"$ref": "#/$defs/node"}, "minItems": 1}, True, id="a schema within itself"),
        pytest.param({"items": {"$ref": "#/$defs/turn"}, "minItems": 2}, False, id="one that is its branch"),
        pytest.param({"prefixItems": [FREE]}, False, id="items by place"),
        pytest.param({"items": [FREE]}, False, id="items by place, as draft-07 has them"),
        pytest.param({"uniqueItems": False}, True, id="nothing is asked"),
    ],
)
def test_what_a_writer_can_see_to_is_left_out(keywords: dict[str, JSON], *, is_left_out: bool) -> None:
    source: dict[str, JSON] = {
        "properties": {"list": {"type": "array", "uniqueItems": True, **keywords}, "other": True},
        "$defs": {
            "node": {"properties": {"next": {"$ref": "#/$defs/node"}}},
            "turn": {"anyOf": [{"$ref": "#/$defs/turn"}, {"const": 1}]},
        },
    }
    copy = without_unique_items(source)
    assert (copy != source) is (is_left_out and "uniqueItems" not in keywords)


def test_a_schema_without_such_lists_is_itself() -> None:
    source: dict[str, JSON] = {"type": "array"}
    assert without_unique_items(source) is source
