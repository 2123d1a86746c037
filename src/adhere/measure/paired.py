"""By how much one system exceeds another on the same rows: interval, test, and what could have been found."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from adhere.errors import EvaluationError
from adhere.measure.power import Discordant, Spread
from adhere.measure.statistics import RESAMPLES, Z_95, Floats, Summed, Units, finite, in_batches, means
from adhere.records import JSON

ENUMERABLE = 13
"""Up to 2¹³ = 8,192 sign patterns are enumerated; more are sampled."""


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
    detectable: float | None = None
    """Smallest true difference that this many rows would find with a chance of 80 %; `None` where none is."""
    rows_needed: int | None = None
    """Rows that would find the difference asked about with a chance of 80 %; `None` where no number would."""

    def as_json(self) -> dict[str, JSON]:
        """Spell it as `{difference, low, high, n, p, detectable, rows_needed}`."""
        return {
            "difference": self.difference,
            "low": self.low,
            "high": self.high,
            "n": self.n,
            "p": self.p,
            "detectable": self.detectable,
            "rows_needed": self.rows_needed,
        }


def paired_difference(first: Sequence[float], second: Sequence[float], *, seed: int = 0) -> Difference:
    """Compare two systems on the same rows, in the same order; see `differences`.

    Raises:
        EvaluationError: There are no rows, or not the same number of them, or a value is not finite.
    """
    if len(first) != len(second):
        raise EvaluationError.at(
            "paired difference",
            f"{len(first)} and {len(second)} rows",
            "a paired test needs both systems on the same rows",
            fix="Evaluate both on the same data directory",
        )
    gap_N = finite(first) - finite(second)
    (found,) = differences(gap_N[:, None], seed=seed)
    return found


def differences(
    gap_NK: Floats, unit_N: Units | None = None, *, detect: float | None = None, seed: int = 0
) -> list[Difference]:
    """Compare pairs of systems on the same rows, all columns on the same resamples and permutations.

    Where rows are independent and every gap is -1, 0 or 1, as between two rates, the interval is Tango's
    score interval. Everywhere else it is the BCa bootstrap's over clusters.

    The test flips the signs of whole clusters' sums. Where these are all -1, 0 or 1, as for rates on
    independent rows, that is McNemar's test, and exact. Otherwise it is exact up to 13 clusters that differ,
    and sampled 10,000 times above.

    Pure: the same arguments give the same numbers.

    Args:
        gap_NK: Value of the first system minus value of the second, rows by columns, in [-1, 1] for rates;
            NaN where one of the two has none.
        unit_N: The cluster of each row; `None` where rows are independent.
        detect: The true difference, above 0, that `rows_needed` is about; `None` for the one observed.
        seed: Of bootstrap and permutations.

    Raises:
        EvaluationError: A column has no value, or one that is not finite; or there is but one cluster.

    Source: McNemar 1947; Tango, Equivalence test and confidence interval for the difference in proportions
        for the paired-sample design, 1998; Fisher, The Design of Experiments, 1935, section 21; for sampled
        permutations p = (hits + 1) / (draws + 1), Phipson and Smyth 2010.
    """
    summed = Summed.of(gap_NK, unit_N)
    p_K = _p_values(summed.sum_CK, seed=seed)
    variance_K = summed.variance_K
    found: list[Difference] = []
    for k, mean in enumerate(means(gap_NK, unit_N, seed=seed)):
        gap_C = summed.sum_CK[:, k]
        low, high = mean.low, mean.high
        power: Discordant | Spread
        if summed.is_clustered or not _is_ternary(gap_C):
            power = Spread(float(variance_K[k]) * mean.n, mean.n)
        else:
            wins, losses = _counts(gap_C)
            low, high = tango(wins, losses, mean.n)
            power = Discordant(wins + losses, mean.n)
        found.append(
            Difference(
                difference=mean.mean,
                low=low,
                high=high,
                n=mean.n,
                p=p_K[k],
                detectable=power.detectable,
                rows_needed=power.rows_needed(abs(mean.mean) if detect is None else detect),
            )
        )
    return found


def mcnemar(wins: int, losses: int) -> float:
    """Two-sided exact p, in (0, 1]: the tail of a fair coin tossed for every row on which the systems differ.

    Source: McNemar 1947, in its exact form.
    """
    tosses = wins + losses
    ways = tail = 1
    for count in range(min(wins, losses)):
        ways = ways * (tosses - count) // (count + 1)
        tail += ways
    # 2⁻¹⁰⁷⁴ is the least number above 0 that a double holds.
    return max(math.ulp(0.0), min(1.0, 2 * tail / 2**tosses))


def tango(wins: int, losses: int, n: int) -> tuple[float, float]:
    """Return the 95 % score interval of a difference of two rates on the same `n` independent rows.

    It has a width even where no row differs: then the systems differ by less than about 3.84 / n.

    Args:
        wins: Rows on which only the first system succeeded.
        losses: Rows on which only the second did.
        n: All rows, at least one.

    Source: Tango 1998, equations 5 to 9.
    """

    def score(difference: float) -> float:
        """How many standard errors the observed difference lies above `difference`."""
        b = -wins - losses + (2 * n - wins + losses) * difference
        c = -losses * difference * (1 - difference)
        q = (math.sqrt(max(0.0, b * b - 8 * n * c)) - b) / (4 * n)
        variance = n * (2 * q + difference * (1 - difference))
        gap = wins - losses - n * difference
        return gap / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, gap)

    observed = (wins - losses) / n
    low = -1.0 if wins == 0 and losses == n else _root(lambda d: score(d) - Z_95, -1.0, observed)
    high = 1.0 if losses == 0 and wins == n else _root(lambda d: score(d) + Z_95, observed, 1.0)
    return low, high


def _root(falling: Callable[[float], float], low: float, high: float) -> float:
    """Return where a falling function crosses 0, halving what lies between 60 times."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return (low + high) / 2


