"""What a text has to state, in the order of the target and with a label for each value."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from random import Random
from typing import NamedTuple

from adhere.data.filling.fill import Filled, Stated
from adhere.data.filling.values import CURRENCIES
from adhere.data.prose.labels import SYNONYMS, described, kinds_like, named
from adhere.data.prose.wording import Wording
from adhere.schema.leaves import Path
from adhere.schema.places import keys_of

_SYNONYM_SHARE = 0.3
"""How often a label gives way to another word for it, where there is one."""
_DESCRIPTION_SHARE = 0.1
"""How often it gives way to what the schema says of the field."""
_ABSENT_SHARE = 0.3
"""How often a text says of missing values that they are missing."""
_MONEY_SHARE = 0.75
"""How often an amount and its currency are written together."""
_MONEY = ((False, True, " "), (False, False, " "), (True, True, ""), (True, True, " "), (True, False, " "))
"""Whether the currency is a sign, whether it comes first, and what stands between it and the figure."""
_ROOT_LIST = "entries"
"""What a list is called that is all of the target."""
_NOTHING = ("n/a", "not given", "not stated", "not known", "none given")


class Fact(NamedTuple):
    """A value, or a few that belong together, and what they are called."""

    label: str
    """Lower-case words."""
    kind: str
    """That of the value; `series` for a list, `nothing` where it is missing."""
    pieces: tuple[tuple[str | None, str], ...]
    """What the text says, each piece with the pointer of the leaf that it states, if it states one."""

    @property
    def surface(self) -> str:
        """All that the text says of it."""
        return "".join(words for _, words in self.pieces)


@dataclass(frozen=True, slots=True)
class Group:
    """The values of an object."""

    label: str
    facts: list[Fact] = field(default_factory=list[Fact])
    groups: "list[Group]" = field(default_factory=lambda: list[Group]())
    lists: "list[Items]" = field(default_factory=lambda: list[Items]())

    def flattened(self) -> "Group":
        """Return the same values without groups inside: their labels say what they belong to."""
        if not self.groups:
            return self
        flat = Group(self.label, list(self.facts), [], list(self.lists))
        taken = {fact.label for fact in self.facts}
        for inner in (group.flattened() for group in self.groups):
            for fact in inner.facts:
                label = f"{inner.label} {fact.label}"
                label = f"{inner.label} / {fact.label}" if label in taken else label
                taken.add(label)
                flat.facts.append(fact._replace(label=label))
            flat.lists.extend(Items(f"{inner.label} {items.label}", items.groups) for items in inner.lists)
        return flat


@dataclass(frozen=True, slots=True)
class Items:
    """A list, one group for each item."""

    label: str
    groups: list[Group]


@dataclass(frozen=True, slots=True)
class Outline:
    """All that a text has to state."""

    root: Group
    kinds: frozenset[str]
    """Those of all values."""
    labels: tuple[str, ...]
    """All labels that the schema's names make, those of missing values too."""
    doubtful: frozenset[str]
    """Kinds of which another value could be taken for one that is missing."""
    missing: tuple[str, ...]
    """Labels of missing values."""


def outline(random: Random, filled: Filled, wording: Wording) -> Outline:
    """Arrange what was filled in, and name it."""
    stated = [fact for fact in filled.stated if fact.drawn.value is not None]
    missing = tuple(dict.fromkeys(named(path)[0] for path in filled.absent))
    labels = (*(named(fact.path)[0] for fact in stated), *missing)
    doubtful = frozenset[str]().union(*map(kinds_like, missing)) if missing else frozenset[str]()
    writer = _Writer(random, wording, labels, doubtful)
    writer.lengths = _lengths(filled.absent)
    kinds = [fact.drawn.kind for fact in stated]
    writer.alone = frozenset(kind for kind in kinds if kinds.count(kind) == 1)
    root = writer.group("", stated, 0)
    if filled.absent and random.random() < _ABSENT_SHARE:
        taken = {fact.label for fact in root.flattened().facts}
        root.facts.extend(fact for fact in _missing(random, filled.absent) if fact.label not in taken)
    return Outline(root, frozenset(fact.drawn.kind for fact in stated), labels, doubtful, missing)


def _lengths(absent: Sequence[Path]) -> Mapping[Path, int]:
    """Return how many items a list has at least, by its path, because something is missing in them."""
    found: dict[Path, int] = defaultdict(int)
    for path in absent:
        for depth, step in enumerate(path):
            if isinstance(step, int):
                found[path[:depth]] = max(found[path[:depth]], step + 1)
    return found


def _missing(random: Random, absent: Sequence[Path]) -> Iterator[Fact]:
    """Say of some missing values that they are missing, all in the same words."""
    words = random.choice(_NOTHING)
    for path in absent:
        if path and all(isinstance(step, str) for step in path) and random.random() < 0.5:
            label = " ".join(named(path[: depth + 1])[0] for depth in range(len(path)))
            yield Fact(label, "nothing", ((None, words),))


