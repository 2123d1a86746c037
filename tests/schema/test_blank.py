"""The blank form: a model is trained on this very text, so every row here is a promise."""

import pytest

from adhere.records import JSON
from adhere.schema.blank import blank

INVOICE: dict[str, JSON] = {
    "title": "Invoice",
    "type": "object",
    "properties": {
        "vendor": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "amount": {"type": "number"},
        "currency": {"type": "string", "enum": ["EUR", "USD", "GBP"]},
        "note": {"type": "string"},
    },
    "required": ["vendor", "date", "amount", "currency"],
    "additionalProperties": False,
}
ADDRESS: JSON = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
NODE: JSON = {
    "type": "object",
    "properties": {"id": {"type": "integer"}, "next": {"$ref": "#/$defs/node"}},
    "required": ["id"],
}


def test_the_example_of_the_specification() -> None:
    assert blank(INVOICE) == (
        '{"vendor":"string","date":"date","amount":"number","currency":"EUR|USD|GBP","note":"string?"}'
    )


@pytest.mark.parametrize(
    ("schema", "word"),
    [
        pytest.param({"type": "string"}, "string", id="string"),
        pytest.param({"type": "integer"}, "integer", id="integer"),
        pytest.param({"type": "number"}, "number", id="number"),
        pytest.param({"type": "boolean"}, "boolean", id="boolean"),
        pytest.param({"type": "null"}, "null", id="null"),
        pytest.param({}, "any", id="no type"),
        pytest.param(True, "any", id="true"),
        pytest.param({"const": "EUR"}, "EUR", id="a constant string is bare"),
        pytest.param({"const": 1.0}, "1.0", id="a constant number, as it is written"),
        pytest.param({"const": {"b": 1, "a": [True]}}, '{"b":1,"a":[true]}', id="a constant object"),
        pytest.param({"type": "string", "enum": ["a", "b"]}, "a|b", id="options"),
        pytest.param({"enum": ["a", 1, None, False]}, "a|1|null|false", id="options of several types"),
        pytest.param({"const": "a", "enum": ["a", "b"]}, "a", id="a constant before options"),
        pytest.param({"type": "string", "format": "date-time"}, "date-time", id="format"),
        pytest.param({"type": "string", "pattern": "^[A-Z]+$"}, "string /^[A-Z]+$/", id="pattern"),
        pytest.param(
            {"type": "string", "format": "uuid", "pattern": "^a"}, "uuid", id="format before pattern"
        ),
        pytest.param({"type": ["string", "null"]}, "string|null", id="several types"),
        pytest.param({"type": ["string", "null"], "format": "date"}, "date|null", id="a format and null"),
        pytest.param({"type": "integer", "minimum": 0, "maximum": 10}, "integer 0..10", id="both bounds"),
        pytest.param(
            {"type": "number", "minimum": 0.5, "maximum": 1e3}, "number 0.5..1000", id="bounds in one form"
        ),
        pytest.param({"type": "integer", "minimum": 0}, "integer >=0", id="lower bound"),
        pytest.param({"type": "integer", "maximum": 10}, "integer <=10", id="upper bound"),
        pytest.param({"type": "number", "exclusiveMinimum": 0}, "number >0", id="exclusive lower bound"),
        pytest.param({"type": "number", "exclusiveMaximum": 10}, "number <10", id="exclusive upper bound"),
        pytest.param(
            {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
            "number >0 <=1",
            id="one bound of each kind",
        ),
        pytest.param({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string|null", id="anyOf leaves"),
        pytest.param(
            {"oneOf": [{"const": "a"}, {"type": "integer"}, {"const": "a"}]}, "a|integer", id="no word twice"
        ),
        pytest.param(
            {"type": "string", "anyOf": [{"format": "date"}, {"format": "email"}]}, "date|email", id="beside"
        ),
        pytest.param(
            {"anyOf": [{"type": "string", "description": "x"}, False]}, "string", id="no branch's description"
        ),
        pytest.param({"allOf": [{"type": "string"}, {"format": "date"}]}, "date", id="allOf"),
        pytest.param({"$ref": "#/$defs/money"}, "number >=0", id="a reference"),
    ],
)
def test_a_leaf_is_a_word(schema: JSON, word: str) -> None:
    source: dict[str, JSON] = {
        "properties": {"x": schema},
        "required": ["x"],
        "$defs": {"money": {"type": "number", "minimum": 0}},
    }
    assert blank(source) == '{"x":' + quoted(word) + "}"


def quoted(word: str) -> str:
    return '"' + word.replace('"', '\\"') + '"'


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param({"type": "string", "description": "A name"}, '"string: A name"', id="a description"),
        pytest.param(
            {"type": "string", "description": " a\n  b\t"}, '"string: a b"', id="whitespace collapsed"
        ),
        pytest.param({"type": "string", "description": " \n"}, '"string"', id="an empty description"),
        pytest.param(
            {"properties": {"x": {"type": "string", "description": "d"}}},
            '{"x":"string?: d"}',
            id="mark, description",
        ),
        pytest.param({"properties": {"x": {"enum": ["a"]}}}, '{"x":"a?"}', id="optional options"),
        pytest.param(
            {
                "properties": {"x": {"$ref": "#/$defs/d", "description": "near"}},
                "$defs": {"d": {"description": "far"}},
            },
            '{"x":"any?: near"}',
            id="the description beside a reference",
        ),
        pytest.param(
            {"properties": {"x": {"$ref": "#/$defs/d"}}, "$defs": {"d": {"description": "far"}}},
            '{"x":"any?: far"}',
            id="the description of what is referred to",
        ),
    ],
)
def test_a_leaf_may_carry_a_mark_and_a_description(source: dict[str, JSON], expected: str) -> None:
    assert blank(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(
            {"properties": {"b": {}, "a": {}}, "required": ["b", "a"]}, '{"b":"any","a":"any"}', id="order"
        ),
        pytest.param({"type": "object"}, "{}", id="an object of which nothing is said"),
        pytest.param({"type": "array"}, '["any"]', id="an array of which nothing is said"),
        pytest.param({"items": {"type": "string", "description": "d"}}, '["string: d"]', id="items"),
        pytest.param({"type": "array", "items": ADDRESS}, '[{"city":"string"}]', id="objects in an array"),
        pytest.param(
            {"prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
            '["string","integer"]',
            id="prefixItems in turn",
        ),
        pytest.param(
            {"properties": {"a": ADDRESS, "b": {"type": "array"}}, "required": ["b"]},
            '{"a?":{"city":"string"},"b":["any"]}',
            id="the key of an optional object is marked",
        ),
        pytest.param(
            {"properties": {"a": {"type": "array", "description": "d"}}},
            '{"a?":["any"]}',
            id="no description of arrays",
        ),
        pytest.param(
            {"properties": {"a": {"anyOf": [ADDRESS, {"type": "null"}], "description": "d"}}},
            '{"a?":{"anyOf":[{"city":"string"},"null"]}}',
            id="a choice with an object",
        ),
        pytest.param(
            {"type": ["object", "null"], "properties": {"x": {"type": "null"}}, "required": ["x"]},
            '{"anyOf":[{"x":"null"},"null"]}',
            id="an object or null",
        ),
        pytest.param({"oneOf": [ADDRESS, ADDRESS]}, '{"city":"string"}', id="branches alike"),
        pytest.param(
            {"allOf": [ADDRESS, {"properties": {"zip": {"type": "string"}}}]},
            '{"city":"string","zip":"string?"}',
            id="allOf merged",
        ),
        pytest.param(
            {"type": "object", "additionalProperties": {"type": "number"}},
            '{"*":"number"}',
            id="any other key",
        ),
        pytest.param(
            {"patternProperties": {"^x-": {"type": "string"}}}, '{"/^x-/":"string"}', id="keys by pattern"
        ),
        pytest.param({"required": ["x"]}, '{"x":"any"}', id="a required key of which nothing is said"),
        pytest.param(
            {"properties": {"x": False, "y": True}}, '{"y":"any?"}', id="a key that may not be there"
        ),
        pytest.param(
            {"properties": {"é": {"const": "ü"}}, "required": ["é"]}, '{"é":"ü"}', id="letters as themselves"
        ),
        pytest.param(
            {"$ref": "#/$defs/node", "$defs": {"node": NODE}},
            '{"id":"integer","next":"…node?"}',
            id="within itself",
        ),
        pytest.param(
            {"title": "Tree", "properties": {"kids": {"type": "array", "items": {"$ref": "#"}}}},
            '{"kids?":["…Tree"]}',
            id="within itself, by title",
        ),
        pytest.param(
            {"properties": {"up": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}},
            '{"up":"…schema|null?"}',
            id="within itself, or null",
        ),
        pytest.param(
            {"properties": {"a": {"$ref": "#/$defs/d"}, "b": {"$ref": "#/$defs/d"}}, "$defs": {"d": ADDRESS}},
            '{"a?":{"city":"string"},"b?":{"city":"string"}}',
            id="twice is not within itself",
        ),
    ],
)
def test_structure(source: dict[str, JSON], expected: str) -> None:
    assert blank(source) == expected
