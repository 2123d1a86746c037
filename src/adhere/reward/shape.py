"""How much of a schema a value that breaks it still obeys."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence

from adhere.schema import Schema, Violation
from adhere.schema.kept import Kept
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
    tree = _tree(schema)
    out_of_order: set[int] = set()
    strays = 0
    for violation in violations:
        steps = _place(violation)
        touched = set[int]() if steps is None else tree.touched(steps)
        out_of_order |= touched
        strays += not touched
    return (len(schema.leaves) - len(out_of_order)) / (len(schema.leaves) + strays)


class _Tree:
    """The leaves of a schema, by the steps to them.

    Args:
        leaves: The number of each, with the steps that are still to be taken to it.
    """

    def __init__(self, leaves: Iterable[tuple[int, Sequence[str]]]) -> None:
        below: dict[str, list[tuple[int, Sequence[str]]]] = defaultdict(list)
        self.here: set[int] = set()
        """Leaves at this very place."""
        self.all: set[int] = set()
        """Those, and all leaves below."""
        for number, steps in leaves:
            self.all.add(number)
            if steps:
                below[steps[0]].append((number, steps[1:]))
            else:
                self.here.add(number)
        self._below = {step: _Tree(inner) for step, inner in below.items()}

    def touched(self, steps: Sequence[str]) -> set[int]:
        """Return the leaves at, above and below a place, where `*` in a leaf stands for any step."""
        if not steps:
            return self.all
        found = set(self.here)
        for step in {steps[0], "*"}:
            if step in self._below:
                found |= self._below[step].touched(steps[1:])
        return found


_TREES = Kept[_Tree](most=16 * 2**20)
_PER_LEAF = 1024
"""Bytes, at a few steps to each leaf; measured on CPython 3.11."""


def _tree(schema: Schema) -> _Tree:
    def grown() -> tuple[_Tree, int]:
        steps = ((number, leaf.pointer.split("/")) for number, leaf in enumerate(schema.leaves))
        return _Tree(steps), _PER_LEAF * (1 + len(schema.leaves))

    return _TREES.get(schema.hash, grown)


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
