"""Where in a JSON text a value stands."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.records import JSON
from adhere.reward.place import Place, places_in
from adhere.schema.leaves import leaves

TEXT = ' {"a": [1, {"b/c": "x}]"} ] , "~" : null, "d": {} } '


@pytest.mark.parametrize(
    ("pointer", "key", "value"),
    [
        pytest.param("", "{", TEXT.strip(), id="the whole, without blanks"),
        pytest.param("/a", '"a"', '[1, {"b/c": "x}]"} ]', id="a list"),
        pytest.param("/a/0", "1", "1", id="an item begins where its value does"),
        pytest.param("/a/1", "{", '{"b/c": "x}]"}', id="an object in it"),
        pytest.param("/a/1/b~1c", '"b/c"', '"x}]"', id="a key with a slash, a value with brackets"),
        pytest.param("/~0", '"~"', "null", id="a key with a tilde, blanks around"),
        pytest.param("/d", '"d"', "{}", id="an empty object"),
    ],
)
def test_a_value_is_found_by_its_pointer(pointer: str, key: str, value: str) -> None:
    place = places_in(TEXT, [pointer])[pointer]
    assert TEXT[place.start : place.end] == value
    assert TEXT[place.key :].startswith(key)


def test_a_pointer_at_which_nothing_stands_is_left_out() -> None:
    assert places_in('{"a": [1]}', ["/b", "/a/1", "/a/0/x", "/a"]) == {"/a": Place(1, 6, 9)}
    assert places_in("5", ["/a", ""]) == {"": Place(0, 0, 1)}
    assert places_in("5", []) == {}


def test_escaped_keys_are_found_by_what_they_say() -> None:
    text = r'{"\u0061\n": "\u0062"}'
    assert places_in(text, ["/a\n"]) == {"/a\n": Place(1, 13, 21)}


VALUES: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_every_leaf_is_found(value: JSON, indent: int | None, ascii_only: bool) -> None:  # noqa: FBT001
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    at = dict(leaves(value))
    found = places_in(text, at.keys())
    assert {pointer: json.loads(text[place.start : place.end]) for pointer, place in found.items()} == at
    assert all(place.key <= place.start < place.end for place in found.values())


@pytest.mark.parametrize(
    ("text", "pointers"),
    [
        pytest.param(
            '{"a":[' + ",".join(['{"k":"x","z":[1,2]}'] * 25_000) + "]}",
            [f"/a/{index}/z/1" for index in range(25_000)],
            id="many pointers",
        ),
        pytest.param("[" * 120 + '"' + "x" * 1_000_000 + '"' + "]" * 120, ["/0" * 119], id="a deep one"),
        pytest.param('{"a":"' + "\\n" * 500_000 + '"}', ["/a"], id="a long string"),
        pytest.param("[" + " " * 1_000_000 + "1]", ["/0"], id="blanks"),
    ],
)
def test_a_megabyte_is_read_in_a_few_seconds_at_most(text: str, pointers: list[str]) -> None:
    began = time.process_time()
    assert len(places_in(text, pointers)) == len(pointers)
    assert time.process_time() - began < 5
