"""Examples on disk: what is written is read back, and every bad line is named."""

import io
import json
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.data import store
from adhere.data.store import Dataset, Row
from adhere.errors import DataError, SchemaError
from adhere.records import JSON, Example
from adhere.schema import Schema

ORDER: dict[str, JSON] = {
    "title": "Order",
    "type": "object",
    "properties": {"item": {"type": "string"}, "count": {"type": "integer", "minimum": 1}},
    "required": ["item"],
    "additionalProperties": False,
}
NOTE: dict[str, JSON] = {"type": "object", "properties": {"note": {"type": "string"}}}
GOOD = '{"id": "a", "text": "Two mugs.", "target": {"item": "mug", "count": 2}}'


def directory(path: Path, *lines: str, **schemas: JSON) -> Path:
    """Rows beside one `schema.json`, or beside the `schemas.json` of several."""
    if schemas:
        (path / "schemas.json").write_text(json.dumps(schemas))
    else:
        (path / "schema.json").write_text(json.dumps(ORDER))
    (path / "examples.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def fault(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        store.read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_directory_is_read_with_the_schema_beside_its_rows(tmp_path: Path) -> None:
    dataset = store.read(directory(tmp_path, GOOD))
    assert dataset.schemas["Order"].source == ORDER
    assert dataset.examples == (
        Example(id="a", text="Two mugs.", schema="Order", target={"item": "mug", "count": 2}),
    )


def test_a_file_is_read_with_the_schema_beside_it(tmp_path: Path) -> None:
    directory(tmp_path, GOOD)
    (tmp_path / "examples.jsonl").rename(tmp_path / "held_out.jsonl")
    assert store.read(tmp_path / "held_out.jsonl").examples[0].id == "a"


def test_rows_name_their_schema_where_there_are_several(tmp_path: Path) -> None:
    rows = ['{"id": 1, "schema": "Order", "text": ""}', '{"id": 2, "schema": "Note", "text": ""}']
    dataset = store.read(directory(tmp_path, *rows, Order=ORDER, Note=NOTE))
    assert [example.schema for example in dataset.examples] == ["Order", "Note"]
    assert set(dataset.schemas) == {"Order", "Note"}


def test_several_schemas_go_before_a_single_one(tmp_path: Path) -> None:
    directory(tmp_path, '{"text": ""}')
    directory(tmp_path, '{"text": "", "schema": "Note"}', Note=NOTE)
    assert set(store.read(tmp_path).schemas) == {"Note"}


def test_one_schema_needs_no_naming_in_either_file(tmp_path: Path) -> None:
    assert store.read(directory(tmp_path, '{"text": ""}', Note=NOTE)).examples[0].schema == "Note"


def test_a_schema_without_a_title_is_called_after_its_file(tmp_path: Path) -> None:
    (tmp_path / "note.json").write_text(json.dumps(NOTE))
    assert set(store.read_schemas(tmp_path / "note.json")) == {"note"}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        pytest.param({}, {"file"}, id="nothing: a schema that takes anything"),
        pytest.param({"properties": {"a": {}}}, {"file"}, id="only properties: a schema"),
        pytest.param({"type": "object"}, {"file"}, id="a type: a schema"),
        pytest.param({"A": {}, "title": "B"}, {"B"}, id="a title: a schema, with a keyword of its own"),
        pytest.param({"A": {}}, {"A"}, id="one by name"),
        pytest.param({"A": {}, "B": {"type": "object"}}, {"A", "B"}, id="two by name"),
    ],
)
def test_a_file_holds_one_schema_or_several_by_name(
    tmp_path: Path, source: dict[str, JSON], names: set[str]
) -> None:
    (tmp_path / "file.json").write_text(json.dumps(source))
    assert set(store.read_schemas(tmp_path / "file.json")) == names


@pytest.mark.parametrize("title", ["", 5], ids=["empty", "no text"])
def test_a_title_that_names_nothing_is_no_name(tmp_path: Path, title: JSON) -> None:
    (tmp_path / "note.json").write_text(json.dumps({**NOTE, "title": title}))
    try:
        assert set(store.read_schemas(tmp_path / "note.json")) == {"note"}
    except SchemaError:
        # A title that is no text may be refused with its schema, as long as it names nothing.
        assert title == 5


