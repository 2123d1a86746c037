import json
import re
import runpy
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for

from adhere.data.filling.fill import Filled, Plan
from adhere.data.side import Side
from adhere.errors import SchemaError
from adhere.records import JSON, Example
from adhere.reward.score import score
from adhere.schema import Schema
from adhere.schema.canonical import spelled
from adhere.schema.expected import Expected, expected
from adhere.schema.leaves import Path as At
from adhere.schema.leaves import leaves_at
from adhere.text.page import Page
from adhere.text.stated import LONGEST, is_countable, spans

REAL: dict[str, dict[str, JSON]] = runpy.run_path(str(Path(__file__).with_name("real_schemas.py")))["REAL"]


def filled(source: dict[str, JSON], seed: int = 0) -> Filled:
    return Plan.of(Schema.of(source)).fill(Random(seed))


def of(**properties: dict[str, JSON]) -> dict[str, JSON]:
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


def obeys_theirs(value: JSON, source: dict[str, JSON]) -> bool:
    """Ask `jsonschema`, in decimals: in doubles, it takes 19.99 for no multiple of 0.01."""
    schema, instance = (json.loads(json.dumps(each), parse_float=Decimal) for each in (source, value))
    kind = validator_for(schema, default=Draft202012Validator)
    return asks_itself(source) or kind(schema, format_checker=kind.FORMAT_CHECKER).is_valid(instance)


def asks_itself(schema: JSON) -> bool:
    """Whether a schema asks of a value that it obey the schema itself, or not: theirs goes on for ever."""
    if not isinstance(schema, dict):
        return False
    inner = [schema.get(keyword) for keyword in ("not", "if", "then", "else")]
    for keyword in ("allOf", "anyOf", "oneOf"):
        listed = schema.get(keyword)
        inner += listed if isinstance(listed, list) else []
    return schema.get("$ref") == "#" or any(map(asks_itself, inner))


def place(at: Expected, path: At) -> Expected:
    for step in path:
        at = at.item(step) if isinstance(step, int) else at.key(step)
    return at


def unfound(drawn: Filled, schema: Schema) -> Iterator[tuple[At, str]]:
    """Yield what a reader of the text would not find, though the value could be shown to be right."""
    for fact in drawn.stated:
        at, value = place(expected(schema), fact.path), fact.drawn.value
        key = next((step for step in reversed(fact.path) if isinstance(step, str)), "value")
        is_sought = is_countable(value, at) and (not isinstance(value, str) or 2 <= len(value) <= LONGEST)
        if is_sought and not spans(value, at, Page(f"x: {fact.drawn.surface}."), key=key):
            yield fact.path, fact.drawn.surface


# ----------------------------------------------------------------------------------- schemas that people have


def test_there_are_a_hundred_real_schemas() -> None:
    assert len(REAL) == 100


@pytest.mark.parametrize("name", REAL)
def test_a_real_schema_is_filled_and_two_validators_agree(name: str) -> None:
    schema = Schema.of(REAL[name], name=name)
    for seed in range(4):
        drawn = Plan.of(schema).fill(Random(seed))
        assert schema.violations(drawn.target) == []
        assert obeys_theirs(drawn.target, schema.source)
        example = Example(id="1", text="", schema=name, target=drawn.target)
        assert score(spelled(drawn.target), example, schema, preset="fields").total == 1.0
        assert list(unfound(drawn, schema)) == []


@pytest.mark.parametrize("name", REAL)
def test_every_leaf_of_a_real_schema_is_stated_or_absent(name: str) -> None:
    drawn = filled(REAL[name], seed=5)
    stated = {fact.path: fact.drawn.value for fact in drawn.stated}
    assert len(stated) == len(drawn.stated)
    for path, value in leaves_at(drawn.target):
        if value in (None, "", [], {}):
            assert path in drawn.absent or path == ()
        else:
            assert stated[path] == value
    assert not set(drawn.absent) & stated.keys()


# ------------------------------------------------------------------------------------- schemas that are drawn

