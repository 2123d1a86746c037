"""A reference names a schema of its own document or nothing."""

import pytest

from adhere.records import JSON
from adhere.schema.reference import Overgrown, References

SOURCE: dict[str, JSON] = {
    "$id": "https://example.com/schemas/order.json",
    "properties": {"self": {"$ref": "#"}},
    "$defs": {
        "item": {"$anchor": "Item", "title": "Line item"},
        "a/b%c": {"$dynamicAnchor": "dynamic"},
        "no": False,
    },
    "x-notes": {"type": "string"},
}


@pytest.mark.parametrize(
    ("reference", "pointer"),
    [
        pytest.param("#", "", id="the root"),
        pytest.param("#/$defs/item", "/$defs/item", id="a pointer"),
        pytest.param("#/%24defs/item", "/$defs/item", id="a pointer with percent signs"),
        pytest.param("#/$defs/a~1b%25c", "/$defs/a~1b%c", id="a pointer with both escapes"),
        pytest.param("#/$defs/no", "/$defs/no", id="a boolean schema"),
        pytest.param("#Item", "/$defs/item", id="an anchor"),
        pytest.param("#dynamic", "/$defs/a~1b%c", id="a dynamic anchor is an anchor"),
        pytest.param("order.json#/$defs/item", "/$defs/item", id="the document by its name"),
        pytest.param(
            "https://example.com/schemas/order.json#Item", "/$defs/item", id="the document by its address"
        ),
        pytest.param("#/$defs/other", None, id="no such entry"),
        pytest.param("#/x-notes", None, id="a place where no schema stands"),
        pytest.param("#Other", None, id="no such anchor"),
        pytest.param("item.json", None, id="the document beside"),
        pytest.param("https://example.com/other.json#/$defs/item", None, id="another document"),
        pytest.param("file:///schemas/order.json#/$defs/item", None, id="a file"),
    ],
)
def test_target(reference: str, pointer: str | None) -> None:
    target = References(SOURCE).target(reference)
    assert (None if target is None else target.pointer) == pointer


def test_without_a_name_of_its_own_a_document_has_no_relatives() -> None:
    assert References({"$defs": {"a": {}}}).target("a.json#/$defs/a") is None


@pytest.mark.parametrize(
    ("pointer", "name"),
    [("/$defs/item", "Line item"), ("/$defs/a~1b%c", "a/b%c"), ("/$defs/no", "no"), ("", "schema")],
)
def test_a_schema_is_named_by_its_title_or_its_key(pointer: str, name: str) -> None:
    assert References(SOURCE).name(pointer) == name


def test_only_the_very_objects_of_a_document_have_a_pointer() -> None:
    references = References(SOURCE)
    item = references.places["/$defs/item"].schema
    assert references.pointer(item) == "/$defs/item"
    assert isinstance(item, dict)
    assert references.pointer(dict(item)) is None
    assert references.pointer(references.places["/$defs/no"].schema) is None


def test_one_look_more_than_allowed_is_too_many() -> None:
    references = References({}, most_looks=1)
    references.look()
    with pytest.raises(Overgrown):
        references.look()
