"""What is refused is refused by keyword and pointer, and what cannot be guaranteed is named as well."""

import pytest

from adhere.records import JSON
from adhere.schema import Schema
from adhere.schema.dialect import refusals, unconstrainable

DRAFT_07 = "http://json-schema.org/draft-07/schema#"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param({}, id="nothing said"),
        pytest.param({"$schema": "https://json-schema.org/draft/2020-12/schema"}, id="2020-12"),
        pytest.param(
            {"$schema": "https://json-schema.org/draft/2020-12/schema#"}, id="2020-12 with a fragment"
        ),
        pytest.param({"$schema": DRAFT_07, "items": [{}]}, id="draft-07"),
        pytest.param({"$schema": DRAFT_07[:-1]}, id="draft-07 without the fragment"),
        pytest.param({"$ref": "#/$defs/a", "$defs": {"a": {}}}, id="a reference"),
        pytest.param(
            {"$id": "https://example.com/a", "items": {"$ref": "a#"}}, id="a reference by the document's name"
        ),
        pytest.param(
            {"properties": {"$ref": {}, "$id": {}, "$dynamicRef": {}}}, id="keys that look like keywords"
        ),
        pytest.param({"enum": [{"$ref": "https://example.com"}]}, id="values that look like schemas"),
        pytest.param({"unheard-of": 1, "nullable": True}, id="unknown keywords are remarks"),
        pytest.param({"$dynamicAnchor": "a", "items": {"$ref": "#a"}}, id="a dynamic anchor is an anchor"),
        pytest.param({"pattern": r"^\p{L}{1,100}\s+\d$"}, id="a pattern"),
    ],
)
def test_accepted(source: dict[str, JSON]) -> None:
    assert refusals(source) == []


@pytest.mark.parametrize(
    ("source", "keyword", "pointer", "reason"),
    [
        pytest.param({"const": "x" * 70_000}, "", "", "makes a schema of 70012 bytes", id="size"),
        pytest.param(
            {"$schema": "http://json-schema.org/draft-04/schema#"},
            "$schema",
            "",
            "names 'http",
            id="draft-04",
        ),
        pytest.param({"$schema": 4}, "$schema", "", "names 4", id="no draft at all"),
        pytest.param({"type": "strin"}, "type", "", "is not as JSON Schema has it", id="metaschema"),
        pytest.param(
            {"$defs": {"a": {"items": {"required": ["x", 1]}}}},
            "required",
            "/$defs/a/items",
            'is not as JSON Schema has it (1 is not of type "string")',
            id="metaschema, inside",
        ),
        pytest.param(
            {"items": [{}]}, "items", "", "is not as JSON Schema has it", id="draft-07 items in 2020-12"
        ),
        pytest.param({"items": 3}, "items", "", "is not as JSON Schema has it", id="no schema"),
        pytest.param(
            {"items": {"$ref": "https://example.com/a"}}, "$ref", "/items", "leaves the document", id="remote"
        ),
        pytest.param(
            {"items": {"$ref": "file:///etc/passwd"}}, "$ref", "/items", "leaves the document", id="file"
        ),
        pytest.param(
            {"$id": "https://example.com/a/", "$ref": "b"}, "$ref", "", "leaves the document", id="relative"
        ),
        pytest.param({"$ref": "#/$defs/a"}, "$ref", "", "names '#/$defs/a', where no schema", id="dangling"),
        pytest.param(
            {"not": {"$dynamicRef": "#a"}}, "$dynamicRef", "/not", "depends on who asks", id="dynamic"
        ),
        pytest.param(
            {"$recursiveRef": "#"}, "$recursiveRef", "", "depends on who asks", id="recursiveRef of 2019-09"
        ),
        pytest.param(
            {"$defs": {"a": {"$id": "b"}}}, "$id", "/$defs/a", "makes a document within", id="inner $id"
        ),
        pytest.param(
            {"not": {"$schema": DRAFT_07}}, "$schema", "/not", "makes a document within", id="inner $schema"
        ),
        pytest.param(
            {"x-guidance": {"lenient": True}}, "x-guidance", "", "can switch off", id="decoder options"
        ),
        pytest.param(
            {"pattern": "(?=a)b"}, "pattern", "", "has '(?=a)b', which cannot be matched in linear", id="look"
        ),
        pytest.param(
            {"pattern": r"(a)\1"}, "pattern", "", r"has '(a)\\1', which cannot be matched", id="backreference"
        ),
        pytest.param(
            {"pattern": "("}, "pattern", "", "has '(', which is not a regular expression", id="no pattern"
        ),
        pytest.param(
            {"$defs": {"a": {"patternProperties": {"(?!a)": {}}}}},
            "patternProperties",
            "/$defs/a",
            "has",
            id="keys",
        ),
        pytest.param(
            {"pattern": "((a{1000}){1000}){1000}"}, "pattern", "", "has", id="an automaton too large"
        ),
        pytest.param({"multipleOf": 12345}, "multipleOf", "", "is over 10000", id="a limit"),
        pytest.param(
            {"$id": "::"}, "", "", "does not compile (Invalid URI reference", id="what the engine turns down"
        ),
        pytest.param(
            {"anyOf": [{}] * 300, "oneOf": [{}] * 300}, "", "", "offers more choices", id="300 * 300 choices"
        ),
        pytest.param(
            {
                "$ref": "#/$defs/a0",
                "$defs": {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(20)}
                | {"a20": {}},
            },
            "$ref",
            "/$defs/a19/allOf/1",
            "is past 10000 schemas once every reference is written out",
            id="references that double",
        ),
    ],
)
def test_refused(source: dict[str, JSON], keyword: str, pointer: str, reason: str) -> None:
    first = refusals(source)[0]
    assert (first.keyword, first.pointer, first.reason[: len(reason)]) == (keyword, pointer, reason)


