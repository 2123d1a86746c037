"""Exchanges values between rows: further rows for SFT, from rows whose texts have their values to the letter.

python recipes/nano/swap.py --data runs/card/snips/sft_rows --out runs/swapped --copies 1

A copy of a row has, in text and target alike, values of other rows that stand in the same field of the same
schema. So a model reads more values in each wording, and learns from the wording what a value is.
"""

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import NamedTuple

from adhere.data import store
from adhere.data.store import Dataset
from adhere.errors import AdhereError
from adhere.records import JSON, Example
from adhere.schema import Schema

Values = Mapping[tuple[str, str], Sequence[str]]
"""All that stands in a field, by schema and key; as often as it does."""
_KEPT = 0.5
"""Chance that a value stays, so that copies also keep what belongs together."""
_TRIES = 8
"""Draws of a copy that is new, before a row goes without one."""


class Stretch(NamedTuple):
    """Where a text has the value of a key."""

    start: int
    end: int
    key: str


def swapped(dataset: Dataset, *, copies: int, seed: int) -> Dataset:
    """Return the rows, and for each so many copies with other rows' values.

    A value is exchanged if its key stands at the top, it is a string, and the text has it once, as words of
    their own that no other value shares. A row without such a value, or of which no new copy is found, has
    fewer copies. Every target obeys its schema, and no text occurs twice among the copies or in both.

    Pure: the same rows, copies and seed give the same copies.
    """
    random = Random(seed)
    values = _values(dataset.examples)
    seen = {example.text for example in dataset.examples}
    made: list[Example] = []
    for example in dataset.examples:
        schema = dataset.schemas[example.schema]
        for number in range(1, copies + 1):
            copy = _copy(example, schema, values, random, seen)
            if copy is not None:
                seen.add(copy.text)
                made.append(replace(copy, id=f"{example.id}-swapped-{number}"))
    return Dataset(dataset.schemas, (*dataset.examples, *made))


def stretches(example: Example) -> tuple[Stretch, ...]:
    """Return where the text has values that can be exchanged, from left to right."""
    found = sorted(_found(example))
    return tuple(
        each
        for place, each in enumerate(found)
        if (place == 0 or found[place - 1].end <= each.start)
        and (place + 1 == len(found) or each.end <= found[place + 1].start)
    )


def _found(example: Example) -> Iterator[Stretch]:
    target = example.target if isinstance(example.target, dict) else {}
    for key, value in target.items():
        if isinstance(value, str) and value.strip():
            places = [*re.finditer(rf"(?<!\w){re.escape(value)}(?!\w)", example.text)]
            if len(places) == 1:
                yield Stretch(*places[0].span(), key)


def _values(examples: Sequence[Example]) -> Values:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for example in examples:
        for start, end, key in stretches(example):
            found[example.schema, key].append(example.text[start:end])
    return found


def _copy(example: Example, schema: Schema, values: Values, random: Random, seen: set[str]) -> Example | None:
    """Draw a copy whose text is new and whose target obeys, or `None` where none was found."""
    places = stretches(example)
    for _ in range(_TRIES if places else 0):
        copy = _drawn(example, places, values, random)
        if copy.text not in seen and not schema.violations(copy.target):
            return copy
    return None


def _drawn(example: Example, places: Sequence[Stretch], values: Values, random: Random) -> Example:
    assert isinstance(example.target, dict)
    text = example.text
    target: dict[str, JSON] = dict(example.target)
    # From the right, so that what is still to be exchanged stays where it is.
    for start, end, key in reversed(places):
        other = random.choice(values[example.schema, key])
        if random.random() >= _KEPT:
            text = text[:start] + other + text[end:]
            target[key] = other
    return replace(example, text=text, target=target)


def main() -> None:
    """Read a data directory, and write another with copies."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="a data directory")
    parser.add_argument("--out", type=Path, required=True, help="the directory to make")
    parser.add_argument("--copies", type=int, default=1, help="of each row")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    try:
        rows = swapped(store.read(given.data), copies=given.copies, seed=given.seed)
    except AdhereError as error:
        sys.exit(f"swap.py: {error}")
    given.out.mkdir(parents=True)
    store.write(rows, given.out)
    sys.stderr.write(f"{len(rows.examples)} rows\n")


if __name__ == "__main__":
    main()
