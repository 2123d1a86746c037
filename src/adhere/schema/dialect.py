"""What of JSON Schema adhere supports, and what it refuses by keyword and pointer."""

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, cast
from urllib.parse import quote, urldefrag

import jsonschema_rs

from adhere.records import JSON
from adhere.schema.blank import form
from adhere.schema.canonical import spelled
from adhere.schema.check import compiled
from adhere.schema.limits import MAX_WRITTEN_OUT, excesses, patterns, too_large, too_many_written_out
from adhere.schema.places import Child, Place, Subschema, pointer_of, with_children
from adhere.schema.reference import DRAFT_07, Overgrown, References
from adhere.schema.refusal import Refusal
from adhere.schema.unique import without_unique_items

if TYPE_CHECKING:
    from llguidance import LLTokenizer
    from llguidance._lib import JsonCompileOptions

    from adhere.schema.schema import Schema

DRAFT_2020_12 = frozenset(
    {"https://json-schema.org/draft/2020-12/schema", "https://json-schema.org/draft/2020-12/schema#"}
)
_ENGINE_OPTIONS = "x-guidance"
_DYNAMIC = ("$dynamicRef", "$recursiveRef")
_ASSERTED_IN_DRAFT_07 = ("contentEncoding", "contentMediaType")
_UNNAMED = frozenset(
    {"$anchor", "$comment", "$defs", "$id", "$ref", "$schema", "default", "definitions", "description"}
    | {"examples", "title"}
)
"""Keywords that are not to blame: they say nothing of the value, or something else says it for them."""
_STRICT: "JsonCompileOptions" = {"lenient": False, "coerce_one_of": False}
_MOST_QUESTIONS = 200
"""Put to llguidance about one schema, at a millisecond each, or many for a large one."""
_LOOSEN = "Simplify it, or decode without a constraint"


def refusals(source: dict[str, JSON]) -> list[Refusal]:
    """Return everything in a schema that adhere does not support; empty for a schema that it accepts.

    Some faults hide others: what is too large is not looked into, nor is what the metaschema turns down.

    Args:
        source: As `parse_json` returns it.
    """
    fault = too_large(source) or _unknown_draft(source) or _metaschema_fault(source)
    if fault is not None:
        return [fault]
    references = References(source)
    found = [*excesses(references), *_unsupported(references)]
    if found:
        return found
    last = too_many_written_out(references) or _too_many_choices(source) or _uncompiled(source)
    return [] if last is None else [last]


def _unknown_draft(source: dict[str, JSON]) -> Refusal | None:
    draft = source.get("$schema")
    if draft is None or draft in DRAFT_2020_12 | DRAFT_07:
        return None
    reason = f"names {draft!r}, and only draft 2020-12 and draft-07 are read"
    return Refusal("$schema", "", reason, "Leave '$schema' out for draft 2020-12")


def _metaschema_fault(source: dict[str, JSON]) -> Refusal | None:
    try:
        jsonschema_rs.meta.validate(source)
    except jsonschema_rs.ValidationError as fault:
        known = References(source).places
        path = fault.instance_path
        depth = max(size for size in range(len(path) + 1) if pointer_of(path[:size]) in known)
        keyword = str(path[depth]) if depth < len(path) else ""
        reason = f"is not as JSON Schema has it ({_first_line(fault.message)})"
        return Refusal(keyword, pointer_of(path[:depth]), reason, "Correct the schema")
    return None


def _unsupported(references: References) -> Iterator[Refusal]:
    for place in references.places.values():
        if isinstance(place.schema, dict):
            yield from _bad_keywords(place, place.schema, references)
            yield from _bad_patterns(place, place.schema)


