import json
from pathlib import Path

import pytest

from adhere.artifact import verify
from adhere.config import SynthConfig
from adhere.data import store
from adhere.data.build import leaks, synth
from adhere.errors import ConfigError, DataError, SchemaError
from adhere.records import JSON, Example
from adhere.reward.score import score
from adhere.schema.canonical import spelled

TICKET = {
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


def test_a_directory_is_made_and_sealed(schema: Path, tmp_path: Path) -> None:
    summary = synth(SynthConfig(schema=schema, out=tmp_path / "data", rows=40, held_out=10))
    assert (summary["rows"], summary["held_out"], summary["leaks"]) == (40, 10, 0)
    verify(tmp_path / "data")
    assert len(store.read(tmp_path / "data").examples) == 40
    assert len(store.read(tmp_path / "data" / "held_out.jsonl").examples) == 10


def test_every_target_earns_full_marks(schema: Path, tmp_path: Path) -> None:
    synth(SynthConfig(schema=schema, out=tmp_path / "data", rows=100))
    dataset = store.read(tmp_path / "data")
    for example in dataset.examples:
        answer = spelled(example.target)
        assert score(answer, example, dataset.schemas["Ticket"], preset="fields").total == 1.0


def test_no_text_and_no_target_is_in_both_splits(schema: Path, tmp_path: Path) -> None:
    synth(SynthConfig(schema=schema, out=tmp_path / "data", rows=200, held_out=200))
    rows = store.read(tmp_path / "data").examples
    held_out = store.read(tmp_path / "data" / "held_out.jsonl").examples
    assert not {example.text for example in rows} & {example.text for example in held_out}
    assert not {spelled(example.target) for example in rows} & {
        spelled(example.target) for example in held_out
    }


def row(text: str, target: JSON) -> Example:
    return Example(id=text, text=text, schema="Ticket", target=target)


@pytest.mark.parametrize(
    ("held_out", "count"),
    [
        pytest.param([], 0, id="nothing is held out"),
        pytest.param([row("c", {"k": 3})], 0, id="another text with another target"),
        pytest.param([row("a", {"k": 3})], 1, id="a text that was trained on"),
        pytest.param(
            [row("c", {"l": 0, "k": 1})], 1, id="a target that was trained on, its keys in another order"
        ),
        pytest.param([row("a", {"k": 1, "l": 0})], 1, id="both: still one row"),
        pytest.param([row("a", {}), row("b", {}), row("c", {})], 2, id="each row counts"),
    ],
)
def test_a_leak_is_a_held_out_row_whose_text_or_target_was_trained_on(
    held_out: list[Example], count: int
) -> None:
    assert leaks([row("a", {"k": 1, "l": 0}), row("b", {"k": 2})], held_out) == count


def test_the_same_seed_makes_the_same_bytes(schema: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        synth(SynthConfig(schema=schema, out=tmp_path / name, rows=30, seed=seed))
    a, b, c = ((tmp_path / name / "examples.jsonl").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_a_schema_with_few_values_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "flag.json"
    path.write_text('{"type": "object", "properties": {"on": {"type": "boolean"}}, "required": ["on"]}')
    with pytest.raises(DataError, match="admits few values"):
        synth(SynthConfig(schema=path, out=tmp_path / "data", rows=50))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["flag.json"]


def test_a_keyword_without_a_generator_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "code.json"
    path.write_text(
        '{"type": "object", "properties": {"c": {"type": "string", "pattern": "^a+$"}}, "required": ["c"]}'
    )
    with pytest.raises(SchemaError, match="pattern"):
        synth(SynthConfig(schema=path, out=tmp_path / "data", rows=5))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["code.json"]


def test_an_existing_directory_is_never_overwritten(schema: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine").write_text("kept")
    with pytest.raises(ConfigError, match="out"):
        synth(SynthConfig(schema=schema, out=tmp_path / "data", rows=5))
    assert (tmp_path / "data" / "mine").read_text() == "kept"
