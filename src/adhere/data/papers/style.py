"""The ways in which a document may be laid out and its facts put into words.

In a piece, {l} is a label, {L} the same with a capital, {v} a value, {t} a title, {T} the same in capitals,
{n} a number such as 2.1, {#} as many # as the part is deep, and {-} a line as long as the title.
"""

from collections.abc import Mapping
from typing import NamedTuple

from adhere.data.papers.hand import Sort
from adhere.data.prose.wording import Pieces


class BoxStyle(NamedTuple):
    """How boxes are drawn."""

    ticked: str
    empty: str
    line: str
    """One box, with {m} for what says whether it is ticked and {o} for its label."""
    joint: str
    """What parts boxes that belong together."""

    @staticmethod
    def of(spelled: str) -> "BoxStyle":
        """Read a piece such as `[x]|[ ]|{m} {o}|;`."""
        ticked, empty, line, joint = spelled.split("|")
        return BoxStyle(ticked, empty, line, joint)


HEADINGS = Pieces(
    str,
    "{n} {t}", "{n}. {t}", "{n}) {t}", "{#} {t}", "{#} {n} {t}", "{t}", "{T}", "{n} {T}", "{t}\n{-}", "[{t}]",
    "== {t} ==", "Section {n}: {t}", "-- {t} --", "{t}:", "*** {T} ***",
)  # fmt: skip
LINES = Pieces(
    str,
    "{L}: {v}", "- {L}: {v}", "• {L}: {v}", "{L} = {v}", "{L} – {v}", "* {L}: {v}", "**{L}:** {v}",
    "{L} ........ {v}", "{L}\t{v}", "| {L} | {v} |", "[{L}] {v}", "{L} -> {v}", "> {L}: {v}", "{L} | {v}",
    "{L} : {v}", "- {l} = {v}",
)  # fmt: skip
"""A fact on a line of its own."""
RUNS = Pieces(
    str, "{L}: {v}; ", "{l} = {v}; ", "{L} {v} / ", "{l}: {v} | ", "{v} ({l}); ", "{L} – {v}; ", "({l}) {v}, "
)
"""A fact among others on the same line, with what parts it from the next."""
BOXES = Pieces(
    BoxStyle.of,
    "[x]|[ ]|{m} {o}|\n", "[X]|[ ]|{m} {o}|  ", "☑|☐|{m} {o}|\n", "☒|☐|{m} {o}|  ", "(x)|( )|{m} {o}|  ",
    "Yes|No|{o}: {m}|\n", "yes|no|{o}: {m}|; ", "ticked|not ticked|{o} ({m})|, ", "✓|–|{m} {o}|\n",
    "X|_|{o} [{m}]|\n", "- [x]|- [ ]|{m} {o}|\n",
)  # fmt: skip
PICKED = Pieces(
    str, "{l}: {v}", "{l} – selected: {v}", "{l}: {v} (of: {a})", "{l} ({a}): {v}", "Marked under {l}: {v}",
    "{l}: {v} [x]", "For {l} the box {v} is ticked",
)  # fmt: skip
"""The one box that is ticked, with {a} for all there are."""
TABLES = Pieces(
    str, "| ", "|", "aligned", "aligned wide", "; ", "\t", "{l}: {v}; ", "{l} {v}, ", "- {l}: {v} / ",
    "{l}={v} | ",
)  # fmt: skip
"""What parts cells, aligned columns, or how a row of labelled cells is written with what parts them."""
TITLES = Pieces(str, "{t}", "{t}:", "Table: {t}", "Table – {t}", "**{t}**", "{T}", "({t})", "_{t}_")
"""Of tables and of groups of boxes."""
LOGS = Pieces(
    str, "{first} – ", "[{first}] ", "- {first} ", "{first}: ", "* {first} | ", "At {first}: ", "{first}, "
)
"""The first cell of an entry of a log."""
NOTHING = Pieces(
    str,
    "n/a",
    "not recorded",
    "—",
    "none",
    "not applicable",
    "left blank",
    "N/A",
    "-",
    "none given",
    "no entry",
)
"""What stands where there is nothing to say."""

NO_FACT = Pieces(
    str, "No {l} was recorded.", "{L}: not recorded.", "The {l} was left open.", "{L} – n/a.",
    "There is no entry for {l}.", "Nothing was entered under {l}.",
)  # fmt: skip
"""A sentence that says that there is nothing to say."""
PAIRS = Pieces(
    str, "The {l} was {v} and the {k} {w}.", "The {l} came to {v}, the {k} to {w}.",
    "With the {l} at {v}, the {k} was {w}.",
    "Noted were {v} for {l} and {w} for {k}.", "{L} was {v}; {k} was {w}.", "{L}: {v}, {k}: {w}.",
    "The {l} stood at {v} while the {k} read {w}.",
)  # fmt: skip
"""Two numbers in one sentence, the second with {k} for its label and {w} for its value."""

