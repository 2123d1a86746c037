"""Draws arrays, item by item."""

from collections.abc import Callable
from typing import TypeAlias

from adhere.data.filling.drawing import MOST_VALUES, ROOMY, Drawing, Undrawable, Way
from adhere.data.filling.goal import Conjunction, Goal
from adhere.records import JSON
from adhere.schema.canonical import canonical
from adhere.schema.leaves import Path

Make: TypeAlias = Callable[[Conjunction], Way]
"""Returns a way to draw an item that obeys some schemas."""

_EMPTY = 0.06
"""How often a list that must be there and may be empty is."""
_USUAL = 3
"""Items at most of a list of which nothing more is said."""
_MOST_TRIES = 300
"""Draws of an item that must not be among the others."""


class Items:
    """An array.

    Raises:
        Undrawable: It must have more items than it may have, or than an answer may.
    """

    def __init__(self, goal: Goal, make: Make, *, is_required: bool) -> None:
        self._goal = goal
        self._make = make
        self._is_required = is_required
        self._first = [goal.element(index) for index in range(goal.singled_out)]
        self._rest = goal.element(goal.singled_out)
        self._ways = [make(asked) for asked in (*self._first, self._rest)]
        self._contained = [schema for schema, count in goal.contains for _ in range(min(count, MOST_VALUES))]
        self._least = max(goal.least.get("Items", 0), len(self._contained))
        self._most = self._most_items()
        if self._most < self._least:
            keyword = "contains" if self._least == len(self._contained) else "minItems"
            raise Undrawable(keyword, "asks for more items than there may be")
        if self._least > MOST_VALUES:
            raise Undrawable("minItems", f"asks for more than {MOST_VALUES} values")

    def _most_items(self) -> int:
        """Return how many items there may be: as many as are listed, where no others may follow."""
        most = self._goal.most.get("Items", MOST_VALUES + self._least)
        for index, asked in enumerate([*self._first, self._rest]):
            if False in asked:
                return min(most, index)
        return min(most, len(self._first)) if self._goal.is_closed and self._first else most

    def draw(self, to: Drawing, path: Path) -> JSON:
        """Draw the items that must be there and some more."""
        count = self._count(to, path)
        to.values += count
        if to.values > MOST_VALUES:
            to.give_up()
            raise Undrawable("minItems", f"asks for more than {MOST_VALUES} values", path)
        contained = self._placed(to, count)
        items: list[JSON] = []
        seen: set[str] = set()
        last = len(self._first)
        for index in range(count):
            way = self._ways[min(index, last)] if index not in contained else self._make(contained[index])
            mark = to.mark()
            try:
                items.append(self._new(to, way, (*path, index), seen))
            except Undrawable:
                if index < self._least or to.is_spent:
                    raise
                to.back(mark)
                break
        if not items and path:
            to.absent.append(path)
        return items

    def fits(self, levels: int) -> bool:
        """Whether the items that must be there fit."""
        needed = self._ways[: self._least]
        return levels >= 0 and (not needed or levels > 0) and all(way.fits(levels - 1) for way in needed)

    def _count(self, to: Drawing, path: Path) -> int:
        levels = to.levels(path)
        least = self._least
        if to.values >= ROOMY or (levels is not None and not self._ways[-1].fits(levels - 1)):
            return least
        if least == 0 and self._is_required and to.random.random() < _EMPTY:
            return 0
        low = min(self._most, max(least, len(self._first), 1))
        high = (
            min(self._most, max(low, _USUAL))
            if "Items" not in self._goal.most
            else min(self._most, low + 2 * _USUAL)
        )
        return low + int(to.random.random() * (max(low, high) - low + 1))

    def _placed(self, to: Drawing, count: int) -> dict[int, Conjunction]:
        """Say which items are those that the array must contain."""
        if not self._contained:
            return {}
        later = list(range(min(len(self._first), count), count))
        to.random.shuffle(later)
        places = [*later, *range(min(len(self._first), count))]
        asked = dict(enumerate(self._first))
        return {
            place: (*asked.get(place, self._rest), schema)
            for place, schema in zip(places, self._contained, strict=False)
        }

    def _new(self, to: Drawing, way: Way, at: Path, seen: set[str]) -> JSON:
        """Draw an item, one that is not among those seen where all must differ."""
        if not self._goal.unique:
            return way.draw(to, at)
        for _ in range(_MOST_TRIES):
            mark = to.mark()
            item = way.draw(to, at)
            spelling = canonical(item)
            if spelling not in seen:
                seen.add(spelling)
                return item
            to.back(mark)
            if to.is_spent:
                break
        raise Undrawable("uniqueItems", "asks for more different items than were found", at)
