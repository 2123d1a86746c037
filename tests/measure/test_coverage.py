"""Intervals and p values in simulation: what is said to hold 95 % of the time does.

A share of `TRIALS` trials is known to ± 2.6 standard errors with a chance of 99 %.
"""

import math
from collections.abc import Callable

import numpy as np
import pytest

from adhere.measure.paired import differences, tango
from adhere.measure.share import share
from adhere.measure.statistics import Floats, Rate, means

TRIALS = 2_000
ERROR = 2.6 * math.sqrt(0.95 * 0.05 / TRIALS)

pytestmark = pytest.mark.slow


def covered(low: Floats, high: Floats, truth: float) -> float:
    return float(((low <= truth) & (truth <= high)).mean())


def steps(draw: np.random.Generator, size: tuple[int, int]) -> Floats:
    """Shares of leaves that are right, as of a model that is often right; their mean is .7725."""
    return draw.choice([0.0, 0.25, 0.5, 0.75, 0.9, 1.0], p=[0.1, 0.05, 0.1, 0.1, 0.15, 0.5], size=size)


def bell(draw: np.random.Generator, size: tuple[int, int]) -> Floats:
    return draw.normal(0.7725, 0.2, size=size)


@pytest.mark.parametrize("n", [50, 200, 6500])
@pytest.mark.parametrize("truth", [0.02, 0.31, 0.62, 0.98])
def test_wilsons_interval_holds_the_true_rate(truth: float, n: int) -> None:
    hits = np.random.default_rng(n).binomial(n, truth, size=TRIALS)
    rates = [Rate(int(each), n) for each in hits]
    found = covered(np.array([r.low for r in rates]), np.array([r.high for r in rates]), truth)
    # Counts come whole, so it is 95 % only on average over rates: the coarser the fewer hits or misses.
    assert found == pytest.approx(0.95, abs=ERROR + 0.1 / (n * truth * (1 - truth)) + 0.01)


@pytest.mark.parametrize("n", [50, 200])
@pytest.mark.parametrize("values", [steps, bell], ids=["steps", "bell"])
def test_the_bootstraps_interval_holds_the_true_mean(
    values: Callable[[np.random.Generator, tuple[int, int]], Floats], n: int
) -> None:
    found = means(values(np.random.default_rng(n), (n, TRIALS)))
    low, high = np.array([each.low for each in found]), np.array([each.high for each in found])
    assert covered(low, high, 0.7725) == pytest.approx(0.95, abs=ERROR + (0.012 if n == 50 else 0))


@pytest.mark.parametrize(("n", "told"), [(50, 0.87), (200, 0.94)])
def test_the_bootstraps_interval_of_what_is_rare_holds_as_often_as_the_documents_say(
    n: int, told: float
) -> None:
    # One row in ten has noise, 1/6 of its answer on average: .6 / (.6 + 3).
    draw = np.random.default_rng(n)
    noise = np.where(draw.random((n, TRIALS)) < 0.9, 0.0, draw.beta(0.6, 3.0, size=(n, TRIALS)))
    found = means(noise)
    low, high = np.array([each.low for each in found]), np.array([each.high for each in found])
    assert covered(low, high, 0.1 / 6) == pytest.approx(told, abs=2.6 * math.sqrt(0.87 * 0.13 / TRIALS))


@pytest.mark.parametrize(("lost", "gained"), [(0.02, 0.08), (0.1, 0.1), (0.15, 0.3), (0.005, 0.005)])
@pytest.mark.parametrize("n", [50, 400])
def test_tangos_interval_holds_the_true_difference_of_rates(lost: float, gained: float, n: int) -> None:
    counts = np.random.default_rng(n).multinomial(n, [gained, lost, 1 - gained - lost], size=TRIALS)
    ends = np.array([tango(int(wins), int(losses), n) for wins, losses, _ in counts])
    # Where hardly a row differs it is cautious: it cannot be narrower than 3.84 / n.
    assert covered(ends[:, 0], ends[:, 1], gained - lost) >= 0.95 - ERROR - 0.01
    if n * (lost + gained) > 10:
        assert covered(ends[:, 0], ends[:, 1], gained - lost) <= 0.95 + ERROR + 0.01


def test_where_rows_of_a_document_are_equal_intervals_still_hold_the_truth() -> None:
    # 60 documents with five equal rows each: taken as 300 rows that stand alone, the interval holds the true
    # mean in 62 % of cases, as 1.96 / √5 = .88 standard errors do.
    units = np.repeat(np.arange(60), 5)
    values = np.repeat(steps(np.random.default_rng(1), (60, TRIALS)), 5, axis=0)
    together, alone = means(values, units), means(values)
    found = [
        covered(np.array([each.low for each in some]), np.array([each.high for each in some]), 0.7725)
        for some in (together, alone)
    ]
    assert found[0] == pytest.approx(0.95, abs=ERROR + 0.012)
    assert found[1] == pytest.approx(0.62, abs=0.04)


def test_where_rows_of_a_document_are_equal_the_interval_of_a_rate_still_holds_it() -> None:
    hits = np.random.default_rng(2).binomial(1, 0.7, size=(60, TRIALS)) * 5.0
    shares = [share(column, np.full(60, 5.0)) for column in hits.T]
    ends = np.array([(each.low, each.high) for each in shares], dtype=np.float64)
    assert covered(ends[:, 0], ends[:, 1], 0.7) == pytest.approx(0.95, abs=ERROR + 0.015)


@pytest.mark.parametrize("size", [1, 5], ids=["rows alone", "rows of documents"])
def test_between_equal_systems_every_p_is_as_likely_as_it_says(size: int) -> None:
    draw = np.random.default_rng(size)
    gaps = steps(draw, (60, TRIALS)) - steps(draw, (60, TRIALS))
    units = np.repeat(np.arange(60), size)
    p = np.array([each.p for each in differences(np.repeat(gaps, size, axis=0), units)])
    for level in (0.05, 0.2, 0.5, 0.8):
        error = 2.6 * math.sqrt(level * (1 - level) / TRIALS)
        assert (p <= level).mean() == pytest.approx(level, abs=error + 0.003)


def test_between_equal_rates_mcnemars_p_is_at_most_as_likely_as_it_says() -> None:
    gaps = np.random.default_rng(3).choice([-1.0, 0.0, 1.0], p=[0.1, 0.8, 0.1], size=(200, TRIALS))
    p = np.array([each.p for each in differences(gaps)])
    for level in (0.05, 0.2, 0.5):
        assert (p <= level).mean() <= level + 2.6 * math.sqrt(level * (1 - level) / TRIALS)
