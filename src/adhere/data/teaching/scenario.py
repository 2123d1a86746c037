"""What makes one request unlike the next: whom a document is about, and what it looks like."""

from random import Random

from adhere.data.filling import values

_ROLES = (
    "an inspector", "an operator on a shift", "a supplier", "an auditor", "an accountant", "a customer",
    "an engineer", "a trainee", "a planner", "a storekeeper", "a laboratory", "a project lead", "an office",
    "a technician", "a contractor", "a manager on duty",
)  # fmt: skip
_OCCASIONS = (
    "a delivery", "a handover", "an incident", "a yearly review", "an approval", "a calibration",
    "a complaint", "a training", "a stock count", "a repair", "an audit", "the end of a job", "a test",
    "a change of plan", "an order", "a first use", "a failure", "a visit", "a payment", "a request",
)  # fmt: skip
_DEPTHS = (
    "sections only", "sections, of which one has subsections", "sections and subsections",
    "sections, subsections and one detail below them",
)  # fmt: skip
_PARTS = (
    "a table", "a checkbox to confirm", "a checkbox with options", "a paragraph", "a log of timed entries",
    "metrics with units", "a formula with its result", "a table and a paragraph", "two checkboxes",
)  # fmt: skip
_LAYOUTS = (
    "an e-mail", "a letter", "a form with labels and lines", "a report with headings", "a log, line by line",
    "a table with a few sentences around it", "minutes of a meeting", "a chat between two people",
    "running prose in paragraphs", "a list with bullets", "a fax with a cover line",
    "a note typed in a hurry", "a notice", "a page of a manual that was filled in", "a telephone note",
)  # fmt: skip
_TONES = ("plain", "formal", "terse", "chatty", "hurried", "careful and long-winded", "friendly", "dry")
_TABLES = (
    "with columns between bars", "as Markdown", "with columns apart by blanks", "row by row in sentences",
    "with one line for each cell", "with columns apart by semicolons",
)  # fmt: skip
_BOXES = (
    "as [x] and [ ]", "as ☒ and ☐", "as (x) and ( )", "in words, with yes and no",
    "with an arrow at the choice", "with ✓ at the choice",
)  # fmt: skip
_REMARKS = ("one or two remarks stand", "a few remarks stand", "many remarks, and a paragraph of them, stand")
_OF_THEIR_OWN = (
    "between the values that have nothing to do with them; they may have names, dates and numbers of their"
    " own, as long as nobody could take them for a value"
)
_SCANNED = (
    "As if scanned: lines break where they should not, blanks are lost or doubled, a few letters are wrong; "
    "but the values are right."
)


def case(random: Random) -> str:
    """Draw whom and what a document is about.

    Args:
        random: Source of chance; the same state gives the same words.
    """
    return (
        f"It is written by {random.choice(_ROLES)} on the occasion of {random.choice(_OCCASIONS)}, in the"
        f" month of {random.choice(values.MONTHS)} {random.randint(2004, 2029)}. Among those concerned:"
        f" {values.person(random)}; {values.company(random)} of {values.city(random)}. Somewhere it touches"
        f" on: {values.topic(random)}."
    )


def structure(random: Random) -> str:
    """Draw how a tree of nodes is built."""
    first, second = random.sample(_PARTS, 2)
    return (
        f"The root has {random.randint(2, 4)} {random.choice(_DEPTHS)}. Among its parts are {first} and"
        f" {second}. It has {random.randint(6, 18)} values that differ from document to document."
    )


def layout(random: Random, *, noise: float, remarks: bool) -> str:
    """Draw what a text looks like.

    Args:
        random: Source of chance.
        noise: Share of the texts that read as if scanned, in [0, 1].
        remarks: Whether it says other things too.
    """
    others = f"{random.choice(_REMARKS)} {_OF_THEIR_OWN}"
    said = [
        f"It is {random.choice(_LAYOUTS)}. Its tone is {random.choice(_TONES)}.",
        f"A table, if there is one, is written {random.choice(_TABLES)}; boxes {random.choice(_BOXES)}.",
        f"Besides, {others}." if remarks else "It says nothing that the data do not say.",
    ]
    return " ".join([*said, _SCANNED] if random.random() < noise else said)
