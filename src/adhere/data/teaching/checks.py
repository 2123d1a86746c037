"""What a teacher's reply must be to be kept."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal, TypeAlias

from adhere.data.difficulty import difficulty
from adhere.data.reasoning.origins import Leaf, Origins, holders, origins
from adhere.data.reasoning.reading import flag_of
from adhere.endpoint import Cause
from adhere.errors import SchemaError
from adhere.records import JSON, Example
from adhere.schema import Malformed, Parsed, Schema, parse_json
from adhere.schema.canonical import in_schema_order, spelled
from adhere.text.numerals import Span
from adhere.text.page import read

Reason: TypeAlias = (
    Cause
    | Literal[
        "not_json",
        "not_a_schema",
        "breaks_schema",
        "not_a_tree",
        "no_text",
        "length",
        "shows_json",
        "unstated",
    ]
    | Literal["repeat", "shared"]
)
"""Why a reply is not kept. Beside what befalls a request: not_json: it has no JSON. not_a_schema: or one that
is refused. breaks_schema: the data do. not_a_tree: they are no tree of nodes. no_text: it has no text.
length: of the text, which is out of bounds. shows_json: the text has the data as JSON. unstated: the text
does not state all of the data. repeat: it was written before. shared: it shares what is held apart."""

SHORTEST, LONGEST = 20, 20_000
"""Characters of a text."""
_MOST_NAMED = 12
"""Faults of one kind that are named to the teacher; with these mended, the others are as a rule too."""
_LEAST_VALUES = 3
"""Of a document kind that differ from document to document."""
_THOUGHT = re.compile(r"\A.*</think>", re.DOTALL)
_FENCED = re.compile(r"```\w*\n(.*?)```", re.DOTALL)
_TEXT = re.compile(r"<text>(.*)</text>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a reply."""

    reason: Reason
    detail: str
    """A clause without a full stop, by which the teacher can mend it."""


@dataclass(frozen=True, slots=True)
class Written:
    """The data of one document."""

    value: JSON


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """A kind of document, and the data of one."""

    schema: Schema
    data: Written


def data_in(reply: str, schema: Schema) -> Written | Fault:
    """Read data that obey a schema; the keys come in its order."""
    found = _json_in(reply)
    return found if isinstance(found, Fault) else _obeying(found.value, schema)


def document_kind_in(reply: str) -> DocumentKind | Fault:
    """Read a kind of document: its schema, and the data of one that is a tree of nodes."""
    found = _json_in(reply)
    if isinstance(found, Fault):
        return found
    match found.value:
        case {"schema": dict() as source, "data": dict() as data}:
            schema = _accepted(source)
        case _:
            return Fault("not_json", 'the reply is not one object with "schema" and "data"')
    if isinstance(schema, Fault):
        return schema
    written = _obeying(data, schema)
    if isinstance(written, Fault):
        return written
    wrong = _tree_fault(data, 0, "data")
    return DocumentKind(schema, written) if wrong is None else Fault("not_a_tree", wrong)


def example_in(reply: str, blank: Example, schema: Schema) -> Example | Fault:
    """Read a text that states a target.

    Args:
        reply: What the teacher wrote.
        blank: The example without its text.
        schema: The one that its target obeys.
    """
    found = _TEXT.search(_spoken(reply))
    text = found[1].strip() if found else ""
    if not text:
        return Fault("no_text", "no text stands between <text> and </text>")
    if not SHORTEST <= len(text) <= LONGEST:
        return Fault("length", f"the text has {len(text)} characters, and may have {SHORTEST} to {LONGEST}")
    if _shows(text, blank.target):
        return Fault("shows_json", "the text has the data as JSON, with keys in quotes")
    example = replace(blank, text=text)
    held = tuple(holders(blank.target, schema))
    stated = origins(example, held)
    missing = [
        f"{leaf.pointer} ({_shown(leaf.value)})"
        for holder in held
        for leaf in holder.leaves
        if _must_be_found(leaf) and leaf.pointer not in stated
    ]
    if missing:
        return Fault("unstated", f"the text does not say {_listed(missing)} in words that can be found")
    return _marked(example, stated)


def _must_be_found(leaf: Leaf) -> bool:
    """Whether a text could show that a leaf is right; a yes or no may be a tick that no rule reads."""
    return leaf.needs_origin and flag_of(leaf.value, leaf.at) is None


def wording(text: str, spans: Sequence[Span]) -> str:
    """Name the words of a text that are around what it states."""
    kept: list[str] = []
    after = 0
    for start, end in sorted(spans):
        if start >= after:
            kept.append(text[after:start])
        after = max(after, end)
    kept.append(text[after:])
    return f"taught-{hashlib.sha256(chr(0).join(kept).encode()).hexdigest()[:16]}"