def test_what_an_example_does_not_have_goes_into_its_meta(tmp_path: Path) -> None:
    row = {"text": "t", "reasoning": "r", "target": None, "meta": {"a": 1}, "source": "web", "page": [2]}
    (example,) = store.read(directory(tmp_path, json.dumps(row))).examples
    assert example.meta == {"a": 1, "source": "web", "page": [2]}
    assert (example.reasoning, example.target) == ("r", None)


def test_a_row_without_an_id_is_called_by_its_place_and_blank_lines_count(tmp_path: Path) -> None:
    dataset = store.read(directory(tmp_path, "", '{"text": "a"}', "  ", '{"text": "b", "id": 7}'))
    assert [example.id for example in dataset.examples] == ["examples-2", "7"]


def test_lines_may_end_as_on_windows_and_the_last_not_at_all(tmp_path: Path) -> None:
    directory(tmp_path)
    (tmp_path / "examples.jsonl").write_bytes(b'{"text": "a"}\r\n{"text": "b"}')
    assert [example.text for example in store.read(tmp_path).examples] == ["a", "b"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param('{"text": "a"', ' = \'{"text": "a"\': not JSON at character 13: ', id="broken JSON"),
        pytest.param('{"text": "a", "text": "b"}', "the key 'text' stands twice", id="a repeated key"),
        pytest.param('{"text": NaN}', "not JSON", id="not a number"),
        pytest.param('["text"]', " = ['text']: it is not a JSON object", id="a list"),
        pytest.param('{"txt": "a"}', " text = None: the row has no such column", id="no text"),
        pytest.param('{"text": null}', " text = None: it is not a text", id="text is null"),
        pytest.param('{"text": 5}', " text = 5: it is not a text", id="text is a number"),
        pytest.param(
            '{"text": "a", "id": 1.5}', " id = 1.5: it is neither a text nor a whole", id="a broken id"
        ),
        pytest.param(
            '{"text": "a", "id": true}', " id = True: it is neither", id="an id that is a truth value"
        ),
        pytest.param('{"text": "a", "id": "a"}', " id = 'a': ", id="a repeated id"),
        pytest.param('{"text": "a", "meta": 5}', " meta = 5: it is not an object", id="meta is no object"),
        pytest.param(
            '{"text": "a", "reasoning": 5}', " reasoning = 5: it is not a text", id="reasoning is no text"
        ),
        pytest.param(
            '{"text": "a", "schema": "Oder"}',
            " schema = 'Oder': the schemas are Order. Name",
            id="no such schema",
        ),
        pytest.param(
            '{"text": "a", "schema": {"type": "object"}}',
            " schema = {'type': 'object'}: it is not",
            id="inline",
        ),
        pytest.param(
            '{"text": "a", "target": {"item": "mug", "count": 0}}',
            " target = {'item': 'mug', 'count': 0}: minimum at /count: ",
            id="a target that breaks its schema",
        ),
        pytest.param(
            '{"text": "a", "target": {}}', " target = {}: required at ", id="a target that lacks a key"
        ),
        pytest.param(
            '{"text": "a", "target": {"count": 0}}',
            " (and 1 more). Mend the target",
            id="a target broken twice",
        ),
        pytest.param(
            '{"text": "a", "target": 5}', " target = 5: type at the root: ", id="a target of another type"
        ),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, expected: str) -> None:
    message = fault(directory(tmp_path, GOOD, "", line))
    # The good row is line 1, a blank one line 2.
    assert message.startswith(f"{tmp_path / 'examples.jsonl'}:3")
    assert expected in message


def test_a_line_that_is_not_unicode_is_named(tmp_path: Path) -> None:
    directory(tmp_path)
    (tmp_path / "examples.jsonl").write_bytes(b'{"text": "\xff"}\n')
    assert "examples.jsonl:1 = " in fault(tmp_path)


