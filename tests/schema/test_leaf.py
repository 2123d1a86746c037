"""The leaves of a schema are what there is to fill in."""

import pytest

from adhere.records import JSON
from adhere.schema.leaf import Leaf, leaves


def leaf(
    pointer: str,
    type: str = "string",
    *,
    format: str | None = None,
    enum: tuple[JSON, ...] | None = None,
    required: bool = True,
    description: str | None = None,
) -> Leaf:
    return Leaf(
        pointer=pointer, type=type, format=format, enum=enum, required=required, description=description
    )


TEXT: JSON = {"type": "string"}
PRICED: JSON = {"type": "object", "properties": {"price": {"type": "number"}}, "required": ["price"]}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(TEXT, [leaf("")], id="a document that is one leaf"),
        pytest.param(
            {"properties": {"b": TEXT, "a/c": TEXT}, "required": ["b"]},
            [leaf("/b"), leaf("/a~1c", required=False)],
            id="in the order of properties",
        ),
        pytest.param(
            {"properties": {"items": {"type": "array", "items": PRICED}}},
            [leaf("/items/*/price", "number")],
            id="in objects in an array",
        ),
        pytest.param(
            {"properties": {"tags": {"items": TEXT}}},
            [leaf("/tags/*", required=False)],
            id="elements go by their array",
        ),
        pytest.param(
            {"properties": {"m": {"additionalProperties": TEXT}}}, [leaf("/m/*", required=False)], id="a map"
        ),
        pytest.param(
            {"prefixItems": [TEXT, {"type": "null"}], "items": PRICED},
            [leaf("/0"), leaf("/1", "null"), leaf("/*/price", "number")],
            id="places of an array",
        ),
        pytest.param({"type": "object"}, [leaf("", "object")], id="an object of which nothing is said"),
        pytest.param({"type": "array"}, [leaf("", "array")], id="an array of which nothing is said"),
        pytest.param({}, [leaf("", "any")], id="nothing said"),
        pytest.param(
            {"type": "string", "format": "date", "description": "when"},
            [leaf("", format="date", description="when")],
            id="format and description",
        ),
        pytest.param(
            {"type": "integer", "format": "int64"}, [leaf("", "integer")], id="only strings have formats"
        ),
        pytest.param({"enum": ["a", "b"]}, [leaf("", enum=("a", "b"))], id="options"),
        pytest.param(
            {"enum": ["a", 1, None]}, [leaf("", "string|integer|null", enum=("a", 1, None))], id="mixed"
        ),
        pytest.param({"type": "number", "const": 1}, [leaf("", "number", enum=(1,))], id="a constant"),
        pytest.param({"type": ["string", "null"]}, [leaf("", "string|null")], id="several types"),
        pytest.param(
            {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}], "description": "when"},
            [leaf("", "string|null", format="date", description="when")],
            id="a choice of leaves",
        ),
        pytest.param(
            {"anyOf": [{"enum": ["a"]}, {"type": "null"}]},
            [leaf("", "string|null", enum=("a", None))],
            id="options or null",
        ),
        pytest.param(
            {"oneOf": [{"const": 1}, {"const": 1.0}, {"const": 2}]},
            [leaf("", "integer", enum=(1, 2))],
            id="options once each",
        ),
        pytest.param({"anyOf": [{"const": "a"}, TEXT]}, [leaf("")], id="an open type opens the options"),
        pytest.param({"anyOf": [TEXT, {"const": "a"}]}, [leaf("")], id="whichever comes first"),
        pytest.param(
            {"anyOf": [PRICED, {"type": "null"}]}, [leaf("/price", "number")], id="an object or null"
        ),
        pytest.param(
            {"type": ["array", "null"]}, [leaf("", "array")], id="an array of which nothing is said, or null"
        ),
        pytest.param(
            {"anyOf": [PRICED, {"properties": {"price": TEXT, "unit": TEXT}}]},
            [leaf("/price", "number|string", required=False), leaf("/unit", required=False)],
            id="required where every branch requires it",
        ),
        pytest.param(
            {
                "properties": {"id": TEXT, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
                "required": ["id"],
            },
            [leaf("/id")],
            id="a schema within itself is entered once",
        ),
        pytest.param(
            {"properties": {"kids": {"type": "array", "items": {"$ref": "#"}}}}, [], id="nothing but itself"
        ),
        pytest.param(
            {"properties": {"a": {"$ref": "#/$defs/p"}}, "required": ["a"], "$defs": {"p": PRICED}},
            [leaf("/a/price", "number")],
            id="by reference",
        ),
    ],
)
def test_leaves(source: dict[str, JSON], expected: list[Leaf]) -> None:
    assert leaves(source) == tuple(expected)
