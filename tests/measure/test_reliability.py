import math
import random
from statistics import fmean

import numpy as np
import pytest

from adhere.errors import EvaluationError
from adhere.measure.calibration import Claim
from adhere.measure.reliability import BINS, THRESHOLDS, reliability
from adhere.measure.statistics import Mean, Undefined

RIGHT, WRONG = True, False


def drawn(seed: int, *, rows: int, alike: bool = False) -> list[list[Claim]]:
    """Rows of four leaves that are right by their confidence; alike, all of a row together."""
    chance = random.Random(seed)
    made: list[list[Claim]] = []
    for _ in range(rows):
        sure, luck = chance.random(), chance.random()
        claims = [(sure, luck)] * 4 if alike else [(chance.random(), chance.random()) for _ in range(4)]
        made.append([Claim(confidence, toss < confidence) for confidence, toss in claims])
    return made


def by_hand(claims: list[Claim], bins: list[list[Claim]]) -> float:
    gaps = [
        abs(fmean(each.confidence for each in its) - fmean(each.right for each in its)) * len(its)
        for its in bins
        if its
    ]
    return math.fsum(gaps) / len(claims)


# ---------------------------------------------------------------------------------------------- the numbers


def test_the_numbers_are_those_that_loops_find() -> None:
    rows = drawn(1, rows=100)
    found = reliability(rows)
    claims = sorted((claim for row in rows for claim in row), key=lambda claim: claim.confidence)
    assert (found.rows, found.leaves) == (100, 400)
    tenths = [claims[place : place + 40] for place in range(0, 400, 40)]
    assert found.ece.mean == pytest.approx(by_hand(claims, tenths))
    widths = [[each for each in claims if int(each.confidence * 10) == bin] for bin in range(10)]
    assert found.ece_width.mean == pytest.approx(by_hand(claims, widths))
    assert found.brier.mean == pytest.approx(fmean((each.confidence - each.right) ** 2 for each in claims))
    pairs = [
        (one.confidence > other.confidence) + 0.5 * (one.confidence == other.confidence)
        for one in claims
        for other in claims
        if one.right and not other.right
    ]
    assert isinstance(found.auroc, Mean)
    assert found.auroc.mean == pytest.approx(fmean(pairs))
    assert [each.confidence for each in found.curve] == pytest.approx(
        [fmean(claim.confidence for claim in its) for its in tenths]
    )
    assert [each.right.mean for each in found.curve] == pytest.approx(
        [fmean(claim.right for claim in its) for its in tenths]
    )


def test_a_threshold_is_told_what_lies_at_or_above_it() -> None:
    rows = [
        [Claim(0.4, WRONG), Claim(0.9, RIGHT)],
        [Claim(0.95, WRONG), Claim(0.97, RIGHT), Claim(0.5, RIGHT)],
    ]
    told = {each.threshold: each for each in reliability(rows).above}
    assert tuple(told) == THRESHOLDS
    # At or above 0.9: three of five leaves, two of them right.
    right = told[0.9].right
    assert isinstance(right, Mean)
    assert (right.mean, right.n) == (pytest.approx(2 / 3), 3)
    assert (told[0.9].share.mean, told[0.9].share.n) == (pytest.approx(3 / 5), 5)
    assert told[0.99].right == Undefined()
    assert told[0.99].share.mean == 0


def test_leaves_of_equal_confidence_share_a_bin() -> None:
    rows = [[Claim(1.0, place < 60)] for place in range(80)] + [[Claim(0.2, WRONG)] for _ in range(20)]
    found = reliability(rows)
    assert [(each.confidence, each.right.n) for each in found.curve] == [
        (pytest.approx(0.2), 20),
        (pytest.approx(1.0), 80),
    ]
    # 20 leaves are off by 0.2, 80 by 1/4.
    assert found.ece.mean == pytest.approx((20 * 0.2 + 80 * 0.25) / 100)


