"""The two sides of a split, and what must not stand on both."""

from dataclasses import dataclass
from typing import Literal, TypeAlias
from zlib import crc32

from adhere.config import HoldOut

Split: TypeAlias = Literal["train", "held_out"]

_HELD_OUT_OF_256 = 64
"""A quarter of all wordings, shapes and values belong to the held-out side."""


@dataclass(frozen=True, slots=True)
class Side:
    """The split that an example is made for, and what its examples share with no other's."""

    split: Split = "train"
    apart: frozenset[HoldOut] = frozenset()

    def admits(self, kind: HoldOut, mark: str) -> bool:
        """Whether something may stand in an example of this side.

        What is held apart belongs to one side for good, by its spelling; everything else to both.

        Args:
            kind: What it is.
            mark: Names it: a template, the hash of a schema, or a value.
        """
        if kind not in self.apart:
            return True
        return (crc32(mark.encode()) >> 24 < _HELD_OUT_OF_256) == (self.split == "held_out")


EITHER = Side()
"""Nothing is held apart."""