def _spoken(reply: str) -> str:
    """Leave out what a reasoning model thought to itself."""
    return _THOUGHT.sub("", reply)


def _json_in(reply: str) -> Parsed | Fault:
    """Read the JSON of a reply: all of it, what it has fenced, or from its first brace to its last."""
    said = _spoken(reply).strip()
    fenced = _FENCED.search(said)
    braced = said[said.find("{") : said.rfind("}") + 1] if "{" in said else ""
    fault = "there is none"
    for candidate in (said, fenced[1] if fenced else "", braced):
        parsed = parse_json(candidate)
        if isinstance(parsed, Parsed):
            return parsed
        if candidate:
            fault = _place(parsed)
    return Fault("not_json", f"the reply is not one JSON value: {fault}")


def _place(fault: Malformed) -> str:
    return fault.reason if fault.position is None else f"{fault.reason} at character {fault.position + 1}"


def _accepted(source: Mapping[str, JSON]) -> Schema | Fault:
    try:
        schema = Schema.of(source)
    except SchemaError as error:
        return Fault("not_a_schema", f"the schema cannot be used: {str(error).rstrip('.')}")
    if not isinstance(source.get("title"), str) or not source["title"]:
        return Fault("not_a_schema", "the schema has no title")
    free = [leaf for leaf in schema.leaves if leaf.enum is None or len(leaf.enum) > 1]
    if len(free) < _LEAST_VALUES:
        return Fault("not_a_schema", f"fewer than {_LEAST_VALUES} values differ from document to document")
    return schema


def _obeying(value: JSON, schema: Schema) -> Written | Fault:
    broken = schema.violations(value)
    if not broken:
        return Written(in_schema_order(value, schema.source))
    said = [f"{each.pointer or 'the whole'}: {each.message}" for each in broken]
    return Fault("breaks_schema", f"the data break the schema at {_listed(said)}")


def _tree_fault(node: JSON, level: int, where: str) -> str | None:
    """Say where data are no tree of nodes, each with its level and what that is called."""
    called = ("ROOT", "SECTION", "SUBSECTION")[level] if level < 3 else f"DETAIL_{level}"
    if not isinstance(node, dict) or not _is_node(node, level, called):
        return f"{where} is no node of level {level} with id, title, level and level_type {called}"
    children = node.get("children")
    listed = enumerate(children if isinstance(children, list) else [])
    faults = (_tree_fault(child, level + 1, f"{where}/children/{number}") for number, child in listed)
    return next((fault for fault in faults if fault is not None), None)


def _is_node(node: Mapping[str, JSON], level: int, called: str) -> bool:
    is_named = isinstance(node.get("id"), str | int) and isinstance(node.get("title"), str)
    return is_named and (node.get("level"), node.get("level_type")) == (level, called)


def _shows(text: str, target: JSON) -> bool:
    """Whether a text has data as JSON."""
    if not isinstance(target, dict) or not target:
        return isinstance(target, list) and len(target) > 1 and spelled(target) in text
    keys = "|".join(map(re.escape, target))
    return re.search(rf'"(?:{keys})"\s*:', text) is not None


def _marked(example: Example, stated: Origins) -> Example:
    """Note down what a text states where, as every example has it that is made up."""
    spans = [origin.span for origin in stated.values()]
    meta: dict[str, JSON] = {
        **example.meta,
        "spans": {pointer: [*origin.span] for pointer, origin in stated.items()},
        "template": wording(example.text, spans),
        "distractors": _others(example.text, spans),
    }
    marked = replace(example, meta=meta)
    return replace(marked, meta={**meta, "difficulty": asdict(difficulty(marked))})


def _others(text: str, spans: Sequence[Span]) -> int:
    """Count the numbers and dates of a text that no leaf asks for; a date's numbers are part of it."""
    page = read(text)
    stated = sorted(
        {span for found in (*page.dates.values(), *page.numbers.values()) for span in found},
        key=lambda span: (span[0], -span[1]),
    )
    count = after = 0
    for start, end in stated:
        if start >= after and not any(start < other[1] and other[0] < end for other in spans):
            count += 1
        after = max(after, end)
    return count


def _listed(said: Sequence[str]) -> str:
    more = f"; and {len(said) - _MOST_NAMED} more" if len(said) > _MOST_NAMED else ""
    return "; ".join(said[:_MOST_NAMED]) + more


def _shown(value: JSON) -> str:
    text = spelled(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
