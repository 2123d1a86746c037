"""What one value must be like: everything that some schemas ask of it together."""

import json
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias, cast

from jsonschema_rs import RegexOptions, Validator, validator_for

from adhere.data.filling.numbers import Bounds, common_multiple
from adhere.records import JSON
from adhere.schema.canonical import canonical
from adhere.schema.places import Subschema
from adhere.schema.reference import References
from adhere.schema.view import elements, types

Conjunction: TypeAlias = tuple[Subschema, ...]
"""Schemas that a value must obey all."""
Choice: TypeAlias = tuple[int, str]
"""Where a schema leaves a choice: its id, and the keyword and key."""

KINDS = ("object", "array", "string", "number", "boolean", "null")
"""Types of JSON; an integer is a number that is a multiple of 1."""
_COUNTED = ("Length", "Items", "Properties")
_JUDGED = frozenset(
    {"not", "oneOf", "propertyNames", "unevaluatedItems", "unevaluatedProperties"}
    | {"contentEncoding", "contentMediaType"}
)
"""Keywords that a value which was put together from all the others may break."""
_HINTS: tuple[tuple[str, frozenset[str]], ...] = (
    ("string", frozenset({"format", "pattern", "minLength", "maxLength"})),
    ("number", frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})),
    ("array", frozenset({"items", "prefixItems", "contains", "minItems", "maxItems", "uniqueItems"})),
    (
        "object",
        frozenset({"properties", "required", "additionalProperties", "patternProperties", "propertyNames"})
        | {"minProperties", "maxProperties", "dependentRequired"},
    ),
)
"""Types that keywords speak of where no `type` is given."""


