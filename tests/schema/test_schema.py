"""A schema is accepted from wherever users keep it, or refused in one line."""

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from pydantic import BaseModel, Field

from adhere.errors import SchemaError
from adhere.records import JSON
from adhere.schema import Schema, Violation

SOURCE: dict[str, JSON] = {
    "title": "Person",
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name"],
}


class Person(BaseModel):
    """Somebody."""

    name: str = Field(description="in full")
    friend: "Person | None" = None


class Loose(BaseModel):
    call: Callable[[], None]


def test_a_schema_knows_its_parts() -> None:
    schema = Schema.of(SOURCE)
    assert schema.source == SOURCE
    assert schema.name == "Person"
    assert json.loads(schema.canonical) == SOURCE
    assert schema.blank == '{"name":"string","age":"integer?"}'
    assert [leaf.pointer for leaf in schema.leaves] == ["/name", "/age"]
    assert schema.obeys({"name": "A"})
    assert schema.violations({"name": 1}) == [Violation("/name", "type", '1 is not of type "string"')]


def test_the_hash_is_that_of_the_canonical_text() -> None:
    # printf '{"type":"null"}' | sha256sum
    assert (
        Schema.of({"type": "null"}).hash == "bcde375ebd4cbacf651311181173836b169d5a360c6ac158c6a2cdaf49be3f61"
    )


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(SOURCE, id="mapping"),
        pytest.param(MappingProxyType(SOURCE), id="mapping that is no dict"),
        pytest.param(json.dumps(SOURCE, indent=2), id="text"),
        pytest.param(dict(reversed(SOURCE.items())), id="other order"),
    ],
)
def test_equal_schemas_are_equal_however_they_are_given(given: Any) -> None:
    schema = Schema.of(given, name="another name")
    assert schema == Schema.of(SOURCE)
    assert hash(schema) == hash(Schema.of(SOURCE))
    assert schema.hash == Schema.of(SOURCE).hash


def test_numbers_are_equal_by_value() -> None:
    assert Schema.of({"maximum": 1.0}) == Schema.of('{"maximum": 1}')
    assert Schema.of({"maximum": 1}) != Schema.of({"maximum": 2})


def test_order_is_kept_where_it_is_shown() -> None:
    source: dict[str, JSON] = {"properties": {"b": {}, "a": {}}, "required": ["a", "b"]}
    assert Schema.of(source).blank == '{"b":"any","a":"any"}'


@pytest.mark.parametrize(
    ("given", "name", "expected"),
    [
        pytest.param(SOURCE, None, "Person", id="its title"),
        pytest.param(SOURCE, "mine", "mine", id="the one given"),
        pytest.param({}, None, "schema", id="neither"),
        pytest.param({"title": ""}, None, "schema", id="an empty title"),
        pytest.param("{}", None, "schema", id="a text"),
        pytest.param(Person, None, "Person", id="a model"),
    ],
)
def test_name(given: Any, name: str | None, expected: str) -> None:
    assert Schema.of(given, name=name).name == expected


def test_a_model_is_its_json_schema() -> None:
    schema = Schema.of(Person)
    assert schema.blank == '{"name":"string: in full","friend":"…Person|null?"}'
    assert schema.obeys({"name": "A", "friend": {"name": "B"}})
    assert not schema.obeys({"friend": None})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param(
            {"properties": {"x": {"$ref": "https://a.b/c"}}},
            "schema#/properties/x = {'$ref': 'https://a.b/c'}: keyword '$ref' leaves the document for "
            "'https://a.b/c', and nothing is ever fetched. Copy what it names into '$defs'.",
            id="a refusal",
        ),
        pytest.param(
            {"$id": "::"},
            "schema# = {'$id': '::'}: it does not compile "
            "(Invalid URI reference '::': unexpected character at index 0). Correct the schema.",
            id="a refusal of no keyword",
        ),
        pytest.param(
            '{"a": 1, "a": 2}',
            "schema, character 9 = \"the key 'a' stands twice in its object\": "
            "the schema is not a JSON text. Correct it there.",
            id="a repeated key",
        ),
        pytest.param("true", "schema = True: a schema is a JSON object. Write it as {...}.", id="true"),
        pytest.param(
            3,
            "schema = 3: a schema is a mapping, a JSON text or a Pydantic model. Give one of these.",
            id="a number",
        ),
        pytest.param(
            {"default": {1}},
            "schema = {'default': {1}}: it cannot be written as JSON "
            "(Object of type set is not JSON serializable). Use what JSON has, and nothing else.",
            id="a set",
        ),
        pytest.param(
            {"maximum": float("inf")},
            "schema = {'maximum': inf}: it cannot be written as JSON "
            "(Out of range float values are not JSON compliant",
            id="infinity",
        ),
        pytest.param(
            int,
            "int = <class 'int'>: the class is not a Pydantic model. Derive it from BaseModel.",
            id="a class that is no model",
        ),
        pytest.param(
            Loose,
            "Loose = <class 'test_schema.Loose'>: Pydantic cannot write its schema "
            "(Cannot generate a JsonSchema for core_schema.CallableSchema). Use types that JSON has.",
            id="a model that has no JSON",
        ),
    ],
)
def test_a_refusal_is_one_line(given: Any, message: str) -> None:
    with pytest.raises(SchemaError) as refusal:
        Schema.of(given)
    assert str(refusal.value).replace("tests.schema.", "")[: len(message)] == message
    assert "\n" not in str(refusal.value)


