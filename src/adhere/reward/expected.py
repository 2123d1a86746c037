"""What a schema says of the value at a place."""

from collections.abc import Sequence
from functools import lru_cache

from adhere.records import JSON
from adhere.schema import Schema
from adhere.schema.canonical import canonical
from adhere.schema.places import Subschema, places
from adhere.schema.reference import References
from adhere.schema.view import View, alternatives, elements, fields, view


class Expected:
    """What a schema says of the value that stands here, in each of its branches.

    Steps are remembered, so that walking many values costs the reading of a schema once.
    """

    def __init__(self, schemas: Sequence[Subschema], references: References, *, known: bool = True) -> None:
        self.known = known
        """Whether the schema speaks of this place; false at and below a key that it does not name."""
        self._references = references
        self._views = [
            branch for schema in schemas for branch in _branches(view(schema, references), references)
        ]
        self._fields = [field for each in self._views for field in fields(each.keywords)]
        self._steps: dict[str | int | None, Expected] = {}

    @property
    def unordered(self) -> bool:
        """Whether a list here has no order: `uniqueItems` is true or `x-order` is `free`."""
        return any(_is_unordered(each.keywords) for each in self._views)

    @property
    def options(self) -> tuple[JSON, ...] | None:
        """All the values there are, where every branch lists its own; one for a constant."""
        listed = [_options(each.keywords) for each in self._views]
        if not listed or None in listed:
            return None
        return tuple(
            {canonical(value): value for values in listed if values is not None for value in values}.values()
        )

    @property
    def is_date(self) -> bool:
        """Whether a string here must be a date."""
        return any(each.keywords.get("format") == "date" for each in self._views)

    def key(self, key: str) -> "Expected":
        """Step to the member `key` of an object."""
        if not self._fields:
            # An object of which nothing is said may have any keys.
            return Expected([], self._references, known=self.known)
        named = [field for field in self._fields if field.required is not None and field.key == key]
        chosen = named or [field for field in self._fields if field.required is None]
        if not chosen:
            return Expected([], self._references, known=False)
        return self._step(key if named else None, [field.schema for field in chosen])

    def item(self, index: int) -> "Expected":
        """Step to the item `index` of a list."""
        lists = [elements(each.keywords) for each in self._views]
        step = min(index, max((len(first) for first, _ in lists), default=0))
        return self._step(step, [first[step] if step < len(first) else rest for first, rest in lists])

    def _step(self, step: str | int | None, schemas: Sequence[Subschema]) -> "Expected":
        """Step by a named key, an index, or `None` for any other key."""
        if step not in self._steps:
            self._steps[step] = Expected(schemas, self._references, known=self.known)
        return self._steps[step]


@lru_cache(maxsize=256)
def expected(schema: Schema) -> Expected:
    """Return what a schema says of the whole value."""
    return Expected([schema.source], References(schema.source))


@lru_cache(maxsize=256)
def has_unordered_lists(schema: Schema) -> bool:
    """Whether a schema says anywhere that the order of a list does not matter."""
    return any(
        isinstance(place.schema, dict) and _is_unordered(place.schema) for place in places(schema.source)
    )


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
