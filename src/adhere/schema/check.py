"""Whether a value obeys a schema, and what it breaks."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast
from weakref import WeakValueDictionary

from jsonschema_rs import RegexOptions, ValidationError, ValidationErrorKind, Validator, validator_for

from adhere.records import JSON
from adhere.schema.limits import is_explained, is_recursive
from adhere.schema.places import DEFINITIONS, Child, Place, pointer_of, with_children
from adhere.schema.reference import References

_MESSAGE = 200
"""Characters of a message that are kept; it quotes the value, which may be long."""
_IDENTITY = frozenset({"$anchor", "$dynamicAnchor", "$id", "$schema"}) | DEFINITIONS
_WITHIN = frozenset({"allOf", "anyOf", "dependencies", "dependentSchemas", "oneOf", "then", "else"})
"""Keywords whose schemas apply to the same value."""
_PARTS = frozenset(
    {"additionalItems", "items", "prefixItems", "unevaluatedItems"}
    | {"additionalProperties", "patternProperties", "properties", "unevaluatedProperties"}
)
"""Keywords whose schemas apply to a part of the value."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which a value breaks a schema."""

    pointer: str
    """JSON pointer into the value; empty for the value itself."""
    keyword: str
    """The keyword that is broken; `falseSchema` where nothing may stand; empty where the value is too large
    to say."""
    message: str
    """What is wrong, quoting the value; at most 200 characters."""


def summed_up(violations: Sequence[Violation]) -> str:
    """Tell the first of at least one violation in a clause, and how many more there are."""
    first, others = violations[0], len(violations) - 1
    more = f" (and {others} more)" if others else ""
    return f"{first.keyword} at {first.pointer or 'the root'}: {first.message}{more}"


def compiled(source: dict[str, JSON]) -> Validator:
    """Compile a schema: draft 2020-12 unless `$schema` says draft-07, formats asserted, nothing fetched.

    Patterns run in time linear in the text, on an engine without lookaround and backreferences.

    Raises:
        jsonschema_rs.ValidationError: The engine does not take the schema.
    """
    return validator_for(source, offline=True, validate_formats=True, pattern_options=RegexOptions())


class Check:
    """A compiled schema.

    A value is judged in time that grows with value times schema. Explaining is another matter:
    `jsonschema-rs` looks into every branch of every `anyOf` on the way, so that under a schema within itself
    each level of the value multiplies the work. There the explanation goes one level at a time: the parts of
    a value are first only judged, and those that fail are then explained by themselves, each once.

    Every violation that is explained copies the part of the value that it is about, and under `anyOf` once
    for each branch. So a value past the limits of `adhere.schema.limits` is judged and not explained.
    """

    def __init__(self, source: dict[str, JSON]) -> None:
        self._whole = compiled(source)
        references = References(source)
        self._levels = _Levels(references) if is_recursive(references) else None
        self._branches = max(map(_branches, references.places.values()), default=0)

    def obeys(self, value: JSON) -> bool:
        """Say whether `value` breaks nothing."""
        return self._whole.is_valid(value)

    def violations(self, value: JSON) -> list[Violation]:
        """Return everything that `value` breaks; empty exactly where it obeys.

        One that is too large to be explained breaks the root and nothing else.
        """
        if self._whole.is_valid(value):
            return []
        if not is_explained(value, branches=self._branches):
            return [Violation("", "", "the value breaks the schema and is too large to say where")]
        if self._levels is not None:
            return list(self._levels.violations(value))
        return [_violation(error, error.instance_path) for error in self._whole.iter_errors(value)]


_CHECKS: WeakValueDictionary[str, Check] = WeakValueDictionary()


def check(canonical: str) -> Check:
    """Return the check of the schema with this canonical text: the same for all who hold it."""
    found = _CHECKS.get(canonical)
    if found is None:
        found = _CHECKS[canonical] = Check(json.loads(canonical))
    return found