WORDS = st.sampled_from(["name", "city", "date", "amount", "code", "tags", "note", "x1"])
SMALL = st.integers(0, 6)
STRINGS = st.fixed_dictionaries(
    {"type": st.just("string")},
    optional={
        "minLength": SMALL,
        "maxLength": st.integers(2, 40),
        "pattern": st.sampled_from(["^[A-Z]{2}[0-9]+$", "[aeiou]", "^[^ ]*$", "^(a|bc)+$", "\\d{3}"]),
        "format": st.sampled_from(["date", "email", "ipv4", "uuid", "unknown"]),
    },
)
NUMBERS = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number"])},
    optional={
        "minimum": st.integers(-20, 50),
        "maximum": st.integers(-10, 100) | st.just(0.5),
        "exclusiveMinimum": st.integers(-20, 50),
        "exclusiveMaximum": st.sampled_from([0.25, 10, 33.3]),
        "multipleOf": st.sampled_from([0.01, 0.25, 3, 10]),
    },
)
OPTIONS = st.sampled_from([1, 2.5, "a_b", "C", None, True, [1], {"k": "v"}])
LISTED = st.one_of(
    st.fixed_dictionaries({"enum": st.lists(OPTIONS, min_size=1, max_size=4, unique_by=repr)}),
    st.fixed_dictionaries({"const": st.sampled_from(["x", 7, False, None, [1, 2]])}),
)
PLAIN = st.one_of(
    STRINGS,
    NUMBERS,
    LISTED,
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {}, {"type": ["string", "null"]}, {"$ref": "#"}]),
)


def compounds(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:  # Any: all kinds of keywords
    lists = st.fixed_dictionaries(
        {"type": st.just("array"), "items": inner},
        optional={
            "minItems": st.integers(0, 3),
            "maxItems": st.integers(1, 4),
            "uniqueItems": st.booleans(),
            "contains": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
        },
    )
    objects = st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(WORDS, inner, max_size=4)},
        optional={
            "required": st.lists(WORDS, max_size=3, unique=True),
            "additionalProperties": st.booleans() | inner,
            "patternProperties": st.fixed_dictionaries({"^[xn]": inner}),
            "propertyNames": st.just({"maxLength": 5}),
            "minProperties": st.integers(0, 4),
            "maxProperties": st.integers(1, 5),
            "dependentRequired": st.just({"name": ["city"]}),
            "dependentSchemas": st.fixed_dictionaries({"city": inner}),
            "unevaluatedProperties": st.sampled_from([False]),
        },
    )
    branches = st.lists(inner, min_size=1, max_size=3)
    choices = st.one_of(
        st.fixed_dictionaries({"anyOf": branches}),
        st.fixed_dictionaries({"oneOf": branches}),
        st.fixed_dictionaries({"allOf": branches}),
        st.fixed_dictionaries({"not": inner}),
        st.fixed_dictionaries({"if": inner, "then": inner, "else": inner}),
    )
    return lists | objects | objects | choices


SCHEMAS = st.recursive(PLAIN, compounds, max_leaves=8)
DRAWN = 300


@pytest.fixture(scope="module")
def drawn_schemas() -> list[dict[str, JSON]]:
    drawn: list[dict[str, JSON]] = []

    @settings(max_examples=DRAWN, database=None, phases=[Phase.generate])
    @given(SCHEMAS)
    def collect(source: dict[str, JSON]) -> None:
        drawn.append(source)

    collect()
    return drawn


def test_a_drawn_schema_is_filled_rightly_or_refused_by_keyword(drawn_schemas: list[dict[str, JSON]]) -> None:
    refused: list[str] = []
    for seed, source in enumerate(drawn_schemas):
        schema = Schema.of(source)
        try:
            drawn = Plan.of(schema).fill(Random(seed))
        except SchemaError as fault:
            refused.append(str(fault))
            continue
        assert schema.obeys(drawn.target)
        assert obeys_theirs(drawn.target, source)
        assert drawn == Plan(schema).fill(Random(seed))
    assert len(drawn_schemas) >= DRAWN
    assert all(re.match(r"schema#\S* = '[a-zA-Z$]+': no value was found", fault) for fault in refused)
    # Those that are refused ask for what contradicts itself, or for nearly that.
    assert len(refused) < 0.25 * len(drawn_schemas)


