"""Draws the structure of a document: which parts it has, and what each of them asks for."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal, TypeAlias, TypeVar

from adhere.data.papers.outline import (
    Box,
    Column,
    Confirm,
    Domain,
    Field,
    Formula,
    Money,
    Number,
    Paper,
    Part,
    Phrase,
    Pick,
    Product,
    Readings,
    Table,
    Ticks,
)
from adhere.schema.places import pointer_token

Presence: TypeAlias = Literal["required", "optional", "nullable"]
Group: TypeAlias = Literal["variables", "metrics", "formulas", "content"]

GROUPS: tuple[Group, ...] = ("variables", "metrics", "formulas", "content")
"""What `properties` of a node may hold, in this order; its `logs` come last."""
_BUDGETS = ((6, 8), (12, 18), (7, 9), (22, 32), (9, 13), (42, 60), (7, 10), (16, 24))
"""Fewest and most leaves to fill in, for the shapes of a kind in turn: half of them are small."""
_LEAVES_PER_PART = 9
_NESTED, _NESTED_SHARE = 3, 0.8
"""Leaves from which a part may have parts, and how often it then has."""
_TABLE_SHARE, _TABLED_SHARE = 0.6, 0.75
"""How often a part has a table or a log, if it can, and a document such a part."""
_LARGE = 15
"""Leaves from which a document has longer tables."""
_SHORT = (4, 5)
"""Fewest and most leaves to fill in of a short document, tables aside: one at least in each of its parts."""
_SHORT_TABLE_SHARE = 0.1
"""How often a part of a short document has a table or a log, if it can."""
_LEVELS = 4
"""From ROOT down to DETAIL_3."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A property to fill in."""

    field: Field | Formula
    pointer: str
    labels: tuple[str, ...]
    """What a text may call it; the first is its own name."""
    presence: Presence = "required"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Properties that a text tells in sentences."""

    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table with as many rows as are filled in."""

    table: Table
    pointer: str
    labels: tuple[str, ...]
    """Heads of its columns."""
    as_records: bool
    """Whether a row is an object rather than a list."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A table with one line for each parameter."""

    readings: Readings
    pointer: str
    columns: tuple[str, ...]
    """Of parameter, result, unit, limits and verdict; the first two always."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """A checkbox, or several that belong together."""

    box: Box
    pointer: str


Component: TypeAlias = Paragraph | Grid | Panel | Ticked


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A part of a document, with the parts below it."""

    id: str
    title: str
    level: int
    groups: tuple[tuple[Group, tuple[Slot, ...]], ...]
    logs: Grid | None
    components: tuple[Component, ...]
    children: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Blueprint:
    """The structure of a document."""

    name: str
    root: Node
    bounded: bool
    """Whether its schema says between which bounds numbers lie."""
    described: bool
    """Whether its schema says in which units they are."""


_Component: TypeAlias = Table | Readings | Confirm | Pick | Ticks
_Piece: TypeAlias = Field | Formula | _Component
_T = TypeVar("_T")


def blueprint(
    domain: Domain, paper: Paper, *, number: int, attempt: int = 0, short: bool = False
) -> Blueprint:
    """Draw the structure of a number; the same arguments give the same one, on any machine.

    Args:
        domain: Its words.
        paper: The kind of document.
        number: Decides, among others, how many leaves there are.
        attempt: Another one gives another structure.
        short: Whether it is one part within another down to the fourth level, with a leaf or two each; the
            kind of document must be one of `deep_papers`.
    """
    name = f"{domain.name}/{paper.name}/{'short-' if short else ''}{number}"
    random = Random()
    random.seed(int.from_bytes(hashlib.sha256(f"{name}/{attempt}".encode()).digest()[:8], "big"))
    least, most = _SHORT if short else _BUDGETS[number % len(_BUDGETS)]
    drawer = _Drawer(random, domain, short=short)
    root = drawer.root(paper, random.randint(least, most))
    return Blueprint(name, root, random.random() < 0.3, random.random() < 0.4)


def deep_papers(domain: Domain) -> list[Paper]:
    """Return the kinds of document of which a part goes down to the fourth level."""
    return [paper for paper in domain.papers if any(_depth(part) == _LEVELS - 1 for part in paper.parts)]


def _depth(part: Part) -> int:
    return 1 + max(map(_depth, part.parts), default=0)


