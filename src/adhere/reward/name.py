"""How much of a name a stretch of text takes: all of it, or one of its words."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from itertools import islice, takewhile

from adhere.text.numerals import Span
from adhere.text.stated import STOP_WORDS, UPPER, words, words_of_key

_WORD = rf"[{UPPER}][\w'’.]*[\w'’]|[{UPPER}]"
_JOINT = r"(?:[ \t]*&[ \t]*|[ \t]+|-)"
_AFTER = re.compile(rf"{_JOINT}(?P<word>{_WORD})(?!\w)")
_BEFORE = re.compile(rf"(?<![\w'’.])(?P<word>{_WORD}){_JOINT}$")
_SENTENCE_ENDS = ".!?:;\n"
_STARTS_NAME = re.compile(_WORD)
_PARTS = re.compile(r"[\s&-]")
_CODE = re.compile(r"[A-Z]{2,3}")
_LONGEST_WORD = 40
"""Characters looked back for the word before a span."""
_MOST_WORDS = 8
"""Words of a name that are counted on either side of a span."""


class Stated:
    """The spans of a text that state values."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._by_start = sorted(spans)
        self._by_end = sorted((end, start) for start, end in self._by_start)

    def cut_after(self, end: int, word: Span) -> bool:
        """Whether a span that begins at `end` or later overlaps a word there."""
        first, last = bisect_left(self._by_start, (end, 0)), bisect_left(self._by_start, (word[1], 0))
        return any(until > word[0] for _, until in islice(self._by_start, first, last))

    def cut_before(self, start: int, word: Span) -> bool:
        """Whether a span that ends at `start` or sooner overlaps a word there."""
        first, last = bisect_left(self._by_end, (word[0] + 1, 0)), bisect_left(self._by_end, (start + 1, 0))
        return any(at < word[1] for _, at in islice(self._by_end, first, last))


def share_of_name(span: Span, text: str, *, key: str, others: Stated | None = None) -> float:
    """Return which share of its name's words a span takes, in (0, 1].

    The name is the longest run of capitalised words about the span, joined by blanks, hyphens or `&`, of
    which at most eight are counted on either side. So `Acme` takes one half of Acme Corp. A span whose outer
    words are not capitalised is no part of a name, and a code such as EUR is none either: both are whole.

    Pure.

    Args:
        span: Starts and ends with whole words of `text`.
        text: The text.
        key: The key whose value the span states; a word of it is a label and ends the name.
        others: What states values; where it lies beside this span, it ends the name too. So does a
            stop word, and to the left the first word of a sentence or line.
    """
    start, end = span
    within = text[start:end]
    if _CODE.fullmatch(within):
        return 1.0
    labels, stated = STOP_WORDS | words_of_key(key), others or Stated()
    more = 0
    if _ends_in_name(within):
        more = _count(_after(text, end), lambda word: stated.cut_after(end, word), text, labels)
    if _STARTS_NAME.match(within):
        more += _count(_before(text, start), lambda word: stated.cut_before(start, word), text, labels)
    taken = len(within.split())
    return taken / (taken + more)


def _count(found: Iterable[Span], is_cut: Callable[[Span], bool], text: str, labels: frozenset[str]) -> int:
    """Count words up to the first that is a label or is cut off by what states another value."""
    belongs = (labels.isdisjoint(words(text[slice(*word)])) and not is_cut(word) for word in found)
    return sum(1 for _ in takewhile(bool, islice(belongs, _MOST_WORDS)))


def _ends_in_name(within: str) -> bool:
    return _STARTS_NAME.match(_PARTS.split(within)[-1]) is not None


def _after(text: str, end: int) -> Iterator[Span]:
    """Yield the capitalised words of a run after `end`."""
    while found := _AFTER.match(text, end):
        yield found.span("word")
        end = found.end("word")


def _before(text: str, start: int) -> Iterator[Span]:
    """Yield the capitalised words of a run before `start`, the nearest first."""
    while True:
        first = max(0, start - _LONGEST_WORD)
        found = _BEFORE.search(text[first:start])
        if not found or _begins_sentence(text, first + found.start()):
            return
        start = first + found.start()
        yield start, first + found.end("word")


def _begins_sentence(text: str, at: int) -> bool:
    while at > 0 and text[at - 1] in " \t":
        at -= 1
    return at == 0 or text[at - 1] in _SENTENCE_ENDS
