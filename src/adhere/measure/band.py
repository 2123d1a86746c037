"""Rows of like difficulty."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from adhere.data.difficulty import difficulty
from adhere.measure.share import Share
from adhere.measure.statistics import Rate
from adhere.records import JSON, Example

GIVEN = "given"
"""The measure of those who put a difficulty of their own into `meta`."""
_STARTS: Mapping[str, tuple[int, ...]] = {
    "leaves": (1, 4, 10, 20, 40),
    "depth": (0, 1, 2, 3, 4),
    "arrays": (0, 1, 2, 4),
    "distractors": (0, 1, 3),
    "characters": (0, 300, 1000, 3000),
}
"""First number of each band, by measure of difficulty; the last band has no end."""


def _labels(starts: tuple[int, ...]) -> tuple[str, ...]:
    closed = (str(low) if high == low + 1 else f"{low}-{high - 1}" for low, high in pairwise(starts))
    return (*closed, f"{starts[-1]}+")


BANDS: Mapping[str, tuple[str, ...]] = {measure: _labels(starts) for measure, starts in _STARTS.items()}
"""Names of the bands of each measure, from easy to hard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """What was achieved on rows of like difficulty."""

    schema_valid: Rate
    exact: Rate
    leaf_f1: Share

    def as_json(self) -> dict[str, JSON]:
        """Spell it flat."""
        return {
            "schema_valid": self.schema_valid.as_json(),
            "exact": self.exact.as_json(),
            "leaf_f1": self.leaf_f1.as_json(),
        }


def bands(example: Example) -> Mapping[str, str]:
    """Return the band in which an example is, for each measure of difficulty.

    `GIVEN` is among them where its `meta` has a `difficulty` that is a text or a whole number.
    """
    measured = difficulty(example)
    found = {
        measure: BANDS[measure][max(0, bisect_right(starts, getattr(measured, measure)) - 1)]
        for measure, starts in _STARTS.items()
    }
    given = example.meta.get("difficulty")
    return found | {GIVEN: str(given)} if isinstance(given, str | int) else found
