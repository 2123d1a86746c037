import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.evaluate.marked import Piece, marked
from adhere.records import JSON
from adhere.reward.match import Fate, Path

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50)
@given(VALUES)
def test_the_pieces_together_are_the_value_as_indented_json(value: JSON) -> None:
    text = "".join(piece.text for piece in marked(value, {}))
    assert text == json.dumps(value, indent=2, ensure_ascii=False)


@pytest.mark.parametrize(
    ("fates", "expected"),
    [
        pytest.param({("count",): "wrong"}, [('"count": 3', "wrong")], id="a leaf with its key"),
        pytest.param({("sizes", 1): "invented"}, [("8", "invented")], id="an item of a list"),
        pytest.param({("sizes",): "missing"}, [], id="no leaf stands at this path"),
        pytest.param({("gone",): "missing"}, [], id="nothing stands at this path"),
    ],
)
def test_a_leaf_carries_its_fate(fates: dict[Path, Fate], expected: list[tuple[str, str]]) -> None:
    pieces = list(marked({"count": 3, "sizes": [7, 8]}, fates))
    assert [(piece.text, piece.fate) for piece in pieces if piece.fate] == expected


def test_an_empty_list_is_a_leaf() -> None:
    assert list(marked([], {(): "wrong"})) == [Piece("[]", "wrong")]
