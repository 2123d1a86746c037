"""Texts in files of their own, as rows."""

from collections.abc import Generator, Iterator
from pathlib import Path

from adhere.data.store import Row
from adhere.errors import DataError

SUFFIXES = frozenset({".txt", ".md", ".text", ".markdown"})


def text_rows(path: Path, text_column: str) -> Generator[Row]:
    """Yield a text file as a row, or all those of a directory and the directories in it, by their paths.

    Files whose names begin with a point are passed over.

    Raises:
        DataError: A file is not UTF-8, or there is none.
    """
    files = [path] if path.is_file() else sorted(_files(path))
    if not files:
        raise DataError.at(
            str(path), "empty", "it has no text files", fix=f"Name one with {' or '.join(sorted(SUFFIXES))}"
        )
    for file in files:
        name = file.name if file == path else file.relative_to(path).as_posix()
        yield Row(file, 1, {"id": name, text_column: _text(file)})


def _files(directory: Path) -> Iterator[Path]:
    for file in directory.rglob("*"):
        is_hidden = any(part.startswith(".") for part in file.relative_to(directory).parts)
        if file.suffix.lower() in SUFFIXES and file.is_file() and not is_hidden:
            yield file


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as fault:
        raise DataError.at(
            str(file),
            fault.object[fault.start : fault.end],
            "these bytes are not UTF-8",
            fix="Save the text as UTF-8",
        ) from fault
