"""How much of a name a stretch of text takes: all of it, or one of its words."""

import re
from collections.abc import Callable, Sequence

from adhere.reward.numerals import Span
from adhere.reward.stated import STOP_WORDS, UPPER, words, words_of_key

_WORD = rf"[{UPPER}][\w'’.]*[\w'’]|[{UPPER}]"
_JOINT = r"(?:[ \t]*&[ \t]*|[ \t]+|-)"
_AFTER = re.compile(rf"{_JOINT}(?P<word>{_WORD})(?!\w)")
_BEFORE = re.compile(rf"(?<![\w'’.])(?P<word>{_WORD}){_JOINT}$")
_BEGINS = re.compile(r"(?:\A|[.!?:;\n])[ \t]*\Z")
_CODE = re.compile(r"[A-Z]{2,3}")
_LONGEST_WORD = 40
"""Characters looked back for the word before a span."""


def share_of_name(span: Span, text: str, *, key: str, others: Sequence[Span] = ()) -> float:
    """Return which share of its name's words a span takes, in (0, 1].

    The name is the longest run of capitalised words about the span, joined by blanks, hyphens or `&`. So
    `Acme` takes one half of Acme Corp. A span whose outer words are not capitalised is no part of a
    name, and a code such as EUR is none either: both are whole.

    Pure.

    Args:
        span: Starts and ends with whole words of `text`.
        text: The text.
        key: The key whose value the span states; a word of it is a label and ends the name.
        others: Spans that state values; where they lie beside this one, they end the name too. So does a
            stop word, and to the left the first word of a sentence or line.
    """
    start, end = span
    within = text[start:end]
    if _CODE.fullmatch(within):
        return 1.0
    labels = STOP_WORDS | words_of_key(key)

    def belongs(found: re.Match[str], offset: int) -> bool:
        at, until = found.start("word") + offset, found.end("word") + offset
        if labels.intersection(words(found["word"])):
            return False
        beside = (other for other in others if other[1] <= start or end <= other[0])
        return all(until <= first or last <= at for first, last in beside)

    more = _steps_right(text, end, belongs) if _ends_in_name(within) else 0
    if re.match(_WORD, within):
        more += _steps_left(text, start, belongs)
    taken = len(within.split())
    return taken / (taken + more)


_Belongs = Callable[[re.Match[str], int], bool]


def _ends_in_name(within: str) -> bool:
    return re.match(_WORD, re.split(r"[\s&-]", within)[-1]) is not None


def _steps_right(text: str, end: int, belongs: _Belongs) -> int:
    """Count the words of the name after `end`."""
    count = 0
    while (found := _AFTER.match(text, end)) and belongs(found, 0):
        count, end = count + 1, found.end("word")
    return count


def _steps_left(text: str, start: int, belongs: _Belongs) -> int:
    """Count the words of the name before `start`."""
    count = 0
    while True:
        first = max(0, start - _LONGEST_WORD)
        found = _BEFORE.search(text[first:start])
        if not found or not belongs(found, first) or _BEGINS.search(text[: first + found.start()]):
            return count
        count, start = count + 1, first + found.start()
