"""Which keywords of their schemas answers break."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from adhere.measure.statistics import Rate
from adhere.records import JSON
from adhere.schema import Violation

UNEXPLAINED = "unexplained"
"""Stands for the keyword where an answer is too large for it to be said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """How often answers break one keyword."""

    rows: Rate
    """Those that do, of all answers that are JSON."""
    times: int
    """Over all of them."""
    example_id: str
    """The first of them."""
    pointer: str
    """Where the first of them breaks it first; a JSON pointer."""

    def as_json(self) -> dict[str, JSON]:
        """Spell it as a rate is, with what is known beside it."""
        example: JSON = {"id": self.example_id, "pointer": self.pointer}
        return {**self.rows.as_json(), "times": self.times, "example": example}


def broken(answers: Iterable[tuple[str, tuple[Violation, ...]]], tries: int) -> dict[str, Broken]:
    """Count violations by keyword, the one that most answers break at the head.

    Args:
        answers: Those that break their schema: the id of the example, and how.
        tries: Answers that are JSON.
    """
    hits, times = Counter[str](), Counter[str]()
    first: dict[str, tuple[str, str]] = {}
    for example_id, violations in answers:
        keywords = [violation.keyword or UNEXPLAINED for violation in violations]
        hits.update(set(keywords))
        times.update(keywords)
        for keyword, violation in zip(keywords, violations, strict=True):
            first.setdefault(keyword, (example_id, violation.pointer))
    return {
        keyword: Broken(
            rows=Rate(hits[keyword], tries),
            times=times[keyword],
            example_id=first[keyword][0],
            pointer=first[keyword][1],
        )
        for keyword in sorted(hits, key=lambda keyword: (-hits[keyword], keyword))
    }
