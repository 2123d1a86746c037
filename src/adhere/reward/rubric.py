"""Checks of free text: what a rubric asks for, and how much of it a text has."""

import json
import math
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal, TypeAlias, TypeGuard, get_args

from adhere.errors import ConfigError, DataError, SchemaError
from adhere.records import JSON, Example
from adhere.schema import Malformed, Parsed, Schema, parse_bytes, parse_json
from adhere.schema.canonical import canonical
from adhere.schema.limits import MAX_PROSE_CHARACTERS
from adhere.schema.places import keys_of
from adhere.text.dates import is_date
from adhere.text.numerals import Number, comparable, is_number
from adhere.text.page import read

Aspect: TypeAlias = Literal["accuracy", "relevance", "completeness", "reasoning", "format"]
Check: TypeAlias = Callable[[str], float]
"""Returns how far a text has what is asked, in [0, 1]."""

COLUMN = "rubric"
"""Where a row and a file have their checks."""
_KEYS = ("aspect", "check", "value", "weight")
_TEXTS = "a text, or a list of texts, none of them empty"
_NEEDS = {
    "contains": _TEXTS,
    "absent": _TEXTS,
    "sections": _TEXTS,
    "regex": _TEXTS,
    "absent_regex": _TEXTS,
    "number": "a number, or a list of numbers",
    "date": "a date such as 2026-05-03, or a list of them",
    "min_words": "a whole number above 0",
    "max_words": "a whole number above 0",
    "json_field": 'an object such as {"pointer": "/total", "equals": 5}, where equals may be left out',
}
"""What each check needs for a value."""
_BEFORE_HEADING, _AFTER_HEADING = " \t#*_=-.:()0123456789", " \t#*_=-.:"
"""What may stand around a heading on its line."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that a rubric asks for."""

    aspect: Aspect
    check: Check
    weight: float
    """Above 0; within its aspect."""


def criteria(example: Example, file: Path | None) -> list[Criterion]:
    """Return what is asked of an example: the checks of the file, then those of the row's column `rubric`.

    The file is read once in the life of the process.

    Raises:
        ConfigError: The file cannot be read.
        DataError: There is nothing to check, or a check is not one.
    """
    of_row = example.meta.get(COLUMN, [])
    found = [*(of_file(file) if file else ()), *_criteria(of_row, f"example {example.id}")]
    if not found:
        raise DataError.at(
            f"example {example.id} {COLUMN}",
            of_row,
            "the reward `rubric` has nothing to check",
            fix="Give the row checks, or name a file of them",
        )
    return found


def aspects(asked: Sequence[Criterion], answer: str, *, completion: str) -> Mapping[Aspect, float]:
    """Return for every aspect that has checks the weighted mean of what they found, in [0, 1].

    In a text of more than `MAX_PROSE_CHARACTERS` nothing is looked for, and nothing found.

    Args:
        asked: The checks.
        answer: The text that is checked.
        completion: All that was written, thoughts before the answer included: what `reasoning` is checked on.
    """
    met: dict[Aspect, list[tuple[float, float]]] = defaultdict(list)
    for each in asked:
        text = completion if each.aspect == "reasoning" else answer
        found = each.check(text) if len(text) <= MAX_PROSE_CHARACTERS else 0.0
        met[each.aspect].append((each.weight, found))
    return {
        aspect: math.fsum(weight * share for weight, share in met[aspect])
        / math.fsum(weight for weight, _ in met[aspect])
        for aspect in get_args(Aspect)
        if aspect in met
    }


@lru_cache(maxsize=16)
def of_file(file: Path) -> tuple[Criterion, ...]:
    """Read the checks of a TOML or JSON file: its list `rubric`.

    Raises:
        ConfigError: The file cannot be read.
        DataError: It is neither TOML nor JSON, or a check is not one.
    """
    try:
        content = file.read_bytes()
    except OSError as fault:
        raise ConfigError.at(
            "scoring.rubric.file",
            str(file),
            f"the file cannot be read ({fault.strerror})",
            fix="Give the path of a TOML or JSON file",
        ) from fault
    table = _toml(content, file) if file.suffix == ".toml" else _json(content, file)
    if not isinstance(table, dict) or COLUMN not in table:
        raise DataError.at(
            str(file), table, f"it has no list `{COLUMN}`", fix=f"Give it one, as in [[{COLUMN}]]"
        )
    return tuple(_criteria(table[COLUMN], str(file)))


def _toml(content: bytes, file: Path) -> JSON:
    try:
        # A date becomes its spelling.
        return json.loads(json.dumps(tomllib.loads(content.decode()), default=str, allow_nan=False))
    except ValueError as fault:
        why = "it is not TOML in UTF-8, or has what JSON has not"
        raise DataError.at(str(file), str(fault), why, fix="Correct it") from fault


def _json(content: bytes, file: Path) -> JSON:
    match parse_bytes(content):
        case Parsed(value):
            return value
        case Malformed(reason, position):
            raise DataError.at(f"{file}, character {position}", reason, "it is not JSON", fix="Correct it")


def _criteria(given: JSON, where: str) -> Iterator[Criterion]:
    if not isinstance(given, list):
        raise DataError.at(f"{where} {COLUMN}", given, "it is not a list of checks", fix="Make it one")
    for index, each in enumerate(given):
        yield _criterion(each, f"{where} {COLUMN}[{index}]")


