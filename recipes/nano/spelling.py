"""Answers: a row's right values, spelled as a convention has it."""

from collections.abc import Mapping
from functools import lru_cache

from conventions import Convention, Keys
from notations import Numeral, written

from adhere import prompt
from adhere.config import Form
from adhere.data.filling.values import words
from adhere.data.filling.vocabulary import MONTHS
from adhere.data.prose.labels import SYNONYMS, one_of
from adhere.records import JSON, Example
from adhere.schema import Schema
from adhere.schema.canonical import in_schema_order
from adhere.schema.expected import Expected, expected
from adhere.schema.leaves import Path, field_of
from adhere.schema.parse import Parsed, parse_json
from adhere.schema.places import pointer_of
from adhere.text.dates import is_date

_SAID_OF_NOTHING: Mapping[str, JSON] = {"null": None, "empty": "", "n/a": "N/A", "unknown": "unknown"}


def spelled(convention: Convention, example: Example, schema: Schema, *, form: Form = "plain") -> str:
    """Spell the right answer to a row.

    Under the strict convention it is `prompt.answer`, to the letter.

    Args:
        convention: How.
        example: Its target is the right answer; its `spans`, where it has any, say how the text puts a value.
        schema: Its schema.
        form: `plain` or `think`: then the convention is that of what follows the thought.

    Raises:
        DataError: The example has no target.
    """
    if convention == Convention():
        return prompt.answer(example, schema, form=form)
    if example.target is None:
        prompt.answer(example, schema)  # which says so
    value = _Hand(convention, example, schema).respelled(in_schema_order(example.target, schema.source))
    text = written(value, convention.notation, convention.layout, convention.language)
    answer = f"{convention.before}{text}{convention.after}"
    if convention.again:
        answer = f"{answer}\n\n{answer}"
    if form != "think":
        return answer
    tagged = f"<answer>{answer}</answer>" if convention.tagged else answer
    return f"<think>{example.reasoning or ''}</think>\n{tagged}"


