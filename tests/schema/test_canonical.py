"""Equal values have one spelling, and an answer is spelled in its schema's order."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.records import JSON
from adhere.schema.canonical import canonical, content_hash, in_schema_order, spelled, type_of

scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text("ab", max_size=2)
values: st.SearchStrategy[JSON] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"b": 1, "a": 2}, '{"a":2,"b":1}', id="keys sorted"),
        pytest.param(["b", "a"], '["b","a"]', id="lists as they are"),
        pytest.param(1.0, "1", id="no fraction, no point"),
        pytest.param(-0.0, "0", id="minus zero is zero"),
        pytest.param(1e22, "10000000000000000000000", id="all digits of a large number"),
        pytest.param(10**30 + 1, "1000000000000000000000000000001", id="exact integers"),
        pytest.param(0.1, "0.1", id="the shortest text of a double"),
        pytest.param(True, "true", id="true is not 1"),
        pytest.param({"a": [1.0, {"b": 2.50}]}, '{"a":[1,{"b":2.5}]}', id="inside"),
        pytest.param("é\n", '"é\\n"', id="letters as themselves"),
    ],
)
def test_canonical(value: JSON, expected: str) -> None:
    assert canonical(value) == expected


@given(values)
def test_reading_a_canonical_text_gives_an_equal_value_with_the_same_text(value: JSON) -> None:
    read = json.loads(canonical(value))
    assert read == value
    assert canonical(read) == canonical(value)


def test_the_hash_is_the_sha_256_of_the_canonical_text() -> None:
    # printf '{"a":1}' | sha256sum
    expected = "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
    assert content_hash({"a": 1.0}) == expected


@pytest.mark.parametrize("value", [math.nan, math.inf, [-math.inf]])
def test_what_json_cannot_write_is_not_spelled(value: JSON) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical(value)
    with pytest.raises(ValueError, match="not JSON compliant"):
        spelled(value)


def test_half_a_pair_has_no_hash() -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        content_hash("\ud800")


def test_an_answer_is_spelled_without_spaces_in_the_order_it_has() -> None:
    assert spelled({"b": "é", "a": [1.0, None]}) == '{"b":"é","a":[1.0,null]}'


PERSON: dict[str, JSON] = {"properties": {"name": {}, "age": {}}}


@pytest.mark.parametrize(
    ("source", "value", "expected"),
    [
        pytest.param(PERSON, {"age": 1, "name": "A"}, '{"name":"A","age":1}', id="the order of properties"),
        pytest.param(
            PERSON, {"z": 0, "age": 1, "b": 2}, '{"age":1,"z":0,"b":2}', id="other keys last, as they were"
        ),
        pytest.param(
            {"items": PERSON}, [{"age": 1, "name": "A"}, 3], '[{"name":"A","age":1},3]', id="in an array"
        ),
        pytest.param(
            {"prefixItems": [True, PERSON], "items": False},
            [{"b": 1, "a": 1}, {"age": 1, "name": "A"}, {"b": 1, "a": 1}],
            '[{"b":1,"a":1},{"name":"A","age":1},{"b":1,"a":1}]',
            id="at its place in an array",
        ),
        pytest.param(
            {"prefixItems": [PERSON, PERSON]},
            [{"age": 1, "name": "A"}],
            '[{"name":"A","age":1}]',
            id="short array",
        ),
        pytest.param(
            {"$ref": "#/$defs/p", "$defs": {"p": PERSON}},
            {"age": 1, "name": "A"},
            '{"name":"A","age":1}',
            id="$ref",
        ),
        pytest.param(
            {"properties": {"next": {"$ref": "#"}, "id": {}}},
            {"id": 1, "next": {"id": 2, "next": {"id": 3, "next": None}}},
            '{"next":{"next":{"next":null,"id":3},"id":2},"id":1}',
            id="as deep as the value",
        ),
        pytest.param(
            {"allOf": [PERSON, {"properties": {"city": {}}}]},
            {"city": "P", "age": 1, "name": "A"},
            '{"name":"A","age":1,"city":"P"}',
            id="allOf in turn",
        ),
        pytest.param(
            {"additionalProperties": PERSON},
            {"k": {"age": 1, "name": "A"}},
            '{"k":{"name":"A","age":1}}',
            id="a map",
        ),
        pytest.param(
            {"anyOf": [{"type": "null"}, PERSON]},
            {"age": 1, "name": "A"},
            '{"name":"A","age":1}',
            id="the right type",
        ),
        pytest.param(
            {
                "oneOf": [
                    {"properties": {"b": {}, "a": {}, "kind": {"const": "x"}}},
                    {"properties": {"kind": {"const": "y"}, "a": {}, "b": {}}},
                ]
            },
            {"a": 1, "b": 2, "kind": "y"},
            '{"kind":"y","a":1,"b":2}',
            id="the right constant",
        ),
        pytest.param(
            {
                "oneOf": [
                    {"properties": {"b": {"enum": [1]}, "a": {}}},
                    {"properties": {"a": {}, "b": {"enum": [2.0]}}},
                ]
            },
            {"b": 2, "a": 1},
            '{"a":1,"b":2}',
            id="the right option, by value",
        ),
        pytest.param(
            {"anyOf": [{"properties": {"b": {}}}, {"properties": {"a": {}, "b": {}}}]},
            {"b": 2, "a": 1},
            '{"a":1,"b":2}',
            id="the most known keys",
        ),
        pytest.param(
            {
                "anyOf": [
                    {"properties": {"a": {}, "b": {}}, "required": ["c"]},
                    {"properties": {"b": {}, "a": {}}},
                ]
            },
            {"a": 1, "b": 2},
            '{"b":2,"a":1}',
            id="nothing required is missing",
        ),
        pytest.param({"type": "string"}, "x", '"x"', id="a scalar"),
        pytest.param(
            {"properties": {"a": True}},
            {"b": 1, "a": {"z": 1, "y": 2}},
            '{"a":{"z":1,"y":2},"b":1}',
            id="true",
        ),
    ],
)
def test_in_schema_order(source: dict[str, JSON], value: JSON, expected: str) -> None:
    assert spelled(in_schema_order(value, source)) == expected


@given(values, values)
def test_only_the_order_changes(value: JSON, schema: JSON) -> None:
    source: dict[str, JSON] = {
        "properties": schema if isinstance(schema, dict) else {},
        "items": {"anyOf": [{}]},
    }
    assert in_schema_order(value, source) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "boolean"),
        (1, "integer"),
        (1.0, "integer"),
        (1.5, "number"),
        ("", "string"),
        ([], "array"),
        ({}, "object"),
    ],
)
def test_type_of(value: JSON, expected: str) -> None:
    assert type_of(value) == expected
