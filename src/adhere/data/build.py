"""Makes a data directory from a schema: distinct rows, a held-out split, sealed."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from itertools import islice

from mimesis.random import Random

from adhere import artifact
from adhere.config import SynthConfig
from adhere.data import prose, store
from adhere.data.fill import fill
from adhere.errors import DataError
from adhere.records import JSON, Example
from adhere.schema import Schema
from adhere.schema.canonical import canonical

HELD_OUT = "held_out.jsonl"
_MOST_REPEATS = 1000
"""So many rows in a row that were drawn before mean that the schema has no more to give."""


def example(schema: Schema, *, seed: int, number: int) -> Example:
    """Return the example of this number; the same arguments give the same one on any machine.

    Raises:
        SchemaError: The schema uses a keyword that values cannot be drawn for yet.
    """
    random = Random()
    digest = hashlib.sha256(f"{seed}:{schema.hash}:{number}".encode()).digest()
    random.seed(int.from_bytes(digest[:8], "big"))
    filled = fill(random, schema.source)
    text = prose.document(random, filled.stated)
    return Example(id=f"{schema.name}-{seed}-{number}", text=text, schema=schema.name, target=filled.target)


class Distinct:
    """Examples of one schema, no text and no target twice, whichever split they go to."""

    def __init__(self, schema: Schema, *, seed: int) -> None:
        self._schema = schema
        self._seed = seed
        self._number = 0
        self._seen: set[str] = set()
        self.dropped = 0
        """Rows that repeated an earlier one."""

    def __iter__(self) -> Iterator[Example]:
        """Yield examples until no new ones turn up.

        Raises:
            DataError: The schema admits too few distinct rows.
        """
        repeats = 0
        while repeats < _MOST_REPEATS:
            drawn = example(self._schema, seed=self._seed, number=self._number)
            self._number += 1
            marks = {drawn.text, canonical(drawn.target)}
            if not marks.isdisjoint(self._seen):
                self.dropped, repeats = self.dropped + 1, repeats + 1
                continue
            repeats = 0
            self._seen |= marks
            yield drawn
        raise DataError.at(
            self._schema.name,
            len(self._seen) // 2,
            f"after so many rows, {_MOST_REPEATS} in a row were repeats: the schema admits few values",
            fix="Ask for fewer rows, or give the schema a field of free text or numbers",
        )


def leaks(rows: Sequence[Example], held_out: Sequence[Example]) -> int:
    """Count the held-out rows whose text or target stands in one of `rows` too."""
    texts = {row.text for row in rows}
    targets = {canonical(row.target) for row in rows}
    return sum(row.text in texts or canonical(row.target) in targets for row in held_out)


def synth(config: SynthConfig) -> dict[str, JSON]:
    """Write `examples.jsonl`, `held_out.jsonl` where asked for, and `schemas.json`; return the summary."""
    schema = Schema.read(config.schema)
    began = time.monotonic()
    with artifact.writing(config.out, config, inputs=[config.schema]) as run:
        distinct = Distinct(schema, seed=config.seed)
        stream = iter(distinct)
        rows, held_out = tuple(islice(stream, config.rows)), tuple(islice(stream, config.held_out))
        for name, part in ((store.EXAMPLES, rows), (HELD_OUT, held_out)):
            if part:
                store.write(store.Dataset({schema.name: schema}, part), run.path, name)
        total = len(rows) + len(held_out)
        run.summary = {
            "rows": len(rows),
            "held_out": len(held_out),
            "duplicates_dropped": distinct.dropped,
            "leaks": leaks(rows, held_out),
            "rows_per_second": round(total / (time.monotonic() - began)),
        }
    return dict(run.summary)
