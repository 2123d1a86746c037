"""Documents of a domain: nested parts with properties, tables and checkboxes, each under a schema of its own.

Source: ROOT, SECTION, SUBSECTION and DETAIL levels, arXiv:2502.14905 section 3.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Self

from adhere.data.document import Document
from adhere.data.papers.blueprint import Blueprint, blueprint, deep_papers
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
from adhere.records import JSON, Example
from adhere.schema import Schema

SHAPES = 48
"""Structures of a domain's documents, unless the user says otherwise."""
_FACTS_PER_DISTRACTOR = 8
_MOST_IDLE = 1
"""Fillers and remarks, each, of a short document."""
_MOST_CHARACTERS, _ATTEMPTS = 400, 20
"""Of the text of a short document; a longer one is drawn again, as often as that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchy:
    """Documents of one domain, over which the examples are spread."""

    domain: str
    seed: int
    noise: float
    short: bool
    blueprints: tuple[Blueprint, ...]
    """Structures of documents: the first of each kind, then the second of each, and so on."""
    marks: tuple[str, ...]
    """What tells each structure from others, however it is explained."""
    schemas: Mapping[str, Schema]
    """Of each structure, by names such as biomanufacturing/batch_record/7."""

    @classmethod
    def of(
        cls, domain: str, *, seed: int, shapes: int = SHAPES, noise: float = 0.0, short: bool = False
    ) -> Self:
        """Draw the structures of a domain, which do not depend on the seed.

        Args:
            domain: One of `config.DOMAINS`, though not hiring.
            seed: Decides what is filled in.
            shapes: How many structures, over all kinds of documents.
            noise: Share of the texts that read as if scanned, in [0, 1].
            short: Whether documents are one part within another, with a leaf or two each.

        Raises:
            DataError: They are to be short, and no kind of the domain's documents has four levels.
        """
        drawn = list(_distinct(domain_of(domain), shapes, short=short))
        return cls(
            domain=domain,
            seed=seed,
            noise=noise,
            short=short,
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
        place = f"{self.seed}:{blueprint.name}:{side.split}:{number}"
        target, document = self._drawn(blueprint, side, place)
        for attempt in range(1, _ATTEMPTS if self.short else 0):
            if len(document.text) <= _MOST_CHARACTERS:
                break
            target, document = self._drawn(blueprint, side, f"{place}:{attempt}")
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

    def _drawn(self, blueprint: Blueprint, side: Side, place: str) -> tuple[JSON, Document]:
        """Fill a structure in and write its text; the same place gives the same ones."""
        random = Random()
        random.seed(int.from_bytes(hashlib.sha256(place.encode()).digest()[:8], "big"))
        domain = domain_of(self.domain)
        hand = Hand(random, side)
        target, sheet = fill(blueprint.root, hand, random)
        distractors = _distract(random, sheet, hand, domain)
        most = _MOST_IDLE if self.short else None
        report = Report(random, wording(side), domain.fillers, domain.remarks, most=most)
        document = report.document(sheet, distractors=distractors)
        return target, scanned(random, document) if random.random() < self.noise else document

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


def _distinct(domain: Domain, shapes: int, *, short: bool) -> Iterator[tuple[Blueprint, str, Schema]]:
    """Draw so many structures, no two of them alike."""
    papers = deep_papers(domain) if short else domain.papers
    if not papers:
        raise DataError.at(
            "synth.short",
            domain.name,
            "none of its kinds of document has four levels",
            fix="Take another domain, or leave out --short",
        )
    seen: set[str] = set()
    for at in range(shapes):
        paper = papers[at % len(papers)]
        for attempt in count():
            drawn = blueprint(domain, paper, number=at // len(papers), attempt=attempt, short=short)
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
