"""Keys of prompts that were read, for prompts to come that begin alike.

They are kept by blocks of tokens, each behind the one before it, so that what many prompts begin with, such
as a form and what is said of it, is kept once.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from threading import Lock
from typing import TypeAlias

from adhere.decode.keys import Keys, Run
from adhere.decode.reading import LEAST

BLOCK = 16
"""Tokens: a beginning is found to the last whole block of it."""
_START = 0
"""Number of what stands before every prompt's first block."""
_Name: TypeAlias = tuple[int, tuple[int, ...]]
"""The number of the block before, and the tokens."""


@dataclass(frozen=True, slots=True)
class _Block:
    number: int
    """Its own; a block that was dropped and comes again gets another."""
    keys: Run
    bytes: int


class Archive:
    """Holds blocks up to a number of bytes, those that were asked for last; threads may share it."""

    def __init__(self, most: int) -> None:
        """Hold nothing yet.

        Args:
            most: Bytes that it may hold.
        """
        self._most, self._bytes = most, 0
        self._numbers = count(_START + 1)
        self._blocks: OrderedDict[_Name, _Block] = OrderedDict()
        """What was asked for last stands at the end."""
        self._lock = Lock()

    @property
    def bytes(self) -> int:
        """What it holds."""
        return self._bytes

    def find(self, prompt: tuple[int, ...]) -> list[Run]:
        """Return the keys of the blocks that a prompt begins with, without its last token.

        That is read in any case. None are returned where they are too little of the prompt, see `LEAST`.
        """
        with self._lock:
            names = self._known(prompt[:-1])
            self._touch(names)
            is_enough = len(names) * BLOCK >= LEAST * len(prompt)
            return [self._blocks[name].keys for name in names] if is_enough else []

    def keep(self, prompt: tuple[int, ...], keys: Keys, place: int) -> None:
        """Keep a copy of what is new of a prompt's keys, which stand in a place; drop what is too much."""
        with self._lock:
            names = self._known(prompt)
            before = self._blocks[names[-1]].number if names else _START
            for start in range(len(names) * BLOCK, len(prompt) - BLOCK + 1, BLOCK):
                run = keys.copy(place, start, start + BLOCK)
                block = _Block(next(self._numbers), run, _bytes(run))
                names.append((before, prompt[start : start + BLOCK]))
                self._blocks[names[-1]] = block
                self._bytes += block.bytes
                before = block.number
            self._touch(names)
            while self._bytes > self._most:
                self._bytes -= self._blocks.popitem(last=False)[1].bytes

    def _known(self, prompt: tuple[int, ...]) -> list[_Name]:
        """Name the blocks that a prompt begins with."""
        names: list[_Name] = []
        before = _START
        for start in range(0, len(prompt) - BLOCK + 1, BLOCK):
            name = before, prompt[start : start + BLOCK]
            if name not in self._blocks:
                break
            names.append(name)
            before = self._blocks[name].number
        return names

    def _touch(self, names: Iterable[_Name]) -> None:
        """Let a prompt's blocks be dropped last, and its first after its others: these are no use without."""
        for name in reversed([*names]):
            self._blocks.move_to_end(name)


def _bytes(run: Run) -> int:
    return sum(tensor.nbytes for pair in run.values() for tensor in pair)
