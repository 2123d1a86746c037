import json
from random import Random

import pytest

from adhere.decode.constraint import Stuck
from adhere.decode.grammar import Grammar
from adhere.decode.vocabulary import BYTES, Spelling, Vocabulary
from adhere.model import load
from adhere.records import JSON
from adhere.schema import Schema
from adhere.schema.parse import Parsed, parse_json

UNIQUE: dict[str, JSON] = {"type": "array", "uniqueItems": True}
FLAGS: JSON = {"type": "object", "properties": {"a": {"type": "boolean"}, "b": {"enum": [1, 2]}}}
CLOSED: dict[str, JSON] = {"required": ["a", "b"], "additionalProperties": False}
SCHEMAS: dict[str, dict[str, JSON]] = {
    "anything": {},
    "any keys": {"type": "object", "additionalProperties": {"type": "integer"}},
    "some keys": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
    "few keys": {
        "type": "object",
        "patternProperties": {"^(ab|cd|abc)$": {"type": "boolean"}},
        "additionalProperties": False,
    },
    "strings": {**UNIQUE, "items": {"type": "string"}},
    "options": {**UNIQUE, "items": {"enum": ["red", "green", "redder"]}, "minItems": 3},
    "options, not all": {**UNIQUE, "items": {"enum": ["a", "ab", "abc"]}, "maxItems": 2},
    "few numbers": {**UNIQUE, "items": {"type": "integer", "minimum": 0, "maximum": 3}, "minItems": 3},
    "whole numbers": {**UNIQUE, "items": {"type": "integer"}, "minItems": 2},
    "numbers": {**UNIQUE, "items": {"type": "number"}, "minItems": 2},
    "true, false, null": {**UNIQUE, "items": {"type": ["boolean", "null"]}},
    "objects": {**UNIQUE, "items": {**dict(FLAGS), **CLOSED}},  # type: ignore[arg-type]
    **{
        f"a string: {name}": {"type": "string", "format": name}
        for name in ("date-time", "time", "email", "hostname", "uri")
    },
    "an address among others": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "mail": {"type": "string", "format": "email"}},
        "required": ["name", "mail"],
        "additionalProperties": False,
    },
    "any items": UNIQUE,
    "lists of them": {"type": "array", "items": {**UNIQUE, "items": {"enum": ["p", "q"]}}},
    "maps of them": {
        "type": "object",
        "patternProperties": {"^k[0-3]$": {**UNIQUE, "items": {"enum": [True, 1]}}},
        "additionalProperties": False,
    },
}


@pytest.fixture(scope="module")
def vocabularies() -> dict[str, Vocabulary]:
    return {"bytes": Vocabulary(BYTES), "nano": Vocabulary(Spelling.of(load("nano")))}


def babbled(grammar: Grammar, vocabulary: Vocabulary, *, limit: int, seed: int) -> str | None:
    """A text of tokens drawn evenly among those allowed; `None` where it was cut."""
    at, draw, text = grammar.copy(), Random(seed), b""
    left = limit
    while left:
        for token in at.forced(left) or [draw.choice(at.allowed(left).nonzero()[0].tolist())]:
            if vocabulary.end_V[token]:
                return text.decode()
            at.accept(token)
            text += vocabulary.spelled[token]
            left -= 1
    return None


@pytest.mark.parametrize("named", ["bytes", "nano"])
@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_whatever_is_written_can_be_read_and_obeys(
    schema: dict[str, JSON], named: str, vocabularies: dict[str, Vocabulary]
) -> None:
    accepted, vocabulary = Schema.of(schema), vocabularies[named]
    grammar = Grammar(accepted, vocabulary)
    for seed in range(8):
        text = babbled(grammar, vocabulary, limit=(90, 150)[seed % 2], seed=seed)
        if text is None:
            # Babble may begin an address that no few marks end.
            assert "format" in accepted.canonical
            continue
        outcome = parse_json(text)
        assert isinstance(outcome, Parsed), (text, outcome)
        assert accepted.violations(outcome.value) == [], text


def allowed_after(written: str, schema: dict[str, JSON], vocabulary: Vocabulary) -> str:
    """The characters that may follow, `$` for the end."""
    grammar = Grammar(Schema.of(schema), vocabulary)
    for byte in written.encode():
        grammar.accept(byte)
    found = grammar.allowed(500).nonzero()[0].tolist()
    return "".join("$" if token == BYTES.ends[0] else chr(token) for token in found)


