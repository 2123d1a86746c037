"""How large a schema may be, and an answer."""

import json
from collections.abc import Iterator
from decimal import Decimal

from adhere.records import JSON
from adhere.schema.canonical import canonical
from adhere.schema.places import Place, Subschema
from adhere.schema.reference import References
from adhere.schema.refusal import Refusal

MAX_BYTES = 64 * 1024
"""Of the canonical text in UTF-8."""
MAX_DEPTH = 16
"""Schemas inside one another, the root included."""
MAX_PROPERTIES = 5_000
"""Entries of `properties` in the whole document."""
MAX_PROPERTIES_PER_OBJECT = 256
MAX_ENUM_VALUES = 1_000
"""Entries of `enum` in the whole document."""
MAX_PATTERN_BYTES = 1024
MAX_MULTIPLE = 10_000
"""Largest `multipleOf` that is no power of ten: a grammar counts remainders, in states as many as the
number."""
MAX_WRITTEN_OUT = 10_000
"""Schemas once every reference is written out; ten references to ten references, ten times, are ten thousand
million."""
MAX_WRITTEN_OUT_DEPTH = 64
"""Schemas inside one another once every reference is written out."""

MAX_ANSWER_CHARACTERS = 2**20
MAX_PROSE_CHARACTERS = 2**17
"""Of an answer that is held against a rubric."""
MAX_ANSWER_VALUES = 10_000
"""Commas and opening brackets of an answer, strings aside: about as many as it has values. With one more, or
with more characters, it is refused and not read."""
MAX_EXPLAINED_VALUES = 2_000
"""Values of an answer up to which all that it breaks is listed, under a schema of which no `anyOf` or `oneOf`
has more than one branch; n branches are looked into for every value, and the limit is an n-th."""
MAX_EXPLAINED_CHARACTERS = 64 * 1024
"""Of the keys and strings of an answer up to which all that it breaks is listed; every message quotes it."""

_SPLIT = "Split the schema into smaller ones"


def too_large(source: dict[str, JSON]) -> Refusal | None:
    """Refuse a document whose canonical text has more than `MAX_BYTES` bytes."""
    size = len(canonical(source).encode())
    if size <= MAX_BYTES:
        return None
    return Refusal("", "", f"makes a schema of {size} bytes, and at most {MAX_BYTES} are read", _SPLIT)


def excesses(references: References) -> Iterator[Refusal]:
    """Yield what a document, as it is written, has too much of."""
    properties = options = 0
    for place in references.places.values():
        if not isinstance(place.schema, dict):
            continue
        properties += _count(place.schema.get("properties"))
        options += _count(place.schema.get("enum"))
        yield from _excesses_of(place, place.schema, properties, options)


def _excesses_of(place: Place, schema: dict[str, JSON], properties: int, options: int) -> Iterator[Refusal]:
    def refusal(keyword: str, reason: str, fix: str = _SPLIT) -> Refusal:
        return Refusal(keyword, place.pointer, reason, fix)

    own = _count(schema.get("properties"))
    if own > MAX_PROPERTIES_PER_OBJECT:
        yield refusal("properties", f"has {own} entries, and an object may have {MAX_PROPERTIES_PER_OBJECT}")
    if own and properties > MAX_PROPERTIES:
        yield refusal("properties", f"brings the schema to {properties} properties, over {MAX_PROPERTIES}")
    if "enum" in schema and options > MAX_ENUM_VALUES:
        yield refusal(
            "enum", f"brings the schema to {options} options, over {MAX_ENUM_VALUES}", "Use a string"
        )
    if place.depth > MAX_DEPTH and schema:
        keyword = next(iter(schema))
        yield refusal(
            keyword, f"is {place.depth} schemas deep, and at most {MAX_DEPTH} may be nested", _SPLIT
        )
    for keyword, pattern in patterns(schema):
        if len(pattern.encode()) > MAX_PATTERN_BYTES:
            yield refusal(
                keyword, f"has a pattern of more than {MAX_PATTERN_BYTES} bytes", "Shorten the pattern"
            )
    multiple = schema.get("multipleOf")
    if isinstance(multiple, (int, float)) and multiple > MAX_MULTIPLE and not _is_power_of_ten(multiple):
        reason = f"is over {MAX_MULTIPLE} and no power of ten"
        yield refusal("multipleOf", reason, "Use a power of ten, or check it after reading")


