"""Where a text states the value of a leaf."""

import re
from functools import lru_cache
from itertools import islice
from typing import TypeGuard

from adhere.records import JSON
from adhere.schema.expected import Expected
from adhere.text.dates import is_date
from adhere.text.numerals import Span, comparable
from adhere.text.page import MOST_OCCURRENCES, Page

CURRENCY_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹"}
"""A sign supports the ISO 4217 code that most texts mean by it."""

LONGEST = 60
"""Most characters of a string that can be found: names and addresses are shorter, echoed text longer."""

STOP_WORDS = frozenset({
    "a", "an", "the", "and", "or", "but", "nor", "so", "if", "then", "than", "as", "of", "to", "in", "on",
    "at", "by", "for", "from", "with", "without", "into", "onto", "over", "under", "about", "is", "are",
    "was", "were", "be", "been", "being", "am", "do", "does", "did", "has", "have", "had", "will", "would",
    "can", "could", "shall", "should", "may", "might", "must", "it", "its", "this", "that", "these",
    "those", "we", "you", "i", "he", "she", "they", "us", "them", "him", "her", "who",
    "which", "what", "not",
})  # fmt: skip
UPPER = "A-Z\u00c0-\u00d6\u00d8-\u00de\u0391-\u03a9\u0410-\u042f"
# A point ends a sentence after a digit or four small letters, so that those of Pvt. Ltd and Corp. do not.
_SENTENCE_END = r"(?:[!?]|(?<=[a-z\u00df-\u00f6\u00f8-\u00ff]{4})\.|(?<=[0-9])\.)"
_CROSSES = re.compile(rf"(?:{_SENTENCE_END}\s|\n)\s*[{UPPER}]")
_WORD = re.compile(r"[^\W_]+")
_CONTEXT = 64
"""Characters before a span in which the end of the sentence before is looked for."""
_SHORTEST_SENTENCE = 4
"""Words; a name that stands alone between two points has fewer."""


def is_countable(value: JSON, at: Expected) -> TypeGuard[str | float]:
    """Whether a text could show that the leaf `value` is right.

    It cannot for null, true and false, for an empty list or object, and where the schema leaves no choice.
    """
    if value is None or isinstance(value, bool | list | dict):
        return False
    return at.options is None or len(at.options) > 1


def spans(
    value: JSON,
    at: Expected,
    page: Page,
    *,
    key: str,
    longest: int = LONGEST,
    most: int = MOST_OCCURRENCES,
) -> tuple[Span, ...]:
    """Find the places where the text states `value`; `docs/rewards.md` lists the spellings.

    Args:
        value: A string or a number; nothing else is stated anywhere.
        at: What the schema expects of it.
        page: The text.
        key: Its key, or that of the list that it stands in.
        longest: Characters beyond which a free string is taken for echoed text.
        most: So many places of a spelling are enough.
    """
    match value:
        case bool() | None | list() | dict():
            return ()
        case int() | float():
            return page.numbers.get(comparable(value), ())[:most]
        case str() if is_date(value):
            return page.dates.get(value, ())[:most]
        case str() if at.is_date:
            return ()
        case str() if at.options is not None:
            return _option(value, page, most)
        case str():
            is_said = len(value) <= longest and _says_something(value, key)
            return _free(value, page, most) if is_said else ()


def _option(value: str, page: Page, most: int) -> tuple[Span, ...]:
    """An enum's value: verbatim, with blanks for underscores, or by its currency's sign."""
    if len(value) == 1:
        # In any case, the grade A would be found in every "a".
        return tuple(span for span in page.spans(value) if page.text[slice(*span)] == value)
    found = page.spans(value, most=most) or page.spans(value.replace("_", " "), most=most)
    return found + _signs(value, page, most)


def _free(value: str, page: Page, most: int) -> tuple[Span, ...]:
    """A string that the schema leaves open."""
    found = page.spans(value, most=most) or page.spans(_without_seconds(value), most=most)
    return tuple(span for span in found if not _is_echo(span, page)) + _signs(value, page, most)


def _signs(value: str, page: Page, most: int) -> tuple[Span, ...]:
    sign = CURRENCY_SIGNS.get(value)
    if sign is None:
        return ()
    return tuple(found.span() for found in islice(re.finditer(re.escape(sign), page.text), most))


def _without_seconds(value: str) -> str:
    """Spell a time as most texts do: `10:30:00` as 10:30."""
    return value[:-3] if re.fullmatch(r"[0-9]{2}:[0-9]{2}:00", value) else value


def _says_something(value: str, key: str) -> bool:
    """Whether a string is more than a letter, stop words or the name of its own key."""
    if len(value) < 2 and not value.isdecimal():
        return False
    said = frozenset(words(value)) - STOP_WORDS
    return bool(said) and said != words_of_key(key) - STOP_WORDS


def words(text: str) -> list[str]:
    """List the words of a text, in lower case."""
    return _WORD.findall(text.casefold())


def _is_echo(span: Span, page: Page) -> bool:
    """Whether a span runs across sentences, or is a whole sentence, or is the whole text."""
    start, end = span
    within = page.text[start:end]
    stands_alone = start <= page.said[0] and page.said[1] <= end
    if stands_alone or _CROSSES.search(within):
        return True
    return (
        len(words(within)) >= _SHORTEST_SENTENCE
        and _starts_sentence(page.text[max(0, start - _CONTEXT) : start])
        and _ends_sentence(within, page.text[end : end + 2])
    )


def words_in_order(key: str) -> list[str]:
    """List the words that a key is made of: `vendorName` and `vendor_name` of vendor and name."""
    return words(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", key).replace("_", " "))


@lru_cache(maxsize=1024)
def words_of_key(key: str) -> frozenset[str]:
    """Return the words that a key is made of, whatever their order."""
    return frozenset(words_in_order(key))


def _starts_sentence(before: str) -> bool:
    said = before.rstrip()
    return not said or "\n" in before[len(said) :] or re.search(rf"{_SENTENCE_END}$", said[-5:]) is not None


def _ends_sentence(within: str, after: str) -> bool:
    return within[-1] in ".!?" or re.match(r"[.!?](?:\s|$)", after) is not None
