"""Which characters of an answer are noise."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.measure.noise import places
from adhere.measure.row import row
from adhere.records import JSON, Example
from adhere.reward.verdict import judge
from adhere.schema import Schema
from adhere.schema.leaves import Path

SCHEMA = Schema.of(
    {
        "properties": {"a": {"type": "integer"}, "list": {"type": "array", "x-order": "free"}},
        "required": ["a"],
    }
)
GOLD: JSON = {"a": 1, "list": ["x", "y"], "b": {"c": 2}}


def measured(answer: str, gold: JSON = GOLD, schema: Schema = SCHEMA) -> float | None:
    example = Example(id="1", text="", schema="x", target=gold)
    return row(judge(answer, schema), example, schema, tokens=0).noise


@pytest.mark.parametrize(
    ("answer", "noisy"),
    [
        pytest.param('{"a": 1, "list": ["y", "x"], "b": {"c": 2}}', "", id="none"),
        pytest.param('{"a": 9, "list": ["q", "x"], "b": {"c": 0}}', "", id="wrong leaves are not noise"),
        pytest.param('{"a": 1}', "", id="nor are missing ones"),
        pytest.param('{"a": 1, "q": 5}', '"q": 5', id="a key that gold has not, with its value"),
        pytest.param('{"a": 1, "q": {"r": [1, 2]}}', '"q": {"r": [1, 2]}', id="with all below it"),
        pytest.param('{"b": {"c": 2, "d": "z"}}', '"d": "z"', id="inside an object"),
        pytest.param('{"list": ["x", "zz", "y"]}', '"zz"', id="an item too many"),
        pytest.param('{"a": {"c": 1}}', '"c": 1', id="an object for a leaf: the key a is the gold's"),
        pytest.param('{"b": 77}', "77", id="a leaf for an object"),
        pytest.param('{"b": []}', "[]", id="an empty list for an object"),
        pytest.param("[1]", "1", id="a list for an object"),
        pytest.param('Sure: {"a": 1}', "Sure: ", id="prose before"),
        pytest.param('{"a": 1}\nBye', "\nBye", id="prose after"),
        pytest.param('```\n{"a": 1, "q": 2}\n```', '```\n"q": 2\n```', id="a fence, and a key inside"),
        pytest.param('{"a": 1, oops, "b": 2}', 'oops, "b": 2}', id="all after the first error"),
        pytest.param('Sure: {"a": 1, oops', "Sure: oops", id="prose before and an error inside"),
        pytest.param('{"a": 1, "li', "", id="cut off is not noise"),
        pytest.param("I cannot say.", "I cannot say.", id="no JSON is all noise"),
    ],
)
def test_noise_is_a_share_of_characters(answer: str, noisy: str) -> None:
    assert measured(f" {answer}\n") == pytest.approx(len(noisy) / len(answer))


def test_an_empty_answer_has_no_share_of_noise() -> None:
    assert measured(" \n") is None


VALUES: st.SearchStrategy[JSON] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=3), parts, max_size=3),
    max_leaves=10,
)


def parts(value: JSON, path: Path = ()) -> dict[Path, JSON]:
    """Every value within a value, by its path."""
    found = {path: value}
    if isinstance(value, dict):
        for key, part in value.items():
            found |= parts(part, (*path, key))
    if isinstance(value, list):
        for index, part in enumerate(value):
            found |= parts(part, (*path, index))
    return found


@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_every_value_is_found_where_it_stands(value: JSON, indent: int | None, ascii_only: bool) -> None:  # noqa: FBT001
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    found = places(text)
    assert {path: json.loads(text[place.start : place.end]) for path, place in found.items()} == parts(value)
    for path, place in found.items():
        if path and isinstance(path[-1], str):
            member = json.loads(f"{{{text[place.with_key : place.end]}}}")
            assert list(member) == [path[-1]]
        else:
            assert place.with_key == place.start


@given(VALUES)
def test_an_answer_equal_to_the_gold_has_no_noise(value: JSON) -> None:
    # A null says that there is no right answer.
    gold = {"only": value}
    assert measured(json.dumps(gold), gold, Schema.of({})) == 0.0


@given(VALUES, VALUES, st.text(max_size=5))
def test_noise_is_a_share(value: JSON, gold: JSON, around: str) -> None:
    share = measured(f"{around}{json.dumps(value)}{around}", {"only": gold}, Schema.of({}))
    assert share is not None
    assert 0.0 <= share <= 1.0
