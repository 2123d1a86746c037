"""Who may claim which stretch of a text: at most one each, and no two that overlap."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import milp  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from adhere.text.numerals import Span

LARGEST_EXACT = 500
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
        return next(worth for other, worth in self.worth if other == span)

    @property
    def best(self) -> float:
        """What its best span is worth; 0 without any."""
        return max((worth for _, worth in self.worth), default=0.0)


class Taken:
    """Spans of which no two overlap."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def has_room(self, span: Span) -> bool:
        """Whether no span here overlaps this one; in time that grows with the logarithm of their number."""
        after = bisect_left(self._starts, span[1])
        return after == 0 or self._ends[after - 1] <= span[0]

    def add(self, span: Span) -> None:
        """Take a span for which there is room."""
        at = bisect_left(self._starts, span[0])
        self._starts.insert(at, span[0])
        self._ends.insert(at, span[1])


@dataclass(slots=True)
class _Kind:
    """Claims that are one and the same."""

    claim: Claim
    count: int = 0
    met: list[Span] = field(default_factory=list[Span])
    """At most `count` of its spans."""

    @property
    def is_content(self) -> bool:
        """Whether nothing could be worth more."""
        worth, best = dict(self.claim.worth), self.claim.best
        return len(self.met) == self.count and all(worth[span] == best for span in self.met)


def assign(claims: Sequence[Claim]) -> list[Span | None]:
    """Give each claim at most one of its spans, no two overlapping, for the greatest weight in all.

    Pure. Exact, but where many claims contend for the same text. Those are met in order: the ones with the
    fewest spans first, then the longest. Many are more than 500 pairs of claim and span in groups that share
    no text, smaller groups first.

    Returns:
        One span, or `None`, per claim, in the same order.
    """
    kinds: dict[int, _Kind] = {}
    for claim in claims:
        if claim.worth:
            kinds.setdefault(id(claim), _Kind(claim)).count += 1
    _meet_in_turn(kinds.values())
    if not all(kind.is_content for kind in kinds.values()):
        _meet_best(_searched(list(kinds.values())))
    waiting = {key: iter(kind.met) for key, kind in kinds.items()}
    return [next(waiting[id(claim)], None) if claim.worth else None for claim in claims]


def _meet_in_turn(kinds: Iterable[_Kind]) -> None:
    """Meet the claims with the least choice first, the longest of them first."""
    taken = Taken()
    for kind in sorted(kinds, key=lambda kind: _urgency(kind.claim)):
        for span in kind.claim.spans:
            if len(kind.met) < kind.count and taken.has_room(span):
                taken.add(span)
                kind.met.append(span)


def _urgency(claim: Claim) -> tuple[int, int]:
    return len(claim.worth), -max(end - start for (start, end), _ in claim.worth)


def _searched(kinds: Sequence[_Kind]) -> list[_Kind]:
    """Choose the kinds to be met best: groups in which one could be met better, the smallest first."""
    chosen: list[_Kind] = []
    room = LARGEST_EXACT
    for group in sorted(_groups(kinds), key=_pairs):
        if _pairs(group) <= room and not all(kind.is_content for kind in group):
            chosen += group
            room -= _pairs(group)
    return chosen


def _pairs(kinds: Sequence[_Kind]) -> int:
    return sum(len(kind.claim.worth) for kind in kinds)


def _groups(kinds: Sequence[_Kind]) -> list[list[_Kind]]:
    """Part kinds so that the spans of no two groups overlap."""
    group_of = list(range(len(kinds)))

    def root(index: int) -> int:
        while group_of[index] != index:
            group_of[index] = index = group_of[group_of[index]]
        return index

    reach, last = -1, 0
    for (start, end), index in sorted(
        (span, index) for index, kind in enumerate(kinds) for span in kind.claim.spans
    ):
        if start < reach:
            group_of[root(index)] = root(last)
        reach, last = max(reach, end), index
    groups: dict[int, list[_Kind]] = defaultdict(list)
    for index, kind in enumerate(kinds):
        groups[root(index)].append(kind)
    return list(groups.values())


def _meet_best(kinds: Sequence[_Kind]) -> None:
    """Solve the assignment as an integer program: one 0/1 variable per kind of claim and span."""
    pairs = [(kind, span, worth) for kind in kinds for span, worth in kind.claim.worth]
    if not pairs:
        return
    starts, ends = np.array([span for _, span, _ in pairs]).T
    # Spans that overlap share the start of one of them, so each start may be covered only once.
    at = np.unique(starts)[:, None]
    owners = np.array([index for index, kind in enumerate(kinds) for _ in kind.claim.worth])
    sums = np.vstack([(starts <= at) & (at < ends), owners == np.arange(len(kinds))[:, None]])
    limits = [*(1 for _ in at), *(kind.count for kind in kinds)]
    chosen = _maximum([worth for _, _, worth in pairs], sums.astype(np.float64), limits)
    for kind in kinds:
        kind.met = []
    for (kind, span, _), is_chosen in zip(pairs, chosen, strict=True):
        if is_chosen:
            kind.met.append(span)


def _maximum(weights: Sequence[float], sums: NDArray[np.float64], limits: Sequence[int]) -> list[bool]:
    """Choose among 0/1 variables for the greatest weight, each row of `sums` staying within its limit."""
    solution = cast("Any", milp)(  # scipy has no types
        [-weight for weight in weights],
        integrality=np.ones(len(weights)),
        bounds=(0, 1),
        constraints=(sums, -np.inf, limits),
    )
    return [share > 0.5 for share in cast("NDArray[np.float64]", solution.x).tolist()]