def _bad_keywords(place: Place, schema: dict[str, JSON], references: References) -> Iterator[Refusal]:
    for keyword in _DYNAMIC:
        if keyword in schema:
            yield Refusal(keyword, place.pointer, "depends on who asks", "Use '$ref'")
    if _ENGINE_OPTIONS in schema:
        reason = "can switch off the guarantees of the constrained decoder"
        yield Refusal(_ENGINE_OPTIONS, place.pointer, reason, "Remove it")
    for keyword in ("$id", "$schema"):
        if keyword in schema and place.pointer:
            reason = "makes a document within the document"
            yield Refusal(keyword, place.pointer, reason, "Give it to the root only")
    reference = schema.get("$ref")
    if isinstance(reference, str) and references.target(reference) is None:
        yield _bad_reference(place.pointer, reference)


def _bad_reference(pointer: str, reference: str) -> Refusal:
    if urldefrag(reference).url:
        reason = f"leaves the document for {reference!r}, and nothing is ever fetched"
        return Refusal("$ref", pointer, reason, "Copy what it names into '$defs'")
    reason = f"names {reference!r}, where no schema stands"
    return Refusal("$ref", pointer, reason, "Point it to an entry of '$defs'")


def _bad_patterns(place: Place, schema: dict[str, JSON]) -> Iterator[Refusal]:
    for keyword, expression in patterns(schema):
        fault = _pattern_fault(expression)
        if fault is not None:
            fix = "Write it without, or check it after reading"
            yield Refusal(keyword, place.pointer, f"has {expression!r}, which {fault}", fix)


@lru_cache(maxsize=1024)
def _pattern_fault(pattern: str) -> str | None:
    if _compiles(pattern, jsonschema_rs.RegexOptions()):
        return None
    if _compiles(pattern, jsonschema_rs.FancyRegexOptions()):
        return "cannot be matched in linear time (lookaround, a backreference, or too many repetitions)"
    return "is not a regular expression, or one that is too large"


def _compiles(pattern: str, options: jsonschema_rs.RegexOptions | jsonschema_rs.FancyRegexOptions) -> bool:
    try:
        jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=options, offline=True)
    except jsonschema_rs.ValidationError:
        return False
    return True


def _too_many_choices(source: dict[str, JSON]) -> Refusal | None:
    """Refuse what `anyOf` beside `oneOf`, or either beside many properties, multiplies."""
    try:
        form(References(source, most_looks=MAX_WRITTEN_OUT))
    except Overgrown:
        reason = f"offers more choices than {MAX_WRITTEN_OUT} schemas can spell out"
        return Refusal("", "", reason, "Use fewer branches of 'anyOf' and 'oneOf'")
    return None


def _uncompiled(source: dict[str, JSON]) -> Refusal | None:
    try:
        compiled(source)
    except jsonschema_rs.ValidationError as fault:
        return Refusal("", "", f"does not compile ({_first_line(fault.message)})", "Correct the schema")
    return None


def _first_line(message: str) -> str:
    return message.partition("\n")[0][:200]


def unconstrainable(schema: "Schema") -> list[Refusal]:
    """Return what of a schema strict llguidance cannot guarantee; empty where it can guarantee all.

    llguidance itself is asked: first for the whole, then, where it declines, for ever smaller parts and for
    each of their keywords alone. `uniqueItems` is left out of that where a writer can see to it.
    """
    source = without_unique_items(schema.source)
    references = References(source)
    declined = _declined(source)
    found = [] if declined is None else _Inquiry(references).culprits()
    if declined is not None and not found:
        found = [Refusal("", "", f"cannot be guaranteed as a whole ({declined})", _LOOSEN)]
    return found + list(_ignored(references))


def _ignored(references: References) -> Iterator[Refusal]:
    """Yield what a validator of draft-07 asserts and a grammar takes for a remark."""
    for place in references.places.values() if references.is_draft_07 else ():
        for keyword in _ASSERTED_IN_DRAFT_07:
            if isinstance(place.schema, dict) and keyword in place.schema:
                yield Refusal(keyword, place.pointer, "is checked but cannot be guaranteed", _LOOSEN)


