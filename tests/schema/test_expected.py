"""What a schema says of the value at a place, through references and branches."""

import pytest

from adhere.records import JSON
from adhere.schema import Schema
from adhere.schema.expected import expected, has_unordered_lists

OPTIONS = Schema.of(
    {
        "properties": {
            "must": {"type": "string"},
            "may": {"type": ["string", "null"]},
            "any": True,
            "either": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        },
        "patternProperties": {"^x": {}},
        "required": ["must", "unnamed"],
    }
)
BRANCHES = Schema.of(
    {
        "properties": {"a": {}, "b": {}},
        "anyOf": [{"properties": {"c": {}, "d": {}}, "required": ["d"]}, {"properties": {"d": {}, "b": {}}}],
        "required": ["a"],
    }
)
TREE = Schema.of(
    {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "kind": {"enum": ["root", "leaf"]},
            "made": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
            "unit": {"anyOf": [{"const": "mm"}, {"enum": ["cm", "mm"]}, {"type": "null"}]},
            "size": {"anyOf": [{"enum": ["S", "M"]}, {"type": "integer"}]},
            "always": {"const": 1},
            "pair": {"prefixItems": [{"const": "x"}], "items": {"enum": ["y", "z"]}},
            "labels": {"type": "object", "additionalProperties": {"enum": ["on", "off"]}},
            "codes": {"type": "object", "patternProperties": {"^[a-z]$": {"const": 1}}},
            "open": {"type": "object"},
            "children": {"type": "array", "x-order": "free", "items": {"$ref": "#"}},
            "ids": {"allOf": [{"type": "array"}, {"uniqueItems": True}]},
        },
    }
)


@pytest.mark.parametrize(
    ("path", "options"),
    [
        pytest.param(["title"], None, id="free"),
        pytest.param(["kind"], ("root", "leaf"), id="enum"),
        pytest.param(["always"], (1,), id="constant"),
        pytest.param(["unit"], ("mm", "cm", None), id="branches that all list values, each once"),
        pytest.param(["size"], None, id="a branch that is open"),
        pytest.param(["pair", 0], ("x",), id="a first item"),
        pytest.param(["pair", 1], ("y", "z"), id="a later item"),
        pytest.param(["pair", 9], ("y", "z"), id="any later item"),
        pytest.param(["labels", "anything"], ("on", "off"), id="keys that are not fixed"),
        pytest.param(["codes", "q"], (1,), id="keys by a pattern"),
        pytest.param(["children", 3, "children", 0, "kind"], ("root", "leaf"), id="a schema within itself"),
    ],
)
def test_allowed_values_are_found_wherever_they_are_listed(
    path: list[str | int], options: tuple[JSON, ...] | None
) -> None:
    at = expected(TREE)
    for step in path:
        at = at.item(step) if isinstance(step, int) else at.key(step)
    assert at.known
    assert at.options == options


def test_a_date_is_expected_in_one_branch_of_several() -> None:
    assert expected(TREE).key("made").is_date
    assert not expected(TREE).key("title").is_date


@pytest.mark.parametrize(
    ("schema", "has"),
    [
        pytest.param({"minItems": 2, "maxItems": 2}, True, id="two items"),
        pytest.param({"minItems": 1, "maxItems": 2}, False, id="one or two"),
        pytest.param({"minItems": 2}, False, id="two or more"),
        pytest.param({}, False, id="any number"),
        pytest.param(
            {"anyOf": [{"minItems": 2, "maxItems": 2}, {"minItems": 3, "maxItems": 3}]},
            True,
            id="in each branch",
        ),
        pytest.param(
            {"anyOf": [{"minItems": 2, "maxItems": 2}, {"type": "array"}]}, False, id="in one branch"
        ),
    ],
)
def test_a_list_may_have_one_length_in_each_branch(schema: dict[str, JSON], *, has: bool) -> None:
    assert expected(Schema.of({"type": "array", **schema})).has_one_length is has


@pytest.mark.parametrize(
    ("path", "known"),
    [
        pytest.param(["nope"], False, id="a key that the schema does not name"),
        pytest.param(["nope", "deeper"], False, id="and all below it"),
        pytest.param(["open", "any", "thing"], True, id="an object of which nothing is said"),
    ],
)
def test_a_schema_speaks_of_the_places_it_names(path: list[str], *, known: bool) -> None:
    at = expected(TREE)
    for step in path:
        at = at.key(step)
    assert at.known is known


def test_lists_lack_an_order_where_the_schema_says_so() -> None:
    root = expected(TREE)
    assert root.key("children").unordered
    assert root.key("children").item(0).key("children").unordered
    assert root.key("ids").unordered
    assert not root.key("pair").unordered


@pytest.mark.parametrize(
    ("source", "unordered"),
    [
        ({"items": {"uniqueItems": True}}, True),
        ({"$defs": {"a": {"x-order": "free"}}}, True),
        ({"uniqueItems": False, "x-order": "kept"}, False),
        ({"properties": {"x-order": True}}, False),
    ],
)
def test_a_schema_without_any_such_list_is_known_at_once(source: JSON, *, unordered: bool) -> None:
    assert isinstance(source, dict)
    assert has_unordered_lists(Schema.of(source)) is unordered


def test_keys_that_may_be_left_out_are_those_that_every_branch_names_and_none_requires() -> None:
    assert expected(OPTIONS).optional == ("may", "any", "either")
    assert expected(BRANCHES).optional == ("b",)
    assert expected(OPTIONS).key("must").optional == ()


@pytest.mark.parametrize(
    ("key", "kinds"),
    [("must", {"string"}), ("may", {"string"}), ("any", {"any"}), ("either", {"integer"}), ("xs", {"any"})],
)
def test_the_types_that_a_value_may_have_besides_null(key: str, kinds: set[str]) -> None:
    assert expected(OPTIONS).key(key).kinds == kinds


def test_steps_into_a_schema_within_itself_lead_back() -> None:
    source: dict[str, JSON] = {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}}
    left = expected(Schema.of(source)).key("left")
    # A tree has more paths than there is memory; its schema has two places.
    assert left.key("left") is left
    assert left.key("right").key("left") is left
