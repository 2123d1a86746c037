"""Rows and summaries agree with a slow reading of docs/metrics.md that shares no code with ours.

It reads JSON by itself, tries every pairing of lists without order, and adds up in plain loops. Where several
pairings have as many right leaves, any of them will do.
"""

import datetime
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import permutations, product
from random import Random
from typing import Any, TypeAlias, cast

import jsonschema
import pytest

from adhere.measure.metrics import summary
from adhere.measure.row import Row, row
from adhere.records import JSON, Example
from adhere.reward.verdict import judge
from adhere.schema import Schema

SOURCE: dict[str, JSON] = {
    "type": "object",
    "properties": {
        "vendor": {"type": "string"},
        "due": {"type": ["string", "null"], "format": "date"},
        "status": {"enum": ["open", "paid"]},
        "total": {"type": "number"},
        "paid": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "pages": {"type": "array", "items": {"type": "integer"}},
        "lines": {
            "type": "array",
            "x-order": "free",
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "count": {"type": "integer"},
                    "price": {"type": "number"},
                    "codes": {"type": "array", "items": {"type": "integer"}, "x-order": "free"},
                },
                "required": ["name"],
            },
        },
        "note": {"type": "object", "properties": {"by": {"type": "object", "properties": {"name": {}}}}},
    },
    "required": ["vendor", "total"],
    "additionalProperties": False,
}
SCHEMA = Schema.of(SOURCE)
UNORDERED = {"/tags", "/lines", "/lines/*/codes"}
NAMED = {"/status": "enum"}
DATES = {"/due"}
NUMBERS = {"/total": "number", "/lines/*/price": "number", "/lines/*/count": "integer", "/pages/*": "integer"}
NUMBERS |= {"/lines/*/codes/*": "integer"}

# -------------------------------------------------------------------------------------------- a slow reader

Path: TypeAlias = tuple[str | int, ...]


class Broken(Exception):
    """Where a text stops being JSON: at its end where it was cut off, unless in the middle of a word."""


@dataclass
class Reader:
    """RFC 8259, a character at a time, keys only once; says where each value stands."""

    text: str
    at: int
    where: dict[Path, tuple[int, int, int]] = field(default_factory=dict[Path, tuple[int, int, int]])
    """Start of the key, start of the value and its end."""

    def blanks(self) -> None:
        while self.text[self.at : self.at + 1] in {" ", "\n", "\t", "\r"}:
            self.at += 1

    def next(self, *allowed: str) -> str:
        found = self.text[self.at : self.at + 1]
        if found not in allowed:
            raise Broken(self.at)
        self.at += 1
        return found

    def value(self, path: Path, key_start: int | None = None) -> JSON:
        start = self.at
        read = {"{": self.object, "[": self.array}.get(self.text[start : start + 1])
        value = read(path) if read else self.scalar()
        self.where[path] = (start if key_start is None else key_start, start, self.at)
        return value

    def object(self, path: Path) -> JSON:
        made: dict[str, JSON] = {}
        self.next("{")
        self.blanks()
        if self.text[self.at : self.at + 1] == "}":
            self.next("}")
            return made
        while True:
            self.blanks()
            key_start = self.at
            key = self.string()
            if key in made:
                raise Broken(key_start)
            self.blanks()
            self.next(":")
            self.blanks()
            made[key] = self.value((*path, key), key_start)
            self.blanks()
            if self.next(",", "}") == "}":
                return made

    def array(self, path: Path) -> JSON:
        made: list[JSON] = []
        self.next("[")
        self.blanks()
        if self.text[self.at : self.at + 1] == "]":
            self.next("]")
            return made
        while True:
            self.blanks()
            made.append(self.value((*path, len(made))))
            self.blanks()
            if self.next(",", "]") == "]":
                return made

    def string(self) -> str:
        start = self.at
        self.next('"')
        while self.text[self.at : self.at + 1] != '"':
            if self.at >= len(self.text):
                raise Broken(len(self.text))
            if re.fullmatch(r"\\u[0-9a-f]{0,4}", self.text[self.at :]):
                raise Broken(self.at + 1)
            self.at += 2 if self.text[self.at] == "\\" else 1
        self.at += 1
        return cast("str", json.loads(self.text[start : self.at]))

    def scalar(self) -> JSON:
        if self.text[self.at : self.at + 1] == '"':
            return self.string()
        word = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?|true|false|null").match(self.text, self.at)
        if word is None:
            raise Broken(self.at)
        self.at = word.end()
        return cast("JSON", json.loads(word[0]))


