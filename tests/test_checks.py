"""`adhere check` says what is wrong with a data set, and fails on it where asked to."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from adhere import artifact
from adhere.cli import main
from adhere.data import store
from adhere.records import JSON, Example
from adhere.schema import Schema

ORDER = Schema.of(
    {
        "title": "Order",
        "type": "object",
        "properties": {
            "item": {"type": "string"},
            "count": {"type": "integer"},
            "for": {"type": "string"},
            "note": {"type": "string"},
        },
        "required": ["item"],
    }
)


def row(number: int, text: str, target: JSON = None) -> Example:
    return Example(id=f"row-{number}", text=text, schema="Order", target=target)


SOUND = (
    row(1, "2 mugs go to Ada Bell in town", {"item": "mugs", "count": 2, "for": "Ada Bell"}),
    row(2, "7 cups for Jon Reed, as always", {"item": "cups", "count": 7, "for": "Jon Reed"}),
    row(3, "we sent one pan last week", {"item": "pan", "count": 1}),
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return written(tmp_path / "data", *SOUND)


def written(directory: Path, *examples: Example, held_out: tuple[Example, ...] = ()) -> Path:
    directory.mkdir(exist_ok=True)
    store.write(store.Dataset({"Order": ORDER}, examples), directory)
    if held_out:
        store.write(store.Dataset({"Order": ORDER}, held_out), directory, store.HELD_OUT)
    return directory


def checked(capsys: pytest.CaptureFixture[str], *words: str | Path) -> dict[str, JSON]:
    assert main(["check", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def counted(summary: Mapping[str, JSON], name: str) -> dict[str, Any]:
    counts = summary[name]
    assert isinstance(counts, dict)
    return {kind: count for kind, count in counts.items() if count}


def test_sound_rows_have_no_problems(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(data), "--strict", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["rows"], summary["splits"]) == (3, {str(data / "examples.jsonl"): 3})
    assert counted(summary, "problems") == counted(summary, "remarks") == counted(summary, "leaks") == {}
    assert summary["lengths"]["n"] == 3
    assert summary["languages"] == {"en": 3}


def test_held_out_rows_beside_the_data_are_held_against_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = written(tmp_path / "data", *SOUND, held_out=(SOUND[1], row(9, "other words altogether")))
    summary = checked(capsys, data)
    assert summary["rows"] == 5
    assert counted(summary, "leaks") == {"text": 1}
    # Target and wording are shared too, but the text alone is enough.
    assert counted(summary, "problems") == {"leaked_texts": 1}


def test_other_splits_are_held_against_it(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = written(tmp_path / "other", row(9, "Ada Bell wants 2 mugs", SOUND[0].target))
    third = written(tmp_path / "third", row(8, "7 cups for Jon Reed; as always"))
    words = ["--against", str(other), str(third / "examples.jsonl")]
    summary = checked(capsys, data, *words)
    assert counted(summary, "leaks") == {"target": 1, "near": 1}


def test_rows_that_are_held_against_themselves_are_refused(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(data), "--against", str(data / "examples.jsonl")]) == 2
    assert "these are the rows that are checked" in capsys.readouterr().err


def test_a_split_that_is_named_twice_counts_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = written(tmp_path / "data", *SOUND, held_out=(row(9, "other words altogether"),))
    assert checked(capsys, data, "--against", data / store.HELD_OUT)["rows"] == 4


@pytest.mark.parametrize(("strict", "status"), [([], 0), (["--strict"], 1)], ids=["told", "strict"])
def test_problems_are_told_and_fail_where_asked(
    tmp_path: Path, strict: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    data = written(tmp_path / "data", *SOUND, row(4, "nine pots", {"count": 9}), row(5, " "))
    assert main(["check", str(data), *strict]) == status
    told = capsys.readouterr()
    assert told.out.startswith("2 kinds of problems in 5 rows")
    lines = [line for line in told.err.splitlines() if line.startswith("adhere check: ")]
    expected = [
        f"adhere check: empty_texts = 1: rows whose text is empty; the first is {data}/examples.jsonl:5: "
        "the text is empty.",
        f"adhere check: broken_targets = 1: targets that break their schema; the first is {data}/"
        'examples.jsonl:4: required at the root: "item" is a required property.',
    ]
    assert lines == (expected if strict else [])


def test_remarks_do_not_fail(tmp_path: Path) -> None:
    data = written(tmp_path / "data", *SOUND, row(4, "nine pots"), row(5, "a jug", {"item": "jar"}))
    assert main(["check", str(data), "--strict"]) == 0


def test_rows_that_the_model_cannot_read_whole_are_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = written(tmp_path / "data", *SOUND, row(4, "many more mugs " * 1000))
    summary = checked(capsys, data)
    assert counted(summary, "problems") == {"too_long": 1}
    assert "longer than the 1,024 of the model" in counted(summary, "examples")["too_long"][0]


def test_the_share_that_makes_near_duplicates_is_a_setting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = ("one two three four five six", "one two three four five seven")
    data = written(tmp_path / "data", *(row(number, text) for number, text in enumerate(texts)))
    # 3 of 5 runs are the same.
    assert counted(checked(capsys, data), "remarks") == {"unlabelled": 2}
    assert counted(checked(capsys, data, "--near", "0.6"), "remarks") == {
        "unlabelled": 2,
        "near_duplicates": 1,
    }


def test_everything_found_is_left_where_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row(number, "the same text | again", {"item": "text"}) for number in range(9)]
    data = written(tmp_path / "data", *rows)
    summary = checked(capsys, data, "--out", tmp_path / "out")
    manifest = artifact.verify(tmp_path / "out")
    assert isinstance(manifest["outputs"], dict)
    assert set(manifest["outputs"]) == {"check.md", "findings.jsonl", "lengths.svg", "summary.json"}
    findings = [json.loads(line) for line in (tmp_path / "out" / "findings.jsonl").read_text().splitlines()]
    assert [finding["id"] for finding in findings] == [f"row-{number}" for number in range(1, 9)]
    assert len(counted(summary, "examples")["repeated_rows"]) == 5
    table = (tmp_path / "out" / "check.md").read_text()
    assert table.startswith("# 9 rows: 1 kind of problems")
    assert "| repeated_rows | 8 | rows that stand there twice. First " in table
    ElementTree.fromstring((tmp_path / "out" / "lengths.svg").read_text())  # noqa: S314 — our own text


def test_a_directory_that_stands_is_not_overwritten(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(data), "--out", str(data)]) == 2
    assert "it stands already" in capsys.readouterr().err


def test_people_are_shown_tables_and_a_histogram(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = written(tmp_path / "data", *SOUND, row(4, "a jug", {"item": "jar"}))
    assert main(["check", str(data)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert told.startswith("nothing wrong in 4 rows")
    assert "unstated_values 1 other values that their text does not state. First" in told
    assert "Order /item 1 of 4" in told
    assert "nano takes 1,024" in told
    assert "█" in told


def test_rows_that_cannot_be_read_leave_nothing_to_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = written(tmp_path / "data", *SOUND)
    (data / "examples.jsonl").write_text('{"id": 1}\n')
    assert main(["check", str(data), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr()
    assert "unreadable_rows 1 rows that lack" in " ".join(said.out.split())
    assert "…" not in said.out
    (finding,) = (tmp_path / "out" / "findings.jsonl").read_text().splitlines()
    assert '"what": "text = None: ' in finding
    assert "1/1" in said.err
    assert not (tmp_path / "out" / "lengths.svg").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["nowhere"], "there is no such directory or file", id="no such rows"),
        pytest.param(["data", "--model", "nowhere/at-all"], "it does not load", id="no such model"),
        pytest.param(["data", "--near", "0"], "every two texts", id="a share of nothing"),
    ],
)
def test_what_cannot_be_checked_is_refused(
    data: Path,
    words: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(data.parent)
    assert main(["check", *words]) == 2
    assert message in capsys.readouterr().err


def test_the_wrong_amounts_of_the_public_invoices_are_found(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shared_data / "invoices"
    for name, target in (("train", "target"), ("eval", "ground_truth")):
        file, schema, out = folder / f"{name}.jsonl", folder / "schema.json", tmp_path / name
        words = ["import", str(file), "--schema", str(schema), "--out", str(out), "--target-column", target]
        assert main([*words, "--json"]) == 0
    capsys.readouterr()
    summary = checked(capsys, tmp_path / "train", "--against", tmp_path / "eval")
    # Six right answers of fifty give an amount that the text does not, such as 653.75 for 654 GBP.
    assert counted(summary, "problems") == {"unstated_numbers": 6}
    assert counted(summary, "unstated") == {
        "Invoice /currency": {"missing": 10, "of": 50},
        "Invoice /amount": {"missing": 6, "of": 50},
    }


@pytest.mark.slow
def test_the_public_voice_requests_leak(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shared_data / "snips"
    summary = checked(capsys, folder / "train.jsonl", "--against", folder / "validate.jsonl")
    train, validate = (
        [
            " ".join(json.loads(line)["text"].casefold().split())
            for line in (folder / name).read_text().splitlines()
        ]
        for name in ("train.jsonl", "validate.jsonl")
    )
    leaks = counted(summary, "leaks")
    assert leaks["text"] == len([text for text in validate if text in train]) == 11
    assert counted(summary, "problems").keys() == {
        "repeated_rows",
        "leaked_texts",
        "leaked_targets",
        "leaked_near",
    }
