"""`jsonschema`, a validator by other people, says the same of 5,000 drawn values, or its fault is known."""

import copy
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import TypeAlias, cast

import jsonschema
from mimesis.random import Random

from adhere.data.filling.fill import Plan
from adhere.data.shapes import shape
from adhere.records import JSON
from adhere.schema import Schema
from adhere.schema.places import pointer_of

SCHEMAS, VALUES = 250, 20
"""5,000 pairs."""

Keywords: TypeAlias = dict[str, JSON]
Fault: TypeAlias = tuple[str, str]
"""Pointer into the value, keyword that is broken."""

# -------------------------------------------------------------------------------------------------- schemas

OF_STRINGS: list[Keywords] = [
    {"minLength": 4},
    {"maxLength": 12},
    {"pattern": "^[A-Z].*$"},
    {"pattern": "[0-9]$"},
    {"format": "date"},
    {"format": "email"},
    {"format": "ipv4"},
    {"format": "uuid"},
    {"not": {"pattern": " "}},
    {"const": "Acme"},
    {"if": {"pattern": "^A"}, "then": {"minLength": 6}, "else": {"maxLength": 20}},
]
OF_NUMBERS: list[Keywords] = [
    {"minimum": 3},
    {"maximum": 500.5},
    {"exclusiveMinimum": 0},
    {"exclusiveMaximum": 1000},
    {"multipleOf": 0.01},
    {"multipleOf": 3},
    {"enum": [1, 2, 2.5, 100]},
    {"oneOf": [{"multipleOf": 2}, {"multipleOf": 5}]},
]
OF_LISTS: list[Keywords] = [
    {"minItems": 2},
    {"maxItems": 2},
    {"uniqueItems": True},
    {"contains": {"minLength": 6}},
    {"prefixItems": [{"maxLength": 10}]},
]
OF_OBJECTS: list[Keywords] = [
    {"minProperties": 3},
    {"maxProperties": 3},
    {"propertyNames": {"maxLength": 9}},
    {"patternProperties": {"^x": {"type": "integer"}}},
    {"additionalProperties": True},
    {"additionalProperties": {"type": "string"}},
    {"anyOf": [{"minProperties": 4}, {"required": ["x1"]}]},
]
BY_TYPE = {
    "string": OF_STRINGS,
    "number": OF_NUMBERS,
    "integer": OF_NUMBERS,
    "array": OF_LISTS,
    "object": OF_OBJECTS,
}


def drawn_schema(random: Random) -> tuple[Keywords, Keywords]:
    """Draw a schema, plain enough for values to be drawn for it, and one that asks for more."""
    plain = shape(random, least=2, most=6, nesting=0.5)
    harder = copy.deepcopy(plain)
    for keywords in list(subschemas(harder)):
        kind = keywords.get("type")
        often = 0.8 if kind == "array" else 0.2
        if isinstance(kind, str) and kind in BY_TYPE and random.random() < often:
            keywords |= random.choice(BY_TYPE[kind])
        if isinstance(kind, str) and random.random() < 0.1:
            keywords["type"] = [kind, "null"]
    return plain, moved_to_definitions(harder) if random.random() < 0.2 else harder


def subschemas(schema: Keywords) -> Iterator[Keywords]:
    yield schema
    properties = cast("Keywords", schema.get("properties", {}))
    for inner in [*properties.values(), schema.get("items")]:
        if isinstance(inner, dict):
            yield from subschemas(inner)


def moved_to_definitions(schema: Keywords) -> Keywords:
    """Say the same through references."""
    properties = cast("Keywords", schema["properties"])
    references: Keywords = {key: {"$ref": f"#/$defs/d{at}"} for at, key in enumerate(properties)}
    definitions: Keywords = {f"d{at}": inner for at, inner in enumerate(properties.values())}
    return {**schema, "properties": references, "$defs": definitions}


# --------------------------------------------------------------------------------------------------- values

TEXTS = ["", "A", "Acme", "A1\n", "acme 7", "Zürich 9", "2024-02-30", "2024-02-29", "a@b", "a@b.example"]
TEXTS += ["10.0.0.1", "10.0.0.256", "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d", "😀😀😀😀", "x" * 40]
LEAVES: list[JSON] = [None, True, False, 0, 1, 1.0, 3, 19.99, 0.07, 2.5, -1, 500.5, 1000, 2**60 + 1, 1e20]
LEAVES += [*TEXTS, [], {}, ["a", "a"], [1, True], [1, 1.0], ["long enough", "b"], {"x1": 1}, {"x1": "1"}]


