"""`adhere import`: brings rows in from elsewhere, whatever form they have."""

from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from adhere import artifact
from adhere.config import ImportConfig
from adhere.data import store
from adhere.data.importing.carried import COLUMNS, carried
from adhere.data.importing.cells import Cells, without_empty_fields
from adhere.data.importing.conversations import Said, said
from adhere.data.importing.tables import CSV, PARQUET, csv_rows, parquet_rows
from adhere.data.importing.texts import SUFFIXES, text_rows
from adhere.data.inspection.overlap import mark
from adhere.data.store import Row
from adhere.errors import DataError
from adhere.records import JSON, Example
from adhere.schema import Malformed, Schema, parse_bytes, parse_json


def import_rows(config: ImportConfig) -> dict[str, JSON]:
    """Write a data directory from a file or a directory of texts; return the summary.

    `docs/data.md` lists the forms. A row's text is its `text_column` or else what the user said last. Its
    target is its `target_column`, or the columns of a table that are called as the schema's properties, or
    what the assistant answered. Everything else goes into `meta`: other columns by name, and of a
    conversation the `system` message, the other `turns`, and the `answer` where a target column made it
    superfluous. Rows are read and written one at a time.

    Raises:
        ConfigError: `out` stands already, or Parquet cannot be read for want of a package.
        DataError: A row, told by file and line, is in none of these forms, or its target breaks its schema.
        SchemaError: A schema is not one.
    """
    inputs = [config.file] if config.schema is None else [config.file, config.schema]
    with artifact.writing(config.out, config, inputs=inputs) as run:
        importer = _Importer(config)
        tally = _Tally()
        # Closed here: what is read from stays open for as long as an error is looked at.
        with closing(_rows(config)) as source, (run.path / store.EXAMPLES).open("wb") as file:
            rows = map(importer.in_our_columns, source)
            file.writelines(map(store.line, tally.counted(store.examples(rows, importer.schemas))))
        store.write_schemas(importer.schemas, run.path)
        run.summary = {"rows": tally.rows, "problems": tally.problems}
    return dict(run.summary)


def _rows(config: ImportConfig) -> Generator[Row]:
    """Read a file by what its name ends in; JSONL where that says nothing."""
    file, suffix = config.file, config.file.suffix.lower()
    if file.is_dir() or suffix in SUFFIXES:
        return text_rows(file, config.text_column)
    if suffix in CSV:
        return csv_rows(file)
    if suffix in PARQUET:
        return parquet_rows(file)
    if suffix == ".json" and _is_list(file):
        return _listed(file)
    return store.rows(file)


def _is_list(file: Path) -> bool:
    with file.open("rb") as text:
        first = next((line for line in text if line.removeprefix(store.BOM_UTF8).strip()), b"")
        return first.removeprefix(store.BOM_UTF8).lstrip().startswith(b"[")


def _listed(file: Path) -> Generator[Row]:
    """Yield the objects of a JSON list; a row is called by its place in it, counted from 1."""
    parsed = parse_bytes(file.read_bytes().removeprefix(store.BOM_UTF8))
    if isinstance(parsed, Malformed) or not isinstance(parsed.value, list) or not parsed.value:
        why = f"not JSON: {parsed.reason}" if isinstance(parsed, Malformed) else "it has no rows"
        raise DataError.at(str(file), "", why, fix="Name a file with a list of objects, or one a line")
    for number, columns in enumerate(parsed.value, 1):
        if not isinstance(columns, dict):
            raise DataError.at(
                f"{file}:{number}", columns, "it is not a JSON object", fix="Mend it, or leave it out"
            )
        yield Row(file, number, columns)


class _Tally:
    """Counts examples as they pass, and what is no error and may be a mistake."""

    def __init__(self) -> None:
        self.rows = 0
        self._counts = Counter[str]()
        self._texts: set[bytes] = set()

    def counted(self, examples: Iterable[Example]) -> Iterator[Example]:
        for example in examples:
            self.rows += 1
            self._texts.add(mark("row", f"{example.schema} {example.text}"))
            self._counts["unlabelled"] += example.target is None
            self._counts["empty_texts"] += not example.text.strip()
            yield example

    @property
    def problems(self) -> dict[str, JSON]:
        repeated = self.rows - len(self._texts)
        return {
            **{name: self._counts[name] for name in ("unlabelled", "empty_texts")},
            "repeated_texts": repeated,
        }


