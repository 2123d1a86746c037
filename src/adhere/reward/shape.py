"""How much of a schema a value that breaks it still obeys."""

import json
from collections.abc import Sequence

from adhere.schema import Schema, Violation
from adhere.schema.places import pointer_token

_DECODER = json.JSONDecoder()
_UNEXPECTED = frozenset(
    {"additionalItems", "additionalProperties", "unevaluatedItems", "unevaluatedProperties"}
)


def share_in_order(violations: Sequence[Violation], schema: Schema) -> float:
    """Share of the schema's leaves that no violation touches, in [0, 1); 1 without violations.

    A violation touches the leaves of the schema at, above and below where it stands: a missing key, those
    at and below that key. One that touches none, such as a key that may not be there, counts as one more
    leaf, out of order. The leaves are the schema's and not the value's, so more items or more keys never
    raise the share.
    """
    if not violations:
        return 1.0
    leaves = [leaf.pointer.split("/") for leaf in schema.leaves]
    in_order = set(range(len(leaves)))
    strays = 0
    for violation in violations:
        steps = _place(violation)
        touched = {index for index, leaf in enumerate(leaves) if steps is not None and _meet(steps, leaf)}
        in_order -= touched
        strays += not touched
    return len(in_order) / (len(leaves) + strays)


def _place(violation: Violation) -> list[str] | None:
    """Steps to where a violation stands; `None` where it is a matter of keys that may not be there."""
    if violation.keyword in _UNEXPECTED:
        return None
    missing = _missing_key(violation) if violation.keyword == "required" else ""
    return f"{violation.pointer}{missing}".split("/")


def _missing_key(violation: Violation) -> str:
    """Step to the missing key, which the message begins with; none where it was too long to quote."""
    try:
        key, _ = _DECODER.raw_decode(violation.message)
    except json.JSONDecodeError:
        return ""
    return pointer_token(key)


def _meet(place: Sequence[str], leaf: Sequence[str]) -> bool:
    """Whether one of the two lies at or below the other."""
    return all(theirs in {mine, "*"} for mine, theirs in zip(place, leaf, strict=False))
