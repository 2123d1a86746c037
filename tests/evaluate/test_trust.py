from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from adhere.evaluate.evaluation import Evaluation
from adhere.evaluate.trust import calibrated, told, trust
from adhere.measure.calibration import Calibration, Isotonic
from adhere.measure.prediction import Prediction
from adhere.measure.statistics import Mean
from adhere.records import Example

Evaluated = Callable[..., Evaluation]

ALWAYS_HALF = Calibration(curve=Isotonic(((0.5, 0.5),)), rows=30, leaves=60)


@pytest.fixture
def predictions(examples: list[Example], evaluated: Evaluated) -> tuple[Prediction, ...]:
    """A jug for a mug and a size that was invented; a pot that is right; each leaf with its confidence."""
    answers = ['{"item": "jug", "count": 2, "sizes": [3]}', '{"item": "pot", "count": 1}']
    sure: list[Mapping[str, float]] = [
        {"/item": 0.6, "/count": 0.9, "/sizes/0": 0.3},
        {"/item": 0.8, "/count": 1.0},
    ]
    made = evaluated(examples, answers).predictions
    return tuple(replace(each, confidence=its) for each, its in zip(made, sure, strict=True))


def test_a_leaf_is_right_as_the_metrics_say(predictions: tuple[Prediction, ...]) -> None:
    assert told(predictions[0]) == {
        "/item": {"raw": 0.6, "right": False},
        "/count": {"raw": 0.9, "right": True},
        "/sizes/0": {"raw": 0.3, "right": False},
    }


def test_where_there_is_a_calibration_it_is_told_too(predictions: tuple[Prediction, ...]) -> None:
    (_, pot) = calibrated(predictions, ALWAYS_HALF, seed=0)
    assert told(pot)["/item"] == {"raw": 0.8, "calibrated": 0.5, "right": True}


def test_without_a_target_it_is_not_known_what_is_right(
    examples: list[Example], evaluated: Evaluated
) -> None:
    (made,) = evaluated([replace(examples[0], target=None)], ['{"item": "jug", "count": 2}']).predictions
    unlabelled = replace(made, confidence={"/item": 0.6, "/count": 0.9})
    assert told(unlabelled)["/item"] == {"raw": 0.6, "right": None}
    assert trust([unlabelled]) is None


def test_raw_and_calibrated_are_measured_on_the_same_leaves(predictions: tuple[Prediction, ...]) -> None:
    found = trust(calibrated(predictions, ALWAYS_HALF, seed=0), ALWAYS_HALF)
    assert found is not None
    assert found.calibrated is not None
    assert (found.raw.rows, found.raw.leaves, found.calibrated.leaves) == (2, 5, 5)
    # 0.6², 0.1², 0.3², 0.2² and 0²; then five times 0.5².
    assert found.raw.brier.mean == pytest.approx((0.36 + 0.01 + 0.09 + 0.04 + 0) / 5)
    assert found.calibrated.brier.mean == pytest.approx(0.25)
    assert isinstance(found.raw.auroc, Mean)
    # Right: 0.9, 0.8, 1.0. Wrong: 0.6, 0.3.
    assert found.raw.auroc.mean == 1
    assert found.curves == {"raw": found.raw, "calibrated": found.calibrated}
    assert found.as_json()["calibration"] == {
        "method": "isotonic",
        "rows": 30,
        "leaves": 60,
        "fitted_here": False,
    }


def test_a_calibration_that_is_fitted_here_is_measured_on_other_rows(
    predictions: tuple[Prediction, ...],
) -> None:
    many = predictions * 20
    found = trust(calibrated(many, "fit", seed=0), "fit")
    assert found is not None
    assert found.calibration is not None
    assert (found.is_fitted, found.calibration.rows) == (True, 40)
    assert found.as_json().keys() == {"rows", "leaves", "raw", "calibrated", "calibration"}
