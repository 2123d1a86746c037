"""What a comparison could have found, against exact chances and against simulation."""

import math

import numpy as np
import pytest
from scipy.stats import binom

from adhere.measure.paired import differences, mcnemar, paired_difference
from adhere.measure.power import Discordant, Spread


def chance_to_find(difference: float, share: float, n: int) -> float:
    """Exact chance that McNemar's p is below 5 % where a share of `n` rows differs, and more one way."""
    right_way = (1 + difference / share) / 2
    found = 0.0
    for discordant in range(n + 1):
        wins = np.arange(discordant + 1)
        significant = [mcnemar(int(k), discordant - int(k)) < 0.05 for k in wins]
        power = binom.pmf(wins, discordant, right_way)[significant].sum()
        found += float(binom.pmf(discordant, n, share) * power)
    return found


@pytest.mark.parametrize(
    ("difference", "share"), [(0.3, 0.4), (0.2, 0.4), (0.2, 0.2), (0.1, 0.2), (0.15, 0.25), (0.5, 0.6)]
)
def test_the_rows_needed_by_a_rate_find_it_with_a_chance_of_80_percent_or_a_little_more(
    difference: float, share: float
) -> None:
    needed = Discordant(round(1000 * share), 1000).rows_needed(difference)
    assert needed is not None
    # A little more: the formula is of the normal distribution, the test of whole rows.
    most = 0.94 if difference == share else 0.88
    assert 0.79 <= chance_to_find(difference, share, needed) <= most


@pytest.mark.parametrize(("discordant", "n"), [(20, 50), (10, 50), (40, 100), (0, 50)])
def test_the_smallest_detectable_rate_is_found_with_a_chance_of_80_percent_or_a_little_more(
    discordant: int, n: int
) -> None:
    detectable = Discordant(discordant, n).detectable
    assert detectable is not None
    assert 0.79 <= chance_to_find(detectable, max(discordant / n, detectable), n) <= 0.94


@pytest.mark.parametrize("discordant", [0, 5, 40, 200])
def test_what_is_detectable_takes_the_rows_that_are_there(discordant: int) -> None:
    power = Discordant(discordant, 400)
    assert power.detectable is not None
    assert power.rows_needed(power.detectable) == pytest.approx(400, abs=1)


def test_of_50_rows_that_agree_throughout_18_6_points_might_have_been_missed() -> None:
    # d = .186: the share that differs is d at least. n d = 9.3 = 1 + √9.3 · (1.96 + .84 √(1 - .186)).
    assert Discordant(0, 50).detectable == pytest.approx(0.186, abs=5e-4)


def test_31_and_41_of_50_take_about_three_times_as_many_rows() -> None:
    # 10 points of 50 are .2. With 18 rows that differ, 14 one way: spread = 1.96 √.36 + .84 √(.36 - .04) =
    # 1.652; √n = (1.652 + √(1.652² + .8)) / .4 = 8.82.
    compared = paired_difference([1.0] * 41 + [0.0] * 9, [1.0] * 27 + [0.0] * 14 + [1.0] * 4 + [0.0] * 5)
    assert (compared.difference, compared.p) == (pytest.approx(0.2), pytest.approx(0.031, abs=5e-4))
    assert compared.rows_needed == 78
    assert compared.detectable == pytest.approx(0.25, abs=5e-3)


def test_five_rows_find_nothing() -> None:
    # Even if all differ one way, p = 2 / 2⁵ = .0625; six can find a difference of 1.
    assert Discordant(5, 5).detectable is None
    assert Discordant(6, 6).detectable == pytest.approx(1.0, abs=0.05)
    assert Spread(1.0, 5).detectable is None


def test_no_number_of_rows_finds_that_nothing_differs() -> None:
    assert Discordant(3, 50).rows_needed(0.0) is None
    assert Spread(1.0, 50).rows_needed(0.0) is None


@pytest.mark.parametrize("variance", [0.0, math.nan])
def test_rows_that_do_not_vary_tell_nothing_of_how_others_would(variance: float) -> None:
    assert Spread(variance, 50).detectable is None
    assert Spread(variance, 50).rows_needed(0.1) is None


def test_half_the_difference_takes_four_times_the_rows() -> None:
    # .09 · (2.80 / .1)² = 70.6 and .09 · (2.80 / .05)² = 282.6
    assert Spread(0.09, 50).rows_needed(0.1) == 71
    assert Spread(0.09, 50).rows_needed(0.05) == 283
    assert Spread(0.09, 71).detectable == pytest.approx(0.1, abs=5e-4)


def test_a_difference_that_is_asked_about_takes_the_place_of_the_one_that_was_seen() -> None:
    gaps = np.random.default_rng(1).normal(0.1, 0.3, size=(80, 1))
    (seen,) = differences(gaps)
    (asked,) = differences(gaps, detect=2 * seen.difference)
    assert seen.rows_needed is not None
    assert asked.rows_needed == pytest.approx(seen.rows_needed / 4, abs=1)
    assert asked.p == seen.p


@pytest.mark.slow
def test_in_simulation_means_find_what_is_detectable_in_80_percent_of_cases() -> None:
    draw = np.random.default_rng(11)
    n, trials = 60, 2_000
    sample = draw.choice([-0.5, 0.0, 0.25, 1.0], p=[0.2, 0.5, 0.2, 0.1], size=(n, 1))
    (found,) = differences(sample)
    assert found.detectable is not None
    # Rows that vary as these do, moved so that the true difference is just the detectable one.
    moved = sample[:, 0] - sample.mean() + found.detectable
    trial = moved[draw.integers(0, n, size=(n, trials))]
    share = np.mean([each.p < 0.05 for each in differences(trial)])
    # ± 2.6 standard errors of a share of 2,000, and what the normal distribution is off at 60 rows.
    assert share == pytest.approx(0.8, abs=2.6 * math.sqrt(0.8 * 0.2 / trials) + 0.02)
