"""Fills a blueprint: the JSON of the document, and what its text has to say."""

from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from random import Random
from typing import NamedTuple, TypeAlias

from adhere.data.papers.blueprint import Component, Grid, Node, Panel, Paragraph, Slot, Ticked
from adhere.data.papers.form import level_type, limits
from adhere.data.papers.hand import Entry, Hand
from adhere.data.papers.outline import (
    Clock,
    Column,
    Confirm,
    Day,
    Formula,
    Person,
    Pick,
    Product,
    Step,
    Term,
    Ticks,
)
from adhere.records import JSON
from adhere.schema.places import pointer_token

_ABSENT_SHARE = 0.4
"""How often there is nothing to say of what may be left out or null."""


NOTHING = Entry(None, "", "words")
"""What stands in a field that has been left empty."""


class Fact(NamedTuple):
    """What a text says of one leaf."""

    labels: tuple[str, ...]
    pointer: str
    """Empty where no leaf asks for it."""
    entry: Entry
    """`NOTHING` where there is nothing to say, and the target has null."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to say."""
        return self.entry is NOTHING


class Rows(NamedTuple):
    """A table."""

    title: str
    heads: tuple[str, ...]
    lines: Sequence[Sequence[Fact]]


class Mark(NamedTuple):
    """One box of a checkbox."""

    label: str
    pointer: str
    """Of the leaf that says that it is ticked, or that names it; empty where another box is named."""
    ticked: bool


class Marks(NamedTuple):
    """A checkbox."""

    label: str
    """Empty where there is only one box, which has a label of its own."""
    marks: Sequence[Mark]
    named: bool
    """Whether the leaf is the label of the box that is ticked, rather than whether a box is ticked."""


class Told(NamedTuple):
    """A paragraph."""

    facts: Sequence[Fact]


Block: TypeAlias = Told | Rows | Marks


class Sheet(NamedTuple):
    """A part of a document, filled in."""

    id: str
    title: str
    level: int
    facts: list[Fact]
    logs: Rows | None
    blocks: Sequence[Block]
    children: "Sequence[Sheet]"


def fill(node: Node, hand: Hand, random: Random) -> tuple[dict[str, JSON], Sheet]:
    """Draw the target of a node and what its text says.

    Args:
        node: What is asked for.
        hand: What draws the entries of the document.
        random: Decides what is absent and how many rows a table has.
    """
    return _Filler(hand, random).node(node)


