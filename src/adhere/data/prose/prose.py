"""Writes a text that states every leaf of a target, in varied layout and wording, among other things."""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from adhere.data.document import Document
from adhere.data.filling.fill import Filled
from adhere.data.prose.distractors import distractors
from adhere.data.prose.layouts import letter, log, running, sheet, talk
from adhere.data.prose.noise import scanned
from adhere.data.prose.outline import Outline, outline
from adhere.data.prose.pen import Pen
from adhere.data.prose.strange import Strange
from adhere.data.prose.wording import Pieces, wording
from adhere.data.side import EITHER, Side

REMARKS = Pieces(
    str,
    "Thank you for your business.", "Please see the attached file.", "Regards,",
    "Do not reply to this message.", "As discussed on the phone.", "Page 1 of 1.", "Confidential.",
    "Let me know if anything is missing.", "Return valid JSON only.", "Have a nice day.",
    "Sent from my phone.", "Extract the fields.", "All prices include tax.", "Kind regards", "See below.",
    "This is not a reminder.", "Thanks!", "Best,", "Original follows by post.", "Please print on both sides.",
    "The canteen is shut this week.", "Our website has a new look.", "E&OE.",
    "No signature, as it was made by machine.", "Mind the step at the gate.", "We are moving house soon.",
    "Wishing you a good week.", "Please keep for your files.",
)  # fmt: skip


class _Family(NamedTuple):
    """A layout."""

    name: str
    until: float
    """A draw below it, and not below that of the family before, is one of these."""
    write: Callable[[Pen, Outline], None]
    joints: tuple[str, ...]
    """What stands between the text and a remark; empty where remarks have no place."""


_FAMILIES = (
    _Family("form", 0.20, sheet.form, ("\n",)),
    _Family("sentences", 0.35, running.sentences, (" ", " ", "\n\n")),
    _Family("narrative", 0.56, running.narrative, (" ", " ", "\n\n")),
    _Family("terse", 0.61, running.terse, (" ", "\n", "\n\n")),
    _Family("list", 0.69, sheet.bullets, ("\n", "\n\n")),
    _Family("table", 0.77, sheet.fields, ("\n", "\n\n")),
    _Family("mail", 0.85, letter.mail, ()),
    _Family("letter", 0.90, letter.letter, ()),
    _Family("log", 0.95, log.log, ()),
    _Family("talk", 1.0, talk.talk, ()),
)
_NARRATIVE = 2


def document(
    random: Random, filled: Filled, side: Side = EITHER, *, noise: float = 0.0, strange: float = 0.0
) -> Document:
    """Write a text that states every leaf of a target, and where it does.

    Every leaf can be told from the others by a reader who knows the schema: by its label, or by its looks
    where no other value is, or could be, of its kind. Values of one item of a list stand together, and items
    in the target's order. Of what is missing, the text says nothing, or that it is missing.

    The template is the name of the layout, a colon and 16 hexadecimal digits; noise does not change it. Where
    templates are held apart, every piece of wording belongs to one side by its own spelling: sentences and
    clauses, forms of lines, titles, headings and openers, remarks, questions and answers, heads and closings
    of letters, styles of tables, labels that are not the schema's own, and what facts are called that belong
    to no leaf. On both sides are the layouts as such, the schema's own labels, what stands between two
    values or items, the ways to write a number, a date or an amount with its currency, and what a scan adds.

    Args:
        random: Source of chance; the same state gives the same document.
        filled: The target, and how each leaf is stated.
        side: The split that it is made for.
        noise: Chance in [0, 1] that the text reads as if it had been scanned.
        strange: Chance in [0, 1] that its words and marks are none of the pieces', but made up for it; such
            texts belong to no side, save for their labels.
    """
    is_strange = strange > 0 and random.random() < strange
    pen = Pen(random, Strange(random, side) if is_strange else wording(side))
    planned = outline(random, filled, pen.wording)
    others = distractors(pen, planned)
    planned.root.facts.extend(others)
    pen.distractors = len(others)
    family = _family(random.random(), planned)
    if family:
        _write(pen, planned, family)
    else:
        pen.write(pen.pick(REMARKS))
    name = family.name if family else "remark"
    written = pen.draft.document(template=f"{name}:{pen.draft.wording}", distractors=pen.distractors)
    return scanned(random, written) if noise and random.random() < noise else written


def _family(draw: float, planned: Outline) -> _Family | None:
    """Choose a layout; there is none where there is nothing to state."""
    root = planned.root
    if not (root.facts or root.groups or root.lists):
        return None
    family = next(each for each in _FAMILIES if draw < each.until)
    if family.write is running.terse and not running.can_be_terse(planned):
        return _FAMILIES[_NARRATIVE]
    return family


def _write(pen: Pen, planned: Outline, family: _Family) -> None:
    joint = pen.one(family.joints) if family.joints else ""
    joint = "\n\n" if joint == " " and planned.root.lists else joint
    if joint and pen.chance(0.15):
        _remark(pen, planned, "", joint)
    family.write(pen, planned)
    if joint and pen.chance(0.25):
        _remark(pen, planned, joint, "")


def _remark(pen: Pen, planned: Outline, before: str, after: str) -> None:
    """Write an unrelated sentence, unless it has the words of a label: it could be taken for a value."""
    remark = pen.pick(REMARKS)
    said = remark.lower()
    if not any(label in said for label in planned.labels):
        pen.write(f"{before}{remark}{after}")
