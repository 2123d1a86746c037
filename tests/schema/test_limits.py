"""A schema may be large, but not so large that it is a weapon."""

import pytest

from adhere.records import JSON
from adhere.schema.limits import (
    MAX_ANSWER_CHARACTERS,
    MAX_ANSWER_VALUES,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_ENUM_VALUES,
    MAX_EXPLAINED_CHARACTERS,
    MAX_EXPLAINED_VALUES,
    MAX_PATTERN_BYTES,
    MAX_PROPERTIES,
    MAX_PROPERTIES_PER_OBJECT,
    MAX_WRITTEN_OUT,
    MAX_WRITTEN_OUT_DEPTH,
    excess_of_answer,
    excesses,
    is_explained,
    is_recursive,
    too_large,
    too_many_written_out,
)
from adhere.schema.reference import References


def found(source: dict[str, JSON]) -> list[tuple[str, str]]:
    return [(refusal.keyword, refusal.pointer) for refusal in excesses(References(source))]


def properties(count: int) -> JSON:
    return {str(number): True for number in range(count)}


def nested(depth: int) -> dict[str, JSON]:
    source: dict[str, JSON] = {"type": "null"}
    for _ in range(depth - 1):
        source = {"items": source}
    return source


def test_a_schema_is_measured_by_its_canonical_text() -> None:
    # {"const":"xx…x"} has 12 characters besides the x
    assert too_large({"const": "x" * (MAX_BYTES - 12)}) is None
    refusal = too_large({"const": "x" * (MAX_BYTES - 11)})
    assert refusal is not None
    assert refusal.reason == "makes a schema of 65537 bytes, and at most 65536 are read"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(nested(MAX_DEPTH), [], id="as deep as may be"),
        pytest.param(nested(MAX_DEPTH + 1), [("type", "/items" * 16)], id="one deeper"),
        pytest.param({"properties": properties(MAX_PROPERTIES_PER_OBJECT)}, [], id="as many keys as may be"),
        pytest.param(
            {"items": {"properties": properties(MAX_PROPERTIES_PER_OBJECT + 1)}},
            [("properties", "/items")],
            id="one more",
        ),
        pytest.param(
            {"prefixItems": [{"properties": properties(250)}] * 20 + [{"properties": properties(1)}]},
            [("properties", "/prefixItems/20")],
            id=f"20 * 250 + 1 properties are over {MAX_PROPERTIES}",
        ),
        pytest.param({"enum": list(range(MAX_ENUM_VALUES))}, [], id="as many options as may be"),
        pytest.param(
            {"prefixItems": [{"enum": list(range(999))}, {"enum": [1]}, {"enum": [1]}, {}]},
            [("enum", "/prefixItems/2")],
            id="999 + 1 + 1 options",
        ),
        pytest.param({"pattern": "é" * (MAX_PATTERN_BYTES // 2)}, [], id="as long a pattern as may be"),
        pytest.param(
            {"pattern": "é" * (MAX_PATTERN_BYTES // 2) + "a"}, [("pattern", "")], id="one byte more"
        ),
        pytest.param(
            {"patternProperties": {"a" * 1025: True}}, [("patternProperties", "")], id="a pattern of keys"
        ),
        pytest.param({"multipleOf": 10_000}, [], id="the largest multiple"),
        pytest.param({"multipleOf": 10_001}, [("multipleOf", "")], id="a larger one"),
        pytest.param({"multipleOf": 10_000.5}, [("multipleOf", "")], id="a larger one with a fraction"),
        pytest.param({"multipleOf": 10**9}, [], id="a large power of ten"),
        pytest.param({"multipleOf": 1e9}, [], id="a large power of ten with a point"),
        pytest.param({"multipleOf": 0.01}, [], id="a small one"),
        pytest.param({"multipleOf": 3 * 10**9}, [("multipleOf", "")], id="three times a power of ten"),
        pytest.param({"default": {"multipleOf": 10_001}}, [], id="a value is no schema"),
    ],
)
def test_excesses(source: dict[str, JSON], expected: list[tuple[str, str]]) -> None:
    assert found(source) == expected


def twice(reference: str) -> JSON:
    return [{"$ref": reference}, {"$ref": reference}]


def doubling(levels: int, keyword: str) -> dict[str, JSON]:
    """Each level names the next one twice: 2 ** levels schemas at the end."""
    definitions: dict[str, JSON] = {
        f"level{level}": {keyword: twice(f"#/$defs/level{level + 1}")} for level in range(levels)
    }
    return {"$ref": "#/$defs/level0", "$defs": {**definitions, f"level{levels}": {"type": "string"}}}


@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "prefixItems"])
def test_a_few_references_may_not_stand_for_thousands_of_schemas(keyword: str) -> None:
    # A level is two references and what they name: 2 * (2 + 4 + … + 2 ** levels) + 2 schemas,
    # 8,190 for 11 levels, 16,382 for 12.
    assert MAX_WRITTEN_OUT == 10_000
    assert too_many_written_out(References(doubling(11, keyword))) is None
    assert too_many_written_out(References(doubling(12, keyword))) is not None


def chain(length: int) -> dict[str, JSON]:
    links: dict[str, JSON] = {f"l{n}": {"items": {"$ref": f"#/$defs/l{n + 1}"}} for n in range(length)}
    return {"$ref": "#/$defs/l0", "$defs": {**links, f"l{length}": {}}}


def test_a_chain_of_references_may_not_be_endless() -> None:
    # The root, then two schemas a link, then the end: 2 * 31 + 2 = 64.
    assert MAX_WRITTEN_OUT_DEPTH == 64
    assert too_many_written_out(References(chain(31))) is None
    refusal = too_many_written_out(References(chain(32)))
    assert refusal is not None
    assert refusal.reason == "is past 64 levels once every reference is written out"


def test_a_schema_within_itself_is_written_out_once() -> None:
    source: dict[str, JSON] = {"properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}}
    assert too_many_written_out(References(source)) is None


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param({"items": {"items": True}}, False, id="nested"),
        pytest.param({"items": {"$ref": "#"}}, True, id="itself"),
        pytest.param(
            {"$ref": "#/$defs/a", "$defs": {"a": {"not": {"$ref": "#/$defs/a"}}}}, True, id="a definition"
        ),
        pytest.param(
            {"prefixItems": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}], "$defs": {"a": {}}},
            False,
            id="twice",
        ),
        pytest.param(
            {"$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}, False, id="a definition that is not used"
        ),
        pytest.param({"$ref": "#/$defs/no"}, False, id="a reference to nothing"),
    ],
)
def test_is_recursive(source: dict[str, JSON], *, expected: bool) -> None:
    assert is_recursive(References(source)) == expected


