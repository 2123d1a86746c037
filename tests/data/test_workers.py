"""Processes that work ahead are taken from in turn, and none outlives who started it."""

import sys
from collections.abc import Iterator
from itertools import islice
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import NamedTuple

import pytest

from adhere.data.reasoning.derivation import CHUNK, Derivation
from adhere.data.reasoning.outcome import Kept, Outcome
from adhere.data.workers import in_turn, main, serve
from adhere.errors import DataError


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    (tmp_path / "schema.json").write_text('{"title": "s", "properties": {"a": {"type": "integer"}}}')
    lines = (
        f'{{"id": "{number}", "text": "{number}", "target": {{"a": {number}}}}}\n' for number in range(100)
    )
    (tmp_path / "examples.jsonl").write_text("".join(lines))
    return tmp_path


def jobs(rows: Path, *, step: int) -> list[Derivation]:
    return [Derivation(rows, rows / "examples.jsonl", 3, turn, step, 6000) for turn in range(step)]


def test_what_workers_make_comes_as_if_one_had_made_it(rows: Path) -> None:
    made = list(in_turn(jobs(rows, step=3)))
    (alone,) = jobs(rows, step=1)
    assert made == [outcome for chunk in alone.chunks() for outcome in chunk]
    assert len(made) == 97


def test_workers_end_with_who_has_had_enough(rows: Path) -> None:
    made = in_turn(jobs(rows, step=2))
    assert len(list(islice(made, 5))) == 5
    made.close()


def test_what_a_job_raises_is_raised_here(rows: Path) -> None:
    (rows / "examples.jsonl").write_text("no row\n")
    with pytest.raises(DataError, match="no row"):
        list(in_turn(jobs(rows, step=2)))


class Fatal(NamedTuple):
    """A job that ends the process which reads it."""

    def chunks(self) -> Iterator[list[Outcome]]:
        yield []

    def __reduce__(self) -> tuple[object, ...]:
        return sys.exit, (3,)


def test_a_worker_that_is_ended_is_told_of() -> None:
    with pytest.raises(ChildProcessError, match="ended with status 3"):
        list(in_turn([Fatal()]))


def test_a_worker_sends_its_chunks_and_then_that_there_are_no_more(rows: Path) -> None:
    here, there = Pipe()
    with here, there:
        here.send(jobs(rows, step=2)[1])
        serve(there)
        sizes: list[int] = []
        while (chunk := here.recv()) is not None:
            assert all(isinstance(outcome, Kept) for outcome in chunk)
            sizes.append(len(chunk))
    # 97 rows are six chunks and one row; every second chunk is three.
    assert sizes == [CHUNK, CHUNK, CHUNK]


def test_a_worker_sends_the_error_that_ended_it(rows: Path) -> None:
    (rows / "schema.json").unlink()
    here, there = Pipe()
    with here, there:
        here.send(jobs(rows, step=1)[0])
        serve(there)
        assert isinstance(here.recv(), DataError)


def test_a_worker_ends_quietly_once_nobody_listens() -> None:
    here, there = Pipe()
    here.close()
    main([str(there.fileno())])
    # The descriptor was the worker's to close.
    with pytest.raises(OSError, match="Bad file descriptor"):
        there.close()
