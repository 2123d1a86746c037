"""Examples on disk: JSONL rows, and beside them the schemas that they name."""

import json
import sys
from codecs import BOM_UTF8
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields
from pathlib import Path
from typing import BinaryIO, cast

import orjson

from adhere.errors import DataError
from adhere.records import JSON, Example
from adhere.schema import Schema, Violation
from adhere.schema.canonical import spelled
from adhere.schema.check import summed_up
from adhere.schema.parse import Malformed, parse_bytes
from adhere.schema.places import children

EXAMPLES = "examples.jsonl"
HELD_OUT = "held_out.jsonl"
SCHEMAS = "schemas.json"
SCHEMA = "schema.json"
STDIN = Path("-")

_COLUMNS = frozenset(field.name for field in fields(Example))


@dataclass(frozen=True, slots=True)
class Dataset:
    """Examples and the schemas that they name; every target obeys its schema, and no id occurs twice."""

    schemas: Mapping[str, Schema]
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One JSON object of a JSONL file, and where it stands."""

    file: Path
    line: int
    """Counted from 1."""
    columns: Mapping[str, JSON]

    @property
    def where(self) -> str:
        """The place as an error names it: `rows.jsonl:3`."""
        return f"{self.file}:{self.line}"

    @property
    def id(self) -> str:
        """The row's own `id`, or its place.

        Raises:
            DataError: Its own is neither a text nor a whole number.
        """
        given = self.columns.get("id", f"{self.file.stem}-{self.line}")
        if isinstance(given, str | int) and not isinstance(given, bool):
            return str(given)
        raise self.fault("id", "it is neither a text nor a whole number", fix="Mend it, or leave it out")

    def text(self, column: str) -> str:
        """Return a column that must hold text.

        Raises:
            DataError: It is missing, or holds something else.
        """
        given = self.columns.get(column)
        if isinstance(given, str):
            return given
        why = "it is not a text" if column in self.columns else "the row has no such column"
        raise self.fault(column, why, fix="Mend the row, or leave it out")

    def fault(self, column: str, why: str, *, fix: str) -> DataError:
        """Say what is wrong with a column of this row."""
        return DataError.at(f"{self.where} {column}", self.columns.get(column), why, fix=fix)


def read(path: Path) -> Dataset:
    """Read a directory's `examples.jsonl`, or the JSONL file named, with the schemas beside it.

    The schemas are those of `schemas.json`, by name, or the one of `schema.json`, which rows need not name.
    Columns that are not an example's go into its `meta`.

    Raises:
        DataError: A file is missing; or a row, told by file and line, is broken JSON, lacks its text, names
            no schema that is there, repeats an id, or has a target that breaks its schema.
        SchemaError: A schema is not one.
    """
    return dataset(*parts(path))


def parts(path: Path) -> tuple[Iterator[Row], Mapping[str, Schema]]:
    """Return the rows of a directory or JSONL file, yet to be read, and the schemas beside it.

    Raises:
        DataError: There is no such path, or there are no schemas beside it.
        SchemaError: A schema is not one.
    """
    if not path.exists():
        why = "there is no such directory or file, and it should hold examples"
        raise DataError.at(
            "data", str(path), why, fix="Name one written by `adhere synth` or `adhere import`"
        )
    file = path / EXAMPLES if path.is_dir() else path
    beside = [each for each in (file.with_name(SCHEMAS), file.with_name(SCHEMA)) if each.exists()]
    if not beside:
        why = f"neither {SCHEMAS} nor {SCHEMA} stands beside it"
        raise DataError.at("data", str(file), why, fix="Put one there, or use `adhere import --schema`")
    return rows(file), read_schemas(beside[0])


def write(dataset: Dataset, directory: Path, filename: str = EXAMPLES) -> None:
    """Write `schemas.json` and the examples, as `read` reads them back."""
    write_schemas(dataset.schemas, directory)
    with (directory / filename).open("wb") as file:
        file.writelines(map(line, dataset.examples))


def write_schemas(schemas: Mapping[str, Schema], directory: Path) -> None:
    """Write `schemas.json`, whole or not at all."""
    sources = {name: schema.source for name, schema in schemas.items()}
    aside = directory / f".{SCHEMAS}"
    aside.write_text(f"{json.dumps(sources, indent=2, ensure_ascii=False)}\n", encoding="utf-8")
    aside.replace(directory / SCHEMAS)


def line(example: Example) -> bytes:
    """Spell an example as a row, ending in a newline."""
    columns = _columns(example)
    try:
        return orjson.dumps(columns, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # an integer of more than 64 bits
        return f"{spelled(columns)}\n".encode()


def rows(file: Path) -> Generator[Row]:
    """Yield the JSON objects of a JSONL file, or of standard input for `-`; blank lines are passed over.

    Raises:
        DataError: There is no such file, a line is not one JSON object in UTF-8, or all are blank.
    """
    row = None
    with _opened(file) as lines:
        for number, line in enumerate(lines, 1):
            said = (line.removeprefix(BOM_UTF8) if number == 1 else line).rstrip()
            if said:
                row = Row(file, number, _object(said, f"{file}:{number}"))
                yield row
    if row is None:
        raise DataError.at(
            str(file), "empty", "it has no rows", fix="Name a file with one JSON object a line"
        )


def example(row: Row, schemas: Mapping[str, Schema]) -> Example:
    """Read a row as an example; columns that are not an example's go into its `meta`.

    Raises:
        DataError: It lacks its text, a column is of another kind, it names no schema that is there, or its
            target breaks that.
    """
    meta = row.columns.get("meta", {})
    if not isinstance(meta, dict):
        raise row.fault("meta", "it is not an object", fix="Make it one, or leave it out")
    name = schema_name(row, schemas)
    target = row.columns.get("target")
    if target is not None:
        _refuse_violations(row, schemas[name].violations(target))
    return Example(
        id=row.id,
        text=row.text("text"),
        schema=name,
        target=target,
        reasoning=None if row.columns.get("reasoning") is None else row.text("reasoning"),
        meta={**meta, **{name: value for name, value in row.columns.items() if name not in _COLUMNS}},
    )


def dataset(rows: Iterable[Row], schemas: Mapping[str, Schema]) -> Dataset:
    """Read rows as examples.

    Raises:
        DataError: `example` refuses a row, or two have one id.
    """
    return Dataset(schemas, tuple(examples(rows, schemas)))


def examples(rows: Iterable[Row], schemas: Mapping[str, Schema]) -> Iterator[Example]:
    """Yield rows as examples, one at a time.

    Raises:
        DataError: `example` refuses a row, or two have one id.
    """
    places: dict[str, str] = {}
    for row in rows:
        read = example(row, schemas)
        if read.id in places:
            why = f"{places[read.id]} has it too, and answers are told apart by it"
            raise row.fault("id", why, fix="Give each row its own")
        places[read.id] = row.where
        yield read


def read_schemas(file: Path) -> Mapping[str, Schema]:
    """Read one JSON Schema, called by its `title` or else by its file; or an object of schemas by name.

    Raises:
        DataError: There is no such file, or it is not one JSON object.
        SchemaError: A schema is not one.
    """
    source = read_object(file)
    if _are_several(source):
        # Each value is an object, by the line above.
        return {
            name: Schema.of(cast("dict[str, JSON]", schema), name=name) for name, schema in source.items()
        }
    title = source.get("title")
    name = title if isinstance(title, str) and title else file.stem
    return {name: Schema.of(source, name=name)}


def read_object(file: Path) -> dict[str, JSON]:
    """Read a file, or standard input for `-`, as one JSON object.

    Raises:
        DataError: There is no such file, or it is not one JSON object.
    """
    with _opened(file) as content:
        return _object(content.read(), str(file))


def schema_name(row: Row, schemas: Mapping[str, Schema]) -> str:
    """Return the name of the schema that a row names, or that is the only one.

    Raises:
        DataError: It names none that is there, or names none and there are several.
    """
    if "schema" not in row.columns and len(schemas) == 1:
        return next(iter(schemas))
    name = row.text("schema")
    if name in schemas:
        return name
    raise row.fault("schema", f"the schemas are {', '.join(schemas)}", fix="Name one of them")


def _columns(example: Example) -> dict[str, JSON]:
    """Return an example as the row that it is read from, without what it does not have."""
    columns: dict[str, JSON] = {"id": example.id, "text": example.text, "schema": example.schema}
    columns["target"] = example.target
    if example.reasoning is not None:
        columns["reasoning"] = example.reasoning
    if example.meta:
        columns["meta"] = dict(example.meta)
    return columns


def _opened(file: Path) -> AbstractContextManager[BinaryIO]:
    if file == STDIN:
        return nullcontext(sys.stdin.buffer)
    if not file.is_file():
        raise DataError.at(str(file), "no such file", "it should hold JSON", fix="Name a file that exists")
    return file.open("rb")


def _are_several(source: dict[str, JSON]) -> bool:
    """Whether an object holds schemas by name: all are objects, and none is where a schema has inner ones."""
    if not source or any(children(source)):
        return False
    return all(isinstance(schema, dict) for schema in source.values())


def _object(text: bytes, where: str) -> dict[str, JSON]:
    parsed = parse_bytes(text)
    if isinstance(parsed, Malformed):
        place = "" if parsed.position is None else f" at character {parsed.position + 1}"
        raise DataError.at(
            where,
            text.decode(errors="replace"),
            f"not JSON{place}: {parsed.reason}",
            fix="Mend it, or leave it out",
        )
    if not isinstance(parsed.value, dict):
        raise DataError.at(where, parsed.value, "it is not a JSON object", fix="Mend it, or leave it out")
    return parsed.value


def _refuse_violations(row: Row, violations: Sequence[Violation]) -> None:
    if violations:
        raise row.fault("target", summed_up(violations), fix="Mend the target, or the schema")
