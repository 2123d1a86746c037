"""What a text states of its target, and its wording without that."""

import pytest

from adhere.data.inspection.stating import Statement, is_prose, read
from adhere.records import JSON, Example
from adhere.schema import Schema

SCHEMA = Schema.of(
    {
        "title": "Order",
        "type": "object",
        "properties": {
            "buyer": {"type": "string"},
            "count": {"type": "integer"},
            "due": {"type": "string", "format": "date"},
            "kind": {"const": "order"},
            "lines": {
                "type": "array",
                "items": {"type": "object", "properties": {"item": {"type": "string"}}},
            },
            "tags": {"type": "array", "items": {"type": "string"}},
        },
    }
)


def example(text: str, target: JSON, **meta: JSON) -> Example:
    return Example(id="1", text=text, schema="Order", target=target, meta=meta)


def stated(target: JSON, text: str) -> list[tuple[str, bool]]:
    statements, _ = read(example(text, target), SCHEMA)
    return [(statement.field, statement.is_stated) for statement in statements]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param({"buyer": "Ada Bell"}, [("/buyer", True)], id="a name"),
        pytest.param({"buyer": "Ada Ball"}, [("/buyer", False)], id="another name"),
        pytest.param({"count": 3}, [("/count", True)], id="a number in a word"),
        pytest.param({"due": "2024-05-02"}, [("/due", True)], id="a date in words"),
        pytest.param({"due": "2024-05-03"}, [("/due", False)], id="another date"),
        pytest.param(
            {"lines": [{"item": "mugs"}, {"item": "cups"}]},
            [("/lines/*/item", True), ("/lines/*/item", False)],
            id="one field for all items",
        ),
        pytest.param({"tags": ["red"]}, [("/tags/*", True)], id="items that are values"),
        pytest.param({"kind": "order", "buyer": None, "tags": []}, [], id="what says nothing"),
    ],
)
def test_leaves_are_stated_or_not(target: JSON, expected: list[tuple[str, bool]]) -> None:
    assert stated(target, "Ada Bell ordered three red mugs by 2 May 2024.") == expected


@pytest.mark.parametrize(
    ("value", "is_exact"),
    [(3, True), (2.5, True), ("2024-05-02", True), ("May", False), (True, False)],
)
def test_numbers_and_dates_are_exact(value: JSON, is_exact: bool) -> None:  # noqa: FBT001
    assert Statement("/a", "/a", value, is_stated=False).is_exact == is_exact


def test_a_target_that_is_one_value_has_the_field_of_the_whole() -> None:
    statements, _ = read(example("It took 12 days.", 12), Schema.of({"type": "integer"}))
    assert [(statement.field, statement.pointer) for statement in statements] == [("", "")]


@pytest.mark.parametrize(
    ("one", "other", "is_shared"),
    [
        pytest.param("3 mugs for Ada Bell, please", "5 mugs for Jon Reed, please", True, id="other values"),
        pytest.param("3 mugs for Ada Bell, please", "3 mugs to Ada Bell, please", False, id="other words"),
        pytest.param("3 to Ada Bell", "5 to Jon Reed", None, id="hardly a word besides"),
        pytest.param("Nothing of it is said here", "Nothing of it is said here", None, id="no value in it"),
    ],
)
def test_the_wording_is_what_the_values_leave(one: str, other: str, is_shared: bool | None) -> None:  # noqa: FBT001
    targets: list[JSON] = [{"buyer": "Ada Bell", "count": 3}, {"buyer": "Jon Reed", "count": 5}]
    second = targets[0] if "Ada" in other else targets[1]
    wordings = [read(example(one, targets[0]), SCHEMA)[1], read(example(other, second), SCHEMA)[1]]
    assert (None if wordings[0] is None else wordings[0] == wordings[1]) == is_shared


def test_a_wording_that_its_maker_names_counts() -> None:
    assert read(example("3 mugs", {"count": 3}, template="letter-4"), SCHEMA)[1] == "letter-4"


def test_of_prose_nothing_need_be_stated() -> None:
    row = example('{"count": 3}', "Three mugs were ordered.", instruction="Write it down.")
    assert is_prose(row)
    assert read(row, Schema.of({"type": "string"})) == ([], None)
    assert not is_prose(example("3 mugs", {"count": 3}, instruction="Extract."))
