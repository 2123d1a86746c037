import json
from pathlib import Path

import pytest

from adhere.config import ExtractConfig
from adhere.errors import DataError, SchemaError
from adhere.extract import extract
from adhere.model import Model, save


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


def test_an_empty_text_is_refused(place: Path) -> None:
    with pytest.raises(DataError, match=r"extract.text = '  '"):
        extract(config(place, text="  "))


def test_a_schema_that_is_not_one_is_refused(place: Path) -> None:
    (place / "schema.json").write_text('{"type": "objekt"}')
    with pytest.raises(SchemaError):
        extract(config(place))
