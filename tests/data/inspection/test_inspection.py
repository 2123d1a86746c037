"""Every kind of fault is found where it stands, and nothing is found in rows without one."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from adhere.data import store
from adhere.data.inspection.finding import LEAKED, PROBLEMS, REMARKS, Finding, Place
from adhere.data.inspection.inspection import Inspection
from adhere.errors import DataError
from adhere.records import JSON
from adhere.schema import Schema

SCHEMAS = {
    "Order": Schema.of(
        {
            "type": "object",
            "properties": {
                "item": {"type": "string"},
                "count": {"type": "integer"},
                "for": {"type": "string"},
                "size": {"enum": ["small", "large"]},
            },
            "required": ["item"],
        },
        name="Order",
    )
}


def row(text: str, target: JSON = None, **columns: JSON) -> dict[str, JSON]:
    return {"text": text, "target": target, **columns}


def inspected(path: Path, *splits: Sequence[dict[str, JSON]], near: float = 0.85) -> Inspection:
    inspection = Inspection(near=near)
    for number, rows in enumerate(splits):
        file = path / f"{number}.jsonl"
        file.write_text("".join(f"{json.dumps(each)}\n" for each in rows))
        for _ in inspection.read(file.name, store.rows(file), SCHEMAS):
            pass
    inspection.close()
    return inspection


def found(path: Path, *splits: Sequence[dict[str, JSON]]) -> list[tuple[str, str, str]]:
    """Kinds, and the places of the row and of the other, as `split:line`."""
    inspection = inspected(path, *splits)

    def short(place: Place | None) -> str:
        return "" if place is None else place.where.removeprefix(f"{path}/").replace(".jsonl", "")

    return [(each.kind, short(each.place), short(each.other)) for each in inspection.findings]


MUGS: JSON = {"item": "mugs", "count": 2, "for": "Ada Bell"}
CUPS: JSON = {"item": "cups", "count": 7, "for": "Jon Reed"}
SOUND = [row("2 mugs go to Ada Bell in town", MUGS), row("7 cups for Jon Reed, as always", CUPS)]


def test_nothing_is_found_in_sound_rows(tmp_path: Path) -> None:
    assert found(tmp_path, SOUND) == []


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([{"target": None}], [("unreadable_rows", "0:3", "")], id="no text"),
        pytest.param([row("a", schema="Note")], [("unreadable_rows", "0:3", "")], id="no such schema"),
        pytest.param(
            [row("some text", id="x"), row("other words", id="x")],
            [("repeated_ids", "0:4", "0:3")],
            id="an id",
        ),
        pytest.param([row(" \n")], [("empty_texts", "0:3", "")], id="an empty text"),
        pytest.param([row("a", {"count": 2})], [("broken_targets", "0:3", "")], id="a broken target"),
        pytest.param(
            [row("2 mugs go to Ada Bell in town", CUPS)],
            [
                ("conflicting_targets", "0:3", "0:1"),
                ("unstated_values", "0:3", ""),
                ("unstated_numbers", "0:3", ""),
                ("unstated_values", "0:3", ""),
            ],
            id="two answers to one text",
        ),
        pytest.param(
            [row("2 MUGS go to Ada Bell in town", MUGS)], [("repeated_rows", "0:3", "0:1")], id="a row again"
        ),
        pytest.param(
            [row("2 mugs go to Ada Bell in town")],
            [("repeated_rows", "0:3", "0:1")],
            id="a row again without its target",
        ),
        pytest.param(
            [row("two mugs go to Ada Bell", {**MUGS, "count": 3})],  # pyright: ignore[reportGeneralTypeIssues]
            [("unstated_numbers", "0:3", "")],
            id="a number that is not there",
        ),
        pytest.param(
            [row("a big mug", {"item": "mug", "size": "large"})],
            [("unstated_values", "0:3", "")],
            id="a word",
        ),
        pytest.param(
            [row("a mug", {"item": "mug"}, reasoning="It says <answer>.")],
            [("tagged_reasoning", "0:3", "")],
            id="a tag in the reasoning",
        ),
        pytest.param(
            [row("7 cups for Jon Reed; as always!", CUPS)],
            [("near_duplicates", "0:3", "0:2")],
            id="punctuation",
        ),
    ],
)
def test_a_fault_of_a_row_is_found(
    tmp_path: Path, rows: list[dict[str, JSON]], expected: list[tuple[str, str, str]]
) -> None:
    assert found(tmp_path, [*SOUND, *rows]) == expected


@pytest.mark.parametrize(
    ("held_out", "expected"),
    [
        pytest.param(row("2 mugs go to Ada Bell in town"), [("leaked_texts", "1:1", "0:1")], id="a text"),
        pytest.param(row("Ada Bell wants 2 mugs", MUGS), [("leaked_targets", "1:1", "0:1")], id="a target"),
        pytest.param(
            row("2 mugs go to Ada Bell, in town"), [("leaked_near", "1:1", "0:1")], id="nearly a text"
        ),
        pytest.param(
            row("5 pots go to Eve Hart in town", {"item": "pots", "count": 5, "for": "Eve Hart"}),
            [("shared_templates", "1:1", "0:1")],
            id="a wording",
        ),
        pytest.param(
            row("nine pots were sold to Eve Hart", {"item": "pots", "count": 9, "for": "Eve Hart"}, id="0-1"),
            [],
            id="an id is nothing",
        ),
    ],
)
def test_what_splits_share_is_found(
    tmp_path: Path, held_out: dict[str, JSON], expected: list[tuple[str, str, str]]
) -> None:
    assert found(tmp_path, SOUND, [held_out]) == expected


def test_every_split_is_held_against_all_before_it(tmp_path: Path) -> None:
    first, second = row("some words of one text"), row("other words of other texts")
    assert found(tmp_path, [first], [second], [second, first]) == [
        ("leaked_texts", "2:1", "1:1"),
        ("leaked_texts", "2:2", "0:1"),
    ]


def test_a_number_of_a_field_that_texts_hardly_ever_state_is_no_mistake(tmp_path: Path) -> None:
    worked_out = [row(f"{name} came", {"item": name, "count": 1}) for name in ("mugs", "cups", "pots")]
    # One of four counts is stated.
    assert [
        kind for kind, _, _ in found(tmp_path, [*worked_out, row("1 pan came", {"item": "pan", "count": 1})])
    ] == ["unstated_values"] * 3


def test_rows_are_counted_by_what_they_have(tmp_path: Path) -> None:
    rows = [
        row("a mug is what it is", {"item": "mug"}, reasoning="A mug."),
        row("das ist ein Becher"),
        row("the other one"),
    ]
    inspection = inspected(tmp_path, rows, SOUND)
    assert inspection.rows == {"0.jsonl": 3, "1.jsonl": 2}
    assert inspection.unlabelled == 2
    # Two rows of the first split have none; nobody has one in the second.
    assert inspection.without_reasoning == 2
    assert inspection.languages["de"] == 1
    assert inspection.fields["Order /item"].total == 3


def test_a_file_that_is_no_json_stops_it(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("{\n")
    with pytest.raises(DataError, match="not JSON"):
        list(Inspection(near=0.85).read("rows", store.rows(tmp_path / "rows.jsonl"), SCHEMAS))


def test_a_broken_target_tells_how_much_is_broken(tmp_path: Path) -> None:
    inspection = inspected(tmp_path, [row("a", {"item": 1, "count": "x"})])
    assert [each.what for each in inspection.findings] == [
        '1 is not of type "string"'.join(["type at /item: ", " (and 1 more)"])
    ]


def test_a_finding_is_told_in_one_line_and_written_in_one() -> None:
    other = Place("a.jsonl:1", "one")
    finding = Finding("repeated_rows", Place("a.jsonl:2", "two"), "the row is there again", other)
    assert str(finding) == "a.jsonl:2, and a.jsonl:1: the row is there again"
    assert finding.as_json() == {
        "kind": "repeated_rows",
        "where": "a.jsonl:2",
        "id": "two",
        "other": {"where": "a.jsonl:1", "id": "one"},
        "what": "the row is there again",
    }
    assert str(Finding("empty_texts", other, "the text is empty")) == "a.jsonl:1: the text is empty"
    assert Finding("empty_texts", other, "the text is empty").as_json()["other"] is None


def test_every_kind_is_wrong_or_a_remark_and_never_both() -> None:
    kinds = Counter([*PROBLEMS, *REMARKS])
    assert set(kinds.values()) == {1}
    assert LEAKED.keys() <= kinds.keys()
