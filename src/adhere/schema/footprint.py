"""How much memory a schema takes once it is read and compiled."""

from collections.abc import Iterator
from functools import lru_cache

from jsonschema_rs import RegexOptions, ValidationError, validator_for

from adhere.records import JSON
from adhere.schema.limits import is_recursive, patterns
from adhere.schema.reference import References

# Measured on CPython 3.11 and jsonschema-rs 0.60, as growth of the process over some hundred schemas of each
# kind: flat and nested objects, lists of options, patterns, references to one definition, schemas within
# themselves.
_PER_BYTE = 16
_PER_SCHEMA = 2 * 1024
_PER_SCHEMA_WITHIN_ITSELF = 12 * 1024
"""Such a schema is compiled twice more, to explain what breaks it."""
_PER_LEAF = 256
_PER_PATTERN = 8 * 1024
_LIMITS = tuple(2**power for power in range(12, 24, 2))
"""Bytes of a compiled pattern that are tried."""
_LARGEST = 10 * 2**20
"""Bytes of the largest pattern that jsonschema-rs compiles."""


def footprint(source: dict[str, JSON], *, size: int, leaves: int) -> int:
    """Estimate the bytes that a schema takes in memory, mostly too high.

    Args:
        source: A schema that adhere accepts.
        size: Bytes of its canonical text.
        leaves: How many it has, once every reference is written out.
    """
    references = References(source)
    schemas = len(references.places)
    per_schema = _PER_SCHEMA_WITHIN_ITSELF if is_recursive(references) else _PER_SCHEMA
    of_patterns = sum(map(_of_pattern, set(_patterns(references))))
    return _PER_BYTE * size + per_schema * schemas + _PER_LEAF * leaves + of_patterns


def _patterns(references: References) -> Iterator[str]:
    for place in references.places.values():
        if isinstance(place.schema, dict):
            yield from (pattern for _, pattern in patterns(place.schema))


@lru_cache(maxsize=1024)
def _of_pattern(pattern: str) -> int:
    """Return the least limit under which a pattern compiles: a few characters can take megabytes."""
    return _PER_PATTERN + next((limit for limit in _LIMITS if _fits(pattern, limit)), _LARGEST)


def _fits(pattern: str, limit: int) -> bool:
    try:
        validator_for({"pattern": pattern}, pattern_options=RegexOptions(size_limit=limit))
    except ValidationError:
        return False
    return True
