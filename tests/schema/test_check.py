"""A value is judged by draft 2020-12 or draft-07, formats asserted, and told what it breaks."""

import time

import jsonschema
import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.records import JSON
from adhere.schema.check import Check, Violation, check, compiled

ORDER: dict[str, JSON] = {
    "properties": {"a/b": {"type": "string", "minLength": 3}, "c": {"items": {"enum": [1]}}, "never": False},
    "required": ["d"],
    "additionalProperties": False,
}


def test_every_violation_says_where_which_and_what() -> None:
    value: JSON = {"a/b": "x", "c": [1, 2], "z": 1, "never": 0}
    assert sorted(Check(ORDER).violations(value), key=lambda violation: violation.keyword) == [
        Violation("", "additionalProperties", "Additional properties are not allowed ('z' was unexpected)"),
        Violation("/c/1", "enum", "2 is not one of 1"),
        Violation("/never", "falseSchema", "False schema does not allow 0"),
        Violation("/a~1b", "minLength", '"x" is shorter than 3 characters'),
        Violation("", "required", '"d" is a required property'),
    ]


def test_a_value_that_obeys_breaks_nothing() -> None:
    assert Check({**ORDER, "additionalProperties": True}).violations({"a/b": "xyz", "c": [1.0], "d": 1}) == []


def test_a_long_value_is_quoted_in_part() -> None:
    (violation,) = Check({"type": "null"}).violations("x" * 1000)
    assert violation.message == '"' + "x" * 198 + "…"


@pytest.mark.parametrize(
    ("source", "value", "expected"),
    [
        pytest.param({"format": "date"}, "2024-02-30", False, id="formats are asserted"),
        pytest.param({"format": "date"}, "2024-02-29", True, id="a date"),
        pytest.param({"format": "no-such-format"}, "x", True, id="a format nobody knows is a remark"),
        pytest.param({"pattern": "^a$"}, "a\n", False, id="a line break is a character"),
        pytest.param({"multipleOf": 0.01}, 19.99, True, id="decimal multiples"),
        pytest.param({"type": "integer"}, 10**400, True, id="integers of any length"),
        pytest.param({"const": 2**60}, 2**60 + 1, False, id="integers past a double's precision"),
        pytest.param({"const": 1}, True, False, id="true is not 1"),
        pytest.param(
            {"items": [{"type": "string"}], "$schema": "http://json-schema.org/draft-07/schema#"},
            [1],
            False,
            id="draft-07",
        ),
        pytest.param(
            {"dependentRequired": {"a": ["b"]}, "$schema": "http://json-schema.org/draft-07/schema#"},
            {"a": 1},
            True,
            id="draft-07 knows no later keyword",
        ),
    ],
)
def test_obeys(source: dict[str, JSON], value: JSON, *, expected: bool) -> None:
    assert Check(source).obeys(value) == expected
    assert (Check(source).violations(value) == []) == expected


@pytest.mark.parametrize(
    "reference",
    ["https://example.com/schema.json", "http://127.0.0.1:1/", "file:///etc/hostname"],
)
def test_nothing_is_fetched(reference: str) -> None:
    with pytest.raises(jsonschema_rs.ValidationError, match="Retrieval is disabled"):
        compiled({"$ref": reference})


def test_a_pattern_that_stalls_other_engines_takes_no_time() -> None:
    begun = time.perf_counter()
    assert not Check({"pattern": "^(a+)+$"}).obeys("a" * 100_000 + "b")
    assert time.perf_counter() - begun < 5  # seconds; a backtracking engine needs longer than there is time


def test_equal_schemas_share_a_check() -> None:
    assert check('{"type":"null"}') is check('{"type":"null"}')


TREE: dict[str, JSON] = {
    "properties": {
        "value": {"type": "integer", "minimum": 0},
        "left": {"$ref": "#"},
        "right": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
        "name": False,
    },
    "patternProperties": {"^l": {"maxProperties": 3}},
    "propertyNames": {"maxLength": 5},
    "additionalProperties": {"$ref": "#/$defs/list"},
    "dependentSchemas": {"left": {"required": ["value"]}},
    "$defs": {
        "list": {
            "type": ["array", "null"],
            "prefixItems": [{"type": "string"}],
            "items": {"$ref": "#"},
            "contains": {"type": "object"},
            "minContains": 0,
            "maxContains": 2,
            "not": {"maxItems": 0},
        }
    },
    "type": "object",
    "if": {"required": ["more"]},
    "then": {"allOf": [{"required": ["value"]}, {"$ref": "#/$defs/list", "type": "object"}]},
}
keys = st.sampled_from(["value", "left", "right", "name", "more", "longer"])
tree_values: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.integers(-1, 1) | st.text(max_size=1),
    lambda inner: st.dictionaries(keys, inner, max_size=4) | st.lists(inner, max_size=3),
    max_leaves=10,
)


