"""Numbers that carry their evidence: rates, means and paired differences, with 95 % intervals."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Self

import numpy as np
from numpy.typing import NDArray

from adhere.errors import EvaluationError
from adhere.records import JSON

Z_95 = 1.959963984540054
"""The 97.5th percentile of the standard normal: a two-sided 95 % interval."""
RESAMPLES = 10_000
"""Bootstrap resamples: the ends of a 95 % interval then vary by about 1 % of its width."""
ENUMERABLE_PAIRS = 13
"""Up to 2¹³ = 8,192 sign patterns are enumerated; more are sampled."""
_DRAWS_AT_ONCE = 2_000_000
"""Random numbers held at once: 16 MB of them."""

Floats = NDArray[np.float64]


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
        return 0.0 if self.hits == 0 else max(0.0, self._center - self._half_width)

    @property
    def high(self) -> float:
        """Upper end of the Wilson 95 % interval, in [rate, 1]."""
        return 1.0 if self.hits == self.tries else min(1.0, self._center + self._half_width)

    @property
    def _center(self) -> float:
        return (self.hits + Z_95**2 / 2) / (self.tries + Z_95**2)

    @property
    def _half_width(self) -> float:
        # Source: Wilson 1927; (z / (n + z²)) √(k (n - k) / n + z² / 4).
        spread = self.hits * (self.tries - self.hits) / self.tries + Z_95**2 / 4
        return Z_95 / (self.tries + Z_95**2) * math.sqrt(spread)

    def as_json(self) -> dict[str, JSON]:
        """Spell the rate as `{hits, tries, rate, low, high}`."""
        return {"hits": self.hits, "tries": self.tries, "rate": self.rate, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """An average over rows with its 95 % interval."""

    mean: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float], *, seed: int = 0) -> Self:
        """Average `values`; the interval is the percentile bootstrap's.

        Pure: the same values and seed give the same interval. Values that are all equal give
        `low == mean == high`, which says that the sample did not vary, not that the mean is certain.

        Raises:
            EvaluationError: There are no values, or one of them is not a finite number.

        Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.
        """
        sample = _finite(values)
        mean = _average(sample)
        low, high = _percentile_interval(sample, seed=seed)
        return cls(mean=mean, low=low, high=high, n=len(sample))

    def as_json(self) -> dict[str, JSON]:
        """Spell the mean as `{mean, low, high, n}`."""
        return {"mean": self.mean, "low": self.low, "high": self.high, "n": self.n}


@dataclass(frozen=True, slots=True)
class Undefined:
    """The mean of no rows: not a number, and never 0."""

    def as_json(self) -> dict[str, JSON]:
        """Spell it as a mean whose `n` is 0 and whose numbers are null."""
        return {"mean": None, "low": None, "high": None, "n": 0}


def mean_of(values: Sequence[float], *, seed: int = 0) -> Mean | Undefined:
    """Average `values` where having none is a normal matter."""
    return Mean.of(values, seed=seed) if values else Undefined()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """By how much one system exceeds another on the same rows."""

    difference: float
    """Mean of the first minus mean of the second."""
    low: float
    high: float
    n: int
    p: float
    """Two-sided probability, in (0, 1], of a difference this large between equal systems."""

    def as_json(self) -> dict[str, JSON]:
        """Spell it as `{difference, low, high, n, p}`."""
        return {"difference": self.difference, "low": self.low, "high": self.high, "n": self.n, "p": self.p}


def paired_difference(first: Sequence[float], second: Sequence[float], *, seed: int = 0) -> Difference:
    """Compare two systems on the same rows, in the same order.

    The interval is the percentile bootstrap's over rows. The test is McNemar's exact one where
    every value is 0 or 1, and otherwise the sign-flip permutation test of the mean difference:
    exact up to 13 rows that differ, sampled 10,000 times above.

    Raises:
        EvaluationError: There are no rows, or not the same number of them, or a value is not finite.

    Source: McNemar 1947; Fisher, The Design of Experiments, 1935, section 21; for sampled
        permutations p = (hits + 1) / (draws + 1), Phipson and Smyth 2010.
    """
    if len(first) != len(second):
        raise EvaluationError.at(
            "paired difference",
            f"{len(first)} and {len(second)} rows",
            "a paired test needs both systems on the same rows",
            fix="Evaluate both on the same data directory",
        )
    gaps = _finite(first) - _finite(second)
    low, high = _percentile_interval(gaps, seed=seed)
    binary = set(first) | set(second) <= {0.0, 1.0}
    p = _mcnemar(gaps) if binary else _sign_flip(gaps, seed=seed)
    return Difference(difference=_average(gaps), low=low, high=high, n=len(gaps), p=p)


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

    return _in_batches(drawn, RESAMPLES, width=rows)


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


def _finite(values: Sequence[float]) -> Floats:
    sample = np.asarray(values, dtype=np.float64)
    if len(sample) == 0 or not np.isfinite(sample).all():
        raise EvaluationError.at(
            "mean",
            f"{len(sample)} values",
            "a mean is not defined over none, or over one that is not finite",
            fix="Evaluate at least one row",
        )
    return sample


def _average(sample: Floats) -> float:
    # fsum rounds once, so values that are all equal average to themselves.
    return math.fsum(sample.tolist()) / len(sample)


def _percentile_interval(sample: Floats, *, seed: int) -> tuple[float, float]:
    if sample.min() == sample.max():
        return _average(sample), _average(sample)
    random = np.random.default_rng(seed)

    def means(count: int) -> Floats:
        picks = random.integers(0, len(sample), size=(count, len(sample)), dtype=np.uint32)
        return sample[picks].mean(axis=1)

    ends = np.percentile(_in_batches(means, RESAMPLES, width=len(sample)), [2.5, 97.5])
    # A mean of doubles may round to just outside of them.
    low, high = np.clip(ends, sample.min(), sample.max())
    return float(low), float(high)


def _in_batches(draw: Callable[[int], Floats], count: int, *, width: int) -> Floats:
    """Collect `count` draws, each made from `width` random numbers, in bounded memory."""
    batch = max(1, _DRAWS_AT_ONCE // width)
    return np.concatenate([draw(min(batch, count - done)) for done in range(0, count, batch)])


def _mcnemar(gaps: Floats) -> float:
    """Two-sided exact p: the tail of a fair coin tossed once for every row on which the systems differ."""
    wins, losses = int((gaps > 0).sum()), int((gaps < 0).sum())
    tosses = wins + losses
    tail = sum(math.comb(tosses, count) for count in range(min(wins, losses) + 1))
    return min(1.0, 2 * tail / 2**tosses)


def _sign_flip(gaps: Floats, *, seed: int) -> float:
    differing = gaps[gaps != 0]
    if len(differing) == 0:
        return 1.0
    # Sums that are equal on paper differ by rounding; they count as equally extreme.
    extreme = abs(differing.sum()) * (1 - 1e-12)
    if len(differing) <= ENUMERABLE_PAIRS:
        signs = np.array(list(product((-1.0, 1.0), repeat=len(differing))))
        return float((abs(signs @ differing) >= extreme).mean())
    random = np.random.default_rng(seed)

    def sums(count: int) -> Floats:
        flips = random.integers(0, 2, size=(count, len(differing)), dtype=np.int8)
        return (2 * flips - 1) @ differing

    hits = int((abs(_in_batches(sums, RESAMPLES, width=len(differing))) >= extreme).sum())
    return (hits + 1) / (RESAMPLES + 1)
