"""Numbers within exact bounds, and how people write them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, lcm
from random import Random
from typing import TypeAlias

from adhere.data.filling.drawing import Undrawable
from adhere.data.filling.kinds import Style
from adhere.data.filling.values import Drawn, Kind, Maker

Write: TypeAlias = Callable[[Random, str, str], str]
"""Writes a number from its digits before the point, with their sign, and those after it."""

_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_SIGNS = ("€", "$", "£")
_MOST_DECIMALS = 17
"""A double has no more than so many digits."""
_SAFE = 2**53
"""Up to here a double counts one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a schema asks of a number."""

    low: Fraction | None = None
    low_is_open: bool = False
    """Whether the number must be more than `low`, and not equal to it."""
    high: Fraction | None = None
    high_is_open: bool = False
    step: Fraction | None = None
    """The number is a multiple of it; 1 for an integer."""


@dataclass(frozen=True, slots=True)
class _Usual:
    """What is drawn where the schema leaves it open."""

    low: int
    high: int
    decimals: tuple[int, ...]
    kind: Kind


_USUAL: Mapping[Style, _Usual] = {
    "amount": _Usual(1, 200_000, (2,), "amount"),
    "price": _Usual(1, 900, (2,), "amount"),
    "count": _Usual(0, 999, (0,), "count"),
    "size": _Usual(1, 20_000, (0,), "count"),
    "label": _Usual(1_000, 999_999, (0,), "count"),
    "year": _Usual(1960, 2030, (0,), "count"),
    "month": _Usual(1, 12, (0,), "count"),
    "age": _Usual(1, 98, (0,), "count"),
    "port": _Usual(1024, 65535, (0,), "count"),
    "share": _Usual(0, 500, (0, 1, 1, 2), "share"),
    "fraction": _Usual(0, 1, (2, 2, 3), "share"),
    "percent": _Usual(0, 100, (0, 0, 1, 2), "share"),
    "score": _Usual(1, 10, (0, 1), "share"),
    "temperature": _Usual(-40, 150, (0, 1), "share"),
    "latitude": _Usual(-90, 90, (4, 5), "share"),
    "longitude": _Usual(-180, 180, (4, 5), "share"),
}
_ASCENDING: frozenset[Style] = frozenset({"count", "size"})
"""Small numbers are commoner than large ones in real documents."""


@dataclass(frozen=True, slots=True)
class _Grid:
    """The numbers `k * step / 10**decimals` for every `k` from `first` to `last`."""

    step: int
    decimals: int
    first: int
    last: int


def number_maker(bounds: Bounds, style: Style, *, signed: bool = False) -> Maker:
    """Return what draws numbers within bounds, exactly.

    Args:
        bounds: What the schema asks.
        style: What the number measures.
        signed: Whether an amount may be written with the sign of a currency.

    Raises:
        Undrawable: No number is within the bounds.
    """
    usual = _USUAL[style]
    grids = _grids(bounds, usual)
    pick = _amounts if usual.kind == "amount" else _ascending if style in _ASCENDING else _evenly
    write = _writer(style, bounds, signed=signed)
    kind = usual.kind

    def drawn(random: Random) -> Drawn:
        grid = random.choice(grids) if len(grids) > 1 else grids[0]
        number = pick(random, grid) * grid.step
        if grid.decimals == 0:
            return Drawn(number, write(random, str(number), ""), kind)
        unit = 10**grid.decimals
        whole, part = divmod(abs(number), unit)
        head = f"-{whole}" if number < 0 else str(whole)
        # A division of integers is rounded once, to the double nearest to the number that is written.
        value = number / unit if part else number // unit
        return Drawn(value, write(random, head, f"{part:0{grid.decimals}d}" if part else ""), kind)

    return drawn


# -------------------------------------------------------------------------------------------------- ranges


def _grids(bounds: Bounds, usual: _Usual) -> list[_Grid]:
    low, high = _range(bounds, usual)
    if bounds.step is not None:
        decimals = _decimals_of(bounds.step)
        tried = [_grid(bounds, low, high, decimals)]
    else:
        tried = [_grid(bounds, low, high, decimals) for decimals in usual.decimals]
        if not any(tried):
            finer = (_grid(bounds, low, high, decimals) for decimals in range(1, _MOST_DECIMALS + 1))
            tried = [next((grid for grid in finer if grid), None)]
    grids = [grid for grid in tried if grid]
    if not grids:
        keyword = "multipleOf" if bounds.step not in (None, 1) else "minimum"
        raise Undrawable(keyword, "leaves no number between the bounds")
    return grids


def _range(bounds: Bounds, usual: _Usual) -> tuple[Fraction, Fraction]:
    """Narrow what is usual to the bounds; both bounds together rule alone."""
    low, high = bounds.low, bounds.high
    span = max(Fraction(usual.high - usual.low), 100 * (bounds.step or 0))
    if low is not None and high is not None:
        return low, high
    if low is not None:
        start = max(low, Fraction(usual.low))
        return start, Fraction(usual.high) if start + span / 8 < usual.high else start + span
    if high is not None:
        end = min(high, Fraction(usual.high))
        return Fraction(usual.low) if usual.low < end else end - span, end
    return Fraction(usual.low), Fraction(max(usual.high, usual.low + span))


def _grid(bounds: Bounds, low: Fraction, high: Fraction, decimals: int) -> _Grid | None:
    unit = Fraction(10**decimals)
    step = int(bounds.step * unit) if bounds.step else 1
    first, last = low * unit / step, high * unit / step
    from_k, to_k = ceil(first), floor(last)
    if bounds.low_is_open and low == bounds.low and from_k == first:
        from_k += 1
    if bounds.high_is_open and high == bounds.high and to_k == last:
        to_k -= 1
    return _Grid(step, decimals, from_k, to_k) if from_k <= to_k else None


def _decimals_of(step: Fraction) -> int:
    """Return how many digits after the point a multiple of `step` may have; it was written as a decimal."""
    decimals = 0
    while (step * 10**decimals).denominator != 1:
        decimals += 1
    return decimals


def common_multiple(one: Fraction | None, other: Fraction) -> Fraction:
    """Return the least number that is a multiple of both."""
    if one is None:
        return other
    common = lcm(one.numerator * other.denominator, other.numerator * one.denominator)
    return Fraction(common, one.denominator * other.denominator)


# --------------------------------------------------------------------------------------------------- draws


def _evenly(random: Random, grid: _Grid) -> int:
    span = grid.last - grid.first + 1
    return grid.first + (int(random.random() * span) if span < _SAFE else random.randrange(span))


def _ascending(random: Random, grid: _Grid) -> int:
    span = grid.last - grid.first + 1
    if span >= _SAFE:
        return grid.first + random.randrange(span)
    draw = random.random()
    return grid.first + int(draw * draw * draw * span)


def _amounts(random: Random, grid: _Grid) -> int:
    """Draw among numbers of any length; two in five are whole."""
    span = grid.last - grid.first + 1
    some = max(1, span // random.choice((1, 2, 20, 200, 2000)))
    number = grid.first + (int(random.random() * some) if some < _SAFE else random.randrange(some))
    if grid.decimals == 2 and grid.step == 1 and random.random() < 0.4:
        whole = number - number % 100
        return whole if whole >= grid.first else number
    return number


# ------------------------------------------------------------------------------------------------ surfaces


def _writer(style: Style, bounds: Bounds, *, signed: bool) -> Write:
    if _USUAL[style].kind == "amount":
        return _signed_money if signed else _money
    if style == "percent" and (bounds.high is None or bounds.high > 1):
        return _percent
    if style in ("count", "size"):
        return _count
    return _plain


def _plain(_: Random, head: str, part: str) -> str:
    part = part.rstrip("0")
    return f"{head}.{part}" if part else head


def _count(random: Random, head: str, part: str) -> str:
    draw = random.random()
    if len(head) > 3:
        return (
            _grouped(head, ",") + (f".{part}" if part else "") if draw < 0.5 else _plain(random, head, part)
        )
    if draw < 0.08 and not part and len(head) < 3 and head[0] != "-" and int(head) < len(_WORDS):
        return _WORDS[int(head)]
    return _plain(random, head, part)


def _percent(random: Random, head: str, part: str) -> str:
    figure = _plain(random, head, part)
    draw = random.random()
    if draw < 0.35:
        return f"{figure}%"
    return f"{figure} %" if draw < 0.45 else f"{figure} percent" if draw < 0.5 else figure


def _money(random: Random, head: str, part: str) -> str:
    """Write an amount with or without separators, with two decimals or, if it is whole, with none."""
    cents = part.ljust(2, "0")
    draw = random.random()
    if not part and draw < 0.5:
        return _grouped(head, ",") if draw < 0.3 else head
    if draw < 0.1 and len(head) > 3:
        return f"{_grouped(head, '.')},{cents}"
    if draw < 0.14 and len(head) > 3:
        return f"{_grouped(head, ' ')},{cents}"
    return f"{_grouped(head, ',')}.{cents}" if draw < 0.75 else f"{head}.{cents}"


def _signed_money(random: Random, head: str, part: str) -> str:
    figure = _money(random, head, part)
    draw = random.random()
    if draw > 0.3 or head[0] == "-":
        return figure
    sign = random.choice(_SIGNS)
    return f"{sign}{figure}" if draw < 0.2 else f"{figure} {sign}"


def _grouped(head: str, separator: str) -> str:
    """Part the thousands of a whole number."""
    return f"{int(head):,}".replace(",", separator) if head != "-0" else head
