"""What asking took so far, and whether more may be asked."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adhere.config import EndpointSettings
from adhere.endpoint.cache import Spending
from adhere.endpoint.reply import Cause, Failed, Reply
from adhere.records import JSON

_PER_PRICE = 1_000_000
"""Tokens that a price is for."""
_PERCENTILES = (50, 90, 99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What asking took."""

    requests: int
    """That ended, well or not."""
    cached: int
    """Those of them that were kept from an earlier time."""
    spending: Spending
    cost: float
    """At the prices of the settings."""
    failures: Mapping[Cause, int]
    """How many requests failed, by cause."""
    seconds: Mapping[int, float]
    """By percentile, how long the requests took that were sent; empty where none was."""

    def summary(self) -> dict[str, JSON]:
        """Return them as a summary has them."""
        return {
            "requests": self.requests,
            "cached": self.cached,
            "attempts": self.spending.attempts,
            "prompt_tokens": self.spending.prompt_tokens,
            "completion_tokens": self.spending.completion_tokens,
            "estimated_tokens": self.spending.estimated,
            "cost": round(self.cost, 6),
            "failures": {**self.failures},
            "seconds": {f"p{share}": round(value, 3) for share, value in self.seconds.items()},
        }


class Tally:
    """A count that one thread adds to, and any may read.

    Args:
        settings: Has the budget and the prices.
        spent: What an earlier process spent on the same.
    """

    def __init__(self, settings: EndpointSettings, spent: Spending) -> None:
        self._settings = settings
        self._spent = spent
        self._cached = 0
        self._answered = 0
        self._failures = Counter[Cause]()
        self._seconds: list[float] = []

    @property
    def is_spent(self) -> bool:
        """Whether the budget is used up."""
        return self._settings.budget is not None and self._spent.tokens >= self._settings.budget

    def cost(self, spending: Spending) -> float:
        """Price what was spent."""
        prompt = spending.prompt_tokens * self._settings.price_in
        return (prompt + spending.completion_tokens * self._settings.price_out) / _PER_PRICE

    def spend(self, spending: Spending) -> None:
        """Count an attempt."""
        self._spent += spending

    def end(self, outcome: Reply | Failed) -> None:
        """Count a request that ended."""
        if isinstance(outcome, Failed):
            self._failures[outcome.cause] += 1
        else:
            self._answered += 1
        self._cached += outcome.cached
        if outcome.attempts:
            self._seconds.append(outcome.seconds)

    def totals(self) -> Totals:
        """Return what was counted so far."""
        failures = dict(self._failures)
        taken = sorted(self._seconds)
        return Totals(
            requests=self._answered + sum(failures.values()),
            cached=self._cached,
            spending=self._spent,
            cost=self.cost(self._spent),
            failures=failures,
            seconds={share: _percentile(taken, share) for share in _PERCENTILES} if taken else {},
        )


def _percentile(ordered: Sequence[float], share: int) -> float:
    """Return the smallest that so many percent do not exceed."""
    return ordered[max(0, -(-share * len(ordered) // 100) - 1)]
