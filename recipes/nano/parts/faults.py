"""What keeps leaves from being right: form, type, spelling or value; and which leaves they are."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal, TypeAlias

from adhere.measure.statistics import Rate
from adhere.records import JSON
from adhere.reward.match import findings, match
from adhere.reward.verdict import Obeys, Violates
from adhere.schema.canonical import spelled
from adhere.schema.leaves import Path, leaf_count, leaves
from adhere.text.dates import is_date
from parts.answers import Answer

Fault: TypeAlias = Literal["right", "no JSON", "missing", "other type", "other spelling", "other value"]
FAULTS: tuple[Fault, ...] = (
    "right",
    "no JSON",
    "missing",
    "other type",
    "other spelling",
    "other value",
)
Kind: TypeAlias = Literal["copied", "date", "number", "chosen"]
KINDS: tuple[Kind, ...] = ("copied", "date", "number", "chosen")
"""copied: the text has the value to the letter. date, number: it has it in another spelling. chosen: all
other leaves, such as options, truth values, and what the text only paraphrases."""

_ALIKE = ("*=case,space,date,number",)


def faults(given: Sequence[Answer]) -> dict[Fault, Rate]:
    """Say of every leaf of the right answers what became of it; the shares add up to 1.

    A leaf of another type would be right were numbers and truth values texts, and one of another spelling
    were case, blanks, dates and numbers spelled alike on top of that.
    """
    counts = Counter[Fault]()
    for answer in given:
        counts.update(_faults_of(answer))
    leaves_in_all = sum(counts.values())
    return {fault: Rate(counts[fault], leaves_in_all) for fault in FAULTS}


def kinds(given: Sequence[Answer]) -> dict[Kind, Rate]:
    """Return how many leaves of each kind are right; kinds that no right answer has are left out."""
    right, wanted = Counter[Kind](), Counter[Kind]()
    for answer in given:
        text, gold = answer.example.text, answer.example.target
        wanted.update(_kind(leaf, text) for _, leaf in leaves(gold))
        if isinstance(answer.verdict, Obeys | Violates):
            value = answer.verdict.value
            # A right leaf equals the gold's, and so is of its kind.
            found = findings(value, gold, schema=answer.schema)
            right.update(_kind(_at(value, each.path), text) for each in found if each.fate == "right")
    return {kind: Rate(right[kind], wanted[kind]) for kind in KINDS if wanted[kind]}


def _faults_of(answer: Answer) -> Counter[Fault]:
    gold, schema = answer.example.target, answer.schema
    if not isinstance(answer.verdict, Obeys | Violates):
        return Counter({"no JSON": leaf_count(gold)})
    value = answer.verdict.value
    strict = match(value, gold, schema=schema).right
    as_text, gold_as_text = _texts(value), _texts(gold)
    typed = max(strict, match(as_text, gold_as_text, schema=schema).right)
    alike = match(as_text, gold_as_text, schema=schema, normalise=_ALIKE)
    spelled_alike = max(typed, alike.right)
    wrong = leaf_count(gold) - spelled_alike - alike.missing
    return Counter(
        {
            "right": strict,
            "other type": typed - strict,
            "other spelling": spelled_alike - typed,
            "other value": wrong,
            "missing": alike.missing,
        }
    )


def _texts(value: JSON) -> JSON:
    """Return a value with every number, truth value and null as the text that it is written as."""
    match value:
        case dict():
            return {key: _texts(part) for key, part in value.items()}
        case list():
            return [_texts(item) for item in value]
        case str():
            return value
        case _:
            return _plain(value)


def _plain(leaf: JSON) -> str:
    """Spell a leaf as a text would: 5.0 as 5."""
    if isinstance(leaf, float) and leaf.is_integer():
        return str(int(leaf))
    return leaf if isinstance(leaf, str) else spelled(leaf)


def _kind(leaf: JSON, text: str) -> Kind:
    if isinstance(leaf, bool) or not isinstance(leaf, str | int | float):
        return "chosen"
    if leaf != "" and re.search(rf"(?<!\w){re.escape(_plain(leaf))}(?!\w)", text):
        return "copied"
    if not isinstance(leaf, str):
        return "number"
    return "date" if is_date(leaf) else "chosen"


def _at(value: JSON, path: Path) -> JSON:
    for step in path:
        match value:
            case dict():
                value = value[str(step)]
            case list():
                value = value[int(step)]
            case _:
                break
    return value
