"""A schema stands where a keyword says so, and nowhere else."""

import pytest

from adhere.records import JSON
from adhere.schema.places import Child, children, places, pointer_of, with_children

EVERYWHERE: dict[str, JSON] = {
    "properties": {"$ref": {"type": "string"}, "a/b~c": True},
    "patternProperties": {"^x": {}},
    "additionalProperties": False,
    "propertyNames": {},
    "dependentSchemas": {"a": {}},
    "dependencies": {"a": {}, "b": ["c"]},
    "items": [{}, {}],
    "prefixItems": [{}],
    "contains": {},
    "allOf": [{}],
    "not": {"not": {}},
    "if": {},
    "$defs": {"d": {}},
    "definitions": {"e": {}},
    "default": {"properties": {"no": {}}},
    "enum": [{"not": {}}],
    "const": {"items": {}},
    "x-notes": {"type": "no schema"},
}


def test_every_place_is_found_once_and_values_are_not_schemas() -> None:
    assert [place.pointer for place in places(EVERYWHERE)] == [
        "",
        "/properties/$ref",
        "/properties/a~1b~0c",
        "/patternProperties/^x",
        "/additionalProperties",
        "/propertyNames",
        "/dependentSchemas/a",
        "/dependencies/a",
        "/items/0",
        "/items/1",
        "/prefixItems/0",
        "/contains",
        "/allOf/0",
        "/not",
        "/not/not",
        "/if",
        "/$defs/d",
        "/definitions/e",
    ]


def test_depth_counts_the_schemas_around() -> None:
    assert [(place.pointer, place.depth) for place in places({"not": {"items": {}}, "if": True})] == [
        ("", 1),
        ("/not", 2),
        ("/not/items", 3),
        ("/if", 2),
    ]


def test_what_should_be_a_schema_and_is_none_is_passed_over() -> None:
    assert list(children({"properties": 3, "items": "x", "allOf": {"a": {}}, "anyOf": [1, True]})) == [
        Child("anyOf", "/anyOf/1", schema=True)
    ]


def test_children_are_replaced_and_the_rest_is_copied() -> None:
    copy = with_children(EVERYWHERE, lambda child: child.pointer)
    assert copy == {
        **EVERYWHERE,
        "properties": {"$ref": "/properties/$ref", "a/b~c": "/properties/a~1b~0c"},
        "patternProperties": {"^x": "/patternProperties/^x"},
        "additionalProperties": "/additionalProperties",
        "propertyNames": "/propertyNames",
        "dependentSchemas": {"a": "/dependentSchemas/a"},
        "dependencies": {"a": "/dependencies/a", "b": ["c"]},
        "items": ["/items/0", "/items/1"],
        "prefixItems": ["/prefixItems/0"],
        "contains": "/contains",
        "allOf": ["/allOf/0"],
        "not": "/not",
        "if": "/if",
        "$defs": {"d": "/$defs/d"},
        "definitions": {"e": "/definitions/e"},
    }


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param([], "", id="the root"),
        pytest.param(["a", 0], "/a/0", id="keys and indexes"),
        # RFC 6901 section 5
        pytest.param(["a/b", "m~n", "", " "], "/a~1b/m~0n// ", id="escapes"),
    ],
)
def test_pointer_of(path: list[str | int], expected: str) -> None:
    assert pointer_of(path) == expected
