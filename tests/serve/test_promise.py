import asyncio
from random import Random
from typing import cast

import pytest

from adhere.decode.grammar import Grammar
from adhere.decode.sample import Question, Sampling, sample
from adhere.decode.vocabulary import Vocabulary
from adhere.model import Model, load
from adhere.records import JSON
from adhere.schema import Schema
from adhere.serve.kept import breaches, call_of
from adhere.serve.order import (
    AnyObject,
    AnyText,
    Calling,
    Matching,
    Obeying,
    OneOf,
    Refusal,
    Spelled,
    Tool,
    Wanted,
)
from adhere.serve.promise import Promises, footprint, grammar_of


def tool(name: str, parameters: dict[str, JSON]) -> Tool:
    return Tool(name=name, description="", parameters=Schema.of(parameters))


# Each with definitions of its own, which the other's must not hide.
BOOK = tool("book", {"properties": {"n": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "integer"}}})
TAG = tool(
    'tag "é"',
    {
        "type": "object",
        "properties": {"s": {"$ref": "#/$defs/n"}},
        "required": ["s"],
        "$defs": {"n": {"type": "array", "items": {"enum": ["x", "y"]}, "uniqueItems": True}},
    },
)
WANTED: dict[str, Wanted] = {
    "any object": AnyObject(),
    "a schema": Obeying(schema=Schema.of({"type": "object", "properties": {"a": {"type": "number"}}})),
    "a schema, leniently": Obeying(schema=Schema.of({"type": "array", "contains": {}}), lenient=True),
    "a pattern": Matching("[a-f]{3}(-[0-9]+)?"),
    "texts": OneOf(("a", "ab", 'é😀"\n\\')),
    "a grammar": Spelled('start: "a" start | "b"'),
    "a call of one tool": Calling(tools=(BOOK,)),
    "a call of several": Calling(tools=(BOOK, TAG)),
    "text or a call": Calling(tools=(BOOK, TAG), must=False),
}


@pytest.fixture(scope="module")
def nano() -> Model:
    return load("nano")


@pytest.fixture(scope="module")
def vocabulary(nano: Model) -> Vocabulary:
    return Vocabulary(nano)


def babbled(grammar: Grammar, vocabulary: Vocabulary, *, limit: int, seed: int) -> str | None:
    """A text of tokens drawn evenly among those allowed; `None` where it was cut."""
    at, draw, text = grammar.copy(), Random(seed), b""
    left = limit
    while left > 0:
        for token in at.forced(left) or [draw.choice(at.allowed(left).nonzero()[0].tolist())]:
            if vocabulary.end_V[token]:
                return text.decode()
            at.accept(token)
            text += vocabulary.spelled[token]
            left -= 1
    return None


@pytest.mark.parametrize("wanted", WANTED.values(), ids=WANTED)
def test_what_is_written_to_its_end_is_what_was_wanted(wanted: Wanted, vocabulary: Vocabulary) -> None:
    grammar = grammar_of(wanted, vocabulary)
    texts = [babbled(grammar, vocabulary, limit=(40, 150)[seed % 2], seed=seed) for seed in range(12)]
    ended = [text for text in texts if text is not None]
    assert ended
    for text in ended:
        assert breaches(wanted, text) == ()


def test_a_value_is_closed_before_its_tokens_are_spent(vocabulary: Vocabulary) -> None:
    for name in ("any object", "a schema", "a call of several"):
        grammar = grammar_of(WANTED[name], vocabulary)
        assert None not in [babbled(grammar, vocabulary, limit=60, seed=seed) for seed in range(6)]


def test_each_of_several_tools_is_called_with_its_own_arguments(vocabulary: Vocabulary) -> None:
    grammar = grammar_of(WANTED["a call of several"], vocabulary)
    calls = [call_of(babbled(grammar, vocabulary, limit=150, seed=seed) or "") for seed in range(30)]
    by_name = {call.name: call.arguments for call in calls if call is not None and call.arguments}
    assert set(by_name) == {"book", 'tag "é"'}
    assert isinstance(by_name['tag "é"']["s"], list)


def test_text_beside_a_call_is_free_but_does_not_look_like_one(vocabulary: Vocabulary) -> None:
    allowed_V = grammar_of(WANTED["text or a call"], vocabulary).allowed(500)
    first = {vocabulary.spelled[token][:1] for token in allowed_V.nonzero()[0]}
    assert {b"T", b"<", b"{"} <= first
    assert b"\n" not in first


