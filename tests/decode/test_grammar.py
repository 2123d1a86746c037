import json

import pytest

from adhere.decode.grammar import Grammar, Vocabulary
from adhere.decode.sample import Question, Sampling, sample
from adhere.errors import ModelError, SchemaError
from adhere.model import Model
from adhere.records import JSON
from adhere.schema import Schema
from adhere.schema.parse import Parsed, parse_json

ORDER: dict[str, JSON] = {
    "title": "Order",
    "type": "object",
    "properties": {
        "item": {"type": "string"},
        "count": {"type": "integer", "minimum": 1, "maximum": 99},
        "price": {"type": "number"},
        "placed": {"type": "string", "format": "date"},
        "state": {"enum": ["open", "paid"]},
        "gift": {"type": "boolean"},
        "note": {"type": ["string", "null"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "buyer": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
    },
    "required": ["item", "count", "price", "placed", "state", "gift", "note", "tags", "buyer"],
    "additionalProperties": False,
}


def texts(model: Model, schema: Schema, *, samples: int, limit: int) -> list[str]:
    grammar = Grammar(schema, Vocabulary(model))
    settings = Sampling(samples=samples, temperature=1.0, max_new_tokens=limit)
    (group,) = sample(model, [Question("q", (40, 41), grammar)], settings)
    return [completion.text for completion in group]


def test_a_random_model_writes_nothing_but_values_of_the_schema(any_model: Model) -> None:
    # Bytes at random: every string is noise and would run on; yet the answer is closed before the limit.
    schema = Schema.of(ORDER)
    for text in texts(any_model, schema, samples=12, limit=420):
        parsed = parse_json(text)
        assert isinstance(parsed, Parsed), text
        assert schema.violations(parsed.value) == []


def test_keys_come_in_the_schema_s_order_and_without_blanks(model: Model) -> None:
    for text in texts(model, Schema.of(ORDER), samples=4, limit=420):
        assert list(json.loads(text)) == list(ORDER["properties"])  # type: ignore[arg-type]
        assert text.startswith('{"item":"')


def test_a_grammar_is_not_moved_by_the_samples_that_copied_it(model: Model) -> None:
    grammar = Grammar(Schema.of({"enum": ["a"]}), Vocabulary(model))
    first = grammar.allowed(100)
    list(sample(model, [Question("q", (40,), grammar)], Sampling(samples=2, max_new_tokens=10)))
    assert (grammar.allowed(100) == first).all()


def test_near_the_limit_a_value_is_closed(model: Model) -> None:
    vocabulary = Vocabulary(model)
    grammar = Grammar(Schema.of({"type": "string"}), vocabulary)
    quote = model.tokenizer.encode('"', add_special_tokens=False)[0]
    grammar.accept(quote)
    assert grammar.allowed(200).sum() > 50
    assert grammar.allowed(5).nonzero()[0].tolist() == [quote]


def test_an_answer_with_room_left_is_not_hurried(model: Model) -> None:
    properties: dict[str, JSON] = {
        "vendor": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "amount": {"type": "number"},
        "currency": {"enum": ["EUR", "USD"]},
    }
    schema: dict[str, JSON] = {"type": "object", "properties": properties, "required": list(properties)}
    grammar = Grammar(Schema.of(schema), Vocabulary(model))
    for token in model.tokenizer.encode('{"vendor":"A', add_special_tokens=False):
        grammar.accept(token)
    # The rest takes 51 tokens, each a byte: `","date":"2026-01-31","amount":9,"currency":"EUR"}` and the end.
    assert (grammar.copy().allowed(70) == grammar.copy().allowed(1000)).all()
    assert grammar.copy().allowed(58).sum() == 1


def test_the_end_is_allowed_where_the_answer_is_complete_and_nowhere_else(model: Model) -> None:
    grammar = Grammar(Schema.of({"const": 7}), Vocabulary(model))
    seven = model.tokenizer.encode("7", add_special_tokens=False)[0]
    assert grammar.allowed(50).nonzero()[0].tolist() == [seven]
    grammar.accept(seven)
    assert grammar.allowed(50).nonzero()[0].tolist() == [2]


def test_what_the_grammar_cannot_guarantee_is_refused_with_the_reason(model: Model) -> None:
    schema = Schema.of({"title": "T", "type": "array", "items": {"type": "string"}, "uniqueItems": True})
    with pytest.raises(SchemaError, match=r"T = .*cannot guarantee it \(.*uniqueItems.*\)\. Simplify"):
        Grammar(schema, Vocabulary(model))


def test_a_token_that_is_not_allowed_is_a_bug_of_the_caller(model: Model) -> None:
    grammar = Grammar(Schema.of({"const": 7}), Vocabulary(model))
    with pytest.raises(RuntimeError, match="refused"):
        grammar.accept(9)


def test_a_tokenizer_without_a_fast_form_is_refused(model: Model) -> None:
    slow = Model("slow", model.network, object())  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"slow.*tokenizer\.json"):
        Vocabulary(slow)