@given(tree_values)
def test_a_schema_within_itself_is_explained_as_any_other(value: JSON) -> None:
    # The same engine without detours; where it repeats itself, once is enough.
    plain = {
        ("".join(f"/{step}" for step in error.instance_path), error.kind.name)
        for error in compiled(TREE).iter_errors(value)
    }
    explained = Check(TREE).violations(value)
    assert {(violation.pointer, violation.keyword) for violation in explained} == plain


@given(tree_values)
def test_two_engines_agree_on_what_obeys(value: JSON) -> None:
    assert Check(TREE).obeys(value) == jsonschema.Draft202012Validator(TREE).is_valid(value)


@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "oneOf"])
def test_a_deep_value_under_a_schema_within_itself_is_explained_at_once(keyword: str) -> None:
    # Each level doubles the work of an engine that looks into every branch: 2 ** 100.
    twice: JSON = [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]
    source: dict[str, JSON] = {
        "$ref": "#/$defs/a",
        "$defs": {"a": {"type": ["array", "integer"], "items": {keyword: twice}}},
    }
    value: JSON = "wrong"
    for _ in range(100):
        value = [value]
    assert Check(source).violations(value) != []


def test_the_explanation_reaches_the_depth_of_the_fault() -> None:
    source: dict[str, JSON] = {
        "properties": {"next": {"$ref": "#"}},
        "type": "object",
        "additionalProperties": False,
    }
    value: JSON = {"next": {"next": {"next": 3}, "x": 1}}
    assert [(violation.pointer, violation.keyword) for violation in Check(source).violations(value)] == [
        ("/next", "additionalProperties"),
        ("/next/next/next", "type"),
    ]


def test_a_double_not_of_the_schema_itself_is_no_detour() -> None:
    source: dict[str, JSON] = {"properties": {"a": {"not": {"not": {"type": "null"}}}, "b": {"$ref": "#"}}}
    assert [(found.pointer, found.keyword) for found in Check(source).violations({"b": {"a": 1}})] == [
        ("/b/a", "not")
    ]


def test_draft_07_counts_within_itself_too() -> None:
    source: dict[str, JSON] = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "items": [{"type": "string"}, {"$ref": "#"}],
        "additionalItems": False,
    }
    assert [(found.pointer, found.keyword) for found in Check(source).violations(["a", [1, [], 3]])] == [
        ("/1", "additionalItems"),
        ("/1/0", "type"),
    ]


@pytest.mark.parametrize(
    ("items", "values"),
    [
        pytest.param({"type": "string"}, 2_000, id="many values"),
        pytest.param({"anyOf": [{"type": "string"}] * 20}, 100, id="fewer under many branches"),
    ],
)
def test_a_large_value_is_judged_and_not_explained(items: JSON, values: int) -> None:
    judge = Check({"type": "array", "items": items})
    right: list[JSON] = ["x"] * values
    wrong: list[JSON] = [1] * values
    assert judge.violations(right) == []
    (found,) = judge.violations(wrong)
    assert (found.pointer, found.keyword) == ("", "")
    assert found.message == "the value breaks the schema and is too large to say where"
    assert len(judge.violations(wrong[1:])) == values - 1


def test_many_faults_under_a_wide_schema_within_itself_are_explained_at_once() -> None:
    # Were each place of the schema compiled by itself, with all that it can reach, this would take seconds.
    inner: JSON = {"type": "object", "properties": {"x": {"type": "integer"}, "again": {"$ref": "#"}}}
    source: dict[str, JSON] = {"properties": {f"k{index}": inner for index in range(400)}}
    check = Check(source)
    begun = time.process_time()
    found = check.violations({f"k{index}": {"x": "wrong"} for index in range(400)})
    assert {violation.pointer for violation in found} == {f"/k{index}/x" for index in range(400)}
    assert time.process_time() - begun < 2
