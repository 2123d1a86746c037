"""What stands around the JSON of an answer, and where in the answer the JSON stands."""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from adhere.schema.parse import Malformed, Parsed, parse_json

Wrapping: TypeAlias = Literal["none", "fence", "prose", "think", "answer"]
"""What stands around the JSON: nothing but white space; a code fence; other text; a thought that was not
asked for; the tags of an answer that were not. Of several the first in the order think, answer, fence, prose.
"""

BLANKS = " \t\n\r"
"""The white space of JSON."""
_SCALAR = re.compile(r'["0-9\-]|true|false|null')
_BRACKET = re.compile(r"[\[{]")
_VALUE = re.compile(
    r"""
      ```\w*+\s*+(?=["\[{0-9\-]|true|false|null)     # a fence right before a value
    | \{(?=\s*["}])                                  # a bracket that something of JSON follows
    | \[(?=\s*(?:["\[\]{0-9\-]|true|false|null))
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Embedded:
    """The JSON inside a malformed answer."""

    start: int
    end: int
    """Up to here it is sound: to the end of its value or to its first error, exclusive."""
    parsed: Parsed | None
    """Its value, where only what stands around it makes the answer malformed; `None` where it breaks off."""


def could_be_json(answer: str) -> bool:
    """Whether JSON might begin: at a bracket anywhere, or as a scalar at the start."""
    return "{" in answer or "[" in answer or _SCALAR.match(answer) is not None


def between_tags(text: str) -> tuple[str, Wrapping]:
    """Return what stands between the last `<answer>` and the `</answer>` after it, and what stands around.

    A thought between `<think>` and `</think>` was asked for and is not named; where only its end stands, the
    prompt has opened it. Without both tags the answer is empty.
    """
    before, opened, rest = text.rpartition("<answer>")
    answer, closed, after = rest.partition("</answer>")
    if not (opened and closed):
        return "", "none"
    thought, ended, between = before.rpartition("</think>")
    preamble, begun, _ = (thought if ended else between).partition("<think>")
    outside = after + (preamble if begun or not ended else "") + (between if ended else "")
    return answer.strip(BLANKS), _name(outside.strip())


def unclosed(text: str) -> Wrapping:
    """Name what was begun and never ended, as the limit of tokens leaves it: an answer in tags, or a thought.

    `none` where all is whole.
    """
    if text.rfind("<answer>") > text.rfind("</answer>"):
        return "answer"
    return "think" if text.rfind("<think>") > text.rfind("</think>") else "none"


def after_thought(answer: str) -> str:
    """Return what stands after a thought; the prompt may have written where it begins.

    All of an answer that begins with JSON, that has no thought before it, or one that never ends.

    Args:
        answer: Without white space around it.
    """
    first = _VALUE.search(answer)
    if _begins(answer, first):
        return answer
    return answer[_end_of_thought(answer, first.start() if first else len(answer)) or 0 :].strip(BLANKS)


def unwrapped(answer: str, fault: int) -> tuple[Embedded | None, Wrapping]:
    """Find the JSON inside an answer that is none as a whole, and name what stands around it.

    It is the value that a thought, the last `<answer>` or a fence stands right before; else the first object
    or list; else the scalar that the answer begins with. `None` where there is none: `think` then stands for
    a thought that never ends.

    Linear in the length of the answer.

    Args:
        answer: Without white space around it.
        fault: Where it stops being JSON.
    """
    first = _VALUE.search(answer)
    begins = _begins(answer, first)
    low = 0 if begins else _end_of_thought(answer, first.start() if first else len(answer))
    if low is None:
        return None, "think"
    start, high = (_start(answer, 0, len(answer)), len(answer)) if begins else _region(answer, low)
    if start is None:
        return None, "none"
    inside = _value_at(answer, start, high, fault if (start, high) == (0, len(answer)) else None)
    around = answer[: inside.start] + (answer[inside.end :] if inside.parsed else "")
    return inside, "think" if low else _name(around)


def _begins(answer: str, first: re.Match[str] | None) -> bool:
    """Whether an answer begins with JSON.

    Args:
        answer: Without white space around it.
        first: Where JSON might begin first.
    """
    return answer.startswith("{") or (first is not None and first.start() == 0)


def _end_of_thought(answer: str, first: int) -> int | None:
    """Return where the thought before the answer ends: 0 where there is none, `None` where it never ends.

    Args:
        answer: One that does not begin with JSON.
        first: Where JSON might begin first.
    """
    opened = answer.find("<think>")
    if opened > first:
        return 0
    closed = answer.find("</think>", max(opened, 0))
    if closed < 0:
        return None if opened >= 0 else 0
    return closed + len("</think>")


def _region(answer: str, low: int) -> tuple[int | None, int]:
    """Return where the JSON starts after `low`, and up to where it may go."""
    tag = answer.rfind("<answer>", low)
    end = answer.find("</answer>", tag)
    if 0 <= tag < end:
        start = _start(answer, tag + len("<answer>"), end)
        if start is not None:
            return start, end
    return _start(answer, low, len(answer)), len(answer)


def _start(answer: str, low: int, high: int) -> int | None:
    """Return where JSON starts between two offsets; `None` where it could not."""
    while low < high and answer[low].isspace():
        low += 1
    if answer.startswith(("{", '"'), low):
        return low
    value = _VALUE.search(answer, low, high)
    if value is not None:
        return value.end() if value[0].startswith("`") else value.start()
    if low < high and _SCALAR.match(answer, low):
        return low
    bracket = _BRACKET.search(answer, low, high)
    return bracket.start() if bracket else None


def _value_at(answer: str, start: int, high: int, fault: int | None) -> Embedded:
    """Read the JSON that starts at `start` and does not go beyond `high`.

    Args:
        answer: All of it.
        start: Where it starts.
        high: Where it must end.
        fault: Where it stops being JSON, if that is known.
    """
    if fault is None:
        text = answer[start:high].rstrip(BLANKS)
        match parse_json(text):
            case Parsed() as parsed:
                return Embedded(start, start + len(text), parsed)
            case Malformed(_, offset):
                fault = start + (offset or 0)
    sound = answer[start:fault].rstrip(BLANKS)
    # Where nothing follows, the answer was cut off: it is not a value with something after it.
    match parse_json(sound) if fault < high else None:
        case Parsed() as parsed:
            return Embedded(start, start + len(sound), parsed)
        case _:
            return Embedded(start, fault, None)


def _name(around: str) -> Wrapping:
    if "<answer>" in around or "</answer>" in around:
        return "answer"
    if "```" in around:
        return "fence"
    return "prose" if around else "none"
