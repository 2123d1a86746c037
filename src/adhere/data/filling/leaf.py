"""Draws the values that have no parts."""

from collections.abc import Sequence
from copy import deepcopy

from adhere.data.filling.drawing import Drawing, Undrawable
from adhere.data.filling.values import OPEN, Drawn, Maker, option
from adhere.records import JSON
from adhere.schema.canonical import spelled
from adhere.schema.leaves import Path, leaves_at

_MOST_TRIES = 200
"""Draws after which a value is taken though it belongs to the other side: its schema admits few."""


class Leaf:
    """A string, a number or a boolean."""

    __slots__ = ("_described", "_make")

    def __init__(self, make: Maker, described: str) -> None:
        self._make = make
        self._described = described

    def draw(self, to: Drawing, path: Path) -> JSON:
        """Draw a value; one that belongs to the other side of a split is drawn again."""
        drawn = self._make(to.random)
        if to.keeps_apart and drawn.kind in OPEN:
            drawn = self._admitted(to, drawn)
        if drawn.value == "":
            to.absent.append(path)
        else:
            to.facts.append((path, drawn, self._described))
        return drawn.value

    def _admitted(self, to: Drawing, drawn: Drawn) -> Drawn:
        for _ in range(_MOST_TRIES):
            if to.side.admits("value", str(drawn.value)):
                break
            drawn = self._make(to.random)
        return drawn

    def fits(self, levels: int) -> bool:
        """Every leaf fits."""
        return levels >= 0


class Nothing:
    """Null, which a text says by saying nothing."""

    __slots__ = ()

    def draw(self, to: Drawing, path: Path) -> JSON:
        """Return null."""
        to.absent.append(path)
        return None

    def fits(self, levels: int) -> bool:
        """Null always fits."""
        return levels >= 0


class Options:
    """One of the values that a schema lists; they may have parts."""

    __slots__ = ("_described", "_is_fixed", "_options")

    def __init__(self, options: Sequence[JSON], described: str) -> None:
        self._options = options
        self._described = described
        self._is_fixed = len(options) == 1

    def draw(self, to: Drawing, path: Path) -> JSON:
        """Draw one of them; what has parts is copied, for the schema's own is not to be changed."""
        drawn = option(to.random, self._options)
        for at, value in leaves_at(drawn.value, path):
            if value in (None, "") or isinstance(value, list | dict):
                to.absent.append(at)
            elif self._is_fixed or isinstance(drawn.value, list | dict):
                surface = value if isinstance(value, str) else spelled(value)
                to.facts.append((at, Drawn(value, surface, "fixed" if self._is_fixed else "option"), ""))
            else:
                to.facts.append((at, drawn, self._described))
        return deepcopy(drawn.value) if isinstance(drawn.value, list | dict) else drawn.value

    def fits(self, levels: int) -> bool:
        """What is listed has an end."""
        return levels >= 0


class Never:
    """What no value obeys."""

    __slots__ = ("_fault",)

    def __init__(self, fault: Undrawable) -> None:
        self._fault = fault

    def draw(self, _to: Drawing, path: Path, /) -> JSON:
        """Say why there is none."""
        raise Undrawable(self._fault.keyword, self._fault.why, path)

    def fits(self, _levels: int, /) -> bool:
        """Nothing fits."""
        return False
