"""What is wanted, as a constraint on the tokens of an answer."""

import asyncio
import hashlib
import json
import re
from typing import TYPE_CHECKING

from llguidance import LLMatcher

from adhere.decode.grammar import Grammar
from adhere.decode.rules import COMPACT, rules
from adhere.decode.thought import Tag
from adhere.decode.value import Value
from adhere.decode.vocabulary import Vocabulary
from adhere.errors import SchemaError
from adhere.records import JSON
from adhere.schema import Schema
from adhere.schema.canonical import spelled
from adhere.schema.kept import Kept
from adhere.schema.limits import patterns
from adhere.schema.reference import References
from adhere.schema.unique import lists_of
from adhere.serve.order import (
    AnyObject,
    AnyText,
    Calling,
    Matching,
    Obeying,
    OneOf,
    Refusal,
    Spelled,
    Wanted,
)

if TYPE_CHECKING:
    from adhere.decode.constraint import Constraint
    from adhere.model import Model

MEMORY = 256 * 2**20
"""Bytes of grammars that are kept."""
_TEXT = r"text: /([^{\s](?s:.*))?/"
"""What is not a call: it begins neither with a brace nor with a blank."""
# Measured as growth of the process over hundreds of grammars of each kind, with answers written under each.
_PER_GRAMMAR = 192 * 1024
_PER_SCHEMA = 12 * 1024
_PER_TEXT = 2 * 1024
_PER_BYTE = 16
_PER_LONG_PATTERN = 8 * 2**20
_LONG_PATTERN = re.compile(r"\{\d*,?\d{2,}\}")
"""Repeats something many times, in states as many as the texts that it has to tell apart."""


def grammar_of(wanted: Wanted, vocabulary: Vocabulary) -> Grammar:
    """Compile what is wanted.

    Raises:
        SchemaError: It cannot be guaranteed, or takes too much work.
    """
    match wanted:
        case AnyText():
            return Grammar.written(LLMatcher.grammar_from_regex("(?s:.*)"), vocabulary)
        case AnyObject():
            text = LLMatcher.grammar_from_json_schema({"type": "object"}, overrides=COMPACT)
            return Grammar.written(text, vocabulary, value=Value())
        case Obeying():
            return Grammar(wanted.schema, vocabulary, lenient=wanted.lenient)
        case Matching(pattern):
            return Grammar.written(LLMatcher.grammar_from_regex(pattern), vocabulary)
        case OneOf(texts):
            options = " | ".join(json.dumps(text, ensure_ascii=False) for text in texts)
            return Grammar.written(LLMatcher.grammar_from_lark(f"start: {options}"), vocabulary)
        case Spelled(grammar):
            return Grammar.written(LLMatcher.grammar_from_lark(grammar), vocabulary)
        case Calling():
            lists = lists_of([tool.parameters.source for tool in wanted.tools])
            value = Value(lists=lists, under="arguments", is_call=not wanted.must)
            return Grammar.written(_calls(wanted, vocabulary), vocabulary, value=value)


def _calls(wanted: Calling, vocabulary: Vocabulary) -> str:
    """Write the grammar of calls, one rule a tool, in Lark's notation."""
    lines = [f"call: {' | '.join(f'call{number}' for number in range(len(wanted.tools)))}"]
    for number, tool in enumerate(wanted.tools):
        head = json.dumps(f'{{"name":{spelled(tool.name)},"arguments":', ensure_ascii=False)
        # Whatever else its parameters admit, the arguments of a call are an object.
        schema = json.dumps({**rules(tool.parameters.source), "type": "object", "x-guidance": COMPACT})
        lines += [f'call{number}: {head} arguments{number} "}}"', f"arguments{number}: %json {schema}"]
    if wanted.must:
        return LLMatcher.grammar_from_lark("\n".join(["start: call", *lines]))
    begin, end = (Tag.of(tag, vocabulary.native) for tag in ("<tool_call>", "</tool_call>"))
    tags = begin.token is not None and end.token is not None
    tagged = [f'tagged: {begin.rule} "\\n" call "\\n" {end.rule}'] if tags else []
    start = f"start: text | call{' | tagged' if tags else ''}"
    return LLMatcher.grammar_from_lark("\n".join([start, _TEXT, *tagged, *lines]))


