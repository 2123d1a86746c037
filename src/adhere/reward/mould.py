"""The shape of the answers that a schema asks for, to be cast from any leaves."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from adhere.records import JSON
from adhere.schema import Schema
from adhere.schema.reference import References
from adhere.schema.view import View, alternatives, elements, fields, types, view
from adhere.text.numerals import Number

_LEAST_OF_FORMAT = {
    "date": "2000-01-01",
    "date-time": "2000-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "a@b.example",
    "hostname": "a.example",
    "ipv4": "0.0.0.0",  # noqa: S104 - an answer, not an address to listen on
    "ipv6": "::",
    "uri": "a:b",
    "uuid": "00000000-0000-0000-0000-000000000000",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A place for a leaf."""

    key: str
    """Its key, or that of the list that it stands in."""
    kind: str = "null"
    """Its type in JSON Schema's words; `string` where the schema leaves it open."""
    nullable: bool = True
    keywords: dict[str, JSON] = field(default_factory=dict[str, JSON])
    """What the schema says of it."""


@dataclass(frozen=True, slots=True)
class ObjectMould:
    """The shape of an object: each key that has a name, its mould and whether it is required."""

    members: tuple[tuple[str, "Mould", bool], ...]


@dataclass(frozen=True, slots=True)
class ListMould:
    """The shape of a list."""

    first: tuple["Mould", ...]
    rest: "Mould | None"
    """Of all items after the first ones; `None` where there may be none."""
    least: int
    most: int | None


Mould: TypeAlias = Slot | ObjectMould | ListMould


def mould(schema: Schema) -> Mould:
    """Return the shape of the answers to a schema.

    Of several branches and types, the first that is not null is taken; a schema within itself is left out
    where it may be, and is a place for null where it may not.
    """
    references = References(schema.source)
    return _mould(view(schema.source, references), references, "") or Slot(key="")


def cast_from(shape: Mould, leaf: Callable[[Slot], JSON], *, items: int = 1, optional: bool = True) -> JSON:
    """Fill a shape with leaves.

    Args:
        shape: As `mould` returns it.
        leaf: What to put into each slot, asked in the order in which an answer is written.
        items: How many a list should have, where its schema does not rule that out.
        optional: Whether keys are written that need not be there.
    """
    match shape:
        case Slot():
            return leaf(shape)
        case ObjectMould(members):
            return {
                key: cast_from(inner, leaf, items=items, optional=optional)
                for key, inner, required in members
                if required or optional
            }
        case ListMould(first, rest, least, most):
            count = max(least, items) if most is None else min(max(least, items), most)
            moulds = first + (rest,) * (count - len(first)) if rest is not None else first
            return [cast_from(inner, leaf, items=items, optional=optional) for inner in moulds[:count]]


def slots(shape: Mould) -> Iterator[Slot]:
    """Yield the slots of a shape, those of a list's items once."""
    match shape:
        case Slot():
            yield shape
        case ObjectMould(members):
            for _, inner, _ in members:
                yield from slots(inner)
        case ListMould(first, rest, _, _):
            for inner in (*first, rest) if rest is not None else first:
                yield from slots(inner)


def has_lists(shape: Mould) -> bool:
    """Whether a shape has a list that could be longer."""
    match shape:
        case Slot():
            return False
        case ObjectMould(members):
            return any(has_lists(inner) for _, inner, _ in members)
        case ListMould():
            return True


def least(slot: Slot) -> JSON:
    """Return the shortest leaf that a slot is likely to take: it states nothing."""
    if "const" in slot.keywords:
        return slot.keywords["const"]
    options = slot.keywords.get("enum")
    if isinstance(options, list) and options:
        return options[0]
    match slot.kind:
        case "string":
            return string(slot, "")
        case "integer" | "number":
            return _least_number(slot.keywords)
        case "boolean":
            return False
        case "object":
            return {}
        case _:
            return None


