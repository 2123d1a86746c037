"""How much of a document stands before the first place where it breaks its schema."""

from typing import Literal, TypeAlias, cast

from adhere.records import JSON
from adhere.reward.place import Place, places_in
from adhere.reward.verdict import Malformed, NoOutput, Violates
from adhere.schema import Schema, Violation
from adhere.schema.expected import expected
from adhere.schema.places import keys_of, pointer_token

_Side: TypeAlias = Literal["key", "start", "close"]

_LACKING = frozenset({"contains", "minItems", "minProperties", "required"})
"""Keywords that ask for more than there is: not broken before the value closes."""
_UNEXPECTED = frozenset({"additionalProperties", "unevaluatedProperties"})


def sound_share(verdict: NoOutput | Malformed | Violates, schema: Schema) -> float:
    """Share of the answer's characters before its first fault, in [0, 1]; 0 without output.

    An answer that does not parse is sound up to its first syntax error, to its end where it was cut off. One
    that breaks its schema is sound up to the first place of a violation: where the wrong value begins; where
    the key begins that may not be there; where the object or list closes that lacks something.

    Pure.
    """
    match verdict:
        case NoOutput():
            return 0.0
        case Malformed():
            return verdict.position / len(verdict.answer)
        case Violates():
            return _first_fault(verdict, schema) / len(verdict.answer)


def _first_fault(verdict: Violates, schema: Schema) -> int:
    faults = {_fault(violation, verdict.value, schema) for violation in verdict.violations}
    found = places_in(verdict.answer, {pointer for pointer, _ in faults})
    return min(_offset(found[pointer], side) for pointer, side in faults)


def _fault(violation: Violation, value: JSON, schema: Schema) -> tuple[str, _Side]:
    """Say at which value a violation stands, and on which side of it."""
    if violation.keyword in _LACKING:
        return violation.pointer, "close"
    if violation.keyword in _UNEXPECTED:
        key = _unexpected_key(violation.pointer, value, schema)
        if key is not None:
            return violation.pointer + pointer_token(key), "key"
    return violation.pointer, "start"


def _unexpected_key(pointer: str, value: JSON, schema: Schema) -> str | None:
    """Return the first key that the schema does not name, of the object at `pointer`; `None` if not known."""
    here, part = expected(schema), value
    for key in keys_of(pointer):
        if isinstance(part, list):
            here, part = here.item(int(key)), part[int(key)]
        else:
            here, part = here.key(key), cast("dict[str, JSON]", part)[key]
    keys = cast("dict[str, JSON]", part)
    return next((key for key in keys if not here.key(key).known), None)


def _offset(place: Place, side: _Side) -> int:
    match side:
        case "key":
            return place.key
        case "start":
            return place.start
        case "close":
            return place.end - 1
