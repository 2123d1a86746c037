"""Makes a data directory: distinct rows and a held-out split, written as they come, then sealed."""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from adhere import artifact
from adhere.config import SynthConfig
from adhere.data import store
from adhere.data.asked import sides_of, source_of
from adhere.data.diversity import MOST_ROWS, diversity
from adhere.data.side import Side
from adhere.data.source import Source
from adhere.data.stream import CHUNK, Made, marks, rows
from adhere.errors import DataError
from adhere.progress import Advance, progress
from adhere.records import JSON

_MOST_REPEATS = 1000
"""So many rows in a row that were made before mean that there are no more."""


def synth(config: SynthConfig) -> dict[str, JSON]:
    """Write `examples.jsonl`, `held_out.jsonl` where asked for, and `schemas.json`; return the summary.

    No text and no target occurs twice, in whichever split. Rows are written as they are made, and a run that
    was cut short is gone on with; the bytes are the same, whether it was, and however many workers there are.

    Raises:
        ConfigError: `out` stands already, or another process is writing it.
        DataError: There are not so many distinct rows, or how one is read cannot be told.
        SchemaError: The schema is not one, or uses a keyword that values cannot be drawn for.
    """
    source = source_of(config)
    train, held_out = sides_of(config)
    began = time.monotonic()
    with artifact.resuming(config.out, config, inputs=inputs(config)) as run:
        store.write_schemas(source.schemas, run.path)
        seen: set[int] = set()
        parts = [Part(run.path / store.EXAMPLES, train, config.rows, seen)]
        parts += [Part(run.path / store.HELD_OUT, held_out, config.held_out, seen)] if config.held_out else []
        found = sum(part.rows for part in parts)
        with progress("synth", config.rows + config.held_out) as advance:
            advance("", found)
            for part in parts:
                part.write(config, source, advance)
        made = config.rows + config.held_out - found
        took = time.monotonic() - began
        first = (store.example(row, source.schemas) for row in store.rows(parts[0].file))
        run.notes = {"diversity": diversity(list(islice(first, MOST_ROWS)))}
        run.summary = {
            "rows": config.rows,
            "held_out": config.held_out,
            "duplicates_dropped": sum(part.dropped for part in parts),
            "leaks": leaks(*(_marks_in(part.file) for part in parts)),
            "rows_per_second": round(made / took),
            "bytes": sum(part.file.stat().st_size for part in parts),
            **run.notes,
        }
    return dict(run.summary)


def leaks(examples: Iterable[tuple[int, ...]], held_out: Iterable[tuple[int, ...]] = ()) -> int:
    """Count the held-out rows whose text or target stands among the examples too.

    Args:
        examples: The marks of each, as `stream.marks` returns them.
        held_out: The same, of held-out rows.
    """
    held = list(held_out)
    theirs = {mark for marks in held for mark in marks}
    shared = {mark for marks in examples for mark in marks if mark in theirs}
    return sum(not shared.isdisjoint(marks) for marks in held)


class Part:
    """A file of rows that is being written, or goes on being written."""

    def __init__(self, file: Path, side: Side, wanted: int, seen: set[int]) -> None:
        """Say which rows; those that stand in the file already are counted and marked.

        Args:
            file: May hold rows, of which the last may be cut short.
            side: What its rows are made for.
            wanted: How many rows it is to have.
            seen: Marks of the rows of all parts, which grow with it.
        """
        self.file = file
        self.rows = 0
        self._side = side
        self._wanted = wanted
        self._seen = seen
        self._next = 0
        if file.exists():
            self._take_up()

    @property
    def dropped(self) -> int:
        """How many of its rows were left out, since they repeated an earlier one."""
        return self._next - self.rows

    def write(self, config: SynthConfig, source: Source, advance: Advance) -> None:
        """Make the rows that are still wanted.

        Raises:
            DataError: There are not so many distinct ones.
        """
        with (
            closing(rows(config, source, self._side, self._next)) as made,
            self.file.open("ab") as file,
        ):
            lines = self._new(made, source)
            while several := list(islice(lines, min(CHUNK, self._wanted - self.rows))):
                file.writelines(several)
                advance("", len(several))

    def _take_up(self) -> None:
        whole = 0
        with self.file.open("r+b") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                columns = json.loads(line)
                self._seen.update(marks(columns["text"], columns["target"]))
                self._next = int(columns["id"].rpartition("-")[2]) + 1
                self.rows += 1
            lines.truncate(whole)

    def _new(self, made: Iterable[Made], source: Source) -> Iterator[bytes]:
        repeats = 0
        for row in made:
            self._next += 1
            if not self._seen.isdisjoint(row.marks):
                repeats += 1
                if repeats == _MOST_REPEATS:
                    raise self._exhausted(source)
                continue
            repeats = 0
            self._seen.update(row.marks)
            self.rows += 1
            yield row.line

    def _exhausted(self, source: Source) -> DataError:
        names = list(source.schemas)
        return DataError.at(
            names[0] if len(names) == 1 else f"{len(names)} schemas",
            self.rows,
            f"after so many rows, {_MOST_REPEATS} in a row were repeats: the schema admits few values",
            fix="Ask for fewer rows, or give the schema a field of free text or numbers",
        )


def inputs(config: SynthConfig) -> list[Path]:
    """Return the file that the schema is read from, which for `file.py:Model` is the Python file."""
    if config.schema is None:
        return []
    path, colon, _ = str(config.schema).rpartition(":")
    return [Path(path) if colon and path.endswith(".py") else config.schema]


def _marks_in(file: Path) -> Iterator[tuple[int, ...]]:
    with file.open("rb") as lines:
        for line in lines:
            columns = json.loads(line)
            yield marks(columns["text"], columns["target"])