def test_any_text_is_free(vocabulary: Vocabulary) -> None:
    assert grammar_of(AnyText(), vocabulary).allowed(500).sum() > 1000


def test_nothing_promised_is_no_constraint(nano: Model) -> None:
    async def asked() -> None:
        assert await Promises(nano).constraint(AnyText()) is None

    asyncio.run(asked())


def test_whoever_asks_at_once_waits_for_one_compilation(nano: Model) -> None:
    async def asked() -> None:
        promises = Promises(nano)
        wanted = WANTED["a schema"]
        found = [
            cast("Grammar", one)
            for one in await asyncio.gather(*(promises.constraint(wanted) for _ in range(5)))
        ]
        found.append(cast("Grammar", await promises.constraint(wanted)))
        assert promises.size == footprint(wanted)
        # Each goes its own way, and all remember the ways to the end together.
        (brace,) = nano.tokenizer.encode("{", add_special_tokens=False)
        before = found[1].allowed(100)
        found[0].accept(brace)
        assert (found[1].allowed(100) == before).all()
        assert len({id(grammar._ways) for grammar in found}) == 1

    asyncio.run(asked())


def test_whoever_gives_up_takes_it_from_nobody(nano: Model) -> None:
    async def asked() -> None:
        promises = Promises(nano)
        first = asyncio.create_task(promises.constraint(AnyObject()))
        second = asyncio.create_task(promises.constraint(AnyObject()))
        await asyncio.sleep(0)
        first.cancel()
        assert await second is not None

    asyncio.run(asked())


def test_the_order_of_keys_makes_another_grammar(nano: Model) -> None:
    async def asked() -> None:
        promises = Promises(nano)
        text = {}
        for keys in ("ab", "ba"):
            properties: dict[str, JSON] = {key: {"const": 1} for key in keys}
            schema = Schema.of({"type": "object", "properties": properties, "required": list(keys)})
            grammar = await promises.constraint(Obeying(schema=schema))
            assert grammar is not None
            text[keys] = nano.tokenizer.decode(list(grammar.forced(100)))
        assert text["ab"].startswith('{"a":1')
        assert text["ba"].startswith('{"b":1')

    asyncio.run(asked())


def test_grammars_are_kept_within_their_bytes(nano: Model) -> None:
    async def asked() -> None:
        least = footprint(WANTED["a schema"])
        promises = Promises(nano, most=3 * least)
        for number in range(9):
            await promises.constraint(Obeying(schema=Schema.of({"const": number})))
            assert 0 < promises.size <= 3 * least

    asyncio.run(asked())


def test_a_grammar_that_failed_is_compiled_anew(nano: Model) -> None:
    async def asked() -> None:
        promises = Promises(nano)
        first = cast("Grammar", await promises.constraint(WANTED["a schema"]))
        cast("list[str]", first.faults).append("too many states")
        assert list(cast("Grammar", await promises.constraint(WANTED["a schema"])).faults) == []

    asyncio.run(asked())


def test_what_cannot_be_guaranteed_is_a_refusal(nano: Model) -> None:
    async def asked() -> None:
        with pytest.raises(Refusal, match="contains") as caught:
            await Promises(nano).constraint(Obeying(schema=Schema.of({"type": "array", "contains": {}})))
        assert (caught.value.status, caught.value.code) == (400, "schema_not_supported")

    asyncio.run(asked())


def test_a_token_s_bytes_are_told(nano: Model) -> None:
    async def asked() -> None:
        (brace,) = nano.tokenizer.encode("{", add_special_tokens=False)
        assert Promises(nano).spelled(brace) == b"{"

    asyncio.run(asked())


def test_the_sampling_loop_keeps_every_promise(nano: Model, vocabulary: Vocabulary) -> None:
    asked = [name for name in WANTED if not name.startswith("text or")]
    questions = [Question(name, (40, 41), grammar_of(WANTED[name], vocabulary)) for name in asked]
    settings = Sampling(temperature=1.0, max_new_tokens=60)
    for name, group in zip(asked, sample(nano, questions, settings), strict=True):
        for completion in group:
            if completion.finished:
                assert breaches(WANTED[name], completion.text) == (), (name, completion.text)


def test_the_estimate_grows_with_what_is_wanted() -> None:
    sizes = [footprint(WANTED[name]) for name in ("any object", "a schema", "a call of several")]
    assert sizes == sorted(sizes)
    assert footprint(WANTED["texts"]) > footprint(OneOf(("a",)))
    assert footprint(Matching("a" * 100)) > footprint(WANTED["a pattern"])
