"""How a server is told what a reply must obey, in the words that it knows."""

from collections.abc import Mapping
from types import MappingProxyType

from adhere.config.remote import Dialect
from adhere.endpoint.canary import response_format
from adhere.records import JSON
from adhere.serve.order import (
    AnyObject,
    AnyText,
    Calling,
    Matching,
    Obeying,
    OneOf,
    Spelled,
    Wanted,
)

NOTHING: Mapping[str, JSON] = MappingProxyType({})
_OBJECT: dict[str, JSON] = {"type": "json_object"}


def fields(dialect: Dialect, wanted: Wanted) -> Mapping[str, JSON] | None:
    """Return what a request says in a dialect; `None` where the dialect has no words for it.

    Source: OpenAI API reference, chat completions; vLLM, Structured Outputs; llama.cpp, tools/server.
    """
    if isinstance(wanted, AnyText):
        return NOTHING
    if dialect == "none":
        return None
    if isinstance(wanted, Calling):
        return _tools(wanted, strict=dialect == "openai")
    match dialect:
        case "openai":
            return _openai(wanted)
        case "vllm":
            return _vllm(wanted)
        case "llamacpp":
            return _llamacpp(wanted)


def asked_by(wanted: Wanted) -> str:
    """Name the field of a request that asks for something."""
    match wanted:
        case AnyText() | AnyObject() | Obeying():
            return "response_format"
        case Matching():
            return "structured_outputs.regex"
        case OneOf():
            return "structured_outputs.choice"
        case Spelled():
            return "structured_outputs.grammar"
        case Calling():
            return "tools"


def _openai(wanted: AnyObject | Obeying | Matching | OneOf | Spelled) -> Mapping[str, JSON] | None:
    match wanted:
        case AnyObject():
            return {"response_format": _OBJECT}
        case Obeying(schema=schema):
            return {"response_format": response_format(schema.name, schema.source)}
        case Matching() | OneOf() | Spelled():
            return None


def _vllm(wanted: AnyObject | Obeying | Matching | OneOf | Spelled) -> Mapping[str, JSON]:
    match wanted:
        case AnyObject():
            said: dict[str, JSON] = {"json_object": True}
        case Obeying(schema=schema):
            said = {"json": schema.source}
        case Matching(pattern=pattern):
            said = {"regex": pattern}
        case OneOf(texts=texts):
            said = {"choice": list(texts)}
        case Spelled(grammar=grammar):
            said = {"grammar": grammar}
    return {"structured_outputs": said}


def _llamacpp(wanted: AnyObject | Obeying | Matching | OneOf | Spelled) -> Mapping[str, JSON] | None:
    match wanted:
        case AnyObject():
            return {"response_format": _OBJECT}
        case Obeying(schema=schema):
            return {"json_schema": schema.source}
        case OneOf(texts=texts):
            return {"grammar": f"root ::= {' | '.join(map(_literal, texts))}"}
        case Matching() | Spelled():
            return None


def _literal(text: str) -> str:
    r"""Spell a text as a literal of a grammar of llama.cpp, which knows \xHH, \uHHHH and \UHHHHHHHH."""
    plain = (
        sign if sign.isascii() and sign.isprintable() and sign not in '"\\' else f"\\U{ord(sign):08X}"
        for sign in text
    )
    return f'"{"".join(plain)}"'


def _tools(wanted: Calling, *, strict: bool) -> dict[str, JSON]:
    tools: list[JSON] = []
    for tool in wanted.tools:
        function: dict[str, JSON] = {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters.source,
        }
        tools.append({"type": "function", "function": function | ({"strict": True} if strict else {})})
    choice: JSON = "auto"
    if wanted.must:
        only = len(wanted.tools) == 1
        choice = {"type": "function", "function": {"name": wanted.tools[0].name}} if only else "required"
    return {"tools": tools, "tool_choice": choice, "parallel_tool_calls": False}
