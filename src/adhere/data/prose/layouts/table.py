"""Tables: a row of labels and rows of values."""

from collections.abc import Sequence
from typing import NamedTuple

from adhere.data.prose.outline import Fact, Group
from adhere.data.prose.pen import Pen
from adhere.data.prose.wording import Pieces

MOST_COLUMNS = 10
WIDEST = 60
"""Characters of a cell."""


class Style(NamedTuple):
    """How a table is drawn."""

    start: str
    between: str
    end: str
    rule: str
    """What the line under the head is made of; empty for none."""
    quote: str
    aligned: bool
    """Whether cells are padded to the width of their column."""

    @staticmethod
    def of(spelled: str) -> "Style":
        """Read the name of a style."""
        return _STYLES[spelled]


_STYLES = {
    "pipes": Style("", " | ", "", "", "", aligned=False),
    "markdown": Style("| ", " | ", " |", "-", "", aligned=False),
    "boxed": Style("| ", " | ", " |", "-", "", aligned=True),
    "columns": Style("", "   ", "", "", "", aligned=True),
    "columns under a rule": Style("", "  ", "", "-", "", aligned=True),
    "columns under a double rule": Style("", "   ", "", "=", "", aligned=True),
    "tabs": Style("", "\t", "", "", "", aligned=False),
    "semicolons": Style("", "; ", "", "", "", aligned=False),
    "quoted": Style("", ",", "", "", '"', aligned=False),
    "quoted, with semicolons": Style("", ";", "", "", '"', aligned=False),
    "bars": Style("", " ¦ ", "", "", "", aligned=True),
    "slashes": Style("", " // ", "", "", "", aligned=False),
    "pipes under a rule": Style("", " | ", "", "-", "", aligned=True),
}
"""Separators leave a blank, a tab or a quote beside every figure: in 5,20 nobody could tell two columns."""
STYLES = Pieces(Style.of, *_STYLES)
_NO_VALUE = ("–", "-", "n/a", "–")
_MARKS = ("|", "\t", "\n", '"', ";", "¦", "//", "  ")

Cell = tuple[str, Fact | None]
"""Words of a head, or a value."""


def can_hold(groups: Sequence[Group]) -> bool:
    """Whether items can be the rows of a table: not too many columns, no cell that looks like several."""
    facts = [fact for group in groups for fact in group.facts]
    columns = {fact.label for fact in facts}
    return 1 < len(columns) <= MOST_COLUMNS and are_cells(facts)


def are_cells(facts: Sequence[Fact]) -> bool:
    """Whether no value is too wide or looks like several cells."""
    surfaces = [fact.surface for fact in facts]
    return all(len(surface) <= WIDEST for surface in surfaces) and not any(
        mark in surface for surface in surfaces for mark in _MARKS
    )


def style(pen: Pen, facts: Sequence[Fact]) -> Style:
    """Choose a style; with only blanks between columns, a name of no leaf would run into one of a leaf."""
    styles = pen.wording.of(STYLES)
    if any(fact.pieces[0][0] is None for fact in facts):
        styles = [each for each in styles if not each.between.isspace()] or styles
    return pen.one(styles)


def rows(pen: Pen, style: Style, groups: Sequence[Group]) -> None:
    """Write a row for each item under a row of labels."""
    labels = list(dict.fromkeys(fact.label for group in groups for fact in group.facts))
    if pen.chance(0.5):
        pen.random.shuffle(labels)
    nothing = pen.one(_NO_VALUE)
    head: list[Cell] = [(label[:1].upper() + label[1:], None) for label in labels]
    body: list[list[Cell]] = []
    for group in groups:
        cells = {fact.label: fact for fact in group.facts}
        body.append([(nothing, cells.get(label)) for label in labels])
    draw(pen, style, head, body)


def draw(pen: Pen, style: Style, head: Sequence[Cell], body: Sequence[Sequence[Cell]]) -> None:
    """Draw a table of rows that are of the same length.

    Args:
        pen: Writes.
        style: How.
        head: The first row, under which there may be a line; empty for none.
        body: The other rows.
    """
    lines = [*([head] if head else []), *body]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)] if style.aligned else []
    for number, cells in enumerate(lines):
        if number:
            pen.write("\n")
        pen.write(style.start)
        for at, cell in enumerate(cells):
            pen.write(style.between if at else "")
            _fill(pen, style, cell)
            # What stands last needs no blanks after it, unless a line is drawn there.
            if widths and (style.end or at < len(cells) - 1):
                pen.aside(" " * (widths[at] - _width(cell)))
        pen.write(style.end)
        if head and not number and style.rule:
            _rule(pen, style, widths or [3] * len(cells))


def _width(cell: Cell) -> int:
    words, fact = cell
    return len(words) if fact is None else len(fact.surface)


def _fill(pen: Pen, style: Style, cell: Cell) -> None:
    words, fact = cell
    pen.write(style.quote)
    if fact is None:
        pen.write(words)
    elif fact.kind == "flag" and style.between.isspace():
        # With only blanks between them, Acme and Yes would read as one name.
        pen.value(fact._replace(pieces=tuple((pointer, said.lower()) for pointer, said in fact.pieces)))
    else:
        pen.value(fact)
    pen.write(style.quote)


def _rule(pen: Pen, style: Style, widths: Sequence[int]) -> None:
    cross = style.between.replace(" |", "-|").replace("| ", "|-") if "|" in style.between else style.between
    pen.write("\n" + style.start.replace(" ", style.rule))
    for at, width in enumerate(widths):
        pen.write(cross if at else "")
        pen.aside(style.rule * width)
    pen.write(style.end.replace(" ", style.rule))
