"""How far a model's confidences in its answers to a data set can be trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from adhere.measure import calibration
from adhere.measure.calibration import Calibration
from adhere.measure.prediction import Prediction
from adhere.measure.reliability import Reliability, reliability
from adhere.records import JSON

Calibrating: TypeAlias = Calibration | Literal["fit"] | None
"""The model's own calibration, one to be fitted to the answers themselves, or none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What confidences were worth, as the tokens have them and calibrated."""

    raw: Reliability
    calibrated: Reliability | None
    """Where one is fitted: of each row by a calibration that was fitted on others."""
    calibration: Calibration | None
    """The model's own, or the one that was fitted on all rows."""
    is_fitted: bool
    """Whether it was fitted on these rows."""

    @property
    def curves(self) -> Mapping[str, Reliability]:
        """Return what there is to draw, by its name."""
        return {
            name: each
            for name, each in (("raw", self.raw), ("calibrated", self.calibrated))
            if each is not None
        }

    def as_json(self) -> dict[str, JSON]:
        """Spell the numbers, and which calibration they are of."""
        spelled: dict[str, JSON] = {"rows": self.raw.rows, "leaves": self.raw.leaves}
        spelled |= {name: each.as_json() for name, each in self.curves.items()}
        if self.calibration is None:
            return spelled
        made = self.calibration.as_json()
        kept: dict[str, JSON] = {name: made[name] for name in ("method", "rows", "leaves")}
        spelled["calibration"] = {**kept, "fitted_here": self.is_fitted}
        return spelled


def calibrated(
    predictions: Sequence[Prediction], calibrating: Calibrating, *, seed: int
) -> tuple[Prediction, ...]:
    """Return predictions whose confidences are calibrated too, where there is something to do it by.

    A calibration that is fitted here is another one for every fold of rows, fitted on the others.

    Raises:
        EvaluationError: One is to be fitted, and too few answers have a leaf and a target.
    """
    if calibrating == "fit":
        by: Sequence[Calibration | None] = calibration.crossed([p.claims() for p in predictions], seed=seed)
    else:
        by = [calibrating] * len(predictions)
    return tuple(
        replace(each, calibrated={pointer: its.probability(raw) for pointer, raw in each.confidence.items()})
        if its is not None
        else each
        for each, its in zip(predictions, by, strict=True)
    )


def trust(
    predictions: Sequence[Prediction], calibrating: Calibrating = None, *, seed: int = 0
) -> Trust | None:
    """Measure confidences; `None` where no answer has a leaf and a target.

    Args:
        predictions: What `calibrated` returned.
        calibrating: As it was given.
        seed: Of the bootstrap, and of the folds of what is fitted.
    """
    raw = [each.claims() for each in predictions]
    if not any(raw):
        return None
    calibrated = [each.calibrated_claims() for each in predictions]
    return Trust(
        raw=reliability(raw, seed=seed),
        calibrated=reliability(calibrated, seed=seed) if any(calibrated) else None,
        calibration=calibration.fitted(raw, seed=seed) if calibrating == "fit" else calibrating,
        is_fitted=calibrating == "fit",
    )


def told(prediction: Prediction) -> dict[str, JSON]:
    """Spell what is known of each leaf: its confidence, calibrated where it is, and whether it is right."""
    right = prediction.row.right
    sure: dict[str, JSON] = {}
    for pointer, raw in prediction.confidence.items():
        known = {"calibrated": prediction.calibrated[pointer]} if prediction.calibrated else {}
        sure[pointer] = {"raw": raw, **known, "right": right.get(pointer)}
    return sure
