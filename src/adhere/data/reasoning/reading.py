"""How a stretch of text comes to mean a value."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Literal, TypeAlias

from adhere.records import JSON
from adhere.schema.canonical import spelled
from adhere.schema.expected import Expected
from adhere.text.dates import dates, is_date
from adhere.text.numerals import Number, comparable, numbers
from adhere.text.stated import CURRENCY_SIGNS, words

Reading: TypeAlias = Literal[
    "same", "respelled", "number", "scaled", "date", "time", "sign", "option", "flag", "misread", "short"
]
"""same: to the letter. respelled: but for case, white space and hyphens. number, date, time: in another form.
scaled: a number, and a word or sign that multiplies it. sign: of a currency. option: in other words. flag:
yes or no. misread: with wrong letters. short: with a word or a figure of the value, as `2 h` for `PT2H`."""

FLAGS = {"yes": True, "true": True, "no": False, "false": False}
"""Words for yes and no, as a text and as an option of a schema has them."""
_SCALES: dict[str, Number] = {
    "%": 0.01, "percent": 0.01, "per cent": 0.01, "‰": 0.001, "hundred": 100, "k": 10**3, "thousand": 10**3,
    "m": 10**6, "mn": 10**6, "mio": 10**6, "million": 10**6, "bn": 10**9, "billion": 10**9, "dozen": 12,
}  # fmt: skip
_SCALE = re.compile(rf"(?<![^\W\d_])(?:{'|'.join(map(re.escape, _SCALES))})(?!\w)", re.IGNORECASE)
_GAPS = re.compile(r"[\s_-]+")
_PART = re.compile(r"[0-9]+|[^\W\d_]+")
_LEAST_ALIKE = 0.7
"""Share of letters that a misread text has in common with what was written."""


def reading(surface: str, value: JSON, at: Expected) -> Reading | None:
    """Say how `surface` means `value`; `None` where it does not.

    Args:
        surface: A stretch of text that is said to mean the value.
        value: A leaf that is not null, and neither an empty list nor an empty object.
        at: What the schema expects of it.
    """
    match value:
        case str() if surface == value:
            return "same"
        case bool() | str() if (flag := flag_of(value, at)) is not None:
            return _of_flag(surface, flag=flag)
        case int() | float():
            return _of_number(surface, value)
        case str():
            return _of_string(surface, value, at)
        case _:
            return None


def flag_of(value: JSON, at: Expected) -> bool | None:
    """Return what a leaf says that can only be yes or no; `None` where it may say something else."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or at.options is None:
        return None
    are_flags = all(isinstance(each, str) and each.casefold() in FLAGS for each in at.options)
    return FLAGS[value.casefold()] if are_flags and len(at.options) > 1 else None


def _of_flag(surface: str, *, flag: bool) -> Reading | None:
    """Believe any words, but for a plain yes or no that says the opposite."""
    said = surface.strip().casefold()
    return "flag" if said and FLAGS.get(said, flag) is flag else None


def _of_number(surface: str, value: Number) -> Reading | None:
    if surface == spelled(value):
        return "same"
    stated = [number for number, _ in numbers(surface)]
    if comparable(value) in stated:
        return "number"
    return "scaled" if value in _scaled(surface, stated) else None


def _scaled(surface: str, stated: list[Number]) -> Iterator[Number]:
    """Yield a text's numbers times the scales it names; alone, `a dozen` is one of it."""
    for found in _SCALE.finditer(surface):
        scale = _SCALES[found[0].lower()]
        # Dividing keeps 7 % at 0.07, where multiplying makes 0.07 and a bit.
        yield from (number / round(1 / scale) if scale < 1 else round(number * scale, 6) for number in stated)
        yield scale


def _of_string(surface: str, value: str, at: Expected) -> Reading | None:
    if _GAPS.sub(" ", surface).strip().casefold() == _GAPS.sub(" ", value).strip().casefold():
        return "option" if at.options is not None and "_" in value else "respelled"
    if is_date(value[:10]):
        stated = {date for date, _ in dates(surface)}
        return "date" if value[:10] in stated else None
    if value in CURRENCY_SIGNS and CURRENCY_SIGNS[value] in surface:
        return "sign"
    if at.options is not None:
        return "option" if words(surface) else None
    if value.startswith(surface.strip()) and re.fullmatch(r"[0-9]{1,2}:[0-9]{2}", surface.strip()):
        return "time"
    if SequenceMatcher(None, surface, value, autojunk=False).quick_ratio() >= _LEAST_ALIKE:
        return "misread"
    return "short" if not _parts(surface).isdisjoint(_parts(value)) else None


def _parts(text: str) -> set[str]:
    return set(_PART.findall(text.casefold()))