def too_many_written_out(references: References) -> Refusal | None:
    """Refuse a document that its references make too large.

    A few lines of them can stand for any number of schemas. A reference back into a schema that it is in
    counts as one.
    """
    count = 0
    waiting: list[tuple[Subschema, frozenset[str]]] = [(references.root, frozenset())]
    while waiting:
        schema, path = waiting.pop()
        pointer = references.pointer(schema)
        count += 1
        if pointer is None or pointer in path or not isinstance(schema, dict):
            continue
        if count > MAX_WRITTEN_OUT or len(path) >= MAX_WRITTEN_OUT_DEPTH:
            grown = (
                f"{MAX_WRITTEN_OUT} schemas" if count > MAX_WRITTEN_OUT else f"{MAX_WRITTEN_OUT_DEPTH} levels"
            )
            keyword = "$ref" if "$ref" in schema else next(iter(schema), "")
            return Refusal(keyword, pointer, f"is past {grown} once every reference is written out", _SPLIT)
        waiting.extend((inner, path | {pointer}) for inner in references.steps(schema))
    return None


def is_recursive(references: References) -> bool:
    """Say whether a schema of the document can be reached from itself."""
    finished: set[str] = set()
    entered: set[str] = set()
    waiting: list[tuple[Subschema, bool]] = [(references.root, False)]
    while waiting:
        schema, is_done = waiting.pop()
        pointer = references.pointer(schema)
        if pointer is None or not isinstance(schema, dict) or pointer in finished:
            continue
        if is_done:
            finished.add(pointer)
            continue
        if pointer in entered:
            return True
        entered.add(pointer)
        waiting.append((schema, True))
        waiting.extend((inner, False) for inner in references.steps(schema))
    return False


def excess_of_answer(answer: str) -> str | None:
    """Say of which there is too much in an answer; `None` where it may be read.

    Linear in the length of the answer, in few passes.
    """
    if len(answer) > MAX_ANSWER_CHARACTERS:
        return f"more than {MAX_ANSWER_CHARACTERS} characters"
    if _marks(answer) <= MAX_ANSWER_VALUES:
        return None
    unescaped = answer.replace("\\\\", "").replace('\\"', "") if "\\" in answer else answer
    outside_strings = "".join(unescaped.split('"')[::2])
    return f"more than {MAX_ANSWER_VALUES} values" if _marks(outside_strings) > MAX_ANSWER_VALUES else None


def is_explained(value: JSON, *, branches: int) -> bool:
    """Whether a value is small enough for all that it breaks to be listed.

    Args:
        value: As it was parsed.
        branches: Of the `anyOf` or `oneOf` with most of them.
    """
    values_left = MAX_EXPLAINED_VALUES // max(1, branches)
    characters_left = MAX_EXPLAINED_CHARACTERS
    waiting: list[JSON] = [value]
    while waiting and values_left >= 0 and characters_left >= 0:
        node = waiting.pop()
        values_left -= 1
        match node:
            case str():
                characters_left -= len(node)
            case list():
                waiting += node
            case dict():
                characters_left -= sum(map(len, node))
                waiting += node.values()
            case _:
                continue
    return values_left >= 0 and characters_left >= 0


def _marks(text: str) -> int:
    return text.count(",") + text.count("[") + text.count("{")


def _count(value: JSON) -> int:
    return len(value) if isinstance(value, (dict, list)) else 0


def patterns(schema: dict[str, JSON]) -> Iterator[tuple[str, str]]:
    """Yield the regular expressions of a schema, without those of the schemas inside it, by keyword."""
    pattern, named = schema.get("pattern"), schema.get("patternProperties")
    if isinstance(pattern, str):
        yield "pattern", pattern
    if isinstance(named, dict):
        yield from (("patternProperties", pattern) for pattern in named)


def _is_power_of_ten(number: float) -> bool:
    return Decimal(json.dumps(number)).normalize().as_tuple().digits == (1,)