class _Importer:
    """Spells rows of any form as `store.example` reads them."""

    def __init__(self, config: ImportConfig) -> None:
        self._text_column = config.text_column
        self._target_column = config.target_column
        self._is_table = config.file.suffix.lower() in CSV | PARQUET
        self._is_given = config.schema is not None
        self._cells: dict[str, Cells] = {}
        self.schemas = {} if config.schema is None else dict(store.read_schemas(config.schema))
        """By name; grows where rows bring their own."""

    def in_our_columns(self, row: Row) -> Row:
        spoken = said(row, self._text_column)
        name, used = self._schema_of(row, spoken)
        schema = self.schemas[name]
        around = dict(spoken.around)
        fields: list[str] = []
        if row.columns.get(self._target_column) not in (None, ""):
            target = _target(row, self._target_column, schema)
            if self._is_table:
                target = without_empty_fields(target, schema)
            around |= {} if spoken.answer is None else {"answer": spoken.answer}
        elif spoken.answer is None and self._is_table:
            fields = self._fields(row, name)
            target = self._cells[name].target(row, fields)
        else:
            target = _read_as_json(row, spoken.columns[-1], spoken.answer)
        empty = ("",) if self._is_table else ()
        kept = [each for each in ("id", "reasoning") if each not in fields and each in row.columns]
        taken = {*kept, *used, *fields, *spoken.columns, "schema", self._target_column, "meta"}
        others = {column: value for column, value in row.columns.items() if column not in taken}
        meta = row.columns.get("meta", {})
        meta = {**meta, **others, **around} if isinstance(meta, dict) else meta
        ours = {each: row.columns[each] for each in kept if row.columns[each] not in empty}
        return replace(
            row, columns={**ours, "schema": name, "text": spoken.text, "target": target, "meta": meta}
        )

    def _fields(self, row: Row, name: str) -> list[str]:
        """List the columns of a table that are part of the answer."""
        if name not in self._cells:
            self._cells[name] = Cells(self.schemas[name])
        ours = {self._text_column, self._target_column, "schema", "meta"}
        return self._cells[name].names([column for column in row.columns if column not in ours])

    def _schema_of(self, row: Row, spoken: Said) -> tuple[str, tuple[str, ...]]:
        """Return the name of a row's schema, and the columns that brought it."""
        if self._is_given:
            if "schema" not in row.columns and spoken.called in self.schemas and len(self.schemas) > 1:
                return spoken.called, ()
            return store.schema_name(row, self.schemas), ()
        brought = carried(row, spoken.called)
        if brought is None:
            what = "none" if spoken.called is None else f"none of {spoken.called}, which it calls,"
            where = "`response_format`, `tools` or `functions`"
            why = f"no --schema is given, and the row brings {what} in {where}"
            raise row.fault("schema", why, fix="Give --schema")
        schema = Schema.of(brought.source, name=brought.name)
        if self.schemas.setdefault(brought.name, schema) != schema:
            why = f"an earlier row has another schema of the name {brought.name}"
            raise row.fault("schema", why, fix="Give them different names")
        return brought.name, COLUMNS


def _target(row: Row, column: str, schema: Schema) -> JSON:
    """Return the value of a target column; a text is JSON, unless the schema asks for that very text."""
    given = row.columns[column]
    return given if schema.obeys(given) else _read_as_json(row, column, given)


def _read_as_json(row: Row, column: str, given: JSON) -> JSON:
    if not isinstance(given, str):
        return given
    parsed = parse_json(given)
    if isinstance(parsed, Malformed):
        raise row.fault(
            column, f"the answer is not JSON: {parsed.reason}", fix="Let it be JSON and nothing else"
        )
    return parsed.value
