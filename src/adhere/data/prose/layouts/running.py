"""Running text: a sentence for each value, a narrative, or the values alone."""

from collections import Counter
from collections.abc import Mapping, Sequence

from adhere.data.prose.labels import is_lead
from adhere.data.prose.layouts import items
from adhere.data.prose.outline import Fact, Outline
from adhere.data.prose.pen import Pen
from adhere.data.prose.wording import Blanks, Form, Pieces

SENTENCES = Pieces(
    Form.of,
    "The {l} is {s}.", "{L}: {s}.", "We note {s} as the {l}.", "For {l}, please use {s}.",
    "{s} was given as {l}.", "{L} {s}.", "({l}: {s})", "{s} is the {l}.", "As {l} we have {s}.",
    "The {l} was {s}.", "{L} is {s}.", "Our records show {s} for {l}.", "Please enter {s} under {l}.",
    "{L} should read {s}.", "It lists {s} as {l}.", "{L} – {s}.", "{l} = {s};", "With {l} {s}.", "{s} ({l}).",
    "The {l} has been set to {s}.", "Under {l} it says {s}.", "Note the {l}: {s}.",
    "You will find {s} as {l}.", "They gave {s} for the {l}.", "On {l}, the paper says {s}.",
    "The {l} reads {s}.", "{L} now stands at {s}.", "As for the {l}, it is {s}.",
    "According to the file, the {l} is {s}.", "We were told that the {l} is {s}.",
)  # fmt: skip
FLAGS = Pieces(
    Form.of,
    "{L}: {s}.", "({l}: {s})", "{l} = {s};", "{L} – {s}.", "{L}? {s}.", "Under {l} it says {s}.",
    "Is it marked as {l}? {s}.", "{L} has been answered with {s}.", "Asked about {l}, they said {s}.",
    "On {l}, the answer is {s}.", "As to {l}: {s}.", "For {l} the box says {s}.", "They ticked {s} at {l}.",
    "{s} was ticked for {l}.",
)  # fmt: skip
"""For yes and no."""
PLAIN = Pieces(
    Form.of,
    "{L}: {s}.", "({l}: {s})", "{L} – {s}.", "As to {l}: {s}.", "{L} {s}.", "{l} = {s};", "{L} ... {s}.",
    "Then, {l}: {s}.", "Note {l}: {s}.", "({l} {s})", "It also says {l}: {s}.", "And {l} {s}.",
    "Entered under {l}: {s}.", "Also {l}: {s}.", "{L} – {s};", "[{l}: {s}]",
)  # fmt: skip
"""For lists, for what is missing, and for labels that are no nouns."""
QUOTES = Pieces(
    Form.of,
    '{L}: "{s}".', "{L}: “{s}”.", '({l}: "{s}")', "{L} – “{s}”.", 'Under {l} it says: "{s}".', "{l} = '{s}';",
    "We quote the {l}: “{s}”.", '"{s}" ({l}).',
)  # fmt: skip
"""For long texts, so that it can be seen where they end."""
QUOTED_CLAUSES = Pieces(
    Form.of,
    '{l}: "{s}"', "{l} “{s}”", 'as to {l}, "{s}"', "{l} = '{s}'", '"{s}" as {l}', "({l}: “{s}”)", "{l} »{s}«",
    "{l} <{s}>",
)  # fmt: skip
CLAUSES = Pieces(
    Form.of,
    "{l} {s}", "{l}: {s}", "with {l} {s}", "the {l} being {s}", "{s} as {l}", "{l} is {s}", "its {l} {s}",
    "{s} for {l}", "showing {s} as {l}", "{s} ({l})", "the {l} {s}", "{l} – {s}", "{l} stands at {s}",
    "stating {s} as {l}", "{l} reading {s}", "having {l} {s}", "and {l} {s}", "{l} noted as {s}",
)  # fmt: skip
PLAIN_CLAUSES = Pieces(
    Form.of,
    "{l}: {s}", "{l} {s}", "{l} – {s}", "{l} = {s}", "({l}: {s})", "as to {l}, {s}", "and {l} {s}",
    "{l} / {s}", "({l} {s})", "next {l}: {s}", "then {l} {s}",
)  # fmt: skip
ROLES: Mapping[str, Pieces[Form]] = {
    kind: Pieces(Form.of, *roles)
    for kind, roles in {
        "company": ("from {s}", "by {s}", "{s} sent it", "issued by {s}", "on behalf of {s}", "{s} writes",
                    "through {s}", "we owe {s}", "a letter from {s}", "{s} asks for it", "handled by {s}",
                    "sent by {s}"),
        "person": ("for {s}", "signed by {s}", "{s} asked for it", "from {s}", "attention {s}", "{s} called",
                   "with {s}", "{s} has taken it on"),
        "date": ("dated {s}", "on {s}", "as of {s}", "of {s}", "issued {s}", "since {s}", "written on {s}",
                 "day {s}"),
        "amount": ("for {s}", "total {s}", "totalling {s}", "amounting to {s}", "a sum of {s}", "at {s}",
                   "in all {s}", "we pay {s}", "{s} is owed", "comes to {s}", "worth {s}", "{s} in full"),
        "city": ("in {s}", "at {s}", "near {s}", "to {s}", "out of {s}", "down in {s}", "around {s}"),
        "country": ("in {s}", "from {s}"),
        "street": ("at {s}", "to {s}", "house at {s}"),
        "email": ("write to {s}", "mail {s}", "reply to {s}", "answers go to {s}"),
        "phone": ("call {s}", "ring {s}", "phone {s}", "reach us on {s}", "or dial {s}"),
        "code": ("no. {s}", "ref {s}", "#{s}", "number {s}", "under {s}", "see {s}", "filed as {s}"),
        "iban": ("pay into {s}", "to account {s}", "account {s}"),
        "product": ("one {s}", "the {s}", "about the {s}", "we need the {s}"),
        "topic": ("about {s}", "re {s}", "concerning {s}", "because of {s}", "it is about {s}"),
        "time": ("at {s}", "around {s}"),
        "job": ("as {s}", "works as {s}", "acts as {s}"),
    }.items()
}  # fmt: skip
"""How a value of a kind that occurs once is put without its label."""
OPENERS = Pieces(
    str,
    "Please process this", "We have received this", "Here is the record", "New entry", "Notice",
    "For your files", "This one is", "Document", "Hello, this came in", "Update", "Message",
    "Copy of the paper", "Sent today", "Request", "Incoming", "As discussed", "Confirmed", "Reminder",
    "To whom it may concern", "Just in", "One more for the file", "Taken down by hand", "Memo", "Received",
    "File copy", "Please note this", "Registered",
)  # fmt: skip
ROWS = Pieces(
    Blanks.of,
    "{s}, {s}", "{s} / {s}", "{s} - {s}", "{s}; {s}", "{s} | {s}", "Entry: {s}, {s}", "Record - {s} - {s}",
    "Item: {s}, {s}", "Noted: {s} / {s}", "In short: {s}, {s}", "> {s}, {s}", "Data: {s} - {s}", "{s} – {s}",
    "Entry: {s} / {s}", "Keyed in: {s}; {s}", "{s} • {s}", "{s}\n{s}",
)  # fmt: skip
"""What stands before values in a row, and between them."""
_READABLE = frozenset(ROLES) - {"code"} | {"currency"}
"""Kinds of which a reader can tell the field without a label, where each occurs once."""
_LONG = 60
"""Characters from which a text is quoted."""
_ENDS = {"nothing": ", ", "remark": ", ", "topic": ", ", "word": ", ", "series": "; "}
"""What has to stand after values of some kinds, so that it can be seen where they end."""
_FEW = 4
"""Clauses that can be told apart without commas."""
_MOST_CLAUSES = 6
"""Clauses that one sentence may have."""


