"""What became of a completion."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from adhere.config import Form
from adhere.records import JSON
from adhere.reward.wrapping import (
    BLANKS,
    Embedded,
    Wrapping,
    between_tags,
    could_be_json,
    unclosed,
    unwrapped,
)
from adhere.schema import Schema, Violation
from adhere.schema.limits import excess_of_answer
from adhere.schema.parse import Malformed as NotJson
from adhere.schema.parse import Parsed, parse_json

Outcome: TypeAlias = Literal["no_output", "malformed", "violates", "obeys"]


@dataclass(frozen=True, slots=True)
class NoOutput:
    """Nothing that could be read as JSON was written."""

    answer: str
    """The text that was judged, without white space around it; empty where there was none."""
    wrapping: Wrapping = "none"
    """`think` where a thought was begun and never ended, `answer` where the tags of an answer were: the limit
    of tokens cut it off. Otherwise `none`."""


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
    """Under the form `think`, what stands outside the thought and the tags."""


@dataclass(frozen=True, slots=True)
class Obeys:
    """The answer is JSON and obeys its schema."""

    value: JSON
    answer: str
    wrapping: Wrapping = "none"
    """As for `Violates`."""


Verdict: TypeAlias = NoOutput | Malformed | Violates | Obeys


def judge(text: str, schema: Schema, *, form: Form = "plain") -> Verdict:
    """Say what became of a completion.

    The whole answer must be one JSON value; white space around it is allowed, code fences, prose and tags are
    not. There is no output where no JSON could begin, a thought before it aside: without `{` and `[` anywhere
    and without a quotation mark, digit, minus, `true`, `false` or `null` at the start. Nor is there where
    that thought never ends. An answer past the limits of `adhere.schema.limits` is malformed and is not read.

    Pure; linear in the length of the completion.

    Args:
        text: The whole completion.
        schema: What its answer should obey.
        form: `plain`: the completion is the answer. `think`: the answer stands between the last
            `<answer>` and the `</answer>` after it; what is before and after is named and not judged.
            `prose`: the completion is a text, which is its own value; only an empty one is no output.
    """
    if form == "prose":
        # Half a surrogate pair is no text to the engine.
        said = text.strip(BLANKS).encode(errors="replace").decode()
        return _checked(said, schema, said, "none") if said else NoOutput(said)
    answer, outside = (text.strip(BLANKS), "none") if form == "plain" else between_tags(text)
    excess = excess_of_answer(answer)
    if excess is not None:
        return Malformed(excess, 0, answer, outside, Embedded(0, 0, None))
    if not could_be_json(answer):
        return NoOutput(answer, unclosed(text))
    match parse_json(answer):
        case Parsed(value):
            return _checked(value, schema, answer, outside)
        case NotJson(reason, position):
            inside, around = unwrapped(answer, position or 0)
            if inside is None:
                return NoOutput(answer, around)
            return Malformed(reason, position or 0, answer, outside if around == "none" else around, inside)


def bare(verdict: Malformed, schema: Schema) -> Violates | Obeys | None:
    """Judge the JSON inside a malformed answer as if it stood alone; `None` where it breaks off."""
    inside = verdict.embedded
    if inside.parsed is None:
        return None
    return _checked(inside.parsed.value, schema, verdict.answer[inside.start : inside.end], verdict.wrapping)


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


def _checked(value: JSON, schema: Schema, answer: str, wrapping: Wrapping) -> Violates | Obeys:
    violations = tuple(schema.violations(value))
    return Violates(value, violations, answer, wrapping) if violations else Obeys(value, answer, wrapping)