SENTENCES: Mapping[Sort, Pieces[str]] = {
    "name": Pieces(
        str, "{v} acted as {l}.", "{v} is named as {l}.", "{L} in this matter: {v}.",
        "As {l}, {v} is entered.", "The {l} is {v}.", "{v} signed as {l}.", "The name given for {l} is {v}.",
        "{v} was the {l}.", "The role of {l} fell to {v}.",
    ),
    "code": Pieces(
        str, "The {l} reads {v}.", "{L} {v} applies.", "It is filed under {l} {v}.", "The {l} is {v}.",
        "{v} was entered as {l}.", "The label shows {l} {v}.", "For reference, the {l} was {v}.",
        "As {l}, {v} was noted.",
    ),
    "words": Pieces(
        str, "The {l} was {v}.", "{L}: {v}.", "Under {l} the record says: {v}.", "The {l} on file is {v}.",
        "The entry for {l} says {v}.", "The {l} was recorded as {v}.", "As {l} the form has {v}.",
    ),
    "day": Pieces(
        str, "The {l} was {v}.", "{L}: {v}.", "The {l} fell on {v}.", "The calendar shows {v} as {l}.",
        "The {l} is given as {v}.", "{v} is the {l}.", "On file, the {l} is {v}.",
    ),
    "clock": Pieces(
        str, "The {l} was {v}.", "The {l} is logged as {v}.", "{L}: {v}.",
        "The clock showed {v} for the {l}.", "At {v} the {l} was noted.",
    ),
    "number": Pieces(
        str, "The {l} was {v}.", "The {l} came to {v}.", "The {l} stood at {v}.",
        "The figure for {l} reads {v}.", "{L} was put at {v}.", "{L} was noted as {v}.",
        "For {l} the record shows {v}.", "The sheet shows {v} as {l}.",
        "The {l} ended up at {v}.", "{L}: {v}.",
    ),
    "count": Pieces(
        str, "The {l} came to {v}.", "The count for {l} is {v}.", "{L}: {v}.", "For {l} the figure is {v}.",
        "They counted {v} for {l}.", "The {l} ended up at {v}.",
    ),
    "option": Pieces(
        str, "The {l} was recorded as {v}.", "The {l} is {v}.", "{L}: {v}.", "For {l} the entry is {v}.",
        "The {l} was set to {v}.", "The {l} chosen was {v}.",
    ),
    "flag": Pieces(str, "{L}? {v}.", "{L}: {v}.", "To the question of {l} the answer is {v}.", "{L} – {v}.",
        "For {l} the entry is {v}.", "Checked: {l} {v}.",
    ),
}  # fmt: skip
PLAIN = Pieces(
    str,
    "{L} {v}.",
    "{L}: {v}.",
    "{L} – {v}.",
    "{L}, as noted: {v}.",
    "To be noted: {l} {v}.",
    "Further: {l} {v}.",
)
"""A fact whose label ends in a preposition, such as `tested by`."""
ASIDES: Mapping[Sort, Pieces[str]] = {
    "name": Pieces(str, " (on duty)", ", by signature", " (see roster)", ", on record", ", in person",
        " (initialled)"),
    "code": Pieces(str, " (as labelled)", ", checked against the label", " (stamped)", " (typed)",
        ", as printed"),
    "words": Pieces(str, " (as usual)", ", according to the file", " (see there)", " (by hand)"),
    "day": Pieces(str, " (by the calendar)", ", local date", " (dated by hand)", ", as planned"),
    "clock": Pieces(str, " local time", " (wall clock)", ", by the clock", " (rounded)", " sharp"),
    "number": Pieces(
        str, " (as displayed)", ", read twice", " (calculated)", ", by the display", " (verified)",
        ", all told", " (rounded)", ", within expectations",
    ),
    "count": Pieces(str, " in all", " (counted twice)", ", all told", " (verified)", " by hand count"),
    "option": Pieces(str, " (ticked)", ", as discussed", " (confirmed)", ", for now", " (agreed)"),
    "flag": Pieces(str, " (initialled)", ", as agreed", " (confirmed)", ", on paper", " (seen)"),
}  # fmt: skip
"""Words that may follow a value."""