class _Hand:
    """Respells the parts of one target."""

    def __init__(self, convention: Convention, example: Example, schema: Schema) -> None:
        self._how = convention
        self._text = example.text
        spans = example.meta.get("spans")
        self._spans = spans if isinstance(spans, dict) else {}
        self._schema = schema
        self._options = {leaf.pointer for leaf in schema.leaves if leaf.enum and len(leaf.enum) > 1}

    def respelled(self, target: JSON) -> JSON:
        """Return the target with keys, leaves and what is around them as the convention has them."""
        adds = self._how.missing in _SAID_OF_NOTHING
        value: JSON = self._inside(target, (), expected(self._schema) if adds else None)
        if isinstance(value, dict) and self._how.extra is not None and self._how.extra[0] not in value:
            value = {**value, self._how.extra[0]: self._how.extra[1]}
        value = {self._how.outer: value} if self._how.outer else value
        return [value] if self._how.listed else value

    def _inside(self, value: JSON, path: Path, asked: Expected | None) -> JSON:
        match value:
            case dict() if value or asked:
                return self._object(value, path, asked)
            case list():
                return [
                    self._inside(item, (*path, index), asked.item(index) if asked else None)
                    for index, item in enumerate(value)
                ]
            case _:
                return self._leaf(value, path)

    def _object(self, value: dict[str, JSON], path: Path, asked: Expected | None) -> JSON:
        members: list[tuple[str, JSON]] = []
        for key in self._ordered(value, path):
            member = value[key]
            if member is None and self._how.missing == "left_out":
                continue
            inner = self._inside(member, (*path, key), asked.key(key) if asked else None)
            members.append((key, inner))
        if asked:
            nothing = _SAID_OF_NOTHING[self._how.missing]
            members += [(key, nothing) for key in asked.optional if key not in value]
        named = [(_key(key, self._how.keys, is_list=isinstance(each, list)), each) for key, each in members]
        members = _first_unique(named, members)
        return dict(_first_unique(_flattened(members), members) if self._how.flat else members)

    def _ordered(self, value: dict[str, JSON], path: Path) -> list[str]:
        match self._how.order:
            case "schema":
                return list(value)
            case "sorted":
                return sorted(value)
            case "text":
                start = {key: self._start(pointer_of((*path, key)), value[key]) for key in value}
                return sorted(value, key=start.__getitem__)

    def _start(self, pointer: str, value: JSON) -> int:
        """Return where the text first states a value or a part of it.

        What it never states stands first, as titles do, or last where there is nothing to state.
        """
        starts = [
            span[0]
            for at, span in self._spans.items()
            if (at == pointer or at.startswith(f"{pointer}/")) and isinstance(span, list)
        ]
        unstated = len(self._text) if value in (None, "", [], {}) else 0
        return min((start for start in starts if isinstance(start, int)), default=unstated)

    def _stated(self, path: Path) -> str | None:
        """Return how the text puts a leaf, on one line."""
        match self._spans.get(pointer_of(path)):
            case [int(start), int(end)]:
                return " ".join(self._text[start:end].split()) or None
            case _:
                return None

    def _leaf(self, value: JSON, path: Path) -> JSON:
        match value:
            case bool():
                return self._flag(value, path)
            case int() | float():
                return self._number(value, path)
            case None:
                return _SAID_OF_NOTHING.get(self._how.missing)
            case str() if field_of(path) in self._options:
                return self._option(value, path)
            case str() if is_date(value):
                return self._date(value, path)
            case _:
                return value

    def _flag(self, value: bool, path: Path) -> JSON:  # noqa: FBT001 - the value itself
        match self._how.flags:
            case "json":
                return value
            case "text":
                return self._stated(path) or value
            case "yes_no":
                return "yes" if value else "no"
            case "strings":
                return "true" if value else "false"

    def _number(self, value: float, path: Path) -> JSON:
        match self._how.numbers:
            case "json":
                return value
            case "text":
                stated = self._stated(path)
                is_json = stated is None or isinstance(parse_json(stated), Parsed)
                return value if stated is None else Numeral(stated) if is_json else stated
            case "strings":
                return repr(value)
            case "thousands":
                return f"{value:,}" if abs(value) >= 1000 else value
            case "two_places":
                return Numeral(f"{value:.2f}") if isinstance(value, float) and _is_in_cents(value) else value
            case "floats":
                return float(value) if abs(value) < 2**53 else value

    def _option(self, value: str, path: Path) -> str:
        match self._how.options:
            case "schema":
                return value
            case "text":
                return self._stated(path) or value
            case "lower":
                return value.lower()
            case "upper":
                return value.upper()
            case "title":
                return " ".join(word[:1].upper() + word[1:] for word in value.replace("_", " ").split(" "))

    def _date(self, value: str, path: Path) -> str:
        year, month, day = value.split("-")
        match self._how.dates:
            case "iso":
                return value
            case "text":
                return self._stated(path) or value
            case "named":
                return f"{int(day)} {MONTHS[int(month) - 1]} {year}"
            case "points":
                return f"{day}.{month}.{year}"
            case "american":
                return f"{month}/{day}/{year}"
            case "slashes":
                return f"{year}/{month}/{day}"
            case "with_time":
                return f"{value}T00:00:00"


def _is_in_cents(value: float) -> bool:
    return float(f"{value:.2f}") == value


@lru_cache(maxsize=8192)
def _key(key: str, keys: Keys, *, is_list: bool) -> str:
    parts = words(key).split()
    if not parts or keys == "schema":
        return key
    match keys:
        case "title":
            return " ".join(part[:1].upper() + part[1:] for part in parts)
        case "camel":
            return parts[0] + "".join(part[:1].upper() + part[1:] for part in parts[1:])
        case "snake":
            return "_".join(parts)
        case "blanks":
            return " ".join(parts)
        case "upper":
            return "_".join(parts).upper()
        case "singular":
            return one_of(" ".join(parts)).replace(" ", "_") if is_list else key
        case "synonym":
            other = SYNONYMS.get(" ".join(parts))
            return other.spelled[0].replace(" ", "_") if other else key


def _flattened(members: list[tuple[str, JSON]]) -> list[tuple[str, JSON]]:
    flat: list[tuple[str, JSON]] = []
    for key, value in members:
        if isinstance(value, dict) and value:
            flat += [(f"{key}.{inner}", member) for inner, member in value.items()]
        else:
            flat.append((key, value))
    return flat


def _first_unique(wanted: list[tuple[str, JSON]], other: list[tuple[str, JSON]]) -> list[tuple[str, JSON]]:
    """Return the wanted members, or the other ones where two of the wanted have one key."""
    return wanted if len(dict(wanted)) == len(wanted) else other