@pytest.mark.parametrize(
    ("written", "schema", "allowed"),
    [
        pytest.param('["red","green","redder"', SCHEMAS["options"], "]", id="no option is left"),
        pytest.param('["red","redder","', SCHEMAS["options"], "g", id="one is left"),
        pytest.param(
            '["red","red', SCHEMAS["options"], "d", id="the shorter was written, the longer was not"
        ),
        pytest.param('["redder","red', SCHEMAS["options"], '"', id="and the other way round"),
        pytest.param("[0,1,2,", SCHEMAS["few numbers"], "3", id="one number is left"),
        pytest.param("[true,false,null", SCHEMAS["true, false, null"], "]", id="no word is left"),
        pytest.param(
            '[{"a":true,"b":1},{"a":true,"b":', SCHEMAS["objects"], "2", id="objects that begin alike"
        ),
        pytest.param(
            '[{"a":true,"b":1},{"a":true,"b":2},{"a":', SCHEMAS["objects"], "f", id="all of a kind are there"
        ),
        pytest.param('{"ab":true,"', SCHEMAS["few keys"], "ac", id="a key is there, a longer one is not"),
        pytest.param('{"ab":true,"abc":true,"cd":true', SCHEMAS["few keys"], "}", id="no key is left"),
        pytest.param('{"k1":[1,', SCHEMAS["maps of them"], "t", id="true is not 1"),
    ],
)
def test_what_would_be_there_twice_is_not_begun(
    written: str, schema: dict[str, JSON], allowed: str, vocabularies: dict[str, Vocabulary]
) -> None:
    assert allowed_after(written, schema, vocabularies["bytes"]) == allowed


@pytest.mark.parametrize(
    ("written", "barred"),
    [
        pytest.param('{"a":1,"a', '"', id="a key"),
        pytest.param('{"a\\n":1,"a\\n', '"', id="a key with an escape"),
        pytest.param('{"":1,"', '"', id="the empty key"),
        pytest.param("[" * 100, "[{", id="a hundred lists"),
        pytest.param("1e30", "9", id="1e309 is past the largest double"),
        pytest.param("1" + "0" * 299, "0", id="three hundred digits"),
        pytest.param("0." + "0" * 291, "e", id="no exponent after so many"),
    ],
)
def test_what_could_not_be_read_is_not_written(
    written: str, barred: str, vocabularies: dict[str, Vocabulary]
) -> None:
    allowed = allowed_after(written, {}, vocabularies["bytes"])
    assert allowed
    assert set(allowed).isdisjoint(barred)


def test_minus_nought_is_nought(vocabularies: dict[str, Vocabulary]) -> None:
    schema: dict[str, JSON] = {**UNIQUE, "items": {"type": "integer", "minimum": -3, "maximum": 3}}
    assert "0" not in allowed_after("[0,-", schema, vocabularies["bytes"])


def test_a_token_that_ends_one_item_and_begins_another_is_looked_at_whole(
    vocabularies: dict[str, Vocabulary],
) -> None:
    nano = vocabularies["nano"]
    both = nano.token_of[b'","']
    grammar = Grammar(Schema.of({**UNIQUE, "items": {"enum": ["a", "b"]}}), nano)
    for part in (b'["', b"a"):
        grammar.accept(nano.token_of[part])
    assert grammar.allowed(500)[both]
    for part in (b'","', b"b"):
        grammar.accept(nano.token_of[part])
    assert not grammar.allowed(500)[both]


def test_the_way_to_the_end_of_a_list_begins_no_further_item(vocabularies: dict[str, Vocabulary]) -> None:
    # Nano has a token `","`: longer than `"]`, but no way to an end.
    nano = vocabularies["nano"]
    schema = Schema.of({"type": "array", "items": {"type": "string"}})
    grammar = Grammar(schema, nano)
    grammar.accept(nano.token_of[b'["'])
    # The shortest way is `"]` and the end; with 40 tokens left nothing hurries.
    assert grammar.allowed(40).sum() > 1000
    text = babbled(grammar, nano, limit=12, seed=1)
    assert text is not None
    assert isinstance(json.loads(f'["{text}'), list)


def test_an_address_to_come_leaves_room_for_the_name_before_it(vocabularies: dict[str, Vocabulary]) -> None:
    # Letters alone never end an address; yet there is a short way to its end, and nothing is hurried here.
    nano = vocabularies["nano"]
    grammar = Grammar(Schema.of(SCHEMAS["an address among others"]), nano)
    for part in (b'{"', b"name", b'":"'):
        grammar.accept(nano.token_of[part])
    assert grammar.allowed(120).sum() > 1000


def test_grammars_that_failed_say_so_to_whoever_keeps_them(vocabularies: dict[str, Vocabulary]) -> None:
    grammar = Grammar(Schema.of({"type": "integer", "multipleOf": 9999}), vocabularies["bytes"])
    assert list(grammar.faults) == []
    with pytest.raises(Stuck, match="too many"):
        babbled(grammar, vocabularies["bytes"], limit=100, seed=0)
    assert "too many" in grammar.faults[0]