def string(slot: Slot, text: str) -> JSON:
    """Return `text` for a slot that takes any string of some length, and the least leaf for another."""
    if slot.kind != "string" or slot.keywords.keys() & {"const", "enum"}:
        return least(slot)
    stated = slot.keywords.get("format")
    if isinstance(stated, str) and stated in _LEAST_OF_FORMAT:
        return _LEAST_OF_FORMAT[stated]
    shortest, longest = slot.keywords.get("minLength"), slot.keywords.get("maxLength")
    cut = text[:longest] if isinstance(longest, int) else text
    return cut.ljust(shortest, "a") if isinstance(shortest, int) else cut


def number(slot: Slot, value: Number) -> JSON:
    """Return `value` for a slot that takes any number, and the least leaf for another."""
    if slot.kind not in {"integer", "number"} or slot.keywords.keys() & {"const", "enum"}:
        return least(slot)
    return int(value) if slot.kind == "integer" else value


def _mould(seen: View, references: References, key: str) -> Mould | None:
    """Return the shape of what stands here; `None` for a schema that the reader is inside of already."""
    if seen.again is not None:
        return None
    if "const" in seen.keywords or "enum" in seen.keywords:
        return _slot(seen.keywords, key)
    branches = alternatives(seen, references)
    if branches is not None:
        return _first_branch(branches, references, key)
    kinds = [kind for kind in types(seen.keywords) if kind != "null"]
    match kinds[0] if kinds else "null":
        case "object" if isinstance(seen.keywords.get("properties"), dict):
            return _object(seen, references)
        case "array":
            return _list(seen, references, key)
        case _:
            return _slot(seen.keywords, key)


def _first_branch(branches: list[View], references: References, key: str) -> Mould | None:
    moulds = [found for branch in branches if (found := _mould(branch, references, key)) is not None]
    chosen = next((each for each in moulds if not (isinstance(each, Slot) and each.kind == "null")), None)
    if chosen is None:
        return Slot(key=key) if moulds else None
    if isinstance(chosen, Slot) and len(moulds) > 1:
        nullable = any(isinstance(each, Slot) and each.nullable for each in moulds)
        return replace(chosen, nullable=nullable)
    return chosen


def _slot(keywords: dict[str, JSON], key: str) -> Slot:
    kinds = types(keywords)
    others = [kind for kind in kinds if kind != "null"]
    kind = others[0] if others else "null"
    return Slot(
        key=key, kind="string" if kind == "any" else kind, nullable="null" in kinds, keywords=keywords
    )


def _object(seen: View, references: References) -> ObjectMould:
    members: list[tuple[str, Mould, bool]] = []
    for each in fields(seen.keywords):
        if each.required is None:
            continue
        path = seen.path_to(each.schema, references)
        inner = _mould(view(each.schema, references, path), references, each.key)
        if inner is not None or each.required:
            members.append((each.key, inner or Slot(key=each.key), each.required))
    return ObjectMould(tuple(members))


def _list(seen: View, references: References, key: str) -> ListMould:
    first, rest = elements(seen.keywords)
    shapes = [
        _mould(view(each, references, seen.path_to(each, references)), references, key)
        for each in [*first, rest]
    ]
    known = [each for each in shapes[: len(first)] if each is not None]
    least, most = seen.keywords.get("minItems"), seen.keywords.get("maxItems")
    return ListMould(
        tuple(known),
        None if rest is False else shapes[-1],
        least if isinstance(least, int) else 0,
        most if isinstance(most, int) else None,
    )


def _least_number(keywords: dict[str, JSON]) -> Number:
    lowest, above = keywords.get("minimum"), keywords.get("exclusiveMinimum")
    highest = keywords.get("maximum")
    if isinstance(lowest, int | float) and lowest > 0:
        return lowest
    if isinstance(above, int | float) and above >= 0:
        return int(above) + 1
    return highest if isinstance(highest, int | float) and highest < 0 else 0
