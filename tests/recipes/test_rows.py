"""What nano reads beside documents in English: other languages, and calls of tools."""

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import cast

import calls
import pytest
import rows
import tongues
from recipe import read

from adhere.data.side import Side
from adhere.records import JSON

MIX = read(Path(rows.__file__).with_name("nano.toml")).strict


@pytest.mark.parametrize("side", [rows.TRAIN, rows.HELD_OUT], ids=["train", "held_out"])
def test_a_text_in_another_language_states_an_answer_that_obeys(side: Side) -> None:
    random = Random(1)
    for number in range(60):
        example, schema = tongues.told(random, number, 6, side)
        assert schema.obeys(example.target)
        target = cast("dict[str, JSON]", example.target)
        names = [value for value in target.values() if isinstance(value, str) and "-" not in value]
        assert all(name in example.text for name in names)


def test_every_word_has_a_name_in_every_language() -> None:
    assert all(len(word.called) == len(tongues.TONGUES) and all(word.called) for word in tongues._words())


@pytest.mark.parametrize(
    ("tongue", "stated"), [("de", "1.234,50"), ("fr", "1 234,50"), ("es", "1.234,50"), ("it", "1.234,50")]
)
def test_an_amount_is_written_as_its_language_does(tongue: str, stated: str) -> None:
    (chosen,) = [each for each in tongues.TONGUES if each.name == tongue]
    assert tongues._grouped(1234.5, chosen, 2) == stated


def test_a_call_names_one_of_its_tools_with_arguments_that_obey() -> None:
    mix = replace(MIX, tongues=0.0, calls=1.0, hierarchical=0.0)
    for number in range(40):
        row = rows.row(3, number, mix)
        assert row.schema.obeys(row.example.target)
        assert len(cast("list[JSON]", row.schema.source["anyOf"])) in (2, 3)


def test_without_a_share_of_either_rows_stay_as_they_are() -> None:
    mix = replace(MIX, tongues=0.0, calls=0.0)
    drawn = [rows.row(3, number, mix) for number in range(20)]
    assert not any("anyOf" in row.schema.source or row.example.id.startswith("tongue") for row in drawn)


def test_a_joint_schema_admits_each_tool_with_its_own_arguments_alone() -> None:
    one = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    other = {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]}
    joint = rows.Schema.of(calls.joint([("f", one), ("g", other)]))
    assert joint.obeys({"name": "f", "arguments": {"a": 1}})
    assert not joint.obeys({"name": "g", "arguments": {"a": 1}})