class Promises:
    """Constraints of one model; what was compiled is kept, as much as there is room for.

    A grammar is asked for again by the text of its schema. Whoever asks for what is just being compiled waits
    for it.
    """

    def __init__(self, model: "Model", *, most: int = MEMORY) -> None:
        """Keep up to `most` bytes of grammars."""
        self._vocabulary = Vocabulary(model)
        self._kept = Kept[Grammar](most=most)
        self._making: dict[str, asyncio.Task[Grammar]] = {}

    @property
    def size(self) -> int:
        """Bytes of the grammars that are kept, as estimated."""
        return self._kept.size

    def spelled(self, token: int) -> bytes:
        """Return the bytes of a token; none of one that ends a turn, or is special otherwise."""
        return self._vocabulary.spelled[token]

    async def constraint(self, wanted: Wanted) -> "Constraint | None":
        """Return a constraint at the start of an answer; `None` where nothing is promised.

        Raises:
            Refusal: It cannot be guaranteed. What `Compiling` admitted can be.
        """
        if isinstance(wanted, AnyText):
            return None
        key = _key(wanted)
        grammar = self._kept.find(key)
        if grammar is not None and grammar.faults:
            self._kept.drop(key)
            grammar = None
        return (grammar or await self._made(key, wanted)).copy()

    async def _made(self, key: str, wanted: Wanted) -> Grammar:
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = asyncio.create_task(asyncio.to_thread(self._make, key, wanted))
            making.add_done_callback(lambda made: self._forget(key, made))
        try:
            # Whoever gives up must not take it from those who wait for the same.
            return await asyncio.shield(making)
        except SchemaError as fault:
            raise Refusal(400, f"{fault}", code="schema_not_supported") from fault

    def _forget(self, key: str, made: asyncio.Task[Grammar]) -> None:
        del self._making[key]
        # Those who waited may all have left; then nobody else asks what became of it.
        if not made.cancelled():
            made.exception()

    def _make(self, key: str, wanted: Wanted) -> Grammar:
        def made() -> tuple[Grammar, int]:
            return grammar_of(wanted, self._vocabulary), footprint(wanted)

        return self._kept.get(key, made)


def _key(wanted: Wanted) -> str:
    """Name a grammar by its content; keys in their order, which is that of the answer."""
    match wanted:
        case Obeying():
            content: list[JSON] = ["schema", wanted.schema.source, wanted.lenient]
        case Calling():
            tools: list[JSON] = [[tool.name, tool.parameters.source] for tool in wanted.tools]
            content = ["calls", tools, wanted.must]
        case Matching(text) | Spelled(text):
            content = [type(wanted).__name__, text]
        case OneOf(texts):
            content = ["texts", *texts]
        case _:
            content = ["object"]
    return hashlib.sha256(spelled(content).encode()).hexdigest()


def footprint(wanted: Wanted) -> int:
    """Estimate the bytes that a grammar takes once answers were written under it, mostly too high."""
    match wanted:
        case Obeying():
            return _PER_GRAMMAR + _of_schema(wanted.schema)
        case Calling():
            return _PER_GRAMMAR + sum(_of_schema(tool.parameters) for tool in wanted.tools)
        case Matching(text) | Spelled(text):
            return _PER_GRAMMAR + _PER_TEXT * len(text) + _of_pattern(text)
        case OneOf(texts):
            return _PER_GRAMMAR + sum(_PER_TEXT + _PER_BYTE * len(text) for text in texts)
        case _:
            return _PER_GRAMMAR


def _of_schema(schema: Schema) -> int:
    places = [place.schema for place in References(schema.source).places.values()]
    found = [pattern for place in places if isinstance(place, dict) for _, pattern in patterns(place)]
    return _PER_SCHEMA * len(places) + _PER_BYTE * len(schema.canonical) + sum(map(_of_pattern, found))


def _of_pattern(pattern: str) -> int:
    return _PER_LONG_PATTERN if _LONG_PATTERN.search(pattern) else 0