def sentences(pen: Pen, outline: Outline) -> None:
    """Write a sentence for each value, and the items of lists after them."""
    flat = outline.root.flattened()
    for at, fact in enumerate(pen.shuffled(flat.facts)):
        if at:
            pen.write(" ")
        pen.fact(pen.pick(_sentence_forms(fact)), fact)
    items.after(pen, flat)


def _sentence_forms(fact: Fact) -> Pieces[Form]:
    if len(fact.pieces[0][1]) > _LONG:
        return QUOTES
    if fact.kind == "flag":
        return FLAGS
    return PLAIN if _is_plain(fact) else SENTENCES


def _is_plain(fact: Fact) -> bool:
    return fact.kind in {"series", "nothing"} or is_lead(fact.label)


def narrative(pen: Pen, outline: Outline) -> None:
    """Write one or a few running sentences, most after an opener."""
    paragraph(pen, outline, pen.pick(OPENERS) if pen.chance(0.8) else "")


def paragraph(pen: Pen, outline: Outline, opener: str = "") -> None:
    """Write one or a few running sentences; a value whose kind occurs once needs no label."""
    flat = outline.root.flattened()
    if flat.facts:
        _clauses(pen, outline, pen.shuffled(flat.facts), opener)
    items.after(pen, flat)


def _clauses(pen: Pen, outline: Outline, facts: Sequence[Fact], opener: str) -> None:
    alone = Counter(fact.kind for fact in facts)
    if opener:
        pen.write(opener)
    joint = ", " if len(facts) > _FEW or pen.chance(0.5) else " "
    rest = _sentence_length(pen, len(facts))
    begins, end, ends = not opener, "", ""
    for fact in facts:
        form = _clause(pen, fact, alone[fact.kind] == 1 and fact.kind not in outline.doubtful)
        before, after = form.around(fact.label)
        if rest == 0:
            pen.write(" " if end == "." else ". ")
            begins, rest = True, _sentence_length(pen, len(facts))
        elif not begins:
            # Without a comma, a value that begins its clause would run into the one before it.
            pen.write(ends or (joint if before else ", "))
        # A value keeps its spelling where it begins a sentence: nobody could read `tripod` from `Tripod`.
        pen.stated(before[:1].upper() + before[1:] if begins else before, fact, after)
        begins, rest, ends = False, rest - 1, _ENDS.get(fact.kind, "")
        end = (after or fact.pieces[-1][1])[-1:]
    if end != ".":
        pen.write(".")


