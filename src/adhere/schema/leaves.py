"""The leaves of a value: what it says, and where."""

from collections.abc import Iterator
from typing import TypeAlias

from adhere.records import JSON
from adhere.schema.places import pointer_of, pointer_token

Path: TypeAlias = tuple[str | int, ...]
"""Keys and list indexes from the root to a value."""

_NUMBERS = frozenset({int, float})
"""Types that are compared by value; bool is none of them."""


def leaves(value: JSON) -> Iterator[tuple[str, JSON]]:
    """Flatten a value to its leaves, each with its JSON pointer, in the order in which they are written.

    Leaves are strings, numbers, booleans, nulls and empty lists and objects.

    Source: RFC 6901.
    """
    return ((pointer_of(path), leaf) for path, leaf in leaves_at(value))


def leaves_at(value: JSON, path: Path = ()) -> Iterator[tuple[Path, JSON]]:
    """Flatten a value that stands at `path`."""
    waiting: list[tuple[Path, JSON]] = [(path, value)]
    while waiting:
        at, node = waiting.pop()
        match node:
            case dict() if node:
                waiting += [((*at, key), child) for key, child in reversed(node.items())]
            case list() if node:
                waiting += [((*at, index), node[index]) for index in reversed(range(len(node)))]
            case _:
                yield at, node


def fields(value: JSON) -> frozenset[str]:
    """Return the fields of a value: the pointers of its leaves with `*` for every list index."""
    found: set[str] = set()
    waiting: list[tuple[str, JSON]] = [("", value)]
    while waiting:
        field, node = waiting.pop()
        match node:
            case dict() if node:
                waiting += [(field + pointer_token(key), part) for key, part in node.items()]
            case list() if node:
                waiting += [(f"{field}/*", part) for part in node]
            case _:
                found.add(field)
    return frozenset(found)


def is_leaf(value: JSON) -> bool:
    """Whether a value has nothing inside it."""
    return not (isinstance(value, list | dict) and value)


def leaf_count(value: JSON) -> int:
    """Count the leaves of a value; at least 1."""
    if isinstance(value, dict) and value:
        return sum(map(leaf_count, value.values()))
    if isinstance(value, list) and value:
        return sum(map(leaf_count, value))
    return 1


def equal(one: JSON, other: JSON) -> bool:
    """Whether two leaves are equal: numbers by value, strings exactly, true not as 1, {} not as []."""
    if type(one) is type(other):
        return one == other
    return type(one) in _NUMBERS and type(other) in _NUMBERS and one == other


def comparand(leaf: JSON) -> tuple[str, object]:
    """Spell a leaf so that the spellings of equal ones are equal, and of no others."""
    match leaf:
        case bool():
            return "boolean", leaf
        case int() | float():
            return "number", leaf
        case list() | dict():
            return type(leaf).__name__, None
        case _:
            return "string or null", leaf


def field_of(path: Path) -> str:
    """Spell a path as the pointer of its field: `*` stands for every list index."""
    return pointer_of(["*" if isinstance(step, int) else step for step in path])