@dataclass
class Read:
    """What became of an answer."""

    outcome: str
    answer: str
    value: JSON = None
    where: dict[Path, tuple[int, int, int]] = field(default_factory=dict[Path, tuple[int, int, int]])
    inside: tuple[int, int] = (0, 0)
    """From where to where it is JSON."""
    is_whole: bool = False
    """Whether the JSON inside is whole."""


def read(text: str) -> Read:
    answer = text.strip(" \t\n\r")
    start = start_of(answer)
    if start is None:
        return Read("no_output", answer)
    reader = Reader(answer, start)
    try:
        value = reader.value(())
    except Broken as fault:
        return Read("malformed", answer, inside=(start, fault.args[0]))
    inside = (start, reader.at)
    is_json = inside == (0, len(answer))
    obeys = is_json and next(iter(errors(value)), None) is None
    outcome = "malformed" if not is_json else "obeys" if obeys else "violates"
    return Read(outcome, answer, value, reader.where, inside, is_whole=True)


def start_of(answer: str) -> int | None:
    """Where JSON begins: all of it, else the first object or list, else the scalar it begins with."""
    is_scalar = answer[:1] in set('"-0123456789') or answer.startswith(("true", "false", "null"))
    brackets = [at for at, character in enumerate(answer) if character in "{["]
    if is_scalar and (not brackets or is_all(answer)):
        return 0
    return brackets[0] if brackets and answer else None


def is_all(answer: str) -> bool:
    reader = Reader(answer, 0)
    try:
        reader.value(())
    except Broken:
        return False
    return reader.at == len(answer)


def errors(value: JSON) -> Iterator[str]:
    checker = jsonschema.FormatChecker(())

    @checker.checks("date")
    def is_date(given: object) -> bool:
        return not isinstance(given, str) or _is_date(given)

    validator = jsonschema.Draft202012Validator(SOURCE, format_checker=checker)
    return (str(error.validator) for error in cast("Any", validator).iter_errors(value))


def _is_date(given: str) -> bool:
    try:
        return datetime.date.fromisoformat(given).isoformat() == given
    except ValueError:
        return False


# ------------------------------------------------------------------------------------------ a slow comparison

Leaf: TypeAlias = tuple[str, Path, str, Path | None, bool]
"""Fate, path, type, and for what is invented the value that is noise, and whether its key is too."""
Fates: TypeAlias = tuple[Leaf, ...]


def compare(value: JSON, gold: JSON, path: Path) -> set[Fates]:
    """Every way to pair what has no order so that most leaves are right."""
    if isinstance(value, dict) and isinstance(gold, dict) and value and gold:
        parts = [compare(value[key], gold[key], (*path, key)) for key in value if key in gold]
        rest = [leaf for key in value if key not in gold for leaf in made_up(value, key, path)]
        rest += [leaf for key in gold if key not in value for leaf in lost(gold[key], (*path, key))]
        return joined(parts, rest)
    if isinstance(value, list) and isinstance(gold, list) and value and gold:
        return best(compare_lists(value, gold, path))
    if not parts_of(value) and not parts_of(gold):
        return {((("right" if same(value, gold) else "wrong"), path, type_of(gold, path), None, False),)}
    return joined([], [*lost(gold, path), *strays(value, path)])


def compare_lists(values: list[JSON], golds: list[JSON], path: Path) -> Iterator[Fates]:
    small = min(len(values), len(golds))
    ways = (
        ((mine, theirs) for mine in permutations(range(len(values)), small) for theirs in [range(small)])
        if len(values) >= len(golds)
        else ((range(small), theirs) for theirs in permutations(range(len(golds)), small))
    )
    for mine, theirs in ways if field_of(path) in UNORDERED else [(range(small), range(small))]:
        parts = [compare(values[i], golds[j], (*path, i)) for i, j in zip(mine, theirs, strict=True)]
        rest = [leaf for i in range(len(values)) if i not in mine for leaf in made_up(values, i, path)]
        rest += [leaf for j in range(len(golds)) if j not in theirs for leaf in lost(golds[j], (*path, j))]
        yield from joined(parts, rest)


