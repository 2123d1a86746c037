"""Sheets of labelled values: a form, a list, or a table of fields."""

from adhere.data.prose.layouts import items, table
from adhere.data.prose.outline import Fact, Group, Items, Outline
from adhere.data.prose.pen import Pen
from adhere.data.prose.wording import Blanks, Form, Pieces

LINES = Pieces(
    Form.of,
    "{L}: {s}", "{L} - {s}", "{L} = {s}", "{L} {s}", "{U}: {s}", "* {L}: {s}", "{l}: {s}", "{T}: {s}",
    "{L} .... {s}", "{L} → {s}", "[{L}] {s}", "{L} : {s}", "> {L}: {s}", "{s} ({l})", "{L}\t{s}", "{K}: {s}",
    "**{L}:** {s}", "{U} - {s}", "{L} | {s}", "{T} -> {s}", "{l} ({s})", "{L}; {s}", "{K} = {s}", "{L} – {s}",
    "{l} .. {s}", "{L}: <{s}>", "# {L}: {s}", "{T} = {s}", "{L} => {s}",
)  # fmt: skip
INLINE = Pieces(
    Form.of,
    "{L}: {s}", "{L} - {s}", "{L} = {s}", "{U}: {s}", "{l}: {s}", "{l} {s}", "{l} = {s}", "{T}: {s}",
    "[{l}] {s}", "{s} ({l})", "{L} → {s}", "{T} - {s}", "{L} – {s}", "{K}={s}",
)  # fmt: skip
"""For values on one line."""
BULLETS = Pieces(
    Form.of,
    "• {L}: {s}", "* {l}: {s}", "- {l} – {s}", "+ {L}: {s}", "- {L}: {s}", "· {L} = {s}", "- [x] {L}: {s}",
    "– {L}: {s}", "- {s} ({l})", "o {L}: {s}", "> {l}: {s}", "» {L}: {s}",
)  # fmt: skip
NUMBERED = Pieces(
    Form.of,
    "{L}: {s}", "{l}: {s}", "{L} – {s}", "{L} = {s}", "{U}: {s}", "{s} ({l})", "{L}; {s}", "({l}) {s}",
    "{L} .. {s}", "[{l}] {s}", "{l} = {s}", "{T} – {s}", "{T}: {s}",
)  # fmt: skip
NUMBERS = Pieces(
    Blanks.of,
    "{n}. ", "{n}) ", "({n}) ", "{n}: ", "[{n}] ", "{n}/ ", "{a}) ", "({a}) ", "{a}. ", "No {n}: ", "{n}.) ",
    "{n} - ",
)  # fmt: skip
SECTIONS = Pieces(
    Blanks.of,
    "{L}\n", "{U}\n", "{L}:\n", "== {L} ==\n", "[{L}]\n", "## {L}\n", "--- {L} ---\n", "{L}, in detail:\n",
    "** {L} **\n", "# {U}\n", "<{L}>\n",
)  # fmt: skip
TITLES = Pieces(
    str,
    "Record\n", "DATA SHEET\n", "Summary\n\n", "Details:\n", "ENTRY FORM\n\n", "# Record\n\n",
    "Data sheet\n----\n", "Particulars\n", "FORM B\n\n", "As entered:\n",
)  # fmt: skip
HEADS = Pieces(
    str,
    "Field|Value", "Item|Entry", "Name|Content", "Question|Answer", "What|Said", "Key|Data", "Box|Filled in",
    "Label|Reading", "Key|Value", "Line|Text",
)  # fmt: skip
"""Heads of the two columns of a table that has a row for each field."""
CAPTIONS = Pieces(
    Blanks.of,
    "Table {n}\n", "Overview\n", "Table {n}:\n", "Summary table\n", "Extract\n", "Tab. {n}\n", "As of now:\n",
    "Register, page {n}\n", "What we have:\n", "Sheet {n}\n",
)  # fmt: skip
_JOINTS = ("; ", " | ", ", ", " / ")


def form(pen: Pen, outline: Outline) -> None:
    """Write labelled values, each on a line or all on one."""
    root = outline.root
    if pen.chance(0.25):
        flat = root.flattened()
        _inline(pen, pen.shuffled(flat.facts))
        items.after(pen, flat)
        return
    if pen.chance(0.2):
        pen.write(pen.pick(TITLES))
    _sections(pen, root, pen.pick(LINES))


def bullets(pen: Pen, outline: Outline) -> None:
    """Write labelled values as points, with marks or numbers."""
    if pen.chance(0.15):
        pen.write(pen.pick(TITLES))
    if pen.chance(0.6):
        _sections(pen, outline.root, pen.pick(BULLETS))
        return
    flat = outline.root.flattened()
    number, put = pen.pick(NUMBERS), pen.pick(NUMBERED)
    for at, fact in enumerate(pen.shuffled(flat.facts)):
        pen.write("\n" if at else "")
        pen.filled(number, n=str(at + 1), a=chr(ord("a") + at % 26))
        pen.fact(put, fact)
    items.after(pen, flat)


def fields(pen: Pen, outline: Outline) -> None:
    """Write a table of all values that stand in no list, and the lists after it."""
    flat = outline.root.flattened()
    facts = pen.shuffled(flat.facts)
    if not facts or not table.are_cells(facts):
        form(pen, outline)
        return
    if pen.chance(0.4):
        pen.filled(pen.pick(CAPTIONS), n=str(1 + int(pen.random.random() * 9)))
    style = table.style(pen, facts)
    if 1 < len(facts) <= table.MOST_COLUMNS and pen.chance(0.4):
        table.rows(pen, style, [Group("", facts)])
    else:
        first, second = pen.pick(HEADS).split("|")
        head: list[table.Cell] = [(first, None), (second, None)] if pen.chance(0.6) else []
        body: list[list[table.Cell]] = [
            [(fact.label[:1].upper() + fact.label[1:], None), ("", fact)] for fact in facts
        ]
        table.draw(pen, style, head, body)
    items.after(pen, flat)


def _inline(pen: Pen, facts: list[Fact]) -> None:
    put, joint = pen.pick(INLINE), pen.one(_JOINTS)
    for at, fact in enumerate(facts):
        if at:
            pen.write(joint)
        pen.fact(put, fact)


def _sections(pen: Pen, root: Group, put: Form) -> None:
    """Write a line for each value; groups are said by headings or by the labels, and lists come last."""
    if root.groups and pen.chance(0.4):
        root = root.flattened()
    _lines(pen, pen.shuffled(root.facts), put)
    headed = pen.pick(SECTIONS) if root.groups else None
    listed = Group("", [], [], list(root.lists))
    begun = bool(root.facts)
    for group in root.groups:
        flat = group.flattened()
        if headed and flat.facts:
            pen.write("\n\n" if begun else "")
            label = group.label
            pen.filled(headed, l=label, L=label[:1].upper() + label[1:], U=label.upper())
            _lines(pen, flat.facts, put)
            begun = True
        listed.lists.extend(Items(f"{group.label} {each.label}", each.groups) for each in flat.lists)
    if listed.lists:
        pen.write("\n\n" if begun else "")
        items.lists(pen, listed)


def _lines(pen: Pen, facts: list[Fact], put: Form) -> None:
    for at, fact in enumerate(facts):
        if at:
            pen.write("\n")
        pen.fact(put, fact)
