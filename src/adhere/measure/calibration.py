"""From how sure a model was of a leaf to how often such leaves are right."""

import json
import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, TypeAlias, cast

import numpy as np
from scipy.optimize import (  # pyright: ignore[reportMissingTypeStubs]
    isotonic_regression,
    minimize,  # pyright: ignore[reportUnknownVariableType]
)

from adhere.errors import DataError, EvaluationError
from adhere.measure.statistics import Floats
from adhere.records import JSON

FILE = "calibration.json"
"""Name of a calibration in the directory of the model that it belongs to."""
FOLDS = 5
LEAST_ROWS = 20
"""Fewest rows to fit on, so that every fold has a few."""
_NEAREST = 1e-6
"""Nearest to 0 and 1 that a confidence counts: a single-precision probability says no more."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A leaf that a model wrote."""

    confidence: float
    """In [0, 1]."""
    right: bool
    """Whether the right answer has an equal leaf there."""


Row: TypeAlias = Sequence[Claim]
"""The leaves of one answer, which depend on each other."""


@dataclass(frozen=True, slots=True)
class Logistic:
    """A straight line from log-odds to log-odds.

    Source: Platt, Probabilistic outputs for support vector machines, 1999.
    """

    slope: float
    """At least 0."""
    offset: float

    def probability(self, confidence: float) -> float:
        """Return how often a leaf of this confidence is right, in [0, 1]."""
        nearest = min(max(confidence, _NEAREST), 1 - _NEAREST)
        odds = self.slope * math.log(nearest / (1 - nearest)) + self.offset
        return 1 / (1 + math.exp(-odds)) if odds > 0 else math.exp(odds) / (1 + math.exp(odds))


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A line through points that never falls.

    Source: Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability estimates,
    2002.
    """

    points: tuple[tuple[float, float], ...]
    """Confidences, ascending, each with how often its leaves are right."""

    def probability(self, confidence: float) -> float:
        """Return how often a leaf of this confidence is right, in [0, 1]."""
        after = bisect_right(self.points, confidence, key=lambda point: point[0])
        if after in {0, len(self.points)}:
            return self.points[max(after - 1, 0)][1]
        (left, low), (right, high) = self.points[after - 1 : after + 1]
        return low + (high - low) * (confidence - left) / (right - left)


Curve: TypeAlias = Logistic | Isotonic
_Kind: TypeAlias = Callable[[Sequence[Claim]], Curve]
"""Fits one kind of curve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Says how often a leaf is right that a model was so sure of; never less for being surer."""

    curve: Curve
    rows: int
    """That it was fitted on."""
    leaves: int

    def probability(self, confidence: float) -> float:
        """Return how often a leaf of this confidence is right, in [0, 1]."""
        return self.curve.probability(confidence)

    def as_json(self) -> dict[str, JSON]:
        """Spell it as `calibration.json` holds it."""
        counted: dict[str, JSON] = {"rows": self.rows, "leaves": self.leaves}
        match self.curve:
            case Logistic(slope, offset):
                return {"method": "logistic", "slope": slope, "offset": offset, **counted}
            case Isotonic(points):
                return {"method": "isotonic", "points": [list(point) for point in points], **counted}


def spelled(confidence: float, calibration: Calibration | None) -> dict[str, JSON]:
    """Spell a confidence as the tokens have it and, where the model has a calibration, calibrated."""
    raw: dict[str, JSON] = {"raw": confidence}
    return raw if calibration is None else {**raw, "calibrated": calibration.probability(confidence)}


def fitted(rows: Sequence[Row], *, seed: int = 0) -> Calibration:
    """Fit both kinds of curve and keep the one of less squared error on rows that it was not fitted on.

    A row is fitted on whole or not at all, as its leaves depend on each other.

    Pure: the same rows and seed give the same calibration.

    Raises:
        EvaluationError: There are fewer than `LEAST_ROWS` rows with a leaf.
    """
    used = [row for row in rows if row]
    if len(used) < LEAST_ROWS:
        raise EvaluationError.at(
            "calibration",
            f"{len(used)} rows",
            f"a calibration is fitted on {LEAST_ROWS} answers or more that are JSON, of rows with a target",
            fix="Give more rows, or answer with `--constrain`",
        )
    folds = _folds(len(used), seed=seed)
    errors = {kind: _squared_error(kind, used, folds) for kind in (_logistic, _isotonic)}
    best = min(errors, key=errors.__getitem__)
    claims = [claim for row in used for claim in row]
    return Calibration(curve=best(claims), rows=len(used), leaves=len(claims))


def crossed(rows: Sequence[Row], *, seed: int = 0) -> list[Calibration]:
    """Return for each row a calibration that was fitted on other rows, so that it may be measured there.

    Args:
        rows: Split into `FOLDS`; those of a fold share what is fitted on all others.
        seed: Decides the folds.

    Raises:
        EvaluationError: Fewer than `LEAST_ROWS` of the others have a leaf.
    """
    folds = _folds(len(rows), seed=seed)
    made = [
        fitted([row for row, its in zip(rows, folds, strict=True) if its != fold], seed=seed)
        for fold in range(FOLDS)
    ]
    return [made[fold] for fold in folds]


def load(path: Path) -> Calibration:
    """Read a `calibration.json`.

    Raises:
        DataError: It is not what `Calibration.as_json` gives, or its curve falls.
    """
    try:
        return _read(json.loads(path.read_bytes()))
    except (KeyError, TypeError, ValueError, OSError, RecursionError) as fault:
        raise DataError.at(
            str(path),
            str(fault),
            "it is no calibration as `adhere eval --calibrate` writes it",
            fix="Make it again, or remove it",
        ) from fault


def _read(given: Mapping[str, JSON]) -> Calibration:
    match given["method"]:
        case "logistic":
            curve = Logistic(_number(given["slope"]), _number(given["offset"]))
            sound = curve.slope >= 0
        case "isotonic":
            points = cast("Sequence[Sequence[JSON]]", given["points"])
            curve = Isotonic(tuple((_number(at), _number(share)) for at, share in points))
            inside = all(0 <= number <= 1 for point in curve.points for number in point)
            rises = all(low[0] < high[0] and low[1] <= high[1] for low, high in pairwise(curve.points))
            sound = inside and rises and bool(curve.points)
        case other:
            raise ValueError(f"there is no method {other!r}")
    if not sound:
        raise ValueError("its curve does not rise within [0, 1]")
    return Calibration(curve=curve, rows=int(_number(given["rows"])), leaves=int(_number(given["leaves"])))


def _number(value: JSON) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return value


def _folds(rows: int, *, seed: int) -> list[int]:
    """Deal rows into folds of like size; return the fold of each."""
    order = list(range(rows))
    Random(seed).shuffle(order)
    folds = [0] * rows
    for place, row in enumerate(order):
        folds[row] = place % FOLDS
    return folds


def _squared_error(kind: _Kind, rows: Sequence[Row], folds: Sequence[int]) -> float:
    """Sum the squared errors of the leaves of each fold, under the curve that is fitted on the others."""
    errors: list[float] = []
    for fold in range(FOLDS):
        others = [claim for row, its in zip(rows, folds, strict=True) if its != fold for claim in row]
        own = [claim for row, its in zip(rows, folds, strict=True) if its == fold for claim in row]
        curve = kind(others)
        errors += [(curve.probability(claim.confidence) - claim.right) ** 2 for claim in own]
    return math.fsum(errors)


def _logistic(claims: Sequence[Claim]) -> Logistic:
    """Fit slope and offset by most likelihood, towards targets just short of 0 and 1 as Platt gives them."""
    confidence, right = _columns(claims)
    nearest = confidence.clip(_NEAREST, 1 - _NEAREST)
    odds = np.log(nearest / (1 - nearest))
    hits = float(right.sum())
    target: Floats = np.where(right == 1, (hits + 1) / (hits + 2), 1 / (len(right) - hits + 2))

    def loss(line: Floats) -> tuple[float, Floats]:
        fitted = line[0] * odds + line[1]
        gap: Floats = 1 / (1 + np.exp(-fitted.clip(-500, 500))) - target
        return float((np.logaddexp(0, fitted) - target * fitted).mean()), np.array(
            [(gap * odds).mean(), gap.mean()]
        )

    found = cast("Any", minimize)(  # scipy has no types
        loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0, None), (None, None)]
    )
    slope, offset = found.x.tolist()
    return Logistic(slope, offset)


def _isotonic(claims: Sequence[Claim]) -> Isotonic:
    """Fit shares that never fall to the confidences; none is quite 0 or 1, however few leaves there are."""
    confidence, right = _columns(claims)
    at, place, count = np.unique(confidence, return_inverse=True, return_counts=True)
    found = cast("Any", isotonic_regression)(  # scipy has no types
        np.bincount(place, weights=right) / count, weights=count
    )
    certain = 1 / (len(claims) + 2)
    share = found.x.clip(certain, 1 - certain)
    # Within a level only its ends are needed.
    ends = [i in {0, len(at) - 1} or share[i - 1] < share[i + 1] for i in range(len(at))]
    return Isotonic(tuple((float(at[i]), float(share[i])) for i in range(len(at)) if ends[i]))


def _columns(claims: Sequence[Claim]) -> tuple[Floats, Floats]:
    confidence = np.array([claim.confidence for claim in claims], dtype=np.float64)
    return confidence, np.array([claim.right for claim in claims], dtype=np.float64)
