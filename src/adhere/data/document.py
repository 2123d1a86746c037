"""A text, and where it states what."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from adhere.text.numerals import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A text that was written to state values."""

    text: str
    spans: Mapping[str, Span]
    """Where it states each leaf of the target, by JSON pointer: from a character to before another. A leaf
    that the schema leaves no choice about, or that says that there is nothing, has none."""
    template: str
    """Names the wording: texts in the same one differ in their values alone."""
    distractors: int = 0
    """Facts that it states and that no leaf asks for."""


class Draft:
    """A text being written, which remembers where it states what."""

    __slots__ = ("_length", "_parts", "_spans", "_wording")

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._spans: dict[str, Span] = {}
        self._wording: list[str] = []

    def write(self, words: str) -> None:
        """Append words that state no leaf."""
        self._parts.append(words)
        self._wording.append(words)
        self._length += len(words)

    def aside(self, surface: str) -> None:
        """Append a value that is no leaf's, or what its length decides: it is no part of the wording."""
        self._parts.append(surface)
        self._length += len(surface)

    def state(self, pointer: str, surface: str) -> None:
        """Append a leaf's value in the words of the text; the first statement of it is the one remembered."""
        self._spans.setdefault(pointer, (self._length, self._length + len(surface)))
        self._parts.append(surface)
        self._wording.append(pointer)
        self._length += len(surface)

    @property
    def wording(self) -> str:
        """16 hexadecimal digits, the same for texts that differ in their values alone."""
        return blake2b("\0".join(self._wording).encode(), digest_size=8).hexdigest()

    def document(self, *, template: str, distractors: int = 0) -> Document:
        """Return what was written."""
        return Document(
            text="".join(self._parts), spans=self._spans, template=template, distractors=distractors
        )
