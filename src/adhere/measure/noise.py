"""How much of an answer is noise."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from adhere.records import JSON
from adhere.reward.match import Finding, findings
from adhere.reward.verdict import Malformed, NoOutput, Obeys, Verdict, Violates
from adhere.schema import Schema
from adhere.schema.leaves import Path

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|[^\s{}\[\],:"]+')


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands in its JSON text, in characters."""

    with_key: int
    """Start of its key, or of the value where it has none."""
    start: int
    end: int


def noise(verdict: Verdict, gold: JSON, schema: Schema, found: Iterable[Finding]) -> float | None:
    """Share of an answer's characters, in [0, 1], that say nothing of the gold.

    Noise is what stands outside the JSON value; inside it, members whose key the gold has not (key
    and value), list items that pair with none of the gold's and leaves where the gold has none; and,
    where the value breaks off, all after the first error. White space around the answer is not part
    of it. An answer without JSON is all noise.

    Args:
        verdict: What became of the answer.
        gold: The right answer.
        schema: Says which lists have no order.
        found: What became of the leaves of a value that parses; of no use where it does not.

    Returns:
        `None` for an empty answer, which has no characters to take a share of.
    """
    if not verdict.answer:
        return None
    match verdict:
        case NoOutput():
            kept = 0
        case Malformed(embedded=inside):
            text = verdict.answer[inside.start : inside.end]
            within = findings(inside.parsed.value, gold, schema=schema) if inside.parsed else ()
            kept = len(text) - extraneous(text, within)
        case Violates() | Obeys():
            kept = len(verdict.answer) - extraneous(verdict.answer, found)
    return (len(verdict.answer) - kept) / len(verdict.answer)


def extraneous(text: str, found: Iterable[Finding]) -> int:
    """Count the characters of keys and leaves that the gold has not.

    Args:
        text: JSON of a value, without white space around it.
        found: What became of its leaves.
    """
    invented = [each for each in found if each.fate == "invented"]
    if not invented:
        return 0
    where = places(text)
    roots = {(each.path[: each.shared + 1], len(each.path) > each.shared) for each in invented}
    return sum(
        where[path].end - (where[path].with_key if has_no_such_key else where[path].start)
        for path, has_no_such_key in roots
    )


def places(text: str) -> dict[Path, Place]:
    """Find where every value of a JSON text stands. The text must be one that parses."""
    found: dict[Path, Place] = {}
    open_values: list[_Open] = []
    for token in _TOKEN.finditer(text):
        parent = open_values[-1] if open_values else None
        if parent is not None and parent.awaits_key and token.group() != "}":
            parent.step, parent.key_start, parent.awaits_key = _key(token.group()), token.start(), False
        elif token.group() in "{[":
            open_values.append(_Open.at(token, parent))
        elif token.group() in "}]":
            closed = open_values.pop()
            found[closed.path] = Place(closed.with_key, closed.start, token.end())
            _advance(open_values)
        else:
            path, with_key = _next_value(parent, token.start())
            found[path] = Place(with_key, token.start(), token.end())
            _advance(open_values)
    return found


@dataclass(slots=True)
class _Open:
    """An object or list whose end has not been read."""

    path: Path
    with_key: int
    start: int
    step: str | int
    """Key or index of the value being read."""
    key_start: int = 0
    awaits_key: bool = False

    @classmethod
    def at(cls, token: re.Match[str], parent: "_Open | None") -> "_Open":
        path, with_key = _next_value(parent, token.start())
        is_object = token.group() == "{"
        return cls(path, with_key, token.start(), "" if is_object else 0, awaits_key=is_object)


def _key(spelled: str) -> str:
    return json.loads(spelled) if "\\" in spelled else spelled[1:-1]


def _next_value(parent: _Open | None, start: int) -> tuple[Path, int]:
    """Path of the value that starts at `start`, and where its key starts."""
    if parent is None:
        return (), start
    return (*parent.path, parent.step), start if isinstance(parent.step, int) else parent.key_start


def _advance(open_values: list[_Open]) -> None:
    """Make the innermost open value expect its next item or key."""
    if not open_values:
        return
    parent = open_values[-1]
    if isinstance(parent.step, int):
        parent.step += 1
    else:
        parent.awaits_key = True
