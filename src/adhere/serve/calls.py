"""A call of a tool, read while it is being written."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

_HEAD = re.compile(
    r'(?:\s*<tool_call>\s*)?\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*(?=\S)'
)


@dataclass(frozen=True, slots=True)
class Said:
    """Text beside or instead of a call."""

    text: str


@dataclass(frozen=True, slots=True)
class Named:
    """Which tool is called."""

    name: str


@dataclass(frozen=True, slots=True)
class Argued:
    """A further piece of the arguments, in JSON."""

    text: str


Part: TypeAlias = Said | Named | Argued


class CallReader:
    """Tells the parts of an answer that may be a call, piece by piece."""

    def __init__(self) -> None:
        self._held = ""
        """What may yet become either."""
        self._is_text = False
        self.name: str | None = None
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._closed = False

    def read(self, piece: str) -> Iterator[Part]:
        """Yield what a further piece of the answer adds."""
        if self._is_text:
            yield Said(piece)
        elif self.name is not None:
            yield from self._argued(piece)
        else:
            self._held += piece
            yield from self._decided()

    def rest(self) -> Iterator[Part]:
        """Yield what was held back of an answer that is over."""
        if self._held:
            yield Said(self._held)
            self._held = ""

    def _decided(self) -> Iterator[Part]:
        head = _HEAD.match(self._held)
        if head:
            self.name = json.loads(head[1])
            yield Named(self.name or "")
            rest, self._held = self._held[head.end() :], ""
            yield from self._argued(rest)
        elif not self._may_be_call():
            self._is_text = True
            yield from self.rest()

    def _may_be_call(self) -> bool:
        bare, tagged = self._held, self._held.lstrip()
        pairs = ((bare, '{"name":'), (tagged, "<tool_call>"))
        return any(text.startswith(opening) or opening.startswith(text) for text, opening in pairs)

    def _argued(self, piece: str) -> Iterator[Part]:
        """Yield what belongs to the arguments: up to the bracket that closes them."""
        if self._closed:
            return
        for place, character in enumerate(piece):
            if self._escaped:
                self._escaped = False
            elif character == "\\":
                self._escaped = self._in_string
            elif character == '"':
                self._in_string = not self._in_string
            elif not self._in_string and character in "{[":
                self._depth += 1
            elif not self._in_string and character in "}]":
                self._depth -= 1
                if not self._depth:
                    self._closed = True
                    piece = piece[: place + 1]
                    break
        if piece:
            yield Argued(piece)
