"""Dates as people write them."""

import datetime
import re
from collections.abc import Iterator

from adhere.text.numerals import Span

_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_NAME = rf"(?P<name>{'|'.join(f'{month[:3]}(?:{month[3:]})?' for month in _MONTHS)}|sept)\.?"
_DAY = r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>[0-9]{4})"
_WITH_NAME = tuple(
    re.compile(rf"(?<!\w){form}(?!\w)", re.IGNORECASE)
    for form in (rf"{_NAME}\s{_DAY},?\s{_YEAR}", rf"{_DAY}\.?(?:\sof)?\s{_NAME},?\s{_YEAR}")
)
_ISO = re.compile(r"(?<!\w)([0-9]{4})-([0-9]{2})-([0-9]{2})(?![0-9])")
_FIGURES = re.compile(r"(?<!\w)([0-9]{1,2})([./-])([0-9]{1,2})\2([0-9]{4})(?!\w)")


def dates(text: str) -> Iterator[tuple[str, Span]]:
    """Find every full date that `text` states, as ISO 8601, and where.

    Read are `2024-04-15`, `April 15, 2024`, `Apr 15 2024`, `15 April 2024`, `15th of April 2024`,
    `15.04.2024`, `15/04/2024` and `04/15/2024` (also with hyphens); English month names, in full or
    by three letters (or `Sept`). Where day and month could be taken for one another, both dates are yielded.
    """
    for found in _ISO.finditer(text):
        yield from _day(found[1], found[2], found[3], found.span())
    for pattern in _WITH_NAME:
        for found in pattern.finditer(text):
            month = 1 + next(i for i, name in enumerate(_MONTHS) if name[:3] == found["name"][:3].lower())
            yield from _day(found["year"], month, found["day"], found.span())
    for found in _FIGURES.finditer(text):
        yield from _day(found[4], found[3], found[1], found.span())
        if found[1] != found[3]:
            yield from _day(found[4], found[1], found[3], found.span())


def is_date(value: str) -> bool:
    """Whether `value` is a full ISO 8601 date of the calendar, like `2024-04-15`."""
    return _ISO.fullmatch(value) is not None and any(date == value for date, _ in dates(value))


def _day(year: str, month: int | str, day: str, span: Span) -> Iterator[tuple[str, Span]]:
    """Yield the date, unless the calendar does not have it."""
    try:
        yield datetime.date(int(year), int(month), int(day)).isoformat(), span
    except ValueError:
        return
