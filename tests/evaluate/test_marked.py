import json

from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.evaluate.marked import Piece, marked
from adhere.records import JSON
from adhere.schema.leaves import is_leaf

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50)
@given(VALUES)
def test_the_pieces_together_are_the_value_as_indented_json(value: JSON) -> None:
    text = "".join(piece.text for piece in marked(value))
    assert text == json.dumps(value, indent=2, ensure_ascii=False)


@settings(max_examples=50)
@given(VALUES)
def test_every_leaf_is_a_piece_with_its_path(value: JSON) -> None:
    for piece in marked(value):
        if piece.path is None:
            continue
        found = value
        for step in piece.path:
            found = found[step]  # type: ignore[index,call-overload]
        assert is_leaf(found)
        assert piece.text.endswith(json.dumps(found, ensure_ascii=False))


def test_a_leaf_has_its_key_and_what_stands_between_is_one_piece() -> None:
    assert list(marked({"count": 3, "sizes": [7, 8]})) == [
        Piece("{\n  "),
        Piece('"count": 3', ("count",)),
        Piece(',\n  "sizes": [\n    '),
        Piece("7", ("sizes", 0)),
        Piece(",\n    "),
        Piece("8", ("sizes", 1)),
        Piece("\n  ]\n}"),
    ]


def test_an_empty_list_is_a_leaf() -> None:
    assert list(marked([])) == [Piece("[]", ())]
