"""Where made-up examples come from."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Protocol

from adhere.data.filling.fill import Plan
from adhere.data.prose import prose
from adhere.data.side import Side
from adhere.records import JSON, Example
from adhere.schema import Schema
from adhere.schema.canonical import content_hash
from adhere.schema.places import Child, with_children

_EXPLANATIONS = frozenset({"$comment", "$id", "$schema", "description", "examples", "title"})


class Source(Protocol):
    """Examples by their number: the same number and side give the same one, on any machine.

    Every example's `meta` has `spans`, `template` and `distractors`, as its `Document` has them. Its id ends
    in a hyphen and its number. What is drawn for a number on one side is not drawn again for the other.
    """

    @property
    def schemas(self) -> Mapping[str, Schema]:
        """All that its examples may name."""
        ...

    def example(self, number: int, side: Side) -> Example:
        """Make the example of a number.

        Raises:
            SchemaError: No value was found that obeys its schema; the keyword that was in the way is named.
        """
        ...


class SchemaSource:
    """Texts that state the values of schemas, which take turns."""

    def __init__(
        self, schemas: Sequence[Schema], *, seed: int, noise: float = 0.0, strange: float = 0.0
    ) -> None:
        """Say which schemas.

        Args:
            schemas: At least one, told apart by their names; where shapes are held apart, at least one that
                each side admits.
            seed: Another one gives other examples.
            noise: Share in [0, 1] of the texts that read as if scanned.
            strange: Share in [0, 1] of the texts in wording made up for them.

        Raises:
            SchemaError: Every value that obeys a schema has no end.
        """
        self.schemas: Mapping[str, Schema] = {schema.name: schema for schema in schemas}
        self._plans = {schema.name: Plan.of(schema) for schema in schemas}
        self._seed = seed
        self._noise, self._strange = noise, strange
        self._turns: dict[Side, list[Schema]] = {}

    def example(self, number: int, side: Side) -> Example:
        """Make the example of a number."""
        turns = self._taking_turns(side)
        schema = turns[number % len(turns)]
        random = Random(f"{self._seed}:{schema.hash}:{side.split}:{number}")
        filled = self._plans[schema.name].fill(random, side)
        document = prose.document(random, filled, side, noise=self._noise, strange=self._strange)
        return Example(
            id=f"{schema.name}-{side.split}-{self._seed}-{number}",
            text=document.text,
            schema=schema.name,
            target=filled.target,
            meta={
                "spans": {pointer: [*span] for pointer, span in document.spans.items()},
                "template": document.template,
                "distractors": document.distractors,
            },
        )

    def _taking_turns(self, side: Side) -> list[Schema]:
        if side not in self._turns:
            schemas = self.schemas.values()
            self._turns[side] = [schema for schema in schemas if side.admits("shape", shape_of(schema))]
        return self._turns[side]


def shape_of(schema: Schema) -> str:
    """Return a mark that schemas share which differ in names of their own and explanations alone."""
    return content_hash(_unexplained(schema.source))


def _unexplained(schema: Mapping[str, JSON]) -> dict[str, JSON]:
    bare = {keyword: value for keyword, value in schema.items() if keyword not in _EXPLANATIONS}
    return with_children(bare, _inside)


def _inside(child: Child) -> JSON:
    return _unexplained(child.schema) if isinstance(child.schema, dict) else child.schema