def test_every_refusal_is_returned() -> None:
    source: dict[str, JSON] = {"prefixItems": [{"$ref": "a"}, {"multipleOf": 12345}, {"pattern": "("}]}
    assert {(refusal.keyword, refusal.pointer) for refusal in refusals(source)} == {
        ("$ref", "/prefixItems/0"),
        ("multipleOf", "/prefixItems/1"),
        ("pattern", "/prefixItems/2"),
    }


EXPRESSION: dict[str, JSON] = {
    "$ref": "#/$defs/expression",
    "$defs": {
        "expression": {"oneOf": [{"$ref": "#/$defs/sum"}, {"type": "integer"}]},
        "sum": {"type": "object", "properties": {"terms": {"items": {"$ref": "#/$defs/expression"}}}},
    },
}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param({"type": "object", "properties": {"a": {"type": "string"}}}, [], id="an object"),
        pytest.param({"type": "integer", "const": 10**30}, [], id="long integers"),
        pytest.param({"items": {"$ref": "#"}}, [], id="within itself"),
        pytest.param({"$defs": {"a": {"not": {}}}}, [], id="what is not used is not asked about"),
        pytest.param({"items": {"contains": {"type": "null"}}}, [("contains", "/items")], id="a keyword"),
        pytest.param({"items": {"uniqueItems": True}}, [], id="items that differ, of which there are many"),
        pytest.param(
            {"items": {"type": "boolean"}, "minItems": 3, "uniqueItems": True},
            [("uniqueItems", "")],
            id="more items that differ than there are",
        ),
        pytest.param({"format": "iri", "type": "string"}, [("format", "")], id="a format"),
        pytest.param(
            {"if": {"type": "null"}, "then": {}, "properties": {"a": {"not": {"not": {}}}}},
            [("if", ""), ("then", ""), ("not", "/properties/a"), ("not", "/properties/a/not")],
            id="several keywords",
        ),
        pytest.param(
            {"properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {"not": {}}}},
            [("not", "/$defs/b")],
            id="$ref",
        ),
        pytest.param(
            {"oneOf": [{"type": "integer"}, {"type": "number"}]}, [("oneOf", "")], id="branches that overlap"
        ),
        pytest.param({"oneOf": [{"type": "integer"}, {"type": "string"}]}, [], id="branches that do not"),
        pytest.param(EXPRESSION, [("oneOf", "/$defs/expression")], id="a culprit within itself"),
        pytest.param(
            {
                "type": "object",
                "properties": {"a": {"type": "integer", "minimum": 5, "maximum": 3}},
                "required": ["a"],
            },
            [("minimum", "/properties/a")],
            id="keywords that only clash together",
        ),
        pytest.param(
            {
                "$id": "https://example.com/a",
                "$defs": {"b": {"$anchor": "b", "not": {}}},
                "items": {"$ref": "a#b"},
            },
            [("not", "/$defs/b")],
            id="other ways to refer",
        ),
        pytest.param(
            {"$schema": DRAFT_07, "items": {"contentEncoding": "base64", "type": "string"}},
            [("contentEncoding", "/items")],
            id="draft-07 asserts contents",
        ),
        pytest.param({"contentEncoding": "base64", "type": "string"}, [], id="2020-12 does not"),
        pytest.param({"allOf": [{"required": ["a"]}] * 1000}, [("", "")], id="more questions than are asked"),
    ],
)
def test_unconstrainable(source: dict[str, JSON], expected: list[tuple[str, str]]) -> None:
    found = unconstrainable(Schema.of(source))
    assert sorted((refusal.keyword, refusal.pointer) for refusal in found) == sorted(expected)


def test_the_reason_is_the_engines_own() -> None:
    (refusal,) = unconstrainable(Schema.of({"contains": {"type": "null"}}))
    assert refusal.reason == 'cannot be guaranteed (Unimplemented keys: ["contains"])'
