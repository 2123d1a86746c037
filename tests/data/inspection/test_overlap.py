"""A held-out example that was trained on is found by its text or its target, and nothing else is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.data.inspection.overlap import Leak, leaking, telling
from adhere.records import JSON, Example

ORDER: JSON = {"item": "mug", "count": 2, "for": "Ada"}


def row(text: str, target: JSON = None, *, name: str = "row") -> Example:
    return Example(id=name, text=text, schema="Order", target=target)


@pytest.mark.parametrize(
    ("held_out", "by"),
    [
        pytest.param(row("Two mugs for Ada.", ORDER), "text", id="the same row"),
        pytest.param(row("Two mugs for Ada."), "text", id="the same text without its target"),
        pytest.param(row(" two MUGS\nfor Ada. "), "text", id="in other case and white space"),
        pytest.param(row("Ada wants two mugs.", ORDER), "target", id="the same target"),
        pytest.param(
            row("x", {"for": "Ada", "count": 2.0, "item": "Mug"}), "target", id="a target spelled otherwise"
        ),
        pytest.param(row("Two mugs for Ade.", {**ORDER, "for": "Ade"}), None, id="another row"),  # pyright: ignore[reportGeneralTypeIssues]
        pytest.param(row("x", {"item": "mug", "count": 2}), None, id="a target that says too little"),
    ],
)
def test_a_held_out_row_leaks_by_its_text_or_its_target(held_out: Example, by: str | None) -> None:
    train = [row("Two mugs for Ada.", ORDER, name="first"), row("y", {"item": "mug", "count": 2})]
    leaks = leaking(train, [held_out])
    assert [(leak.train, leak.by) for leak in leaks] == ([("first", by)] if by else [])


def test_a_row_leaks_once_and_by_its_text_first() -> None:
    train = [row("a", ORDER, name="1"), row("b", name="2")]
    assert leaking(train, [row("b", ORDER, name="3")]) == [Leak("3", "2", "text")]


def test_leaks_come_in_the_order_of_the_held_out_rows() -> None:
    train = [row("a", name="1"), row("b", name="2")]
    held_out = [row("b", name="3"), row("c", name="4"), row("a", name="5"), row("b", name="6")]
    assert [leak.held_out for leak in leaking(train, held_out)] == ["3", "5", "6"]


def test_halves_of_surrogate_pairs_are_hashed_too() -> None:
    assert len(leaking([row("\ud800")], [row("\ud800"), row("\ud801")])) == 1


@pytest.mark.parametrize(
    ("target", "is_telling"),
    [
        pytest.param({"a": "x", "b": 1, "c": [2.5]}, True, id="three strings and numbers"),
        pytest.param({"a": "x", "b": 1}, False, id="two"),
        pytest.param({"a": "x", "b": True, "c": None, "d": [], "e": {}}, False, id="the rest says little"),
        pytest.param(None, False, id="no target"),
        pytest.param("a sentence of many words", False, id="one string"),
    ],
)
def test_a_target_tells_one_text_from_three_values_on(target: JSON, is_telling: bool) -> None:  # noqa: FBT001
    assert telling(target) == is_telling


@settings(max_examples=40)
@given(st.lists(st.text(), max_size=6), st.lists(st.text(), max_size=6))
def test_texts_leak_exactly_if_they_are_equal_but_for_case_and_white_space(
    train: list[str], held_out: list[str]
) -> None:
    def folded(text: str) -> str:
        return " ".join(text.casefold().split())

    seen = {folded(text) for text in train}
    expected = sum(folded(text) in seen for text in held_out)
    assert len(leaking(map(row, train), map(row, held_out))) == expected
