"""Writes the text of a document that has been filled in."""

from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import TypeVar

from adhere.data.document import Document, Draft
from adhere.data.papers import style
from adhere.data.papers.hand import Entry
from adhere.data.papers.sheet import Fact, Mark, Marks, Rows, Sheet, Told
from adhere.data.prose.wording import Pieces, Wording
from adhere.text.stated import CURRENCY_SIGNS

_RUN_SHARE, _SENTENCE_SHARE = 0.12, 0.33
"""Of the documents, those whose facts stand in a row, and those that tell them in sentences."""
_KEPT_SHARE = 0.7
"""How often a part keeps to the way of its document."""
_ASIDE_SHARE = 0.15
"""How often further words follow a value."""
_REMARK_SHARE = 0.09
"""How often a sentence that has nothing to do with it follows a fact."""
_FILLER_SHARE = 0.55
"""How often a part begins with a paragraph that states nothing."""
_PICK_IS_DRAWN_SHARE = 0.6
_SHUFFLED_SHARE = 0.25
_PAIR_SHARE = 0.5
_OWN_NAME_SHARE = 0.6
_PREPOSITIONS = frozenset({"by", "on", "at", "to", "until", "since", "against", "from"})
_NUMBERS = frozenset({"number", "count"})
_T = TypeVar("_T")