class Goal:
    """Keywords of several schemas, each narrowed by the others; choices among branches are left open.

    Args:
        schemas: All must be obeyed; references and `allOf` are followed.
        references: Those of the document.
        decided: Choices of which the branch that was taken is among `schemas`.
    """

    def __init__(
        self, schemas: Conjunction, references: References, decided: frozenset[Choice] = frozenset()
    ) -> None:
        self.schemas = schemas
        self.references = references
        self._decided = decided
        self.impossible = ""
        """The keyword beside which no value is left; empty where there may be one."""
        self.is_judged = False
        """Whether a value put together from all this may still break it."""
        self.title = self.description = ""
        self.types: list[str] = list(KINDS)
        self.is_typed = False
        """Whether a schema says which types are meant."""
        self.hints: dict[str, None] = {}
        """Types that the keywords speak of."""
        self.options: list[JSON] | None = None
        self._low: tuple[Fraction, bool] | None = None
        self._high: tuple[Fraction, bool] | None = None
        self._step: Fraction | None = None
        self.least: dict[str, int] = {}
        """By what is counted: `Length`, `Items`, `Properties`."""
        self.most: dict[str, int] = {}
        self.strings: dict[str, JSON] = {}
        """`format` and what is encoded how; of several, the first."""
        self.patterns: list[str] = []
        self.properties: dict[str, list[Subschema]] = {}
        self.required: dict[str, None] = {}
        self.names: list[Subschema] = []
        """What is asked of the name of every key."""
        self.dependents: list[tuple[str, list[str]]] = []
        """A key, and those that must be there with it."""
        self._members: list[tuple[frozenset[str], dict[str, Subschema], Subschema]] = []
        self._elements: list[tuple[list[Subschema], Subschema]] = []
        self.unique = False
        self.contains: list[tuple[Subschema, int]] = []
        """What some items must be, and how many of them."""
        self.is_closed = False
        """Whether what nobody names may be turned down once all else is known."""
        self.choices: dict[Choice, list[Conjunction]] = {}
        self._take_all()

    def branch(self, choice: Choice, taken: Conjunction) -> "Goal":
        """Return the goal that is left once a branch was taken."""
        return Goal((*self.schemas, *taken), self.references, self._decided | {choice})

    @property
    def bounds(self) -> Bounds:
        """What is asked of a number."""
        low, low_is_open = self._low or (None, False)
        high, high_is_open = self._high or (None, False)
        return Bounds(low=low, low_is_open=low_is_open, high=high, high_is_open=high_is_open, step=self._step)

    def member(self, key: str) -> Conjunction:
        """Return what is asked of the member `key` of an object."""
        asked = list(self.properties.get(key, ()))
        for known, patterns, others in self._members:
            matching = [schema for pattern, schema in patterns.items() if matches(pattern, key)]
            asked += matching
            if not matching and key not in known:
                asked.append(others)
        return _distinct(asked)

    @property
    def key_patterns(self) -> list[str]:
        """Patterns by which an object may have further keys."""
        named = [entry for _, patterns, _ in self._members for entry in patterns.items()]
        return [pattern for pattern, schema in named if schema is not False]

    @property
    def describes_other_keys(self) -> bool:
        """Whether a schema says what keys that nobody names should hold."""
        others = [rest for _, _, rest in self._members]
        return any(isinstance(rest, dict) for rest in others) and self.admits_other_keys

    @property
    def admits_other_keys(self) -> bool:
        """Whether an object may have keys that nobody names."""
        return all(rest is not False for _, _, rest in self._members) and not self.is_closed

    def element(self, index: int) -> Conjunction:
        """Return what is asked of the item `index` of an array."""
        listed = ((first[index] if index < len(first) else rest) for first, rest in self._elements)
        return _distinct(listed)

    @property
    def singled_out(self) -> int:
        """How many items of an array have a schema of their own."""
        return max((len(first) for first, _ in self._elements), default=0)

    # ------------------------------------------------------------------------------------ reading schemas

    def _take_all(self) -> None:
        seen: set[int] = set()
        waiting = list(reversed(self.schemas))
        while waiting:
            schema = waiting.pop()
            if schema is False:
                self._rule_out("false")
            if isinstance(schema, dict) and id(schema) not in seen:
                seen.add(id(schema))
                waiting += reversed(self._take(schema))
        if self.options is None and not self.types:
            self._rule_out("type")

    def _rule_out(self, keyword: str) -> None:
        self.impossible = self.impossible or keyword

    def _take(self, schema: dict[str, JSON]) -> list[Subschema]:
        """Narrow by one schema; return the others that apply to the same value."""
        self.title = self.title or _text(schema.get("title"))
        self.description = self.description or _text(schema.get("description"))
        reference = schema.get("$ref")
        target = self.references.target(reference) if isinstance(reference, str) else None
        if target is not None and self.references.is_draft_07:
            return [target.schema]
        self.is_judged = self.is_judged or not _JUDGED.isdisjoint(schema)
        self._take_types(schema)
        self._take_options(schema)
        self._take_numbers(schema)
        self._take_strings(schema)
        self._take_arrays(schema)
        self._take_objects(schema)
        self._take_choices(schema)
        return [*([] if target is None else [target.schema]), *_schemas(schema.get("allOf"))]

    def _take_types(self, schema: dict[str, JSON]) -> None:
        denied = schema.get("not")
        if isinstance(denied, dict) and denied.keys() == {"type"} and "integer" not in types(denied):
            self.types = [kind for kind in self.types if kind not in types(denied)]
        self.hints |= {kind: None for kind, marks in _HINTS if not marks.isdisjoint(schema)}
        if "type" not in schema:
            return
        self.is_typed = True
        asked = types(schema)
        if "integer" in asked and "number" not in asked:
            self._step = common_multiple(self._step, Fraction(1))
            asked = [*asked, "number"]
        self.types = [kind for kind in self.types if kind in asked]

    def _take_options(self, schema: dict[str, JSON]) -> None:
        for keyword in ("const", "enum"):
            if keyword not in schema:
                continue
            listed = schema[keyword] if keyword == "enum" else [schema[keyword]]
            spelled = {canonical(option): option for option in cast("list[JSON]", listed)}
            held = self.options
            self.is_typed = True
            self.options = [
                option for mark, option in spelled.items() if held is None or mark in map(canonical, held)
            ]
            if not self.options:
                self._rule_out(keyword)

    def _take_numbers(self, schema: dict[str, JSON]) -> None:
        for keyword, is_open in (("minimum", False), ("exclusiveMinimum", True)):
            low = _fraction(schema.get(keyword))
            if low is not None and (self._low is None or (low, is_open) > self._low):
                self._low = low, is_open
        for keyword, is_open in (("maximum", False), ("exclusiveMaximum", True)):
            high = _fraction(schema.get(keyword))
            if high is not None and (
                self._high is None or (high, not is_open) < (self._high[0], not self._high[1])
            ):
                self._high = high, is_open
        step = _fraction(schema.get("multipleOf"))
        if step is not None:
            self._step = common_multiple(self._step, step)

    def _take_strings(self, schema: dict[str, JSON]) -> None:
        for counted in _COUNTED:
            least, most = schema.get(f"min{counted}"), schema.get(f"max{counted}")
            if isinstance(least, int | float):
                self.least[counted] = max(int(least), self.least.get(counted, 0))
            if isinstance(most, int | float):
                self.most[counted] = min(int(most), self.most.get(counted, int(most)))
        pattern = schema.get("pattern")
        if isinstance(pattern, str) and pattern not in self.patterns:
            self.patterns.append(pattern)
        for keyword in ("format", "contentEncoding", "contentMediaType"):
            if keyword in schema:
                self.is_judged = (
                    self.is_judged or self.strings.get(keyword, schema[keyword]) != schema[keyword]
                )
                self.strings.setdefault(keyword, schema[keyword])

    def _take_arrays(self, schema: dict[str, JSON]) -> None:
        first, rest = elements(schema)
        if first or rest is not True:
            self._elements.append((first, rest))
        self.unique = self.unique or schema.get("uniqueItems") is True
        self.is_closed = self.is_closed or schema.get("unevaluatedItems") is False
        wanted = schema.get("contains")
        if isinstance(wanted, dict | bool):
            least = 1 if self.references.is_draft_07 else schema.get("minContains", 1)
            self.contains.append((wanted, int(cast("int", least))))
            self.is_judged = self.is_judged or "maxContains" in schema or len(self.contains) > 1

    def _take_objects(self, schema: dict[str, JSON]) -> None:
        properties = _named(schema.get("properties"))
        for key, inner in properties.items():
            self.properties.setdefault(key, []).append(inner)
        required = schema.get("required")
        for key in required if isinstance(required, list) else ():
            self.required[str(key)] = None
        patterns = _named(schema.get("patternProperties"))
        rest = schema.get("additionalProperties", True)
        if patterns or rest is not True:
            self._members.append((frozenset(properties), patterns, cast("Subschema", rest)))
        names = schema.get("propertyNames")
        if isinstance(names, dict | bool):
            self.names.append(names)
        self.is_closed = self.is_closed or schema.get("unevaluatedProperties") is False
        for keyword in ("dependentRequired", "dependencies"):
            for key, others in _mapping(schema.get(keyword)).items():
                if isinstance(others, list) and self._asserts(keyword):
                    self.dependents.append((key, [str(other) for other in others]))

    def _asserts(self, keyword: str) -> bool:
        """Whether the draft has a keyword that only one of the two has."""
        return (keyword == "dependencies") == self.references.is_draft_07

    def _take_choices(self, schema: dict[str, JSON]) -> None:
        for keyword in ("anyOf", "oneOf"):
            if isinstance(schema.get(keyword), list):
                self._choose(schema, keyword, [(inner,) for inner in _schemas(schema[keyword])])
        condition = schema.get("if")
        if isinstance(condition, dict | bool) and ("then" in schema or "else" in schema):
            then, otherwise = (cast("Subschema", schema.get(word, True)) for word in ("then", "else"))
            self.is_judged = True
            self._choose(schema, "if", [(condition, then), ({"not": condition}, otherwise)])
        for keyword in ("dependentSchemas", "dependencies"):
            for key, inner in _mapping(schema.get(keyword)).items():
                if isinstance(inner, dict | bool) and self._asserts(keyword):
                    with_key: Conjunction = ({"required": [key]}, inner)
                    self._choose(schema, f"{keyword}/{key}", [with_key, ({"properties": {key: False}},)])
        denied = schema.get("not")
        if isinstance(denied, dict) and denied.keys() == {"required"}:
            keys = cast("list[str]", denied["required"])
            self._choose(schema, "not", [({"properties": {key: False}},) for key in keys])

    def _choose(self, schema: dict[str, JSON], keyword: str, branches: list[Conjunction]) -> None:
        choice = id(schema), keyword
        if choice not in self._decided:
            self.choices[choice] = [branch for branch in branches if False not in branch]


@lru_cache(maxsize=512)
def _expression(pattern: str) -> Validator:
    return validator_for({"pattern": pattern}, pattern_options=RegexOptions(), offline=True)


def matches(pattern: str, text: str) -> bool:
    """Whether a regular expression finds something in a text, as the validator has it."""
    return _expression(pattern).is_valid(text)


def _fraction(number: JSON) -> Fraction | None:
    """Return the number that was written, and not the double nearest to it."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    return Fraction(Decimal(json.dumps(number)))


def _distinct(schemas: Iterable[Subschema]) -> Conjunction:
    """Leave out what asks nothing, and what stands twice."""
    kept = [schema for schema in schemas if schema is not True]
    return tuple({id(schema): schema for schema in kept}.values())


def _schemas(listed: JSON) -> list[Subschema]:
    return [inner for inner in listed if isinstance(inner, dict | bool)] if isinstance(listed, list) else []


def _mapping(value: JSON) -> dict[str, JSON]:
    return value if isinstance(value, dict) else {}


def _named(value: JSON) -> dict[str, Subschema]:
    return {key: inner for key, inner in _mapping(value).items() if isinstance(inner, dict | bool)}


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else ""
