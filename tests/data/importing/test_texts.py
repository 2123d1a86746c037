"""Texts in files of their own are rows."""

from pathlib import Path

import pytest

from adhere.data.importing.texts import text_rows
from adhere.errors import DataError


@pytest.mark.parametrize("name", ["a.txt", "a.md", "A.TXT"])
def test_a_file_is_a_row(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes("\ufeffTwo mugs.\r\nPlease.\n".encode())
    (row,) = text_rows(tmp_path / name, "text")
    assert row.columns == {"id": name, "text": "Two mugs.\nPlease.\n"}


def test_a_directory_is_as_many_rows_as_it_has_texts(tmp_path: Path) -> None:
    for name in ("b.txt", "a.md", "deep/er/c.txt", "d.pdf", ".hidden.txt", ".git/e.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    rows = list(text_rows(tmp_path, "body"))
    assert [row.columns for row in rows] == [
        {"id": name, "body": name} for name in ("a.md", "b.txt", "deep/er/c.txt")
    ]
    assert rows[0].where == f"{tmp_path}/a.md:1"


def test_a_directory_without_texts_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="it has no text files"):
        list(text_rows(tmp_path, "text"))


def test_another_encoding_is_told_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("Zürich".encode("latin-1"))
    with pytest.raises(
        DataError, match=r"a.txt = b'\\xfc': these bytes are not UTF-8. Save the text as UTF-8."
    ):
        list(text_rows(tmp_path, "text"))
