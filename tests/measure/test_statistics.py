"""Rates, means and paired differences, against statsmodels and against slow versions written plainly."""

import itertools
import math
import random
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from adhere.errors import EvaluationError
from adhere.measure.statistics import (
    Mean,
    Rate,
    Undefined,
    holm,
    mean_of,
    paired_difference,
    resampled_sums,
)

SHARES = st.floats(0, 1, allow_subnormal=False)
STEPS = st.integers(0, 64).map(lambda step: step / 64)
"""Shares whose sums are exact, so that ties are ties."""
PAIRS = st.lists(st.tuples(STEPS, STEPS), min_size=1, max_size=8)


# ------------------------------------------------------------------------------------------------ rates


@pytest.mark.parametrize("tries", [1, 2, 7, 50, 350, 6500])
def test_a_rate_has_the_wilson_interval_of_statsmodels(tries: int) -> None:
    for hits in sorted({0, 1, tries // 3, tries // 2, tries - 1, tries}):
        rate = Rate(hits, tries)
        low, high = proportion_confint(hits, tries, alpha=0.05, method="wilson")
        assert (rate.low, rate.high) == pytest.approx((low, high), abs=1e-12)


def test_31_of_50_is_known_to_within_13_points() -> None:
    # center = (31 + 1.92) / (50 + 3.84) = .6115; half width = 1.96 / 53.84 √(31 · 19 / 50 + .96) = .1297
    rate = Rate(31, 50)
    assert rate.as_json() == {
        "hits": 31,
        "tries": 50,
        "rate": 0.62,
        "low": pytest.approx(0.4815, abs=5e-5),
        "high": pytest.approx(0.7414, abs=5e-5),
    }


@given(st.integers(1, 10_000).flatmap(lambda tries: st.tuples(st.integers(0, tries), st.just(tries))))
def test_the_interval_of_a_rate_holds_it_and_stays_between_0_and_1(counts: tuple[int, int]) -> None:
    rate = Rate(*counts)
    assert 0 <= rate.low <= rate.rate <= rate.high <= 1


@pytest.mark.parametrize(
    ("hits", "tries"),
    [
        pytest.param(0, 0, id="nothing tried"),
        pytest.param(3, 2, id="more hits than tries"),
        pytest.param(-1, 2, id="fewer hits than none"),
    ],
)
def test_a_rate_of_nothing_is_an_error_and_not_0(hits: int, tries: int) -> None:
    with pytest.raises(EvaluationError, match=f"rate = '{hits} of {tries}'"):
        Rate(hits, tries)


# ------------------------------------------------------------------------------------------------ means


def test_a_mean_travels_with_its_interval_and_n() -> None:
    # Nine 1s and a 0: resampled means are k/10, k ~ Binomial(10, .9), with 2.5 % at 7 and 97.5 % at 10.
    assert Mean.of([1.0] * 9 + [0.0]).as_json() == {"mean": 0.9, "low": 0.7, "high": 1.0, "n": 10}


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, 1.0, 417.0])
def test_values_that_are_all_equal_have_an_interval_of_no_width(value: float) -> None:
    assert Mean.of([value] * 7) == Mean(mean=value, low=value, high=value, n=7)


def test_the_interval_of_many_values_is_near_the_normal_one() -> None:
    values = np.random.default_rng(3).normal(5.0, 2.0, size=900)
    mean = Mean.of(values.tolist())
    half_width = 1.96 * values.std() / math.sqrt(900)
    # The bootstrap's own noise with 10,000 resamples is about 1 % of the width.
    assert (mean.low, mean.high) == pytest.approx(
        (values.mean() - half_width, values.mean() + half_width), abs=0.05 * half_width
    )


def test_the_interval_agrees_with_a_bootstrap_written_as_a_loop() -> None:
    values = [0.0, 0.0, 0.25, 0.5, 0.5, 0.75, 1.0, 1.0]
    draw = random.Random(5)
    means = sorted(fmean(draw.choices(values, k=len(values))) for _ in range(10_000))
    # Means are multiples of 1/32: both ends may differ by one step between two sets of draws.
    mean = Mean.of(values)
    assert (mean.low, mean.high) == pytest.approx((means[249], means[9750]), abs=1 / 32)


def test_the_same_seed_gives_the_same_interval_and_another_one_does_not() -> None:
    values = np.random.default_rng(0).random(50).tolist()
    assert Mean.of(values, seed=1) == Mean.of(values, seed=1)
    assert Mean.of(values, seed=1) != Mean.of(values, seed=2)


def test_resamples_drawn_in_batches_are_those_drawn_at_once() -> None:
    # 1,000 values: 10,000 resamples are drawn in five batches.
    values = np.random.default_rng(0).random(1000)
    picks = np.random.default_rng(0).integers(0, 1000, size=(10_000, 1000), dtype=np.uint32)
    low, high = np.percentile(values[picks].mean(axis=1), [2.5, 97.5])
    mean = Mean.of(values.tolist(), seed=0)
    assert (mean.low, mean.high) == (low, high)


