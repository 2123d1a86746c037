"""Pieces of wording, and which of them the texts of a side may use."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar, cast

from adhere.data.side import Side

_T = TypeVar("_T")
_FIELD = re.compile(r"\{(\w+)\}")
_LABELS: Mapping[str, Callable[[str], str]] = {
    "l": str,
    "L": lambda label: label[:1].upper() + label[1:],
    "U": str.upper,
    "T": lambda label: " ".join(word[:1].upper() + word[1:] for word in label.split()),
    "K": lambda label: label.replace(" ", "_"),
}
"""How a piece spells a label: as it is, capitalised, in capitals, each word capitalised, or as a key."""


class Form(NamedTuple):
    """How a fact is put: its value among other words, with its label before it, after it, or not at all."""

    before: str
    between: str
    after: str
    case: str
    """How the label is spelled; empty where there is none."""
    label_first: bool

    @staticmethod
    def of(spelled: str) -> "Form":
        """Read a piece such as `The {l} is {s}.`, where `{l}` is the label and `{s}` the value."""
        before, *rest = _FIELD.split(spelled)
        if len(rest) == 2:
            return Form(before, "", rest[1], "" if rest[0] == "s" else rest[0], label_first=True)
        first, between, second, after = rest
        label_first = second == "s"
        return Form(before, between, after, first if label_first else second, label_first=label_first)

    def around(self, label: str) -> tuple[str, str]:
        """Return the words before a value and those after it."""
        if not self.case:
            return self.before, self.after
        name = _LABELS[self.case](label)
        if not self.label_first:
            return self.before, self.between + name + self.after
        # `line 2 500` would read as one number.
        between = ": " if self.between == " " and name[-1:].isdigit() else self.between
        return self.before + name + between, self.after


class Blanks(NamedTuple):
    """Words with places to fill in."""

    parts: tuple[str, ...]
    """Words and names of places in turn; words begin and end."""

    @staticmethod
    def of(spelled: str) -> "Blanks":
        """Read a piece such as `From: {person}`."""
        return Blanks(tuple(_FIELD.split(spelled)))

    @property
    def places(self) -> tuple[str, ...]:
        """Names of the places, in their order."""
        return self.parts[1::2]


class Pieces(Generic[_T]):
    """Wordings of one thing, any of which may be used for it.

    Where wordings are held apart, each belongs to one side by its own spelling.
    """

    __slots__ = ("read", "spelled")

    def __init__(self, read: Callable[[str], _T], *spelled: str) -> None:
        self.read = read
        self.spelled = spelled


class Wording:
    """The pieces that the texts of a side may use."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._admitted: dict[object, tuple[object, ...]] = {}

    def admits(self, spelled: str) -> bool:
        """Whether a piece may be used, by its spelling."""
        return self._side.admits("template", spelled)

    def of(self, pieces: Pieces[_T]) -> tuple[_T, ...]:
        """Return those of some pieces that may be used; there may be none."""
        found = self._admitted.get(pieces)
        if found is None:
            found = tuple(pieces.read(each) for each in pieces.spelled if self.admits(each))
            self._admitted[pieces] = found
        return cast("tuple[_T, ...]", found)

    def renamed(self) -> str:
        """Return what a field is called that can be told by its looks alone; empty for its own name."""
        return ""


@lru_cache(maxsize=16)
def wording(side: Side) -> Wording:
    """Return the pieces of a side; remembered, because every text asks for them."""
    return Wording(side)
