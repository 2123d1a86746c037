"""A million characters of anything are scored, or refused, in a moment, under every preset.

On one core of a 2-core machine every case takes at most 0.05 s. The bound here is ten times that in processor
time, so that a slow machine passes and what is quadratic does not.
"""

import gc
import json
import sys
import time
from collections.abc import Iterator
from random import Random
from typing import get_args

import pytest

from adhere.config import Form, Preset, Scoring
from adhere.measure.row import row
from adhere.records import JSON, Example
from adhere.reward.score import score
from adhere.reward.verdict import Malformed, judge
from adhere.schema import Schema
from adhere.schema.canonical import spelled
from adhere.schema.limits import MAX_ANSWER_CHARACTERS

BOUND = 0.5 if sys.gettrace() is None else 5.0
"""Seconds of processor time for one completion under one preset; ten times as many while lines are traced."""
MILLION = 1_000_000
PRESETS: tuple[Preset, ...] = get_args(Preset)

STRING: dict[str, JSON] = {"type": "string"}
BILL = Schema.of(
    {
        "type": "object",
        "properties": {
            "vendor": STRING,
            "date": {"type": "string", "format": "date"},
            "due": {"type": "string", "format": "date"},
            "total": {"type": "number"},
            "currency": {"enum": ["EUR", "USD", "GBP"]},
            "notes": {"type": "array", "items": STRING},
            "tags": {"type": "array", "items": STRING, "uniqueItems": True},
            "amounts": {"type": "array", "items": {"type": "number"}, "x-order": "free"},
            "lines": {
                "type": "array",
                "uniqueItems": True,
                "items": {
                    "type": "object",
                    "properties": {
                        "name": STRING,
                        "quantity": {"type": "integer"},
                        "codes": {"type": "array", "items": STRING, "x-order": "free"},
                    },
                    "required": ["name"],
                },
            },
        },
        "required": ["vendor"],
        "additionalProperties": False,
    }
)
ANYTHING = Schema.of({})
TREE = Schema.of(
    {
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "title": STRING,
                    "children": {"type": "array", "items": {"$ref": "#/$defs/node"}, "x-order": "free"},
                },
                "required": ["title"],
            }
        },
        "$ref": "#/$defs/node",
    }
)
SCHEMAS = {"bill": BILL, "anything": ANYTHING, "tree": TREE}

WORDS = [
    first + vowel + last for first in "Bdfgklmnprst" for vowel in "aeiou" for last in ("nor", "lix", "tam")
]
SPOKEN = [Random(number).choice(WORDS) for number in range(400)]
TEXT = f"{' '.join(SPOKEN)}. Invoice of Acme Corp, 2024-04-15: 12 mugs at EUR 7.50, due May 3, 2024."
BILL_TARGET: JSON = {
    "vendor": "Acme Corp",
    "date": "2024-04-15",
    "total": 90,
    "tags": [f"tag {number}" for number in range(200)],
    "amounts": [*range(100)],
    "lines": [{"name": f"item {n}", "quantity": n, "codes": ["x", str(n)]} for n in range(200)],
}
TREE_TARGET: JSON = {
    "title": "x",
    "children": [{"title": f"t{n}", "children": [{"title": "z"}]} for n in range(100)],
}
CHECKS: JSON = [
    {"aspect": "accuracy", "check": "number", "value": [12]},
    {"aspect": "relevance", "check": "contains", "value": ["Acme Corp"]},
    {"aspect": "format", "check": "regex", "value": "(a|b)+c"},
]


def bill(**parts: object) -> str:
    return json.dumps({"vendor": "Acme Corp", **parts})


