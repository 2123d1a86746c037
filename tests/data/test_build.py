import hashlib
import json
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adhere.artifact import verify
from adhere.config import HoldOut, SynthConfig
from adhere.data import store
from adhere.data.build import Part, leaks, synth
from adhere.data.side import EITHER, Side
from adhere.data.stream import marks
from adhere.errors import ConfigError, DataError, SchemaError
from adhere.records import JSON, Example
from adhere.reward.score import score
from adhere.schema import Schema
from adhere.schema.canonical import spelled

TICKET: dict[str, JSON] = {
    "title": "Ticket",
    "type": "object",
    "properties": {
        "subject": {"type": "string"},
        "customer": {"type": "string"},
        "opened_on": {"type": "string", "format": "date"},
        "priority": {"enum": ["low", "high"]},
    },
    "required": ["subject", "customer", "opened_on", "priority"],
    "additionalProperties": False,
}


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    path = tmp_path / "ticket.json"
    path.write_text(json.dumps(TICKET))
    return path


def digests(directory: Path) -> dict[str, str]:
    names = ("examples.jsonl", "held_out.jsonl", "schemas.json")
    return {name: hashlib.sha256((directory / name).read_bytes()).hexdigest() for name in names}


def test_a_directory_is_made_and_sealed(schema: Path, tmp_path: Path) -> None:
    summary = synth(SynthConfig(schema=schema, out=tmp_path / "data", rows=40, held_out=10))
    assert (summary["rows"], summary["held_out"], summary["leaks"]) == (40, 10, 0)
    manifest = verify(tmp_path / "data")
    assert manifest["inputs"] == {str(schema): hashlib.sha256(schema.read_bytes()).hexdigest()}
    assert len(store.read(tmp_path / "data").examples) == 40
    assert len(store.read(tmp_path / "data" / "held_out.jsonl").examples) == 10
    sizes = [(tmp_path / "data" / name).stat().st_size for name in ("examples.jsonl", "held_out.jsonl")]
    assert summary["bytes"] == sum(sizes)


def test_the_manifest_says_how_much_the_examples_differ(schema: Path, tmp_path: Path) -> None:
    diversity = synth(SynthConfig(schema=schema, out=tmp_path / "data", rows=40))["diversity"]
    assert verify(tmp_path / "data")["notes"] == {"diversity": diversity}
    assert isinstance(diversity, dict)
    assert diversity["targets"] == {"rate": 1.0, "hits": 40, "tries": 40}


def test_every_target_earns_full_marks(schema: Path, tmp_path: Path) -> None:
    synth(SynthConfig(schema=schema, out=tmp_path / "data", rows=100))
    dataset = store.read(tmp_path / "data")
    for example in dataset.examples:
        answer = spelled(example.target)
        assert score(answer, example, dataset.schemas["Ticket"], preset="fields").total == 1.0


def test_every_example_says_where_it_states_what_and_how_hard_it_is(schema: Path, tmp_path: Path) -> None:
    synth(SynthConfig(schema=schema, out=tmp_path / "data", rows=20))
    for example in store.read(tmp_path / "data").examples:
        assert example.meta.keys() == {"spans", "template", "distractors", "difficulty"}
        difficulty = example.meta["difficulty"]
        assert isinstance(difficulty, dict)
        assert (difficulty["leaves"], difficulty["depth"], difficulty["arrays"]) == (4, 1, 0)
        assert difficulty["characters"] == len(example.text)


def test_no_text_and_no_target_is_in_both_splits(schema: Path, tmp_path: Path) -> None:
    synth(SynthConfig(schema=schema, out=tmp_path / "data", rows=200, held_out=200))
    rows = store.read(tmp_path / "data").examples
    held_out = store.read(tmp_path / "data" / "held_out.jsonl").examples
    assert not {example.text for example in rows} & {example.text for example in held_out}
    assert not {spelled(example.target) for example in rows} & {
        spelled(example.target) for example in held_out
    }