def joined(parts: Sequence[set[Fates]], rest: Sequence[Leaf]) -> set[Fates]:
    return {
        tuple(leaf for part in way for leaf in part) + tuple(rest)
        for way in product(*(sorted(each, key=repr) for each in parts))
    }


def best(ways: Iterator[Fates]) -> set[Fates]:
    found = set(ways)
    most = max(sum(leaf[0] == "right" for leaf in way) for way in found)
    return {way for way in found if sum(leaf[0] == "right" for leaf in way) == most}


def parts_of(value: JSON) -> list[tuple[str | int, JSON]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def leaves(value: JSON, path: Path) -> list[tuple[Path, JSON]]:
    inside = parts_of(value)
    return [leaf for step, part in inside for leaf in leaves(part, (*path, step))] or [(path, value)]


def lost(gold: JSON, path: Path) -> list[Leaf]:
    return [("missing", at, type_of(leaf, at), None, False) for at, leaf in leaves(gold, path)]


def made_up(holder: JSON, step: str | int, path: Path) -> list[Leaf]:
    """What is invented in a member that the gold has not, or an item without a partner."""
    part = dict(parts_of(holder))[step]
    noise, is_key = (*path, step), isinstance(step, str)
    return [("invented", at, type_of(leaf, at), noise, is_key) for at, leaf in leaves(part, (*path, step))]


def strays(value: JSON, path: Path) -> list[Leaf]:
    """What is invented where the gold has another kind of value."""
    inside = [leaf for step, _ in parts_of(value) for leaf in made_up(value, step, path)]
    return inside or [("invented", path, type_of(value, path), path, False)]


def same(one: JSON, other: JSON) -> bool:
    numbers = [type(each) in {int, float} for each in (one, other)]
    return one == other if all(numbers) else type(one) is type(other) and one == other


def field_of(path: Path) -> str:
    return "".join("/*" if isinstance(step, int) else f"/{step}" for step in path)


def type_of(leaf: JSON, path: Path) -> str:
    field = field_of(path)
    if leaf is None:
        return "null"
    if leaf == [] or leaf == {}:
        return "empty"
    if field in NAMED:
        return NAMED[field]
    if isinstance(leaf, bool):
        return "boolean"
    if isinstance(leaf, str):
        return "date" if field in DATES else "string"
    return NUMBERS.get(field, "integer" if leaf == int(cast("float", leaf)) else "number")


# ------------------------------------------------------------------------------------------------ slow rows


@dataclass
class Slow:
    """What one answer achieved, in one way to pair its lists."""

    read: Read
    fates: Fates
    noise: Fraction | None

    def count(self, fate: str) -> int:
        return sum(leaf[0] == fate for leaf in self.fates)

    def by(self, place: int) -> dict[str, Counter[str]]:
        found: dict[str, Counter[str]] = {}
        for leaf in self.fates:
            depth = sum(isinstance(step, str) for step in leaf[1])
            names = {0: field_of(leaf[1]), 1: leaf[2], 2: "4+" if depth > 3 else str(depth)}
            found.setdefault(names[place], Counter())[leaf[0]] += 1
        return found


def slow_rows(text: str, gold: JSON) -> list[Slow]:
    found = read(text)
    nothing = tuple(lost(gold, ()))
    if not found.answer:
        return [Slow(found, nothing, None)]
    if found.outcome == "no_output":
        return [Slow(found, nothing, Fraction(1))]
    outside = len(found.answer) - (found.inside[1] - found.inside[0])
    if not found.is_whole:
        return [Slow(found, nothing, Fraction(outside, len(found.answer)))]
    made: list[Slow] = []
    for fates in compare(found.value, gold, ()):
        roots = {(leaf[3], leaf[4]) for leaf in fates if leaf[3] is not None}
        noisy = 0
        for root, is_key in roots:
            key, start, end = found.where[root]
            noisy += end - (key if is_key else start)
        noise = Fraction(outside + noisy, len(found.answer))
        made.append(Slow(found, nothing if found.outcome == "malformed" else fates, noise))
    return made


def agrees(slow: Slow, made: Row) -> bool:
    def counted(given: Any) -> dict[str, dict[str, int]]:
        names = ("right", "wrong", "missing", "invented")
        return {key: {name: getattr(match, name) for name in names} for key, match in given.items()}

    ours = [counted(each) for each in (made.leaves, made.types, made.depths)]
    theirs = [
        {
            key: {name: each[name] for name in ("right", "wrong", "missing", "invented")}
            for key, each in its.items()
        }
        for its in map(slow.by, range(3))
    ]
    noise = None if slow.noise is None else float(slow.noise)
    right = {pointer(leaf[1]): leaf[0] == "right" for leaf in slow.fates if leaf[0] != "missing"}
    return ours == theirs and made.noise == pytest.approx(noise) and made.right == right


def pointer(path: Path) -> str:
    return "".join(f"/{step}" for step in path)


# ----------------------------------------------------------------------------------------------- random pairs

WORDS = ("mug", "jar", "a, b", 'say "hi"', "", "Gerät", "2", "true")


def drawn(random: Random) -> dict[str, JSON]:
    """A right answer; it need not obey."""
    line_count = random.randrange(4)
    made: dict[str, JSON] = {
        "vendor": random.choice(WORDS),
        "due": random.choice(["2024-05-03", None, "soon"]),
        "status": random.choice(["open", "paid"]),
        "total": random.choice([0, 1, 1.0, 12.5, -3, 1e21]),
        "paid": random.choice([True, False]),
        "tags": random.sample(WORDS, random.randrange(4)),
        "pages": [random.randrange(3) for _ in range(random.randrange(4))],
        "lines": [line(random) for _ in range(line_count)],
        "note": random.choice([{"by": {"name": "Ann"}}, {"by": {}}, {}, {"by": {"name": {"first": "Ann"}}}]),
    }
    return {key: made[key] for key in made if key == "vendor" or random.random() < 0.7}


def line(random: Random) -> JSON:
    made: dict[str, JSON] = {
        "name": random.choice(WORDS[:3]),
        "count": random.randrange(3),
        "price": random.choice([1, 2.5]),
        "codes": [random.randrange(3) for _ in range(random.randrange(3))],
    }
    return {key: made[key] for key in made if random.random() < 0.8}


def changed(value: JSON, random: Random, often: float) -> JSON:
    """A value with faults: other leaves and kinds, keys and items too few or too many, another order."""
    if random.random() < often / 3:
        return random.choice(["mug", 1, 1.0, True, None, [], {}, [1, "x"], {"name": 1}, {"x": {"y": [2]}}])
    if isinstance(value, dict):
        kept = [key for key in value if random.random() >= often / 3]
        random.shuffle(kept)
        made = {key: changed(value[key], random, often) for key in kept}
        extra = [("size", [1, {}]), ("nom", "x"), ("name", None)]
        return made | dict(random.sample(extra, 1) if random.random() < often else [])
    if isinstance(value, list):
        items = [changed(item, random, often) for item in value if random.random() >= often / 3]
        if random.random() < often:
            random.shuffle(items)
        return items if len(items) > 2 or random.random() >= often else [*items, random.choice([7, "jar"])]
    return like(value) if random.random() < often / 3 else value


def like(leaf: JSON) -> JSON:
    """What is nearly this leaf: an equal number that is spelled otherwise, or another leaf."""
    match leaf:
        case bool():
            return int(leaf)
        case int():
            return float(leaf) if leaf > 1 else leaf == 1
        case float():
            return str(leaf)
        case str():
            return f"{leaf} "
        case _:
            return ""


def answered(gold: JSON, random: Random) -> str:
    often = random.choice([0.0, 0.1, 0.3, 0.7])
    text = json.dumps(changed(gold, random, often), indent=random.choice([None, None, 1]))
    match random.randrange(12):
        case 0:
            return text[: random.randrange(len(text) + 1)]
        case 1:
            places = [
                at + 2 for at in range(len(text)) if text[at : at + 2] in {": ", ", "} if at + 2 <= len(text)
            ]
            at = random.choice([*places, len(text)])
            return text if text[:at].count('"') % 2 else f"{text[:at]}oops{text[at:]}"
        case 2:
            return f"Sure: {text}"
        case 3:
            return f"```json\n{text}\n```"
        case 4:
            return f"{text}\nAnything else?"
        case 5:
            return random.choice(["", " \n", "No mug here.", "Sorry"])
        case _:
            return random.choice(["", " ", "\n"]) + text
    raise AssertionError


def rows_of(count: int, seed: int) -> tuple[list[Row], list[Slow]]:
    """Measure random pairs in both ways, which must agree on each."""
    random, fast, slow = Random(seed), list[Row](), list[Slow]()
    for number in range(count):
        gold = drawn(random)
        text = answered(gold, random)
        example = Example(id=str(number), text="", schema="x", target=gold)
        made = row(judge(text, SCHEMA), example, SCHEMA, tokens=len(text))
        ways = slow_rows(text, gold)
        assert made.outcome == ways[0].read.outcome, text
        fitting = [way for way in ways if agrees(way, made)]
        assert fitting, (text, gold)
        (keywords, found) = ([each.keyword for each in made.violations], ways[0].read)
        assert Counter(keywords) == Counter(errors(found.value) if found.outcome == "violates" else ()), text
        fast.append(made)
        slow.append(fitting[0])
    return fast, slow


def check(count: int, seed: int) -> None:
    fast, slow = rows_of(count, seed)
    spelled = cast("Any", summary(fast).as_json())
    outcomes = Counter(each.read.outcome for each in slow)
    right, wrong, missing, invented = (
        [each.count(fate) for each in slow] for fate in ("right", "wrong", "missing", "invented")
    )
    gold = [sum(counts) for counts in zip(right, wrong, missing, strict=True)]
    answer = [sum(counts) for counts in zip(right, wrong, invented, strict=True)]
    exact = [w == m == i == 0 for w, m, i in zip(wrong, missing, invented, strict=True)]
    rates = {
        "no_output": (outcomes["no_output"], count),
        "valid_json": (outcomes["violates"] + outcomes["obeys"], count),
        "schema_valid": (outcomes["obeys"], count),
        "exact": (sum(exact), count),
        "recall": (sum(right), sum(gold)),
        "precision": (sum(right), sum(answer)),
        "leaf_f1": (2 * sum(right), sum(gold) + sum(answer)),
        "wrong": (sum(wrong), sum(gold)),
        "missing": (sum(missing), sum(gold)),
        "invented": (sum(invented), sum(answer)),
    }
    assert {name: (spelled[name]["hits"], spelled[name]["tries"]) for name in rates} == rates
    shares = [Fraction(r, g) for r, g in zip(right, gold, strict=True)]
    parsed = [
        share for share, each in zip(shares, slow, strict=True) if each.read.outcome in {"violates", "obeys"}
    ]
    means = {
        "match_all": shares,
        "match_parsed": parsed,
        "f1": [Fraction(2 * r, g + a) for r, g, a in zip(right, gold, answer, strict=True)],
        "noise": [each.noise for each in slow if each.noise is not None],
    }
    for name, values in means.items():
        assert spelled[name]["n"] == len(values)
        assert spelled[name]["mean"] == pytest.approx(float(sum(values) / len(values)))
    for place, name in enumerate(("fields", "types", "depths")):
        check_kinds(place, spelled[name], spelled["invented_fields"] if name == "fields" else {}, slow)
    keywords = [Counter(errors(each.read.value)) for each in slow if each.read.outcome == "violates"]
    assert {name: (each["hits"], each["times"]) for name, each in spelled["violations"].items()} == {
        name: (sum(name in each for each in keywords), sum(each[name] for each in keywords))
        for name in {name for each in keywords for name in each}
    }


def check_kinds(place: int, spelled: Any, strays: dict[str, int], slow: Sequence[Slow]) -> None:
    sums: dict[str, Counter[str]] = {}
    for each in slow:
        for name, counts in each.by(place).items():
            sums.setdefault(name, Counter()).update(counts)
    unwanted: dict[str, int] = {}
    for name, each in sums.items():
        gold = each["right"] + each["wrong"] + each["missing"]
        answer = each["right"] + each["wrong"] + each["invented"]
        if place == 0 and not gold:
            unwanted[name] = each["invented"]
            continue
        its = spelled.pop(name)
        assert (its["hits"], its["tries"], its["wrong"]) == (each["right"], gold, each["wrong"])
        assert (its["missing"], its["invented"]) == (each["missing"], each["invented"])
        assert (its["precision"]["hits"], its["precision"]["tries"]) == (each["right"], answer)
        assert (its["f1"]["hits"], its["f1"]["tries"]) == (2 * each["right"], gold + answer)
    assert not spelled
    assert strays == dict(sorted(unwanted.items(), key=lambda stray: (-stray[1], stray[0]))[:20])


def test_300_random_pairs_are_measured_as_the_document_says() -> None:
    check(300, seed=1)


@pytest.mark.slow
def test_2000_random_pairs_are_measured_as_the_document_says() -> None:
    check(2000, seed=2)