class _Filler:
    """One document being filled in."""

    def __init__(self, hand: Hand, random: Random) -> None:
        self._hand = hand
        self._random = random

    def node(self, node: Node) -> tuple[dict[str, JSON], Sheet]:
        filled: dict[str, JSON] = {
            "id": node.id,
            "title": node.title,
            "level": node.level,
            "level_type": level_type(node.level),
        }
        entries: dict[str, Entry] = {}
        facts: list[Fact] = []
        blocks: list[Block] = []
        component: list[JSON] = []
        for each in node.components:
            json, block = self._component(each, entries)
            component.append(json)
            blocks.append(block)
        properties: dict[str, JSON] = {
            group: self._slots(slots, entries, facts) for group, slots in node.groups
        }
        logs = None
        if node.logs is not None:
            properties["logs"], logs = self._grid(node.logs, entries)
        if properties:
            filled["properties"] = properties
        if component:
            filled["component"] = component
        below = [self.node(child) for child in node.children]
        if below:
            filled["children"] = [json for json, _ in below]
        children = [sheet for _, sheet in below]
        return filled, Sheet(node.id, node.title, node.level, facts, logs, blocks, children)

    def _slots(self, slots: Sequence[Slot], entries: dict[str, Entry], facts: list[Fact]) -> JSON:
        filled: dict[str, JSON] = {}
        for slot in slots:
            field = slot.field
            if slot.presence != "required" and self._random.random() < _ABSENT_SHARE:
                if slot.presence == "nullable":
                    filled[field.name] = None
                    facts.append(Fact(slot.labels, slot.pointer, NOTHING))
                continue
            entry = self._result(field, entries) if isinstance(field, Formula) else self._hand.entry(field)
            entries[field.name] = entry
            filled[field.name] = entry.value
            facts.append(Fact(slot.labels, slot.pointer, entry))
        return filled

    def _result(self, formula: Formula, entries: Mapping[str, Entry]) -> Entry:
        first, second = (entries.get(name, NOTHING) for name in formula.of)
        match formula.rule:
            case "percent":
                # In tenths of a percent, halves rounded up.
                left = first.scaled * 10**second.decimals
                right = second.scaled * 10**first.decimals
                return self._hand.number((2 * 1000 * left + right) // (2 * right), 1, formula.unit)
            case "difference":
                decimals = max(first.decimals, second.decimals)
                left = first.scaled * 10 ** (decimals - first.decimals)
                right = second.scaled * 10 ** (decimals - second.decimals)
                return self._hand.number(left - right, decimals, formula.unit)
            case "sum":
                return self._hand.number(second.scaled, second.decimals, second.unit)

    def _component(self, component: Component, entries: dict[str, Entry]) -> tuple[JSON, Block]:
        match component:
            case Paragraph(slots):
                facts: list[Fact] = []
                told = self._slots(slots, entries, facts)
                return {"type": "PARAGRAPH", "variables": told}, Told(facts)
            case Grid(table, _, labels, as_records):
                rows, block = self._grid(component, entries)
                header: dict[str, JSON] = {} if as_records else {"header": [*labels]}
                return {"type": "TABLE", "title": table.title, **header, "rows": rows}, block
            case Panel():
                return self._panel(component)
            case Ticked():
                return self._ticked(component)

    def _grid(self, grid: Grid, entries: dict[str, Entry]) -> tuple[JSON, Rows]:
        """Draw the rows of a table, and the sums of its columns, which a formula may ask for."""
        table = grid.table
        count = self._random.randint(table.least, table.most)
        columns = [self._column(column, count) for column in table.columns]
        named = dict(zip((column.name for column in table.columns), columns, strict=True))
        for at, column in enumerate(table.columns):
            if isinstance(column, Product):
                columns[at] = named[column.name] = self._products(*(named[name] for name in column.of))
            total = sum(entry.scaled for entry in columns[at])
            entries[column.name] = columns[at][0]._replace(scaled=total)
        above = f"{grid.pointer}/rows" if not grid.pointer.endswith("/properties/logs") else grid.pointer
        keys = [column.name if grid.as_records else str(at) for at, column in enumerate(table.columns)]
        ends = [pointer_token(key) for key in keys]
        lines = [
            [Fact((label,), f"{above}/{at}{end}", column[at])
             for label, end, column in zip(grid.labels, ends, columns, strict=True)]
            for at in range(count)
        ]  # fmt: skip
        rows: list[JSON] = [
            {key: column[at].value for key, column in zip(keys, columns, strict=True)}
            if grid.as_records
            else [column[at].value for column in columns]
            for at in range(count)
        ]
        return rows, Rows(table.title, grid.labels, lines)

    def _column(self, column: Column, count: int) -> list[Entry]:
        """Draw the cells of a column; days and times run on, and a term does not repeat."""
        match column:
            case Step():
                return [Entry(at, str(at), "count", "", at) for at in range(1, count + 1)]
            case Product():
                return [NOTHING] * count
            case Day() | Clock():
                return sorted((self._hand.entry(column) for _ in range(count)), key=lambda each: str(each[0]))
            case Person():
                return [self._hand.colleague() for _ in range(count)]
            case Term():
                return self._several(column, count)
            case _:
                return [self._hand.entry(column) for _ in range(count)]

    def _several(self, term: Term, count: int) -> list[Entry]:
        """Draw different entries, unless the few there are keep coming up."""
        drawn = (self._hand.entry(term) for _ in range(4 * count))
        entries: dict[str, Entry] = {}
        while len(entries) < count and (entry := next(drawn, None)):
            entries.setdefault(entry.surface, entry)
        return list(islice(cycle(entries.values()), count))

    def _products(self, first: Sequence[Entry], second: Sequence[Entry]) -> list[Entry]:
        """Multiply two columns; the result has the unit of the second."""
        return [
            self._hand.number(one.scaled * other.scaled, one.decimals + other.decimals, other.unit)
            for one, other in zip(first, second, strict=True)
        ]

    def _panel(self, panel: Panel) -> tuple[JSON, Rows]:
        rows: list[JSON] = []
        lines: list[list[Fact]] = []
        for at, parameter in enumerate(panel.readings.parameters):
            result = self._hand.entry(parameter.result)
            if "unit" in panel.columns:
                result = result._replace(unit="")
            low, high = parameter.allowed
            verdict = self._hand.option(panel.readings.verdicts[not low <= result.scaled <= high])
            cells = {
                "parameter": _constant(parameter.result.name),
                "result": result,
                "unit": _constant(parameter.result.unit),
                "limits": _constant(limits(parameter)),
                "verdict": verdict,
            }
            above = f"{panel.pointer}/rows/{at}"
            asked = [(cells[column], f"{above}/{place}") for place, column in enumerate(panel.columns)]
            rows.append([entry.value for entry, _ in asked])
            lines.append(
                [
                    Fact((column,), pointer if column in {"result", "verdict"} else "", entry)
                    for column, (entry, pointer) in zip(panel.columns, asked, strict=True)
                ]
            )
        head: dict[str, JSON] = {"type": "TABLE", "title": panel.readings.title}
        return {**head, "header": [*panel.columns], "rows": rows}, Rows(
            panel.readings.title, panel.columns, lines
        )

    def _ticked(self, ticked: Ticked) -> tuple[JSON, Marks]:
        random, box, above = self._random, ticked.box, ticked.pointer
        head: dict[str, JSON] = {"type": "CHECKBOX", "label": box.label}
        match box:
            case Confirm(label):
                done = random.random() < 0.7
                return {**head, "checked": done}, Marks(
                    "", [Mark(label, f"{above}/checked", done)], named=False
                )
            case Pick(label, options):
                chosen = random.choice(options)
                pointer = f"{above}/selected"
                marks = [Mark(each, pointer if each == chosen else "", each == chosen) for each in options]
                return {**head, "selected": chosen}, Marks(label, marks, named=True)
            case Ticks(label, options):
                ticks = {option: random.random() < 0.5 for option in options}
                marks = [
                    Mark(option, f"{above}/options{pointer_token(option)}", done)
                    for option, done in ticks.items()
                ]
                return {**head, "options": dict(ticks)}, Marks(label, marks, named=False)


def _constant(value: str) -> Entry:
    """Return what the form has printed already."""
    return Entry(value, value, "words")