@pytest.mark.parametrize(
    ("held_out", "count"),
    [
        pytest.param([], 0, id="nothing is held out"),
        pytest.param([("c", {"k": 3})], 0, id="another text with another target"),
        pytest.param([("a", {"k": 3})], 1, id="a text that was trained on"),
        pytest.param([("c", {"l": 0, "k": 1.0})], 1, id="a target that was trained on, otherwise spelled"),
        pytest.param([("a", {"k": 1, "l": 0})], 1, id="both: still one row"),
        pytest.param([("a", {}), ("b", {}), ("c", {})], 2, id="each row counts"),
        pytest.param([("c", None)], 0, id="no target is none"),
    ],
)
def test_a_leak_is_a_held_out_row_whose_text_or_target_was_trained_on(
    held_out: list[tuple[str, JSON]], count: int
) -> None:
    examples: list[tuple[str, JSON]] = [("a", {"k": 1, "l": 0}), ("b", {"k": 2}), ("d", None)]
    assert leaks((marks(*row) for row in examples), (marks(*row) for row in held_out)) == count


def test_the_same_seed_makes_the_same_bytes(schema: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        synth(SynthConfig(schema=schema, out=tmp_path / name, rows=30, held_out=10, seed=seed))
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    rows = [store.read(tmp_path / name).examples for name in "ac"]
    assert not {example.text for example in rows[0]} & {example.text for example in rows[1]}


def test_workers_change_no_byte(schema: Path, tmp_path: Path) -> None:
    config = SynthConfig(schema=schema, out=tmp_path / "alone", rows=100, held_out=20)
    alone = synth(config)
    summary = synth(replace(config, out=tmp_path / "together", workers=2))
    assert digests(tmp_path / "together") == digests(tmp_path / "alone")
    assert summary["duplicates_dropped"] == alone["duplicates_dropped"]


def test_a_pydantic_model_will_do(tmp_path: Path) -> None:
    file = tmp_path / "models.py"
    file.write_text(
        "from pydantic import BaseModel\nclass Note(BaseModel):\n    subject: str\n    city: str\n"
    )
    synth(SynthConfig(schema=Path(f"{file}:Note"), out=tmp_path / "data", rows=5))
    assert [*store.read(tmp_path / "data").schemas] == ["Note"]
    inputs = verify(tmp_path / "data")["inputs"]
    assert isinstance(inputs, dict)
    assert [*inputs] == [str(file)]


def test_drawn_schemas_are_kept_beside_their_rows(tmp_path: Path) -> None:
    synth(SynthConfig(shapes=4, out=tmp_path / "data", rows=12))
    dataset = store.read(tmp_path / "data")
    assert [*dataset.schemas] == ["shape-1", "shape-2", "shape-3", "shape-4"]
    assert {example.schema for example in dataset.examples} == {*dataset.schemas}


def test_what_is_held_out_stands_in_no_other_row(tmp_path: Path) -> None:
    hold_out: tuple[HoldOut, ...] = ("template", "shape")
    synth(SynthConfig(shapes=8, out=tmp_path / "data", rows=100, held_out=50, hold_out=hold_out))
    splits = [store.read(tmp_path / "data" / name).examples for name in ("examples.jsonl", "held_out.jsonl")]
    for marks_of in (lambda row: row.schema, lambda row: row.meta["template"]):
        train, held_out = ({marks_of(row) for row in split} for split in splits)
        assert train
        assert held_out
        assert not train & held_out


def test_values_are_held_out_where_asked_for(schema: Path, tmp_path: Path) -> None:
    config = SynthConfig(schema=schema, out=tmp_path / "data", rows=200, held_out=100, hold_out=("value",))
    synth(config)
    splits = [store.read(tmp_path / "data" / name).examples for name in ("examples.jsonl", "held_out.jsonl")]
    train, held_out = ({customer(row) for row in split} for split in splits)
    assert not train & held_out


def customer(example: Example) -> str:
    assert isinstance(example.target, dict)
    return str(example.target["customer"])


def test_rows_have_a_reasoning_where_asked_for(schema: Path, tmp_path: Path) -> None:
    synth(SynthConfig(schema=schema, out=tmp_path / "data", rows=20, reasoning=True))
    assert all(customer(row) in str(row.reasoning) for row in store.read(tmp_path / "data").examples)


COUNT: dict[str, JSON] = {"type": "object", "properties": {"n": {}}}


class Counted:
    """Row `number` has the target n = number // 3, so that two of three rows repeat the one before."""

    def __init__(self) -> None:
        self.schemas = {"count": Schema.of(COUNT, name="count")}

    def example(self, number: int, side: Side) -> Example:
        text = f"{side.split} {number}"
        return Example(id=f"count-{number}", text=text, schema="count", target={"n": number // 3})


def part_of(file: Path, wanted: int, seen: set[int]) -> Part:
    """Write rows of `Counted` in a file that may have some."""
    part = Part(file, EITHER, wanted, seen)
    part.write(SynthConfig(schema=Path("any"), out=file.parent), Counted(), stand_still)
    return part


def stand_still(_description: str, _steps: int = 1) -> None:
    """Draw no bar."""


def test_a_row_that_repeats_a_target_is_dropped_and_counted(tmp_path: Path) -> None:
    part = part_of(tmp_path / "rows.jsonl", 4, set())
    ids = [json.loads(line)["id"] for line in (tmp_path / "rows.jsonl").read_bytes().splitlines()]
    assert ids == ["count-0", "count-3", "count-6", "count-9"]
    assert (part.rows, part.dropped) == (4, 6)


@pytest.mark.parametrize("bytes_left", range(0, 480, 60))
def test_a_file_that_was_cut_anywhere_is_gone_on_with(tmp_path: Path, bytes_left: int) -> None:
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    expected = part_of(whole, 4, set())
    cut.write_bytes(whole.read_bytes()[:bytes_left])
    seen: set[int] = set()
    part = part_of(cut, 4, seen)
    assert cut.read_bytes() == whole.read_bytes()
    assert (part.rows, part.dropped) == (4, expected.dropped)
    assert len(seen) == 8


def test_a_part_that_is_whole_is_left_as_it_is(tmp_path: Path) -> None:
    part_of(tmp_path / "rows.jsonl", 4, set())
    before = (tmp_path / "rows.jsonl").read_bytes()
    assert part_of(tmp_path / "rows.jsonl", 4, set()).dropped == 6
    assert (tmp_path / "rows.jsonl").read_bytes() == before


PROGRAM = """
import sys
from pathlib import Path
from adhere.config import SynthConfig
from adhere.data.build import synth
schema, out, rows, held_out, workers = sys.argv[1:]
synth(SynthConfig(schema=Path(schema), out=Path(out), rows=int(rows), held_out=int(held_out),
                  workers=int(workers)))
"""


class Attempts:
    """Processes that make the same directory, each killed but the last."""

    def __init__(self, schema: Path, out: Path, *, rows: int, held_out: int, workers: int) -> None:
        self.out = out
        self.config = SynthConfig(schema=schema, out=out, rows=rows, held_out=held_out)
        words = map(str, (schema, out, rows, held_out, workers))
        self.command = [sys.executable, "-c", PROGRAM, *words]
        self.kills = 0

    def written(self) -> int:
        """Count the bytes of rows that stand in the directory being made."""
        return sum(file.stat().st_size for file in self.out.parent.glob(".out.partial/*.jsonl"))

    def killed(self, after_bytes: int) -> bool:
        """Start a process, and kill it once that much is written; say whether that came before its end."""
        with subprocess.Popen(self.command, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and self.written() < after_bytes:
                time.sleep(0.002)
            process.kill()
        self.kills += process.returncode == -signal.SIGKILL
        return process.returncode != 0

    def finish(self) -> None:
        subprocess.run(self.command, stderr=subprocess.DEVNULL, check=True)


def test_a_run_killed_three_times_makes_the_same_bytes(schema: Path, tmp_path: Path) -> None:
    expected = tmp_path / "expected"
    synth(SynthConfig(schema=schema, out=expected, rows=1000, held_out=300))
    total = sum((expected / name).stat().st_size for name in ("examples.jsonl", "held_out.jsonl"))
    attempts = Attempts(schema, tmp_path / "out", rows=1000, held_out=300, workers=1)
    draw = random.Random(3)
    for third in range(3):
        assert attempts.killed(int((third + draw.random()) * total / 2 / 3))
    last = datetime.now(UTC)
    attempts.finish()
    assert attempts.kills == 3
    assert digests(tmp_path / "out") == digests(expected)
    assert datetime.fromisoformat(str(verify(tmp_path / "out")["started"])) < last


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_runs_killed_fifty_times_lose_and_double_no_row(schema: Path, tmp_path: Path, workers: int) -> None:
    expected = tmp_path / "expected"
    synth(SynthConfig(schema=schema, out=expected, rows=1500, held_out=500))
    total = sum((expected / name).stat().st_size for name in ("examples.jsonl", "held_out.jsonl"))
    draw = random.Random(workers)
    kills = 0
    while kills < 25:
        run = tmp_path / f"run-{kills}"
        run.mkdir()
        attempts = Attempts(schema, run / "out", rows=1500, held_out=500, workers=workers)
        moments = sorted(draw.randrange(total + 1) for _ in range(5))
        while moments and attempts.killed(moments.pop(0)):
            pass
        if not attempts.out.exists():
            attempts.finish()
        assert digests(attempts.out) == digests(expected)
        kills += attempts.kills


def test_ctrl_c_keeps_what_there_is_and_says_how_to_go_on(schema: Path, tmp_path: Path) -> None:
    words = ["synth", "--schema", str(schema), "--out", str(tmp_path / "out"), "--rows", "100000"]
    command = [sys.executable, "-m", "adhere", *words, "--workers", "2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        rows = tmp_path / ".out.partial" / "examples.jsonl"
        while process.poll() is None and not (rows.exists() and rows.stat().st_size):
            time.sleep(0.01)
        workers = children(process.pid)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130
    assert "interrupted. Run the same command again, and it goes on from what was saved." in said
    assert rows.exists()
    assert len(workers) == 2
    assert not any(map(is_running, workers))


def children(pid: int) -> list[int]:
    file = Path(f"/proc/{pid}/task/{pid}/children")
    if not file.exists():
        pytest.skip("the system does not list the children of a process in /proc")
    return [int(child) for child in file.read_text().split()]


def is_running(pid: int) -> bool:
    """Say whether there is such a process that has not ended and waits to be asked for its status."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_workers_end_with_a_run_that_is_killed(schema: Path, tmp_path: Path) -> None:
    attempts = Attempts(schema, tmp_path / "out", rows=100_000, held_out=0, workers=2)
    with subprocess.Popen(attempts.command, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not attempts.written():
            time.sleep(0.01)
        workers = children(process.pid)
        process.kill()
    assert len(workers) == 2
    patience = time.monotonic() + 20
    while any(map(is_running, workers)):
        assert time.monotonic() < patience
        time.sleep(0.05)


def test_a_schema_with_few_values_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "flag.json"
    path.write_text('{"type": "object", "properties": {"on": {"type": "boolean"}}, "required": ["on"]}')
    with pytest.raises(DataError, match=r"flag = 2: .* admits few values"):
        synth(SynthConfig(schema=path, out=tmp_path / "data", rows=50))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["flag.json"]


def test_a_schema_that_is_not_there_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="cannot be read"):
        synth(SynthConfig(schema=tmp_path / "absent.json", out=tmp_path / "data", rows=5))
    assert not any(tmp_path.iterdir())


def test_a_keyword_that_nothing_drawn_obeys_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "code.json"
    path.write_text(
        '{"type": "object", "required": ["c"], '
        '"properties": {"c": {"type": "string", "pattern": "^a+$", "maxLength": 0}}}'
    )
    with pytest.raises(SchemaError, match=r"pattern|maxLength"):
        synth(SynthConfig(schema=path, out=tmp_path / "data", rows=5))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["code.json"]


def test_an_existing_directory_is_never_overwritten(schema: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine").write_text("kept")
    with pytest.raises(ConfigError, match="out"):
        synth(SynthConfig(schema=schema, out=tmp_path / "data", rows=5))
    assert (tmp_path / "data" / "mine").read_text() == "kept"
