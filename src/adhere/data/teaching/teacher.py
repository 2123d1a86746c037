"""Makes a data directory with the help of a teacher: a model on a server that writes the examples."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from adhere import artifact
from adhere.config import SynthConfig
from adhere.data import store
from adhere.data.asked import sides_of
from adhere.data.asking import asking, forget_replies, told
from adhere.data.build import inputs, leaks
from adhere.data.diversity import MOST_ROWS, diversity
from adhere.data.side import Side
from adhere.data.stream import marks
from adhere.data.teaching.course import Course, Told
from adhere.data.teaching.rejects import Rejects
from adhere.data.writing import PROSE, Reversed
from adhere.endpoint import parse_reference
from adhere.errors import AdhereError, ConfigError, DataError
from adhere.progress import progress
from adhere.records import JSON, Example
from adhere.schema import Schema

REJECTED = "rejected.jsonl"


def taught(config: SynthConfig) -> dict[str, JSON]:
    """Write what `build.synth` writes, made by a teacher, and `rejected.jsonl`; return the summary.

    A row is kept if its target obeys the schema and its text states all of it. Every reply is on disk as soon
    as it has come, and a run that was cut short goes through them again from the start: nothing is asked
    twice. Where the budget is spent, or the teacher given up, there are fewer rows than were asked for.

    Raises:
        ConfigError: `out` stands already; or the teacher is none, refuses the key, or is asked for what it
            does not do.
        DataError: There is not one row.
        ModelError: The server has no such model, or is out of order.
        SchemaError: The schema is not one.
    """
    teacher = _teacher(config)
    began = time.monotonic()
    with artifact.resuming(config.out, config, inputs=inputs(config)) as run:
        with (
            asking(config, teacher, run, verb="synth") as endpoint,
            progress("synth", config.rows + config.held_out) as advance,
            (run.path / REJECTED).open("wb") as rejected,
        ):
            rejects = Rejects(rejected, advance, endpoint)
            try:
                made = _written(Course(config, endpoint, rejects), config, run.path)
            except AdhereError:
                # What was paid for is there when the command is run again.
                run.keep_on_error = endpoint.totals.spending.completion_tokens > 0
                raise
        if not made.rows:
            run.keep_on_error = rejects.is_budget_spent
            raise _nothing(config, rejects)
        forget_replies(run)
        if not made.held_out:
            (run.path / store.HELD_OUT).unlink(missing_ok=True)
        seconds = time.monotonic() - began
        run.notes = {"diversity": diversity(made.first)}
        run.summary = {
            "rows": len(made.rows),
            "held_out": len(made.held_out),
            "duplicates_dropped": rejects.by_reason["repeat"],
            "leaks": leaks(made.rows, made.held_out),
            "rows_per_second": round((len(made.rows) + len(made.held_out)) / seconds, 3),
            "schemas": made.schemas,
            "rejected": {reason: number for reason, number in rejects.by_reason.most_common() if number},
            "teacher": told(endpoint),
            **run.notes,
        }
    return dict(run.summary)


def shortfalls(summary: Mapping[str, JSON], config: SynthConfig) -> Iterator[str]:
    """Say of what there is less than was asked for."""
    for name, wanted in (("rows", config.rows), ("held_out", config.held_out)):
        if summary[name] != wanted:
            yield f"{name} = {summary[name]} of {wanted}: the budget was spent, or the teacher given up."


def _teacher(config: SynthConfig) -> str:
    teacher = config.teacher or ""
    parse_reference(teacher, where="synth.teacher")
    if config.task == "evaluate":
        raise ConfigError.at(
            "synth.task",
            config.task,
            "a teacher writes documents and their data, and no judgements",
            fix="Leave out --teacher",
        )
    return teacher


@dataclass(slots=True)
class _Made:
    """What has been written."""

    schemas: int
    rows: list[tuple[int, ...]] = field(default_factory=list[tuple[int, ...]])
    """The marks of each."""
    held_out: list[tuple[int, ...]] = field(default_factory=list[tuple[int, ...]])
    first: list[Example] = field(default_factory=list[Example])
    """The first of them."""


def _written(course: Course, config: SynthConfig, directory: Path) -> _Made:
    """Write all files of examples, each line as it comes."""
    schemas = course.schemas()
    is_reverse = config.task == "write"
    store.write_schemas({PROSE.name: PROSE} if is_reverse else schemas, directory)
    made = _Made(len(schemas))
    train, held_out = sides_of(config)
    parts = [(train, store.EXAMPLES, config.rows, made.rows)]
    parts += [(held_out, store.HELD_OUT, config.held_out, made.held_out)] if config.held_out else []
    for side, name, wanted, written in parts:
        with (directory / name).open("wb") as file:
            for example in course.examples(side, wanted):
                row = _reversed(example, schemas, side) if is_reverse else example
                file.write(store.line(row))
                written.append(marks(row.text, row.target))
                if len(made.first) < MOST_ROWS:
                    made.first.append(row)
    return made


def _reversed(example: Example, schemas: Mapping[str, Schema], side: Side) -> Example:
    """Turn an example around; its id ends in its number."""
    return Reversed(Told(schemas, example)).example(int(example.id.rpartition("-")[2]), side)


def _nothing(config: SynthConfig, rejects: Rejects) -> DataError:
    return DataError.at(
        "synth.teacher",
        config.teacher,
        f"not one example was kept; rejected: {rejects}",
        fix="Name another model, or raise --endpoint.budget or --endpoint.max-tokens",
    )
