"""Numbers as people write them."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import TypeAlias, TypeGuard

from adhere.records import JSON
from adhere.schema.parse import MAX_DIGITS

Number: TypeAlias = int | float
Span: TypeAlias = tuple[int, int]
"""Start and end of a stretch of text, in characters; the end is exclusive."""

_WORDS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
    "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20,
}  # fmt: skip
_WORD = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b", re.IGNORECASE)

_LONGEST = 2 * MAX_DIGITS
"""Characters of a number that an answer could repeat, separators included."""
_BLANKS = " \u00a0\u2009\u202f"
_TOKEN = re.compile(
    rf"""
    (?<!\w)
    (?P<sign>(?<![\w)\]])[-\u2212])?
    (?P<digits>
        (?<![\w.,])\.[0-9]+                                      # .5
      | [0-9]{{1,3}}(?:[{_BLANKS}][0-9]{{3}})+(?![0-9])(?:[.,][0-9]+)*   # 1 234,50
      | [0-9]+(?:[.,'\u2019][0-9]+)*                             # 1,234.50   1.234,50   1'234.50
    )
    (?P<exponent>[eE][+-]?[0-9]{{1,2}}\b)?
    """,
    re.VERBOSE,
)
_TO_APOSTROPHE = str.maketrans(dict.fromkeys(f"{_BLANKS}\u2019", "'"))
_POINT_IS_DECIMAL = re.compile(
    r"(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}|[0-9]{1,3}(?:'[0-9]{3})+)?"
    r"(?:\.[0-9]+)?"
)
_COMMA_IS_DECIMAL = re.compile(r"(?:[0-9]+|[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]{1,3}(?:'[0-9]{3})+)(?:,[0-9]+)?")


def is_number(value: JSON) -> TypeGuard[Number]:
    """Whether a value is a number of JSON; in Python true is an integer too."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def numbers(text: str) -> Iterator[tuple[Number, Span]]:
    """Find every number that `text` states, and where.

    A number is a longest run of digits and separators that reads as one, so 1250 states neither 125
    nor 50; one glued to a letter before it, as in A4, states nothing. Thousands may be parted by a
    comma, point, blank or apostrophe and the fraction by a point or comma; a token with two readings,
    like 1,234, yields both. Words from zero to twenty are numbers. What is longer than a number of an
    answer can be is passed over.
    """
    for token in _TOKEN.finditer(text):
        if len(token.group()) <= _LONGEST:
            yield from ((number, token.span()) for number in _readings(token))
    for word in _WORD.finditer(text):
        yield _WORDS[word.group().lower()], word.span()


def comparable(number: Number | Decimal) -> Number:
    """Spell equal numbers equally: whole ones as exact integers, others as the nearest double."""
    match number:
        case int():
            return number
        case float():
            return int(number) if number.is_integer() else number
        case Decimal():
            return int(number) if number == number.to_integral_value() else float(number)


def _readings(token: re.Match[str]) -> set[Number]:
    if token.group().isdecimal():
        return {int(token.group())}
    digits = token["digits"].translate(_TO_APOSTROPHE)
    plain: set[str] = set()
    if _POINT_IS_DECIMAL.fullmatch(digits):
        plain.add(digits.replace(",", "").replace("'", ""))
    if _COMMA_IS_DECIMAL.fullmatch(digits):
        plain.add(digits.replace(".", "").replace("'", "").replace(",", "."))
    sign = "-" if token["sign"] else ""
    return {comparable(Decimal(f"{sign}{spelling}{token['exponent'] or ''}")) for spelling in plain}