def _p_values(sum_CK: Floats, *, seed: int) -> list[float]:
    p_K = [_exact_p(sum_C) for sum_C in sum_CK.T]
    left = [k for k, p in enumerate(p_K) if p is None]
    sampled = iter(_sampled_p(sum_CK[:, left], seed=seed) if left else ())
    return [next(sampled) if p is None else p for p in p_K]


def _exact_p(sum_C: Floats) -> float | None:
    """Return p where it can be had without sampling."""
    if _is_ternary(sum_C):
        return mcnemar(*_counts(sum_C))
    differing_C = sum_C[sum_C != 0]
    if len(differing_C) > ENUMERABLE:
        return None
    signs = np.array(list(product((-1.0, 1.0), repeat=len(differing_C))))
    return float((abs(signs @ differing_C) >= abs(differing_C.sum()) - _slack(differing_C)).mean())


def _sampled_p(sum_CK: Floats, *, seed: int) -> list[float]:
    random = np.random.default_rng(seed)

    def flipped(count: int) -> Floats:
        heads_RC = random.integers(0, 2, size=(count, len(sum_CK)), dtype=np.int8)
        return (2.0 * heads_RC - 1.0) @ sum_CK

    extreme_K = abs(sum_CK.sum(axis=0)) - _slack(sum_CK)
    hits_K = (abs(in_batches(flipped, RESAMPLES, width=len(sum_CK))) >= extreme_K).sum(axis=0)
    return [(int(hits) + 1) / (RESAMPLES + 1) for hits in hits_K]


def _slack(sums: Floats) -> Floats:
    """Sums that are equal on paper differ by rounding; they count as equally extreme."""
    return 1e-12 * abs(sums).sum(axis=0)


def _is_ternary(sums: Floats) -> bool:
    return bool(np.isin(sums, (-1.0, 0.0, 1.0)).all())


def _counts(gap_N: Floats) -> tuple[int, int]:
    return int((gap_N > 0).sum()), int((gap_N < 0).sum())
