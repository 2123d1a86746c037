"""What a comparison could have found: the smallest difference at this many rows, and the rows for one."""

import math
from dataclasses import dataclass

from adhere.measure.statistics import Z_95

Z_80 = 0.8416212335729143
"""The 80th percentile of the standard normal: the chance with which a difference is to be found."""
FEWEST = 6
"""Rows that a two-sided p below 5 % takes: five that all differ one way have 2 / 2⁵ = .06."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How much paired differences vary: what decides over means."""

    variance: float
    """Of the mean difference, times the rows: of one row where rows are independent. NaN where unknown."""
    n: int

    @property
    def detectable(self) -> float | None:
        """Smallest true difference that `n` rows find with a chance of 80 %, at 5 % and two-sided.

        `None` where no row differs from another, so nothing is known of how they would.
        """
        if not self.variance > 0 or self.n < FEWEST:
            return None
        return (Z_95 + Z_80) * math.sqrt(self.variance / self.n)

    def rows_needed(self, difference: float) -> int | None:
        """Return the rows that find `difference`, at least 0, where they vary and go together as these do."""
        if not self.variance > 0 or difference == 0:
            return None
        return max(FEWEST, math.ceil(self.variance * ((Z_95 + Z_80) / difference) ** 2))


@dataclass(frozen=True, slots=True)
class Discordant:
    """Rows on which one of two systems succeeds and the other fails: what decides over rates.

    A true difference of d has at least the share d of such rows, so more are assumed where fewer were seen.

    Source: Connor 1987, Sample size for testing differences in proportions for the paired-sample design,
        with one row less for that McNemar's exact test counts whole rows (Edwards 1948).
    """

    discordant: int
    n: int

    @property
    def detectable(self) -> float | None:
        """Smallest true difference that `n` rows find with a chance of 80 %, at 5 % and two-sided.

        `None` where not even a difference of 1 is found, as on fewer than six rows.
        """
        low, high = 0.0, 1.0
        if self._rows(high) > self.n:
            return None
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (low, middle) if self._rows(middle) <= self.n else (middle, high)
        return high

    def rows_needed(self, difference: float) -> int | None:
        """Return the rows that find `difference`, at least 0, with as large a share of them discordant."""
        return math.ceil(self._rows(difference)) if difference > 0 else None

    def _rows(self, difference: float) -> float:
        # n d - 1 = z √(n share) + z' √(n (share - d²)), a quadratic equation in √n.
        share = max(self.discordant / self.n, difference)
        spread = Z_95 * math.sqrt(share) + Z_80 * math.sqrt(share - difference**2)
        return ((spread + math.sqrt(spread**2 + 4 * difference)) / (2 * difference)) ** 2
