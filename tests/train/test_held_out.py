"""A held-out row that is trained on is refused, before anything is loaded."""

import json
from pathlib import Path

import pytest

from adhere.cli import main
from adhere.data import store
from adhere.data.store import Dataset
from adhere.errors import DataError
from adhere.records import Example
from adhere.schema import Schema
from adhere.train.held_out import read_apart

SCHEMA = Schema.of(
    {"title": "S", "type": "object", "properties": {key: {"type": "integer"} for key in "abc"}}
)
TRAIN = tuple(
    Example(id=f"t{n}", text=f"Mug {n}", schema="S", target={"a": n, "b": n, "c": n}) for n in range(3)
)


def held_out(text: str, number: int) -> Example:
    return Example(id="h1", text=text, schema="S", target={"a": number, "b": number, "c": number})


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    store.write(Dataset({"S": SCHEMA}, TRAIN), tmp_path / "data")
    return tmp_path / "data"


def written(place: Path, *rows: Example) -> Path:
    store.write(Dataset({"S": SCHEMA}, rows), place, "held_out.jsonl")
    return place / "held_out.jsonl"


APART = Example(id="h0", text="Jar", schema="S", target={"a": 8, "b": 8, "c": 8})


def test_rows_that_are_apart_are_read(place: Path) -> None:
    assert read_apart(written(place, APART), TRAIN, place).examples == (APART,)


@pytest.mark.parametrize(
    ("row", "by"),
    [
        pytest.param(held_out("mug  1", 9), "text", id="a text, whatever its case and white space"),
        pytest.param(held_out("Pot", 1), "target", id="a target"),
    ],
)
def test_the_first_row_that_leaks_is_named_and_the_others_are_counted(
    place: Path, row: Example, by: str
) -> None:
    file = written(place, APART, row)
    with pytest.raises(DataError) as caught:
        read_apart(file, TRAIN, place)
    assert str(caught.value) == (
        f"{file} row = 'h1': row t1 of {place} has this {by} too, and so it is with 1 of 2 held-out rows: "
        "what a model was trained on measures nothing. Take them out of one of the two; "
        f"`adhere check {place} --against {file}` lists them."
    )


@pytest.mark.parametrize("verb", ["sft", "grpo"])
def test_a_run_is_refused_before_a_model_is_looked_for(
    place: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(place, held_out("Pot", 1))
    words = [verb, "--data", str(place), "--out", str(place / "out"), "--model", "nowhere"]
    assert main([*words, "--held-out", str(file)]) == 2
    assert "row t1 of" in capsys.readouterr().err
    assert not (place / "out").exists()


def test_the_doctor_says_that_the_run_cannot_start(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(place, held_out("Pot", 1))
    words = ["doctor", "--data", str(place), "--model", "nowhere", "--held-out", str(file), "--json"]
    assert main(words) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["verdict"] == "cannot start"
    assert said["causes"][0]["cause"] == "held-out rows leak"
    assert said["causes"][0]["evidence"] == {"held_out": 1}
