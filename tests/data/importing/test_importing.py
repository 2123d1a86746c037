"""Rows of other forms become examples, and nothing of them is lost silently."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from adhere import artifact
from adhere.config import ImportConfig
from adhere.data import store
from adhere.data.importing.importing import import_rows
from adhere.errors import ConfigError, DataError
from adhere.records import JSON, Example

ORDER: dict[str, JSON] = {
    "title": "Order",
    "type": "object",
    "properties": {"item": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["item"],
}
MUG: dict[str, JSON] = {"item": "mug", "count": 2}
ANSWER = '{"item": "mug", "count": 2}'


def says(role: str, content: JSON) -> JSON:
    return {"role": role, "content": content}


def config(path: Path, *rows: JSON, schema: JSON = None, **columns: str) -> ImportConfig:
    (path / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (path / "order.json").write_text(json.dumps(schema or ORDER))
    bare = ImportConfig(file=path / "rows.jsonl", schema=path / "order.json", out=path / "out")
    return replace(bare, **columns)  # pyright: ignore[reportArgumentType] (columns are all text)


def imported(path: Path, *rows: JSON, schema: JSON = None, **columns: str) -> tuple[Example, ...]:
    import_rows(config(path, *rows, schema=schema, **columns))
    return store.read(path / "out").examples


@pytest.mark.parametrize(
    ("row", "target", "meta"),
    [
        pytest.param({"text": "Two mugs.", "target": MUG}, MUG, {}, id="plain"),
        pytest.param({"text": "Two mugs."}, None, {}, id="plain and unlabelled"),
        pytest.param({"text": "Two mugs.", "target": None}, None, {}, id="plain and said to be unlabelled"),
        pytest.param({"text": "Two mugs.", "target": ANSWER}, MUG, {}, id="a target that is JSON in a text"),
        pytest.param(
            {"text": "Two mugs.", "page": 3, "meta": {"by": "me"}},
            None,
            {"page": 3, "by": "me"},
            id="more columns",
        ),
        pytest.param({"messages": [says("user", "Two mugs.")]}, None, {}, id="a question"),
        pytest.param(
            {"messages": [says("user", "Two mugs."), says("assistant", ANSWER)]}, MUG, {}, id="a chat"
        ),
        pytest.param(
            {"messages": [says("system", "Extract."), says("user", "Two mugs."), says("assistant", ANSWER)]},
            MUG,
            {"system": "Extract."},
            id="a chat with a system message",
        ),
        pytest.param(
            {"messages": [says("user", "Hello."), says("assistant", "Hi."), says("user", "Two mugs.")]},
            None,
            {"turns": [says("user", "Hello."), says("assistant", "Hi.")]},
            id="a chat with earlier turns, whose answer is to them",
        ),
        pytest.param(
            {
                "messages": [
                    says("user", [{"type": "text", "text": "Two "}, {"type": "text", "text": "mugs."}])
                ]
            },
            None,
            {},
            id="a message in parts",
        ),
        pytest.param(
            {"messages": [says("user", "Two mugs."), {"role": "assistant"}]},
            None,
            {},
            id="an assistant that is mute",
        ),
        pytest.param(
            {"messages": [says("user", "Two mugs."), says("assistant", "Two!")], "target": MUG},
            MUG,
            {"answer": "Two!"},
            id="a target beside an answer",
        ),
        pytest.param({"prompt": "Two mugs."}, None, {}, id="a prompt"),
        pytest.param({"prompt": "Two mugs.", "completion": ANSWER}, MUG, {}, id="prompt and completion"),
        pytest.param(
            {"prompt": "Two mugs.", "completion": MUG}, MUG, {}, id="a completion that is an object"
        ),
        pytest.param(
            {
                "prompt": [says("system", "Extract."), says("user", "Two mugs.")],
                "completion": [says("assistant", ANSWER)],
            },
            MUG,
            {"system": "Extract."},
            id="prompt and completion as messages",
        ),
        pytest.param(
            {"text": "Two mugs.", "completion": "Two!", "prompt": "Extract."},
            None,
            {"completion": "Two!", "prompt": "Extract."},
            id="a text goes before a prompt",
        ),
    ],
)
def test_a_row_of_any_form_is_an_example(
    tmp_path: Path, row: JSON, target: JSON, meta: Mapping[str, JSON]
) -> None:
    (example,) = imported(tmp_path, row)
    assert example == Example(id="rows-1", text="Two mugs.", schema="Order", target=target, meta=meta)


def test_columns_can_have_other_names(tmp_path: Path) -> None:
    row: JSON = {"body": "Two mugs.", "gold": MUG, "text": "the subject", "target": "unused"}
    (example,) = imported(tmp_path, row, text_column="body", target_column="gold")
    assert (example.text, example.target) == ("Two mugs.", MUG)
    assert example.meta == {"text": "the subject", "target": "unused"}


def test_what_an_example_has_already_stays(tmp_path: Path) -> None:
    row: JSON = {"id": "a", "text": "Two mugs.", "schema": "Order", "reasoning": "Two is a count."}
    (example,) = imported(tmp_path, row)
    assert example == Example(id="a", text="Two mugs.", schema="Order", reasoning="Two is a count.")


def test_a_text_that_is_the_answer_is_not_read_as_json(tmp_path: Path) -> None:
    (example,) = imported(tmp_path, {"text": "Two mugs.", "target": "12"}, schema={"type": "string"})
    assert example.target == "12"
    assert example.schema == "order"


def test_rows_may_name_their_schema(tmp_path: Path) -> None:
    several: JSON = {"Order": ORDER, "Note": {"type": "object"}}
    rows: list[JSON] = [{"text": "a", "schema": "Note"}, {"text": "b", "schema": "Order"}]
    assert [example.schema for example in imported(tmp_path, *rows, schema=several)] == ["Note", "Order"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param({"body": "a"}, " text = None: the row has no such column, and neither", id="no text"),
        pytest.param({"text": 5}, " text = 5: it is not a text", id="a text that is none"),
        pytest.param({"messages": []}, " messages = []: no user says anything", id="silence"),
        pytest.param({"messages": None}, " messages = None: no user says anything", id="no messages"),
        pytest.param({"messages": [says("assistant", ANSWER)]}, " messages = ", id="nobody asks"),
        pytest.param(
            {"messages": [says("user", 5)]}, "no user says anything in it that is text", id="no words"
        ),
        pytest.param(
            {"messages": ["Two mugs."]}, "it is not a list of messages", id="no messages in messages"
        ),
        pytest.param({"messages": [{"content": "a"}]}, "it is not a list of messages", id="nobody's message"),
        pytest.param({"prompt": None}, " prompt = None: no user says anything", id="an empty prompt"),
        pytest.param(
            {"messages": [says("user", "a"), says("assistant", "```json\n{}\n```")]},
            "the answer is not JSON: ",
            id="an answer in a fence",
        ),
        pytest.param(
            {"prompt": "a", "completion": "Two!"}, " completion = 'Two!': the answer is not", id="prose"
        ),
        pytest.param(
            {"text": "a", "target": "Two!"}, " target = 'Two!': the answer is not JSON", id="no JSON"
        ),
        pytest.param(
            {"text": "a", "target": {"item": 5}},
            " target = {'item': 5}: type at /item: ",
            id="a broken target",
        ),
        pytest.param(
            {"prompt": "a", "completion": '{"count": 2}'},
            " target = {'count': 2}: required at ",
            id="a lacking answer",
        ),
        pytest.param({"text": "a", "meta": 5}, " meta = 5: it is not an object", id="meta is no object"),
    ],
)
def test_a_row_of_no_known_form_is_named_and_nothing_is_written(
    tmp_path: Path, row: JSON, expected: str
) -> None:
    with pytest.raises(DataError) as caught:
        imported(tmp_path, {"text": "a good one"}, row)
    assert str(caught.value).startswith(f"{tmp_path / 'rows.jsonl'}:2 ")
    assert expected in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_the_summary_counts_what_may_be_a_mistake(tmp_path: Path) -> None:
    rows: list[JSON] = [{"text": "a", "target": MUG}, {"text": "a"}, {"text": "b"}]
    # Rows 2 and 3 have no target; row 2 says what row 1 says.
    assert import_rows(config(tmp_path, *rows)) == {
        "rows": 3,
        "problems": {"unlabelled": 2, "empty_texts": 0, "repeated_texts": 1},
    }


def test_one_text_under_two_schemas_is_no_mistake(tmp_path: Path) -> None:
    several: JSON = {"Order": ORDER, "Note": {"type": "object"}}
    rows: list[JSON] = [{"text": "a", "schema": "Note"}, {"text": "a", "schema": "Order"}]
    assert import_rows(config(tmp_path, *rows, schema=several))["problems"] == {
        "unlabelled": 2,
        "empty_texts": 0,
        "repeated_texts": 0,
    }


def given(path: Path, name: str, content: str, *, schema: JSON = None, **columns: str) -> ImportConfig:
    (path / name).write_text(content)
    (path / "order.json").write_text(json.dumps(schema or ORDER))
    bare = ImportConfig(file=path / name, schema=path / "order.json", out=path / "out")
    return replace(bare, **columns)  # pyright: ignore[reportArgumentType] (columns are all text)


def examples_of(settings: ImportConfig) -> tuple[Example, ...]:
    import_rows(settings)
    return store.read(settings.out).examples


@pytest.mark.parametrize("name", ["rows.csv", "ROWS.TSV"])
def test_columns_of_a_table_that_are_called_as_the_schema_has_it_are_the_target(
    tmp_path: Path, name: str
) -> None:
    table = "id,text,item,count,page\na,Two mugs.,mug,2,7\nb,A mug.,mug,,8\nc,Hello.,,,9\n"
    rows = examples_of(given(tmp_path, name, table))
    assert [(row.id, row.target, row.meta) for row in rows] == [
        ("a", {"item": "mug", "count": 2}, {"page": "7"}),
        ("b", {"item": "mug"}, {"page": "8"}),
        ("c", None, {"page": "9"}),
    ]


def test_a_target_column_of_a_table_goes_first(tmp_path: Path) -> None:
    table = 'text;item;gold\nTwo mugs.;cup;"{""item"": ""mug""}"\nA cup.;cup;\n'
    rows = examples_of(given(tmp_path, "rows.csv", table, target_column="gold"))
    assert [(row.target, row.meta) for row in rows] == [
        ({"item": "mug"}, {"item": "cup"}),
        ({"item": "cup"}, {}),
    ]


def test_an_id_that_the_schema_asks_for_is_part_of_the_target(tmp_path: Path) -> None:
    schema: JSON = {"type": "object", "properties": {"id": {"type": "integer"}}}
    rows = examples_of(given(tmp_path, "rows.csv", "text,id\nNumber 5.,5\nAgain 5.,5\n", schema=schema))
    assert [(row.id, row.target) for row in rows] == [("rows-2", {"id": 5}), ("rows-3", {"id": 5})]


def test_a_chat_in_parquet_is_a_chat(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    table = pytest.importorskip("pyarrow.parquet")
    turns = [says("user", "Two mugs."), says("assistant", ANSWER)]
    table.write_table(arrow.table({"messages": [turns]}), tmp_path / "rows.parquet")
    settings = replace(given(tmp_path, "unused", ""), file=tmp_path / "rows.parquet")
    (row,) = examples_of(settings)
    assert (row.text, row.target) == ("Two mugs.", MUG)


def test_the_fields_that_a_struct_of_parquet_lacks_are_left_out(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    table = pytest.importorskip("pyarrow.parquet")
    several = [{"item": "mug", "count": 2}, {"item": "cup"}]
    columns = {"text": ["Two mugs.", "A cup."], "target": several}
    table.write_table(arrow.table(columns), tmp_path / "rows.parquet")
    schema = {"type": "object", "properties": {"item": {"type": "string"}, "count": {"type": "integer"}}}
    (tmp_path / "loose.json").write_text(json.dumps(schema))
    settings = replace(
        given(tmp_path, "unused", ""), file=tmp_path / "rows.parquet", schema=tmp_path / "loose.json"
    )
    assert [row.target for row in examples_of(settings)] == several


def test_texts_without_labels_come_in_by_their_files(tmp_path: Path) -> None:
    settings = given(tmp_path, "unused", "")
    (tmp_path / "texts").mkdir()
    for name in ("b.txt", "a.md"):
        (tmp_path / "texts" / name).write_text(f"Text of {name}")
    rows = examples_of(replace(settings, file=tmp_path / "texts"))
    assert [(row.id, row.text, row.target) for row in rows] == [
        ("a.md", "Text of a.md", None),
        ("b.txt", "Text of b.txt", None),
    ]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param('[{"text": "a"}, {"text": "b", "target": {"item": "b"}}]', id="a list"),
        pytest.param('\ufeff [\n{"text": "a"},\n{"text": "b", "target": {"item": "b"}}]', id="after a mark"),
        pytest.param('{"text": "a"}\n{"text": "b", "target": {"item": "b"}}\n', id="an object a line"),
        pytest.param(
            '\ufeff{"text": "a"}\n{"text": "b", "target": {"item": "b"}}\n', id="these after a mark"
        ),
    ],
)
def test_json_may_be_a_list_or_an_object_a_line(tmp_path: Path, content: str) -> None:
    rows = examples_of(given(tmp_path, "rows.json", content))
    assert [(row.id, row.text, row.target) for row in rows] == [
        ("rows-1", "a", None),
        ("rows-2", "b", {"item": "b"}),
    ]


TOOL: JSON = {"type": "function", "function": {"name": "order", "parameters": ORDER}}


def test_a_row_of_openai_brings_its_schema(tmp_path: Path) -> None:
    call: JSON = {"type": "function", "function": {"name": "order", "arguments": ANSWER}}
    spoken: JSON = {"role": "assistant", "tool_calls": [call]}
    note: JSON = {"type": "object", "properties": {"note": {"type": "string"}}}
    form: JSON = {"type": "json_schema", "json_schema": {"name": "note", "schema": note}}
    rows: list[JSON] = [
        {"messages": [says("user", "Two mugs."), spoken], "tools": [TOOL], "parallel_tool_calls": False},
        {
            "messages": [says("user", "Hello.")],
            "response_format": form,
            "reference_answer": {"note": "Hello."},
        },
    ]
    settings = replace(config(tmp_path, *rows), schema=None, target_column="reference_answer")
    found = examples_of(settings)
    assert [(row.schema, row.target, row.meta) for row in found] == [
        ("order", MUG, {}),
        ("note", {"note": "Hello."}, {}),
    ]
    assert store.read(settings.out).schemas["order"].source == ORDER


def test_a_call_names_one_of_several_schemas(tmp_path: Path) -> None:
    call: JSON = {"function": {"name": "order", "arguments": ANSWER}}
    row: JSON = {"messages": [says("user", "Two mugs."), {"role": "assistant", "tool_calls": [call]}]}
    (found,) = imported(tmp_path, row, schema={"order": ORDER, "note": {"type": "object"}})
    assert (found.schema, found.target) == ("order", MUG)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param(
            [{"text": "a"}], "rows.jsonl:1 schema = None: no --schema is given, and the row", id="none"
        ),
        pytest.param(
            [
                {"messages": [says("user", "a")], "tools": [TOOL]},
                {
                    "messages": [says("user", "b")],
                    "functions": [{"name": "order", "parameters": {"type": "object"}}],
                },
            ],
            "rows.jsonl:2 schema = None: an earlier row has another schema of the name order",
            id="two of one name",
        ),
    ],
)
def test_a_row_without_one_schema_is_told(tmp_path: Path, rows: list[JSON], message: str) -> None:
    with pytest.raises(DataError) as caught:
        import_rows(replace(config(tmp_path, *rows), schema=None))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("rows.json", "[]", "rows.json = '': it has no rows", id="an empty list"),
        pytest.param("rows.json", "[1", "rows.json = '': not JSON: ", id="half a list"),
        pytest.param("rows.json", '[{"text": "a"}, 5]', "rows.json:2 = 5: it is not a JSON object", id="a 5"),
        pytest.param(
            "rows.csv", "body\nx\n", "rows.csv:2 text = None: the row has no such column", id="no text"
        ),
        pytest.param(
            "rows.csv",
            "text,item,count\nTwo mugs.,mug,two\n",
            "rows.csv:2 count = 'two': the schema has integer there",
            id="no number",
        ),
        pytest.param(
            "rows.csv",
            "text,count\nTwo mugs.,2\n",
            "rows.csv:2 target = {'count': 2}: required at",
            id="no item",
        ),
        pytest.param("rows.jsonl", "\n", "rows.jsonl = 'empty': it has no rows", id="blank lines"),
    ],
)
def test_what_cannot_come_in_is_told_by_file_row_and_column(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        import_rows(given(tmp_path, name, content))
    assert message in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_empty_texts_are_counted(tmp_path: Path) -> None:
    problems = import_rows(config(tmp_path, {"text": " "}, {"text": "a"}))["problems"]
    assert problems == {"unlabelled": 2, "empty_texts": 1, "repeated_texts": 0}


def test_the_directory_is_sealed_with_the_hashes_of_what_was_read(tmp_path: Path) -> None:
    settings = config(tmp_path, {"text": "a"})
    summary = import_rows(settings)
    manifest = artifact.verify(settings.out)
    assert isinstance(manifest["inputs"], dict)
    assert set(manifest["inputs"]) == {str(settings.file), str(settings.schema)}
    assert json.loads((settings.out / "summary.json").read_text()) == summary


def test_a_directory_that_stands_is_not_overwritten(tmp_path: Path) -> None:
    settings = config(tmp_path, {"text": "a"})
    import_rows(settings)
    with pytest.raises(ConfigError, match="it stands already"):
        import_rows(settings)


def test_what_was_imported_can_be_imported_again(tmp_path: Path) -> None:
    first = imported(
        tmp_path, {"messages": [says("system", "Extract."), says("user", "Two mugs.")], "page": 3}
    )
    again = ImportConfig(
        file=tmp_path / "out" / "examples.jsonl",
        schema=tmp_path / "out" / "schemas.json",
        out=tmp_path / "again",
    )
    import_rows(again)
    assert store.read(tmp_path / "again").examples == first


@pytest.mark.parametrize(
    ("file", "schema", "target_column", "rows", "unlabelled"),
    [
        pytest.param("snips/train.jsonl", "snips/schemas.json", "target", 13723, 0, id="snips train"),
        pytest.param("snips/validate.jsonl", "snips/schemas.json", "target", 700, 0, id="snips validate"),
        pytest.param("e2e/dev.jsonl", "e2e/schema.json", "target", 4672, 0, id="e2e dev"),
        pytest.param("e2e/test.jsonl", "e2e/schema.json", "target", 4693, 0, id="e2e test"),
        pytest.param("invoices/train.jsonl", "invoices/schema.json", "target", 200, 200, id="invoices train"),
        pytest.param(
            "invoices/eval.jsonl", "invoices/schema.json", "ground_truth", 50, 0, id="invoices eval"
        ),
    ],
)
def test_public_data_comes_in_whole(
    tmp_path: Path, shared_data: Path, file: str, schema: str, target_column: str, rows: int, unlabelled: int
) -> None:
    settings = ImportConfig(
        file=shared_data / file,
        schema=shared_data / schema,
        out=tmp_path / "out",
        target_column=target_column,
    )
    summary = import_rows(settings)
    assert summary["rows"] == rows
    assert isinstance(summary["problems"], dict)
    assert summary["problems"]["unlabelled"] == unlabelled
    assert len(store.read(settings.out).examples) == rows


def test_public_invoices_keep_their_system_message(tmp_path: Path, shared_data: Path) -> None:
    folder = shared_data / "invoices"
    settings = ImportConfig(
        file=folder / "eval.jsonl",
        schema=folder / "schema.json",
        out=tmp_path / "out",
        target_column="ground_truth",
    )
    import_rows(settings)
    first = store.read(settings.out).examples[0]
    assert first == Example(
        id="eval-1",
        text="Please find invoice from Acme Corp dated April 15, 2024. Grand total: 654 GBP.\n\n"
        "Return valid JSON only.",
        schema="Invoice",
        target={"vendor": "Acme Corp", "date": "2024-04-15", "amount": 653.75, "currency": "GBP"},
        meta={"system": "Extract the following fields from this invoice: vendor, date, amount, currency."},
    )


def test_an_empty_id_of_a_table_is_none(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,text,item,reasoning\n,Two mugs.,mug,\n,Nine cups.,cup,\n")
    import_rows(replace(config(tmp_path), file=tmp_path / "t.csv"))
    examples = store.read(tmp_path / "out").examples
    assert [(each.id, each.reasoning) for each in examples] == [("t-2", None), ("t-3", None)]


def test_a_list_may_begin_far_into_its_file(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(f"{' ' * 100}\n{' ' * 100}[{json.dumps({'text': 'Two mugs.'})}]")
    assert import_rows(replace(config(tmp_path), file=tmp_path / "t.json"))["rows"] == 1


def test_a_called_function_that_the_row_does_not_describe_is_named(tmp_path: Path) -> None:
    call: JSON = {"type": "function", "function": {"name": "order", "arguments": ANSWER}}
    turns: JSON = [says("user", "Two mugs."), {"role": "assistant", "tool_calls": [call]}]
    tool: JSON = {"type": "function", "function": {"name": "other", "parameters": ORDER}}
    bare = replace(config(tmp_path, {"messages": turns, "tools": [tool]}), schema=None)
    with pytest.raises(DataError, match="brings none of order, which it calls, in"):
        import_rows(bare)
