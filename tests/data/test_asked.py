import json
from pathlib import Path

import pytest

from adhere.config import HoldOut, SynthConfig, Task
from adhere.data.asked import Reasoned, sides_of, source_of
from adhere.data.side import EITHER, Side
from adhere.data.source import SchemaSource, shape_of
from adhere.errors import ConfigError, DataError
from adhere.records import Example
from adhere.schema import Schema

OUT = Path("out")
NOTE = '{"title": "Note", "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}'


@pytest.fixture
def note(tmp_path: Path) -> Path:
    file = tmp_path / "note.json"
    file.write_text(NOTE)
    return file


def test_a_schema_is_the_only_one(note: Path) -> None:
    assert [*source_of(SynthConfig(schema=note, out=OUT)).schemas] == ["Note"]


def test_the_seed_and_the_noise_are_those_of_the_settings(note: Path) -> None:
    source = source_of(SynthConfig(schema=note, out=OUT, seed=5, noise=1.0))
    alike = SchemaSource([Schema.read(note)], seed=5, noise=1.0)
    assert [source.example(n, EITHER) for n in range(5)] == [alike.example(n, EITHER) for n in range(5)]


def test_drawn_schemas_have_different_shapes_and_no_more_leaves_than_allowed() -> None:
    schemas = source_of(SynthConfig(shapes=30, most_leaves=3, out=OUT)).schemas
    assert [*schemas] == [f"shape-{number}" for number in range(1, 31)]
    assert len({shape_of(schema) for schema in schemas.values()}) == 30
    assert max(len(schema.leaves) for schema in schemas.values()) <= 3


def test_the_seed_decides_which_schemas_are_drawn() -> None:
    one, same, other = (source_of(SynthConfig(shapes=5, out=OUT, seed=seed)).schemas for seed in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize("seed", range(5))
def test_each_side_has_a_shape_where_shapes_are_held_apart(seed: int) -> None:
    config = SynthConfig(shapes=2, held_out=1, hold_out=("shape",), out=OUT, seed=seed)
    source = source_of(config)
    assert {source.example(0, side).schema for side in sides_of(config)} == {"shape-1", "shape-2"}


def test_no_shape_is_drawn_for_a_side_that_gets_no_rows() -> None:
    config = SynthConfig(shapes=8, hold_out=("shape",), out=OUT)
    source = source_of(config)
    assert len({source.example(n, sides_of(config)[0]).schema for n in range(8)}) == 8


def test_a_single_shape_cannot_be_held_out() -> None:
    with pytest.raises(ConfigError, match=r"synth\.hold_out = \('shape',\): one schema has one shape"):
        SynthConfig(shapes=1, held_out=1, hold_out=("shape",), out=OUT)


def test_the_sides_differ_in_their_split_alone() -> None:
    sides = sides_of(SynthConfig(domain="finance", hold_out=("value", "shape"), out=OUT))
    apart: frozenset[HoldOut] = frozenset({"value", "shape"})
    assert sides == (Side("train", apart), Side("held_out", apart))


@pytest.mark.parametrize(("domain", "task"), [("biomanufacturing", "extract"), ("hiring", "evaluate")])
def test_a_domain_has_documents_of_its_own(domain: str, task: Task) -> None:
    source = source_of(SynthConfig(domain=domain, task=task, out=OUT))
    examples = [source.example(3, side) for side in (EITHER, Side("held_out"))]
    for example in examples:
        assert example.id.endswith("-3")
        assert example.meta.keys() >= {"spans", "template", "distractors"}
        assert source.schemas[example.schema].obeys(example.target)
    assert examples[0].text != examples[1].text


def test_a_domain_may_have_other_and_shorter_structures() -> None:
    source = source_of(SynthConfig(domain="finance", shapes=9, short=True, out=OUT))
    assert next(iter(source.schemas)) == "finance/loan_application/short-0"
    assert len(source.schemas) == 9


def test_the_reverse_task_asks_for_a_text(note: Path) -> None:
    example = source_of(SynthConfig(schema=note, task="write", noise=0.0, out=OUT)).example(0, EITHER)
    assert json.loads(example.text)["city"] in str(example.target)


def test_the_reasoning_quotes_what_the_answer_is_read_from(note: Path) -> None:
    example = source_of(SynthConfig(schema=note, reasoning=True, noise=0.0, out=OUT)).example(0, EITHER)
    assert isinstance(example.target, dict)
    assert str(example.target["city"]) in str(example.reasoning)


class Silent:
    """A source whose texts do not state their targets."""

    def __init__(self) -> None:
        self.schemas = {"Note": Schema.of(NOTE)}

    def example(self, number: int, side: Side) -> Example:
        return Example(id=f"{side.split}-{number}", text="Nothing.", schema="Note", target={"city": "Bonn"})


def test_a_leaf_whose_reading_cannot_be_told_is_an_error() -> None:
    with pytest.raises(DataError, match=r"train-0 target = \('/city',\): .* Leave out --reasoning"):
        Reasoned(Silent()).example(0, EITHER)
