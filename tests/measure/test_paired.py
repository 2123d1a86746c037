"""Differences on the same rows, against statsmodels and against slow versions written plainly."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as known_mcnemar

from adhere.errors import EvaluationError
from adhere.measure.paired import Difference, differences, mcnemar, paired_difference, tango
from adhere.measure.statistics import Floats, Mean, means

STEPS = st.integers(0, 64).map(lambda step: step / 64)
"""Shares whose sums are exact, so that ties are ties."""
PAIRS = st.lists(st.tuples(STEPS, STEPS), min_size=1, max_size=8)


def of(gaps: list[float] | Floats, units: list[int] | None = None, **settings: float) -> Difference:
    column = np.array(gaps, dtype=np.float64)[:, None]
    detect = settings.get("detect")
    (found,) = differences(column, None if units is None else np.array(units), detect=detect)
    return found


def test_a_difference_spells_first_minus_second_with_its_interval() -> None:
    # Five rows gain .2 and five gain .4: resampled means are .2 + .02 k with k ~ Binomial(10, .5), which has
    # no skew, and whose 2.5 % and 97.5 % points are 2 and 8. All ten gain: p = 2 / 2¹⁰. The variance is
    # 10 · .1² / 9, so √(variance / 10) · (1.96 + .84) = .0934 is found; .3 takes 1, of the 6 that p needs.
    spelled = paired_difference([0.6] * 5 + [0.9] * 5, [0.4] * 5 + [0.5] * 5).as_json()
    assert spelled == {
        "difference": pytest.approx(0.3),
        "low": pytest.approx(0.24),
        "high": pytest.approx(0.36),
        "n": 10,
        "p": 2 / 1024,
        "detectable": pytest.approx(0.0934, abs=5e-5),
        "rows_needed": 6,
    }


def test_a_system_compared_with_itself_does_not_differ_but_might_by_a_little() -> None:
    compared = paired_difference([0.25, 0.5, 1.0], [0.25, 0.5, 1.0])
    assert (compared.difference, compared.p, compared.rows_needed) == (0.0, 1.0, None)
    assert compared.low == pytest.approx(-compared.high)
    assert compared.high > 0


@settings(max_examples=25)
@given(PAIRS)
def test_swapping_the_systems_turns_the_sign_and_keeps_p(pairs: list[tuple[float, float]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    one, other = paired_difference(first, second), paired_difference(second, first)
    assert one.difference == -other.difference
    assert one.p == pytest.approx(other.p)
    assert 0 < one.p <= 1
    assert (one.detectable, one.rows_needed) == (other.detectable, other.rows_needed)


@pytest.mark.parametrize(
    ("first", "second", "where"),
    [
        pytest.param([1.0], [1.0, 0.0], "paired difference = '1 and 2 rows'", id="other rows"),
        pytest.param([], [], "mean = '0 values'", id="no rows"),
        pytest.param([math.nan], [0.0], "mean = '1 values'", id="not a number"),
    ],
)
def test_a_difference_over_other_rows_or_none_is_an_error(
    first: list[float], second: list[float], where: str
) -> None:
    with pytest.raises(EvaluationError, match=where):
        paired_difference(first, second)


def test_the_interval_of_means_is_that_of_the_mean_gap() -> None:
    gaps = np.random.default_rng(4).normal(0.1, 0.3, size=60).tolist()
    found, mean = of(gaps), Mean.of(gaps)
    assert (found.difference, found.low, found.high) == (mean.mean, mean.low, mean.high)


def test_many_columns_have_the_numbers_that_each_has_alone() -> None:
    draw = np.random.default_rng(4)
    rates = draw.choice([-1.0, 0.0, 1.0], size=30)
    few = np.where(np.arange(30) < 5, draw.random(30), 0.0)
    missing = np.where(np.arange(30) < 3, math.nan, draw.normal(0.1, 0.3, size=30))
    many = draw.normal(0.1, 0.3, size=30)
    found = differences(np.stack([rates, few, missing, many], axis=1))
    assert found[0] == of(rates)
    assert (found[1].p, found[1].low, found[1].high) == (of(few).p, of(few).low, of(few).high)
    assert (found[2].n, found[3].n) == (27, 30)
    assert found[3].p == pytest.approx(of(many).p, abs=0.02)
    assert (found[3].low, found[3].high) == (of(many).low, of(many).high)


# ------------------------------------------------------------------------------------------------- McNemar


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (1, 0), (3, 3), (9, 2), (21, 11), (60, 30), (900, 800)])
def test_two_systems_that_succeed_or_fail_are_compared_by_the_mcnemar_test_of_statsmodels(
    wins: int, losses: int
) -> None:
    first = [1.0] * wins + [0.0] * losses + [1.0] * 5
    second = [0.0] * wins + [1.0] * losses + [1.0] * 5
    compared = paired_difference(first, second)
    expected: Any = known_mcnemar([[5, wins], [losses, 0]], exact=True)  # a bunch of attributes without types
    assert compared.p == pytest.approx(expected.pvalue)
    assert compared.difference == pytest.approx((wins - losses) / (wins + losses + 5))


def test_a_p_smaller_than_any_double_is_still_above_0() -> None:
    # 2 / 2⁶⁵⁰⁰
    assert 0 < mcnemar(6500, 0) < 1e-300


# --------------------------------------------------------------------------------- permutations of the signs


@settings(max_examples=25)
@given(PAIRS)
def test_the_sign_flip_test_agrees_with_every_pattern_tried_in_turn(pairs: list[tuple[float, float]]) -> None:
    first, second = [a for a, _ in pairs] + [0.5], [b for _, b in pairs] + [0.5]
    gaps = [a - b for a, b in zip(first, second, strict=True)]
    bound = abs(sum(gaps))
    patterns = list(itertools.product([1, -1], repeat=len(gaps)))
    extreme = [p for p in patterns if abs(sum(s * g for s, g in zip(p, gaps, strict=True))) >= bound]
    assert paired_difference(first, second).p == pytest.approx(len(extreme) / len(patterns))


def test_more_rows_than_can_be_enumerated_are_sampled_to_about_the_normal_p() -> None:
    gaps = np.random.default_rng(8).normal(0.05, 0.3, size=200)
    z = abs(gaps.sum()) / math.sqrt((gaps**2).sum())
    assert of(gaps).p == pytest.approx(math.erfc(z / math.sqrt(2)), abs=0.02)


def test_a_sampled_p_is_never_0() -> None:
    assert paired_difference([0.9] * 40, [0.1] * 40).p == 1 / 10_001


# ------------------------------------------------------------------------------------------------- clusters


def test_signs_flip_by_cluster() -> None:
    # Three documents of two rows, all of which gain: 2 of 2³ patterns are as extreme. Six rows that stood
    # alone would have 2 / 2⁶.
    gaps = [0.1, 0.2, 0.3, 0.1, 0.2, 0.2]
    assert of(gaps, [0, 0, 1, 1, 2, 2]).p == 2 / 8
    assert of(gaps).p == 2 / 64


def test_rates_of_rows_that_go_together_are_tested_by_cluster_too() -> None:
    # Three documents on which two answers each have become right: 2 / 2³, where McNemar would say 2 / 2⁶.
    assert of([1.0] * 6, [0, 0, 1, 1, 2, 2]).p == 2 / 8
    assert of([1.0] * 6).p == 2 / 64


def test_clusters_in_which_one_row_differs_have_the_p_of_mcnemar() -> None:
    # 9 documents gain one row and 2 lose one; the other rows do not differ.
    gaps = [1.0, 0.0] * 9 + [-1.0, 0.0] * 2
    assert of(gaps, [place // 2 for place in range(22)]).p == mcnemar(9, 2)


def test_copies_of_rows_change_nothing_but_the_rows_needed() -> None:
    gaps = np.random.default_rng(5).normal(0.1, 0.3, size=40)
    alone, twice = of(gaps), of(np.repeat(gaps, 2), [place // 2 for place in range(80)])
    assert twice.p == alone.p
    assert (twice.low, twice.high) == pytest.approx((alone.low, alone.high))
    assert twice.detectable == pytest.approx(alone.detectable)
    assert alone.rows_needed is not None
    assert twice.rows_needed == pytest.approx(2 * alone.rows_needed, abs=1)


# ----------------------------------------------------------------------------------------- Tango's interval


def test_the_interval_between_rates_is_the_published_one() -> None:
    # Airway reactivity before and after a transplantation: 1 and 7 of 21 pairs differ. Tango's interval, by
    # Fagerland, Lydersen and Laake 2014: -.517 to -.026.
    assert tango(1, 7, 21) == pytest.approx((-0.517, -0.026), abs=5e-4)


def worst_score(wins: int, losses: int, n: int, difference: float) -> float:
    """Standard errors from `difference`, where the share of losses is what makes the counts most likely."""
    shares = np.linspace(max(0.0, -difference), (1 - difference) / 2, 200_001)[1:-1]
    likelihood = wins * np.log(shares + difference) + losses * np.log(shares)
    likelihood += (n - wins - losses) * np.log1p(-2 * shares - difference)
    share = shares[likelihood.argmax()]
    return abs(wins - losses - n * difference) / math.sqrt(n * (2 * share + difference * (1 - difference)))


@pytest.mark.parametrize(("wins", "losses", "n"), [(9, 2, 50), (3, 3, 20), (40, 20, 160), (1, 6, 6500)])
def test_both_ends_lie_1_96_standard_errors_off_at_the_likeliest_share(
    wins: int, losses: int, n: int
) -> None:
    for end in tango(wins, losses, n):
        assert worst_score(wins, losses, n, end) == pytest.approx(1.96, abs=2e-3)


def test_where_no_row_differs_the_interval_still_has_a_width() -> None:
    # From -w to w with w = 3.84 / (50 + 3.84).
    assert tango(0, 0, 50) == pytest.approx((-0.0713, 0.0713), abs=5e-5)


@pytest.mark.parametrize(("wins", "losses", "n"), [(7, 0, 7), (0, 7, 7), (1, 0, 1), (0, 3, 50)])
def test_the_interval_holds_the_difference_and_stays_within_minus_1_and_1(
    wins: int, losses: int, n: int
) -> None:
    low, high = tango(wins, losses, n)
    assert -1 <= low <= (wins - losses) / n <= high <= 1
    assert (-high, -low) == pytest.approx(tango(losses, wins, n))


def test_rates_of_rows_that_go_together_have_the_interval_of_the_bootstrap() -> None:
    draw = np.random.default_rng(9)
    gaps = draw.choice([-1.0, 0.0, 1.0], p=[0.1, 0.6, 0.3], size=60)
    units = np.arange(60) // 3
    found = of(gaps, units.tolist())
    (mean,) = means(gaps[:, None], units)
    assert (found.low, found.high) == (mean.low, mean.high)
    low, high = tango(int((gaps > 0).sum()), int((gaps < 0).sum()), 60)
    assert (found.low, found.high) != (low, high)