def test_a_mapping_within_itself_is_refused() -> None:
    source: dict[str, Any] = {}
    source["not"] = source
    with pytest.raises(SchemaError, match="cannot be written as JSON"):
        Schema.of(source)


def test_a_mapping_past_the_recursion_limit_is_refused() -> None:
    source: dict[str, Any] = {}
    for _ in range(100_000):
        source = {"not": source}
    with pytest.raises(SchemaError, match="it is nested too deeply to be read"):
        Schema.of(source)
    while source:  # taken apart by hand: freeing it whole recurses in C
        source = source.pop("not")


def test_a_file_is_read_and_named_by_title_or_file(tmp_path: Path) -> None:
    titled, untitled = tmp_path / "a.json", tmp_path / "order.schema.json"
    titled.write_text(json.dumps(SOURCE))
    untitled.write_text("{}")
    assert Schema.read(titled) == Schema.of(SOURCE)
    assert (Schema.read(titled).name, Schema.read(untitled).name) == ("Person", "order.schema")


def test_a_fault_in_a_file_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(b'{"title": "\xff"}')
    with pytest.raises(SchemaError, match=r"bad\.json, character 11 = 'bytes that are not UTF-8'"):
        Schema.read(path)
    path.write_text('{"items": {"type": "strin"}}')
    with pytest.raises(SchemaError, match=r"bad\.json#/items = {'type': 'strin'}: keyword 'type'"):
        Schema.read(path)


@pytest.mark.parametrize("name", ["none.json", ""])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SchemaError, match="the file cannot be read"):
        Schema.read(tmp_path / name)


MODELS = """
from __future__ import annotations
from pydantic import BaseModel

class Line(BaseModel):
    text: str
    inner: list[Line] = []

count = 3
"""


def test_a_reference_is_a_json_file_or_a_model_in_a_python_file(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text(MODELS)
    (tmp_path / "a.json").write_text(json.dumps(SOURCE))
    assert Schema.load(str(tmp_path / "a.json")) == Schema.of(SOURCE)
    line = Schema.load(f"{tmp_path}/models.py:Line")
    assert (line.name, line.blank) == ("Line", '{"text":"string","inner?":["…Line"]}')


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("none.json", "the file cannot be read"),
        ("none.py:Line", "there is no such file"),
        ("models.py:Lines", "the file has no class 'Lines'"),
        ("models.py:count", "the file has no class 'count'"),
    ],
)
def test_a_reference_to_nothing_is_refused(tmp_path: Path, reference: str, reason: str) -> None:
    (tmp_path / "models.py").write_text(MODELS)
    with pytest.raises(SchemaError, match=reason):
        Schema.load(f"{tmp_path}/{reference}")


def test_a_python_file_without_the_name_of_a_class_is_asked_for_one(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text(MODELS)
    with pytest.raises(SchemaError, match=r"Name the class too, as file\.py:Model\.$"):
        Schema.load(str(tmp_path / "models.py"))


def test_what_a_users_file_raises_is_the_users(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("1 / 0")
    with pytest.raises(ZeroDivisionError):
        Schema.load(f"{tmp_path}/broken.py:Line")


def pickled(schema: Schema) -> Schema:
    return pickle.loads(pickle.dumps(schema))  # noqa: S301 - written here


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickled])
def test_a_schema_survives_a_copy_and_a_pickle(again: Callable[[Schema], Schema]) -> None:
    schema = Schema.of({"properties": {"b": {}, "a": {}}}, name="mine")
    twin = again(schema)
    assert twin == schema
    assert (twin.name, twin.blank) == (schema.name, schema.blank)
    assert twin.obeys({})
