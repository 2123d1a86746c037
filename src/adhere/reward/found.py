"""What a text has that could be copied into an answer, and an answer made of it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TypeVar

from adhere.records import JSON
from adhere.reward.mould import Mould, Slot, cast_from, number, string
from adhere.text.dates import dates
from adhere.text.numerals import Number, numbers

_NAME = re.compile(r"[A-Z]\w*(?:[ \t]+[A-Z]\w*)*")

_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True)
class Found:
    """What a text has that could be copied into an answer, in its order."""

    text: str
    words: tuple[str, ...]
    names: tuple[str, ...]
    """Runs of capitalised words, those of most words first."""
    numbers: tuple[Number, ...]
    dates: tuple[str, ...]
    """As ISO 8601."""
    lines: tuple[str, ...]
    """Lines and sentences."""


def find(text: str) -> Found:
    """List what a text has."""
    return Found(
        text=text,
        words=tuple(re.findall(r"\w+", text)),
        names=tuple(sorted(_NAME.findall(text), key=lambda name: -len(name.split()))),
        numbers=tuple(dict.fromkeys(value for value, _ in numbers(text))),
        dates=tuple(dict.fromkeys(day for day, _ in dates(text))),
        lines=tuple(line for line in re.split(r"\n+|(?<=[.!?])\s+", text) if line),
    )


def taken(shape: Mould, found: Found, *, start: int = 0, items: int = 1) -> JSON:
    """Fill a shape with what a text has of each kind, in turn: nothing is asked but the type.

    Args:
        shape: The shape of an answer.
        found: What the text has.
        start: How many of each kind to pass over first.
        items: How many items lists get.
    """
    names = in_turn(found.names or found.words or ("",), start)
    figures = in_turn(found.numbers or (0,), start)
    days = in_turn(found.dates or ("2000-01-01",), start)
    folded = found.text.casefold()

    def leaf(slot: Slot) -> JSON:
        options = slot.keywords.get("enum")
        if isinstance(options, list) and options:
            stated = (each for each in options if str(each).casefold() in folded)
            return next(stated, options[start % len(options)])
        if slot.keywords.get("format") == "date":
            return next(days)
        return string(slot, next(names)) if slot.kind == "string" else number(slot, next(figures))

    return cast_from(shape, leaf, items=items)


def in_turn(listed: Sequence[_Thing], start: int = 0) -> Iterator[_Thing]:
    """Yield things over and over, from the one at `start` on."""
    return islice(cycle(listed), start % len(listed), None)
