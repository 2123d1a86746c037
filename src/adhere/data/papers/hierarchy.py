"""Documents of a domain: nested parts with properties, tables and checkboxes, each under a schema of its own.

Source: ROOT, SECTION, SUBSECTION and DETAIL levels, arXiv:2502.14905 section 3.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Self

from adhere.data.papers.blueprint import Blueprint, blueprint
from adhere.data.papers.domains import domain as domain_of
from adhere.data.papers.form import form
from adhere.data.papers.hand import Hand
from adhere.data.papers.outline import Domain
from adhere.data.papers.report import Report
from adhere.data.papers.sheet import Fact, Sheet, fill
from adhere.data.prose.noise import scanned
from adhere.data.prose.wording import wording
from adhere.data.side import Side
from adhere.data.source import shape_of
from adhere.errors import DataError
from adhere.records import Example
from adhere.schema import Schema

_SHAPES = 48
_FACTS_PER_DISTRACTOR = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchy:
    """Documents of one domain, over which the examples are spread."""

    domain: str
    seed: int
    noise: float
    blueprints: tuple[Blueprint, ...]
    """Structures of documents: the first of each kind, then the second of each, and so on."""
    marks: tuple[str, ...]
    """What tells each structure from others, however it is explained."""
    schemas: Mapping[str, Schema]
    """Of each structure, by names such as biomanufacturing/batch_record/7."""

    @classmethod
    def of(cls, domain: str, *, seed: int, shapes: int = _SHAPES, noise: float = 0.0) -> Self:
        """Draw the structures of a domain, which do not depend on the seed.

        Args:
            domain: One of `config.DOMAINS`, though not hiring.
            seed: Decides what is filled in.
            shapes: How many structures, over all kinds of documents.
            noise: Share of the texts that read as if scanned, in [0, 1].
        """
        drawn = list(_distinct(domain_of(domain), shapes))
        return cls(
            domain=domain,
            seed=seed,
            noise=noise,
            blueprints=tuple(blueprint for blueprint, _, _ in drawn),
            marks=tuple(mark for _, mark, _ in drawn),
            schemas={blueprint.name: schema for blueprint, _, schema in drawn},
        )

    def example(self, number: int, side: Side) -> Example:
        """Make the example of a number, under one of the structures that its side may have.

        Raises:
            DataError: There is none.
        """
        blueprint = self._blueprint(number, side)
        random = Random()
        digest = hashlib.sha256(f"{self.seed}:{blueprint.name}:{side.split}:{number}".encode()).digest()
        random.seed(int.from_bytes(digest[:8], "big"))
        domain = domain_of(self.domain)
        hand = Hand(random, side)
        target, sheet = fill(blueprint.root, hand, random)
        distractors = _distract(random, sheet, hand, domain)
        report = Report(random, wording(side), domain.fillers, domain.remarks)
        document = report.document(sheet, distractors=distractors)
        if random.random() < self.noise:
            document = scanned(random, document)
        return Example(
            id=f"{blueprint.name}-{side.split}-{self.seed}-{number}",
            text=document.text,
            schema=blueprint.name,
            target=target,
            meta={
                "spans": {pointer: [*span] for pointer, span in document.spans.items()},
                "template": document.template,
                "distractors": document.distractors,
                "domain": self.domain,
                "kind": blueprint.name.split("/")[1],
            },
        )

    def _blueprint(self, number: int, side: Side) -> Blueprint:
        marked = zip(self.blueprints, self.marks, strict=True)
        admitted = [blueprint for blueprint, mark in marked if side.admits("shape", mark)]
        if not admitted:
            raise DataError.at(
                self.domain,
                len(self.blueprints),
                f"none of so many structures is one of the split {side.split!r}",
                fix="Draw more of them",
            )
        return admitted[number % len(admitted)]


def _distinct(domain: Domain, shapes: int) -> Iterator[tuple[Blueprint, str, Schema]]:
    """Draw so many structures, no two of them alike."""
    seen: set[str] = set()
    for at in range(shapes):
        paper = domain.papers[at % len(domain.papers)]
        for attempt in count():
            drawn = blueprint(domain, paper, number=at // len(domain.papers), attempt=attempt)
            schema = Schema.of(form(drawn), name=drawn.name)
            mark = shape_of(schema)
            if mark not in seen:
                seen.add(mark)
                yield drawn, mark, schema
                break


def _distract(random: Random, sheet: Sheet, hand: Hand, domain: Domain) -> int:
    """Put facts that no leaf asks for among the others, and say how many."""
    sheets = list(_all(sheet))
    facts = sum(len(each.facts) for each in sheets)
    wanted = min(random.randint(0, 1 + facts // _FACTS_PER_DISTRACTOR), len(domain.distractors))
    for field in random.sample(domain.distractors, wanted):
        among = random.choice(sheets).facts
        fact = Fact((field.name.replace("_", " "),), "", hand.entry(field))
        among.insert(random.randint(0, len(among)), fact)
    return wanted


def _all(sheet: Sheet) -> Iterator[Sheet]:
    yield sheet
    for child in sheet.children:
        yield from _all(child)