class _Writer:
    """One pass over the statements of a target."""

    def __init__(
        self, random: Random, wording: Wording, labels: Sequence[str], doubtful: frozenset[str]
    ) -> None:
        self.random = random
        self.wording = wording
        self.taken = set(labels)
        self.doubtful = doubtful
        self.lengths: Mapping[Path, int] = {}
        self.alone = frozenset[str]()
        """Kinds of which there is one value."""
        self.called: dict[Path, str] = {}
        self.money = random.choice(_MONEY) if random.random() < _MONEY_SHARE else None

    def group(self, label: str, stated: Sequence[Stated], depth: int) -> Group:
        """Arrange statements whose paths are the same for `depth` steps."""
        group = Group(label)
        if all(len(each.path) == depth + 1 and isinstance(each.path[-1], str) for each in stated):
            group.facts.extend(map(self.fact, stated))
        elif isinstance(next(iter(stated[0].path[depth:]), None), int):
            self._list(group, stated, depth)
        else:
            for _, run in groupby(stated, key=lambda each: each.path[depth : depth + 1]):
                self._add(group, list(run), depth)
        if self.money:
            group.facts[:] = _with_currency(group.facts, *self.money)
        if len({fact.label for fact in group.facts}) < len(group.facts):
            group.facts[:] = _distinct(group.facts)
        return group

    def _add(self, group: Group, stated: Sequence[Stated], depth: int) -> None:
        """Add statements that belong to the same key of a group."""
        path = stated[0].path
        if len(path) <= depth + 1:
            group.facts.append(self.fact(stated[0]))
        elif isinstance(path[depth + 1], str):
            group.groups.append(self.group(self._label(path[: depth + 1], stated[0]), stated, depth + 1))
        else:
            self._list(group, stated, depth + 1)

    def _list(self, group: Group, stated: Sequence[Stated], at: int) -> None:
        """Add the items of a list, whose indexes are the paths' steps at `at`."""
        label = self._label(stated[0].path[:at], stated[0])
        if all(len(each.path) == at + 1 for each in stated):
            group.facts.append(self._series(label, stated))
            return
        # Items of which nothing is stated are there all the same.
        runs: dict[str | int, list[Stated]] = {index: [] for index in range(self._length(stated, at))}
        for each in stated:
            runs[each.path[at]].append(each)
        group.lists.append(
            Items(label, [self.group("", run, at + 1) if run else Group("") for run in runs.values()])
        )

    def _length(self, stated: Sequence[Stated], at: int) -> int:
        last = stated[-1].path[at]
        return max(int(last) + 1, self.lengths.get(stated[0].path[:at], 0))

    def _series(self, label: str, stated: Sequence[Stated]) -> Fact:
        """Join the values of a list of scalars."""
        at = len(stated[0].path) - 1
        joint = "; " if any("," in each.drawn.surface for each in stated) else ", "
        last = " and " if joint == ", " and self.random.random() < 0.4 else joint
        values: list[tuple[str | None, str]] = [(None, "–")] * self._length(stated, at)
        for each in stated:
            values[int(each.path[at])] = named(each.path)[1], each.drawn.surface
        pieces = values[:1]
        for position, value in enumerate(values[1:], 2):
            pieces += [(None, last if position == len(values) else joint), value]
        return Fact(label, "series", tuple(pieces))

    def fact(self, stated: Stated) -> Fact:
        """Name one leaf."""
        pointer = named(stated.path)[1]
        return Fact(self._label(stated.path, stated), stated.drawn.kind, ((pointer, stated.drawn.surface),))

    def _label(self, path: Path, stated: Stated) -> str:
        """Call a field by its name or, where nothing else goes by it, by another; always by the same."""
        keys = path if len(path) == 1 else tuple(step for step in path if isinstance(step, str))
        found = self.called.get(keys)
        if found is None:
            name = named(path)[0] if keys or path == stated.path else _ROOT_LIST
            found = self._drawn_label(name, stated if path == stated.path else None)
            self.called[keys] = found
            self.taken.add(found)
        return found

    def _drawn_label(self, label: str, stated: Stated | None) -> str:
        draw = self.random.random()
        if stated is None or stated.drawn.kind in self.doubtful:
            return label
        if stated.drawn.kind in self.alone and (renamed := self.wording.renamed()):
            return renamed
        if stated.described and draw < _DESCRIPTION_SHARE:
            words = described(stated.described)
            return words if words and words not in self.taken else label
        others = SYNONYMS.get(label) if draw > 1 - _SYNONYM_SHARE else None
        fitting = [each for each in self.wording.of(others) if each not in self.taken] if others else []
        return self.random.choice(fitting) if fitting else label


def _distinct(facts: Sequence[Fact]) -> list[Fact]:
    """Call by their keys those of which several have the same label."""
    labels = [fact.label for fact in facts]
    return [fact._replace(label=_key_of(fact)) if labels.count(fact.label) > 1 else fact for fact in facts]


def _key_of(fact: Fact) -> str:
    steps = [step for pointer, _ in fact.pieces for step in reversed(keys_of(pointer or ""))]
    return next((step for step in steps if not step.isdecimal()), fact.label)


def _with_currency(facts: Sequence[Fact], by_sign: bool, first: bool, gap: str) -> Sequence[Fact]:  # noqa: FBT001
    """Write every amount together with the only currency, as most documents do."""
    amounts = [fact for fact in facts if fact.kind == "amount"]
    if not amounts:
        return facts
    currencies = [fact for fact in facts if fact.surface in CURRENCIES]
    if len(currencies) != 1:
        return facts
    ((pointer, code),) = currencies[0].pieces
    sign = CURRENCIES[code]
    # A name of three letters needs a blank: EUR5 is no number.
    named, blank = (sign, gap) if by_sign and len(sign) == 1 else (code, " ")
    joined: list[Fact] = []
    for fact in facts:
        if fact.kind == "amount":
            pieces = ((pointer, named), (None, blank), *fact.pieces)
            pieces = pieces if first else (*fact.pieces, (None, blank), (pointer, named))
            joined.append(fact._replace(pieces=pieces))
        elif fact is not currencies[0]:
            joined.append(fact)
    return joined
