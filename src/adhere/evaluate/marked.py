"""A JSON value spelled over several lines, each leaf marked with its fate against the gold."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from adhere.records import JSON
from adhere.reward.match import Fate, Path

_INDENT = "  "


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the spelling that has one fate."""

    text: str
    fate: Fate | None = None
    """`None` for what is no leaf: brackets, commas, keys of objects and lists."""


def marked(value: JSON, fates: Mapping[Path, Fate]) -> Iterator[Piece]:
    """Spell `value` as indented JSON; the pieces together are the text.

    Pure.

    Args:
        value: An answer or a gold.
        fates: Of its leaves, by path; a leaf that is not there has none.
    """
    return _pieces("", value, (), fates)


def _pieces(lead: str, value: JSON, path: Path, fates: Mapping[Path, Fate]) -> Iterator[Piece]:
    """Spell a value after `lead`, which is its key where it has one."""
    match value:
        case dict() if value:
            yield Piece(f"{lead}{{")
            children = [(f"{_spelled(key)}: ", (*path, key), child) for key, child in value.items()]
            yield from _lines(children, len(path), fates)
            yield Piece("}")
        case list() if value:
            yield Piece(f"{lead}[")
            yield from _lines(
                [("", (*path, index), child) for index, child in enumerate(value)], len(path), fates
            )
            yield Piece("]")
        case _:
            yield Piece(f"{lead}{_spelled(value)}", fates.get(path))


def _lines(children: list[tuple[str, Path, JSON]], depth: int, fates: Mapping[Path, Fate]) -> Iterator[Piece]:
    margin = "\n" + _INDENT * (depth + 1)
    for place, (lead, path, child) in enumerate(children):
        yield Piece(f",{margin}" if place else margin)
        yield from _pieces(lead, child, path, fates)
    yield Piece("\n" + _INDENT * depth)


def _spelled(leaf: JSON) -> str:
    return json.dumps(leaf, ensure_ascii=False)