def _criterion(given: JSON, where: str) -> Criterion:
    if not isinstance(given, dict) or not given.keys() <= set(_KEYS):
        why = f"a check is an object of {', '.join(_KEYS)}"
        raise DataError.at(where, given, why, fix="Write it as one, and nothing else in it")
    aspect, kind, weight = given.get("aspect"), given.get("check"), given.get("weight", 1.0)
    if not _is_aspect(aspect):
        known = ", ".join(get_args(Aspect))
        raise DataError.at(f"{where} aspect", aspect, "there is no such aspect", fix=f"Use one of {known}")
    if not isinstance(kind, str) or kind not in _NEEDS:
        raise DataError.at(
            f"{where} check", kind, "there is no such check", fix=f"Use one of {', '.join(_NEEDS)}"
        )
    if not is_number(weight) or not 0 < weight < math.inf:
        raise DataError.at(f"{where} weight", weight, "a weight is a number above 0", fix="Use 1")
    value = given.get("value")
    check = _check(kind, value, f"{where} value")
    if check is None:
        raise DataError.at(f"{where} value", value, f"{kind} needs {_NEEDS[kind]}", fix="Give it that")
    return Criterion(aspect, check, weight)


def _is_aspect(given: JSON) -> TypeGuard[Aspect]:
    return given in get_args(Aspect)


def _check(kind: str, value: JSON, where: str) -> Check | None:
    """Return the check of this kind, or nothing where the value is none for it."""
    match kind:
        case "contains" | "absent" | "sections" | "regex" | "absent_regex":
            texts = _texts(value)
            return _check_of_texts(kind, texts, where) if texts else None
        case "number":
            numbers = [value] if is_number(value) else value if isinstance(value, list) else []
            sought = [comparable(each) for each in numbers if is_number(each)]
            return partial(_numbers, sought) if sought and len(sought) == len(numbers) else None
        case "date":
            dates = _texts(value)
            return partial(_dates, dates) if dates and all(map(is_date, dates)) else None
        case "json_field":
            return _check_of_field(value)
        case _:
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                return None
            return partial(_at_least if kind == "min_words" else _at_most, value)


def _texts(value: JSON) -> list[str]:
    """Return a text or a list of texts as a list; an empty one where it is neither."""
    listed = value if isinstance(value, list) else [value]
    texts = [each for each in listed if isinstance(each, str) and each.strip()]
    return texts if len(texts) == len(listed) else []


def _check_of_texts(kind: str, texts: list[str], where: str) -> Check:
    match kind:
        case "contains":
            return partial(_contains, texts)
        case "absent":
            return lambda text: 1.0 - _contains(texts, text)
        case "sections":
            return partial(_sections, texts)
        case "regex":
            return partial(_patterns, [_pattern(each, where) for each in texts])
        case _:
            patterns = [_pattern(each, where) for each in texts]
            return lambda text: 1.0 - _patterns(patterns, text)


def _check_of_field(value: JSON) -> Check | None:
    if not isinstance(value, dict) or not value.keys() <= {"pointer", "equals"}:
        return None
    pointer = value.get("pointer")
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
        return None
    equals = canonical(value["equals"]) if "equals" in value else None
    return partial(_field, pointer, equals)


def _pattern(pattern: str, where: str) -> Schema:
    """Return the schema of the texts that have a match: the engine of schemas takes linear time."""
    try:
        return _matching(pattern)
    except SchemaError as fault:
        why = "it is no regular expression of at most 1 KiB that is matched in linear time"
        raise DataError.at(
            where, pattern, why, fix="Write it without lookaround and backreference"
        ) from fault


@lru_cache(maxsize=256)
def _matching(pattern: str) -> Schema:
    return Schema.of({"type": "string", "pattern": pattern})


def _contains(texts: Sequence[str], text: str) -> float:
    page = read(text)
    return sum(bool(page.spans(each.strip())) for each in texts) / len(texts)


def _sections(headings: Sequence[str], text: str) -> float:
    lines = {_heading(line) for line in text.splitlines()}
    return sum(_heading(heading) in lines for heading in headings) / len(headings)


def _heading(line: str) -> str:
    return line.lstrip(_BEFORE_HEADING).rstrip(_AFTER_HEADING).casefold()


def _patterns(patterns: Sequence[Schema], text: str) -> float:
    # Half a surrogate pair is no text to the engine.
    whole = text.encode(errors="replace").decode()
    return sum(pattern.obeys(whole) for pattern in patterns) / len(patterns)


def _numbers(numbers: Sequence[Number], text: str) -> float:
    stated = read(text).numbers
    return sum(number in stated for number in numbers) / len(numbers)


def _dates(dates: Sequence[str], text: str) -> float:
    stated = read(text).dates
    return sum(date in stated for date in dates) / len(dates)


def _at_least(count: int, text: str) -> float:
    return min(1.0, len(text.split()) / count)


def _at_most(count: int, text: str) -> float:
    return min(1.0, count / max(1, len(text.split())))


def _field(pointer: str, equals: str | None, text: str) -> float:
    match parse_json(text):
        case Malformed():
            return 0.0
        case Parsed(value):
            found = _at(value, pointer)
            return float(bool(found) and equals in {None, canonical(found[0])})


def _at(value: JSON, pointer: str) -> list[JSON]:
    """Return the one value at a pointer, or none."""
    for key in keys_of(pointer):
        match value:
            case dict() if key in value:
                value = value[key]
            case list() if key in map(str, range(len(value))):
                value = value[int(key)]
            case _:
                return []
    return [value]
