"""A text, read once for the numbers, dates and words that it states."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import TypeVar

from adhere.text.dates import dates
from adhere.text.numerals import Number, Span, numbers

MOST_OCCURRENCES = 100
"""Places found of one string; an answer that repeats it oftener than this is not an answer."""
_MOST_LOOKED_AT = 1_000
"""Places of its rarest word at which a string is looked for, so that common words of a long text cost little.
"""
_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3"
"""Letters of scripts without blanks between words: Thai, Lao, Burmese, Khmer, Japanese, Chinese, Korean."""
WORD = re.compile(rf"[^\W{_UNSPACED}]+|[{_UNSPACED}]")
"""A word, or a letter that may be one."""
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")
_BLANKS = re.compile(r"\s+")
_IN_NUMBER = frozenset("0123456789.,:")
_NUMBER_END = re.compile(r"[0-9][.,:]?$")
_NUMBER_START = re.compile(r"[.,:]?[0-9]")

_Key = TypeVar("_Key")
_Place = TypeVar("_Place")


class Page:
    """A text and where it states what; each thing is looked for when it is first asked for."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def numbers(self) -> Mapping[Number, tuple[Span, ...]]:
        """Where the text states each number."""
        return _places(numbers(self.text))

    @cached_property
    def dates(self) -> Mapping[str, tuple[Span, ...]]:
        """Where the text states each date, by ISO 8601."""
        return _places(dates(self.text))

    @cached_property
    def said(self) -> Span:
        """From the first letter or digit of the text to its last; past its end, and 0, where it has none."""
        first = next((at for at, character in enumerate(self.text) if character.isalnum()), len(self.text))
        after = (at for at in range(len(self.text), 0, -1) if self.text[at - 1].isalnum())
        return first, next(after, 0)

    def spans(self, words: str, *, most: int = MOST_OCCURRENCES) -> tuple[Span, ...]:
        """Find `words`, whatever their case and white space, where they start and end with whole words.

        Args:
            words: What to look for; in time that does not grow with the text, if a word is among it.
            most: So many places are enough.
        """
        needle = _BLANKS.sub(" ", words).casefold()
        if not needle or needle != needle.strip():
            return ()
        _, origins = self._folded
        found: list[Span] = []
        for start in self._starts(needle):
            span = origins[start], origins[start + len(needle) - 1] + 1
            if not self._cuts(span[0]) and not self._cuts(span[1]):
                found.append(span)
            if len(found) == most:
                break
        return tuple(found)

    @cached_property
    def _folded(self) -> tuple[str, Sequence[int]]:
        return _fold(self.text)

    @cached_property
    def _words(self) -> Mapping[str, Sequence[int]]:
        """Where in the folded text each word of it begins."""
        return _places((word[0], word.start()) for word in WORD.finditer(self._folded[0]))

    def _starts(self, needle: str) -> Iterator[int]:
        """Yield where in the folded text something folded begins, within words too."""
        folded, _ = self._folded
        places = [(self._words.get(word[0], ()), word.start()) for word in WORD.finditer(needle)]
        if not places:
            at = folded.find(needle)
            while at >= 0:
                yield at
                at = folded.find(needle, at + 1)
            return
        rarest, offset = min(places, key=lambda place: len(place[0]))
        for at in rarest[:_MOST_LOOKED_AT]:
            if at >= offset and folded.startswith(needle, at - offset):
                yield at - offset

    def _cuts(self, at: int) -> bool:
        """Whether a cut before the character `at` would go through a word, a number or a time."""
        before, after = self.text[at - 1 : at], self.text[at : at + 1]
        if _in_word(before) and _in_word(after):
            return True
        if before not in _IN_NUMBER or after not in _IN_NUMBER:
            return False
        return bool(_NUMBER_END.search(self.text[max(0, at - 2) : at]) and _NUMBER_START.match(self.text, at))


@lru_cache(maxsize=8)
def read(text: str) -> Page:
    """Read a text; remembered, because the completions of a group are all held against the same one."""
    return Page(text)


def _places(found: Iterable[tuple[_Key, _Place]]) -> dict[_Key, tuple[_Place, ...]]:
    places: dict[_Key, list[_Place]] = defaultdict(list)
    for key, place in found:
        places[key].append(place)
    return {key: tuple(listed) for key, listed in places.items()}


def _fold(text: str) -> tuple[str, Sequence[int]]:
    """Fold case and white space; for each character left, and for the end, say where it comes from."""
    narrow = _BLANKS.sub(" ", text)
    folded = narrow.casefold()
    if len(folded) == len(narrow) == len(text):
        return folded, range(len(text) + 1)
    origins: list[int] = []
    after = 0
    for blanks in _BLANKS.finditer(text):
        origins += range(after, blanks.start() + 1)
        after = blanks.end()
    origins += range(after, len(text) + 1)
    if len(folded) > len(narrow):
        # One character may fold into several: ß into ss.
        letters = [*narrow, ""]
        origins = [at for letter, at in zip(letters, origins, strict=True) for _ in letter.casefold() or " "]
    return folded, origins


def _in_word(character: str) -> bool:
    return (character.isalnum() or character == "_") and not _IS_UNSPACED.match(character)
