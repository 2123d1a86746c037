"""Values exchanged between rows stand in text and target alike, and only where the text leaves no doubt."""

import json
from pathlib import Path

import pytest
import swap
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.data import store
from adhere.data.store import Dataset
from adhere.records import JSON, Example
from adhere.schema import Schema

PLAYLIST = Schema.of(
    {
        "title": "playlist",
        "type": "object",
        "properties": {
            "artist": {"type": "string"},
            "playlist": {"type": "string"},
            "owner": {"type": "string", "enum": ["my", "our"]},
        },
        "additionalProperties": False,
    }
)


def row(text: str, target: JSON, *, name: str = "1") -> Example:
    return Example(id=name, text=text, schema="playlist", target=target)


def rows(*pairs: tuple[str, JSON]) -> Dataset:
    examples = (row(text, target, name=str(place)) for place, (text, target) in enumerate(pairs))
    return Dataset({"playlist": PLAYLIST}, tuple(examples))


@pytest.mark.parametrize(
    ("text", "target", "keys"),
    [
        pytest.param(
            "add Bach to my Calm", {"artist": "Bach", "playlist": "Calm"}, "artist playlist", id="both"
        ),
        pytest.param("add Bach to Bach", {"artist": "Bach"}, "", id="a value that stands twice stays"),
        pytest.param(
            "add Bachs to Calm", {"artist": "Bach", "playlist": "Calm"}, "playlist", id="part of a word"
        ),
        pytest.param("add R&B Jams", {"artist": "R", "playlist": "R&B Jams"}, "", id="one within the other"),
        pytest.param("add BACH", {"artist": "Bach"}, "", id="another spelling"),
        pytest.param("add it", {"artist": ""}, "", id="nothing"),
        pytest.param("add it", None, "", id="no target"),
    ],
)
def test_what_can_be_exchanged(text: str, target: JSON, keys: str) -> None:
    found = swap.stretches(row(text, target))
    assert [each.key for each in found] == keys.split()
    assert all(isinstance(target, dict) and text[each.start : each.end] == target[each.key] for each in found)


def test_a_copy_has_anothers_value_in_text_and_target() -> None:
    given = rows(
        ("add Bach to Calm", {"artist": "Bach", "playlist": "Calm"}),
        ("put Nina Simone on", {"artist": "Nina Simone"}),
    )
    made = swap.swapped(given, copies=2, seed=0).examples
    assert made[:2] == given.examples
    # The only other value is the other artist; a playlist has none but its own.
    assert {(each.text, json.dumps(each.target)) for each in made[2:]} == {
        ("add Nina Simone to Calm", '{"artist": "Nina Simone", "playlist": "Calm"}'),
        ("put Bach on", '{"artist": "Bach"}'),
    }


def test_a_copy_obeys_its_schema() -> None:
    # The text has "our" where the target says "my": an enum cannot take "your".
    given = rows(("play my hits", {"owner": "my"}), ("play our songs", {"owner": "our"}))
    made = swap.swapped(given, copies=1, seed=1).examples[2:]
    assert {each.text for each in made} == {"play our hits", "play my songs"}
    assert not any(PLAYLIST.violations(each.target) for each in made)


_NAMES = st.sampled_from(["Bach", "Nina Simone", "R&B", "Calm", "my", "the wall", "Dré"])


@given(st.lists(st.tuples(_NAMES, _NAMES), min_size=1, max_size=6), st.integers(0, 3))
@settings(max_examples=40)
def test_whatever_the_rows_a_copy_is_new_and_states_its_values(
    pairs: list[tuple[str, str]], seed: int
) -> None:
    targets: list[dict[str, JSON]] = [{"artist": one, "playlist": other} for one, other in pairs]
    given_rows = rows(*((f"add {each['artist']} to {each['playlist']}", each) for each in targets))
    made = swap.swapped(given_rows, copies=2, seed=seed)
    assert made == swap.swapped(given_rows, copies=2, seed=seed)
    copies = made.examples[len(pairs) :]
    texts = [each.text for each in copies]
    assert len({*texts}) == len(texts)
    assert {*texts}.isdisjoint(each.text for each in given_rows.examples)
    for each in copies:
        assert isinstance(each.target, dict)
        assert each.text == f"add {each.target['artist']} to {each.target['playlist']}"


def test_the_script_writes_a_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    targets: list[dict[str, JSON]] = [
        {"artist": name, "playlist": "Calm"} for name in ("Bach", "Holst", "Sia")
    ]
    store.write(rows(*((f"add {each['artist']} to Calm", each) for each in targets)), tmp_path / "in")
    words = ["--data", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", ["swap.py", *words])
    swap.main()
    made = store.read(tmp_path / "out").examples
    assert [each.id for each in made[:3]] == ["0", "1", "2"]
    assert all(each.id.endswith("-swapped-1") for each in made[3:])