def filled(piece: str) -> str:
    return piece * (MILLION // len(piece))


def listed(piece: str) -> str:
    return f"[{','.join([piece] * (MILLION // (len(piece) + 1)))}]"


def tree(*, depth: int, width: int) -> str:
    node: JSON = {
        "title": "x",
        "children": [{"title": WORDS[number % len(WORDS)]} for number in range(width)],
    }
    for _ in range(depth):
        node = {"title": "y", "children": [node]}
    return json.dumps(node)


def phrases(most: int) -> list[str]:
    """Runs of one to seven words of the text, each once."""
    runs = {
        " ".join(SPOKEN[at : at + count]): None for count in range(1, 8) for at in range(len(SPOKEN) - count)
    }
    return list(runs)[:most]


LONG = "x" * (MILLION - 1_000)
COMPLETIONS = {
    "one long string": bill(notes=[LONG]),
    "a string of many words": bill(vendor=filled("Acme Corp ")),
    "the text again and again": bill(notes=[TEXT] * (MILLION // len(TEXT) - 1)),
    "commas and brackets in a string": bill(notes=[filled(",[{")[:-1_000]]),
    "escapes": '{"vendor": "' + r"\u00e9" * 160_000 + '"}',
    "surrogate pairs": '{"vendor": "' + r"\ud83d\ude00" * 80_000 + '"}',
    "half a surrogate pair": f'{{"vendor": "{LONG}\ud800"}}',
    "a control character": f'{{"vendor": "{LONG}\x00',
    "opening braces": "{" * MILLION,
    "opening brackets": "[" * MILLION,
    "empty objects": "{}" * (MILLION // 2),
    "a list of empty objects": listed("{}"),
    "a list of empty lists": listed("[]"),
    "braces with blanks": filled("{   "),
    "an object cut off at every level": filled('{"a":'),
    "lists a hundred levels deep": f"{'[' * 100}{','.join('1' * 9_800)}{']' * 100}",
    "objects a hundred levels deep": '{"a":' * 120 + f"[{','.join('1' * 9_700)}]" + "}" * 120,
    "many deep lists": f"[{','.join(['[' * 90 + ']' * 90] * 105)}]",
    "100,000 keys": spelled({str(number): 1 for number in range(100_000)}),
    "9,900 long keys": json.dumps({str(number) * 20: 1 for number in range(9_900)}),
    "a key over and over": "{" + ",".join(['"vendor": "a"'] * 9_900) + "}",
    "a million digits": "9" * MILLION,
    "a million digits under a key": f'{{"total": {"9" * (MILLION - 20)}}}',
    "a million digits after the point": f'{{"total": 0.{"9" * (MILLION - 20)}}}',
    "a million digits in the exponent": f'{{"total": 1e{"9" * (MILLION - 20)}}}',
    "long integers": bill(amounts=[10**639 + number for number in range(1_500)]),
    "a list of 200,000 items": bill(tags=[str(number % 10) for number in range(200_000)]),
    "9,900 long tags": bill(tags=[f"tag {number} {'z' * 80}" for number in range(9_900)]),
    "9,900 wrong amounts": bill(amounts=[*range(50, 9_950)]),
    "9,900 amounts that are none": bill(amounts=["no"] * 9_900),
    "9,900 lines that are none": bill(lines=[1] * 9_900),
    "1,400 lines that nearly match": bill(
        lines=[{"name": f"item {n % 190}", "quantity": n + 1, "codes": ["x", str(n)]} for n in range(1_400)]
    ),
    "200 lines that nearly match": bill(
        lines=[{"name": f"item {n}", "quantity": n + 1, "codes": ["x", str(n)]} for n in range(200)]
    ),
    "2,400 lines that break the schema": bill(
        lines=[{"name": "x", "quantity": str(n)} for n in range(2_400)]
    ),
    "a word of the text 9,900 times": bill(notes=["Acme"] * 9_900),
    "all runs of words of the text": bill(notes=phrases(9_900)),
    "some runs of words of the text": bill(notes=phrases(450)),
    "numbers of the text": bill(amounts=[12, 7.5, 2024] * 3_300),
    "dates of the text": bill(notes=["2024-04-15"] * 9_900),
    "a wide tree": tree(depth=0, width=4_900),
    "a wide tree, deep down": tree(depth=30, width=4_900),
    "a wide tree that breaks the schema": tree(depth=5, width=900).replace('"x"', "1"),
    "quotation marks": '"' * MILLION,
    "backslashes": '"' + "\\" * MILLION,
    "colons": '{"a"' + ":" * MILLION,
    "commas": "," * MILLION,
    "blanks": " " * MILLION,
    "JSON again and again": filled(bill()),
    "JSON in a string": json.dumps(bill(notes=[LONG])),
    "JSON cut off": bill(notes=[LONG])[:-3],
    "prose with brackets": filled("The {thing} is [odd], we see. "),
    "prose and JSON": filled("We see. ") + bill(),
    "JSON and prose": bill() + filled(" and so on"),
    "a fence": f"```json\n{bill(notes=[LONG])}\n```",
    "fences": filled("```"),
    "fences before braces": filled("```json\n{"),
    "a fence and no end of its name": "```" + "a" * MILLION,
    "a thought": f"<think>{filled('hm {a} [b], ')}</think>{bill()}",
    "a thought without end": f"<think>{filled('hm {a} [b], ')}",
    "thoughts": filled("<think>a</think>") + bill(),
    "thoughts without end": filled("<think>"),
    "answers": filled("<answer></answer>") + bill(),
    "answers without end": filled("<answer>") + bill(),
}
TAGGED = ["one long string", "a list of empty objects", "9,900 long keys", "1,400 lines that nearly match"]


def example(schema: str) -> Example:
    target = TREE_TARGET if schema == "tree" else BILL_TARGET
    return Example(id="1", text=TEXT, schema=schema, target=target, meta={"rubric": CHECKS})


def seconds(text: str, schema: str, preset: Preset, form: Form = "plain") -> float:
    began = time.process_time()
    total = score(
        text, example(schema), SCHEMAS[schema], preset=preset, form=form, scoring=Scoring(wrapped=0.5)
    ).total
    taken = time.process_time() - began
    assert 0.0 <= total <= 1.0
    return taken


@pytest.fixture(autouse=True, scope="module")
def _compiled() -> Iterator[None]:
    for schema in SCHEMAS:
        for preset in PRESETS:
            seconds("{}", schema, preset)
    # What thousands of other tests left is not looked through for garbage while the clock runs.
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("name", COMPLETIONS)
def test_a_million_characters_are_scored_in_a_moment(name: str, schema: str) -> None:
    assert len(COMPLETIONS[name]) <= MAX_ANSWER_CHARACTERS
    taken = {preset: seconds(COMPLETIONS[name], schema, preset) for preset in PRESETS}
    assert max(taken.values()) < BOUND, taken


@pytest.mark.parametrize("name", TAGGED)
def test_a_million_characters_between_tags_are_scored_in_a_moment(name: str) -> None:
    text = f"<think>{'hm ' * 300}</think>\n<answer>{COMPLETIONS[name]}</answer>"
    taken = {preset: seconds(text, "bill", preset, form="think") for preset in PRESETS}
    assert max(taken.values()) < BOUND, taken


@pytest.mark.parametrize(
    "name",
    [
        "objects a hundred levels deep",
        "1,400 lines that nearly match",
        "all runs of words of the text",
        "a wide tree, deep down",
        "prose with brackets",
    ],
)
def test_a_million_characters_are_measured_in_a_moment(name: str) -> None:
    began = time.process_time()
    for schema in SCHEMAS:
        row(judge(COMPLETIONS[name], SCHEMAS[schema]), example(schema), SCHEMAS[schema], tokens=1)
    # A list of all leaves, each with its path: twice the bound, for three schemas.
    assert time.process_time() - began < 6 * BOUND


def test_what_is_longer_is_refused_unread() -> None:
    verdict = judge(f"{' ' * MILLION}{bill()}{'x' * MAX_ANSWER_CHARACTERS}", BILL)
    assert isinstance(verdict, Malformed)
    assert verdict.reason == "more than 1048576 characters"
    assert (verdict.position, verdict.embedded.start, verdict.embedded.end) == (0, 0, 0)
