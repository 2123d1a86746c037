"""The values at the ends of a schema: what there is to fill in."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from adhere.records import JSON
from adhere.schema.canonical import canonical, type_of
from adhere.schema.places import Subschema
from adhere.schema.reference import References
from adhere.schema.view import View, alternatives, elements, fields, types, view


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A value of a schema that has no parts of its own."""

    pointer: str
    """JSON pointer into an answer; `*` stands for any index and for any key that the schema does not fix."""
    type: str
    """Names of JSON Schema, joined by `|` where there are several; `any` where nothing is said. `object` and
    `array` where nothing is said of the parts."""
    format: str | None
    enum: tuple[JSON, ...] | None
    """All the values there are, where the schema lists them; one for a constant."""
    required: bool
    """Whether its key is in `required` of the object that holds it. What stands under `*` goes by the key
    that holds the array or the object."""
    description: str | None


def leaves(source: dict[str, JSON]) -> tuple[Leaf, ...]:
    """Return the leaves of a schema in the order of its `properties`, each pointer once.

    A schema within itself is entered once. Where `anyOf` or `oneOf` has several leaves for one pointer they
    are joined; `null` beside an object or an array is not a leaf.

    Args:
        source: A schema that adhere accepts.
    """
    references = References(source)
    found = _below(view(source, references), references, "", required=True)
    joined: dict[str, Leaf] = {}
    for leaf in found:
        joined[leaf.pointer] = _join(joined[leaf.pointer], leaf) if leaf.pointer in joined else leaf
    return tuple(joined.values())


def _below(seen: View, references: References, pointer: str, *, required: bool) -> list[Leaf]:
    if seen.again is not None:
        return []
    keywords = seen.keywords
    options = [keywords["const"]] if "const" in keywords else keywords.get("enum")
    if isinstance(options, list):
        kinds = types(keywords) if "type" in keywords else list(dict.fromkeys(map(type_of, options)))
        return [_leaf("|".join(kinds), keywords, pointer, required=required, enum=tuple(options))]
    branches = alternatives(seen, references)
    if branches is not None:
        found = [
            leaf for branch in branches for leaf in _below(branch, references, pointer, required=required)
        ]
        recursive = any(branch.again is not None for branch in branches)
        return _without_null(found, pointer, has_parts=recursive)
    kinds = types(keywords)
    found = [leaf for kind in kinds for leaf in _of_type(kind, seen, references, pointer, required=required)]
    return _without_null(found, pointer, has_parts=False)


def _of_type(
    kind: str, seen: View, references: References, pointer: str, *, required: bool
) -> Iterator[Leaf]:
    inside = list(_parts(kind, seen.keywords, required=required))
    if not inside:
        yield _leaf(kind, seen.keywords, pointer, required=required, enum=None)
    for segment, schema, is_required in inside:
        seen_inside = view(schema, references, seen.path_to(schema, references))
        yield from _below(seen_inside, references, pointer + segment, required=is_required)


def _parts(kind: str, keywords: dict[str, JSON], *, required: bool) -> Iterator[tuple[str, Subschema, bool]]:
    """Yield the step into each part of an object or an array, its schema and whether it is required."""
    if kind == "object":
        for field in fields(keywords):
            yield field.segment, field.schema, required if field.required is None else field.required
    if kind == "array":
        first, rest = elements(keywords)
        yield from ((f"/{index}", schema, required) for index, schema in enumerate(first))
        if isinstance(rest, dict):
            yield "/*", rest, required


def _leaf(
    kind: str, keywords: dict[str, JSON], pointer: str, *, required: bool, enum: tuple[JSON, ...] | None
) -> Leaf:
    given, description = keywords.get("format"), keywords.get("description")
    return Leaf(
        pointer=pointer,
        type=kind,
        format=given if isinstance(given, str) and "string" in kind.split("|") else None,
        enum=enum,
        required=required,
        description=description if isinstance(description, str) else None,
    )


def _without_null(found: list[Leaf], pointer: str, *, has_parts: bool) -> list[Leaf]:
    """Drop the `null` that only says that a whole object or array may be missing."""
    parts = [leaf for leaf in found if leaf.pointer != pointer or leaf.type in {"object", "array"}]
    if not parts and not has_parts:
        return found
    return [leaf for leaf in found if leaf.pointer != pointer or leaf.type != "null"]


def _join(one: Leaf, other: Leaf) -> Leaf:
    kinds = dict.fromkeys([*one.type.split("|"), *other.type.split("|")])
    return replace(
        one,
        type="|".join(kinds),
        format=one.format or other.format,
        enum=_union(one, other),
        required=one.required and other.required,
        description=one.description or other.description,
    )


def _union(one: Leaf, other: Leaf) -> tuple[JSON, ...] | None:
    """Unite two lists of values; beside a list `null` is one of its values, and any other type opens it."""
    if one.enum is None and other.enum is None:
        return None
    lists = [leaf.enum or ((None,) if leaf.type == "null" else None) for leaf in (one, other)]
    if lists[0] is None or lists[1] is None:
        return None
    return tuple({canonical(value): value for value in (*lists[0], *lists[1])}.values())
