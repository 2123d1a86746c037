"""Makes a text read as if it had been scanned: letters mistaken, lines broken, columns run together."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from random import Random
from typing import NamedTuple

from adhere.data.document import Document
from adhere.text.numerals import Span

_CONFUSED = (
    ("rn", "m"), ("m", "rn"), ("l", "1"), ("o", "0"), ("i", "l"), ("e", "c"), ("cl", "d"), ("h", "b"),
    ("u", "v"), ("t", "f"), ("nn", "m"), ("a", "o"), ("s", "5"),
)  # fmt: skip
"""What a scanner takes for what."""
_KEPT = frozenset({"none", "null", "given", "known", "stated", "true", "false"})
"""Words that say that there is no value, or which of two: a wrong letter would change what is said."""
_PLACES = re.compile(r"\n| +|[^\W\d_]{4,}")
"""Line ends, blanks, and words of four letters and more, which can still be read with a wrong one."""
_IN_COLUMNS = re.compile(r"[|\t¦]|\S  |\",\"|\";\"|; .*; ")
"""A line of a table, which has to stay one."""
_HEADS = (
    "Page {n} of {m}",
    "- {n} -",
    "SCAN {n}/{m}",
    "Copy",
    "Fax p. {n}",
    "[page {n}]",
    "~~~ page {n} ~~~",
)
_SHORTEST_HYPHENED = 8
_NARROWEST, _WIDEST = 38, 76
"""Characters of a line."""


class _Edit(NamedTuple):
    """Characters of the text that are replaced."""

    start: int
    end: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scanner:
    """What one scan does to a text, each a chance per place."""

    wrong: float
    """Of a wrong letter, per word."""
    hyphened: float
    double: float
    """Of a second blank."""
    joined: float
    """Of a line end that is lost, so that two lines stand side by side."""
    width: int
    """Characters after which lines are broken; 0 for never."""


def scanned(random: Random, document: Document) -> Document:
    """Return the same document as a scanner might have read it.

    No value changes: within the stretch that states a leaf, a blank may become a line break and nothing
    else. Words in front of a value keep all but one of their letters.

    Args:
        random: Source of chance.
        document: What was scanned.
    """
    draw = random.random
    scanner = _Scanner(
        wrong=0.01 + 0.09 * draw() if draw() < 0.8 else 0.0,
        hyphened=0.08 * draw() if draw() < 0.4 else 0.0,
        double=0.01 + 0.09 * draw() if draw() < 0.6 else 0.0,
        joined=0.1 + 0.4 * draw() if draw() < 0.3 else 0.0,
        width=random.randint(_NARROWEST, _WIDEST) if draw() < 0.6 else 0,
    )
    edits = list(_edits(random, document, scanner))
    head = _head(random) + "\n" if draw() < 0.35 else ""
    tail = "\n" + _head(random) if draw() < 0.35 else ""
    return _edited(document, edits, head, tail)


def _head(random: Random) -> str:
    page = random.randint(1, 9)
    return random.choice(_HEADS).format(n=page, m=page + random.randint(0, 4))


def _edits(random: Random, document: Document, scanner: _Scanner) -> Iterator[_Edit]:
    """Yield what is replaced, from the text's start to its end."""
    text = document.text
    spans = _Spans(document.spans.values())
    column, in_columns = 0, _in_columns(text, 0)
    after = 0
    for place in _PLACES.finditer(text):
        start, end = place.span()
        column += end - after
        after = end
        if place.group() == "\n":
            in_columns = _in_columns(text, end)
            column = 0
            if random.random() < scanner.joined and _can_join(text, start):
                yield _Edit(start, end, _side_by_side(text, start))
        elif place.group().isspace():
            if in_columns:
                continue
            if scanner.width and column > scanner.width and spans.can_break(text, start, end):
                column = 0
                yield _Edit(start, end, "\n")
            elif random.random() < scanner.double and not spans.covers(start, end):
                yield _Edit(start, end, "  ")
        elif not spans.covers(start, end):
            # Words are parted at the end of a line, where it is long enough.
            can_part = not in_columns and column > _NARROWEST
            word = _misread(random, place.group(), scanner, can_part)
            if word != place.group():
                yield _Edit(start, end, word)


def _in_columns(text: str, start: int) -> bool:
    """Whether the line that begins here is one of a table."""
    end = text.find("\n", start)
    return _IN_COLUMNS.search(text, start, end if end >= 0 else len(text)) is not None


def _can_join(text: str, at: int) -> bool:
    """Whether the lines before and after a line end both have a label and a colon of their own."""
    before = text[text.rfind("\n", 0, at) + 1 : at]
    end = text.find("\n", at + 1)
    after = text[at + 1 : end if end >= 0 else len(text)]
    return ": " in before and ": " in after and not _IN_COLUMNS.search(before)


def _side_by_side(text: str, at: int) -> str:
    """Part two lines that stand side by side: with blanks alone, two names would read as one."""
    after = text[at + 1 : at + _WIDEST].lstrip(" ")
    return " | " if text[at - 1].isalnum() and after[:1].isupper() else "    "


def _misread(random: Random, word: str, scanner: _Scanner, can_part: bool) -> str:  # noqa: FBT001
    if random.random() < scanner.wrong and word.lower() not in _KEPT:
        seen, read = random.choice(_CONFUSED)
        at = word.find(seen, 1)
        if at > 0:
            return word[:at] + read + word[at + len(seen) :]
    if can_part and len(word) >= _SHORTEST_HYPHENED and random.random() < scanner.hyphened:
        cut = random.randint(3, len(word) - 3)
        return f"{word[:cut]}-\n{word[cut:]}"
    return word


class _Spans:
    """The stretches of a text that state leaves; no two overlap."""

    def __init__(self, spans: Iterable[Span]) -> None:
        ordered = sorted(spans)
        self._starts = [start for start, _ in ordered]
        self._ends = [end for _, end in ordered]

    def covers(self, start: int, end: int) -> bool:
        """Whether one overlaps the characters from `start` to before `end`."""
        last = bisect_left(self._starts, end) - 1
        return last >= 0 and self._ends[last] > start

    def can_break(self, text: str, start: int, end: int) -> bool:
        """Whether blanks may become a line break: within a value, only one that nobody takes for its end.

        Right before a value they may not: a few words on a line of their own would read as a sentence.
        """
        if self.covers(start, end):
            return end - start == 1 and text[end].islower()
        last = bisect_left(self._starts, end)
        return last == len(self._starts) or self._starts[last] != end


def _edited(document: Document, edits: Sequence[_Edit], head: str, tail: str) -> Document:
    """Replace characters, and move the spans with them."""
    text = document.text
    parts: list[str] = [head]
    after = 0
    for edit in edits:
        parts += text[after : edit.start], edit.words
        after = edit.end
    parts += text[after:], tail
    ends = [edit.end for edit in edits]
    grown = [len(head), *(len(edit.words) - (edit.end - edit.start) for edit in edits)]
    moved = list(accumulate(grown))
    spans = {
        pointer: (start + moved[bisect_right(ends, start)], end + moved[bisect_right(ends, end)])
        for pointer, (start, end) in document.spans.items()
    }
    return replace(document, text="".join(parts), spans=spans)
