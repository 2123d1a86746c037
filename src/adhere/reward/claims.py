"""Who may claim which stretch of a text: at most one each, and no two that overlap."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import milp  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from adhere.reward.numerals import Span

_LARGEST_EXACT = 500
"""Pairs of claim and span up to which the best assignment is searched for: some tens of milliseconds."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One that may claim any one of some spans."""

    worth: tuple[tuple[Span, float], ...]
    """Each span with what it is worth that this claim is met by it; above 0."""

    @property
    def spans(self) -> tuple[Span, ...]:
        """The spans alone, the most worth first."""
        return tuple(span for span, _ in sorted(self.worth, key=lambda pair: -pair[1]))

    def pay(self, span: Span) -> float:
        """Return what one of its spans is worth."""
        return dict(self.worth)[span]

    @property
    def best(self) -> float:
        """What its best span is worth; 0 without any."""
        return max((worth for _, worth in self.worth), default=0.0)


def assign(claims: Sequence[Claim]) -> list[Span | None]:
    """Give each claim at most one of its spans, no two overlapping, for the greatest weight in all.

    Pure. Exact, but for more than 500 pairs of claim and span, where claims are met in order: those
    with the fewest spans first, then the longest.

    Returns:
        One span, or `None`, per claim, in the same order.
    """
    met = _in_turn(claims)
    if all((claim.pay(span) if span else 0.0) == claim.best for span, claim in zip(met, claims, strict=True)):
        return met
    alike: dict[Claim, list[int]] = defaultdict(list)
    for index, claim in enumerate(claims):
        if claim.worth:
            alike[claim].append(index)
    if sum(len(claim.worth) for claim in alike) > _LARGEST_EXACT:
        return met
    return _best(alike, count=len(claims))


def _in_turn(claims: Sequence[Claim]) -> list[Span | None]:
    """Meet the claims with the least choice first, the longest of them first."""
    met: list[Span | None] = [None] * len(claims)
    taken: list[Span] = []
    for index in sorted(range(len(claims)), key=lambda index: _urgency(claims[index])):
        span = next((span for span in claims[index].spans if not _overlaps(span, taken)), None)
        if span is not None:
            met[index] = span
            taken.append(span)
    return met


def _urgency(claim: Claim) -> tuple[int, int]:
    return len(claim.worth), -max((end - start for (start, end), _ in claim.worth), default=0)


def _overlaps(span: Span, taken: Sequence[Span]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in taken)


def _best(alike: dict[Claim, list[int]], *, count: int) -> list[Span | None]:
    """Solve the assignment as an integer program: one 0/1 variable per kind of claim and span."""
    pairs = [(claim, span, worth) for claim in alike for span, worth in claim.worth]
    starts = sorted({span[0] for _, span, _ in pairs})
    # Spans that overlap share the start of one of them, so each start may be covered only once.
    covers = [[start <= at < end for _, (start, end), _ in pairs] for at in starts]
    belongs = [[claim is owner for owner, _, _ in pairs] for claim in alike]
    limits = [1] * len(starts) + [len(indexes) for indexes in alike.values()]
    chosen = _maximum([worth for _, _, worth in pairs], np.array(covers + belongs, dtype=np.float64), limits)
    met: list[Span | None] = [None] * count
    waiting = {claim: list(indexes) for claim, indexes in alike.items()}
    for (claim, span, _), is_chosen in zip(pairs, chosen, strict=True):
        if is_chosen:
            met[waiting[claim].pop(0)] = span
    return met


def _maximum(weights: Sequence[float], sums: NDArray[np.float64], limits: Sequence[int]) -> list[bool]:
    """Choose among 0/1 variables for the greatest weight, each row of `sums` staying within its limit."""
    solution = cast("Any", milp)(  # scipy has no types
        [-weight for weight in weights],
        integrality=np.ones(len(weights)),
        bounds=(0, 1),
        constraints=(sums, -np.inf, limits),
    )
    return [share > 0.5 for share in cast("NDArray[np.float64]", solution.x).tolist()]
