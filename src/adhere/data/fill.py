"""Fills a schema with drawn values, keeping what a text must state for them to be found again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from mimesis.random import Random

from adhere.data import values
from adhere.data.values import Drawn
from adhere.errors import SchemaError
from adhere.records import JSON

_HANDLED = frozenset(
    "$schema $id $defs definitions $ref title description type properties required additionalProperties "
    "items enum const format minimum maximum minItems maxItems default examples x-order".split()
)
_ABSENT_SHARE = 0.4
"""How often an optional property is left out of the text and of the target."""


@dataclass(frozen=True, slots=True)
class Stated:
    """One leaf of a target with the words that name it and the words that state it."""

    path: tuple[str | int, ...]
    drawn: Drawn

    @property
    def label(self) -> str:
        """The property names on the way to the leaf, as lower-case words."""
        return " ".join(values.words(step) for step in self.path if isinstance(step, str))


@dataclass(frozen=True, slots=True)
class Filled:
    """A target and the statements from which it can be read."""

    target: JSON
    stated: tuple[Stated, ...]


def fill(random: Random, schema: Mapping[str, JSON]) -> Filled:
    """Draw a value that obeys `schema`.

    Raises:
        SchemaError: The schema uses a keyword that values cannot be drawn for yet; it is named.
    """
    return _Filler(random, schema).node(schema, ())


def _mapping(node: JSON) -> dict[str, JSON]:
    return cast("dict[str, JSON]", node) if isinstance(node, dict) else {}


class _Filler:
    """One pass over a schema; holds what every level of the recursion needs."""

    def __init__(self, random: Random, root: Mapping[str, JSON]) -> None:
        self.random = random
        self.root = root

    def node(self, given: Mapping[str, JSON], path: tuple[str | int, ...]) -> Filled:
        schema = self._resolved(given)
        _refuse_unhandled(schema, path)
        kind = self._type(schema)
        if kind == "object":
            return self._object(schema, path)
        if kind == "array":
            return self._array(schema, path)
        drawn = self._leaf(schema, kind, path)
        return Filled(drawn.value, (Stated(path, drawn),))

    def _resolved(self, schema: Mapping[str, JSON]) -> Mapping[str, JSON]:
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        node: JSON = dict(self.root)
        for step in reference.removeprefix("#/").split("/"):
            node = _mapping(node).get(step.replace("~1", "/").replace("~0", "~"))
        return {**_mapping(node), **{key: value for key, value in schema.items() if key != "$ref"}}

    def _type(self, schema: Mapping[str, JSON]) -> str:
        given = schema.get("type")
        if isinstance(given, list):
            named = [name for name in given if name != "null"]
            return str(self.random.choice(named)) if named else "null"
        if isinstance(given, str):
            return given
        return "object" if "properties" in schema else "array" if "items" in schema else "string"

    def _object(self, schema: Mapping[str, JSON], path: tuple[str | int, ...]) -> Filled:
        required = cast("list[str]", schema.get("required", []))
        target: dict[str, JSON] = {}
        stated: list[Stated] = []
        for name, child in _mapping(schema.get("properties")).items():
            if name not in required and self.random.random() < _ABSENT_SHARE:
                continue
            filled = self.node(_mapping(child), (*path, name))
            target[name] = filled.target
            stated += filled.stated
        return Filled(target, tuple(stated))

    def _array(self, schema: Mapping[str, JSON], path: tuple[str | int, ...]) -> Filled:
        least = cast("int", schema.get("minItems", 1))
        most = cast("int", schema.get("maxItems", max(least, 3)))
        items = [
            self.node(_mapping(schema.get("items")), (*path, index))
            for index in range(self.random.randint(least, max(least, most)))
        ]
        return Filled([item.target for item in items], tuple(fact for item in items for fact in item.stated))

    def _leaf(self, schema: Mapping[str, JSON], kind: str, path: tuple[str | int, ...]) -> Drawn:
        name = next((step for step in reversed(path) if isinstance(step, str)), "value")
        if "const" in schema:
            return Drawn(schema["const"], str(schema["const"]), "option")
        if "enum" in schema:
            return values.option(self.random, cast("Sequence[JSON]", schema["enum"]))
        match kind:
            case "boolean":
                return values.flag(self.random)
            case "null":
                return Drawn(None, "none", "option")
            case "integer" | "number":
                return values.number(
                    self.random,
                    name,
                    integer=kind == "integer",
                    low=cast("float | None", schema.get("minimum")),
                    high=cast("float | None", schema.get("maximum")),
                )
            case _:
                return values.string(self.random, name, cast("str | None", schema.get("format")))


def _refuse_unhandled(schema: Mapping[str, JSON], path: tuple[str | int, ...]) -> None:
    for keyword in schema:
        if keyword not in _HANDLED:
            raise SchemaError.at(
                "#" + "".join(f"/{step}" for step in path),
                keyword,
                "values cannot be drawn for this keyword",
                fix=(
                    "Leave it out of the schema given to `adhere synth`, "
                    "or bring your own rows with `adhere import`"
                ),
            )
