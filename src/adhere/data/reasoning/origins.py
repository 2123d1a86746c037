"""Where in a text each leaf of a target comes from."""

import re
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeAlias

from adhere.data.reasoning.reading import FLAGS, Reading, flag_of, reading
from adhere.records import JSON, Example
from adhere.schema import Schema
from adhere.schema.expected import Expected, expected
from adhere.schema.leaves import Path, is_leaf
from adhere.schema.places import pointer_token
from adhere.text.numerals import Span
from adhere.text.page import Page, read
from adhere.text.stated import spans, words_in_order

_LONGEST = 2**20
"""Characters of a string that is looked for: no answer has more."""
_AFTER = 8
"""So many characters farther off a label seems behind its value than before it."""
_UNLABELLED = 2**30
_FLAG = re.compile(rf"\W{{0,4}}(?:(?:is|was)\b\W{{0,3}})?({'|'.join(FLAGS)})\b", re.IGNORECASE)
"""What answers a label with yes or no: `paid: yes`."""
_NOT = re.compile(r"(?:\b(?:not?|non|never|without|hardly)\b|\b\w+n['’]t\b)[^.!?;\n]{0,24}$", re.IGNORECASE)
"""What denies a label right behind it: `is not a family-friendly`."""
_NOT_WITHIN = 40
"""Characters before a label in which it is looked for."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The stretch of text that a leaf comes from, and how it means the leaf's value."""

    span: Span
    surface: str
    means: Reading


Origins: TypeAlias = Mapping[str, Origin]
"""By the pointers of leaves."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf of a target."""

    pointer: str
    key: str
    """Its key, or that of the list that it stands in; empty for a target that is a leaf."""
    value: JSON
    at: Expected

    @property
    def is_empty(self) -> bool:
        """Whether it says that there is nothing: null, an empty text, list or object."""
        return self.value is None or isinstance(self.value, list | dict) or self.value == ""

    @property
    def is_fixed(self) -> bool:
        """Whether the schema leaves no choice."""
        options = self.at.options
        return options is not None and len(options) == 1

    @property
    def needs_origin(self) -> bool:
        """Whether the text must say it."""
        return not self.is_empty and not self.is_fixed


@dataclass(frozen=True, slots=True)
class Holder:
    """An object or a list of a target, or a target that is a leaf, with the leaves that stand right in it."""

    path: Path
    node: JSON
    at: Expected
    leaves: tuple[Leaf, ...]


def holders(target: JSON, schema: Schema) -> Iterator[Holder]:
    """Yield the objects and lists of a target, each before those in it.

    A target that is itself a leaf is yielded as the holder of one.
    """
    if is_leaf(target):
        at = expected(schema)
        yield Holder((), target, at, (Leaf("", "", target, at),))
        return
    waiting: list[tuple[Path, str, str, JSON, Expected]] = [((), "", "", target, expected(schema))]
    while waiting:
        path, pointer, key, node, at = waiting.pop()
        leaves: list[Leaf] = []
        inside: list[tuple[Path, str, str, JSON, Expected]] = []
        for step, part, below in _parts(node, at):
            name = step if isinstance(step, str) else key
            where = pointer + pointer_token(step)
            if is_leaf(part):
                leaves.append(Leaf(where, name, part, below))
            else:
                inside.append(((*path, step), where, name, part, below))
        yield Holder(path, node, at, tuple(leaves))
        waiting += reversed(inside)


def left_open(held: Iterable[Holder]) -> Iterator[Holder]:
    """Yield what of a target its schema leaves open.

    Leaves that have but one value are gone, and so is a list that has but one length and no leaf of its own.
    """
    for holder in held:
        leaves = tuple(leaf for leaf in holder.leaves if not leaf.is_fixed)
        if leaves or not holder.at.has_one_length:
            yield replace(holder, leaves=leaves)


def origins(example: Example, held: Sequence[Holder]) -> Origins:
    """Find where the text states each leaf that it must state; one that it does not state is not there.

    A span that `meta["spans"]` gives is taken if what stands there means the value. Other leaves are looked
    for: of several places that state one, the nearest to the words of its key, or for an item of a list to
    the rest of its row, and where there is room, none that another leaf comes from.

    Pure.
    """
    given = example.meta.get("spans")
    found: dict[str, Origin] = {}
    missing: list[Leaf] = []
    for leaf in (leaf for holder in held for leaf in holder.leaves if leaf.needs_origin):
        origin = _given(leaf, given.get(leaf.pointer), example.text) if isinstance(given, dict) else None
        if origin is None:
            missing.append(leaf)
        else:
            found[leaf.pointer] = origin
    if missing:
        _Search(read(example.text), found).fill(missing)
    return found


def places(leaf: Leaf, page: Page) -> tuple[Span, ...]:
    """Find all the places where a text states a leaf."""
    flag = flag_of(leaf.value, leaf.at)
    if flag is not None:
        return tuple(_flags(leaf.key, page.text, flag=flag))
    found = spans(leaf.value, leaf.at, page, key=leaf.key, longest=_LONGEST)
    if found or not isinstance(leaf.value, str):
        return found
    # What pays no reward for being repeated, such as a whole sentence or a single letter, is an origin too.
    return page.spans(leaf.value.strip())


