"""Draws what is written into the fields of one document, as one hand would write it."""

import datetime
from collections.abc import Callable
from random import Random
from typing import Literal, NamedTuple, TypeAlias

from adhere.data.filling import values
from adhere.data.papers.form import CURRENCIES, whole
from adhere.data.papers.outline import (
    Choice,
    Clock,
    Code,
    Company,
    Currency,
    Day,
    Field,
    Flag,
    Money,
    Number,
    Person,
    Phrase,
    Term,
)
from adhere.data.side import Side
from adhere.records import JSON

Sort: TypeAlias = Literal["name", "code", "words", "day", "clock", "number", "count", "option", "flag"]

_FIRST_DAY = datetime.date(2012, 1, 1).toordinal()
_DAYS = 18 * 365
"""Documents are about days of eighteen years."""
_GROUPED = (",", ",", "", "", "", " ", "'")
"""What parts thousands in a document, plain ones oftenest."""
_DAY_STYLES = ("iso", "iso", "day first", "month first", "short", "short month first", "points", "slashes")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_SORTS: dict[type, Sort] = {
    Person: "name", Company: "name", Code: "code", Term: "words", Phrase: "words", Clock: "clock",
}  # fmt: skip


_MEMBER = Person("member")
_CREW = 3


class Entry(NamedTuple):
    """What stands in a field, and how the text spells it."""

    value: JSON
    surface: str
    sort: Sort
    unit: str = ""
    """What the text writes after a number."""
    scaled: int = 0
    """A number in units of its last decimal."""
    decimals: int = 0


class Hand:
    """What the entries of one document have in common: its day, its crew, its ways to spell.

    Args:
        random: Source of chance.
        side: Which names, identifiers and phrases may occur.
    """

    __slots__ = (
        "_comma",
        "_crew",
        "_currency",
        "_day",
        "_day_style",
        "_grouped",
        "_grouped_from",
        "_people",
        "_random",
        "_side",
        "_spaced",
    )

    def __init__(self, random: Random, side: Side) -> None:
        self._random = random
        self._side = side
        self._day = _FIRST_DAY + random.randrange(_DAYS)
        self._day_style = random.choice(_DAY_STYLES)
        self._grouped = random.choice(_GROUPED)
        self._grouped_from = random.choice((1000, 1000, 10_000))
        self._comma = random.random() < 0.07
        self._currency = random.choice(CURRENCIES)
        self._spaced = random.random() < 0.8
        self._crew: list[Entry] = []

    def entry(self, field: Field) -> Entry:
        """Draw what stands in a field."""
        match field:
            case Number(_, low, high, decimals, unit):
                return self.number(self._random.randint(low, high), decimals, unit)
            case Money(_, low, high):
                return self.number(self._amount(low, high), 2, self._currency)
            case Day(_, least, most):
                return self._date(self._day + self._random.randint(least, most))
            case Flag():
                return self.flag(value=self._random.random() < 0.5)
            case Currency():
                return self.option(self._currency)
            case Choice(_, options):
                return self.option(self._random.choice(options))
            case _:
                return self._verbatim(field)

    def _verbatim(self, field: Person | Company | Code | Term | Phrase | Clock) -> Entry:
        """Draw a string that the text spells as it is."""
        match field:
            case Person():
                value = self._admitted(lambda: values.person(self._random))
            case Clock(_, first, last):
                value = f"{self._random.randrange(first, last):02d}:{self._random.randrange(0, 60, 5):02d}"
            case _:
                value = self._admitted(lambda: self._string(field))
        return Entry(value, value, _SORTS[type(field)])

    def number(self, scaled: int, decimals: int, unit: str) -> Entry:
        """Write a number that is given in units of its last decimal."""
        scale = 10**decimals
        value = whole(scaled, scale)
        whole_part, fraction = divmod(abs(scaled), scale)
        digits = f"{whole_part:,}".replace(",", self._separator(whole_part))
        point = "," if self._comma else "."
        surface = (
            f"{'-' if scaled < 0 else ''}{digits}{f'{point}{fraction:0{decimals}d}' if decimals else ''}"
        )
        return Entry(value, surface, "number" if decimals or unit else "count", unit, scaled, decimals)

    def option(self, value: str) -> Entry:
        """Write an option of an enum, in most documents with blanks for underscores."""
        return Entry(value, value.replace("_", " ") if self._spaced else value, "option")

    def flag(self, *, value: bool) -> Entry:
        """Write yes or no."""
        return Entry(
            value, self._random.choice(("yes", "Yes", "YES") if value else ("no", "No", "NO")), "flag"
        )

    def _separator(self, whole_part: int) -> str:
        """Return what parts thousands; where commas mark decimals, no comma does."""
        if whole_part < self._grouped_from:
            return ""
        return " " if self._comma and self._grouped == "," else self._grouped

    def _amount(self, low: int, high: int) -> int:
        """Draw hundredths: round amounts are common, and small ones commoner than large ones."""
        scaled = low + int((high - low) * self._random.random() * self._random.random())
        return scaled - scaled % self._random.choice((1, 1, 5, 50, 100, 100, 1000))

    def _date(self, ordinal: int) -> Entry:
        day = datetime.date.fromordinal(ordinal)
        return Entry(day.isoformat(), _spelled(day, self._day_style), "day")

    def colleague(self) -> Entry:
        """Draw one of the few people who sign the lines of the document's tables."""
        if not self._crew or (len(self._crew) < _CREW and self._random.random() < 0.6):
            self._crew.append(self._verbatim(_MEMBER))
            return self._crew[-1]
        return self._random.choice(self._crew)

    def _string(self, field: Company | Code | Term | Phrase) -> str:
        random = self._random
        match field:
            case Code(_, pattern):
                return values.masked(random, pattern)
            case Term(_, pool, tag):
                name = random.choice(pool)
                return f"{name} {values.masked(random, tag)}" if tag else name
            case Phrase(_, heads, tails):
                return f"{random.choice(heads)} {random.choice(tails)}"
            case Company():
                return values.company(random)

    def _admitted(self, draw: Callable[[], str]) -> str:
        """Draw until something may stand on this side; every pool has something for either."""
        while True:
            value = draw()
            if self._side.admits("value", value):
                return value


def _spelled(day: datetime.date, style: str) -> str:
    """Spell a date; where its day could be taken for a month, figures alone are in the order of ISO 8601."""
    month = _MONTHS[day.month - 1]
    match style:
        case "day first":
            return f"{day.day} {month} {day.year}"
        case "month first":
            return f"{month} {day.day}, {day.year}"
        case "short":
            return f"{day.day:02d} {month[:3]} {day.year}"
        case "short month first":
            return f"{month[:3]} {day.day}, {day.year}"
        case "points" if day.day > 12:
            return f"{day.day:02d}.{day.month:02d}.{day.year}"
        case "slashes" if day.day > 12:
            return f"{day.month:02d}/{day.day:02d}/{day.year}"
        case _:
            return day.isoformat()
