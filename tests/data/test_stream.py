import json
import os
import signal
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from adhere.config import SynthConfig
from adhere.data.asked import source_of
from adhere.data.side import EITHER, Side
from adhere.data.stream import CHUNK, Making, chunk, marks, rows
from adhere.errors import SchemaError
from adhere.records import JSON, Example
from adhere.schema import Schema


@pytest.fixture
def config(tmp_path: Path) -> SynthConfig:
    file = tmp_path / "note.json"
    file.write_text('{"title": "Note", "type": "object", "properties": {"city": {"type": "string"}}}')
    return SynthConfig(schema=file, out=tmp_path / "out", workers=2)


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        pytest.param(("a", 1), ("b", 2), 0, id="different"),
        pytest.param(("a", 1), ("a", 2), 1, id="one text"),
        pytest.param(
            ("a", {"k": 1, "l": 2}), ("b", {"l": 2.0, "k": 1}), 1, id="one target, otherwise spelled"
        ),
        pytest.param(("a", 1), ("b", True), 0, id="true is not 1"),
        pytest.param(("a", None), ("b", None), 0, id="no target is none"),
    ],
)
def test_rows_that_share_a_text_or_a_target_share_a_mark(
    one: tuple[str, JSON], other: tuple[str, JSON], shared: int
) -> None:
    assert len({*marks(*one)} & {*marks(*other)}) == shared


def test_rows_come_in_the_order_of_their_numbers(config: SynthConfig) -> None:
    with closing(rows(config, source_of(config), EITHER, 5)) as made:
        ids = [json.loads(row.line)["id"] for row in islice(made, 5 * CHUNK)]
    assert ids == [f"Note-train-0-{number}" for number in range(5, 5 + 5 * CHUNK)]


def test_an_error_in_a_worker_is_an_error_here(config: SynthConfig) -> None:
    source = source_of(config)
    assert config.schema is not None
    config.schema.unlink()
    with closing(rows(config, source, EITHER, 0)) as made, pytest.raises(SchemaError, match="cannot be read"):
        next(made)


def test_a_worker_that_is_ended_from_outside_is_an_error(config: SynthConfig) -> None:
    own = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    if not own.exists():
        pytest.skip("the system does not list the children of a process in /proc")
    others = {*own.read_text().split()}
    with closing(rows(config, source_of(config), EITHER, 0)) as made:
        next(made)
        for child in {*own.read_text().split()} - others:
            os.kill(int(child), signal.SIGKILL)
        with pytest.raises(ChildProcessError, match="ended with status -9"):
            list(made)


def test_a_target_that_breaks_its_schema_is_a_bug() -> None:
    class Wrong:
        def __init__(self) -> None:
            self.schemas = {"count": Schema.of({"type": "integer"}, name="count")}

        def example(self, number: int, side: Side) -> Example:
            return Example(id=f"{side.split}-{number}", text="", schema="count", target="one")

    with pytest.raises(AssertionError, match="train-0 breaks its schema"):
        chunk(Wrong(), EITHER, 0)


def test_a_worker_makes_every_so_manieth_chunk(config: SynthConfig) -> None:
    source = source_of(config)
    made = Making(config, EITHER, 5, 3 * CHUNK).chunks()
    assert list(islice(made, 2)) == [chunk(source, EITHER, 5), chunk(source, EITHER, 5 + 3 * CHUNK)]