# ----------------------------------------------------------------------------------------- keyword by keyword


@pytest.mark.parametrize(
    "source",
    [
        pytest.param({"type": "string", "minLength": 70, "maxLength": 75}, id="longer than any name"),
        pytest.param({"type": "string", "minLength": 6000}, id="much longer"),
        pytest.param({"type": "string", "maxLength": 3}, id="shorter than any name"),
        pytest.param({"type": "string", "maxLength": 0}, id="empty"),
        pytest.param(
            {"type": "string", "pattern": "^[a-z]+$", "minLength": 20, "maxLength": 22},
            id="pattern and length",
        ),
        pytest.param({"type": "string", "format": "date", "pattern": "^2024-"}, id="pattern and format"),
        pytest.param(
            {"allOf": [{"pattern": "^A"}, {"pattern": "9$"}, {"type": "string", "maxLength": 4}]},
            id="two patterns",
        ),
        pytest.param(
            {"allOf": [{"pattern": "9$"}, {"pattern": "^A"}], "maxLength": 4},
            id="two patterns the other way round",
        ),
        pytest.param({"type": "string", "pattern": "^\\p{Lu}\\p{Ll}+$"}, id="classes of Unicode"),
        pytest.param({"enum": [1, "a", None], "type": "string"}, id="options of the right type"),
        pytest.param({"enum": [3, 12, 40], "minimum": 10, "multipleOf": 5}, id="options that obey the rest"),
        pytest.param({"allOf": [{"enum": [1, 2, 3]}, {"enum": [3, 4]}]}, id="common options"),
        pytest.param(
            {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001}, id="a narrow range"
        ),
        pytest.param({"type": "number", "minimum": 2.5, "maximum": 2.5}, id="a single number"),
        pytest.param({"type": "integer", "minimum": 10**18}, id="a large number"),
        pytest.param({"type": "integer", "maximum": -(10**18)}, id="a large negative number"),
        pytest.param(
            {"type": "number", "minimum": -(10**17), "maximum": 10**17, "title": "total"}, id="a wide range"
        ),
        pytest.param(
            {"type": "integer", "minimum": -(10**17), "maximum": 10**17}, id="a wide range of integers"
        ),
        pytest.param(
            {"type": "array", "items": {"enum": [1, 2, 3, 4]}, "uniqueItems": True, "minItems": 4},
            id="all options once",
        ),
        pytest.param(
            {"type": "array", "items": {"type": "integer"}, "contains": {"const": 5}, "minContains": 2},
            id="contains",
        ),
        pytest.param(
            {
                "type": "array",
                "contains": {"type": "string"},
                "maxContains": 1,
                "items": {"type": ["string", "integer"]},
            },
            id="contains no more",
        ),
        pytest.param(
            {"type": "array", "prefixItems": [{"type": "integer"}], "items": False},
            id="nothing after the first",
        ),
        pytest.param(
            {"type": "array", "prefixItems": [{"type": "integer"}], "unevaluatedItems": False},
            id="nothing unevaluated",
        ),
        pytest.param({"type": "array", "items": {"not": {}}}, id="an item that cannot be"),
        pytest.param(
            {"type": "array", "items": {"type": "string", "pattern": "^$|^a$"}, "uniqueItems": True},
            id="few items that differ",
        ),
        pytest.param({"type": "object", "minProperties": 3}, id="any keys"),
        pytest.param(
            {
                "type": "object",
                "patternProperties": {"^ab?$": {"type": "integer"}},
                "additionalProperties": False,
            },
            id="few keys of a pattern",
        ),
        pytest.param(
            {"type": "object", "properties": {"d": {"type": "string", "maxLength": 4}}, "required": ["d"]},
            id="shorter than a word",
        ),
        pytest.param(of(birth_date={"type": "string", "maxLength": 6}), id="shorter than a day"),
        pytest.param(of(country={"type": "string", "pattern": "^[A-Z]{2}$"}), id="the code of a country"),
        pytest.param({"type": "string", "pattern": "^.$"}, id="a single letter"),
        pytest.param(
            {"type": "object", "propertyNames": {"enum": ["a", "b"]}, "minProperties": 2},
            id="keys that are listed",
        ),
        pytest.param(
            {
                "type": "object",
                "patternProperties": {"^x-[a-z]$": {"type": "integer"}},
                "additionalProperties": False,
                "minProperties": 2,
            },
            id="keys of a pattern",
        ),
        pytest.param(
            {
                **of(a={"type": "string"}),
                "properties": {"a": {}, "b": {}, "c": {}, "d": {}},
                "maxProperties": 2,
                "minProperties": 2,
            },
            id="so many keys",
        ),
        pytest.param(
            {
                "type": "object",
                "properties": {"a": {}, "b": {}},
                "dependentRequired": {"a": ["b"], "b": ["c"]},
                "minProperties": 1,
            },
            id="keys that ask for others",
        ),
        pytest.param(
            {"type": "object", "properties": {"a": {}}, "dependentSchemas": {"a": {"required": ["b"]}}},
            id="keys that ask for schemas",
        ),
        pytest.param(
            {
                "allOf": [
                    {"additionalProperties": {"type": "integer"}},
                    {"properties": {"n": {"minimum": 5}}, "required": ["n"]},
                ],
                "type": "object",
            },
            id="asked of a key from beside",
        ),
        pytest.param(
            {"type": "object", "required": ["a"], "not": {"required": ["b"]}, "properties": {"b": {}}},
            id="a key that may not be there",
        ),
        pytest.param(
            {
                "type": "object",
                "properties": {"a": {"type": "integer"}},
                "additionalProperties": False,
                "oneOf": [{"required": ["a"]}, {"maxProperties": 0}],
            },
            id="one of two",
        ),
        pytest.param({"not": {"type": ["string", "null", "object", "array"]}}, id="not some types"),
        pytest.param({"not": {"type": "string"}, "title": "x"}, id="anything but a string"),
        pytest.param({"title": "total amount"}, id="anything, by its name a number"),
        pytest.param(
            {"if": {"type": "string"}, "then": {"minLength": 3}, "else": {"type": "integer"}}, id="if"
        ),
        pytest.param(
            {"oneOf": [{"type": "integer", "multipleOf": 2}, {"type": "integer", "multipleOf": 3}]},
            id="one and not both",
        ),
        pytest.param({"type": ["array", "object"], "items": {"type": "null"}}, id="kinds of parts"),
        pytest.param(
            {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "items": [{"type": "integer"}],
                "additionalItems": {"type": "string"},
                "minItems": 3,
            },
            id="items of draft-07",
        ),
        pytest.param(
            {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "type": "object",
                "properties": {"a": {}},
                "dependencies": {"a": ["b"], "b": {"required": ["c"]}},
                "minProperties": 1,
            },
            id="dependencies of draft-07",
        ),
        pytest.param(
            {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "definitions": {"x": {"type": "integer"}},
                "properties": {"a": {"$ref": "#/definitions/x", "type": "string"}},
                "required": ["a"],
                "type": "object",
            },
            id="beside a reference of draft-07",
        ),
        pytest.param(
            {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "type": "string",
                "contentEncoding": "base64",
                "contentMediaType": "application/json",
            },
            id="encoded JSON",
        ),
        pytest.param({"type": "string", "contentMediaType": "application/json"}, id="JSON in a string"),
        pytest.param(
            {
                "$defs": {
                    "n": {
                        "type": "object",
                        "properties": {
                            "v": {"type": "integer"},
                            "next": {"anyOf": [{"$ref": "#/$defs/n"}, {"type": "null"}]},
                        },
                        "required": ["v", "next"],
                    }
                },
                "$ref": "#/$defs/n",
            },
            id="a list that ends in null",
        ),
        pytest.param(
            {
                "type": "object",
                "properties": {"children": {"type": "array", "items": {"$ref": "#"}, "minItems": 1}},
            },
            id="a tree that ends by leaving out",
        ),
        pytest.param({"type": "array", "items": {"$ref": "#"}, "maxItems": 2}, id="lists of lists"),
        pytest.param(
            {
                "type": "object",
                "properties": {"kind": {"const": "a"}, "n": {"oneOf": [{"$ref": "#"}, {"type": "string"}]}},
                "additionalProperties": {"$ref": "#"},
                "required": ["n"],
            },
            id="within itself by any key",
        ),
    ],
)
def test_what_is_drawn_obeys(source: dict[str, JSON]) -> None:
    schema = Schema.of(source)
    plan = Plan.of(schema)
    for seed in range(30):
        drawn = plan.fill(Random(seed))
        assert schema.violations(drawn.target) == []
        assert list(unfound(drawn, schema)) == []


