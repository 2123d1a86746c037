"""Shares of leaves: what their intervals are where rows say it exactly, and how often they hold the truth."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.measure.share import Share, share
from adhere.measure.statistics import Z_95, Rate
from adhere.measure.tally import Tally
from adhere.reward.match import Match

ROWS = st.lists(st.integers(0, 9).flatmap(lambda tries: st.tuples(st.integers(0, tries), st.just(tries))))


def of(*rows: tuple[int, int]) -> Share:
    hits, tries = zip(*rows, strict=True) if rows else ((), ())
    return share(np.array(hits, dtype=np.float64), np.array(tries, dtype=np.float64))


def test_a_share_of_no_leaves_is_not_defined_and_not_0() -> None:
    for found in (of(), of((0, 0), (0, 0))):
        assert found.rate is None
        assert found.as_json() == {"hits": 0, "tries": 0, "rate": None, "low": None, "high": None}


@pytest.mark.parametrize("hits", [0, 1, 7, 20])
def test_where_each_row_has_one_leaf_a_share_is_a_rate(hits: int) -> None:
    found, rate = of(*[(1, 1)] * hits, *[(0, 1)] * (20 - hits)), Rate(hits, 20)
    assert (found.hits, found.tries, found.rate) == (hits, 20, rate.rate)
    assert (found.low, found.high) == pytest.approx((rate.low, rate.high))


def test_rows_without_leaves_say_nothing() -> None:
    assert of((1, 1), (0, 0), (0, 1)) == of((1, 1), (0, 1))


@pytest.mark.parametrize("right", [0, 3, 10])
def test_leaves_that_fail_by_whole_rows_say_as_much_as_rows(right: int) -> None:
    found, rate = of(*[(8, 8)] * right, *[(0, 8)] * (10 - right)), Rate(right, 10)
    assert found.tries == 80
    assert (found.low, found.high) == pytest.approx((rate.low, rate.high))


def test_leaves_that_fail_one_by_one_say_nearly_as_much_as_if_each_stood_alone() -> None:
    # 1,000 rows of 8 leaves, one wrong in every second row: 500 of 8,000.
    found, alone = of(*[(8, 8), (7, 8)] * 500), Rate(7500, 8000)
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low == pytest.approx(alone.high - alone.low, rel=0.1)


def test_the_interval_is_wilsons_on_the_leaves_that_would_say_as_much() -> None:
    """The formula of docs/metrics.md, in plain loops."""
    rows = [(4, 4), (2, 4), (2, 3), (0, 5), (1, 1)]
    # Two rows wholly right and two wholly wrong, of the mean size 17 / 5.
    more = [*rows, *[(3.4, 3.4)] * 2, *[(0.0, 3.4)] * 2]
    tries = sum(each for _, each in more)
    p = sum(each for each, _ in more) / tries
    v = sum((hits - p * its) ** 2 for hits, its in more) / tries**2
    n = p * (1 - p) / v - 4
    share_right = 9 / 17
    center = (share_right * n + Z_95**2 / 2) / (n + Z_95**2)
    half = Z_95 / (n + Z_95**2) * math.sqrt(n * share_right * (1 - share_right) + Z_95**2 / 4)
    found = of(*rows)
    assert 1 < n < 17
    assert (found.hits, found.tries) == (9, 17)
    assert (found.low, found.high) == pytest.approx((center - half, center + half))


@given(ROWS)
def test_an_interval_holds_its_share_and_is_no_narrower_than_that_of_leaves_that_stand_alone(
    rows: list[tuple[int, int]],
) -> None:
    found = of(*rows)
    if found.rate is None or found.low is None or found.high is None:
        assert found.tries == 0
        return
    alone = Rate(found.hits, found.tries)
    assert 0.0 <= found.low <= found.rate <= found.high <= 1.0
    assert found.low <= alone.low + 1e-9
    assert found.high >= alone.high - 1e-9


@given(ROWS)
@settings(max_examples=30)
def test_the_order_of_rows_does_not_matter(rows: list[tuple[int, int]]) -> None:
    found, backwards = of(*rows), of(*rows[::-1])
    assert (backwards.hits, backwards.tries) == (found.hits, found.tries)
    assert (backwards.low, backwards.high) == pytest.approx((found.low, found.high))


# --------------------------------------------------------------------------------------- how often it is true


def coverage(*, rows: int, leaves: tuple[int, int], lost: float, wrong: float, samples: int) -> list[float]:
    """How often the intervals of recall, precision and F1 hold the truth.

    Args:
        rows: Of a sample.
        leaves: Fewest and most of a row.
        lost: Share of rows of which nothing parses, so that all leaves are missing.
        wrong: Share of the other rows' leaves that are wrong; half as many are invented on top.
        samples: Drawn.
    """
    random = np.random.default_rng(0)

    def drawn(count: int) -> Sequence[tuple[np.ndarray, np.ndarray]]:
        gold = random.integers(leaves[0], leaves[1] + 1, count)
        kept = random.random(count) >= lost
        right = random.binomial(gold, 1 - wrong) * kept
        answer = (gold + random.poisson(wrong / 2 * gold)) * kept
        return [(right, gold), (right, answer), (2 * right, gold + answer)]

    truth = [hits.sum() / tries.sum() for hits, tries in drawn(200_000)]
    covered = [0, 0, 0]
    for _ in range(samples):
        for place, (hits, tries) in enumerate(drawn(rows)):
            found = share(hits.astype(np.float64), tries.astype(np.float64))
            assert found.low is not None
            assert found.high is not None
            covered[place] += found.low <= truth[place] <= found.high
    return [each / samples for each in covered]


@pytest.mark.parametrize(
    ("rows", "leaves", "lost", "wrong"),
    [
        pytest.param(50, (1, 1), 0.0, 0.1, id="one leaf a row"),
        pytest.param(20, (8, 8), 0.05, 0.02, id="few rows, most leaves right"),
        pytest.param(50, (2, 40), 0.05, 0.05, id="rows of very different sizes"),
        pytest.param(200, (8, 8), 0.5, 0.1, id="half of the rows lost"),
        pytest.param(200, (30, 50), 0.01, 0.005, id="long rows, hardly a fault"),
    ],
)
def test_intervals_hold_the_truth_at_least_19_times_in_20(
    rows: int, leaves: tuple[int, int], lost: float, wrong: float
) -> None:
    # Of 1,000 samples at exactly 95 %, fewer than 930 hold it in 1 of 400 runs: √(1000 · .95 · .05) = 6.9.
    found = coverage(rows=rows, leaves=leaves, lost=lost, wrong=wrong, samples=1000)
    assert min(found) >= 0.93, found


def test_a_tally_of_rows_adds_up_their_matches() -> None:
    found = Tally.of(
        [Match(right=2, wrong=1, missing=0, invented=1), Match(right=0, wrong=0, missing=3, invented=0)]
    )
    counts = {
        name: (getattr(found, name).hits, getattr(found, name).tries)
        for name in ("recall", "precision", "f1", "wrong", "missing", "invented")
    }
    # The golds have 3 and 3 leaves, the answers 4 and 0.
    assert counts == {
        "recall": (2, 6),
        "precision": (2, 4),
        "f1": (4, 10),
        "wrong": (1, 6),
        "missing": (3, 6),
        "invented": (1, 4),
    }