class _Inquiry:
    """Questions to llguidance about the schemas of one document."""

    def __init__(self, references: References) -> None:
        self._references = references
        self._questions_left = _MOST_QUESTIONS
        self._document = self._rebased(references.root)

    def culprits(self) -> list[Refusal]:
        """Return the keywords that are declined by themselves, or one that is beside the others."""
        declined = self._declined_places()
        alone = [found for pointer, (schema, _) in declined.items() for found in self._alone(pointer, schema)]
        return alone or self._together(declined)

    def _declined_places(self) -> dict[str, tuple[dict[str, JSON], str]]:
        """Return the schemas in use that are declined, and why; an outer one before those inside it."""
        declined: dict[str, tuple[dict[str, JSON], str]] = {}
        waiting: list[Subschema] = [self._references.root]
        while waiting:
            schema = waiting.pop()
            pointer = self._references.pointer(schema)
            if pointer is None or pointer in declined or not isinstance(schema, dict):
                continue
            reason = self._declined(self._rebased(schema))
            if reason is not None:
                declined[pointer] = schema, reason
                waiting.extend(reversed(self._references.steps(schema)))
        return declined

    def _alone(self, pointer: str, schema: dict[str, JSON]) -> Iterator[Refusal]:
        """Ask about each keyword without the others, and without what the schemas inside it say.

        Whether the branches of a `oneOf` exclude each other cannot be asked without what they say.
        """
        part = self._rebased(schema)
        kind = {"type": part["type"]} if "type" in part else {}
        for keyword in (name for name in part if name not in _UNNAMED):
            only = {keyword: part[keyword]}
            asked = only if keyword == "oneOf" else with_children(only, lambda _: True)
            reason = self._declined({**kind, **asked})
            if reason is not None and (keyword != "oneOf" or "oneOf" in reason):
                yield Refusal(keyword, pointer, f"cannot be guaranteed ({reason})", _LOOSEN)

    def _together(self, declined: dict[str, tuple[dict[str, JSON], str]]) -> list[Refusal]:
        """Find the innermost schema that is taken once a keyword is left out; `type` is left out last."""
        for pointer, (schema, reason) in reversed(declined.items()):
            part = self._rebased(schema)
            for keyword in sorted(part, key=lambda name: name == "type"):
                others = {other: value for other, value in part.items() if other != keyword}
                if self._declined(others) is None and self._questions_left:
                    why = f"cannot be guaranteed beside the others ({reason})"
                    return [Refusal(keyword, pointer, why, _LOOSEN)]
        return []

    def _declined(self, part: dict[str, JSON]) -> str | None:
        """Return why a part is declined; `None` where it is taken, or all questions are spent."""
        if self._questions_left == 0:
            return None
        self._questions_left -= 1
        draft = self._references.root.get("$schema")
        head: dict[str, JSON] = {} if draft is None else {"$schema": draft}
        return _declined({**head, **part, "$defs": {"document": self._document}})

    def _rebased(self, schema: dict[str, JSON]) -> dict[str, JSON]:
        """Copy a schema so that its references find the document under `$defs`."""

        def inner(child: Child) -> JSON:
            return self._rebased(child.schema) if isinstance(child.schema, dict) else child.schema

        identity = ("$anchor", "$id", "$schema")
        copy = with_children({name: value for name, value in schema.items() if name not in identity}, inner)
        target = self._references.target(cast("str", schema["$ref"])) if "$ref" in schema else None
        return copy if target is None else {**copy, "$ref": f"#/$defs/document{quote(target.pointer)}"}


@lru_cache(maxsize=1)
def _bytes() -> "LLTokenizer":
    """Return the vocabulary of single bytes, with which every text can be written."""
    from llguidance import LLTokenizer

    return LLTokenizer("byte")


def _declined(source: dict[str, JSON]) -> str | None:
    """Return why llguidance declines a schema; `None` where it takes it."""
    from llguidance import LLMatcher

    grammar = LLMatcher.grammar_from_json_schema(spelled(source), overrides=_STRICT)
    reason = LLMatcher(_bytes(), grammar, log_level=0).get_error()
    return _first_line(reason) or None
