"""How far a model's confidences in its answers to a data set can be trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from adhere.measure import calibration
from adhere.measure.calibration import Calibration, Claim
from adhere.measure.reliability import Reliability, reliability
from adhere.predict import Prediction, claims, right_leaves
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


def calibrations(
    predictions: Sequence[Prediction], calibrating: Calibrating, *, seed: int
) -> list[Calibration | None]:
    """Return by what each answer's confidences are calibrated.

    Raises:
        EvaluationError: One is to be fitted, and too few answers have a leaf and a target.
    """
    if calibrating != "fit":
        return [calibrating] * len(predictions)
    return [*calibration.crossed([claims(each) for each in predictions], seed=seed)]


def trust(
    predictions: Sequence[Prediction],
    calibrating: Calibrating,
    calibrated_by: Sequence[Calibration | None],
    *,
    seed: int,
) -> Trust | None:
    """Measure confidences; `None` where no answer has a leaf and a target.

    Args:
        predictions: What was answered.
        calibrating: As for `calibrations`.
        calibrated_by: What that returned.
        seed: Of the bootstrap, and of the folds of what is fitted.
    """
    raw = [claims(each) for each in predictions]
    if not any(raw):
        return None
    used = calibration.fitted(raw, seed=seed) if calibrating == "fit" else calibrating
    calibrated = [
        [Claim(by.probability(claim.confidence), claim.right) for claim in row] if by else []
        for row, by in zip(raw, calibrated_by, strict=True)
    ]
    return Trust(
        raw=reliability(raw, seed=seed),
        calibrated=None if used is None else reliability(calibrated, seed=seed),
        calibration=used,
        is_fitted=calibrating == "fit",
    )


def told(prediction: Prediction, calibrated_by: Calibration | None) -> dict[str, JSON]:
    """Spell what is known of each leaf: its confidence, calibrated where it is, and whether it is right."""
    right = right_leaves(prediction)
    return {
        pointer: {**calibration.spelled(raw, calibrated_by), "right": right.get(pointer)}
        for pointer, raw in prediction.confidence.items()
    }
