"""Whether a finished text is what was wanted: asked again of every reply, whoever wrote it.

Needs no torch. Takes time in proportion to the text.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from llguidance import LLMatcher, LLTokenizer

from adhere.decode.vocabulary import LIMITS
from adhere.records import JSON
from adhere.schema import Schema
from adhere.schema.canonical import spelled
from adhere.schema.parse import Malformed, Parsed, parse_json
from adhere.serve.order import AnyObject, AnyText, Calling, Matching, Obeying, OneOf, Spelled, Tool, Wanted

_MOST = 10
"""Breaches that are told."""
_QUOTED = 60
"""Characters of a text that are quoted."""
_TAGGED = re.compile(r"\s*<tool_call>\s*(.*?)\s*</tool_call>\s*", re.DOTALL)
_BEGINS_CALL = '{"name":'


@dataclass(frozen=True, slots=True)
class Made:
    """A call that an answer is."""

    name: str
    arguments: dict[str, JSON]


def breaches(wanted: Wanted, text: str) -> tuple[str, ...]:
    """Return in what a text is not what was wanted, at most ten clauses; none where it is.

    Args:
        wanted: What was. A pattern or a grammar in it was admitted by `Compiling`.
        text: All of an answer that came to its end.
    """
    match wanted:
        case AnyText():
            return ()
        case Spelled(grammar):
            follows = _follows(LLMatcher.grammar_from_lark(grammar), text)
            return () if follows else (f"{_quoted(text)} does not follow the grammar",)
        case AnyObject():
            return _of_object(text)
        case Obeying():
            return _of_value(wanted.schema, text)
        case Matching(pattern):
            matches = _follows(LLMatcher.grammar_from_regex(pattern), text)
            return () if matches else (f"{_quoted(text)} does not match the pattern {_quoted(pattern)}",)
        case OneOf(texts):
            return () if text in texts else (f"{_quoted(text)} is none of the texts allowed",)
        case Calling():
            return _of_call(wanted, text)


def call_of(text: str) -> Made | None:
    """Return the call that a text is, in the tags of a call or without; `None` where it is other text."""
    tagged = _TAGGED.fullmatch(text)
    match parse_json(tagged[1] if tagged else text):
        case Parsed(value={"name": str(name), "arguments": dict(arguments), **others}) if not others:
            return Made(name, arguments)
        case _:
            return None


def text_of_call(name: str, arguments: str) -> str:
    """Spell a call as a model here writes it.

    Args:
        name: Of the tool.
        arguments: JSON, as it was written.
    """
    return f'{{"name":{spelled(name)},"arguments":{arguments}}}'


def _of_object(text: str) -> tuple[str, ...]:
    match parse_json(text):
        case Malformed() as fault:
            return (_malformed(fault),)
        case Parsed(value=dict()):
            return ()
        case _:
            return (f"an object was expected, {_quoted(text)} was given",)


def _of_value(schema: Schema, text: str) -> tuple[str, ...]:
    outcome = parse_json(text)
    if isinstance(outcome, Malformed):
        return (_malformed(outcome),)
    return _violations(schema, outcome.value, "")


def _violations(schema: Schema, value: JSON, under: str) -> tuple[str, ...]:
    found = schema.violations(value)[:_MOST]
    return tuple(f"{under + violation.pointer or 'the root'}: {violation.message}" for violation in found)


def _of_call(wanted: Calling, text: str) -> tuple[str, ...]:
    made = call_of(text)
    if made is None:
        is_text = not wanted.must and not text.startswith(_BEGINS_CALL) and not _TAGGED.fullmatch(text)
        return () if is_text else (f"a call of a tool was expected, {_quoted(text)} was given",)
    tool = next((tool for tool in wanted.tools if tool.name == made.name), None)
    if tool is None:
        return (f"/name: there is no tool {made.name!r}, only {_names(wanted.tools)}",)
    return _violations(tool.parameters, made.arguments, "/arguments")


def _names(tools: tuple[Tool, ...]) -> str:
    return ", ".join(repr(tool.name) for tool in tools[:_MOST])


def _malformed(fault: Malformed) -> str:
    where = "" if fault.position is None else f" at character {fault.position}"
    return f"the text is not JSON ({fault.reason}){where}"


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _QUOTED else f"{text[: _QUOTED - 1]}…")


@lru_cache(maxsize=1)
def _bytes() -> LLTokenizer:
    return LLTokenizer("byte")


@lru_cache(maxsize=64)
def _follower(grammar: str) -> LLMatcher:
    return LLMatcher(_bytes(), grammar, log_level=0, limits=LIMITS)


def _follows(grammar: str, text: str) -> bool:
    """Say whether the whole of a text follows a grammar of llguidance."""
    matcher = _follower(grammar).deep_copy()
    return matcher.consume_tokens(list(text.encode())) and matcher.is_accepting()