class Report:
    """One text being written.

    Args:
        random: Source of chance.
        wording: The pieces that may be used.
        fillers: Sentences that documents of the kind have anyway.
        remarks: Sentences that have nothing to do with the matter.
        most: Of either, how many may occur; `None` for as many as there are.
    """

    def __init__(
        self,
        random: Random,
        wording: Wording,
        fillers: Pieces[str],
        remarks: Pieces[str],
        *,
        most: int | None = None,
    ) -> None:
        self._random = random
        self._wording = wording
        self._fillers = _shuffled(random, wording.of(fillers))[:most]
        self._remarks = _shuffled(random, wording.of(remarks))[:most]
        self._draft = Draft()
        self._heading = self._one(style.HEADINGS)
        self._line = self._one(style.LINES)
        self._run = self._one(style.RUNS)
        self._table = self._one(style.TABLES)
        self._title = self._one(style.TITLES)
        self._box = self._one(style.BOXES)
        self._nothing = self._one(style.NOTHING)
        self._log = self._one(style.LOGS)
        self._mode = self._drawn_mode()
        self._money = random.choice(("before", "after", "after", "sign"))
        self._glued = random.random() < 0.3
        self._units_in_heads = random.random() < 0.6

    def document(self, sheet: Sheet, *, distractors: int) -> Document:
        """Write a document down, which can be done once.

        Args:
            sheet: The document.
            distractors: So many of its facts belong to no leaf.
        """
        self._sheet(sheet)
        pieces = (self._heading, self._mode, self._line, self._table, self._box.line, self._box.ticked)
        return self._draft.document(template=" ".join(map(repr, pieces)), distractors=distractors)

    def _one(self, pieces: Pieces[_T]) -> _T:
        return self._random.choice(self._wording.of(pieces))

    def _drawn_mode(self) -> str:
        draw = self._random.random()
        if draw < _RUN_SHARE:
            return "run"
        return "sentences" if draw < _RUN_SHARE + _SENTENCE_SHARE else "lines"

    # ------------------------------------------------------------------------------------------- parts

    def _sheet(self, sheet: Sheet) -> None:
        write, random = self._draft.write, self._random
        write(self._headed(sheet))
        if random.random() < _FILLER_SHARE:
            self._filler()
        if sheet.facts:
            self._facts(sheet.facts)
        if sheet.logs is not None:
            self._logged(sheet.logs)
        for block in sheet.blocks:
            write("\n")
            match block:
                case Told(facts):
                    self._told(facts)
                case Rows():
                    self._tabled(block)
                case Marks():
                    self._marked(block)
        for child in sheet.children:
            write("\n")
            self._sheet(child)

    def _headed(self, sheet: Sheet) -> str:
        title = sheet.title
        if sheet.level == 0:
            # The title of the whole has no number.
            pattern = self._heading.replace("Section {n}: ", "").replace("{n}) ", "").replace("{n}. ", "")
            heading = pattern.replace("{n} ", "").replace("{-}", "=" * len(title))
        else:
            heading = self._heading.replace("{n}", sheet.id).replace("{-}", "-" * len(title))
        heading = heading.replace("{#}", "#" * (sheet.level + 1))
        return heading.replace("{t}", title).replace("{T}", title.upper()) + "\n"

    def _filler(self) -> None:
        """Begin a part with a sentence or two that state nothing; none of them twice."""
        said = [self._fillers.pop() for _ in range(self._random.choice((1, 1, 2, 3))) if self._fillers]
        if said:
            self._draft.write(" ".join(said) + "\n")

    def _remark(self, before: str, after: str) -> None:
        """Now and then say something that has nothing to do with the matter; nothing twice."""
        if self._remarks and self._random.random() < _REMARK_SHARE:
            self._draft.write(before + self._remarks.pop() + after)

    # ------------------------------------------------------------------------------------------- facts

    def _facts(self, facts: list[Fact]) -> None:
        random = self._random
        if random.random() < _SHUFFLED_SHARE:
            random.shuffle(facts)
        mode = self._mode if random.random() < _KEPT_SHARE else self._drawn_mode()
        if mode == "sentences":
            self._told(facts)
        elif mode == "run":
            self._in_a_row(facts)
        else:
            for fact in self._worth_saying(facts):
                self._say(self._line, fact)
                self._draft.write("\n")
                self._remark("", "\n")

    def _worth_saying(self, facts: Sequence[Fact]) -> Iterator[Fact]:
        """Pass over half of what there is nothing to say of."""
        return (fact for fact in facts if not fact.is_empty or self._random.random() < 0.5)

    def _in_a_row(self, facts: Sequence[Fact]) -> None:
        said = list(self._worth_saying(facts))
        for fact in said[:-1]:
            self._say(self._run, fact)
        for fact in said[-1:]:
            self._say(self._run.rstrip(" ;/|,–"), fact)
        self._draft.write("\n")

    def _told(self, facts: Sequence[Fact]) -> None:
        waiting = list(self._worth_saying(facts))[::-1]
        joint = ""
        while waiting:
            fact = waiting.pop()
            self._draft.write(joint)
            if fact.is_empty:
                self._draft.write(_named(self._one(style.NO_FACT), fact.labels[0]))
            elif (
                waiting
                and _is_figure(fact)
                and _is_figure(waiting[-1])
                and self._random.random() < _PAIR_SHARE
            ):
                self._say_both(fact, waiting.pop())
            else:
                is_noun = fact.labels[0].rpartition(" ")[2] not in _PREPOSITIONS
                self._say(self._one(style.SENTENCES[fact.entry.sort] if is_noun else style.PLAIN), fact)
            self._remark(" ", "")
            joint = " "
        self._draft.write("\n")

    def _say(self, pattern: str, fact: Fact) -> None:
        """Write a fact with the words around it."""
        label = self._label(fact)
        head, _, tail = pattern.partition("{v}")
        self._draft.write(_named(head, label))
        self._value(fact, with_unit=True)
        if not fact.is_empty and self._random.random() < _ASIDE_SHARE:
            aside = self._one(style.ASIDES[fact.entry.sort])
            goes_on = aside.startswith(",") and tail[:1] == " " and tail[1:2].isalpha()
            self._draft.write(f"{aside}," if goes_on else aside)
        self._draft.write(_named(tail, label))

    def _say_both(self, one: Fact, other: Fact) -> None:
        """Write two facts in one sentence."""
        pattern = _named(self._one(style.PAIRS), self._label(one)).replace("{k}", self._label(other))
        head, _, rest = pattern.partition("{v}")
        between, _, tail = rest.partition("{w}")
        self._draft.write(head)
        self._value(one, with_unit=True)
        self._draft.write(between)
        self._value(other, with_unit=True)
        self._draft.write(tail)

    def _label(self, fact: Fact) -> str:
        """Call a fact by its own name most of the time."""
        labels = fact.labels
        return (
            labels[0]
            if len(labels) == 1 or self._random.random() < _OWN_NAME_SHARE
            else self._random.choice(labels)
        )

    def _value(self, fact: Fact, *, with_unit: bool) -> None:
        entry, pointer = fact.entry, fact.pointer
        if fact.is_empty:
            self._draft.write(self._nothing)
            return
        before, after = self._around(entry) if with_unit and entry.unit else ("", "")
        self._draft.write(before)
        if pointer:
            self._draft.state(pointer, entry.surface)
        else:
            self._draft.write(entry.surface)
        self._draft.write(after)

    def _around(self, entry: Entry) -> tuple[str, str]:
        """Return what stands before a number and after it."""
        unit = entry.unit
        if unit in CURRENCY_SIGNS or unit == "CHF":
            sign = CURRENCY_SIGNS.get(unit, "CHF ")
            return {"before": (f"{unit} ", ""), "after": ("", f" {unit}"), "sign": (sign, "")}[self._money]
        return "", unit if unit == "%" and self._glued else f" {unit}"

    # ------------------------------------------------------------------------------------------ tables

    def _tabled(self, rows: Rows) -> None:
        draft, table = self._draft, self._table
        draft.write(_titled(self._title, rows.title) + "\n")
        if "{l}" in table:
            self._labelled(rows)
            return
        units = [_unit(line[at] for line in rows.lines) for at in range(len(rows.heads))]
        in_heads = [bool(unit) and self._units_in_heads for unit in units]
        heads = [
            f"{capital(head)} ({unit})" if in_head else capital(head)
            for head, unit, in_head in zip(rows.heads, units, in_heads, strict=True)
        ]
        lengths = [
            [self._length(fact, with_unit=not in_head) for fact, in_head in zip(line, in_heads, strict=True)]
            for line in rows.lines
        ]
        widths = [0] * len(heads)
        first, joint, last = ("| ", " | ", " |") if table == "| " else ("", table, "")
        if table.startswith("aligned"):
            widths = [max(column) for column in zip(map(len, heads), *lengths, strict=True)]
            joint = "  " if table == "aligned" else "    "
        draft.write(first + joint.join(map(str.ljust, heads, widths)).rstrip() + last + "\n")
        if table == "| ":
            draft.write("|" + "---|" * len(heads) + "\n")
        for line, sizes in zip(rows.lines, lengths, strict=True):
            lead = first
            for fact, in_head, width, size in zip(line, in_heads, widths, sizes, strict=True):
                draft.write(lead)
                self._value(fact, with_unit=not in_head)
                lead = " " * (width - size) + joint
            draft.write(last + "\n")

    def _length(self, fact: Fact, *, with_unit: bool) -> int:
        """Count the characters that a cell takes."""
        around = self._around(fact.entry) if with_unit and fact.entry.unit else ()
        return len(fact.entry.surface) + sum(map(len, around))

    def _labelled(self, rows: Rows) -> None:
        """Write every cell with the name of its column."""
        head, _, tail = self._table.partition("{v}")
        for line in rows.lines:
            for at, fact in enumerate(line):
                self._draft.write(_named(head, fact.labels[0]))
                self._value(fact, with_unit=True)
                self._draft.write(tail if at + 1 < len(line) else "\n")

    def _logged(self, rows: Rows) -> None:
        if self._random.random() < 0.3:
            self._tabled(rows)
            return
        self._draft.write(_titled(self._title, rows.title) + "\n")
        head, _, tail = self._log.partition("{first}")
        for first, *others in rows.lines:
            self._draft.write(head)
            self._value(first, with_unit=True)
            joint, end = tail, ""
            for at, fact in enumerate(others):
                self._draft.write(joint)
                self._value(fact, with_unit=True)
                joint = " (" if at == 0 else "; "
                end = "" if at == 0 else ")"
            self._draft.write(end + "\n")

    # ------------------------------------------------------------------------------------------- boxes

    def _marked(self, marks: Marks) -> None:
        if marks.named and self._random.random() >= _PICK_IS_DRAWN_SHARE:
            self._picked(marks)
            return
        box = self._box
        if marks.label:
            self._draft.write(_titled(self._title, marks.label) + "\n")
        for at, mark in enumerate(marks.marks):
            if at:
                self._draft.write(box.joint)
            self._drawn(mark, box, named=marks.named)
        self._draft.write("\n")

    def _drawn(self, mark: Mark, box: style.BoxStyle, *, named: bool) -> None:
        """Draw one box; what says the value is its label if that is the leaf, else whether it is ticked."""
        signs = {"{m}": box.ticked if mark.ticked else box.empty, "{o}": mark.label}
        states = "{o}" if named else "{m}"
        line = box.line
        for place in sorted(signs, key=line.index):
            head, _, line = line.partition(place)
            self._draft.write(head)
            if place == states and mark.pointer:
                self._draft.state(mark.pointer, signs[place])
            else:
                self._draft.write(signs[place])
        self._draft.write(line)

    def _picked(self, marks: Marks) -> None:
        pattern = self._one(style.PICKED).replace("{l}", marks.label)
        pattern = pattern.replace("{a}", " / ".join(mark.label for mark in marks.marks))
        head, _, tail = pattern.partition("{v}")
        self._draft.write(head)
        for mark in marks.marks:
            if mark.ticked:
                self._draft.state(mark.pointer, mark.label)
        self._draft.write(tail + "\n")


def _unit(facts: Iterable[Fact]) -> str:
    """Return the unit that all facts have; empty where they differ."""
    units = {fact.entry.unit for fact in facts}
    return units.pop() if len(units) == 1 else ""


def capital(label: str) -> str:
    """Begin a label with a capital, unless it is spelled in its own way, such as pH."""
    first, _, _ = label.partition(" ")
    return label[0].upper() + label[1:] if first.islower() else label


def _is_figure(fact: Fact) -> bool:
    return fact.entry.sort in _NUMBERS


def _shuffled(random: Random, given: Sequence[str]) -> list[str]:
    return random.sample(given, len(given))


def _named(pattern: str, label: str) -> str:
    return pattern.replace("{l}", label).replace("{L}", capital(label))


def _titled(pattern: str, title: str) -> str:
    return pattern.replace("{t}", title).replace("{T}", title.upper())
