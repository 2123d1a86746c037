"""Of which type a leaf is: what metrics are broken down by."""

from typing import Literal, TypeAlias

from adhere.records import JSON
from adhere.schema.leaf import Leaf

LeafType: TypeAlias = Literal["string", "enum", "date", "integer", "number", "boolean", "null", "empty"]

_DATES = frozenset({"date", "date-time", "time"})
"""Formats of a string that say when something is."""


def leaf_type(value: JSON, leaf: Leaf | None) -> LeafType:
    """Name the type of a leaf: by the schema where it says more than the value, and else by the value.

    Args:
        value: A string, number, boolean or null, or an empty list or object.
        leaf: What the schema says of its field; `None` where it names no such field.
    """
    if value is None:
        return "null"
    if isinstance(value, list | dict):
        return "empty"
    if leaf is not None and leaf.enum is not None:
        return "enum"
    match value:
        case bool():
            return "boolean"
        case str():
            return "date" if leaf is not None and leaf.format in _DATES else "string"
        case int() | float():
            return _number_type(value, leaf)


def _number_type(value: int | float, leaf: Leaf | None) -> Literal["integer", "number"]:
    """Tell 3 kg from 3 pieces: where the schema asks for a number, 3 is one."""
    asked = () if leaf is None else leaf.type.split("|")
    if "number" in asked or "integer" in asked:
        return "number" if "number" in asked else "integer"
    return "integer" if isinstance(value, int) or value.is_integer() else "number"