# --------------------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ("answer", "excess"),
    [
        pytest.param("[" + ",".join("1" * MAX_ANSWER_VALUES) + "]", None, id="as many values as may be"),
        pytest.param(
            "[" + ",".join("1" * (MAX_ANSWER_VALUES + 1)) + "]", "more than 10000 values", id="one more"
        ),
        pytest.param("{" * (MAX_ANSWER_VALUES + 1), "more than 10000 values", id="braces"),
        pytest.param('["' + ",[{" * MAX_ANSWER_VALUES + '"]', None, id="what stands in a string is none"),
        pytest.param('["' + '\\",' * MAX_ANSWER_VALUES + '"]', None, id="behind an escaped mark too"),
        pytest.param(
            '["\\\\"' + "," * MAX_ANSWER_VALUES + "]",
            "more than 10000 values",
            id="an escaped backslash ends none",
        ),
        pytest.param("x" * MAX_ANSWER_CHARACTERS, None, id="as many characters as may be"),
        pytest.param("x" * (MAX_ANSWER_CHARACTERS + 1), "more than 1048576 characters", id="one more"),
    ],
)
def test_an_answer_has_few_values_and_characters(answer: str, excess: str | None) -> None:
    assert excess_of_answer(answer) == excess


@pytest.mark.parametrize(
    ("value", "branches", "explained"),
    [
        pytest.param([1] * (MAX_EXPLAINED_VALUES - 1), 0, True, id="the list and its items"),
        pytest.param([1] * MAX_EXPLAINED_VALUES, 0, False, id="one more"),
        pytest.param({str(key): [] for key in range(MAX_EXPLAINED_VALUES)}, 1, False, id="members"),
        pytest.param([1] * (MAX_EXPLAINED_VALUES // 4 - 1), 4, True, id="a quarter under four branches"),
        pytest.param([1] * (MAX_EXPLAINED_VALUES // 4), 4, False, id="one more there"),
        pytest.param("x" * MAX_EXPLAINED_CHARACTERS, 0, True, id="a long string"),
        pytest.param({"x" * MAX_EXPLAINED_CHARACTERS: "y"}, 0, False, id="one character more, in a key"),
    ],
)
def test_a_value_is_explained_up_to_a_size(value: JSON, branches: int, *, explained: bool) -> None:
    assert is_explained(value, branches=branches) is explained
