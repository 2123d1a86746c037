"""Lists of which no two items may be equal."""

import math
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TypeAlias, cast

from adhere.records import JSON
from adhere.schema.canonical import canonical
from adhere.schema.places import Child, Subschema, with_children
from adhere.schema.reference import References
from adhere.schema.view import View, alternatives, elements, types, view

Position: TypeAlias = tuple[tuple[int, str], ...]
"""The schemas that may apply to a part of a value: the number of a document, and a pointer in it."""

_BRANCHED = ("allOf", "anyOf", "oneOf")
_LIMITING = ("pattern", "format")
_LONG = 8
"""A string that may have so many characters may have more values than a list has items."""
_OF_KIND = {"null": 1.0, "boolean": 2.0, "object": 1.0, "array": 1.0, "any": math.inf}
"""How many values there are at least."""


class Lists:
    """Tells, for a part of a value, whether it is a list of which no two items may be equal.

    Where the schema leaves a choice, a list that must be so under one branch counts as one that must.
    """

    def __init__(self, sources: Sequence[dict[str, JSON]]) -> None:
        """Know the lists of values that obey one of some schemas."""
        self._documents = [References(source) for source in sources]
        self._found: dict[tuple[Position, str | int], Position] = {}
        self.root = _joined(self._spread(number, [source]) for number, source in enumerate(sources))
        """The position of the whole value."""

    def differ(self, position: Position) -> bool:
        """Say whether a list at a position may hold no item twice."""
        return any(_is_unique(self._at(number, pointer)) for number, pointer in position)

    def inside(self, position: Position, step: str | int) -> Position:
        """Return the position of a member, by its key, or of an item, by its index."""
        found = self._found.get((position, step))
        if found is None:
            found = _joined(
                self._spread(number, _parts(self._at(number, pointer), step)) for number, pointer in position
            )
            self._found[position, step] = found
        return found

    def _at(self, number: int, pointer: str) -> dict[str, JSON]:
        # A position has no places but those of objects.
        return cast("dict[str, JSON]", self._documents[number].places[pointer].schema)

    def _spread(self, number: int, schemas: list[Subschema]) -> Position:
        """Return the places of schemas of a document, and of all that they say of the same value."""
        document = self._documents[number]
        reached: list[str] = []
        waiting = schemas[:]
        while waiting:
            schema = waiting.pop()
            pointer = document.pointer(schema)
            if pointer is None or pointer in reached or not isinstance(schema, dict):
                continue
            reached.append(pointer)
            reference = schema.get("$ref")
            target = document.target(reference) if isinstance(reference, str) else None
            waiting += [] if target is None else [target.schema]
            waiting += [branch for name in _BRANCHED for branch in _schemas(schema.get(name))]
        return tuple((number, pointer) for pointer in reached)


def lists_of(sources: Sequence[dict[str, JSON]]) -> Lists | None:
    """Return the lists of values that obey one of some schemas; `None` where items may always be equal."""
    schemas = (place.schema for source in sources for place in References(source).places.values())
    return Lists(sources) if any(map(_is_unique, schemas)) else None


def _joined(positions: Iterable[Position]) -> Position:
    return tuple(dict.fromkeys(chain.from_iterable(positions)))


def _is_unique(schema: Subschema) -> bool:
    return isinstance(schema, dict) and schema.get("uniqueItems") is True


def _parts(schema: dict[str, JSON], step: str | int) -> list[Subschema]:
    """Return the schemas of a schema that may apply to a member or an item of its value."""
    if isinstance(step, str):
        named, patterned = schema.get("properties"), schema.get("patternProperties")
        own = [named[step]] if isinstance(named, dict) and step in named else []
        more = [] if own else [schema.get("additionalProperties")]
        return _schemas([*own, *(patterned.values() if isinstance(patterned, dict) else []), *more])
    first, rest = elements(schema)
    return [first[step]] if step < len(first) else [rest]


def _schemas(value: JSON) -> list[Subschema]:
    return [inner for inner in value if isinstance(inner, (dict, bool))] if isinstance(value, list) else []


def without_unique_items(source: dict[str, JSON]) -> dict[str, JSON]:
    """Copy a schema without `uniqueItems` wherever a writer can see to it item by item.

    It can where so many different items exist as the list must have at least; otherwise it could write itself
    into a corner, and the keyword stays.
    """
    references = References(source)
    if not any(_is_unique(place.schema) for place in references.places.values()):
        return source
    return _without(source, references)


def _without(schema: dict[str, JSON], references: References) -> dict[str, JSON]:
    def inner(child: Child) -> JSON:
        return _without(child.schema, references) if isinstance(child.schema, dict) else child.schema

    copy = with_children(schema, inner)
    if _is_unique(schema) and _can_differ(schema, references):
        del copy["uniqueItems"]
    return copy


def _can_differ(schema: dict[str, JSON], references: References) -> bool:
    keywords = view(schema, references).keywords
    first, items = elements(keywords)
    if first or _holds_unique(items, references):
        return False
    # A number, as the metaschema has it.
    return _count(view(items, references), references) >= cast("float", keywords.get("minItems", 0))


def _holds_unique(schema: Subschema, references: References) -> bool:
    """Say whether values of a schema may have lists in them whose items must differ."""
    reached: set[str] = set()
    waiting = [schema]
    while waiting:
        inner = waiting.pop()
        pointer = references.pointer(inner)
        if pointer is None or pointer in reached or not isinstance(inner, dict):
            continue
        if _is_unique(inner):
            return True
        reached.add(pointer)
        waiting += references.steps(inner)
    return False


def _count(seen: View, references: References) -> float:
    """Return how many different values a schema admits at least, as far as it is easily told.

    Negative where even an empty list is not to be begun.
    """
    if seen.again is not None:
        return 1
    options = [seen.keywords["const"]] if "const" in seen.keywords else seen.keywords.get("enum")
    if isinstance(options, list):
        spelled = set(map(canonical, options))
        # What has an escape in it may be written in several ways, of which one could lead into a corner.
        return -1 if any("\\" in option for option in spelled) else len(spelled)
    branches = alternatives(seen, references)
    if branches is not None:
        return max((_count(branch, references) for branch in branches), default=0)
    return sum(_of_kind(kind, seen.keywords) for kind in types(seen.keywords))


def _of_kind(kind: str, keywords: dict[str, JSON]) -> float:
    if kind == "string":
        longest = keywords.get("maxLength", math.inf)
        is_limited = not keywords.keys().isdisjoint(_LIMITING)
        return 1 if is_limited or not isinstance(longest, (int, float)) or longest < _LONG else math.inf
    if kind in {"integer", "number"}:
        return _numbers(keywords)
    return _OF_KIND[kind]


def _numbers(keywords: dict[str, JSON]) -> float:
    low, high, step = (keywords.get(name) for name in ("minimum", "maximum", "multipleOf"))
    if not {"exclusiveMinimum", "exclusiveMaximum"}.isdisjoint(keywords):
        return 1
    if not isinstance(low, (int, float)) or not isinstance(high, (int, float)):
        return math.inf
    return max(0, math.floor((high - low) / (step if isinstance(step, (int, float)) else 1)))
