"""Strings spelled alike before they are compared, where the user asks for it."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from adhere.config import Normaliser, normalisers
from adhere.errors import ConfigError, perhaps
from adhere.records import JSON
from adhere.schema import Schema
from adhere.schema.limits import is_recursive
from adhere.schema.places import keys_of
from adhere.schema.reference import References
from adhere.text.dates import dates
from adhere.text.numerals import numbers

_LONGEST = 64
"""Characters of a string that is looked at as a date or a number: no spelling of one that people write is
longer."""
_EVERYWHERE = "*"
_OPEN = frozenset({"any", "array", "object"})
"""Types of a schema's leaf below which a value may have more."""


class _Rule(NamedTuple):
    """What is done to the strings at a path."""

    steps: tuple[str, ...] | None
    """Still to be taken; `None` where the rule is for every string."""
    names: tuple[Normaliser, ...]


def normalised(value: JSON, normalise: tuple[str, ...]) -> JSON:
    """Return `value` with each string that a setting speaks of in the one spelling of all that equal it.

    `case` folds case; `space` trims and makes each run of white space one blank; `date` spells a date as ISO
    8601; `number` spells a number in digits, with a point before the fraction. The last two leave a string
    alone that is not all of one, or that can be read as two. Keys stay as they are, and so does all that is
    no string. Where several settings speak of a string, they work in their order.

    Pure; linear in the size of the value.

    Args:
        value: An answer, or the right one.
        normalise: Settings as in `Scoring.normalise`.

    Raises:
        ConfigError: A setting is not one.
    """
    return _inside(value, _rules(normalise))


def refuse_unknown_paths(normalise: tuple[str, ...], schemas: Iterable[Schema]) -> None:
    """Refuse a setting that speaks of no string of any schema.

    Raises:
        ConfigError: A path leads to no leaf of any schema. A schema within itself is taken to have any.
    """
    known = list(schemas) if normalise else []
    if any(is_recursive(References(schema.source)) for schema in known):
        return
    leaves = {(leaf.pointer, leaf.type) for schema in known for leaf in schema.leaves}
    for path in normalisers(normalise):
        if path != _EVERYWHERE and not any(_leads_to(path, leaf, kind) for leaf, kind in leaves):
            raise ConfigError.at(
                "scoring.normalise",
                path,
                f"no value of the schema has this path{perhaps(path, sorted(leaf for leaf, _ in leaves))}",
                fix="Name a leaf as adhere schema lists them, or * for every string",
            )


@lru_cache(maxsize=256)
def _rules(normalise: tuple[str, ...]) -> tuple[_Rule, ...]:
    """Read settings once."""
    return tuple(
        _Rule(None if path == _EVERYWHERE else keys_of(path), names)
        for path, names in normalisers(normalise).items()
    )


def _leads_to(path: str, leaf: str, kind: str) -> bool:
    """Whether a path can be that of a leaf, or of what a leaf of which nothing is said may have in it."""
    asked, steps = keys_of(path), keys_of(leaf)
    if len(asked) < len(steps) or (len(asked) > len(steps) and _OPEN.isdisjoint(kind.split("|"))):
        return False
    return all(one == other or "*" in {one, other} for one, other in zip(asked, steps, strict=False))


def _inside(node: JSON, rules: tuple[_Rule, ...]) -> JSON:
    if not rules:
        return node
    match node:
        case str():
            return _spelled(node, rules)
        case dict():
            return {key: _inside(member, _below(rules, key)) for key, member in node.items()}
        case list():
            return [_inside(item, _below(rules, str(index))) for index, item in enumerate(node)]
        case _:
            return node


def _below(rules: tuple[_Rule, ...], step: str) -> tuple[_Rule, ...]:
    """Return the rules that speak of what stands at a key or an index."""
    return tuple(
        rule if rule.steps is None else _Rule(rule.steps[1:], rule.names)
        for rule in rules
        if rule.steps is None or (rule.steps and rule.steps[0] in {step, "*"})
    )


def _spelled(text: str, rules: tuple[_Rule, ...]) -> str:
    for rule in rules:
        for name in () if rule.steps else rule.names:
            text = _SPELLING[name](text)
    return text


def _space(text: str) -> str:
    return " ".join(text.split())


def _date(text: str) -> str:
    found = dates(text) if len(text) <= _LONGEST else ()
    readings = {date for date, span in found if span == (0, len(text))}
    return readings.pop() if len(readings) == 1 else text


def _number(text: str) -> str:
    found = numbers(text) if len(text) <= _LONGEST else ()
    readings = {number for number, span in found if span == (0, len(text))}
    return str(readings.pop()) if len(readings) == 1 else text


_SPELLING: Mapping[Normaliser, Callable[[str], str]] = {
    "case": str.casefold,
    "space": _space,
    "date": _date,
    "number": _number,
}
