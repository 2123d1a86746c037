"""What became of a completion."""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from adhere.config import Form
from adhere.records import JSON
from adhere.schema import Schema, Violation
from adhere.schema.parse import Malformed as NotJson
from adhere.schema.parse import Parsed, parse_json

Outcome: TypeAlias = Literal["no_output", "malformed", "violates", "obeys"]
Wrapping: TypeAlias = Literal["none", "fence", "prose"]
"""What stands around the JSON: nothing but white space, a code fence, or other text."""

_BLANKS = " \t\n\r"
"""The white space of JSON."""
_SCALAR_START = re.compile(r'["0-9\-]|true|false|null')


@dataclass(frozen=True, slots=True)
class NoOutput:
    """Nothing that could be read as JSON was written."""

    answer: str
    """The text that was judged, without white space around it; empty where there was none."""
    wrapping: Wrapping = "none"


@dataclass(frozen=True, slots=True)
class Embedded:
    """The JSON inside a malformed answer: its first object or list, or what it begins with."""

    start: int
    end: int
    """Up to here it is sound: to the end of its value or to its first error, exclusive."""
    parsed: Parsed | None
    """Its value, where only what stands around it makes the answer malformed; `None` where it breaks off."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """JSON was begun, but the answer as a whole is not JSON."""

    reason: str
    position: int
    """Character of `answer` at which it stops being JSON; 0 where that is not known."""
    answer: str
    wrapping: Wrapping
    embedded: Embedded


@dataclass(frozen=True, slots=True)
class Violates:
    """The answer is JSON and breaks its schema."""

    value: JSON
    violations: tuple[Violation, ...]
    answer: str
    wrapping: Wrapping = "none"


@dataclass(frozen=True, slots=True)
class Obeys:
    """The answer is JSON and obeys its schema."""

    value: JSON
    answer: str
    wrapping: Wrapping = "none"


Verdict: TypeAlias = NoOutput | Malformed | Violates | Obeys


def judge(text: str, schema: Schema, *, form: Form = "plain") -> Verdict:
    """Say what became of a completion.

    The whole answer must be one JSON value; white space around it is allowed, code fences and prose are
    not. There is no output where no JSON could begin: without `{` and `[` anywhere and without a
    quotation mark, digit, minus, `true`, `false` or `null` at the start.

    Pure.

    Args:
        text: The whole completion.
        schema: What its answer should obey.
        form: `plain`: the completion is the answer. `think`: the answer stands between the last
            `<answer>` and the `</answer>` after it; what is before and after is not judged.
    """
    answer = _answer(text, form)
    if not _could_be_json(answer):
        return NoOutput(answer)
    match parse_json(answer):
        case Parsed(value):
            violations = tuple(schema.violations(value))
            return Violates(value, violations, answer) if violations else Obeys(value, answer)
        case NotJson(reason, position):
            inside = _embedded(answer, position or 0)
            return Malformed(reason, position or 0, answer, _wrapping(answer, inside), inside)


def outcome(verdict: Verdict) -> Outcome:
    """Name the kind of a verdict."""
    match verdict:
        case NoOutput():
            return "no_output"
        case Malformed():
            return "malformed"
        case Violates():
            return "violates"
        case Obeys():
            return "obeys"


def _answer(text: str, form: Form) -> str:
    if form == "plain":
        return text.strip(_BLANKS)
    _, opened, rest = text.rpartition("<answer>")
    answer, closed, _ = rest.partition("</answer>")
    return answer.strip(_BLANKS) if opened and closed else ""


def _could_be_json(answer: str) -> bool:
    return "{" in answer or "[" in answer or _SCALAR_START.match(answer) is not None


def _embedded(answer: str, position: int) -> Embedded:
    """Find the JSON inside an answer that stops being JSON at `position`."""
    start = 0 if _SCALAR_START.match(answer) else min(at for at in map(answer.find, "{[") if at >= 0)
    end = position
    if start > 0:
        match parse_json(answer[start:]):
            case Parsed() as parsed:
                return Embedded(start, len(answer), parsed)
            case NotJson(_, offset):
                end = start + (offset or 0)
    sound = answer[start:end].rstrip(_BLANKS)
    # Where nothing follows, the answer was cut off: it is not a value with something after it.
    match parse_json(sound) if end < len(answer) else None:
        case Parsed() as parsed:
            return Embedded(start, start + len(sound), parsed)
        case _:
            return Embedded(start, end, None)


def _wrapping(answer: str, inside: Embedded) -> Wrapping:
    around = answer[: inside.start] + (answer[inside.end :] if inside.parsed else "")
    if not around:
        return "none"
    return "fence" if "```" in around else "prose"
