"""What a schema says of the value at a place."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property

from adhere.records import JSON
from adhere.schema import Schema
from adhere.schema.canonical import canonical
from adhere.schema.kept import Kept
from adhere.schema.places import Subschema
from adhere.schema.reference import References
from adhere.schema.view import View, alternatives, elements, fields, types, view


class Expected:
    """What a schema says of the value that stands here, in each of its branches.

    Steps are remembered, so that walking many values costs the reading of a schema once; under a schema
    within itself, they lead back.

    Args:
        schemas: Those that the value should obey.
        references: Those of the document that they stand in.
        known: Whether the schema speaks of this place; false at and below a key that it does not name.
        met: All that was made for the document, by the schemas it was made from.
    """

    def __init__(
        self,
        schemas: Sequence[Subschema],
        references: References,
        *,
        known: bool = True,
        met: "dict[tuple[int | bool, ...], Expected] | None" = None,
    ) -> None:
        self.known = known
        self._schemas = schemas  # kept, so that no other schema gets the same id
        self._references = references
        self._met: dict[tuple[int | bool, ...], Expected] = {} if met is None else met
        self._views = [
            branch for schema in schemas for branch in _branches(view(schema, references), references)
        ]
        self._named: dict[str, list[Subschema]] = defaultdict(list)
        self._unnamed: list[Subschema] = []
        for field in (field for each in self._views for field in fields(each.keywords)):
            (self._unnamed if field.required is None else self._named[field.key]).append(field.schema)
        self._steps: dict[str | int | None, Expected] = {}

    @cached_property
    def unordered(self) -> bool:
        """Whether a list here has no order: `uniqueItems` is true or `x-order` is `free`."""
        return any(_is_unordered(each.keywords) for each in self._views)

    @cached_property
    def options(self) -> tuple[JSON, ...] | None:
        """All the values there are, where every branch lists its own; one for a constant."""
        listed = [_options(each.keywords) for each in self._views]
        if not listed or None in listed:
            return None
        return tuple(
            {canonical(value): value for values in listed if values is not None for value in values}.values()
        )

    @cached_property
    def kinds(self) -> frozenset[str]:
        """Types that a value may have here, null aside; `any` among them where a branch says nothing."""
        return frozenset(kind for each in self._views for kind in types(each.keywords)) - {"null"}

    @cached_property
    def optional(self) -> tuple[str, ...]:
        """Keys that every branch names for an object here, and none requires."""
        named = [{field.key: field.required for field in fields(each.keywords)} for each in self._views]
        return tuple(key for key in self._named if all(each.get(key) is False for each in named))

    @cached_property
    def has_one_length(self) -> bool:
        """Whether every branch says that a list has so many items here, no more and no fewer."""
        bounds = [(each.keywords.get("minItems"), each.keywords.get("maxItems")) for each in self._views]
        return bool(bounds) and all(least is not None and least == most for least, most in bounds)

    @cached_property
    def is_date(self) -> bool:
        """Whether a string here must be a date."""
        return any(each.keywords.get("format") == "date" for each in self._views)

    def key(self, key: str) -> "Expected":
        """Step to the member `key` of an object."""
        if key in self._named:
            return self._step(key, self._named[key])
        # An object of which nothing is said may have any keys.
        known = self.known and (bool(self._unnamed) or not self._named)
        return self._step(None, self._unnamed, known=known)

    def item(self, index: int) -> "Expected":
        """Step to the item `index` of a list."""
        step = min(index, self._singled_out)
        found = self._steps.get(step)
        if found is not None:
            return found
        return self._step(step, [first[step] if step < len(first) else rest for first, rest in self._lists])

    @cached_property
    def _lists(self) -> list[tuple[list[Subschema], Subschema]]:
        return [elements(each.keywords) for each in self._views]

    @cached_property
    def _singled_out(self) -> int:
        """How many items have a schema of their own."""
        return max((len(first) for first, _ in self._lists), default=0)

    def _step(
        self, step: str | int | None, schemas: Sequence[Subschema], *, known: bool | None = None
    ) -> "Expected":
        """Step by a named key, an index, or `None` for any other key."""
        found = self._steps.get(step)
        if found is None:
            is_known = self.known if known is None else known
            mark = is_known, *map(id, schemas)
            found = self._met.get(mark) or Expected(schemas, self._references, known=is_known, met=self._met)
            self._met[mark] = self._steps[step] = found
        return found


_KEPT = Kept[tuple[Expected, bool]](most=32 * 2**20)
_PER_SCHEMA = 4 * 1024
"""Bytes that each schema of a document takes once it has been stepped to; measured on CPython 3.11."""


def expected(schema: Schema) -> Expected:
    """Return what a schema says of the whole value."""
    return _KEPT.get(schema.hash, lambda: _read(schema))[0]


def has_unordered_lists(schema: Schema) -> bool:
    """Whether a schema says anywhere that the order of a list does not matter."""
    return _KEPT.get(schema.hash, lambda: _read(schema))[1]


def _read(schema: Schema) -> tuple[tuple[Expected, bool], int]:
    references = References(schema.source)
    schemas = [place.schema for place in references.places.values()]
    unordered = any(isinstance(each, dict) and _is_unordered(each) for each in schemas)
    return (Expected([schema.source], references), unordered), _PER_SCHEMA * len(schemas)


def _branches(seen: View, references: References) -> list[View]:
    """Write out `anyOf` and `oneOf`: one view for each way in which a value may obey."""
    found = alternatives(seen, references)
    if found is None:
        return [seen]
    return [branch for each in found for branch in _branches(each, references)]


def _is_unordered(keywords: dict[str, JSON]) -> bool:
    return keywords.get("uniqueItems") is True or keywords.get("x-order") == "free"


def _options(keywords: dict[str, JSON]) -> list[JSON] | None:
    if "const" in keywords:
        return [keywords["const"]]
    if keywords.get("type") == "null":
        return [None]
    listed = keywords.get("enum")
    return listed if isinstance(listed, list) else None
