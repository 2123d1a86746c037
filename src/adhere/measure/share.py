"""Shares of leaves: rates whose tries come in rows, and go together there."""

from dataclasses import dataclass

import numpy as np

from adhere.measure.statistics import Floats, wilson
from adhere.records import JSON

_ADDED_ROWS = 2
"""Of each kind, wholly right and wholly wrong, as Agresti and Coull add two hits and two misses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many leaves of some rows are of a kind, with a 95 % interval; of no leaves it is not defined."""

    hits: int
    tries: int
    low: float | None
    high: float | None

    @property
    def rate(self) -> float | None:
        """Share of the tries, in [0, 1]; `None` of none."""
        return self.hits / self.tries if self.tries else None

    def as_json(self) -> dict[str, JSON]:
        """Spell it as a `Rate` is; without tries, its numbers are null."""
        return {"hits": self.hits, "tries": self.tries, "rate": self.rate, "low": self.low, "high": self.high}


def share(hits_R: Floats, tries_R: Floats) -> Share:
    """Add up rows to a share.

    The interval is Wilson's on the number of tries that would be worth as much if each stood alone. Where
    every row has one try it is that of a `Rate`; where the tries of a row all fail together, that of as many
    tries as there are rows.

    Args:
        hits_R: Of each row, a whole number of at least 0 and at most its tries.
        tries_R: Of each row; those without any say nothing.
    """
    hits, tries = float(hits_R.sum()), float(tries_R.sum())
    if not tries:
        return Share(hits=0, tries=0, low=None, high=None)
    worth = _worth(hits_R, tries_R)
    low, high = wilson(hits * worth / tries, worth)
    rate = hits / tries
    # Rounding may leave a rate just outside its interval.
    return Share(hits=int(hits), tries=int(tries), low=min(low, rate), high=max(high, rate))


def _worth(hits_R: Floats, tries_R: Floats) -> float:
    """Return how many tries that stand alone say as much, from 1 to their number.

    That is p (1 - p) / v, where v is the variance of a ratio of sums over rows. What failed in few rows says
    little of how tries go together, and what never failed nothing; so v and p are taken with rows of mean
    size added, and their number is taken off again.

    Source: the effective sample size in Wilson's interval, Franco et al., Journal of Survey Statistics and
        Methodology 7, 2019; v, Cochran, Sampling Techniques, 1977, section 6.3.
    """
    hits, tries = float(hits_R.sum()), float(tries_R.sum())
    added = 2 * _ADDED_ROWS
    size = tries / int(np.count_nonzero(tries_R))
    all_tries = tries + added * size
    rate = (hits + _ADDED_ROWS * size) / all_tries
    spread = float(((hits_R - rate * tries_R) ** 2).sum())
    spread += _ADDED_ROWS * size**2 * ((1 - rate) ** 2 + rate**2)
    return min(max(1.0, rate * (1 - rate) * all_tries**2 / spread - added), tries)