def test_confidence_that_is_the_chance_of_being_right_has_only_the_gap_of_chance() -> None:
    found = [reliability(drawn(seed, rows=200)) for seed in range(12)]
    assert fmean(each.ece.mean for each in found) == pytest.approx(
        fmean(each.ece_chance for each in found), rel=0.15
    )
    # 800 leaves in 10 bins of mean variance 1/6: √(2/π · 80/6) · 10 / 800.
    assert found[0].ece_chance == pytest.approx(math.sqrt(2 / math.pi * 80 / 6) * BINS / 800, rel=0.1)


# ---------------------------------------------------------------------------------------------- the intervals


def test_leaves_that_go_together_widen_the_interval() -> None:
    apart, alike = reliability(drawn(1, rows=150)), reliability(drawn(1, rows=150, alike=True))
    # Four leaves that agree say as much as one: an interval twice as wide.
    for one, other in ((apart.brier, alike.brier), (apart.auroc, alike.auroc)):
        assert isinstance(one, Mean)
        assert isinstance(other, Mean)
        assert (other.high - other.low) / (one.high - one.low) == pytest.approx(2, rel=0.3)


def test_an_interval_holds_its_number() -> None:
    found = reliability(drawn(2, rows=60))
    assert isinstance(found.auroc, Mean)
    numbers = [found.ece, found.ece_width, found.brier, found.auroc, *(each.share for each in found.above)]
    assert all(each.low <= each.mean <= each.high for each in numbers)


def test_the_area_has_the_interval_of_a_bootstrap_over_rows() -> None:
    rows = drawn(3, rows=80, alike=True)
    random_rows = np.random.default_rng(0)
    areas: list[float] = []
    for _ in range(200):
        area = reliability_area([rows[pick] for pick in random_rows.integers(0, 80, 80)])
        areas.append(area)
    low, high = np.percentile(areas, [2.5, 97.5])
    found = reliability(rows).auroc
    assert isinstance(found, Mean)
    assert (found.low, found.high) == (pytest.approx(low, abs=0.02), pytest.approx(high, abs=0.02))


def reliability_area(rows: list[list[Claim]]) -> float:
    hits = np.array([claim.confidence for row in rows for claim in row if claim.right])
    misses = np.array([claim.confidence for row in rows for claim in row if not claim.right])
    return float(((hits[:, None] > misses) + 0.5 * (hits[:, None] == misses)).mean())


def test_the_same_rows_give_the_same_numbers() -> None:
    rows = drawn(1, rows=30)
    assert reliability(rows, seed=4) == reliability(rows, seed=4)


# ------------------------------------------------------------------------------------------ what is undefined


def test_rows_without_leaves_do_not_count() -> None:
    rows = drawn(1, rows=30)
    assert reliability([[], *rows, []]) == reliability(rows)


@pytest.mark.parametrize("right", [RIGHT, WRONG])
def test_without_both_right_and_wrong_leaves_none_is_told_from_the_other(right: bool) -> None:  # noqa: FBT001
    found = reliability([[Claim(0.7, right)], [Claim(0.6, right)]])
    assert found.auroc == Undefined()
    assert found.as_json()["auroc"] == {"mean": None, "low": None, "high": None, "n": 0}


def test_one_row_is_enough_for_a_number() -> None:
    found = reliability([[Claim(0.7, RIGHT), Claim(0.6, WRONG)]])
    assert found.ece.mean == pytest.approx((0.3 + 0.6) / 2)
    assert isinstance(found.auroc, Mean)
    assert found.auroc.mean == 1


def test_without_leaves_there_is_nothing_to_measure() -> None:
    with pytest.raises(EvaluationError, match="confidence = '2 rows': none of them has a leaf"):
        reliability([[], []])


def test_the_numbers_are_spelled_with_their_evidence() -> None:
    spelled = reliability(drawn(1, rows=30)).as_json()
    assert list(spelled) == ["ece", "ece_width", "ece_chance", "brier", "auroc", "above"]
    assert isinstance(spelled["above"], list)
    assert isinstance(spelled["above"][0], dict)
    assert list(spelled["above"][0]) == ["threshold", "right", "share"]
