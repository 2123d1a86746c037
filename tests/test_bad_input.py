"""Bad input costs one line that says what to do, exit status 2, and nothing on disk."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from adhere.cli import main
from adhere.model import Model, save

GOOD = {
    "title": "Cup",
    "type": "object",
    "properties": {"item": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["item", "count"],
    "additionalProperties": False,
}
ROW = {"id": "1", "text": "Two mugs", "target": {"item": "mug", "count": 2}}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with a good schema and a good row."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "schema.json").write_text(json.dumps(GOOD))
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROW) + "\n")
    return tmp_path


def written(name: str, text: str) -> Callable[[Path], None]:
    """Replace a file of the folder."""

    def spoil(place: Path) -> None:
        (place / name).write_text(text)

    return spoil


def schema(text: str) -> Callable[[Path], None]:
    return written("schema.json", text)


def rows(text: str) -> Callable[[Path], None]:
    return written("rows.jsonl", text)


def nothing(place: Path) -> None:
    """Leave the folder as it is."""


def existing(place: Path) -> None:
    """Put something where the output should go."""
    (place / "out").mkdir()
    (place / "out" / "mine").write_text("kept")


IMPORT = ["import", "rows.jsonl", "--schema", "schema.json", "--out", "out"]
SYNTH = ["synth", "--schema", "schema.json", "--rows", "5", "--out", "out"]
REMOTE = json.dumps({"properties": {"a": {"$ref": "https://example.com/a.json"}}})
LATER = json.dumps(ROW) + "\n"


@pytest.mark.parametrize(
    ("spoil", "words", "said"),
    [
        pytest.param(
            schema('{"type": '), SYNTH, ["schema.json", "not a JSON text"], id="a schema that is not JSON"
        ),
        pytest.param(
            schema('{"type": "objekt"}'), SYNTH, ["schema.json", "objekt"], id="a schema that is none"
        ),
        pytest.param(schema("[]"), SYNTH, ["schema.json", "JSON object"], id="a list is no schema"),
        pytest.param(schema(REMOTE), SYNTH, ["#/properties/a", "$ref"], id="a remote reference"),
        pytest.param(
            schema('{"$dynamicRef": "#a"}'), SYNTH, ["$dynamicRef"], id="a keyword that is refused, by name"
        ),
        pytest.param(
            schema('{"type": "string", "type": "null"}'), SYNTH, ["schema.json"], id="a repeated key"
        ),
        pytest.param(rows(LATER + '{"text": "x'), IMPORT, ["rows.jsonl:2"], id="a broken line, which one"),
        pytest.param(rows(LATER + '{"id": "2"}'), IMPORT, ["rows.jsonl:2", "text"], id="a missing field"),
        pytest.param(
            rows('{"text": "x", "target": {"item": "mug"}}'),
            IMPORT,
            ["rows.jsonl:1", "required"],
            id="a target that breaks its schema",
        ),
        pytest.param(
            nothing, [*IMPORT[:1], "none.jsonl", *IMPORT[2:]], ["none.jsonl"], id="a file that is not there"
        ),
        pytest.param(
            nothing, ["synth", "--schema", "no.json", "--out", "out"], ["no.json"], id="a schema not there"
        ),
        pytest.param(existing, IMPORT, ["out", "stands already"], id="an output directory that exists"),
        pytest.param(
            nothing,
            ["eval", "--model", "nowhere", "--data", "rows.jsonl", "--out", "out"],
            ["nowhere", "does not load"],
            id="a model that does not load",
        ),
        pytest.param(
            nothing,
            ["extract", "--model", "nowhere", "--schema", "schema.json", "Two mugs"],
            ["nowhere", "does not load"],
            id="a model that does not load, to answer one text",
        ),
        pytest.param(
            nothing,
            ["grpo", "--data", "rows.jsonl", "--out", "out", "--group-sise", "4"],
            ["--group-sise", "perhaps you meant --group-size"],
            id="a flag that does not exist",
        ),
        pytest.param(
            nothing,
            ["grpo", "--data", "rows.jsonl", "--out", "out", "--group-size", "1"],
            ["grpo.group_size = 1", "nothing is learned", "Use 2 or more"],
            id="a setting outside its range",
        ),
        pytest.param(nothing, ["evla"], ["perhaps you meant"], id="a verb that does not exist"),
    ],
)
def test_bad_input_costs_one_line(
    place: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], None],
    words: list[str],
    said: list[str],
) -> None:
    spoil(place)
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith(f"adhere {words[0]}: ")
    for words_of_it in said:
        assert words_of_it in line
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


def test_a_text_too_long_for_the_model_is_named(
    place: Path, capsys: pytest.CaptureFixture[str], model: Model
) -> None:
    save(model, place / "model")
    before = sorted(place.rglob("*"))
    (place / "rows.jsonl").write_text(json.dumps({**ROW, "text": "mug " * 500}) + "\n")
    assert main(["eval", "--model", "model", "--data", "rows.jsonl", "--out", "out"]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "context of 512" in line
    assert sorted(place.rglob("*")) == before
