"""Draws one of several kinds of value, or by one of several branches."""

from collections.abc import Callable

from adhere.data.filling.drawing import Drawing, Undrawable, Way
from adhere.data.filling.leaf import Nothing
from adhere.records import JSON
from adhere.schema.leaves import Path

_NULL = 0.3
"""How often null is drawn where it is chosen and the key must be there; elsewhere the key is left out."""


class Fork:
    """A choice among ways; each is made ready when it is first taken.

    Args:
        count: How many there are.
        make: Makes the way of a number.
        keyword: What leaves the choice.
        is_required: Whether the value must be there, so that only null can say that there is none.
    """

    __slots__ = ("_is_required", "_keyword", "_make", "_ways")

    def __init__(self, count: int, make: Callable[[int], Way], keyword: str, *, is_required: bool) -> None:
        self._ways: list[Way | None] = [None] * count
        self._make = make
        self._keyword = keyword
        self._is_required = is_required

    def draw(self, to: Drawing, path: Path) -> JSON:
        """Draw by a way taken at random, or by the next one where that leads nowhere."""
        count, levels = len(self._ways), to.levels(path)
        start = int(to.random.random() * count)
        null: Way | None = None
        fault = Undrawable(self._keyword, "has no branch by which a value was found", path)
        for turn in range(count):
            way = self._at((start + turn) % count)
            if isinstance(way, Nothing) and not (self._is_required and to.random.random() < _NULL):
                null = way
                continue
            if levels is not None and not way.fits(levels):
                continue
            mark = to.mark()
            try:
                value = way.draw(to, path)
            except Undrawable as found:
                if to.is_spent:
                    raise
                to.back(mark)
                fault = found
                continue
            if value in ({}, []) and self._may_be_null():
                # A text says nothing of either, so that it could not tell the two apart.
                to.back(mark)
                return Nothing().draw(to, path)
            return value
        if null is not None:
            return null.draw(to, path)
        raise fault

    def fits(self, levels: int) -> bool:
        """Whether a value can be drawn by any way."""
        return any(self._at(index).fits(levels) for index in range(len(self._ways)))

    def _may_be_null(self) -> bool:
        return any(isinstance(self._at(index), Nothing) for index in range(len(self._ways)))

    def _at(self, index: int) -> Way:
        way = self._ways[index]
        if way is None:
            way = self._ways[index] = self._make(index)
        return way
