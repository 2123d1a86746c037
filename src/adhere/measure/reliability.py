"""How far confidences can be trusted: by how much they miss, how well they tell right leaves from wrong."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adhere.errors import EvaluationError
from adhere.measure.calibration import Row
from adhere.measure.statistics import Z_95, Floats, Mean, Undefined, resampled_sums
from adhere.records import JSON

BINS = 10
THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.99)
"""Confidences of which it is told what lies at or above them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Leaves of like confidence."""

    confidence: float
    """Mean of theirs, in [0, 1]."""
    right: Mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Above:
    """What is left if leaves of less confidence are put aside."""

    threshold: float
    right: Mean | Undefined
    """Of the leaves at or above it."""
    share: Mean
    """Of all leaves."""

    def as_json(self) -> dict[str, JSON]:
        """Spell it flat."""
        return {
            "threshold": self.threshold,
            "right": self.right.as_json(),
            "share": self.share.as_json(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """How far the confidences of a set of answers can be trusted; `n` is always of leaves."""

    rows: int
    """Answers that have leaves."""
    leaves: int
    ece: Mean
    """Expected calibration error, in [0, 1]: the mean gap between confidence and share of right leaves, over
    bins of like many leaves."""
    ece_width: Mean
    """The same over bins of equal width."""
    ece_chance: float
    """What `ece` would be, on average, were each confidence just the chance that its leaf is right."""
    brier: Mean
    """Mean squared gap between confidence and 1 for a right leaf, 0 for a wrong one."""
    auroc: Mean | Undefined
    """Chance that a right leaf has more confidence than a wrong one; not defined without some of both."""
    above: tuple[Above, ...]
    curve: tuple[Bin, ...]
    """The bins of `ece`, ascending."""

    def as_json(self) -> dict[str, JSON]:
        """Spell the numbers flat, without the curve."""
        return {
            "ece": self.ece.as_json(),
            "ece_width": self.ece_width.as_json(),
            "ece_chance": self.ece_chance,
            "brier": self.brier.as_json(),
            "auroc": self.auroc.as_json(),
            "above": [each.as_json() for each in self.above],
        }


def reliability(rows: Sequence[Row], *, seed: int = 0) -> Reliability:
    """Measure confidences against what was right.

    Intervals are those of the bootstrap over rows, as the leaves of a row depend on each other; bins stay as
    they are in the sample. An `ece` of few leaves is too high, as chance alone leaves gaps, and so are both
    ends of its interval: hold it against `ece_chance`.

    Pure: the same rows and seed give the same numbers.

    Args:
        rows: The leaves of each answer; answers without leaves do not count.
        seed: Of the bootstrap.

    Raises:
        EvaluationError: There are no leaves.

    Source: bins of like many leaves, Nguyen and O'Connor 2015; of equal width, Naeini et al. 2015.
    """
    used = [row for row in rows if row]
    if not used:
        raise EvaluationError.at(
            "confidence",
            f"{len(rows)} rows",
            "none of them has a leaf whose confidence is known",
            fix="Measure it on answers that are JSON",
        )
    confidence_L = np.array([claim.confidence for row in used for claim in row])
    right_L = np.array([float(claim.right) for row in used for claim in row])
    row_L = np.repeat(np.arange(len(used)), [len(row) for row in used])
    bin_L = _bins(confidence_L)
    sums_RS4 = _sums(confidence_L, right_L, row_L, bin_L)
    whole = _Numbers(sums_RS4.sum(axis=0))
    drawn = _Numbers(
        resampled_sums(sums_RS4.reshape(len(used), -1), seed=seed).reshape(-1, *sums_RS4.shape[1:])
    )
    leaves = len(confidence_L)

    def right(place: int) -> Mean | Undefined:
        n = int(whole.count_S[place])
        return _mean(whole.right_S[place], drawn.right_S[:, place], n) if n else Undefined()

    places = range(2 * BINS, 2 * BINS + len(THRESHOLDS))
    curve = [(whole.confidence_S[place], right(place)) for place in range(BINS)]
    return Reliability(
        rows=len(used),
        leaves=leaves,
        ece=_mean(whole.gap(0), drawn.gap(0), leaves),
        ece_width=_mean(whole.gap(BINS), drawn.gap(BINS), leaves),
        ece_chance=_chance(confidence_L, bin_L),
        brier=_mean(whole.brier, drawn.brier, leaves),
        auroc=_auroc(confidence_L, right_L, row_L),
        above=tuple(
            Above(
                threshold=threshold,
                right=right(place),
                share=_mean(whole.share_S[place], drawn.share_S[:, place], leaves),
            )
            for threshold, place in zip(THRESHOLDS, places, strict=True)
        ),
        curve=tuple(
            Bin(confidence=float(confidence), right=share)
            for confidence, share in curve
            if isinstance(share, Mean)
        ),
    )


class _Numbers:
    """What follows from sums over leaves, of one sample or of many resamples.

    Axis suffixes: S selections of leaves (the bins of like many, those of equal width, what lies above each
    threshold, all), 4 what is summed (1, confidence, right, squared gap).
    """

    def __init__(self, sums_S4: Floats) -> None:
        self._sums = sums_S4
        self.count_S, confidence_S, right_S, squared_S = np.moveaxis(sums_S4, -1, 0)
        # Of a selection without leaves neither is defined.
        with np.errstate(invalid="ignore"):
            self.confidence_S, self.right_S = confidence_S / self.count_S, right_S / self.count_S
        self.share_S = self.count_S / self.count_S[..., -1:]
        self.brier = squared_S[..., -1] / self.count_S[..., -1]

    def gap(self, first: int) -> Floats:
        """Return the mean gap between confidence and share right, over the bins from `first` on."""
        bins = self._sums[..., first : first + BINS, :]
        return abs(bins[..., 1] - bins[..., 2]).sum(axis=-1) / self.count_S[..., -1]


def _bins(confidence_L: Floats) -> NDArray[np.intp]:
    """Return the bin of each leaf, so that bins have like many; leaves of equal confidence share theirs."""
    return np.searchsorted(np.sort(confidence_L), confidence_L) * BINS // len(confidence_L)


def _sums(confidence_L: Floats, right_L: Floats, row_L: NDArray[np.intp], bin_L: NDArray[np.intp]) -> Floats:
    """Return for each row what `_Numbers` reads."""
    width_L = np.minimum((confidence_L * BINS).astype(np.intp), BINS - 1)
    chosen_LS = np.column_stack(
        [
            bin_L[:, None] == np.arange(BINS),
            width_L[:, None] == np.arange(BINS),
            confidence_L[:, None] >= np.array(THRESHOLDS),
            np.ones(len(row_L), dtype=np.bool_),
        ]
    )
    summed_L4 = np.column_stack([np.ones(len(row_L)), confidence_L, right_L, (confidence_L - right_L) ** 2])
    starts = np.flatnonzero(np.diff(row_L, prepend=-1))
    return np.add.reduceat(chosen_LS[:, :, None] * summed_L4[:, None, :], starts, axis=0)


def _mean(whole: Floats, drawn: Floats, n: int) -> Mean:
    """Return a number with the ends of its interval; resamples in which it is not defined are left out."""
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    mean = float(whole)
    return Mean(mean=mean, low=min(mean, float(low)), high=max(mean, float(high)), n=n)


def _chance(confidence_L: Floats, bin_L: NDArray[np.intp]) -> float:
    """Return the mean gap over bins where every leaf is right by its confidence alone.

    Source: the mean absolute value of a normal number is √(2 / π) of its deviation.
    """
    variance = np.bincount(bin_L, weights=confidence_L * (1 - confidence_L))
    return float(np.sqrt(2 / math.pi * variance).sum() / len(confidence_L))


def _auroc(confidence_L: Floats, right_L: Floats, row_L: NDArray[np.intp]) -> Mean | Undefined:
    """Return the chance that a right leaf has more confidence than a wrong one, ties counting half.

    Source: the variance over rows of what each adds, after Obuchowski, Biometrics 53, 1997, with one factor
        for the size of the sample.
    """
    is_right = right_L == 1
    hits, misses = np.sort(confidence_L[is_right]), np.sort(confidence_L[~is_right])
    if not len(hits) or not len(misses):
        return Undefined()
    beaten_L = np.where(is_right, _share_below(misses, confidence_L), 1 - _share_below(hits, confidence_L))
    area = float(beaten_L[is_right].mean())
    added_L = (beaten_L - area) / np.where(is_right, len(hits), len(misses))
    added_R = np.bincount(row_L, weights=added_L)
    half = Z_95 * math.sqrt(len(added_R) / max(1, len(added_R) - 1) * float((added_R**2).sum()))
    return Mean(mean=area, low=max(0.0, area - half), high=min(1.0, area + half), n=len(row_L))


def _share_below(values: Floats, given: Floats) -> Floats:
    """Return which share of sorted values lies below each given one, equal ones counting half."""
    return (np.searchsorted(values, given) + np.searchsorted(values, given, side="right")) / (2 * len(values))
