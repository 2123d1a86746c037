"""Writes traces into the rows of a data directory."""

import json
import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from typing import cast

from adhere import artifact
from adhere.config import ReasonConfig
from adhere.data import store
from adhere.data.asking import asking, forget_replies, told
from adhere.data.reasoning.derivation import CHUNK, Derivation
from adhere.data.reasoning.hindsight import hindsight
from adhere.data.reasoning.outcome import Kept, Outcome, Rejected
from adhere.data.reasoning.trace import Cause
from adhere.data.workers import in_turn
from adhere.endpoint import Endpoint
from adhere.errors import DataError
from adhere.progress import Advance, progress
from adhere.records import JSON
from adhere.schema import Schema
from adhere.schema.canonical import spelled


def reason(config: ReasonConfig) -> dict[str, JSON]:
    """Write `examples.jsonl`, `held_out.jsonl` where there is one, and `schemas.json`; return the summary.

    Each row gets a trace in place of any that it had; one that gets none is left out, and told of in a file
    of its own. Rows are written as they come, and a run that was cut short is gone on with. Without a teacher
    the bytes are the same, whether it was, and however many workers there are. Where the budget is spent, the
    rows that no teacher was asked about are left out.

    Raises:
        ConfigError: `out` stands already; or the teacher is none, or refuses the key.
        DataError: A row is broken, or no row gets a trace.
        ModelError: The server has no such model, or is out of order.
        SchemaError: A schema is not one.
    """
    schemas = store.parts(config.data)[1]
    files = _files(config.data)
    began = time.monotonic()
    with artifact.resuming(config.out, config, inputs=_inputs(config.data)) as run, ExitStack() as stack:
        endpoint = None
        if config.teacher is not None:
            run.keep_on_error = True
            endpoint = stack.enter_context(asking(config, config.teacher, run, verb="reason"))
        advance = stack.enter_context(progress("reason", sum(map(_rows, files.values()))))
        store.write_schemas(schemas, run.path)
        parts = [Part(file, run.path / name) for name, file in files.items()]
        for part in parts:
            part.take_up()
            advance("", part.found)
            with closing(_outcomes(config, schemas, endpoint, part)) as outcomes:
                # What a teacher wrote is paid for, so it is written at once.
                part.write(outcomes, advance, at_once=CHUNK if endpoint is None else 1)
            part.tidy()
        stack.close()
        forget_replies(run)
        if not parts[0].kept:
            run.keep_on_error = parts[0].rejected["budget"] > 0
            raise _nothing(config, parts[0])
        seconds = time.monotonic() - began
        run.summary = {
            **_counts(parts),
            "rows_per_second": round(sum(part.done - part.found for part in parts) / seconds, 3),
            **({} if endpoint is None else {"teacher": told(endpoint)}),
        }
    return dict(run.summary)


def shortfalls(summary: Mapping[str, JSON]) -> Iterator[str]:
    """Say of how many rows no teacher was asked."""
    rejected = summary["rejected"]
    if isinstance(rejected, dict) and "budget" in rejected:
        yield f"{rejected['budget']} rows have no trace: the budget was spent."