@settings(max_examples=25)
@given(st.lists(SHARES, min_size=1, max_size=20))
def test_the_interval_of_a_mean_stays_within_the_values(values: list[float]) -> None:
    mean = Mean.of(values)
    assert min(values) <= mean.low <= mean.high <= max(values)
    assert mean.n == len(values)


@pytest.mark.parametrize("values", [[], [0.5, math.nan], [math.inf]])
def test_a_mean_of_nothing_or_of_no_number_is_an_error(values: list[float]) -> None:
    with pytest.raises(EvaluationError, match="mean = "):
        Mean.of(values)


def test_where_no_value_is_a_normal_matter_the_mean_is_undefined_and_never_0() -> None:
    assert mean_of([]) == Undefined()
    assert Undefined().as_json() == {"mean": None, "low": None, "high": None, "n": 0}
    assert mean_of([0.5]) == Mean.of([0.5])


# -------------------------------------------------------------------------------------------- differences


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (1, 0), (3, 3), (9, 2), (21, 11), (60, 30)])
def test_two_systems_that_succeed_or_fail_are_compared_by_the_mcnemar_test_of_statsmodels(
    wins: int, losses: int
) -> None:
    first = [1.0] * wins + [0.0] * losses + [1.0] * 5
    second = [0.0] * wins + [1.0] * losses + [1.0] * 5
    compared = paired_difference(first, second)
    expected: Any = mcnemar([[5, wins], [losses, 0]], exact=True)  # a bunch of attributes without types
    assert compared.p == pytest.approx(expected.pvalue)
    assert compared.difference == pytest.approx((wins - losses) / (wins + losses + 5))


def test_a_difference_spells_first_minus_second_with_its_interval() -> None:
    # Five rows gain .2 and five gain .4: resampled means are .2 + .02 k with k ~ Binomial(10, .5),
    # whose 2.5 % and 97.5 % points are 2 and 8. All ten gain: p = 2 / 2¹⁰.
    spelled = paired_difference([0.6] * 5 + [0.9] * 5, [0.4] * 5 + [0.5] * 5).as_json()
    assert spelled == {
        "difference": pytest.approx(0.3),
        "low": pytest.approx(0.24),
        "high": pytest.approx(0.36),
        "n": 10,
        "p": 2 / 1024,
    }


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
    p = paired_difference(gaps.tolist(), [0.0] * 200).p
    z = abs(gaps.sum()) / math.sqrt((gaps**2).sum())
    assert p == pytest.approx(math.erfc(z / math.sqrt(2)), abs=0.02)


def test_a_sampled_p_is_never_0() -> None:
    assert paired_difference([0.9] * 40, [0.1] * 40).p == 1 / 10_001


def test_a_system_compared_with_itself_does_not_differ() -> None:
    compared = paired_difference([0.25, 0.5, 1.0], [0.25, 0.5, 1.0])
    assert (compared.difference, compared.low, compared.high, compared.p) == (0.0, 0.0, 0.0, 1.0)


@settings(max_examples=25)
@given(PAIRS)
def test_swapping_the_systems_turns_the_sign_and_keeps_p(pairs: list[tuple[float, float]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    one, other = paired_difference(first, second), paired_difference(second, first)
    assert one.difference == -other.difference
    assert one.p == pytest.approx(other.p)
    assert 0 < one.p <= 1


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


# -------------------------------------------------------------------------------------------------- Holm


def test_holm_multiplies_the_smallest_p_by_all_tests_and_the_next_by_one_less() -> None:
    # sorted: .01 · 3 = .03; .02 · 2 = .04; .04 · 1 = .04
    assert holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])


@settings(max_examples=15)  # statsmodels takes a tenth of a second each
@given(st.lists(SHARES, max_size=10))
def test_holm_agrees_with_statsmodels(p_values: list[float]) -> None:
    expected: Any = multipletests(p_values, method="holm")[1] if p_values else []  # typed as almost anything
    assert holm(p_values) == pytest.approx(list(expected))


# ------------------------------------------------------------------------------------------ resamples of rows


def test_resampled_sums_are_those_of_whole_rows() -> None:
    sums = resampled_sums(np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]]))
    assert sums.shape == (10_000, 2)
    assert (sums[:, 1] == 10 * sums[:, 0]).all()
    # Three rows with replacement: from 1 + 1 + 1 to 4 + 4 + 4, 7 on average.
    assert (sums[:, 0].min(), sums[:, 0].max()) == (3, 12)
    assert sums[:, 0].mean() == pytest.approx(7, abs=0.1)


def test_resampled_sums_have_the_interval_of_the_mean() -> None:
    values = [place / 49 for place in range(50)]
    low, high = np.percentile(resampled_sums(np.array(values)[:, None])[:, 0] / 50, [2.5, 97.5])
    whole = Mean.of(values)
    assert (low, high) == (pytest.approx(whole.low), pytest.approx(whole.high))