def _sentence_length(pen: Pen, facts: int) -> int:
    """Draw the number of clauses up to the end of the sentence; few values mostly go into one."""
    if facts <= _MOST_CLAUSES and pen.chance(0.6):
        return facts
    return 1 + int(pen.random.random() * min(facts, _MOST_CLAUSES - 1))


def _clause(pen: Pen, fact: Fact, is_alone: bool) -> Form:  # noqa: FBT001
    pieces = ROLES.get(fact.kind) if is_alone else None
    roles = pen.wording.of(pieces) if pieces else ()
    if len(fact.pieces[0][1]) > _LONG:
        return pen.pick(QUOTED_CLAUSES)
    if roles and pen.chance(0.8):
        return pen.one(roles)
    return pen.pick(PLAIN_CLAUSES if fact.kind == "flag" or _is_plain(fact) else CLAUSES)


def can_be_terse(outline: Outline) -> bool:
    """Whether a reader could tell every value by its looks: no two are of a kind."""
    facts, root = outline.root.facts, outline.root
    kinds = {fact.kind for fact in facts}
    return (
        len(facts) == len(kinds) > 1
        and kinds <= _READABLE
        and not (root.groups or root.lists or kinds & outline.doubtful)
    )


def terse(pen: Pen, outline: Outline) -> None:
    """Write only the values, in a row."""
    head, _, joint, *_ = pen.pick(ROWS).parts
    if head:
        pen.write(head)
    for at, fact in enumerate(pen.shuffled(outline.root.facts)):
        if at:
            pen.write(joint)
        pen.value(fact)
