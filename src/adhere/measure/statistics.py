"""Numbers that carry their evidence: rates and means, with 95 % intervals."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Self

import numpy as np
from numpy.typing import NDArray

from adhere.errors import EvaluationError
from adhere.records import JSON

Z_95 = 1.959963984540054
"""The 97.5th percentile of the standard normal: a two-sided 95 % interval."""
RESAMPLES = 10_000
"""Bootstrap resamples: the ends of a 95 % interval then vary by about 1 % of its width."""
_DRAWS_AT_ONCE = 2_000_000
"""Random numbers held at once: 16 MB of them."""
_NORMAL = NormalDist()

Floats = NDArray[np.float64]
Units = NDArray[np.intp]
"""The cluster of each row, counted from 0 without gaps: rows of one cluster are not independent."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something happened, out of how many tries.

    Raises:
        EvaluationError: There were no tries, or the hits are not between 0 and the tries.
    """

    hits: int
    tries: int

    def __post_init__(self) -> None:
        if self.tries < 1 or not 0 <= self.hits <= self.tries:
            raise EvaluationError.at(
                "rate",
                f"{self.hits} of {self.tries}",
                "hits must be between 0 and the tries, of which there must be one",
                fix="Evaluate at least one row, and count the failed ones as misses",
            )

    @property
    def rate(self) -> float:
        """Share of the tries, in [0, 1]."""
        return self.hits / self.tries

    @property
    def low(self) -> float:
        """Lower end of the Wilson 95 % interval, in [0, rate]."""
        return wilson(self.hits, self.tries)[0]

    @property
    def high(self) -> float:
        """Upper end of the Wilson 95 % interval, in [rate, 1]."""
        return wilson(self.hits, self.tries)[1]

    def as_json(self) -> dict[str, JSON]:
        """Spell the rate as `{hits, tries, rate, low, high}`."""
        return {"hits": self.hits, "tries": self.tries, "rate": self.rate, "low": self.low, "high": self.high}


def wilson(hits: float, tries: float) -> tuple[float, float]:
    """Return the ends of the 95 % interval of a share, in [0, 1].

    Args:
        hits: At least 0, at most `tries`; not a whole number where tries are worth less than one each.
        tries: More than 0.

    Source: Wilson 1927; (z / (n + z²)) √(k (n - k) / n + z² / 4).
    """
    center = (hits + Z_95**2 / 2) / (tries + Z_95**2)
    spread = hits * (tries - hits) / tries + Z_95**2 / 4
    half_width = Z_95 / (tries + Z_95**2) * math.sqrt(spread)
    low = 0.0 if hits == 0 else max(0.0, center - half_width)
    high = 1.0 if hits == tries else min(1.0, center + half_width)
    return low, high


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """An average over rows with its 95 % interval."""

    mean: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float], *, seed: int = 0) -> Self:
        """Average `values`; the interval is the BCa bootstrap's.

        Pure: the same values and seed give the same interval. Values that are all equal give
        `low == mean == high`, which says that the sample did not vary, not that the mean is certain.

        Raises:
            EvaluationError: There are no values, or one of them is not a finite number.
        """
        (mean,) = means(finite(values)[:, None], seed=seed)
        return cls(mean=mean.mean, low=mean.low, high=mean.high, n=mean.n)

    def as_json(self) -> dict[str, JSON]:
        """Spell the mean as `{mean, low, high, n}`."""
        return {"mean": self.mean, "low": self.low, "high": self.high, "n": self.n}


@dataclass(frozen=True, slots=True)
class Undefined:
    """The mean of no rows: not a number, and never 0."""

    def as_json(self) -> dict[str, JSON]:
        """Spell it as a mean whose `n` is 0 and whose numbers are null."""
        return {"mean": None, "low": None, "high": None, "n": 0}


def finite(values: Sequence[float] | Floats) -> Floats:
    """Return values as an array.

    Raises:
        EvaluationError: There are no values, or one of them is not a finite number.
    """
    sample = np.asarray(values, dtype=np.float64)
    if len(sample) == 0 or not np.isfinite(sample).all():
        raise EvaluationError.at(
            "mean",
            f"{len(sample)} values",
            "a mean is not defined over none, or over one that is not finite",
            fix="Evaluate at least one row",
        )
    return sample


@dataclass(frozen=True, slots=True)
class Summed:
    """Columns of rows, summed by cluster; a row may lack the value of a column."""

    sum_CK: Floats
    count_CK: Floats
    """Rows of the cluster that have a value."""
    is_clustered: bool
    """Whether any cluster has more than one row."""

    @classmethod
    def of(cls, value_NK: Floats, unit_N: Units | None = None) -> Self:
        """Sum the values, NaN where there is none, of each cluster; without clusters each row is its own.

        Raises:
            EvaluationError: A column has no value, or one that is not finite; or there is but one cluster.
        """
        has_NK = ~np.isnan(value_NK)
        filled_NK = np.where(has_NK, value_NK, 0.0)
        for has_N, filled_N in zip(has_NK.T, filled_NK.T, strict=True):
            finite(filled_N[has_N])
        if unit_N is None or len(unit_N) == unit_N.max() + 1:
            return cls(filled_NK, has_NK.astype(np.float64), is_clustered=False)
        clusters = int(unit_N.max()) + 1
        if clusters == 1:
            raise EvaluationError.at(
                "clusters",
                f"1 of {len(unit_N)} rows",
                "all rows go together, so nothing says how much others would differ",
                fix="Use rows of several sources",
            )

        def summed(column_N: Floats) -> Floats:
            return np.asarray(np.bincount(unit_N, weights=column_N, minlength=clusters), dtype=np.float64)

        sum_CK = np.stack([summed(column) for column in filled_NK.T], axis=1)
        count_CK = np.stack([summed(column) for column in has_NK.T.astype(np.float64)], axis=1)
        return cls(sum_CK, count_CK, is_clustered=True)

    @property
    def mean_K(self) -> Floats:
        """Return each column's mean over the rows that have a value."""
        # fsum rounds once, so values that are all equal average to themselves.
        sums = [math.fsum(column.tolist()) for column in self.sum_CK.T]
        return np.array(sums) / self.count_CK.sum(axis=0)

    @property
    def variance_K(self) -> Floats:
        """Return the variance of each mean, by how clusters differ; NaN for a single cluster.

        Source: Cochran, Sampling Techniques, 1977, section 6.3: the linearised variance of a ratio.
        """
        residual_CK = self.sum_CK - self.mean_K * self.count_CK
        clusters_K = (self.count_CK > 0).sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            spread_K = clusters_K / (clusters_K - 1) * (residual_CK**2).sum(axis=0)
        return spread_K / self.count_CK.sum(axis=0) ** 2


