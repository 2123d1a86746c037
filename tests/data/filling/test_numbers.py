from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adhere.data.filling.drawing import Undrawable
from adhere.data.filling.kinds import Style
from adhere.data.filling.numbers import Bounds, common_multiple, number_maker
from adhere.text.numerals import comparable, numbers

STYLES: list[Style] = [
    "amount",
    "price",
    "count",
    "share",
    "fraction",
    "percent",
    "temperature",
    "year",
    "age",
    "score",
    "latitude",
    "longitude",
    "month",
    "port",
    "label",
    "size",
]
WHOLE = Fraction(1)


def drawn(bounds: Bounds, style: Style = "share", *, seeds: int = 200) -> list[int | float]:
    make = number_maker(bounds, style)
    found = [make(Random(seed)).value for seed in range(seeds)]
    assert all(isinstance(value, int | float) for value in found)
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("style", STYLES)
def test_a_text_that_states_a_number_is_read_as_that_number(style: Style) -> None:
    plain, signed = number_maker(Bounds(), style), number_maker(Bounds(), style, signed=True)
    for seed in range(1000):
        number = (plain, signed)[seed % 2](Random(seed))
        assert isinstance(number.value, int | float)
        assert comparable(number.value) in {found for found, _ in numbers(f"x: {number.surface}.")}, number


def test_amounts_are_written_in_many_ways() -> None:
    make = number_maker(Bounds(low=Fraction(1000)), "amount", signed=True)
    surfaces = [make(Random(seed)).surface for seed in range(2000)]
    for part in (",", "€", "$", "£", " €"):
        assert any(part in surface for surface in surfaces)
    assert any(surface[-3] == "," and "." in surface for surface in surfaces)
    assert any(surface[-3] == "," and " " in surface for surface in surfaces)
    assert any(surface.isdecimal() for surface in surfaces)


@pytest.mark.parametrize(
    ("style", "surfaces"),
    [
        pytest.param("percent", ["%", " %", " percent"], id="percent"),
        pytest.param("count", ["three", "nineteen", "zero"], id="words for small counts"),
    ],
)
def test_some_numbers_are_written_in_words_or_signs(style: Style, surfaces: list[str]) -> None:
    make = number_maker(Bounds(high=Fraction(25)), style)
    written = [make(Random(seed)).surface for seed in range(3000)]
    assert all(any(surface.endswith(end) for surface in written) for end in surfaces)


def test_a_share_of_one_has_no_percent_sign() -> None:
    make = number_maker(Bounds(low=Fraction(0), high=WHOLE), "percent")
    assert not any("%" in make(Random(seed)).surface for seed in range(200))


def test_an_integer_in_an_amount_has_no_cents() -> None:
    assert {type(value) for value in drawn(Bounds(step=WHOLE), "amount")} == {int}


def test_small_counts_are_commoner_than_large_ones() -> None:
    counts = drawn(Bounds(step=WHOLE), "count", seeds=1000)
    # A third power is below 1/8 half the time.
    assert 0.42 < sum(count < 125 for count in counts) / 1000 < 0.58


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        pytest.param(Bounds(low=Fraction(3), high=Fraction(5), step=WHOLE), {3, 4, 5}, id="both included"),
        pytest.param(
            Bounds(low=Fraction(3), low_is_open=True, high=Fraction(5), high_is_open=True, step=WHOLE),
            {4},
            id="open",
        ),
        pytest.param(
            Bounds(low=Fraction(1), high=Fraction(2), step=Fraction(1, 4)),
            {1, 1.25, 1.5, 1.75, 2},
            id="quarters",
        ),
        pytest.param(Bounds(low=Fraction(-9), high=Fraction(-7), step=Fraction(2)), {-8}, id="negative"),
        pytest.param(
            Bounds(low=Fraction(-1), high=Fraction(1), step=Fraction(1, 2)),
            {-1, -0.5, 0, 0.5, 1},
            id="around zero",
        ),
        pytest.param(Bounds(low=Fraction(9, 2), high=Fraction(9, 2)), {4.5}, id="one number"),
    ],
)
def test_all_numbers_within_the_bounds_are_drawn(bounds: Bounds, expected: set[float]) -> None:
    assert set(drawn(bounds, "count")) == expected


@pytest.mark.parametrize(
    ("bounds", "keyword"),
    [
        (Bounds(low=Fraction(2), high=Fraction(1)), "minimum"),
        (Bounds(low=Fraction(1), low_is_open=True, high=Fraction(1)), "minimum"),
        (Bounds(low=Fraction(1, 3), high=Fraction(1, 2), step=WHOLE), "minimum"),
        (Bounds(low=Fraction(1), high=Fraction(6), step=Fraction(7)), "multipleOf"),
    ],
)
def test_bounds_that_leave_nothing_are_refused(bounds: Bounds, keyword: str) -> None:
    with pytest.raises(Undrawable) as refused:
        number_maker(bounds, "share")
    assert refused.value.keyword == keyword


@given(
    low=st.none() | st.decimals(-(10**6), 10**6, places=3),
    high=st.none() | st.decimals(-(10**6), 10**6, places=3),
    step=st.none() | st.sampled_from(["1", "0.01", "0.25", "7", "1000", "0.003"]),
    style=st.sampled_from(STYLES),
    seed=st.integers(0, 99),
)
def test_numbers_keep_their_bounds_exactly(
    low: Decimal | None, high: Decimal | None, step: str | None, style: Style, seed: int
) -> None:
    assume(low is None or high is None or low + 1000 <= high)
    bounds = Bounds(
        low=None if low is None else Fraction(low),
        high=None if high is None else Fraction(high),
        step=None if step is None else Fraction(step),
    )
    value = Decimal(repr(number_maker(bounds, style)(Random(seed)).value))
    assert low is None or value >= low
    assert high is None or value <= high
    assert step is None or value % Decimal(step) == 0


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [(None, "3", "3"), ("2", "3", "6"), ("0.5", "1", "1"), ("0.04", "0.06", "0.12"), ("1", "0.25", "1")],
)
def test_a_common_multiple_is_the_least(one: str | None, other: str, common: str) -> None:
    assert common_multiple(None if one is None else Fraction(one), Fraction(other)) == Fraction(common)
