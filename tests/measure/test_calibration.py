import json
import math
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.errors import DataError, EvaluationError
from adhere.measure.calibration import (
    FOLDS,
    LEAST_ROWS,
    Calibration,
    Claim,
    Isotonic,
    Logistic,
    crossed,
    fitted,
    load,
    spelled,
)

STEPS = Isotonic(((0.2, 0.1), (0.4, 0.3), (0.8, 0.3), (0.9, 0.9)))


def drawn(seed: int, *, rows: int, power: float) -> list[list[Claim]]:
    """Rows of three leaves that are right with their confidence to a power: above 1 the model is too sure."""
    chance = random.Random(seed)
    claims = [[chance.random() for _ in range(3)] for _ in range(rows)]
    return [[Claim(sure, chance.random() < sure**power) for sure in row] for row in claims]


def squared_error(rows: list[list[Claim]], by: Calibration | None = None) -> float:
    errors = [
        ((claim.confidence if by is None else by.probability(claim.confidence)) - claim.right) ** 2
        for row in rows
        for claim in row
    ]
    return math.fsum(errors) / len(errors)


# ------------------------------------------------------------------------------------------------ the curves


@pytest.mark.parametrize(
    ("line", "confidence", "expected"),
    [
        pytest.param(Logistic(1.0, 0.0), 0.3, 0.3, id="as it is"),
        pytest.param(Logistic(0.5, 0.0), 0.9, 0.75, id="odds of 9 become their root, 3"),
        pytest.param(Logistic(1.0, -math.log(4)), 0.5, 0.2, id="odds of 1 become a quarter"),
        pytest.param(Logistic(1.0, 0.0), 0.0, 1e-6, id="nothing is impossible"),
        pytest.param(Logistic(1.0, 0.0), 1.0, 1 - 1e-6, id="nothing is certain"),
        pytest.param(Logistic(1e6, -1e6), 0.1, 0.0, id="too small for a double"),
    ],
)
def test_a_logistic_curve_is_a_line_between_log_odds(
    line: Logistic, confidence: float, expected: float
) -> None:
    assert line.probability(confidence) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("confidence", "expected"),
    [
        pytest.param(0.0, 0.1, id="before the first point"),
        pytest.param(0.2, 0.1, id="at it"),
        pytest.param(0.3, 0.2, id="between two"),
        pytest.param(0.5, 0.3, id="on a level"),
        pytest.param(0.85, 0.6, id="half way up"),
        pytest.param(0.9, 0.9, id="at the last"),
        pytest.param(1.0, 0.9, id="after it"),
    ],
)
def test_an_isotonic_curve_joins_its_points(confidence: float, expected: float) -> None:
    assert STEPS.probability(confidence) == pytest.approx(expected)


def test_a_confidence_is_spelled_calibrated_where_it_can_be() -> None:
    assert spelled(0.3, None) == {"raw": 0.3}
    assert spelled(0.3, Calibration(curve=STEPS, rows=1, leaves=1)) == {
        "raw": 0.3,
        "calibrated": pytest.approx(0.2),
    }


# --------------------------------------------------------------------------------------------------- fitting


def test_a_model_that_is_too_sure_is_held_back() -> None:
    rows, others = drawn(1, rows=600, power=3), drawn(2, rows=600, power=3)
    made = fitted(rows)
    assert (made.rows, made.leaves) == (600, 1800)
    # 0.8³ = 0.512 and 0.5³ = 0.125.
    assert made.probability(0.8) == pytest.approx(0.512, abs=0.06)
    assert made.probability(0.5) == pytest.approx(0.125, abs=0.06)
    assert squared_error(others, made) < squared_error(others) - 0.03


def test_where_log_odds_stand_on_a_line_few_rows_find_it() -> None:
    chance = random.Random(3)
    line = Logistic(0.6, -0.5)
    rows = [
        [Claim(sure := chance.random(), chance.random() < line.probability(sure)) for _ in range(3)]
        for _ in range(200)
    ]
    curve = fitted(rows).curve
    assert isinstance(curve, Logistic)
    assert curve.slope == pytest.approx(0.6, abs=0.15)
    assert curve.offset == pytest.approx(-0.5, abs=0.2)


def test_where_they_do_not_the_other_curve_is_kept() -> None:
    chance = random.Random(4)
    rows = [
        [Claim(sure := chance.random(), chance.random() < (0.1 if sure < 0.5 else 0.6)) for _ in range(3)]
        for _ in range(400)
    ]
    made = fitted(rows)
    assert isinstance(made.curve, Isotonic)
    assert made.probability(0.3) == pytest.approx(0.1, abs=0.06)
    assert made.probability(0.95) == pytest.approx(0.6, abs=0.06)