def test_a_repeated_id_names_both_places(tmp_path: Path) -> None:
    message = fault(directory(tmp_path, GOOD, GOOD))
    file = tmp_path / "examples.jsonl"
    assert message == (
        f"{file}:2 id = 'a': {file}:1 has it too, and answers are told apart by it. Give each row its own."
    )


def test_a_row_that_names_no_schema_where_there_are_several_is_named(tmp_path: Path) -> None:
    message = fault(directory(tmp_path, '{"text": "a"}', Order=ORDER, Note=NOTE))
    assert "examples.jsonl:1 schema = None: the row has no such column" in message


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^data = '.*nowhere': there is no such directory or file"):
        store.read(tmp_path / "nowhere")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    directory(tmp_path, GOOD)
    (tmp_path / "examples.jsonl").unlink()
    assert f"{tmp_path / 'examples.jsonl'} = 'no such file'" in fault(tmp_path)


def test_rows_without_a_schema_beside_them_are_told_what_is_missing(tmp_path: Path) -> None:
    directory(tmp_path, GOOD)
    (tmp_path / "schema.json").unlink()
    assert "neither schemas.json nor schema.json stands beside it. Put one there" in fault(tmp_path)


def test_a_file_without_rows_is_no_data(tmp_path: Path) -> None:
    assert "it has no rows" in fault(directory(tmp_path, "", " "))


@pytest.mark.parametrize("text", ["[]", "{"], ids=["a list", "broken"])
def test_a_schema_file_that_is_no_object_is_named(tmp_path: Path, text: str) -> None:
    directory(tmp_path, GOOD)
    (tmp_path / "schema.json").write_text(text)
    assert fault(tmp_path).startswith(f"{tmp_path / 'schema.json'} = ")


def test_a_schema_that_is_none_is_refused(tmp_path: Path) -> None:
    directory(tmp_path, GOOD)
    (tmp_path / "schema.json").write_text('{"type": "invoice"}')
    with pytest.raises(SchemaError):
        store.read(tmp_path)


def test_rows_come_from_standard_input_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"text": "a"}\n')))
    assert list(store.rows(Path("-"))) == [Row(Path("-"), 1, {"text": "a"})]


def test_what_is_written_has_no_empty_columns(tmp_path: Path) -> None:
    example = Example(id="a", text="Zwei Becher — 2 £", schema="Order")
    store.write(Dataset({"Order": Schema.of(ORDER, name="Order")}, (example,)), tmp_path, "held_out.jsonl")
    assert (tmp_path / "held_out.jsonl").read_text(encoding="utf-8") == (
        '{"id":"a","text":"Zwei Becher — 2 £","schema":"Order","target":null}\n'
    )
    assert json.loads((tmp_path / "schemas.json").read_text(encoding="utf-8")) == {"Order": ORDER}


LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=4)
EXAMPLES = st.lists(
    st.builds(
        Example,
        id=st.text(),
        text=st.text(),
        schema=st.just("any"),
        target=VALUES,
        reasoning=st.none() | st.text(),
        meta=st.dictionaries(st.text(), VALUES),
    ),
    min_size=1,
    max_size=2,
    unique_by=lambda example: example.id,
)


@settings(max_examples=50)
@given(examples=EXAMPLES)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, examples: list[Example]
) -> None:
    path = tmp_path_factory.getbasetemp()
    store.write(Dataset({"any": Schema.of({"title": "any"}, name="any")}, tuple(examples)), path)
    assert store.read(path).examples == tuple(examples)


def test_public_data_is_read_as_it_is(shared_data: Path) -> None:
    snips = store.read(shared_data / "snips" / "train.jsonl")
    assert (len(snips.examples), len(snips.schemas)) == (13723, 7)
    e2e = store.read(shared_data / "e2e" / "dev.jsonl")
    assert (len(e2e.examples), set(e2e.schemas)) == (4672, {"Restaurant"})
    assert all(example.target is not None for example in (*snips.examples, *e2e.examples))
