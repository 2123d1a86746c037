import pytest
from mimesis.random import Random

from adhere.data.fill import fill
from adhere.errors import SchemaError
from adhere.records import JSON
from adhere.schema import Schema


def random(seed: int) -> Random:
    source = Random()
    source.seed(seed)
    return source


ORDER: dict[str, JSON] = {
    "type": "object",
    "properties": {
        "order_id": {"type": "string"},
        "status": {"enum": ["open", "paid"]},
        "kind": {"const": "order"},
        "placed": {"type": "string", "format": "date"},
        "rush": {"type": "boolean"},
        "nothing": {"type": "null"},
        "rating": {"type": ["integer", "null"], "minimum": 1, "maximum": 5},
        "buyer": {"$ref": "#/$defs/party"},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 4},
        "lines": {
            "items": {
                "properties": {"item": {"type": "string"}, "price": {"type": "number"}},
                "required": ["item"],
            }
        },
    },
    "required": [
        "order_id",
        "status",
        "kind",
        "placed",
        "rush",
        "nothing",
        "rating",
        "buyer",
        "tags",
        "lines",
    ],
    "$defs": {"party": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
}


def test_what_is_drawn_obeys_the_schema() -> None:
    schema = Schema.of(ORDER)
    for seed in range(100):
        assert schema.violations(fill(random(seed), ORDER).target) == []


def test_every_leaf_is_stated_once() -> None:
    filled = fill(random(3), ORDER)
    assert isinstance(filled.target, dict)
    for fact in filled.stated:
        value: JSON = filled.target
        for step in fact.path:
            value = value[step]  # type: ignore[index,call-overload]
        assert value == fact.drawn.value
    assert len({fact.path for fact in filled.stated}) == len(filled.stated)


def test_a_label_names_the_way_to_the_leaf() -> None:
    (fact,) = [fact for fact in fill(random(0), ORDER).stated if fact.path == ("buyer", "name")]
    assert fact.label == "buyer name"


def test_optional_properties_are_sometimes_absent() -> None:
    optional: dict[str, JSON] = {"type": "object", "properties": {"city": {"type": "string"}}}
    targets = [fill(random(seed), optional).target for seed in range(200)]
    # An expected 80 of 200, give or take 7.
    assert 50 < sum(target == {} for target in targets) < 110


def test_a_leaf_alone_is_a_schema_too() -> None:
    assert isinstance(fill(random(0), {"type": "string"}).target, str)


@pytest.mark.parametrize("keyword", ["pattern", "oneOf", "minLength", "multipleOf"])
def test_a_keyword_that_cannot_be_drawn_is_named_with_its_place(keyword: str) -> None:
    schema: dict[str, JSON] = {
        "type": "object",
        "properties": {"code": {"type": "string", keyword: "x"}},
        "required": ["code"],
    }
    with pytest.raises(SchemaError, match=rf"#/code = '{keyword}': values cannot be drawn"):
        fill(random(0), schema)
