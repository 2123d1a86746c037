import json
import re
from pathlib import Path
from typing import cast

import pytest

from adhere.cli import main
from adhere.config import ExtractConfig
from adhere.errors import DataError, SchemaError
from adhere.extract import extract
from adhere.model import Model, save
from adhere.records import JSON


@pytest.fixture
def place(tmp_path: Path, model: Model) -> Path:
    save(model, tmp_path / "model")
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    return tmp_path


def config(place: Path, **changes: object) -> ExtractConfig:
    given = {"text": "Ulm", "schema": str(place / "schema.json"), "model": str(place / "model")}
    return ExtractConfig(**{**given, "max_new_tokens": 60, **changes})  # type: ignore[arg-type]


def test_even_a_random_model_obeys_under_the_grammar(place: Path) -> None:
    answer = extract(config(place))
    assert answer["outcome"] == "obeys"
    assert isinstance(answer["value"], dict)
    assert json.loads(str(answer["completion"])) == answer["value"]


def test_without_the_grammar_the_outcome_is_told(place: Path) -> None:
    answer = extract(config(place, constrain=False))
    assert answer["outcome"] in {"no_output", "malformed"}
    assert answer["value"] is None


def test_a_pydantic_model_is_a_schema(place: Path) -> None:
    source = "from pydantic import BaseModel\n\nclass Town(BaseModel):\n    name: str\n"
    (place / "town.py").write_text(source)
    answer = extract(config(place, schema=f"{place / 'town.py'}:Town"))
    assert answer["outcome"] == "obeys"


def test_each_field_has_its_confidence(place: Path) -> None:
    sure = confidences(extract(config(place)))["/city"]
    assert list(sure) == ["raw"]
    assert 0 <= sure["raw"] <= 1


def test_a_model_with_a_calibration_tells_how_often_such_a_field_is_right(place: Path) -> None:
    made = {"method": "logistic", "slope": 0, "offset": 0, "rows": 40, "leaves": 90}
    (place / "model" / "calibration.json").write_text(json.dumps(made))
    assert confidences(extract(config(place)))["/city"]["calibrated"] == 0.5


def test_the_command_prints_a_line_for_each_field(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    only: JSON = {"enum": [{"city": "Ulm"}, {"city": "Bonn"}]}
    (place / "schema.json").write_text(json.dumps(only))
    words = ["Ulm", "--schema", str(place / "schema.json"), "--model", str(place / "model")]
    assert main(["extract", *words, "--max-new-tokens", "60", "--confidence"]) == 0
    answer, told = capsys.readouterr().out.removesuffix("\n").split("\n")
    assert json.loads(answer).keys() == {"city"}
    assert re.fullmatch(r"/city  [01]\.\d{3}, not calibrated", told)
    made = {"method": "logistic", "slope": 0, "offset": 0, "rows": 40, "leaves": 90}
    (place / "model" / "calibration.json").write_text(json.dumps(made))
    assert main(["extract", *words, "--max-new-tokens", "60", "--confidence"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "/city  0.500"


def confidences(answer: dict[str, JSON]) -> dict[str, dict[str, float]]:
    return cast("dict[str, dict[str, float]]", answer["confidence"])


def test_an_empty_text_is_refused(place: Path) -> None:
    with pytest.raises(DataError, match=r"extract.text = '  '"):
        extract(config(place, text="  "))


def test_a_schema_that_is_not_one_is_refused(place: Path) -> None:
    (place / "schema.json").write_text('{"type": "objekt"}')
    with pytest.raises(SchemaError):
        extract(config(place))
