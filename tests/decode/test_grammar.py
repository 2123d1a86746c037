import json
from random import Random
from typing import cast

import pytest

from adhere.decode.constraint import Stuck
from adhere.decode.grammar import Grammar
from adhere.decode.sample import Question, Sampling, sample
from adhere.decode.vocabulary import Vocabulary
from adhere.errors import ModelError, SchemaError
from adhere.model import Model, load
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


def walked(grammar: Grammar, vocabulary: Vocabulary, *, limit: int, draw: Random) -> list[int]:
    """An answer of tokens that are drawn evenly among those allowed, but for what is forced."""
    at = grammar.copy()
    tokens: list[int] = []
    while len(tokens) < limit:
        remaining = limit - len(tokens)
        forced = at.forced(remaining)
        for token in forced or [draw.choice(at.allowed(remaining).nonzero()[0].tolist())]:
            tokens.append(token)
            if vocabulary.end_V[token]:
                return tokens
            at.accept(token)
    return tokens


@pytest.mark.parametrize("reference", ["bytes", "nano"])
def test_an_answer_with_hardly_enough_tokens_is_not_cut_by_what_is_forced(
    model: Model, reference: str
) -> None:
    written_by = model if reference == "bytes" else load(reference)
    vocabulary = Vocabulary(written_by)
    properties = cast("dict[str, JSON]", ORDER["properties"])
    # Without the buyer, whose open object could repeat a key.
    closed = {name: value for name, value in properties.items() if name != "buyer"}
    schema = Schema.of({**ORDER, "properties": closed, "required": list(closed)})
    grammar = Grammar(schema, vocabulary)
    draw = Random(1)
    # All hurried from the start; the limits that follow leave room for a few choices, then for many.
    hurried = min(len(walked(grammar, vocabulary, limit=limit, draw=draw)) for limit in [300, 310])
    for limit in range(hurried + 10, hurried + 60, 3):
        *tokens, end = walked(grammar, vocabulary, limit=limit, draw=draw)
        assert vocabulary.end_V[end]
        parsed = parse_json(written_by.tokenizer.decode(tokens))
        assert isinstance(parsed, Parsed)
        assert schema.violations(parsed.value) == []


def test_forced_text_comes_at_once_and_in_the_tokenizer_s_own_spelling() -> None:
    model = load("nano")
    vocabulary = Vocabulary(model)
    properties: dict[str, JSON] = {"vendor": {"enum": ["Acme"]}, "number": {"type": "integer"}}
    grammar = Grammar(
        Schema.of({"type": "object", "properties": properties, "required": list(properties)}), vocabulary
    )
    start = '{"vendor":"Acme","number":'
    tokens: list[int] = []
    calls = 0
    while forced := grammar.forced(100 - len(tokens)):
        calls += 1
        tokens += forced
        for token in forced:
            grammar.accept(token)
    assert tokens == model.tokenizer.encode(start, add_special_tokens=False)
    assert calls < len(tokens)
    assert grammar.allowed(100 - len(tokens)).sum() > 1


def test_the_end_is_forced_where_nothing_else_can_follow(model: Model) -> None:
    grammar = Grammar(Schema.of({"const": 7}), Vocabulary(model))
    (seven,) = grammar.forced(50)
    grammar.accept(seven)
    assert list(grammar.forced(49)) == [2]


def test_what_is_forced_is_no_more_than_may_still_be_written(model: Model) -> None:
    grammar = Grammar(Schema.of({"const": "abcdefghij"}), Vocabulary(model))
    assert len(grammar.forced(3)) <= 3


def test_the_end_is_allowed_where_the_answer_is_complete_and_nowhere_else(model: Model) -> None:
    grammar = Grammar(Schema.of({"const": 7}), Vocabulary(model))
    seven = model.tokenizer.encode("7", add_special_tokens=False)[0]
    assert grammar.allowed(50).nonzero()[0].tolist() == [seven]
    grammar.accept(seven)
    assert grammar.allowed(50).nonzero()[0].tolist() == [2]


def test_what_the_grammar_cannot_guarantee_is_refused_with_the_reason(model: Model) -> None:
    schema = Schema.of({"title": "T", "type": "array", "contains": {"type": "string"}})
    with pytest.raises(SchemaError, match=r"T = .*cannot guarantee it \(.*contains.*\)\. Simplify"):
        Grammar(schema, Vocabulary(model))


@pytest.mark.parametrize("name", ["type", "default", "enum", "const", "examples", "minimum"])
def test_a_property_may_be_named_like_a_keyword(model: Model, name: str) -> None:
    schema = Schema.of({"type": "object", "properties": {name: {"type": "integer"}}, "required": [name]})
    vocabulary = Vocabulary(model)
    grammar = Grammar(schema, vocabulary)
    for token in model.tokenizer.encode(f'{{"{name}":', add_special_tokens=False):
        grammar.accept(token)
    # Sixteen nines are past the bound that an integer without one gets.
    for nine in model.tokenizer.encode("9" * 15, add_special_tokens=False):
        grammar.accept(nine)
    (nine,) = model.tokenizer.encode("9", add_special_tokens=False)
    assert not grammar.allowed(100)[nine]


def test_a_token_that_is_not_allowed_is_a_bug_of_the_caller(model: Model) -> None:
    grammar = Grammar(Schema.of({"const": 7}), Vocabulary(model))
    with pytest.raises(Stuck, match="doesn't satisfy the grammar"):
        grammar.accept(9)


def test_a_tokenizer_without_a_fast_form_is_refused(model: Model) -> None:
    slow = Model("slow", model.network, object())  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"slow.*tokenizer\.json"):
        Vocabulary(slow)
