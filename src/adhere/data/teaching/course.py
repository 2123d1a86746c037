"""All that a teacher is asked in one run, and what is kept of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from math import ceil
from random import Random
from typing import TypeVar

from adhere.config import SynthConfig
from adhere.data.asked import sides_of, source_of
from adhere.data.reasoning.reasoning import Unexplained, reasoning
from adhere.data.side import Side
from adhere.data.source import shape_of
from adhere.data.stream import marks
from adhere.data.teaching import scenario
from adhere.data.teaching.apart import Apart
from adhere.data.teaching.checks import DocumentKind, Written
from adhere.data.teaching.lesson import Assignment, Rejected, document_kind, lesson
from adhere.data.teaching.rejects import Rejects
from adhere.endpoint import Conversation, Endpoint
from adhere.records import Example
from adhere.schema import Schema

ROWS_PER_KIND = 8
"""Examples of each kind of document that a teacher makes up: enough to show what varies in it, and few
enough for many kinds."""

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Told:
    """A source of one example, which stands already."""

    schemas: Mapping[str, Schema]
    made: Example

    def example(self, number: int, side: Side) -> Example:  # noqa: ARG002
        """Return it, whatever the number."""
        return self.made


class Course:
    """Examples, made by a teacher."""

    def __init__(self, config: SynthConfig, endpoint: Endpoint, rejects: Rejects) -> None:
        """Say what is asked for, who is asked, and who counts what is not kept."""
        self._config = config
        self._endpoint = endpoint
        self._rejects = rejects
        self._apart = Apart(frozenset(config.hold_out))
        self._seen: set[int] = set()
        self._data: dict[str, Written] = {}
        self._schemas: Mapping[str, Schema] = {}

    def schemas(self) -> Mapping[str, Schema]:
        """Return the schemas of all examples; those of a domain are made up first."""
        domain = self._config.domain
        self._schemas = self._given() if domain is None else self._made_up(domain)
        return self._schemas

    def examples(self, side: Side, wanted: int) -> Iterator[Example]:
        """Yield so many examples of a side, or fewer, where the teacher is given up before.

        Args:
            side: Of two, the training side comes first.
            wanted: How many.
        """
        turns = _admitted(side, self._schemas)
        made = 0
        if not turns:
            return

        def begin(number: int) -> Conversation[Example | Rejected]:
            return lesson(self._assignment(side, turns, number))

        def missing() -> int:
            return wanted - made

        for number, outcome in self._held(begin, missing):
            schema = turns[number % len(turns)]
            example = outcome if isinstance(outcome, Rejected) else self._new(outcome, schema, side)
            if isinstance(example, Rejected):
                self._rejects.add(f"{side.split} {number}", example)
                continue
            made += 1
            self._rejects.keep(1)
            yield example

    def _given(self) -> dict[str, Schema]:
        offline = replace(self._config, teacher=None, reasoning=False, task="extract")
        return dict(source_of(offline).schemas)

    def _made_up(self, domain: str) -> dict[str, Schema]:
        """Have kinds of documents made up, as many as the rows of both sides are spread over."""
        schemas: dict[str, Schema] = {}
        sides = dict(zip(sides_of(self._config), (self._config.rows, self._config.held_out), strict=True))
        wanted = {side: ceil(rows / ROWS_PER_KIND) for side, rows in sides.items()}

        def missing() -> int:
            lacking = (most - len(_admitted(side, schemas)) for side, most in wanted.items())
            each = [max(0, number) for number in lacking]
            return sum(each) if "shape" in self._config.hold_out else max(each)

        def begin(number: int) -> Conversation[DocumentKind | Rejected]:
            random = Random(f"{self._config.seed}:kind:{number}")
            return document_kind(domain, f"{scenario.structure(random)} {scenario.case(random)}")

        hashes: set[str] = set()
        for number, kind in self._held(begin, missing):
            if not isinstance(kind, Rejected) and kind.schema.hash in hashes:
                kind = Rejected("repeat", "this kind of document was made up before")
            if isinstance(kind, Rejected):
                self._rejects.add(f"kind {number}", kind)
                continue
            hashes.add(kind.schema.hash)
            schema = _named(kind.schema, schemas)
            schemas[schema.name], self._data[schema.name] = schema, kind.data
            self._rejects.keep(0)
        return schemas

    def _held(
        self, begin: Callable[[int], Conversation[Made | Rejected]], missing: Callable[[], int]
    ) -> Iterator[tuple[int, Made | Rejected]]:
        """Hold conversations as long as something is missing that those under way may not bring."""
        under_way = 0

        def conversations() -> Iterator[Conversation[Made | Rejected] | None]:
            nonlocal under_way
            for number in count():
                while under_way >= missing():
                    yield None
                if self._rejects.are_too_many:
                    return
                under_way += 1
                yield begin(number)

        for number, outcome in self._endpoint.hold(conversations()):
            under_way -= 1
            yield number, outcome

    def _assignment(self, side: Side, turns: Sequence[Schema], number: int) -> Assignment:
        """Say what the example of a number is to be; the same arguments give the same one."""
        schema = turns[number % len(turns)]
        random = Random(f"{self._config.seed}:{side.split}:{number}")
        # The data that came with a kind are used once, by the side that has it for itself, or the first.
        is_first = number < len(turns) and (side.split == "train" or "shape" in side.apart)
        return Assignment(
            id=f"{schema.name}-{side.split}-{self._config.seed}-{number}",
            schema=schema,
            case=scenario.case(random),
            layout=scenario.layout(random, noise=self._config.noise, remarks=self._config.task == "extract"),
            data=self._data.get(schema.name) if is_first else None,
        )

    def _new(self, example: Example, schema: Schema, side: Side) -> Example | Rejected:
        """Take an example, unless it repeats another or shares what is held apart."""
        own = marks(example.text, example.target)
        if not self._seen.isdisjoint(own):
            return Rejected("repeat", "its text or its data were written before")
        if side.split == "held_out":
            shared = self._apart.shared(example, schema)
            if shared is not None:
                return Rejected("shared", shared)
        if self._config.reasoning:
            told = reasoning(example, schema)
            if isinstance(told, Unexplained):
                return Rejected("unstated", f"how {', '.join(told.pointers)} are read cannot be told")
            example = replace(example, reasoning=told)
        if side.split == "train":
            self._apart.remember(example, schema)
        self._seen.update(own)
        meta = {**example.meta, "teacher": self._endpoint.reference.model}
        return replace(example, meta=meta)


def _admitted(side: Side, schemas: Mapping[str, Schema]) -> list[Schema]:
    return [schema for schema in schemas.values() if side.admits("shape", shape_of(schema))]


def _named(schema: Schema, others: Mapping[str, Schema]) -> Schema:
    """Give a schema a name that no other has."""
    names = (schema.name if number == 1 else f"{schema.name} {number}" for number in count(1))
    return Schema.of(schema.source, name=next(name for name in names if name not in others))