@pytest.mark.parametrize(
    ("source", "where", "keyword"),
    [
        pytest.param(
            of(a={"type": "integer", "minimum": 5, "maximum": 4}), "/a", "minimum", id="an empty range"
        ),
        pytest.param(
            {"type": "integer", "multipleOf": 7, "minimum": 1, "maximum": 6},
            "",
            "multipleOf",
            id="no multiple",
        ),
        pytest.param(
            of(a={"type": "string", "pattern": "^a$", "minLength": 2}),
            "/a",
            "pattern",
            id="pattern against length",
        ),
        pytest.param(
            {"type": "string", "pattern": "\\x{41}{2}"}, "", "pattern", id="a pattern in words of Rust alone"
        ),
        pytest.param(
            {"type": "string", "format": "date", "maxLength": 4}, "", "format", id="format against length"
        ),
        pytest.param({"type": "string", "minLength": 5, "maxLength": 4}, "", "minLength", id="lengths"),
        pytest.param(
            {"type": "string", "minLength": 2**21}, "", "minLength", id="longer than an answer may be"
        ),
        pytest.param({"allOf": [{"type": "string"}, {"type": "integer"}]}, "", "type", id="two types"),
        pytest.param({"allOf": [{"const": 1}, {"enum": [2, 3]}]}, "", "enum", id="no common option"),
        pytest.param({"enum": ["a"], "minLength": 2}, "", "minLength", id="no option obeys"),
        pytest.param({"type": "array", "minItems": 3, "maxItems": 2}, "", "minItems", id="too many items"),
        pytest.param(
            {"type": "array", "minItems": 10_001}, "", "minItems", id="more items than an answer may have"
        ),
        pytest.param(
            {"type": "array", "items": {"type": "array", "minItems": 2000}, "minItems": 2000},
            "/4",
            "minItems",
            id="more together",
        ),
        pytest.param(
            {"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "minItems": 3},
            "/2",
            "uniqueItems",
            id="no third boolean",
        ),
        pytest.param(
            {"type": "array", "contains": {"const": 1}, "items": {"const": 2}},
            "/0",
            "const",
            id="contains what no item is",
        ),
        pytest.param(
            {"type": "array", "contains": {}, "maxItems": 0},
            "",
            "contains",
            id="contains where nothing may be",
        ),
        pytest.param(
            {"type": "object", "required": ["a"], "additionalProperties": False},
            "",
            "required",
            id="a key that may not be",
        ),
        pytest.param(
            {"type": "object", "required": ["a", "b"], "maxProperties": 1},
            "",
            "maxProperties",
            id="more keys than may be",
        ),
        pytest.param(
            {"type": "object", "additionalProperties": False, "minProperties": 1},
            "",
            "minProperties",
            id="no keys to add",
        ),
        pytest.param(
            {"type": "object", "minProperties": 10_001},
            "",
            "minProperties",
            id="more keys than an answer may have",
        ),
        pytest.param(
            {"type": "object", "propertyNames": {"enum": ["a"]}, "minProperties": 2},
            "",
            "minProperties",
            id="one name for two keys",
        ),
        pytest.param(of(a={"anyOf": [False]}), "/a", "anyOf", id="no branch"),
        pytest.param(of(a={"allOf": [{"type": "string"}, False]}), "/a", "false", id="never"),
        pytest.param(
            {
                "type": "object",
                "patternProperties": {"^a$": {}},
                "additionalProperties": False,
                "minProperties": 2,
            },
            "",
            "minProperties",
            id="a pattern of one key",
        ),
        pytest.param(of(a={"oneOf": [{"const": 1}, {"const": 1}]}), "/a", "oneOf", id="both branches"),
        pytest.param({"type": "integer", "not": {"multipleOf": 1}}, "", "not", id="not"),
        pytest.param(
            {"allOf": [{"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}]},
            "",
            "$ref",
            id="without end",
        ),
        pytest.param(
            {"type": "string", "anyOf": [{"oneOf": [{"type": "string"}, {"$ref": "#"}]}]},
            "",
            "anyOf",
            id="a liar",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_place_and_keyword(
    source: dict[str, JSON], where: str, keyword: str
) -> None:
    with pytest.raises(SchemaError) as refused:
        Plan.of(Schema.of(source)).fill(Random(0))
    assert str(refused.value).startswith(f"schema#{where} = {keyword!r}: no value was found that obeys it")
    assert str(refused.value).endswith("or bring your own rows with `adhere import`.")


HARD: dict[str, JSON] = {"type": "integer", "minimum": 0, "not": {"minimum": 0}}
"""What is drawn never obeys, which only shows once it is drawn."""
FEW: dict[str, JSON] = {"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "minItems": 3}


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(of(a={"anyOf": [of(**{f"k{i}": HARD}) for i in range(80)]}), id="branches"),
        pytest.param({"type": "object", "properties": {f"k{i}": HARD for i in range(140)}}, id="members"),
        pytest.param({"type": "object", "properties": {f"k{i}": FEW for i in range(40)}}, id="lists"),
        pytest.param(
            {
                "type": "array",
                "minItems": 1,
                "items": {"type": "object", "properties": {f"k{i}": HARD for i in range(140)}},
            },
            id="members of items",
        ),
        pytest.param(
            of(a={"type": "array", "items": of(b={"anyOf": [of(**{f"k{i}": HARD}) for i in range(80)]})}),
            id="branches of items",
        ),
    ],
)
def test_what_leads_nowhere_costs_a_bounded_number_of_draws(source: dict[str, JSON]) -> None:
    with pytest.raises(SchemaError, match="no value was found"):
        Plan.of(Schema.of(source)).fill(Random(0))


def test_what_a_schema_lists_is_not_its_own_object() -> None:
    option: JSON = {"k": ["v"]}
    schema = Schema.of({"const": option})
    target = Plan.of(schema).fill(Random(0)).target
    assert target == schema.source["const"]
    assert target is not schema.source["const"]


# ------------------------------------------------------------------------------------- what a text must state


def test_a_label_names_the_way_to_the_leaf() -> None:
    (fact,) = filled(of(buyer=of(lastName={"type": "string"}))).stated
    assert fact.path == ("buyer", "lastName")
    assert fact.label == "buyer last name"


@pytest.mark.parametrize(
    ("leaf", "described"),
    [
        pytest.param({"title": "Sold to"}, "Sold to", id="a title"),
        pytest.param({"description": "Who buys it."}, "Who buys it", id="a short description"),
        pytest.param({"title": "Buyer"}, "", id="no other words than the key"),
        pytest.param({"description": "x" * 81}, "", id="a long description is no name"),
        pytest.param({}, "", id="nothing"),
    ],
)
def test_a_fact_has_the_words_of_its_schema(leaf: dict[str, JSON], described: str) -> None:
    (fact,) = filled(of(buyer={"type": "string", **leaf})).stated
    assert fact.described == described


def test_what_leaves_no_choice_is_fixed() -> None:
    drawn = filled(of(a={"const": "order"}, b={"enum": [{"k": ["v", None]}]}, c={"enum": ["x_y", "z"]}))
    kinds = {fact.path: fact.drawn.kind for fact in drawn.stated}
    assert kinds == {("a",): "fixed", ("b", "k", 0): "fixed", ("c",): "option"}
    assert drawn.absent == (("b", "k", 1),)


def test_the_parts_of_an_option_are_stated_one_by_one() -> None:
    (fact,) = filled({"enum": [{"k": 1}, {"k": 2}]}).stated
    assert (fact.path, fact.drawn.kind) == (("k",), "option")
    assert fact.drawn.surface == str(fact.drawn.value)


def test_null_is_drawn_only_where_the_key_must_be_there() -> None:
    leaf: dict[str, JSON] = {"type": ["string", "null"]}
    kept = [filled(of(a=leaf), seed) for seed in range(200)]
    left_out = [filled({"type": "object", "properties": {"a": leaf}}, seed) for seed in range(200)]
    nulls = [drawn for drawn in kept if drawn.target == {"a": None}]
    # 200 * 1/2 * 0.3 = 30.
    assert 15 < len(nulls) < 50
    assert all(drawn.absent == (("a",),) for drawn in nulls)
    assert all(drawn.target != {"a": None} for drawn in left_out)


@pytest.mark.parametrize("empty", [{"type": "object"}, {"type": "array", "maxItems": 0}], ids=["{}", "[]"])
def test_what_is_empty_is_never_drawn_where_null_or_nothing_says_as_much(empty: dict[str, JSON]) -> None:
    nullable = of(a={"anyOf": [empty, {"type": "null"}]})
    optional: dict[str, JSON] = {"type": "object", "properties": {"a": empty}}
    for seed in range(20):
        drawn = filled(nullable, seed)
        assert drawn.target == {"a": None}
        assert drawn.absent == (("a",),)
        assert filled(optional, seed).target == {}
    assert filled(of(a={"type": "array", "maxItems": 0})).target == {"a": []}


def test_an_empty_object_is_drawn_where_keys_are_counted() -> None:
    source: dict[str, JSON] = {
        "type": "object",
        "properties": {"a": {"type": "object", "maxProperties": 0}},
        "minProperties": 1,
        "additionalProperties": False,
    }
    assert filled(source).target == {"a": {}}


@pytest.mark.parametrize(
    "either",
    [
        {"anyOf": [{"type": "string"}, {"type": "number"}]},
        {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^-?\d+\.\d+$"}]},
        {"type": ["string", "number"]},
    ],
    ids=["branches", "pattern", "types"],
)
def test_where_the_name_asks_for_a_number_and_the_schema_takes_one_no_string_is_drawn(
    either: dict[str, JSON],
) -> None:
    drawn = [filled(of(price=either, note=either), seed).target for seed in range(30)]
    pairs = [(each["price"], each["note"]) for each in drawn if isinstance(each, dict)]
    assert not any(isinstance(price, str) for price, _ in pairs)
    assert any(isinstance(note, str) for _, note in pairs)


def test_without_a_branch_for_numbers_every_branch_is_drawn() -> None:
    source = of(price={"anyOf": [{"type": "boolean"}, {"type": "string"}]})
    targets = [filled(source, seed).target for seed in range(20)]
    assert {type(each["price"]) for each in targets if isinstance(each, dict)} == {bool, str}


@pytest.mark.parametrize(
    ("key", "spelling"),
    [
        ("total", r"\d+\.\d\d"),
        ("unit_price", r"\d+\.\d\d"),
        ("quantity", r"\d+"),
        ("payment_method", r"[a-z ]+"),
    ],
)
def test_a_string_that_is_called_an_amount_is_one(key: str, spelling: str) -> None:
    for seed in range(10):
        target = filled(
            {"type": "object", "properties": {key: {"type": "string"}}, "required": [key]}, seed
        ).target
        assert isinstance(target, dict)
        assert re.fullmatch(spelling, str(target[key]))


def test_an_empty_option_says_nothing_and_is_drawn_only_alone() -> None:
    assert all(filled({"enum": ["", "a"]}, seed).target == "a" for seed in range(20))
    alone = filled(of(a={"const": ""}))
    assert (alone.target, alone.stated, alone.absent) == ({"a": ""}, (), (("a",),))


def test_optional_properties_are_sometimes_absent() -> None:
    optional: dict[str, JSON] = {"type": "object", "properties": {"city": {"type": "string"}}}
    drawn = [filled(optional, seed) for seed in range(200)]
    # An expected 80 of 200, give or take 7.
    assert 50 < sum(each.target == {} for each in drawn) < 110
    assert all((each.target == {}) == (each.absent == (("city",),)) for each in drawn)


def test_an_optional_property_that_cannot_be_drawn_is_left_out() -> None:
    never: dict[str, JSON] = {"type": "integer", "not": {"type": "integer"}}
    source: dict[str, JSON] = {"type": "object", "properties": {"a": never, "b": {"not": {}, "type": "null"}}}
    assert {json.dumps(filled(source, seed).target) for seed in range(10)} == {"{}"}


def test_a_required_list_is_sometimes_empty() -> None:
    source = of(tags={"type": "array", "items": {"type": "string"}})
    empty = [drawn for seed in range(300) if (drawn := filled(source, seed)).target == {"tags": []}]
    # 300 * 0.06 = 18.
    assert 5 < len(empty) < 40
    assert all(drawn.absent == (("tags",),) for drawn in empty)


def test_a_large_schema_is_not_filled_beyond_what_it_requires() -> None:
    wide: dict[str, JSON] = {
        "type": "object",
        "properties": {f"k{i}": {"type": "boolean"} for i in range(120)},
    }
    source: dict[str, JSON] = {"type": "array", "items": {**wide, "additionalProperties": {"type": "string"}}}
    drawn = filled({**source, "minItems": 3})
    assert len(drawn.stated) < 3 * 120 * 0.6
    assert drawn.target == [*drawn.target[:1], {}, {}]  # type: ignore[index]


def test_the_order_of_properties_is_kept_whoever_came_first() -> None:
    text: dict[str, JSON] = {"type": "string"}
    one, other = of(a=text, b=text), of(b=text, a=text)
    assert Schema.of(one).hash == Schema.of({**other, "required": ["a", "b"]}).hash
    assert list(filled(one).target) == ["a", "b"]  # type: ignore[arg-type]
    assert list(filled(other).target) == ["b", "a"]  # type: ignore[arg-type]


def test_a_plan_draws_the_same_whatever_it_drew_before() -> None:
    schema = Schema.of(REAL["purchase_order"])
    used = Plan(schema)
    for seed in range(20):
        used.fill(Random(seed))
    assert used.fill(Random(99)) == Plan(schema).fill(Random(99))
    assert Plan.of(schema) is Plan.of(Schema.of(REAL["purchase_order"]))


def test_values_held_apart_stand_on_one_side_only() -> None:
    source = of(
        vendor={"type": "string"}, code={"type": "string", "pattern": "^[A-Z]{4}$"}, note={"type": "string"}
    )
    sides = [Side(split, frozenset({"value"})) for split in ("train", "held_out")]
    found = [
        {
            str(fact.drawn.value)
            for seed in range(300)
            for fact in Plan.of(Schema.of(source)).fill(Random(seed), side).stated
        }
        for side in sides
    ]
    assert all(len(values) > 300 for values in found)
    assert not found[0] & found[1]


def test_a_pattern_that_admits_too_few_values_is_held_apart_no_longer() -> None:
    source = of(code={"type": "string", "pattern": "^AB$"})
    sides = [Side(split, frozenset({"value"})) for split in ("train", "held_out")]
    assert [Plan.of(Schema.of(source)).fill(Random(0), side).target for side in sides] == [{"code": "AB"}] * 2
