"""A question that shows whether a server keeps to the schema that it is given with a request."""

from collections.abc import Mapping

from adhere.records import JSON
from adhere.schema.canonical import canonical

QUESTION = "Write today's code as JSON only."
"""Does not tell the code."""


def code(bits: int) -> str:
    """Spell 64 bits as a code; no model writes the right one by chance."""
    return f"{bits:016x}"


def schema(code: str) -> dict[str, JSON]:
    """Return the schema that only an object with this code obeys."""
    return {
        "type": "object",
        "properties": {"code": {"type": "string", "enum": [code]}},
        "required": ["code"],
        "additionalProperties": False,
    }


def is_kept(text: str, code: str) -> bool:
    """Whether a reply obeys the schema of a code; white space is free."""
    return "".join(text.split()) == canonical({"code": code})


def may_be_kept(text: str, code: str) -> bool:
    """Whether a reply that was cut off may have been on the way to obeying."""
    return canonical({"code": code}).startswith("".join(text.split()))


def response_format(name: str, schema: Mapping[str, JSON]) -> dict[str, JSON]:
    """Spell a schema as the `response_format` of a request.

    Source: OpenAI API reference, chat completions, `response_format`; a name has up to 64 letters, digits,
    underscores and dashes.
    """
    plain = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "_-") else "_" for sign in name)
    return {
        "type": "json_schema",
        "json_schema": {"name": plain[:64] or "schema", "schema": dict(schema), "strict": True},
    }
