"""Text as one JSON value, or the first place where it stops being one."""

import json
import math
import re
from dataclasses import dataclass
from typing import NoReturn

from adhere.records import JSON

MAX_DEPTH = 128
"""Most arrays and objects inside one another; an eighth of CPython's recursion limit, so that every recursive
function over a value has room for several frames a level."""
MAX_DIGITS = 640
"""Most digits of an integer; every CPython reads these, however its limit on long integers is set."""

_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"?'
"""A string, or one that the text ends in; the closing mark is optional so that no character is tried
twice."""
_BRACKET = re.compile(rf"{_STRING}|[\[\]{{}}]", re.DOTALL)
_TOKEN = re.compile(rf'{_STRING}|[\[\]{{}}:,]|[^\s"\[\]{{}}:,]+', re.DOTALL)
_PLAIN_STRING = re.compile(r'"([^"]*)"(\s*:)?')
_BRACES = frozenset("{}")
_CLOSED_OBJECT = re.compile(r"\{[^{}]*\}")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text that is one JSON value."""

    value: JSON


@dataclass(frozen=True, slots=True)
class Malformed:
    """A text that is not one JSON value."""

    reason: str
    """A clause without a full stop."""
    position: int | None
    """Offset, in characters, of the first token that cannot stand there; the length of a text that ends too
    early. `None` where it is not known."""


def parse_json(text: str) -> Parsed | Malformed:
    """Read `text` as one JSON value, more strictly than `json.loads`.

    Malformed are also: a key that an object has twice, `NaN` and infinities (spelled out, or a number past
    the largest double), half a surrogate pair, more than `MAX_DEPTH` levels and integers of more than
    `MAX_DIGITS` digits. Whitespace around the value is allowed. Integers keep every digit. Linear in the
    length of the text; never raises.

    Source: RFC 8259; for the stricter part its sections 4 (names unique), 6 and 8.2.
    """
    barriers = [found for found in (_too_deep(text), _lone_half(text)) if found is not None]
    return _read_up_to(text, *min(barriers)) if barriers else _read(text)


def parse_bytes(text: bytes) -> Parsed | Malformed:
    """Read UTF-8 as one JSON value, by the rules of `parse_json`; bytes that are not UTF-8 are malformed."""
    try:
        decoded = text.decode()
    except UnicodeDecodeError as fault:
        before = text[: fault.start].decode()
        return _read_up_to(before, len(before), "bytes that are not UTF-8")
    return parse_json(decoded)


def _read_up_to(text: str, barrier: int, reason: str) -> Malformed:
    """Return the first fault of a text that has one at the offset `barrier`."""
    outcome = parse_json(text[:barrier])
    if isinstance(outcome, Malformed) and outcome.position is not None and outcome.position < barrier:
        return outcome
    return Malformed(reason, barrier)


class _StrictFault(ValueError):
    """Raised by the hooks below for what `json` would have let pass."""


def _read(text: str) -> Parsed | Malformed:
    try:
        value: JSON = _DECODER.decode(text)
    except json.JSONDecodeError as fault:
        return _earlier_fault(text[: fault.pos]) or _syntax_fault(fault, len(text))
    except _StrictFault as fault:
        return _first_fault(text) or Malformed(str(fault), None)
    except RecursionError:
        return Malformed("nested too deeply for the space left on the stack", None)
    if _SURROGATE_ESCAPE.search(text):
        return _first_fault(text) or Parsed(value)
    return Parsed(value)


def _object_of_unique_keys(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _StrictFault("an object has a key twice")
    return members


def _no_constant(word: str) -> NoReturn:
    raise _StrictFault(f"{word} is not a JSON number")


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise _StrictFault(f"an integer of more than {MAX_DIGITS} digits")
    return int(digits)


def _double(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _StrictFault("a number past the largest double")
    return number


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object_of_unique_keys,
    parse_constant=_no_constant,
    parse_int=_integer,
    parse_float=_double,
)


def _too_deep(text: str) -> tuple[int, str] | None:
    """Find the bracket past which `json.loads` must not be let."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return None
    depth = 0
    for match in _BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth > MAX_DEPTH:
            return match.start(), f"nested more than {MAX_DEPTH} levels deep"
    return None


def _lone_half(text: str) -> tuple[int, str] | None:
    """Find the first character that is none: half of a pair that UTF-16 would need."""
    try:
        text.encode()
    except UnicodeEncodeError as fault:
        return fault.start, "half a surrogate pair"
    return None


def _syntax_fault(fault: json.JSONDecodeError, length: int) -> Malformed:
    """Retell an error of `json`; a string that never closes fails where the text ends."""
    position = length if fault.msg.startswith("Unterminated string") else fault.pos
    return Malformed(f"{fault.msg[:1].lower()}{fault.msg[1:]}", position)


def _earlier_fault(text: str) -> Malformed | None:
    """Find a fault that `json` passed on its way to a syntax error at the end of `text`.

    Only a repeated key of an object still open, or half an escaped pair: the hooks stop at numbers at once.
    """
    strings = _PLAIN_STRING.findall(text)
    if "\\" not in text and (_has_unique_keys(strings) or _has_unique_keys(_of_open_objects(text, strings))):
        return None
    return _first_fault(text)


def _has_unique_keys(strings: list[tuple[str, str]]) -> bool:
    """Whether no string that a colon follows is there twice."""
    keys = [key for key, colon in strings if colon]
    return len(set(keys)) == len(keys)


def _of_open_objects(text: str, strings: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Leave out the strings of objects that end within `text`, unless a brace may be part of a string."""
    if 2 * len(strings) < text.count('"') or not _BRACES.isdisjoint(
        "".join([string for string, _ in strings])
    ):
        return strings
    closed = 1
    while closed:
        text, closed = _CLOSED_OBJECT.subn("", text)
    return _PLAIN_STRING.findall(text)


def _first_fault(text: str) -> Malformed | None:
    """Find what the hooks object to, at the token where a reader meets it.

    `json` reports a repeated key where its object closes, and not at all in an object that never does.

    Args:
        text: Free of syntax errors up to the fault, if it has one.
    """
    open_keys: list[set[str] | None] = []
    previous = ""
    for match in _TOKEN.finditer(text):
        word = match[0]
        keys = open_keys[-1] if open_keys and previous in {"{", ","} else None
        fault = _fault_of(word, keys)
        if fault is not None:
            return Malformed(fault, match.start())
        if word in {"{", "["}:
            open_keys.append(set() if word == "{" else None)
        elif word in {"}", "]"}:
            open_keys.pop()
        previous = word
    return None


def _fault_of(word: str, keys: set[str] | None) -> str | None:
    """Say what is wrong with a word; a key is remembered among the `keys` of its object."""
    if not word.startswith('"'):
        return _fault_of_scalar(word)
    try:
        text = _DECODER.decode(word) if "\\" in word else word[1:-1]
    except json.JSONDecodeError:
        return None  # the string that `text` is cut in
    half = _lone_half(text)
    if half is not None:
        return half[1]
    if keys is None:
        return None
    if text in keys:
        return f"the key {text!r} stands twice in its object"
    keys.add(text)
    return None


def _fault_of_scalar(word: str) -> str | None:
    if word[0] in "[]{}:,tfn":
        return None
    try:
        _DECODER.decode(word)
    except json.JSONDecodeError:
        return None  # what follows the number is at fault, and the number is not
    except _StrictFault as fault:
        return str(fault)
    return None
