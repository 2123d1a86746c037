"""Rows of CSV and Parquet files."""

import csv
import datetime
import importlib
import io
import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from adhere.data.store import Row
from adhere.errors import ConfigError, DataError
from adhere.records import JSON

CSV = frozenset({".csv", ".tsv", ".tab"})
PARQUET = frozenset({".parquet", ".pq"})
_SEPARATORS = ",;\t|"
_LONGEST_CELL = 2**24
"""Characters: a longer one comes of a quotation mark that never closes."""
_AT_ONCE = 1024


def csv_rows(file: Path) -> Generator[Row]:
    """Yield the rows of a table in text, by the names in its first line; every cell is a text.

    The separator is the one of comma, semicolon, tab and bar that the first line has most of. A row is called
    by the line that it begins in.

    Raises:
        DataError: It is not UTF-8, a name is missing or there twice, a row has more cells than names, a
            quotation is not closed, or there are no rows.
    """
    csv.field_size_limit(_LONGEST_CELL)
    with file.open(encoding="utf-8-sig", newline="") as text:
        try:
            yield from _csv_rows(file, text)
        except UnicodeDecodeError as fault:
            raise DataError.at(
                str(file),
                fault.object[fault.start : fault.end],
                "these bytes are not UTF-8",
                fix="Save the table as UTF-8",
            ) from fault


def _csv_rows(file: Path, text: io.TextIOWrapper) -> Iterator[Row]:
    first = text.readline()
    text.seek(0)
    reader = csv.reader(text, delimiter=max(_SEPARATORS, key=first.count), strict=True)
    names: list[str] = []
    line, found = 1, False
    try:
        for cells in reader:
            if cells and not names:
                names = _names(file, line, cells)
            elif cells:
                found = True
                yield Row(file, line, _by_name(file, line, names, cells))
            line = reader.line_num + 1
    except csv.Error as fault:
        raise DataError.at(
            f"{file}:{line}", "", f"it cannot be read as a table ({fault})", fix="Mend the quotation marks"
        ) from fault
    if not found:
        raise DataError.at(
            str(file), "empty", "it has no rows", fix="Name a table with names in its first line"
        )


def _names(file: Path, line: int, cells: Sequence[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    _refuse_unnamed(f"{file}:{line}", names)
    return names


def _refuse_unnamed(where: str, names: Sequence[str]) -> None:
    for place, name in enumerate(names):
        if not name or name in names[:place]:
            why = f"column {place + 1} has a name that is there twice" if name else "a name is missing"
            raise DataError.at(where, name, why, fix="Give every column a name of its own")


def _by_name(file: Path, line: int, names: Sequence[str], cells: Sequence[str]) -> Mapping[str, JSON]:
    if len(cells) != len(names):
        why = f"the row has {len(cells)} cells, and there are {len(names)} names"
        raise DataError.at(
            f"{file}:{line}",
            ", ".join(cells),
            why,
            fix="Put cells with a separator in them in quotation marks",
        )
    return dict(zip(names, cells, strict=True))


def parquet_rows(file: Path) -> Generator[Row]:
    """Yield the rows of a Parquet file; a row is called by its number, counted from 1.

    Raises:
        ConfigError: `pyarrow` is not installed.
        DataError: It is no Parquet file, a name is missing or there twice, a cell is of a type that JSON has
            nothing for, or there are no rows.
    """
    number = 0
    for batch in _batches(file):
        for cells in batch:
            number += 1
            row = Row(file, number, cast("Mapping[str, JSON]", cells))
            yield Row(file, number, {name: _plain(cell, row, name) for name, cell in cells.items()})
    if number == 0:
        raise DataError.at(str(file), "empty", "it has no rows", fix="Name a table with rows")


def _batches(file: Path) -> Iterator[Sequence[Mapping[str, object]]]:
    try:
        # Any: pyarrow has no types.
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as fault:
        raise ConfigError.at(
            "import.file",
            str(file),
            "reading Parquet needs pyarrow, which is not installed",
            fix="Run pip install 'adhere[parquet]'",
        ) from fault
    try:
        with parquet.ParquetFile(file) as opened:
            _refuse_unnamed(str(file), opened.schema_arrow.names)
            for batch in opened.iter_batches(batch_size=_AT_ONCE):
                yield batch.to_pylist()
    except (OSError, ValueError) as fault:  # what pyarrow's own errors are
        why = f"it cannot be read as Parquet ({str(fault).partition('.')[0]})"
        raise DataError.at(str(file), "", why, fix="Name a Parquet file that is whole") from fault


def _plain(cell: object, row: Row, column: str) -> JSON:
    """Return a cell as JSON has it; what is not a number is nothing."""
    match cell:
        case float() if math.isnan(cell):
            return None
        case float() if math.isinf(cell):
            raise row.fault(column, "JSON has no infinite numbers", fix="Leave the cell empty")
        case None | bool() | int() | float() | str():
            return cell
        case datetime.date() | datetime.time():
            return cell.isoformat()
        case Decimal():
            return int(cell) if cell == cell.to_integral_value() else float(cell)
        case list() | tuple():
            return [_plain(each, row, column) for each in cast("Sequence[object]", cell)]
        case dict():
            inside = cast("Mapping[str, object]", cell)
            return {name: _plain(each, row, column) for name, each in inside.items()}
        case _:
            why = f"JSON has nothing for {type(cell).__name__}"
            raise row.fault(column, why, fix="Leave the column out, or write it as text")
