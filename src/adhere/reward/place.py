"""Where in a JSON text a value stands."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from adhere.schema.places import pointer_token

_DECODER = json.JSONDecoder()
_BLANKS = re.compile(r"[ \t\n\r]*")
_Tree: TypeAlias = "dict[str, _Tree]"
"""Pointers by their first step, slash included."""


@dataclass(frozen=True, slots=True)
class Place:
    """Offsets of a value in a text, in characters."""

    key: int
    """Where its key begins; of a value without a key, where it begins itself."""
    start: int
    end: int
    """Exclusive."""


def places_in(text: str, pointers: Collection[str]) -> Mapping[str, Place]:
    """Find values by their JSON pointers; a pointer at which nothing stands is left out.

    Pure. Linear in the lengths of the text and of all pointers together.

    Args:
        text: What `parse_json` reads as a value.
        pointers: As in RFC 6901; the empty one is the whole value.
    """
    tree: _Tree = {}
    for pointer in pointers:
        at = tree
        for step in pointer.split("/")[1:]:
            at = at.setdefault(f"/{step}", {})
    search = _Search(text)
    start = search.skip_blanks(0)
    search.value("", tree, key=start, start=start)
    return {pointer: search.found[pointer] for pointer in pointers if pointer in search.found}


class _Search:
    """One pass over a text; values that no pointer leads into are passed over whole."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: dict[str, Place] = {}

    def value(self, pointer: str, tree: _Tree, *, key: int, start: int) -> int:
        """Note the value that begins at `start` and those inside that the tree asks for; return its end."""
        opening = self.text[start] if tree else ""
        if opening == "{":
            end = self._object(pointer, tree, start)
        elif opening == "[":
            end = self._list(pointer, tree, start)
        else:
            _, end = _DECODER.raw_decode(self.text, start)
        self.found[pointer] = Place(key, start, end)
        return end

    def skip_blanks(self, at: int) -> int:
        found = _BLANKS.match(self.text, at)
        return found.end() if found else at

    def _object(self, pointer: str, tree: _Tree, start: int) -> int:
        at = self.skip_blanks(start + 1)
        while self.text[at] != "}":
            name, end = _DECODER.raw_decode(self.text, at)
            colon = self.skip_blanks(end)
            end = self._member(pointer, pointer_token(name), tree, key=at, start=self.skip_blanks(colon + 1))
            at = self._after_comma(end)
        return at + 1

    def _list(self, pointer: str, tree: _Tree, start: int) -> int:
        at, index = self.skip_blanks(start + 1), 0
        while self.text[at] != "]":
            at = self._after_comma(self._member(pointer, f"/{index}", tree, key=at, start=at))
            index += 1
        return at + 1

    def _member(self, pointer: str, step: str, tree: _Tree, *, key: int, start: int) -> int:
        if step in tree:
            return self.value(pointer + step, tree[step], key=key, start=start)
        _, end = _DECODER.raw_decode(self.text, start)
        return end

    def _after_comma(self, at: int) -> int:
        """Return where the next member begins, or the bracket that closes."""
        at = self.skip_blanks(at)
        return self.skip_blanks(at + 1) if self.text[at] == "," else at
