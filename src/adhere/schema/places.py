"""Every place in a schema document where a schema stands."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from adhere.records import JSON

Subschema: TypeAlias = dict[str, JSON] | bool

DEFINITIONS = frozenset({"$defs", "definitions"})
"""Keywords whose schemas apply only where a reference names them."""
_ONE = frozenset(
    {"additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not"}
    | {"propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"}
)
_LISTED = frozenset({"allOf", "anyOf", "items", "oneOf", "prefixItems"})
_NAMED = DEFINITIONS | {"dependencies", "dependentSchemas", "patternProperties", "properties"}


@dataclass(frozen=True, slots=True)
class Child:
    """A schema directly inside another."""

    keyword: str
    """The keyword of the outer schema that it belongs to."""
    pointer: str
    """JSON pointer from the outer schema, such as `/properties/a`."""
    schema: Subschema


@dataclass(frozen=True, slots=True)
class Place:
    """A schema within a document."""

    pointer: str
    """JSON pointer from the document's root, which is the empty one."""
    schema: Subschema
    depth: int
    """1 for the root, one more for each schema around it."""


def pointer_token(key: str | int) -> str:
    """Spell a key as one step of a JSON pointer, its slash included.

    Source: RFC 6901 section 3.
    """
    return "/" + str(key).replace("~", "~0").replace("/", "~1")


def pointer_of(path: Sequence[str | int]) -> str:
    """Spell a path of keys as a JSON pointer."""
    return "".join(map(pointer_token, path))


def keys_of(pointer: str) -> tuple[str, ...]:
    """Return the keys that `pointer_of` spelled, list indexes as their digits.

    Source: RFC 6901 section 4.
    """
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def children(schema: Mapping[str, JSON]) -> Iterator[Child]:
    """Yield the schemas directly inside `schema`, in the order written.

    The keywords are those of draft 2020-12 and draft-07 together. What should be a schema and is neither an
    object nor a boolean is passed over: saying so is the metaschema's part.
    """
    for keyword, value in schema.items():
        for path, inner in _candidates(keyword, value):
            if isinstance(inner, (dict, bool)):
                yield Child(keyword, pointer_of(path), inner)


def _candidates(keyword: str, value: JSON) -> Iterator[tuple[tuple[str | int, ...], JSON]]:
    if keyword in _NAMED and isinstance(value, dict):
        yield from (((keyword, name), inner) for name, inner in value.items())
    elif keyword in _LISTED and isinstance(value, list):
        yield from (((keyword, index), inner) for index, inner in enumerate(value))
    elif keyword in _ONE:
        yield (keyword,), value


def places(source: dict[str, JSON]) -> Iterator[Place]:
    """Yield every schema of a document, an outer one before those inside it; references are not followed."""
    waiting: list[Place] = [Place("", source, 1)]
    while waiting:
        place = waiting.pop()
        yield place
        if isinstance(place.schema, dict):
            inside = [
                Place(place.pointer + c.pointer, c.schema, place.depth + 1) for c in children(place.schema)
            ]
            waiting.extend(reversed(inside))


def with_children(schema: Mapping[str, JSON], replace: Callable[[Child], JSON]) -> dict[str, JSON]:
    """Copy `schema` with each schema directly inside it replaced."""
    replaced = {child.pointer: replace(child) for child in children(schema)}

    def copied(keyword: str, value: JSON) -> JSON:
        if keyword in _NAMED and isinstance(value, dict):
            return {name: replaced.get(pointer_of((keyword, name)), inner) for name, inner in value.items()}
        if keyword in _LISTED and isinstance(value, list):
            return [replaced.get(pointer_of((keyword, index)), inner) for index, inner in enumerate(value)]
        return replaced.get(pointer_of((keyword,)), value)

    return {keyword: copied(keyword, value) for keyword, value in schema.items()}
