"""What of a target its text states, and the wording that is left of the text without it."""

from collections.abc import Sequence
from dataclasses import dataclass

from adhere.data.reasoning.origins import Leaf, Origins, holders, origins
from adhere.records import JSON, Example
from adhere.schema import Schema
from adhere.schema.leaves import field_of
from adhere.text.dates import is_date
from adhere.text.page import WORD

_HOLE = "\0"
_FEWEST_WORDS = 3
"""A wording of fewer words, such as `play` before a name, is everybody's."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A leaf that a text should state."""

    field: str
    """Its pointer, with `*` for every list index."""
    pointer: str
    value: JSON
    is_stated: bool

    @property
    def is_exact(self) -> bool:
        """Whether there are few ways to say it: a number or a date, and not a name or a word of a list."""
        value = self.value
        if isinstance(value, str):
            return is_date(value)
        return isinstance(value, int | float) and not isinstance(value, bool)


def is_prose(example: Example) -> bool:
    """Whether a row asks for free text in its own words, and not for values that stand in its text."""
    said = example.meta.get("instruction")
    return isinstance(said, str) and bool(said.strip()) and isinstance(example.target, str | None)


def read(example: Example, schema: Schema) -> tuple[list[Statement], str | None]:
    """Look a target's leaves up in the text, and return the wording around those that were found.

    null, empty values and what the schema leaves no choice about need not be stated. The wording is the
    `template` of the example's `meta`, where whoever made it says so; otherwise the text with holes for the
    values that it states, and `None` if it states none or has hardly a word besides. Of prose nothing need be
    stated.
    """
    held = () if is_prose(example) else tuple(holders(example.target, schema))
    found = origins(example, held)
    statements = [
        Statement(_field(holder.path, holder.node, leaf), leaf.pointer, leaf.value, leaf.pointer in found)
        for holder in held
        for leaf in holder.leaves
        if leaf.needs_origin
    ]
    given = example.meta.get("template")
    return statements, given if isinstance(given, str) else _wording(example.text, found)


def _field(path: Sequence[str | int], node: JSON, leaf: Leaf) -> str:
    if isinstance(node, list):
        return f"{field_of(tuple(path))}/*"
    return field_of(tuple(path)) + leaf.pointer[leaf.pointer.rfind("/") :] if leaf.pointer else ""


def _wording(text: str, found: Origins) -> str | None:
    parts: list[str] = []
    after = 0
    for start, end in sorted({origin.span for origin in found.values()}):
        parts += [text[after:start], _HOLE]
        after = max(after, end)
    wording = "".join([*parts, text[after:]])
    return wording if parts and len(WORD.findall(wording)) >= _FEWEST_WORDS else None