class Part:
    """A file of rows, and the one of rows with traces that is being written from it.

    Beside the latter stands one of the rows that were left out: each one's number, from 0, its id, the cause
    and what was wrong. It is written first, so that the two tell how far an earlier attempt came.
    """

    def __init__(self, file: Path, out: Path) -> None:
        self.file = file
        self.found = 0
        """Rows that an earlier attempt has done."""
        self.done = 0
        """Rows done by now."""
        self.kept = 0
        """Those of them that got a trace."""
        self.failure = ""
        """Why the teacher did not reply, the last time that it did not."""
        self.characters = 0
        """Of all traces."""
        self.rejected: Counter[Cause] = Counter()
        """The others."""
        self._kept_rows = out
        self._other_rows = out.with_suffix(".rejected.jsonl")

    def take_up(self) -> None:
        """Go on from what an earlier attempt left; what is not whole is dropped."""
        self._kept_rows.touch()
        self._other_rows.touch()
        others = list(_others(self._other_rows))
        causes: dict[int, Cause] = {number: cause for number, cause, _ in others}
        with self._kept_rows.open("r+b") as lines:
            whole = 0
            for row in store.rows(self.file):
                if self.done in causes:
                    self.rejected[causes[self.done]] += 1
                else:
                    line = lines.readline()
                    columns = _columns(line) if line.endswith(b"\n") else {}
                    if columns.get("id") != row.id:
                        break
                    self.kept += 1
                    self.characters += len(str(columns["reasoning"]))
                    whole += len(line)
                self.done += 1
            lines.truncate(whole)
        while (cause := causes.get(self.done - 1)) == "failed" or cause == "budget":
            # Nobody answered when the run stopped; somebody may now.
            self.done -= 1
            self.rejected[cause] -= 1
        with self._other_rows.open("r+b") as lines:
            lines.truncate(max((end for number, _, end in others if number < self.done), default=0))
        self.found = self.done

    def write(self, outcomes: Iterator[Outcome], advance: Advance, *, at_once: int) -> None:
        """Write rows as they come.

        Args:
            outcomes: Of the rows that are still to be done.
            advance: Told of each row.
            at_once: How many rows are written together.
        """
        with self._other_rows.open("ab") as others, self._kept_rows.open("ab") as lines:
            while several := list(islice(outcomes, at_once)):
                written = [outcome for outcome in several if isinstance(outcome, Kept)]
                others.writelines(self._refused(several))
                others.flush()
                lines.writelines(outcome.line for outcome in written)
                lines.flush()
                self.kept += len(written)
                self.characters += sum(outcome.characters for outcome in written)
                self.done += len(several)
                advance(f"{self.kept} kept", len(several))

    def tidy(self) -> None:
        """Remove a file that has nothing in it: no file of rows is empty."""
        for file in (self._kept_rows, self._other_rows):
            if not file.stat().st_size:
                file.unlink()

    def _refused(self, outcomes: Iterable[Outcome]) -> Iterator[bytes]:
        for number, outcome in enumerate(outcomes, self.done):
            if isinstance(outcome, Rejected):
                self.rejected[outcome.cause] += 1
                self.failure = outcome.detail if outcome.cause == "failed" else self.failure
                yield f"{spelled({'row': number, **outcome.columns()})}\n".encode(errors="replace")


def _outcomes(
    config: ReasonConfig, schemas: Mapping[str, Schema], endpoint: Endpoint | None, part: Part
) -> Generator[Outcome]:
    """Yield what becomes of the rows of a file that are still to be done, in their order."""
    if endpoint is not None:
        examples = (store.example(row, schemas) for row in islice(store.rows(part.file), part.found, None))
        asked = (hindsight(each, schemas[each.schema], longest=config.longest) for each in examples)
        for _, outcome in endpoint.hold(asked):
            yield outcome
        return
    jobs = [
        Derivation(config.data, part.file, part.found, turn, config.workers, config.longest, config.fixed)
        for turn in range(config.workers)
    ]
    if config.workers > 1:
        yield from in_turn(jobs)
        return
    for chunk in jobs[0].chunks():
        yield from chunk


def _files(data: Path) -> dict[str, Path]:
    """Return the files of rows by the names under which they are written."""
    if not data.is_dir():
        return {store.EXAMPLES: data}
    names = (store.EXAMPLES, *([store.HELD_OUT] if (data / store.HELD_OUT).exists() else []))
    return {name: data / name for name in names}


def _inputs(data: Path) -> list[Path]:
    """Return all that is read: the rows and the schemas beside them."""
    directory = data if data.is_dir() else data.parent
    beside = (directory / name for name in (store.SCHEMAS, store.SCHEMA))
    return [*_files(data).values(), *(file for file in beside if file.exists())]


def _rows(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(1 for line in lines if line.strip())


def _others(file: Path) -> Iterator[tuple[int, Cause, int]]:
    """Yield the number of each row that was left out, the cause, and where in the file its line ends."""
    end = 0
    with file.open("rb") as lines:
        for line in lines:
            if not line.endswith(b"\n"):
                return
            end += len(line)
            columns = _columns(line)
            yield cast("int", columns["row"]), cast("Cause", columns["cause"]), end


def _columns(line: bytes) -> dict[str, JSON]:
    return cast("dict[str, JSON]", json.loads(line))


def _counts(parts: Sequence[Part]) -> dict[str, JSON]:
    kept = sum(part.kept for part in parts)
    rejected = sum((part.rejected for part in parts), Counter[Cause]())
    return {
        "kept": kept,
        "held_out": sum(part.kept for part in parts[1:]),
        "rejected": {cause: rejected[cause] for cause in sorted(rejected)},
        "characters": round(sum(part.characters for part in parts) / kept),
    }


def _nothing(config: ReasonConfig, part: Part) -> DataError:
    causes = ", ".join(f"{count} {cause}" for cause, count in sorted(part.rejected.items()) if count)
    has_failed = part.rejected["failed"] > part.rejected.total() / 2
    return DataError.at(
        str(config.data),
        causes or "empty",
        f"no row gets a trace{f'; the teacher: {part.failure}' if has_failed else ''}",
        fix="Mend the server or the URL"
        if has_failed
        else "Give rows whose texts state their targets, or name another --teacher",
    )
