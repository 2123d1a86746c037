"""What a grammar is made of: the schema, without what is seen to beside it, and with what keeps it finite."""

from typing import TYPE_CHECKING, Any, cast

from adhere.records import JSON
from adhere.schema.unique import without_unique_items

if TYPE_CHECKING:
    from llguidance._lib import JsonCompileOptions  # a shape that stands in the stub file only

COMPACT: "JsonCompileOptions" = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
"""The spelling that answers are trained on; free whitespace would let a model write blanks for ever."""
LOOSE: "JsonCompileOptions" = {**COMPACT, "lenient": True, "coerce_one_of": True}
"""The same, without what cannot be guaranteed."""
_LITERALS = frozenset({"enum", "const", "default", "examples"})
"""Keywords whose values are data, not schemas."""
_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
"""Keywords whose values hold schemas by names of the user's, which may be those of keywords."""
_NARROWED = {
    "date-time": r"^[^:]*:[^:]*:[0-5]",
    "time": r"^[^:]*:[^:]*:[0-5]",
    "email": r"^[^@]{1,64}@[^.@]{1,45}(\.[^.@]{1,45}){0,3}$",
    "hostname": r"^[^.]{1,62}(\.[^.]{1,62}){0,3}$",
}
"""What llguidance writes of a format beyond what a validator takes is left out: the second 60 at any time of
the day, and addresses and names that are too long.

Source: RFC 3339 section 5.7, RFC 5321 section 4.5.3.1, RFC 1035 section 2.3.4.
"""
_LARGEST = 1e15
"""Numbers without a bound get this one: a grammar of digits would let a model write numbers past the largest
double."""


def rules(source: dict[str, JSON]) -> dict[str, Any]:  # Any: llguidance takes a dict of anything
    """Return a schema for a grammar: every number has both bounds, and formats are narrowed.

    It admits nothing that the given one does not, but for lists with equal items.
    """
    return cast("dict[str, Any]", _with_finite_numbers(without_unique_items(source)))


def _with_finite_numbers(node: JSON) -> JSON:
    if isinstance(node, list):
        return [_with_finite_numbers(item) for item in node]
    if not isinstance(node, dict):
        return node
    bounded = {key: _within(key, value) for key, value in node.items()}
    named = node.get("format")
    if isinstance(named, str) and named in _NARROWED:
        others = bounded.get("allOf", [])
        bounded["allOf"] = [*(others if isinstance(others, list) else []), {"pattern": _NARROWED[named]}]
    kinds = node.get("type")
    if {"number", "integer"}.isdisjoint(kinds if isinstance(kinds, list) else [kinds]):
        return bounded
    if {"minimum", "exclusiveMinimum"}.isdisjoint(node):
        bounded["minimum"] = -_LARGEST
    if {"maximum", "exclusiveMaximum"}.isdisjoint(node):
        bounded["maximum"] = _LARGEST
    return bounded


def _within(keyword: str, value: JSON) -> JSON:
    if keyword in _LITERALS:
        return value
    if keyword in _NAMED and isinstance(value, dict):
        return {name: _with_finite_numbers(schema) for name, schema in value.items()}
    return _with_finite_numbers(value)
