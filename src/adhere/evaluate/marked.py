"""A JSON value spelled over several lines, in pieces that say which of them are leaves."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from adhere.records import JSON
from adhere.schema.leaves import Path

_INDENT = "  "


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the spelling: a leaf with its key, or what stands between leaves."""

    text: str
    path: Path | None = None
    """Of the leaf; `None` for what is none: brackets, commas, keys of objects and lists."""


def marked(value: JSON) -> Iterator[Piece]:
    """Spell `value` as indented JSON; the pieces together are the text.

    Pure.
    """
    between: list[str] = []
    for piece in _pieces("", value, ()):
        if piece.path is None:
            between.append(piece.text)
            continue
        if between:
            yield Piece("".join(between))
            between.clear()
        yield piece
    if between:
        yield Piece("".join(between))


def _pieces(lead: str, value: JSON, path: Path) -> Iterator[Piece]:
    """Spell a value after `lead`, which is its key where it has one."""
    match value:
        case dict() if value:
            yield Piece(f"{lead}{{")
            children = [(f"{_spelled(key)}: ", (*path, key), child) for key, child in value.items()]
            yield from _lines(children, len(path))
            yield Piece("}")
        case list() if value:
            yield Piece(f"{lead}[")
            yield from _lines([("", (*path, index), child) for index, child in enumerate(value)], len(path))
            yield Piece("]")
        case _:
            yield Piece(f"{lead}{_spelled(value)}", path)


def _lines(children: list[tuple[str, Path, JSON]], depth: int) -> Iterator[Piece]:
    margin = "\n" + _INDENT * (depth + 1)
    for place, (lead, path, child) in enumerate(children):
        yield Piece(f",{margin}" if place else margin)
        yield from _pieces(lead, child, path)
    yield Piece("\n" + _INDENT * depth)


def _spelled(leaf: JSON) -> str:
    return json.dumps(leaf, ensure_ascii=False)
