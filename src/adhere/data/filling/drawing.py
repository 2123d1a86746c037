"""One value being drawn: what it may still cost, and what a text must state of it."""

from random import Random
from typing import Protocol, TypeAlias

from adhere.data.filling.values import Drawn
from adhere.data.side import Side
from adhere.records import JSON
from adhere.schema.leaves import Path

Fact: TypeAlias = tuple[Path, Drawn, str]
"""Where a leaf stands, what was drawn for it, and how the schema describes it."""

_MOST_TRIES = 3_000
"""Parts that may be drawn again before a value is given up: a second's work."""
ROOMY = 150
"""Values after which nothing more is drawn than the schema requires."""
MOST_VALUES = 10_000
"""As many as an answer may have; see `adhere.schema.limits`."""


class Undrawable(Exception):
    """Raised where no value could be drawn that obeys a keyword."""

    def __init__(self, keyword: str, why: str, path: Path = ()) -> None:
        super().__init__(keyword, why)
        self.keyword = keyword
        self.why = why
        """A clause that goes on from the keyword, without a full stop."""
        self.path = path


class Drawing:
    """What every part of one value shares while it is drawn."""

    __slots__ = (
        "_tries",
        "absent",
        "deepest",
        "facts",
        "is_judged",
        "keeps_apart",
        "random",
        "side",
        "values",
    )

    def __init__(self, random: Random, side: Side, *, deepest: int | None, is_judged: bool) -> None:
        self.random = random
        self.side = side
        self.keeps_apart = "value" in side.apart
        self.deepest = deepest
        """Longest path of a value; `None` where the schema sets an end to it."""
        self.is_judged = is_judged
        """Whether every part is held against its schema, and not only those that may break it."""
        self.facts: list[Fact] = []
        self.absent: list[Path] = []
        self.values = 0
        self._tries = _MOST_TRIES

    def mark(self) -> tuple[int, int, int]:
        """Return a point to go back to."""
        return len(self.facts), len(self.absent), self.values

    def back(self, mark: tuple[int, int, int]) -> None:
        """Forget what was drawn since a point, which costs a try."""
        facts, absent, self.values = mark
        del self.facts[facts:]
        del self.absent[absent:]
        self._tries -= 1

    def give_up(self) -> None:
        """Have nothing drawn again."""
        self._tries = 0

    @property
    def is_spent(self) -> bool:
        """Whether nothing may be drawn again."""
        return self._tries <= 0

    def levels(self, path: Path) -> int | None:
        """Return how many levels a value at `path` may have; `None` for any number."""
        return None if self.deepest is None else self.deepest - len(path)


class Way(Protocol):
    """A way to draw a value, or a part of one."""

    def draw(self, to: Drawing, path: Path, /) -> JSON:
        """Draw the value that stands at `path`, and say in `to` what a text must state of it.

        Raises:
            Undrawable: None was found that obeys.
        """
        ...

    def fits(self, levels: int, /) -> bool:
        """Whether a value of at most so many levels inside one another can be drawn; 0 for a leaf."""
        ...
