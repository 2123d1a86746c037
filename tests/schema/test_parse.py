"""A text is one JSON value by strict rules, or the place is known where it stops being one."""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.records import JSON
from adhere.schema.canonical import spelled
from adhere.schema.parse import MAX_DEPTH, MAX_DIGITS, Malformed, Parsed, parse_bytes, parse_json

numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | st.text()
values: st.SearchStrategy[JSON] = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('{"b": 1, "a": [true, null]}', {"b": 1, "a": [True, None]}, id="keys in their order"),
        pytest.param(" \t\n\r 1.50 \n", 1.5, id="whitespace around the value"),
        pytest.param('"\\ud83d\\ude00"', "😀", id="both halves of a pair"),
        pytest.param(
            '{"a": {"k": 1}, "b": {"k": 1}}', {"a": {"k": 1}, "b": {"k": 1}}, id="a key in two objects"
        ),
        pytest.param('["a", "a"]', ["a", "a"], id="a string twice"),
        pytest.param('{"a": "a"}', {"a": "a"}, id="a key as a value"),
        pytest.param("12345678901234567890123", 12345678901234567890123, id="more digits than a double has"),
        pytest.param("9" * MAX_DIGITS, int("9" * MAX_DIGITS), id="as many digits as are read"),
        pytest.param("-" + "9" * MAX_DIGITS, -int("9" * MAX_DIGITS), id="a sign is no digit"),
        pytest.param("1e-999", 0.0, id="too small for a double is zero"),
        pytest.param('"[' + "[" * 200 + '"', "[" + "[" * 200, id="brackets in a string do not nest"),
        pytest.param("[]" + " " * 9, [], id="empty array"),
    ],
)
def test_a_json_text_is_parsed(text: str, expected: JSON) -> None:
    assert parse_json(text) == Parsed(expected)


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        pytest.param("", 0, "expecting value", id="nothing"),
        pytest.param('{"a": 1', 7, "expecting ',' delimiter", id="an object that ends early"),
        pytest.param('{"a": "bc', 9, "unterminated string", id="a string that ends early, at its end"),
        pytest.param('{"a": tru', 6, "expecting value", id="a word that ends early, at its start"),
        pytest.param("[1, 2] 3", 7, "extra data", id="a second value"),
        pytest.param(
            '{"a": 1, "b": 2, "a": 3}', 17, "the key 'a' stands twice", id="a repeated key, at the second"
        ),
        pytest.param(
            '{"a": 1, "\\u0061": 3}', 9, "the key 'a' stands twice", id="a key repeated in other letters"
        ),
        pytest.param(
            '{"a": 1, "a": 2, "b', 9, "the key 'a' stands twice", id="a repeated key of a cut object"
        ),
        pytest.param(
            '[{"a": 1}, {"a": 2}, {"b', 24, "unterminated", id="a key of several objects in a cut array"
        ),
        pytest.param(
            '{"a": {"k": "}"}, "b": {"k": 1}, "c',
            35,
            "unterminated",
            id="a key of two objects and a brace in a string",
        ),
        pytest.param(
            '{"a": {"k": "{"}, "k": 1, "k": 2, "c',
            26,
            "the key 'k' stands twice",
            id="a repeated key after one",
        ),
        pytest.param(
            '{"a": [{"k": 1}, {"k": 2}], "a": 3, "b',
            28,
            "the key 'a' stands twice",
            id="a repeated key about closed objects",
        ),
        pytest.param('["a\\nb\\x"]', 6, "invalid \\escape", id="an escape before another that is none"),
        pytest.param('{"a": "\\n", "b": nul', 17, "expecting value", id="an escape before the fault"),
        pytest.param('{"a": [{"b": 1, "b": 2}]}', 16, "the key 'b' stands twice", id="a repeated key inside"),
        pytest.param("[1, NaN]", 4, "NaN is not a JSON number", id="NaN"),
        pytest.param('{"a": -Infinity}', 6, "-Infinity is not a JSON number", id="minus infinity"),
        pytest.param(
            "[0, 1e999]", 4, "a number past the largest double", id="an infinity written as a number"
        ),
        pytest.param(
            "[" + "9" * (MAX_DIGITS + 1), 1, "an integer of more than 640 digits", id="one digit too many"
        ),
        pytest.param('["a", "\\ud800"]', 6, "half a surrogate pair", id="half a pair, escaped"),
        pytest.param('["\\ud800", tru', 1, "half a surrogate pair", id="half a pair before a syntax error"),
        pytest.param('["\ud800"]', 2, "half a surrogate pair", id="half a pair, as a character"),
        pytest.param('[x "\ud800"]', 1, "expecting value", id="a syntax error before half a pair"),
        pytest.param(
            "[" * (MAX_DEPTH + 1), MAX_DEPTH, "nested more than 128 levels deep", id="one level too many"
        ),
        pytest.param("[x" + "[" * 5000, 1, "expecting value", id="a syntax error before too many levels"),
        pytest.param('{"a":' * 5000, 128 * 5, "nested more than 128 levels deep", id="too many objects"),
        pytest.param("[01]", 2, "expecting ',' delimiter", id="a leading zero"),
        pytest.param('["a\nb"]', 3, "invalid control character", id="a line break in a string"),
        pytest.param("\ufeff{}", 0, "expecting value", id="a byte order mark"),
    ],
)
def test_anything_else_is_malformed_where_a_reader_first_sees_it(
    text: str, position: int, reason: str
) -> None:
    outcome = parse_json(text)
    assert isinstance(outcome, Malformed)
    assert (outcome.position, outcome.reason[: len(reason)]) == (position, reason)


