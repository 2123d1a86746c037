"""A value flattened to its leaves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.records import JSON
from adhere.reward.leaves import Path, field_of, leaves, leaves_at

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


def rebuilt(found: dict[Path, JSON], path: Path = ()) -> JSON:
    """Put a value together from its leaves."""
    if path in found:
        return found[path]
    steps = list(dict.fromkeys(at[len(path)] for at in found if at[: len(path)] == path))
    if isinstance(steps[0], int):
        return [rebuilt(found, (*path, step)) for step in steps]
    return {str(step): rebuilt(found, (*path, step)) for step in steps}


@given(VALUES)
def test_leaves_say_everything_about_a_value(value: JSON) -> None:
    assert rebuilt(dict(leaves_at(value))) == value