@lru_cache(maxsize=1024)
def label(key: str) -> str:
    """Spell a key as a person would: `invoiceNo` and `invoice_no` as `invoice no`."""
    return " ".join(words_in_order(key)) or key


def _parts(node: JSON, at: Expected) -> Iterator[tuple[str | int, JSON, Expected]]:
    if isinstance(node, dict):
        return ((key, part, at.key(key)) for key, part in node.items())
    items = node if isinstance(node, list) else []
    return ((index, part, at.item(index)) for index, part in enumerate(items))


def _given(leaf: Leaf, span: JSON, text: str) -> Origin | None:
    """Take a span that a row gives, if it is one and means the value."""
    match span:
        case [int() as start, int() as end] if 0 <= start < end <= len(text):
            surface = text[start:end]
            means = reading(surface, leaf.value, leaf.at)
            return None if means is None else Origin((start, end), surface, means)
        case _:
            return None


class _Search:
    """Leaves being placed on a page, one after another."""

    def __init__(self, page: Page, found: dict[str, Origin]) -> None:
        self.page = page
        self.found = found
        self._taken = sorted(origin.span for origin in found.values())
        self._by_holder: dict[str, list[Span]] = defaultdict(list)
        for pointer, origin in found.items():
            self._by_holder[_holder(pointer)].append(origin.span)
        self._labels: dict[str, list[Span]] = {}

    def fill(self, leaves: Sequence[Leaf]) -> None:
        """Place leaves: those with the least choice first, of these the longest."""
        choices = [(leaf, places(leaf, self.page)) for leaf in leaves]
        choices.sort(
            key=lambda choice: (len(choice[1]), -max((end - at for at, end in choice[1]), default=0))
        )
        for leaf, choice in choices:
            if choice:
                self._place(leaf, min(choice, key=lambda span: self._cost(leaf, span)))

    def _place(self, leaf: Leaf, span: Span) -> None:
        surface = self.page.text[slice(*span)]
        means = reading(surface, leaf.value, leaf.at)
        if means is not None:
            self.found[leaf.pointer] = Origin(span, surface, means)
            self._by_holder[_holder(leaf.pointer)].append(span)
            insort(self._taken, span)

    def _cost(self, leaf: Leaf, span: Span) -> tuple[bool, int, Span]:
        holder = _holder(leaf.pointer)
        row = self._by_holder.get(holder) if any(map(str.isdecimal, leaf.pointer.split("/"))) else None
        if row:
            return self._is_taken(span), min(_gap(other, span) for other in row), span
        if leaf.key not in self._labels:
            self._labels[leaf.key] = _labels(leaf.key, self.page.text)
        gaps = [_gap(each, span) + (_AFTER if each > span else 0) for each in self._labels[leaf.key]]
        return self._is_taken(span), min(gaps, default=_UNLABELLED), span

    def _is_taken(self, span: Span) -> bool:
        at = bisect_left(self._taken, span)
        after, before = self._taken[at : at + 1], self._taken[max(0, at - 1) : at]
        return any(each[0] < span[1] for each in after) or any(each[1] > span[0] for each in before)


def _holder(pointer: str) -> str:
    return pointer.rpartition("/")[0]


def _gap(one: Span, other: Span) -> int:
    """Count the characters between two spans; 0 where they touch or overlap."""
    return max(0, one[0] - other[1], other[0] - one[1])


def _labels(key: str, text: str) -> list[Span]:
    """Find the words of a key together or, where the text does not have them so, each alone."""
    together, alone = _patterns(key)
    found = [match.span() for match in together.finditer(text)]
    return found or [match.span() for match in alone.finditer(text)]


@lru_cache(maxsize=1024)
def _patterns(key: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    words = [re.escape(word) for word in words_in_order(key)] or [re.escape(key) or "(?!)"]
    longer = [word for word in words if len(word) > 2] or words
    return _whole(r"[\W_]{0,2}".join(words)), _whole("|".join(longer))


def _whole(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_])(?:{pattern})(?![^\W_])", re.IGNORECASE)


def _flags(key: str, text: str, *, flag: bool) -> Iterator[Span]:
    """Find what says yes or no to a key; nothing, where the text says both.

    An answer right after the key's words, or else these words themselves: yes, or no with a word before them
    that denies it.
    """
    found: dict[Span, bool] = {}
    for start, end in (match.span() for match in _patterns(_claim(key))[0].finditer(text)):
        answer = _FLAG.match(text, end)
        before = max(0, start - _NOT_WITHIN)
        denial = _NOT.search(text[before:start])
        if answer is not None:
            found[answer.span(1)] = FLAGS[answer[1].lower()]
        elif denial is not None:
            found[before + denial.start(), end] = False
        else:
            found[start, end] = True
    if all(said is flag for said in found.values()):
        yield from found


def _claim(key: str) -> str:
    """Leave out the verb of a key such as `is_paid` or `hasLift`."""
    first, *rest = words_in_order(key) or [key]
    return " ".join(rest) if rest and first in {"is", "has", "was", "are"} else key
