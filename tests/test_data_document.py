"""docs/data.md says what import and check do."""

import json
import re
from pathlib import Path

import pytest

from adhere.cli import main
from adhere.data.importing.tables import CSV, PARQUET
from adhere.data.importing.texts import SUFFIXES
from adhere.data.inspection.finding import PROBLEMS, REMARKS

DOCUMENT = (Path(__file__).parents[1] / "docs" / "data.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)


def test_the_example_finds_what_the_document_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (schema,), (orders, later), (findings,) = blocks("json"), blocks("csv"), blocks("jsonl")
    for name, content in (("order.json", schema), ("orders.csv", orders), ("later.csv", later)):
        Path(name).write_text(content)
    for name in ("orders", "later"):
        assert main(["import", f"{name}.csv", "--schema", "order.json", "--out", name]) == 0
    assert main(["check", "orders", "--against", "later", "--strict", "--out", "checked"]) == 1
    assert Path("checked/findings.jsonl").read_text() == findings
    problems = json.loads(Path("checked/summary.json").read_text())["problems"]
    assert sum(map(bool, problems.values())) == 2
    assert "unlabelled 1" in " ".join(capsys.readouterr().out.split())


def test_every_kind_of_finding_is_in_the_document_in_the_words_of_the_code() -> None:
    told = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|$", DOCUMENT, re.MULTILINE))
    assert {kind: told.get(kind) for kind in (*PROBLEMS, *REMARKS)} == {**PROBLEMS, **REMARKS}


def test_every_ending_of_a_file_that_is_read_is_in_the_document() -> None:
    assert all(f"`{suffix}`" in DOCUMENT for suffix in (*CSV, *PARQUET, *SUFFIXES))
