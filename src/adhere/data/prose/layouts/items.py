"""The items of lists: each keeps its values together."""

from collections.abc import Sequence
from typing import NamedTuple

from adhere.data.prose.labels import one_of
from adhere.data.prose.layouts import table
from adhere.data.prose.outline import Group
from adhere.data.prose.pen import Pen
from adhere.data.prose.wording import Blanks, Form, Pieces

HEADINGS = Pieces(
    Blanks.of,
    "{L}:\n", "{U}\n", "{L}\n", "The {l} are:\n", "== {L} ==\n", "## {L}\n", "--- {L} ---\n", "[{L}]\n",
    "List of {l}:\n", "{L} in detail:\n", "* {U} *\n", "Here are the {l}.\n",
)  # fmt: skip
STARTS = Pieces(
    Blanks.of,
    "{n}. ", "- ", "{O} {n}: ", "({n}) ", "{n}) ", "#{n}: ", "* ", "• ", "{o} {n} – ", "{n}/ ", "No. {n}: ",
)  # fmt: skip
"""Before an item on one line: `n` is its number, `o` and `O` what one of the list is called."""
INLINE = Pieces(
    Form.of,
    "{l} {s}", "{l}: {s}", "{l} = {s}", "{s} ({l})", "{l} – {s}", "{L}: {s}", "{l}={s}", "[{l}] {s}",
)  # fmt: skip
BLOCKS = Pieces(
    Blanks.of,
    "{O} {n}\n", "{n}.\n", "{O} {n}:\n", "{U} {n}\n", "-- {o} {n} --\n", "### {O} {n}\n", "[{n}]\n",
    "{O} no. {n}\n",
)  # fmt: skip
"""Before an item whose values stand on lines of their own."""
BLOCK_LINES = Pieces(
    Form.of, "{L}: {s}", "  {l}: {s}", "  - {l}: {s}", "{l} = {s}", "  {L} - {s}", "    {U}: {s}", "{L}; {s}"
)
_TABLES, _LINES = 0.5, 0.8
"""Draws below the one make a table, below the other a line for each item, others a few lines for each."""
EMPTY = "(empty)"
"""Stands for an item that has no values."""
JOINTS = (", ", "; ", ", ", " | ")
_SHOWS_ITSELF = ("product", "person", "company")
"""Kinds whose value may stand first and without its label, where the items have one of them."""


class _Style(NamedTuple):
    """How the items of a list are written: the same way wherever the text has such a list."""

    heading: Blanks
    draw: float
    """Decides between a table, lines and blocks."""
    table: table.Style
    start: Blanks
    form: Form
    joint: str
    block: Blanks
    line: Form


def _style(pen: Pen) -> _Style:
    return _Style(
        heading=pen.pick(HEADINGS),
        draw=pen.random.random(),
        table=pen.pick(table.STYLES),
        start=pen.pick(STARTS),
        form=pen.pick(INLINE),
        joint=pen.one(JOINTS),
        block=pen.pick(BLOCKS),
        line=pen.pick(BLOCK_LINES),
    )


def after(pen: Pen, group: Group) -> None:
    """Write the lists of a group after its other values, if it has any."""
    if group.lists:
        if group.facts:
            pen.write("\n\n" if pen.chance(0.5) else "\n")
        lists(pen, group)


def lists(pen: Pen, group: Group, owner: str = "", number: str = "") -> None:
    """Write the lists of a group, each under a heading and with a blank line between them.

    Args:
        pen: Writes.
        group: What they belong to.
        owner: What it is called, where it is an item itself: `item 2`.
        number: That of the item.
    """
    for at, listed in enumerate(group.lists):
        if at:
            pen.write("\n\n")
        style = pen.settled(listed.label, lambda: _style(pen))
        label = f"{listed.label} of {owner}" if owner else listed.label
        pen.filled(style.heading, l=label, L=label[:1].upper() + label[1:], U=label.upper())
        groups = [group.flattened() for group in listed.groups]
        is_flat = not any(group.lists for group in groups)
        if is_flat and style.draw < _TABLES and table.can_hold(groups):
            table.rows(pen, style.table, groups)
        elif is_flat and style.draw < _LINES:
            _lines(pen, style, one_of(listed.label), groups)
        else:
            _blocks(pen, style, one_of(listed.label), groups, number)


def _lines(pen: Pen, style: _Style, one: str, groups: Sequence[Group]) -> None:
    """Write every item on a line of its own."""
    first = _shown_first(groups)
    for at, group in enumerate(groups):
        if at:
            pen.write("\n")
        pen.filled(style.start, n=str(at + 1), o=one, O=one[:1].upper() + one[1:])
        facts = sorted(group.facts, key=lambda fact: fact.label != first)
        if not facts:
            pen.write(EMPTY)
        for position, fact in enumerate(facts):
            if position:
                pen.write(style.joint)
            if fact.label == first:
                pen.value(fact)
            else:
                pen.fact(style.form, fact)


def _shown_first(groups: Sequence[Group]) -> str:
    """Return the label of the one value in each item that needs none; empty where there is no such."""
    every = {fact.label for group in groups for fact in group.facts}
    if len(every) == 1:
        return every.pop()
    shown = [[fact for fact in group.facts if fact.kind in _SHOWS_ITSELF] for group in groups]
    labels = {facts[0].label for facts in shown if len(facts) == 1}
    return labels.pop() if len(labels) == 1 and all(len(facts) == 1 for facts in shown) else ""


def _blocks(pen: Pen, style: _Style, one: str, groups: Sequence[Group], number: str) -> None:
    """Write the values of every item on lines of their own, and the lists in it below them."""
    for at, group in enumerate(groups):
        if at:
            pen.write("\n\n")
        numbered = f"{number}.{at + 1}" if number else str(at + 1)
        pen.filled(style.block, n=numbered, o=one, O=one[:1].upper() + one[1:], U=one.upper())
        for position, fact in enumerate(group.facts):
            if position:
                pen.write("\n")
            pen.fact(style.line, fact)
        if not (group.facts or group.lists):
            pen.write(EMPTY)
        if group.lists:
            pen.write("\n" if group.facts else "")
            lists(pen, group, f"{one} {numbered}", numbered)
