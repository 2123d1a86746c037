"""Requests that one of several tools answers: which it is, and its arguments."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from adhere.records import JSON, Example
from adhere.schema import Schema
from adhere.schema.canonical import content_hash

_VERBS = (
    ("create", ("Create", "Please create", "Set up", "We need")),
    ("book", ("Book", "Please book", "I would like to book", "Reserve")),
    ("send", ("Send", "Please send", "Get out", "Could you send")),
    ("find", ("Find", "Look up", "Please find", "Search for")),
    ("update", ("Update", "Please change", "Correct", "Could you update")),
    ("cancel", ("Cancel", "Please cancel", "Call off", "Withdraw")),
    ("record", ("Record", "Please note", "Write down", "Enter")),
    ("check", ("Check", "Please check", "Verify", "Could you look at")),
)
_NOUNS = """
    invoice order visit delivery payment ticket appointment report contract booking shipment claim sample
    meeting room product customer supplier inspection refund subscription account reminder table
""".split()
_HINTED = 0.7
"""How often the request names what is to be done; otherwise the arguments alone tell."""


def call(
    random: Random, example: Example, schema: Schema, other: Callable[[Random], Schema]
) -> tuple[Example, Schema]:
    """Turn a row into a request for a call of a tool whose parameters are its schema.

    The answer is an object of `name` and `arguments`. There are two or three tools.

    Args:
        random: Source of chance; the same state gives the same row.
        example: Its text holds the arguments.
        schema: Of them.
        other: Draws the parameters of a tool that is not called.
    """
    count = random.choice((2, 2, 3))
    chosen = random.sample([(verb, noun) for verb in _VERBS for noun in _NOUNS], count)
    parameters = [schema, *(other(random) for _ in range(count - 1))]
    tools = [
        (f"{verb}_{noun}", each.source) for ((verb, _), noun), each in zip(chosen, parameters, strict=True)
    ]
    (_, sayings), noun = chosen[0]
    called: dict[str, JSON] = {"name": tools[0][0], "arguments": example.target}
    random.shuffle(tools)
    text = (
        f"{random.choice(sayings)} the {noun}. {example.text}" if random.random() < _HINTED else example.text
    )
    joined = Schema.of(joint(tools))
    return replace(example, text=text, schema=joined.name, target=called, reasoning=None), joined


def joint(tools: Sequence[tuple[str, dict[str, JSON]]]) -> dict[str, JSON]:
    """Return the schema of a call of one of some tools, as a served model is asked for one."""
    branches: list[JSON] = [
        {
            "type": "object",
            "properties": {"name": {"const": name}, "arguments": parameters},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for name, parameters in tools
    ]
    source: dict[str, JSON] = {"anyOf": branches}
    return {**source, "title": f"t{content_hash(source)[:8]}"}
