"""Which values the text states and an answer leaves out."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cached_property

from adhere.records import JSON
from adhere.reward.claims import Taken
from adhere.schema.expected import Expected
from adhere.schema.leaves import Path
from adhere.text.numerals import Span
from adhere.text.page import Page
from adhere.text.stated import spans, words_in_order

_VALUE = re.compile(r"(?:[ \t]*[:=]|[ \t]+(?:[-–]|is)[ \t])[ \t]*(?P<word>\w+)")
"""What follows a label that a value stands after."""
_NOTHING = frozenset({"n", "na", "nil", "no", "none", "not", "null", "tbd", "unknown"})
"""Words after a label that say that there is no value."""
_NUMBERS = frozenset({"integer", "number"})
_NEAR = 24
"""Characters between a label and its number: `quantity has been set to 5` has 17."""
_PARTS = re.compile(r"[0-9|()\n]|[.,;!?]\s")
"""What parts a label from a number that is not its own."""


def omitted(value: JSON, at: Expected, page: Page, taken: Taken) -> Iterator[Path]:
    """Yield the keys that an answer leaves out, or gives as null, though the text states a value for them.

    Of objects that stand in no list, those keys count that the schema does not require, and those that are
    null where another type may stand. A stretch of text states a value for one key only, and for none if a
    leaf of the answer has claimed it; `docs/rewards.md` says what states a value for a key.

    Args:
        value: An answer that obeys the schema.
        at: What the schema says of it.
        page: The text.
        taken: Stretches that leaves of the answer have claimed; those found here are added.
    """
    clues = _Clues(page, taken)
    waiting: list[tuple[Path, JSON, Expected]] = [((), value, at)]
    while waiting:
        path, node, here = waiting.pop()
        if not isinstance(node, dict):
            continue
        # Sorted, so that the order in which the answer has its keys does not matter.
        inside = sorted((key for key, part in node.items() if isinstance(part, dict)), reverse=True)
        waiting += [((*path, key), node[key], here.key(key)) for key in inside]
        nulls = {key for key, part in node.items() if part is None}
        for key in sorted(nulls.union(here.optional) - (node.keys() - nulls)):
            clue = clues.of(key, here.key(key))
            if clue is not None:
                taken.add(clue)
                yield (*path, key)


class _Clues:
    """What a text states that nothing has claimed yet."""

    def __init__(self, page: Page, taken: Taken) -> None:
        self.page, self.taken = page, taken
        self._without: set[tuple[str, Expected]] = set()

    def of(self, key: str, at: Expected) -> Span | None:
        """Find what states a value for a key; `None` where nothing does."""
        if (key, at) in self._without:
            return None
        found = self._found(key, at)
        if found is None:
            # What is taken stays taken, so nothing will be found later either.
            self._without.add((key, at))
        return found

    def _found(self, key: str, at: Expected) -> Span | None:
        if at.options is not None:
            return self._free(_of_options(key, at, self.page))
        if at.is_date:
            return self._free(self._dates)
        if not at.known or not at.kinds:
            return None
        labels = [
            span for span in self.page.spans(" ".join(words_in_order(key))) if self.taken.has_room(span)
        ]
        beside = self._number_beside if at.kinds <= _NUMBERS else self._word_after
        return next((found for found in map(beside, labels) if found is not None), None)

    def _free(self, found: Iterable[Span]) -> Span | None:
        return next(filter(self.taken.has_room, found), None)

    @cached_property
    def _dates(self) -> list[Span]:
        return sorted({span for listed in self.page.dates.values() for span in listed})

    @cached_property
    def _numbers(self) -> list[Span]:
        return sorted({span for listed in self.page.numbers.values() for span in listed})

    def _number_beside(self, label: Span) -> Span | None:
        """Find the free number nearest to a label, with nothing but a few words between them."""
        after = bisect_left(self._numbers, (label[1], 0))
        pairs = [(label[1], number[0], number) for number in self._numbers[after : after + 1]]
        pairs += [(number[1], label[0], number) for number in self._numbers[max(0, after - 1) : after]]
        for start, end, number in sorted(pairs, key=lambda pair: pair[1] - pair[0]):
            is_near = 0 <= end - start <= _NEAR and not _PARTS.search(self.page.text, start, end)
            if is_near and self.taken.has_room(number):
                return number
        return None

    def _word_after(self, label: Span) -> Span | None:
        """Find the free word that stands after a label and a colon, an equals sign or `is`."""
        found = _VALUE.match(self.page.text, label[1])
        if found is None or found["word"].casefold() in _NOTHING:
            return None
        return self._free([found.span("word")])


def _of_options(key: str, at: Expected, page: Page) -> Iterator[Span]:
    """Yield where an option stands; a single letter stands in too many texts to mean one."""
    for option in at.options if at.options is not None and len(at.options) > 1 else ():
        if isinstance(option, str) and len(option) > 1:
            yield from spans(option, at, page, key=key)