@settings(max_examples=25)
@given(
    st.lists(
        st.lists(
            st.builds(Claim, st.sampled_from([0.0, 1e-9, 0.2, 0.5, 0.5 + 1e-12, 0.99, 1.0]), st.booleans()),
            min_size=1,
            max_size=3,
        ),
        min_size=LEAST_ROWS,
        max_size=LEAST_ROWS + 10,
    )
)
def test_who_is_surer_is_never_called_less_likely_to_be_right(rows: list[list[Claim]]) -> None:
    made = fitted(rows)
    told = [made.probability(place / 100) for place in range(101)]
    assert told == sorted(told)
    assert 0 < told[0] <= told[-1] < 1


def test_where_all_was_right_it_is_still_not_certain() -> None:
    made = fitted([[Claim(0.9, right=True)]] * 30)
    assert 0.9 < made.probability(0.9) < 1


def test_rows_without_leaves_do_not_count() -> None:
    rows = drawn(1, rows=50, power=1)
    assert fitted([*rows, *[[]] * 5]) == fitted(rows)


def test_the_same_rows_give_the_same_calibration() -> None:
    rows = drawn(1, rows=50, power=2)
    assert fitted(rows, seed=3) == fitted(rows, seed=3)


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(EvaluationError, match="calibration = '19 rows': a calibration is fitted on 20"):
        fitted([*drawn(1, rows=19, power=1), []])


def test_each_row_is_calibrated_by_what_was_fitted_without_it() -> None:
    rows = drawn(1, rows=100, power=2)
    by = crossed(rows, seed=5)
    assert len({id(each) for each in by}) == FOLDS
    # 100 rows in 5 folds: 80 others of three leaves each.
    assert {(each.rows, each.leaves) for each in by} == {(80, 240)}
    changed = [*rows[:7], [Claim(claim.confidence, not claim.right) for claim in rows[7]], *rows[8:]]
    assert crossed(changed, seed=5)[7] == by[7]
    assert crossed(changed, seed=5) != by


# ----------------------------------------------------------------------------------------------- on the disk


@pytest.mark.parametrize(
    "curve", [pytest.param(Logistic(0.5, -1.0), id="logistic"), pytest.param(STEPS, id="isotonic")]
)
def test_what_is_written_is_read_again(tmp_path: Path, curve: Logistic | Isotonic) -> None:
    made = Calibration(curve=curve, rows=30, leaves=90)
    file = tmp_path / "calibration.json"
    file.write_text(json.dumps(made.as_json()))
    assert load(file) == made


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("[]", id="a list"),
        pytest.param("{}", id="no method"),
        pytest.param("[" * 100_000, id="nested"),
        pytest.param('{"method": "magic", "rows": 1, "leaves": 1}', id="another method"),
        pytest.param('{"method": "logistic", "slope": 1, "rows": 1, "leaves": 1}', id="no offset"),
        pytest.param('{"method": "logistic", "slope": 1, "offset": 0, "leaves": 1}', id="no rows"),
        pytest.param(
            '{"method": "logistic", "slope": -1, "offset": 0, "rows": 1, "leaves": 1}', id="it falls"
        ),
        pytest.param('{"method": "logistic", "slope": NaN, "offset": 0, "rows": 1, "leaves": 1}', id="NaN"),
        pytest.param('{"method": "logistic", "slope": true, "offset": 0, "rows": 1, "leaves": 1}', id="true"),
        pytest.param('{"method": "isotonic", "points": [], "rows": 1, "leaves": 1}', id="no points"),
        pytest.param('{"method": "isotonic", "points": 3, "rows": 1, "leaves": 1}', id="points are a number"),
        pytest.param(
            '{"method": "isotonic", "points": [[0, 0, 0]], "rows": 1, "leaves": 1}', id="three each"
        ),
        pytest.param('{"method": "isotonic", "points": [[0, 2]], "rows": 1, "leaves": 1}', id="above 1"),
        pytest.param(
            '{"method": "isotonic", "points": [[0, 0.5], [1, 0.4]], "rows": 1, "leaves": 1}', id="points fall"
        ),
        pytest.param(
            '{"method": "isotonic", "points": [[0, 0.5], [0, 0.6]], "rows": 1, "leaves": 1}', id="twice at 0"
        ),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "calibration.json"
    file.write_text(text)
    with pytest.raises(DataError, match=r"calibration.json = .*: it is no calibration") as refused:
        load(file)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        load(tmp_path / "calibration.json")
