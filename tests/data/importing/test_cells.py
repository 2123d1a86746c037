"""Cells of a table become an answer of the types that the schema has."""

from pathlib import Path

import pytest

from adhere.data.importing.cells import Cells, without_empty_fields
from adhere.data.store import Row
from adhere.errors import DataError
from adhere.records import JSON
from adhere.schema import Schema

SCHEMA = Schema.of(
    {
        "type": "object",
        "properties": {
            "vendor": {"type": "string"},
            "amount": {"type": "number"},
            "count": {"type": "integer"},
            "paid": {"type": "boolean"},
            "due": {"type": ["string", "null"]},
            "size": {"enum": [1, 2, None]},
            "code": {"type": ["string", "integer"]},
            "any": {},
            "left": {"type": "number"},
            "note": {"type": "string"},
            "address": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "zip": {"type": "integer"}},
                "required": ["city"],
            },
            "lines": {
                "type": "array",
                "items": {"type": "object", "properties": {"item": {"type": "string"}}},
            },
            "tags": {"type": "array", "items": {"type": "string"}},
            "gone": {"type": "null"},
        },
        "required": ["vendor", "amount", "due", "size", "paid"],
    }
)


def target(**cells: JSON) -> JSON:
    return Cells(SCHEMA).target(Row(Path("t.csv"), 3, cells), list(cells))


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ("vendor", "12", "12"),
        ("amount", "12", 12),
        ("amount", " 12.50 ", 12.5),
        ("count", "12.0", 12),
        ("count", "-3", -3),
        ("paid", "True", True),
        ("paid", "false", False),
        ("code", "12", "12"),
        ("any", "12", "12"),
        ("size", "2", 2),
        ("size", "null", None),
        ("gone", "null", None),
        ("address", '{"city": "Bonn"}', {"city": "Bonn"}),
        ("lines", '[{"item": "mug"}]', [{"item": "mug"}]),
        ("tags", '["a", "b"]', ["a", "b"]),
        ("amount", 12.5, 12.5),
        ("tags", ["a"], ["a"]),
    ],
)
def test_a_cell_is_read_as_its_field(column: str, cell: JSON, expected: JSON) -> None:
    assert target(**{column: cell}) == {column: expected}


@pytest.mark.parametrize("empty", ["", None])
@pytest.mark.parametrize(
    ("column", "expected"),
    [
        pytest.param("vendor", {"vendor": "", "count": 1}, id="an empty text where one must be"),
        pytest.param("due", {"due": None, "count": 1}, id="null where it may be"),
        pytest.param("size", {"size": None, "count": 1}, id="null that is an option"),
        pytest.param("note", {"count": 1}, id="nothing where nothing must be"),
        pytest.param("lines", {"count": 1}, id="no list"),
        pytest.param("amount", {"count": 1}, id="nothing where a number must be, which its schema refuses"),
    ],
)
def test_an_empty_cell_is_what_its_field_allows(column: str, expected: JSON, empty: JSON) -> None:
    assert target(**{column: empty, "count": "1"}) == expected


def test_parts_of_parts_have_columns_of_their_own() -> None:
    cells = {"address.city": "Bonn", "address.zip": "53111", "vendor": "Acme"}
    assert target(**cells) == {"address": {"city": "Bonn", "zip": 53111}, "vendor": "Acme"}


def test_a_part_that_stands_there_whole_is_not_written_over() -> None:
    assert target(address=["no object"], **{"address.city": "Bonn"}) == {"address": ["no object"]}


def test_cells_that_are_all_empty_are_no_answer() -> None:
    assert target(vendor="", amount="", count=None) is None
    assert target() is None


@pytest.mark.parametrize(
    ("column", "cell", "kinds"),
    [
        ("amount", "1,234.50", "number"),
        ("amount", "true", "number"),
        ("count", "2.5", "integer"),
        ("count", '"2"', "integer"),
        ("paid", "1", "boolean"),
        ("tags", "a, b", "object or array"),
        ("gone", "[]", "null"),
        ("size", "{}", "integer or null"),
        ("left", "[1]", "number"),
    ],
)
def test_a_cell_of_another_type_is_told(column: str, cell: str, kinds: str) -> None:
    with pytest.raises(DataError) as caught:
        target(**{column: cell})
    assert str(caught.value).startswith(f"t.csv:3 {column} = {cell!r}: the schema has {kinds} there")


def test_columns_that_the_schema_does_not_name_are_none_of_its() -> None:
    columns = ["id", "vendor", "address.city", "address.street", "lines", "page"]
    assert Cells(SCHEMA).names(columns) == ["vendor", "address.city", "lines"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"a": None, "b": None}, {"b": None}, id="what may be null stays"),
        pytest.param({"a": "x", "c": [{"a": None}]}, {"a": "x", "c": [{}]}, id="in lists too"),
        pytest.param({"a": 1, "b": None}, {"a": 1, "b": None}, id="another fault is not mended"),
        pytest.param({"a": "x"}, {"a": "x"}, id="nothing to leave out"),
    ],
)
def test_members_that_are_null_and_may_not_be_are_left_out(value: JSON, expected: JSON) -> None:
    properties: dict[str, JSON] = {
        "a": {"type": "string"},
        "b": {"type": ["string", "null"]},
        "c": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}},
    }
    schema = Schema.of({"type": "object", "properties": properties})
    assert without_empty_fields(value, schema) == expected
