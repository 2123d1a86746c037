"""A text, read once for the numbers, dates and words that it states."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from adhere.reward.dates import dates
from adhere.reward.numerals import Number, Span, numbers

_MOST_OCCURRENCES = 100
"""Places looked at for one string; an answer that repeats it oftener than this is not an answer."""
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
"""Letters of scripts without blanks between words: Thai, Lao, Burmese, Khmer, Japanese, Chinese, Korean."""

_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class Page:
    """A text and where it states what."""

    text: str
    numbers: Mapping[Number, tuple[Span, ...]]
    dates: Mapping[str, tuple[Span, ...]]
    """By ISO 8601 date."""
    folded: str
    """The text case-folded, with every run of white space as one blank."""
    origins: tuple[int, ...]
    """For every character of `folded`, where it stands in the text; and the text's length."""

    def spans(self, words: str) -> tuple[Span, ...]:
        """Find `words`, whatever their case and white space, where they start and end with whole words.

        At most the first 100 places.
        """
        needle = _fold(words)[0]
        if not needle or needle != needle.strip():
            return ()
        found: list[Span] = []
        at = self.folded.find(needle)
        while at >= 0 and len(found) < _MOST_OCCURRENCES:
            span = self.origins[at], self.origins[at + len(needle) - 1] + 1
            if not self._cuts(span[0]) and not self._cuts(span[1]):
                found.append(span)
            at = self.folded.find(needle, at + 1)
        return tuple(found)

    def _cuts(self, at: int) -> bool:
        """Whether a cut before the character `at` would go through a word, a number or a time."""
        before, after = self.text[max(0, at - 2) : at], self.text[at : at + 2]
        if re.search(r"[0-9][.,:]?$", before) and re.match(r"[.,:]?[0-9]", after):
            return True
        return _in_word(before[-1:]) and _in_word(after[:1])


@lru_cache(maxsize=8)
def read(text: str) -> Page:
    """Read a text; remembered, because the completions of a group are all held against the same one."""
    folded, origins = _fold(text)
    return Page(text, _places(numbers(text)), _places(dates(text)), folded, (*origins, len(text)))


def _places(found: Iterable[tuple[_Key, Span]]) -> dict[_Key, tuple[Span, ...]]:
    places: dict[_Key, list[Span]] = defaultdict(list)
    for key, span in found:
        places[key].append(span)
    return {key: tuple(spans) for key, spans in places.items()}


def _fold(text: str) -> tuple[str, list[int]]:
    """Fold case and white space, remembering where each character came from."""
    folded: list[str] = []
    origins: list[int] = []
    for at, character in enumerate(text):
        if character.isspace() and folded and folded[-1] == " ":
            continue
        # One character may fold into several: ß into ss.
        for piece in " " if character.isspace() else character.casefold():
            folded.append(piece)
            origins.append(at)
    return "".join(folded), origins


def _in_word(character: str) -> bool:
    return (character.isalnum() or character == "_") and not _UNSPACED.match(character)