class _Levels:
    """The schemas of a document side by side, twice over.

    A `judge` has its references and inner schemas point to other judges. A `guide` differs in that it asks of
    each part of the value, by a double `not`, only whether it passes; that says which judge turned the part
    down.
    """

    def __init__(self, references: References) -> None:
        self._references = references
        self._numbers = {pointer: number for number, pointer in enumerate(references.places)}
        self._pointers = dict(enumerate(references.places))
        draft = references.root.get("$schema")
        self._head: dict[str, JSON] = {} if draft is None else {"$schema": draft}
        self._definitions: dict[str, JSON] = {
            f"{role}{self._numbers[pointer]}": self._side_by_side(place.schema, pointer, role)
            for pointer, place in references.places.items()
            for role in ("judge", "guide")
        }

    def violations(self, value: JSON) -> Iterator[Violation]:
        waiting: list[tuple[str, list[str | int], JSON]] = [("", [], value)]
        seen: set[tuple[str, str]] = set()
        while waiting:
            pointer, path, part = waiting.pop()
            deeper: list[tuple[str, list[str | int], JSON]] = []
            number = str(self._numbers[pointer])
            for error in self._guides.iter_errors({number: part}):
                judge = self._judge_of(error)
                inside = error.instance_path[1:]
                if judge is None:
                    yield _violation(error, [*path, *inside])
                    continue
                below = [*path, *inside]
                if (judge, pointer_of(below)) not in seen:
                    seen.add((judge, pointer_of(below)))
                    deeper.append((judge, below, _at(part, inside)))
            waiting.extend(reversed(deeper))

    def _side_by_side(self, schema: JSON, pointer: str, role: str) -> JSON:
        if not isinstance(schema, dict):
            return schema

        def inner(child: Child) -> JSON:
            name = self._numbers[pointer + child.pointer]
            if isinstance(child.schema, bool):
                return child.schema
            if role == "guide" and child.keyword in _PARTS:
                return {"not": {"not": {"$ref": f"#/$defs/judge{name}"}}}
            return {"$ref": f"#/$defs/{role if child.keyword in _WITHIN else 'judge'}{name}"}

        kept = {keyword: value for keyword, value in schema.items() if keyword not in _IDENTITY}
        copy = with_children(kept, inner)
        target = self._references.target(cast("str", schema["$ref"])) if "$ref" in schema else None
        return copy if target is None else {**copy, "$ref": f"#/$defs/{role}{self._numbers[target.pointer]}"}

    @cached_property
    def _guides(self) -> Validator:
        """All guides in one document, each for the value under its own number: compiled once, and together.

        One by one, each would be compiled with all the judges that it can reach.
        """
        numbered: dict[str, JSON] = {
            str(number): {"$ref": f"#/$defs/guide{number}"} for number in self._numbers.values()
        }
        return compiled({**self._head, "properties": numbered, "$defs": self._definitions})

    def _judge_of(self, error: ValidationError) -> str | None:
        """Return the pointer of the judge that turned a part down; `None` for any other error."""
        kind = error.kind
        if not isinstance(kind, ValidationErrorKind.Not) or not isinstance(kind.schema, dict):
            return None
        denied = kind.schema.get("not")
        name = denied.get("$ref") if isinstance(denied, dict) else None
        return self._pointers[int(name.removeprefix("#/$defs/judge"))] if isinstance(name, str) else None


def _branches(place: Place) -> int:
    """Count the branches that a value at a place is held against."""
    listed = [place.schema.get(name) for name in ("anyOf", "oneOf")] if isinstance(place.schema, dict) else []
    return max((len(branches) for branches in listed if isinstance(branches, list)), default=0)


def _at(value: JSON, path: list[str | int]) -> JSON:
    for step in path:
        value = cast("dict[str | int, JSON]", value)[step]
    return value


def _violation(error: ValidationError, path: Sequence[str | int]) -> Violation:
    said = error.message
    message = said if len(said) <= _MESSAGE else f"{said[: _MESSAGE - 1]}…"
    return Violation(pointer_of(path), error.kind.name, message)