def mutated(random: Random, value: JSON) -> JSON:
    """Change one place of a value: another leaf, a key less or more, an item less or twice."""
    inside = list(containers(value))
    if not inside or random.random() < 0.05:
        return copy.deepcopy(random.choice(LEAVES))
    node = random.choice(inside)
    other = copy.deepcopy(random.choice(LEAVES))
    if isinstance(node, list):
        match random.randint(0, 2):
            case 0 if node:
                node.pop()
            case 1 if node:
                node.append(copy.deepcopy(node[0]))
            case _:
                node.append(other)
        return value
    keys = sorted(node)
    match random.randint(0, 9):
        case 0 | 1 if keys:
            del node[random.choice(keys)]
        case 2:
            node[random.choice(["x1", "x2", "a longer key"])] = other
        case _ if keys:
            key = random.choice(keys)
            like = [leaf for leaf in LEAVES if isinstance(leaf, type(node[key]))]
            node[key] = copy.deepcopy(random.choice(like)) if like and random.random() < 0.7 else other
        case _:
            node["x1"] = other
    return value


def containers(value: JSON) -> Iterator[list[JSON] | dict[str, JSON]]:
    if isinstance(value, list | dict):
        yield value
        for inner in value if isinstance(value, list) else value.values():
            yield from containers(inner)


# -------------------------------------------------------------------------------------------------- verdicts


def ours(schema: Schema, value: JSON) -> set[Fault]:
    return {(violation.pointer, violation.keyword) for violation in schema.violations(value)}


def theirs(schema: Schema, value: JSON) -> set[Fault]:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    validator = jsonschema.Draft202012Validator(schema.source, format_checker=checker)
    return {named(error) for error in validator.iter_errors(value)}


def named(error: jsonschema.ValidationError) -> Fault:
    # They report what a key's name breaks, and we that a name breaks something.
    within_names = "propertyNames" in error.schema_path
    return pointer_of(list(error.absolute_path)), "propertyNames" if within_names else str(error.validator)


def at(value: JSON, pointer: str) -> JSON:
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else cast("Keywords", value)[key]
    return value


def is_dollar(value: JSON, keyword: str) -> bool:
    return isinstance(value, str) and value.endswith("\n") and keyword == "pattern"


def is_decimal_multiple(value: JSON, keyword: str) -> bool:
    exact = isinstance(value, int | float) and Decimal(repr(value)) % Decimal("0.01") == 0
    return exact and keyword == "multipleOf"


FAULTS: Mapping[str, Callable[[JSON, str], bool]] = {
    "`$` matches before a line break at the end": is_dollar,
    "multiples are reckoned in doubles: 19.99 is taken for no multiple of 0.01": is_decimal_multiple,
}
"""What is known to be wrong with `jsonschema`, and whether a verdict at a place comes from that."""


def fault_behind(value: JSON, fault: Fault) -> str | None:
    """Name the fault of `jsonschema` behind a verdict that only one of the two gives."""
    pointer, keyword = fault
    return next((name for name, is_behind in FAULTS.items() if is_behind(at(value, pointer), keyword)), None)


@cache
def pairs() -> list[tuple[Schema, JSON]]:
    random = Random()
    random.seed(2)
    drawn: list[tuple[Schema, JSON]] = []
    for _ in range(SCHEMAS):
        plain, harder = drawn_schema(random)
        schema, plan = Schema.of(harder), Plan.of(Schema.of(plain))
        for number in range(VALUES):
            value = plan.fill(random).target
            for _ in range(number % 5):
                value = mutated(random, value)
            drawn.append((schema, value))
    return drawn


@cache
def compared() -> tuple[Counter[str], Counter[str], list[tuple[Keywords, JSON, set[Fault]]]]:
    """Count what was broken by keyword, and the known faults; list what is not explained."""
    broken, known = Counter[str](), Counter[str]()
    unexplained: list[tuple[Keywords, JSON, set[Fault]]] = []
    for schema, value in pairs():
        mine, others = ours(schema, value), theirs(schema, value)
        assert schema.obeys(value) == (not mine)
        broken.update({keyword for _, keyword in mine & others} or {"nothing"})
        behind = {fault: fault_behind(value, fault) for fault in mine ^ others}
        known.update(name for name in behind.values() if name is not None)
        if None in behind.values():
            unexplained.append((schema.source, value, mine ^ others))
    return broken, known, unexplained


def test_there_are_five_thousand_pairs() -> None:
    assert len(pairs()) == 5000


def test_both_break_the_same_keywords_at_the_same_places() -> None:
    assert compared()[2] == []


def test_the_pairs_are_worth_comparing() -> None:
    broken, _, _ = compared()
    assert 0.2 < broken.pop("nothing") / 5000 < 0.6
    assert len(broken) >= 24
    assert min(broken.values()) >= 3


def test_every_known_fault_is_met() -> None:
    assert compared()[1].keys() == FAULTS.keys()