def means(value_NK: Floats, unit_N: Units | None = None, *, seed: int = 0) -> list[Mean]:
    """Average columns, each over the rows that have a value; intervals are the BCa bootstrap's over clusters.

    All columns share 10,000 resamples of the clusters, so many cost hardly more than one. Pure.

    Args:
        value_NK: Rows by columns; NaN where a row has no value.
        unit_N: The cluster of each row; `None` where rows are independent.
        seed: Decides which clusters each resample has.

    Raises:
        EvaluationError: A column has no value, or one that is not finite; or there is but one cluster.

    Source: Efron, Better bootstrap confidence intervals, 1987; clusters drawn whole as in Davison and
        Hinkley, Bootstrap Methods and their Application, 1997, section 3.8.
    """
    summed = Summed.of(value_NK, unit_N)
    count_CU, column_K = np.unique(summed.count_CK, axis=1, return_inverse=True)
    drawn = resampled_sums(np.hstack([summed.sum_CK, count_CU]), seed=seed)
    sum_RK, count_RU = np.hsplit(drawn, [summed.sum_CK.shape[1]])
    made: list[Mean] = []
    for k, mean in enumerate(summed.mean_K.tolist()):
        count_R = count_RU[:, column_K[k]]
        drawn_R = sum_RK[count_R > 0, k] / count_R[count_R > 0]
        low, high = bca(drawn_R, mean=mean, sum_C=summed.sum_CK[:, k], count_C=summed.count_CK[:, k])
        made.append(Mean(mean=mean, low=low, high=high, n=int(summed.count_CK[:, k].sum())))
    return made


def bca(drawn_R: Floats, *, mean: float, sum_C: Floats, count_C: Floats) -> tuple[float, float]:
    """Return the ends of the 95 % bootstrap interval of a mean, corrected for bias and for skew.

    Where no cluster left out would change the mean, both ends are the mean.

    Args:
        drawn_R: The mean of each resample.
        mean: That of the sample itself.
        sum_C: The values of each cluster, added up.
        count_C: How many they are.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 14.3; draws that equal the
        mean count half, as in scipy.
    """
    sum_C, count_C = sum_C[count_C > 0], count_C[count_C > 0]
    if len(sum_C) == 1:
        return mean, mean
    left_out_C = (sum_C.sum() - sum_C) / (count_C.sum() - count_C)
    gap_C = left_out_C.mean() - left_out_C
    slack = 1e-12 * abs(left_out_C).max()  # means that are equal on paper differ by rounding
    if abs(gap_C).max() <= slack:
        return mean, mean
    gap_C /= abs(gap_C).max()
    skew = (gap_C**3).sum() / (6 * (gap_C**2).sum() ** 1.5)
    below = ((drawn_R < mean - slack).mean() + (drawn_R <= mean + slack).mean()) / 2
    furthest = 1 / (len(drawn_R) + 1)
    shift = _NORMAL.inv_cdf(min(max(float(below), furthest), 1 - furthest))
    # |skew| is at most 1/6 and |shift| below 3.8, so what is divided by is never 0.
    shares = [_NORMAL.cdf(shift + (shift + z) / (1 - skew * (shift + z))) for z in (-Z_95, Z_95)]
    mean_C = sum_C / count_C
    # A mean of doubles may round to just outside of them.
    low, high = np.clip(np.quantile(drawn_R, shares), mean_C.min(), mean_C.max())
    return float(low), float(high)


def resampled_sums(sums: Floats, *, seed: int = 0) -> Floats:
    """Sum rows over each of 10,000 resamples of them: what a bootstrap over rows computes its numbers from.

    Pure: the same rows and seed give the same sums.

    Args:
        sums: One line a row, holding what is summed; at least one.
        seed: Decides which rows each resample has.

    Returns:
        One line a resample, with as many columns.
    """
    random = np.random.default_rng(seed)
    rows = len(sums)

    def drawn(count: int) -> Floats:
        picks = random.integers(0, rows, size=(count, rows), dtype=np.uint32)
        places = picks + rows * np.arange(count)[:, None]
        return np.bincount(places.ravel(), minlength=count * rows).reshape(count, rows) @ sums

    return in_batches(drawn, RESAMPLES, width=rows)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p values, in [0, 1], so that the chance of any false finding among them stays at its level.

    Returns:
        One adjusted value per given one, in the same order.

    Source: Holm 1979, A simple sequentially rejective multiple test procedure.
    """
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def in_batches(draw: Callable[[int], Floats], count: int, *, width: int) -> Floats:
    """Collect `count` draws, each made from `width` random numbers, in bounded memory."""
    batch = max(1, _DRAWS_AT_ONCE // width)
    return np.concatenate([draw(min(batch, count - done)) for done in range(0, count, batch)])
