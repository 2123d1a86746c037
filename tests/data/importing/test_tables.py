"""Tables are read row by row, and what cannot be read is told by file, row and column."""

import datetime
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from adhere.data.importing.tables import csv_rows, parquet_rows
from adhere.data.store import Row
from adhere.errors import AdhereError, ConfigError, DataError
from adhere.records import JSON


def read(path: Path, content: str | bytes, name: str = "t.csv") -> list[Row]:
    file = path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(csv_rows(file))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("a,b\n1,x\n", id="commas"),
        pytest.param("a;b\n1;x\n", id="semicolons"),
        pytest.param("a\tb\n1\tx\n", id="tabs"),
        pytest.param("a|b\n1|x", id="bars, and no line end"),
        pytest.param(" a , b\r\n1,x\r\n", id="blanks around names, and line ends of Windows"),
        pytest.param("\ufeffa,b\n1,x\n", id="a byte order mark"),
        pytest.param('"a","b"\n"1","x"\n\n', id="quotation marks, and an empty line"),
    ],
)
def test_a_table_is_read_by_the_names_in_its_first_line(tmp_path: Path, content: str) -> None:
    (row,) = read(tmp_path, content)
    assert (row.line, row.columns) == (2, {"a": "1", "b": "x"})


def test_a_cell_may_have_separators_quotation_marks_and_lines(tmp_path: Path) -> None:
    rows = read(tmp_path, 'text,n\n"Two ""mugs"",\nplease",1\nnext,2\n')
    assert [(row.line, row.columns["text"]) for row in rows] == [(2, 'Two "mugs",\nplease'), (4, "next")]


def test_a_long_text_is_a_cell(tmp_path: Path) -> None:
    (row,) = read(tmp_path, f"text\n{'x' * 300_000}\n")
    assert len(row.text("text")) == 300_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("", "t.csv = 'empty': it has no rows", id="nothing"),
        pytest.param("a,b\n", "t.csv = 'empty': it has no rows", id="names alone"),
        pytest.param("a,\n1,2\n", "t.csv:1 = '': a name is missing", id="no name"),
        pytest.param(
            "a,b,a\n1,2,3\n", "t.csv:1 = 'a': column 3 has a name that is there twice", id="one twice"
        ),
        pytest.param(
            "a,b, a\n1,2,3\n", "'a': column 3 has a name that is there", id="one twice, with a blank"
        ),
        pytest.param(
            "a,b\n1,2\n1,2,3\n", "t.csv:3 = '1, 2, 3': the row has 3 cells, and there are 2 names", id="more"
        ),
        pytest.param("a,b\n1\n", "t.csv:2 = '1': the row has 1 cells, and there are 2 names", id="fewer"),
        pytest.param('a,b\n1,"2\n', "t.csv:2 = '': it cannot be read as a table (unexpected end", id="open"),
        pytest.param(
            "a,b\n1,Zürich\n".encode("latin-1"), r"t.csv = b'\xfc': these bytes are not UTF-8", id="Latin"
        ),
        pytest.param("a,b\n1,2\n".encode("utf-16"), "these bytes are not UTF-8", id="UTF-16"),
    ],
)
def test_what_is_no_table_is_told_in_one_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, content)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def parquet(path: Path, columns: dict[str, list[object]]) -> Path:
    arrow = pytest.importorskip("pyarrow")
    table = pytest.importorskip("pyarrow.parquet")
    table.write_table(arrow.table(columns), path / "t.parquet")
    return path / "t.parquet"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("x", "x"),
        (3, 3),
        (2.5, 2.5),
        (True, True),
        (None, None),
        (float("nan"), None),
        (Decimal("12.50"), 12.5),
        (Decimal("12.00"), 12),
        (datetime.date(2024, 5, 2), "2024-05-02"),
        (datetime.datetime(2024, 5, 2, 9, 30), "2024-05-02T09:30:00"),  # noqa: DTZ001 — as tables have it
        (datetime.time(9, 30), "09:30:00"),
        ([1, 2], [1, 2]),
        ({"a": 1, "b": None}, {"a": 1, "b": None}),
        ([{"role": "user", "content": "hi"}], [{"role": "user", "content": "hi"}]),
    ],
)
def test_cells_of_parquet_are_what_json_has_for_them(tmp_path: Path, cell: object, expected: JSON) -> None:
    (row,) = parquet_rows(parquet(tmp_path, {"a": [cell]}))
    assert (row.where, row.columns) == (f"{tmp_path}/t.parquet:1", {"a": expected})


def test_rows_of_parquet_are_counted_from_one(tmp_path: Path) -> None:
    rows = parquet_rows(parquet(tmp_path, {"n": list(range(2500))}))
    assert all(row.line == row.columns["n"] + 1 for row in rows)  # pyright: ignore[reportOperatorIssue]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        pytest.param({"a": [b"x"]}, "t.parquet:1 a = b'x': JSON has nothing for bytes", id="bytes"),
        pytest.param({"a": [float("-inf")]}, "t.parquet:1 a = -inf: JSON has no infinite", id="infinite"),
        pytest.param({"a": []}, "t.parquet = 'empty': it has no rows", id="no rows"),
    ],
)
def test_what_json_has_nothing_for_is_told(
    tmp_path: Path, columns: dict[str, list[object]], message: str
) -> None:
    file = parquet(tmp_path, columns)
    with pytest.raises(DataError) as caught:
        list(parquet_rows(file))
    assert message in str(caught.value)


def test_two_columns_of_parquet_with_one_name_are_refused(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    two = arrow.table([arrow.array(["x"]), arrow.array(["y"])], names=["a", "a"])
    pytest.importorskip("pyarrow.parquet").write_table(two, tmp_path / "t.parquet")
    with pytest.raises(DataError, match="column 2 has a name that is there twice"):
        list(parquet_rows(tmp_path / "t.parquet"))


def test_a_file_that_is_no_parquet_is_told_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "t.parquet").write_bytes(b"a,b\n1,2\n")
    with pytest.raises(DataError, match="it cannot be read as Parquet") as caught:
        list(parquet_rows(tmp_path / "t.parquet"))
    assert "\n" not in str(caught.value)


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What Python itself does for a package that is not there.
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ConfigError, match=r"pip install 'adhere\[parquet\]'") as caught:
        list(parquet_rows(tmp_path / "t.parquet"))
    assert isinstance(caught.value, AdhereError)
