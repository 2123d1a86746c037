"""Examples as rows, in the order of their numbers, made here or by worker processes."""

import hashlib
from collections.abc import Generator, Iterator
from dataclasses import fields, replace
from itertools import count
from typing import NamedTuple

from adhere.config import SynthConfig
from adhere.data import store
from adhere.data.asked import source_of
from adhere.data.difficulty import Difficulty, difficulty
from adhere.data.side import Side
from adhere.data.source import Source
from adhere.data.workers import in_turn
from adhere.records import JSON, Example
from adhere.schema import Schema
from adhere.schema.canonical import canonical

CHUNK = 16
"""Rows made at a time. Several chunks fit into a pipe, so that a worker need not wait for its turn."""
_MEASURES = tuple(field.name for field in fields(Difficulty))


class Made(NamedTuple):
    """A row as it is written."""

    marks: tuple[int, ...]
    """Of the text and of the target; a row that shares one with another repeats it."""
    line: bytes


def marks(text: str, target: JSON) -> tuple[int, ...]:
    """Return 64 bits for a text and, where there is one, 64 for a target, equal if those are.

    Among two million texts and targets, one is taken for another's repeat with a chance of one in nine
    million: n² / 2 / 2⁶⁴.
    """
    spellings = (text,) if target is None else (text, canonical(target))
    return tuple(_digest(spelling) for spelling in spellings)


def _digest(spelling: str) -> int:
    return int.from_bytes(hashlib.blake2b(spelling.encode(), digest_size=8).digest(), "big")


def chunk(source: Source, side: Side, start: int) -> list[Made]:
    """Make the rows of `CHUNK` numbers from `start` on."""
    examples = (source.example(number, side) for number in range(start, start + CHUNK))
    return [_made(example, source.schemas[example.schema]) for example in examples]


def _made(example: Example, schema: Schema) -> Made:
    if example.target is not None and not schema.obeys(example.target):
        raise AssertionError(f"{example.id} breaks its schema: {schema.violations(example.target)}")
    measured = difficulty(example)
    meta = {**example.meta, "difficulty": {name: getattr(measured, name) for name in _MEASURES}}
    return Made(marks(example.text, example.target), store.line(replace(example, meta=meta)))


class Making(NamedTuple):
    """What one of several workers does: it makes every so manieth chunk."""

    config: SynthConfig
    side: Side
    start: int
    """Number of its first row."""
    step: int
    """From the first row of a chunk to that of its next."""

    def chunks(self) -> Iterator[list[Made]]:
        """Yield them, without end."""
        source = source_of(self.config)
        for start in count(self.start, self.step):
            yield chunk(source, self.side, start)


def rows(config: SynthConfig, source: Source, side: Side, start: int) -> Generator[Made]:
    """Yield the rows of a side from the number `start` on, without end; the same, however many workers.

    Workers start with the first row, and end when the generator is closed.

    Args:
        config: Says how many workers, and what source they use.
        source: The same one.
        side: The side.
        start: A number.

    Raises:
        AdhereError: The source has no such example.
        ChildProcessError: A worker was ended from outside, or by a fault of ours that it has printed.
    """
    if config.workers == 1:
        for first in count(start, CHUNK):
            yield from chunk(source, side, first)
    step = CHUNK * config.workers
    yield from in_turn([Making(config, side, first, step) for first in range(start, start + step, CHUNK)])
