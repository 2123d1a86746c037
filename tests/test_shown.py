import pytest

from adhere.measure.statistics import Mean, Rate, Undefined
from adhere.records import JSON
from adhere.shown import Shown, percent, points, probability, shown


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        pytest.param(Rate(1, 2).as_json(), Shown(0.5, Rate(1, 2).low, Rate(1, 2).high, 2), id="a rate"),
        pytest.param(Mean.of([0.25, 0.25]).as_json(), Shown(0.25, 0.25, 0.25, 2), id="a mean"),
        pytest.param(Undefined().as_json(), None, id="a mean of no rows"),
        pytest.param(None, None, id="absent"),
        pytest.param({"right": 1}, None, id="another object"),
    ],
)
def test_a_summarys_number_is_read_with_its_evidence(number: JSON, expected: Shown | None) -> None:
    assert shown(number) == expected


def test_shares_are_spelled_in_percent_with_blanks_that_do_not_break() -> None:
    number = Shown(0.1234, 0.081, 0.17, 200)
    assert (number.percent, number.interval) == ("12.3\u00a0%", "8.1\u00a0to\u00a017.0")
    assert percent(1.0) == "100.0\u00a0%"


@pytest.mark.parametrize(
    ("difference", "expected"),
    [(0.123, "+12.3"), (-0.04, "\u22124.0"), (0.0, "+0.0")],
    ids=["more", "less", "equal"],
)
def test_differences_are_spelled_in_points_with_their_sign(difference: float, expected: str) -> None:
    assert points(difference) == expected


@pytest.mark.parametrize(
    ("p", "expected"),
    [(0.04, "0.040"), (0.001, "0.001"), (0.0009, "< 0.001")],
    ids=["large", "at the border", "small"],
)
def test_a_small_probability_is_not_spelled_as_zero(p: float, expected: str) -> None:
    assert probability(p) == expected
