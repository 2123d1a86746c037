"""A value flattened to its leaves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.records import JSON
from adhere.schema.leaves import (
    Path,
    comparand,
    equal,
    field_of,
    fields,
    is_leaf,
    leaf_count,
    leaves,
    leaves_at,
)

VALUES: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=2),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=2), parts, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(5, [("", 5)], id="a scalar is its own leaf"),
        pytest.param(
            {"a": 1, "b": [True, None]}, [("/a", 1), ("/b/0", True), ("/b/1", None)], id="in written order"
        ),
        pytest.param({"a": {}, "b": []}, [("/a", {}), ("/b", [])], id="empty containers are leaves"),
        pytest.param({}, [("", {})], id="even at the root"),
        pytest.param({"a/b": {"~": 1}}, [("/a~1b/~0", 1)], id="slash and tilde are escaped"),
    ],
)
def test_leaves_of_a_value(value: JSON, expected: list[tuple[str, JSON]]) -> None:
    assert list(leaves(value)) == expected


def test_a_field_has_a_star_for_every_index() -> None:
    assert field_of(("items", 3, "price")) == "/items/*/price"


def test_the_fields_of_a_value_are_those_of_its_leaves() -> None:
    value: JSON = {"items": [{"a/b": 1}, {"c": []}, 2], "note": None}
    assert fields(value) == {"/items/*/a~1b", "/items/*/c", "/items/*", "/note"}
    assert fields([]) == {""}


@pytest.mark.parametrize(
    ("one", "two", "is_equal"),
    [
        pytest.param(1, 1.0, True, id="numbers by value"),
        pytest.param(2**60, 2**60 + 1, False, id="large integers exactly"),
        pytest.param(2**60, float(2**60), True, id="a double that is that integer"),
        pytest.param(2**60 + 1, float(2**60), False, id="and one that is not"),
        pytest.param(10**400, 10**400, True, id="integers past every double"),
        pytest.param(10**400, 1e300, False, id="against one"),
        pytest.param(-0.0, 0, True, id="zero has no sign"),
        pytest.param(0.1, 0.1 + 2**-56, False, id="neighbouring doubles"),
        pytest.param(True, 1, False, id="true is not 1"),
        pytest.param(False, 0, False, id="false is not 0"),
        pytest.param("1", 1, False, id="a string is not a number"),
        pytest.param("é", "e\u0301", False, id="strings character by character"),
        pytest.param(None, False, False, id="null is not false"),
        pytest.param("", None, False, id="nor empty"),
        pytest.param([], {}, False, id="[] is not {}"),
        pytest.param([], [], True, id="[] is []"),
    ],
)
def test_leaves_are_equal_by_value_and_type(one: JSON, two: JSON, *, is_equal: bool) -> None:
    assert equal(one, two) is equal(two, one) is is_equal
    assert (comparand(one) == comparand(two)) is is_equal


def rebuilt(found: dict[Path, JSON], path: Path = ()) -> JSON:
    """Put a value together from its leaves."""
    if path in found:
        return found[path]
    steps = list(dict.fromkeys(at[len(path)] for at in found if at[: len(path)] == path))
    if isinstance(steps[0], int):
        return [rebuilt(found, (*path, step)) for step in steps]
    return {str(step): rebuilt(found, (*path, step)) for step in steps}


@given(VALUES)
def test_leaves_are_counted(value: JSON) -> None:
    found = dict(leaves_at(value))
    assert leaf_count(value) == len(found)
    assert all(map(is_leaf, found.values()))
    assert is_leaf(value) == (found == {(): value})
    assert fields(value) == {field_of(path) for path in found}


@given(VALUES)
def test_leaves_say_everything_about_a_value(value: JSON) -> None:
    assert rebuilt(dict(leaves_at(value))) == value
