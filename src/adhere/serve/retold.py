"""What a model is told in turns where its server cannot be told: what is wanted, and what was wrong."""

from collections.abc import Sequence

from adhere.records import JSON
from adhere.reward import wrapping
from adhere.schema import Malformed, parse_json
from adhere.schema.canonical import canonical
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

_REPEATED = 8_000
"""Characters of a bad reply that the model is shown again; about 2,000 tokens of its context."""


def amended(text: str, broken: Sequence[str]) -> tuple[dict[str, JSON], ...]:
    """Return the turns that go on with a conversation after a reply that broke what was asked for.

    Args:
        text: The reply.
        broken: What it breaks, a clause each; at least one.
    """
    faults = "\n".join(f"- {clause}" for clause in broken)
    said = f"That breaks what was asked for:\n{faults}\nWrite the whole answer again, without these faults."
    shown = text if len(text) <= _REPEATED else f"{text[:_REPEATED]}…"
    return {"role": "assistant", "content": shown}, {"role": "user", "content": said}


def explained(turns: Sequence[dict[str, JSON]], wanted: Wanted) -> list[dict[str, JSON]]:
    """Say in the conversation's first turn what is wanted, where its server has no words for it."""
    said = _explanation(wanted)
    if not said:
        return list(turns)
    if turns and turns[0].get("role") == "system":
        return [{**turns[0], "content": f"{turns[0].get('content')}\n\n{said}"}, *turns[1:]]
    return [{"role": "system", "content": said}, *turns]


def unwrapped(text: str, wanted: Wanted) -> str:
    """Return what a model wrote without what it tends to put around an answer.

    White space, a thought, and around JSON a code fence or a sentence; free text stays as it is.
    """
    match wanted:
        case AnyText() | Calling(must=False):
            return text
        case Matching() | OneOf() | Spelled():
            return wrapping.after_thought(text.strip())
        case AnyObject() | Obeying() | Calling():
            answer = text.strip(wrapping.BLANKS)
            parsed = parse_json(answer)
            if not isinstance(parsed, Malformed):
                return answer
            inside, _ = wrapping.unwrapped(answer, parsed.position or 0)
            return answer if inside is None or inside.parsed is None else answer[inside.start : inside.end]


def _explanation(wanted: Wanted) -> str:
    match wanted:
        case AnyText():
            return ""
        case AnyObject():
            return "Answer with one JSON object, and nothing else."
        case Obeying(schema=schema):
            return f"Answer with JSON that obeys this JSON Schema, and nothing else:\n{schema.canonical}"
        case Matching(pattern=pattern):
            return f"Answer with text that this pattern matches whole, and nothing else:\n{pattern}"
        case OneOf(texts=texts):
            return "Answer with one of these texts, and nothing else:\n" + "\n".join(texts)
        case Spelled(grammar=grammar):
            return f"Answer with a text of this grammar, and nothing else:\n{grammar}"
        case Calling(tools=tools, must=must):
            listed: list[JSON] = [
                {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters.source,
                }
                for tool in tools
            ]
            begin = "Answer with JSON" if must else "Answer with text, or with JSON"
            form = 'as {"name": …, "arguments": {…}} that calls one of these functions'
            return f"{begin} {form}, and nothing else:\n{canonical(listed)}"