class _Drawer:
    """One document being laid out."""

    def __init__(self, random: Random, domain: Domain, *, short: bool) -> None:
        self._random = random
        self._domain = domain
        self._short = short
        self._sparse = random.random() < 0.5
        self._large = False

    def root(self, paper: Paper, budget: int) -> Node:
        random = self._random
        self._large = budget >= _LARGE
        head = self._some(paper.head, random.randint(1, 1 + min(len(paper.head) - 1, budget // 8)))
        left = budget - len(head)
        parts = [self._deepest(paper.parts)] if self._short else self._parts(paper, left)
        return Node(
            id="0",
            title=random.choice(paper.titles),
            level=0,
            groups=self._groups(head, ""),
            logs=None,
            components=(),
            children=self._children(parts, "", prefix="", level=1, budget=left),
        )

    def _parts(self, paper: Paper, budget: int) -> list[Part]:
        """Draw the parts of a document of so many leaves; most have one that can have a table."""
        wanted = 1 + budget // _LEAVES_PER_PART + (self._random.randint(0, 1) if self._large else 0)
        count = min(wanted, len(paper.parts))
        parts = self._some(paper.parts, count)
        if self._random.random() < _TABLED_SHARE:
            while not any(part.tables or part.log for part in parts):
                parts = self._some(paper.parts, count)
        return parts

    def _deepest(self, parts: Sequence[Part]) -> Part:
        """Draw one of the parts that go down furthest."""
        most = max(map(_depth, parts))
        return self._random.choice([part for part in parts if _depth(part) == most])

    def _below(self, part: Part, budget: int) -> list[Part]:
        """Draw the parts of a part of so many leaves."""
        if self._short and part.parts:
            return [self._deepest(part.parts)]
        if part.parts and budget >= _NESTED and self._random.random() < _NESTED_SHARE:
            return self._some(part.parts, self._random.randint(1, min(len(part.parts), 1 + budget // 9)))
        return []

    def _some(self, given: Sequence[_T], count: int) -> list[_T]:
        """Draw so many of `given`, in their order."""
        return [given[at] for at in sorted(self._random.sample(range(len(given)), count))]

    def _children(
        self, parts: Sequence[Part], pointer: str, *, prefix: str, level: int, budget: int
    ) -> tuple[Node, ...]:
        shares = [budget // len(parts) + (at < budget % len(parts)) for at in range(len(parts))]
        return tuple(
            self._part(
                part, f"{pointer}/children/{at}", id=f"{prefix}{at + 1}", level=level, budget=max(share, 1)
            )
            for at, (part, share) in enumerate(zip(parts, shares, strict=True))
        )

    def _part(self, part: Part, pointer: str, *, id: str, level: int, budget: int) -> Node:
        below = self._below(part, budget)
        own = max(budget // (1 + len(below)), 1)
        chosen = self._chosen(part, own)
        log = part.log if part.log in chosen else None
        properties, told = self._split(chosen)
        blocks = [piece for piece in chosen if isinstance(piece, _COMPONENTS) and piece != log]
        return Node(
            id=id,
            title=part.title,
            level=level,
            groups=self._groups(properties, pointer),
            logs=None if log is None else self._grid(log, chosen, f"{pointer}/properties/logs", records=True),
            components=tuple(self._components(told, blocks, pointer, chosen)),
            children=(
                self._children(below, pointer, prefix=f"{id}.", level=level + 1, budget=budget - own)
                if below
                else ()
            ),
        )

    def _chosen(self, part: Part, budget: int) -> list[_Piece]:
        """Draw what a part asks for, of about as many leaves as `budget`, in the part's order."""
        fields: list[_Piece] = [*part.fields]
        tables: list[_Piece] = [*_log(part), *part.tables]
        others: list[_Piece] = [*part.formulas, *tables, *part.boxes]
        everything = [*fields, *others]
        for pieces in (fields, tables, others):
            self._random.shuffle(pieces)
        first = 1 + budget // 6
        share = _SHORT_TABLE_SHARE if self._short else _TABLE_SHARE
        lead = tables[:1] if self._random.random() < share else []
        chosen: list[_Piece] = []
        left = budget
        for piece in [*fields[:1], *lead, *fields[1:first], *others, *fields[first:]]:
            bundle = [each for each in _bundle(piece, part) if each not in chosen]
            cost = sum(map(_cost, bundle))
            if cost <= left or piece in lead or not chosen:
                chosen += bundle
                left -= cost
        return [piece for piece in everything if piece in chosen]

    def _split(self, given: Sequence[_Piece]) -> tuple[list[Field | Formula], list[Field | Formula]]:
        """Part the properties of a node from those that a paragraph tells."""
        asked = [piece for piece in given if not isinstance(piece, _COMPONENTS)]
        operands = {name for piece in asked if isinstance(piece, Formula) for name in piece.of}
        free = [piece for piece in asked if not isinstance(piece, Formula) and piece.name not in operands]
        if len(free) < 2 or self._random.random() >= 0.35:
            return asked, []
        told = free[-self._random.randint(2, min(4, len(free))) :]
        return [piece for piece in asked if piece not in told], [*told]

    def _groups(
        self, given: Sequence[Field | Formula], pointer: str
    ) -> tuple[tuple[Group, tuple[Slot, ...]], ...]:
        taken = {piece.name for piece in given}
        operands = {name for piece in given if isinstance(piece, Formula) for name in piece.of}
        groups: dict[Group, list[Slot]] = {group: [] for group in GROUPS}
        for piece in given:
            group = _group(piece)
            # A group in which everything is left out would be an empty object.
            fixed = isinstance(piece, Formula) or piece.name in operands or not groups[group]
            slot = self._slot(piece, f"{pointer}/properties/{group}", taken, fixed=fixed)
            groups[group].append(slot)
        return tuple((group, tuple(slots)) for group, slots in groups.items() if slots)

    def _slot(self, piece: Field | Formula, above: str, taken: set[str], *, fixed: bool) -> Slot:
        draw = self._random.random()
        presence: Presence = "required"
        if self._sparse and not fixed and draw < 0.3:
            presence = "optional" if draw < 0.15 else "nullable"
        labels = self._labels(piece.name, taken)
        return Slot(piece, f"{above}{pointer_token(piece.name)}", labels, presence)

    def _labels(self, name: str, taken: set[str]) -> tuple[str, ...]:
        """Return what a text may call a property, so that no other property near it goes by the same."""
        words = name.replace("_", " ")
        others = {other.replace("_", " ") for other in taken}
        synonyms = [word for word in self._domain.synonyms.get(words, ()) if word not in others]
        return words, *synonyms

    def _components(
        self,
        told: Sequence[Field | Formula],
        blocks: Sequence[_Component],
        pointer: str,
        chosen: Sequence[_Piece],
    ) -> Iterator[Component]:
        above = f"{pointer}/component"
        taken = {piece.name for piece in told}
        if told:
            slots = [
                self._slot(piece, f"{above}/0/variables", taken, fixed=at == 0)
                for at, piece in enumerate(told)
            ]
            yield Paragraph(tuple(slots))
        for at, block in enumerate(blocks, start=int(bool(told))):
            match block:
                case Table():
                    records = self._random.random() < 0.5
                    yield self._grid(block, chosen, f"{above}/{at}", records=records)
                case Readings():
                    yield self._panel(block, f"{above}/{at}")
                case Confirm() | Pick() | Ticks():
                    yield Ticked(block, f"{above}/{at}")

    def _grid(self, table: Table, chosen: Sequence[_Piece], pointer: str, *, records: bool) -> Grid:
        """Leave out a column now and then, though none that a figure follows from."""
        needed = {name for column in table.columns if isinstance(column, Product) for name in column.of}
        needed |= {piece.of[1] for piece in chosen if isinstance(piece, Formula) and piece.rule == "sum"}
        needed |= {column.name for column in table.columns if isinstance(column, Product)}
        share = 0.0 if self._short else 0.75 if self._large else 0.3
        columns: list[Column] = [table.columns[0]]
        for column in table.columns[1:]:
            if len(columns) < 2 or column.name in needed or self._random.random() < share:
                columns.append(column)
        labels = tuple(column.name.replace("_", " ") for column in columns)
        more = 0 if self._short else 1
        most = table.most if self._large else min(table.most, table.least + more)
        return Grid(replace(table, columns=tuple(columns), most=most), pointer, labels, records)

    def _panel(self, readings: Readings, pointer: str) -> Panel:
        random = self._random
        most = 2 if self._short else 5 if self._large else 3
        count = min(random.randint(2, most), len(readings.parameters))
        columns = ["parameter", "result"]
        if not self._short:
            columns += [name for name, share in (("unit", 0.7), ("limits", 0.5)) if random.random() < share]
        columns += ["verdict"] if random.random() < 0.6 else []
        parameters = tuple(self._some(readings.parameters, count))
        return Panel(replace(readings, parameters=parameters), pointer, tuple(columns))


_COMPONENTS = (Table, Readings, Confirm, Pick, Ticks)


def _log(part: Part) -> tuple[Table, ...]:
    return () if part.log is None else (part.log,)


def _bundle(piece: _Piece, part: Part) -> list[_Piece]:
    """Return a piece with what it follows from."""
    if not isinstance(piece, Formula):
        return [piece]
    if piece.rule == "sum":
        return [piece, *(table for table in part.tables if _is_titled(table, piece.of[0]))]
    return [piece, *(field for field in part.fields if field.name in piece.of)]


def _is_titled(table: Table | Readings, title: str) -> bool:
    return isinstance(table, Table) and table.title == title


def _group(piece: Field | Formula) -> Group:
    match piece:
        case Formula():
            return "formulas"
        case Phrase():
            return "content"
        case Number() | Money():
            return "metrics"
        case _:
            return "variables"


def _cost(piece: _Piece) -> int:
    """Say about how many leaves there will be to fill in."""
    match piece:
        case Table():
            return 2 * piece.least
        case Readings():
            return 4
        case Ticks():
            return len(piece.options)
        case _:
            return 1
