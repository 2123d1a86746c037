"""Rates and means, against statsmodels, scipy and slow versions written plainly."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from adhere.errors import EvaluationError
from adhere.measure.statistics import (
    Mean,
    Rate,
    Summed,
    Undefined,
    bca,
    holm,
    means,
    resampled_sums,
)

SHARES = st.floats(0, 1, allow_subnormal=False)


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
    # Nine 1s and a 0: resampled means are k/10, k ~ Binomial(10, .9). P(k < 9) + P(k = 9) / 2 = .458, a shift
    # of -.107; the skew is -.72 / (6 · .9 ** 1.5) = -.14. They move the lower end from 2.5 % to .13 %, where
    # k is 5 (P(k ≤ 4) = .0001, P(k ≤ 5) = .0016), and the upper from 97.5 % to 91 %, where it is 10.
    assert Mean.of([1.0] * 9 + [0.0]).as_json() == {"mean": 0.9, "low": 0.5, "high": 1.0, "n": 10}


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


def values_by_shape(shape: str, n: int) -> list[float]:
    draw = np.random.default_rng(5)
    match shape:
        case "steps":
            return draw.choice([0.0, 0.25, 0.5, 0.75, 1.0], p=[0.1, 0.1, 0.1, 0.1, 0.6], size=n).tolist()
        case "mostly 0":
            return np.where(draw.random(n) < 0.8, 0.0, draw.random(n)).tolist()
        case _:
            return draw.normal(3.0, 1.0, size=n).tolist()


@pytest.mark.parametrize("n", [8, 50, 400])
@pytest.mark.parametrize("shape", ["steps", "mostly 0", "bell"])
def test_on_the_same_resamples_the_interval_is_that_of_scipy(shape: str, n: int) -> None:
    values = values_by_shape(shape, n)
    drawn = resampled_sums(np.array(values)[:, None])[:, 0] / n
    known: Any = bootstrap((values,), np.mean, n_resamples=9)  # a record without types
    expected: Any = bootstrap(
        (values,),
        np.mean,
        n_resamples=0,
        bootstrap_result=replace(known, bootstrap_distribution=drawn),
        method="BCa",
    )
    mean = Mean.of(values)
    # A mean that another adds up in another order may fall on the other side of a tie: 1 draw in 10,000.
    width = mean.high - mean.low
    interval = expected.confidence_interval
    assert (mean.low, mean.high) == pytest.approx((interval.low, interval.high), abs=0.1 * width)
    if shape == "bell":
        assert (mean.low, mean.high) == pytest.approx((interval.low, interval.high), rel=1e-9)


@pytest.mark.parametrize("shape", ["steps", "mostly 0", "bell"])
def test_on_resamples_of_its_own_the_interval_is_near_that_of_scipy(shape: str) -> None:
    values = values_by_shape(shape, 200)
    expected: Any = bootstrap(
        (values,), np.mean, n_resamples=10_000, rng=np.random.default_rng(9)
    )  # a record without types
    mean, interval = Mean.of(values), expected.confidence_interval
    width = mean.high - mean.low
    assert (mean.low, mean.high) == pytest.approx((interval.low, interval.high), abs=0.05 * width)


def test_the_same_seed_gives_the_same_interval_and_another_one_does_not() -> None:
    values = np.random.default_rng(0).random(50).tolist()
    assert Mean.of(values, seed=1) == Mean.of(values, seed=1)
    assert Mean.of(values, seed=1) != Mean.of(values, seed=2)


def test_resamples_drawn_in_batches_are_those_drawn_at_once() -> None:
    # 1,000 rows: 10,000 resamples are drawn in five batches.
    values = np.random.default_rng(0).random(1000)
    picks = np.random.default_rng(0).integers(0, 1000, size=(10_000, 1000), dtype=np.uint32)
    assert resampled_sums(values[:, None])[:, 0] == pytest.approx(values[picks].sum(axis=1))


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


def test_a_mean_of_no_rows_is_spelled_with_its_n_and_never_as_0() -> None:
    assert Undefined().as_json() == {"mean": None, "low": None, "high": None, "n": 0}


# -------------------------------------------------------------------------------------------------- Holm


def test_holm_multiplies_the_smallest_p_by_all_tests_and_the_next_by_one_less() -> None:
    # sorted: .01 · 3 = .03; .02 · 2 = .04; .04 · 1 = .04
    assert holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])


@settings(max_examples=6)  # statsmodels takes a tenth of a second each
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
    drawn = resampled_sums(np.array(values)[:, None])[:, 0] / 50
    low, high = bca(drawn, mean=0.5, sum_C=np.array(values), count_C=np.ones(50))
    whole = Mean.of(values)
    assert (low, high) == (pytest.approx(whole.low), pytest.approx(whole.high))


# ------------------------------------------------------------------------------------------- several columns


def test_each_column_has_the_mean_and_interval_that_it_has_alone() -> None:
    columns = np.random.default_rng(1).random((40, 3))
    assert means(columns) == [Mean.of(column.tolist()) for column in columns.T]


def test_a_column_is_averaged_over_the_rows_that_have_a_value() -> None:
    column = np.array([0.0, math.nan, 1.0, math.nan, 1.0])
    (mean,) = means(column[:, None])
    assert (mean.mean, mean.n) == (pytest.approx(2 / 3), 3)
    assert 0 <= mean.low < 2 / 3 < mean.high <= 1


def test_a_column_of_one_value_has_an_interval_of_no_width() -> None:
    assert means(np.array([[math.nan], [0.3], [math.nan]])) == [Mean(mean=0.3, low=0.3, high=0.3, n=1)]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_column_of_no_value_or_of_no_number_is_an_error(value: float) -> None:
    with pytest.raises(EvaluationError, match="mean = "):
        means(np.array([[value], [value]]))


# ------------------------------------------------------------------------------------------------- clusters


def doubled(values: list[float]) -> tuple[Any, Any]:
    """Each row twice, and the cluster of each."""
    return np.repeat(values, 2)[:, None], np.repeat(np.arange(len(values)), 2)


def test_rows_that_are_copies_of_one_another_tell_no_more_than_one_of_them() -> None:
    values = np.random.default_rng(2).random(30).tolist()
    rows, units = doubled(values)
    (mean,) = means(rows, units)
    alone = Mean.of(values)
    assert (mean.mean, mean.n) == (pytest.approx(alone.mean), 60)
    assert (mean.low, mean.high) == pytest.approx((alone.low, alone.high))


def test_clusters_of_one_row_each_are_none() -> None:
    values = np.random.default_rng(2).random((30, 1))
    assert means(values, np.arange(30)) == means(values)
    assert not Summed.of(values, np.arange(30)).is_clustered


def test_clusters_that_agree_have_an_interval_of_no_width() -> None:
    # Both documents have one row that is right and one that is wrong.
    (mean,) = means(np.array([[0.0], [1.0], [1.0], [0.0]]), np.array([0, 0, 1, 1]))
    assert (mean.mean, mean.low, mean.high) == (0.5, 0.5, 0.5)


def test_on_clusters_of_any_size_the_interval_is_that_of_scipy() -> None:
    draw = np.random.default_rng(3)
    units = np.sort(np.concatenate([np.arange(25), draw.integers(0, 25, size=60)]))
    values = draw.random(85) + units / 25
    summed = Summed.of(values[:, None], units)

    def ratio(sums: Any, counts: Any, axis: int) -> Any:
        return sums.sum(axis=axis) / counts.sum(axis=axis)

    expected: Any = bootstrap(  # a record without types
        (summed.sum_CK[:, 0], summed.count_CK[:, 0]),
        ratio,
        paired=True,
        vectorized=True,
        n_resamples=10_000,
        rng=np.random.default_rng(4),
    )
    (mean,) = means(values[:, None], units)
    interval, width = expected.confidence_interval, mean.high - mean.low
    assert (mean.low, mean.high) == pytest.approx((interval.low, interval.high), abs=0.05 * width)


def test_the_variance_of_a_mean_is_that_of_independent_rows_where_they_are() -> None:
    values = np.random.default_rng(6).random(50)
    (variance,) = Summed.of(values[:, None]).variance_K
    assert variance == pytest.approx(values.var(ddof=1) / 50)


def test_the_variance_of_copies_is_that_of_one_of_each() -> None:
    values = np.random.default_rng(6).random(50)
    rows, units = doubled(values.tolist())
    assert Summed.of(rows, units).variance_K == pytest.approx(Summed.of(values[:, None]).variance_K)


def test_one_cluster_alone_says_nothing_of_others() -> None:
    with pytest.raises(EvaluationError, match="clusters = '1 of 3 rows': all rows go together"):
        means(np.array([[0.0], [1.0], [1.0]]), np.array([0, 0, 0]))
