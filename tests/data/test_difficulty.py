import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.data.difficulty import Difficulty, difficulty
from adhere.records import JSON, Example
from adhere.schema.leaves import leaf_count


def example(target: JSON, **meta: JSON) -> Example:
    return Example(id="e", text="Two mugs.", schema="any", target=target, meta=meta)


@pytest.mark.parametrize(
    ("target", "leaves", "depth", "arrays"),
    [
        pytest.param(None, 0, 0, 0, id="no target"),
        pytest.param("mug", 1, 0, 0, id="a single value"),
        pytest.param({"a": "mug", "b": 2}, 2, 1, 0, id="a flat object"),
        pytest.param({}, 1, 1, 0, id="an empty object is a leaf"),
        pytest.param([], 1, 1, 1, id="an empty list is a leaf and a list"),
        pytest.param({"a": [1, 2], "b": {"c": None}}, 3, 2, 1, id="one list, one object"),
        pytest.param({"a": [[1], [{"b": 2}]]}, 2, 4, 3, id="three lists, four levels"),
    ],
)
def test_leaves_depth_and_lists_are_counted(target: JSON, leaves: int, depth: int, arrays: int) -> None:
    # "Two mugs." has 9 characters.
    assert difficulty(example(target)) == Difficulty(
        leaves=leaves, depth=depth, arrays=arrays, distractors=0, characters=9
    )


def test_whoever_made_a_row_says_how_much_in_it_distracts() -> None:
    assert difficulty(example("mug", distractors=3)).distractors == 3
    assert difficulty(example("mug", distractors="three")).distractors == 0


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(JSONS)
def test_a_list_around_a_target_is_one_level_and_one_list_more(target: JSON) -> None:
    inner, outer = difficulty(example(target)), difficulty(example([target]))
    assert (outer.depth, outer.arrays) == (inner.depth + 1, inner.arrays + 1)
    assert outer.leaves == leaf_count(target)
