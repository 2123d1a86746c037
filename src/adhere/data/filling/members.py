"""Draws objects, member by member."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Protocol, TypeAlias

from adhere.data.filling import vocabulary
from adhere.data.filling.drawing import MOST_VALUES, ROOMY, Drawing, Undrawable, Way
from adhere.data.filling.goal import Conjunction, Goal
from adhere.data.filling.pattern import pattern_maker
from adhere.data.filling.values import invented
from adhere.records import JSON
from adhere.schema.leaves import Path


class Make(Protocol):
    """Makes a way to draw what obeys some schemas and has a key."""

    def __call__(self, schemas: Conjunction, key: str, *, is_required: bool) -> Way:
        """Make one, for a member that must be there or need not be."""
        ...


_PRESENT = 0.6
"""How often a property that may be left out is there."""
_EXTENDED = 0.4
"""How often an object has keys that its schema describes but does not name, besides those that it names."""
_MOST_TRIES = 60


class Members:
    """An object.

    Raises:
        Undrawable: It must have a key that it must not have, or too many.
    """

    def __init__(self, goal: Goal, make: Make, name: str) -> None:
        self._goal = goal
        self._make = make
        self._name = name
        self._fields = list(_fields(goal, make))
        self._least, self._most = goal.least.get("Properties", 0), goal.most.get("Properties")
        if self._most is not None and self._most < len(goal.required):
            raise Undrawable("maxProperties", "admits fewer keys than are required")
        if self._least > MOST_VALUES:
            raise Undrawable("minProperties", f"asks for more than {MOST_VALUES} values")
        self._sources = list(_sources(goal, make))
        has_bounds = self._most is not None or self._least > len(goal.required)
        self._is_free = not goal.dependents and self._least <= len(goal.required)
        self._is_plain = not (has_bounds or goal.dependents or self._sources)

    def draw(self, to: Drawing, path: Path) -> JSON:
        """Draw the members that must be there and some of the others."""
        value: dict[str, JSON] = {}
        to.values += 1 + len(self._fields)
        wanted = None if self._is_plain else self._wanted(to)
        levels = to.levels(path)
        chance, share = to.random.random, _PRESENT if to.values < ROOMY else 0.0
        for key, way, is_required in self._fields:
            at = (*path, key)
            if is_required:
                value[key] = way.draw(to, at)
            elif (chance() >= share if wanted is None else key not in wanted) or not (
                levels is None or way.fits(levels - 1)
            ):
                to.absent.append(at)
            else:
                self._draw_optional(to, way, at, value)
        if wanted is not None and self._sources:
            self._extend(to, path, value, len(wanted))
        if not value and path:
            to.absent.append(path)
        return value

    def fits(self, levels: int) -> bool:
        """Whether what must be there fits."""
        needed = [way for _, way, is_required in self._fields if is_required]
        return levels >= 0 and (not needed or levels > 0) and all(way.fits(levels - 1) for way in needed)

    def _draw_optional(self, to: Drawing, way: Way, at: Path, value: dict[str, JSON]) -> None:
        mark = to.mark()
        try:
            member = way.draw(to, at)
        except Undrawable:
            if to.is_spent:
                raise
            to.back(mark)
            to.absent.append(at)
            return
        if member in ({}, []) and self._is_free:
            # A text says nothing of what is empty either, so that it could not tell the two apart.
            to.back(mark)
            to.absent.append(at)
            return
        value[str(at[-1])] = member

    def _wanted(self, to: Drawing) -> set[str]:
        """Choose the named keys that are there, so that their number and what they ask for is right."""
        random = to.random
        names = [key for key, _, _ in self._fields]
        others = [key for key in names if key not in self._goal.required]
        random.shuffle(others)
        share = _PRESENT if to.values < ROOMY else 0.0
        chosen = [key for key in others if random.random() < share]
        rest = [key for key in others if key not in chosen]
        wanted = self._with_dependents([*self._goal.required, *chosen])
        while self._most is not None and len(wanted) > self._most and chosen:
            chosen.pop()
            wanted = self._with_dependents([*self._goal.required, *chosen])
        while len(wanted) < self._least and rest:
            wanted = self._with_dependents([*wanted, rest.pop()])
        return wanted

    def _with_dependents(self, keys: list[str]) -> set[str]:
        wanted = set(keys)
        before = -1
        while before < len(wanted):
            before = len(wanted)
            for key, others in self._goal.dependents:
                if key in wanted:
                    wanted.update(others)
        return wanted

    def _extend(self, to: Drawing, path: Path, value: dict[str, JSON], named: int) -> None:
        """Add keys that no schema names."""
        room = MOST_VALUES if self._most is None else self._most - len(value)
        count = max(0, self._least - len(value))
        if self._goal.describes_other_keys or self._goal.key_patterns:
            is_extended = named == 0 or to.random.random() < _EXTENDED
            some = 1 + int(to.random.random() * (3 if named == 0 else 2))
            count = max(count, some if is_extended and to.values < ROOMY else 0)
        levels = to.levels(path)
        for _ in range(min(count, room)):
            key = self._new_key(to, value, path)
            if key is None:
                if len(value) < self._least:
                    raise Undrawable("minProperties", "asks for more keys than were found", path)
                return
            name = key if key in vocabulary.ATTRIBUTES else self._name
            way = self._make(self._goal.member(key), name, is_required=True)
            if levels is not None and len(value) >= self._least and not way.fits(levels - 1):
                return
            to.values += 1
            value[key] = way.draw(to, (*path, key))

    def _new_key(self, to: Drawing, value: dict[str, JSON], path: Path) -> str | None:
        for _ in range(_MOST_TRIES):
            key = to.random.choice(self._sources)(to, path)
            known = key in value or key in self._goal.properties
            if not known and False not in self._goal.member(key):
                return key
        return None


def _fields(goal: Goal, make: Make) -> Iterator[tuple[str, Way, bool]]:
    asked_for = [other for _, others in goal.dependents for other in others]
    for key in dict.fromkeys([*goal.properties, *goal.required, *asked_for]):
        asked, is_required = goal.member(key), key in goal.required
        if False not in asked:
            yield key, make(asked, key, is_required=is_required), is_required
        elif is_required:
            raise Undrawable("required", f"asks for {key!r}, which may not be there")


Source: TypeAlias = Callable[[Drawing, Path], str]


def _sources(goal: Goal, make: Make) -> Iterator[Source]:
    """Yield ways to draw the name of a further key."""
    for pattern in goal.key_patterns:
        yield _by_pattern(pattern)
    if not goal.admits_other_keys or (goal.key_patterns and not goal.describes_other_keys):
        return
    if goal.names:
        yield _by_schema(make((*goal.names, {"type": "string"}), "key", is_required=True))
    else:
        yield _by_vocabulary


def _by_pattern(pattern: str) -> Source:
    draw, _ = pattern_maker(pattern)
    return lambda to, _: draw(to.random, 6)


def _by_schema(names: Way) -> Source:
    def drawn(to: Drawing, path: Path) -> str:
        stated = len(to.facts)
        key = names.draw(to, path)
        del to.facts[stated:]
        return str(key)

    return drawn


def _by_vocabulary(to: Drawing, _: Path) -> str:
    return to.random.choice(vocabulary.ATTRIBUTES) if to.random.random() < 0.9 else _invented_key(to.random)


def _invented_key(random: Random) -> str:
    return invented(random)
