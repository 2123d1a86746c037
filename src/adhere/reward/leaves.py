"""The leaves of a value: what it says, and where."""

from collections.abc import Iterator
from typing import TypeAlias

from adhere.records import JSON
from adhere.schema.places import pointer_of

Path: TypeAlias = tuple[str | int, ...]
"""Keys and list indexes from the root to a value."""


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


def field_of(path: Path) -> str:
    """Spell a path as the pointer of its field: `*` stands for every list index."""
    return pointer_of(["*" if isinstance(step, int) else step for step in path])