def test_as_many_levels_as_are_allowed_are_read() -> None:
    assert isinstance(parse_json("[" * MAX_DEPTH + "]" * MAX_DEPTH), Parsed)


def test_many_shallow_arrays_are_not_deep() -> None:
    empty: list[JSON] = [[] for _ in range(1001)]
    assert parse_json("[" + "[]," * 1000 + "[]]") == Parsed(empty)


def test_a_stack_with_little_room_left_is_no_exception() -> None:
    # Where the C parser counts Python's frames it gives up; elsewhere it reads the text. It never raises.
    limit = sys.getrecursionlimit()
    depth = 0
    frame = sys._getframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    sys.setrecursionlimit(depth + 60)
    try:
        outcome = parse_json("[" * 100 + "]" * 100)
    finally:
        sys.setrecursionlimit(limit)
    assert isinstance(outcome, (Parsed, Malformed))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('"' + '\\"' * 200_000, id="escaped quotes in a string that never closes"),
        pytest.param("[" * 200_000, id="brackets"),
        pytest.param('{"a":1,' * 100_000, id="a repeated syntax error"),
        pytest.param('["\\ud83d\\ude00"' + ',"\\ud83d\\ude00"' * 50_000 + "]", id="pairs"),
        pytest.param("9" * 400_000, id="digits"),
        pytest.param("[" + '{"a":1,"b":2},' * 20_000, id="a cut array of objects"),
    ],
)
def test_half_a_megabyte_of_spite_is_read_at_once(text: str) -> None:
    # Quadratic work on these takes minutes.
    parse_json(text)


@given(values)
def test_what_adhere_spells_it_reads_back(value: JSON) -> None:
    assert parse_json(spelled(value)) == Parsed(value)


@given(values, st.data())
def test_a_cut_object_is_malformed_at_its_end_at_the_latest(value: JSON, data: st.DataObject) -> None:
    text = spelled({"value": value})
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    outcome = parse_json(cut)
    assert isinstance(outcome, Malformed)
    assert outcome.position is not None
    assert outcome.position <= len(cut)


@given(st.text(alphabet=st.sampled_from('[]{}",:\\ud8001aeN-. ')) | st.text())
def test_no_text_raises_and_what_is_parsed_json_reads_the_same(text: str) -> None:
    outcome = parse_json(text)
    if isinstance(outcome, Parsed):
        assert outcome.value == json.loads(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('{"a": "é"}'.encode(), Parsed({"a": "é"}), id="UTF-8"),
        pytest.param(
            b'["\xc3\xa9\xff"]', Malformed("bytes that are not UTF-8", 3), id="counted in characters"
        ),
        pytest.param(b"[x, \xff]", Malformed("expecting value", 1), id="a syntax error before"),
        pytest.param('["é"]'.encode("utf-16-le"), Malformed("expecting value", 1), id="UTF-16"),
    ],
)
def test_bytes_are_read_as_utf_8(text: bytes, expected: Parsed | Malformed) -> None:
    assert parse_bytes(text) == expected
