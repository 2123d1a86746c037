"""Reads a domain from its outline: a text of nothing but words and figures.

A line that begins with a blank goes on with the one before. `%` names a list of words, `=` begins a kind of
document, `#`, `##` and `###` a part of it or of the part before, and `@` what the whole domain has. All other
lines say what is written down there:

    batch: code B@####                a # stands for a digit, a @ for a capital letter
    volume: 380.0..415.0 L            a number with so many decimals, and its unit
    price: money 20..900              an amount in the document's currency, which is `currency`
    made: day -24..-14                a date, in days from that of the document
    start: clock 7..15                a time between two full hours
    state: open | closed              one of several
    sterile: flag                     yes or no
    operator: person                  also company
    room: %rooms R-##                 one of a list, with an identifier if there is one
    remark: %troubles + %moments      one of each list
    recovery: = harvest / culture %   a percentage; also `= a - b L`, and `= sum price of Lines`
    [ ] Vessel clean                  a box
    ( ) Decision: Release | Reject    boxes of which one is ticked
    [*] Worn: Gloves | Goggles        boxes of which any are ticked
    table Lines 2..5: step: step; price: money 1..9; total: = step * price
    readings Limits: pH 6.60..7.40 (6.80..7.20); heat 20..40 (25..35) °C
    log Entries 2..4: time: clock 6..20; entry: %actions + %reasons

A line of readings gives what is seen and what passes; `readings Limits [in/out]: …` has other words than
pass and fail. `# > Title` repeats a part of the document `shared`, which is none itself. Under `@ fillers`
and `@ remarks` stand sentences without names, figures or dates, under `@ distractors` fields, under
`@ synonyms` lines such as `operator = technician | worker`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from adhere.data.papers.outline import (
    Box,
    Choice,
    Clock,
    Code,
    Column,
    Company,
    Confirm,
    Currency,
    Day,
    Domain,
    Field,
    Flag,
    Formula,
    Money,
    Number,
    Paper,
    Parameter,
    Part,
    Person,
    Phrase,
    Pick,
    Product,
    Readings,
    Step,
    Table,
    Term,
    Ticks,
)
from adhere.data.prose.wording import Pieces

_SHARED = "shared"
_BOUNDS = re.compile(r"(-?[0-9.]+?)\.\.(-?[0-9.]+)(?: (.+))?")
_TABLE = re.compile(r"(table|log) (.+?) ([0-9]+)\.\.([0-9]+): (.+)")
_READINGS = re.compile(r"readings (.+?)(?: \[(.+)/(.+)\])?: (.+)")
_READING = re.compile(r"(.+?) (\S+\.\.\S+) \((\S+\.\.\S+)\)(?: (.+))?")
_SHARE = re.compile(r"= (\w+) ([-/]) (\w+)(?: (.+))?")
_SUM = re.compile(r"= sum (\w+) of (.+)")
_PRODUCT = re.compile(r"= (\w+) \* (\w+)")


def domain(name: str, text: str) -> Domain:
    """Read a domain.

    Raises:
        ValueError: A line is none of these; it is given.
    """
    return _Reader(text).domain(name)


@dataclass(slots=True)
class _Open:
    """A document or a part of one, as far as it has been read."""

    title: str
    lines: list[str]
    parts: "list[_Open]"


class _Reader:
    """One outline being read."""

    def __init__(self, text: str) -> None:
        self._pools: dict[str, tuple[str, ...]] = {}
        self._papers: list[_Open] = []
        self._whole: dict[str, list[str]] = {}
        lines: list[str] = []
        open_parts: list[_Open] = []
        for line in _joined(text):
            if line.startswith("%"):
                pool, _, words = line[1:].partition(": ")
                self._pools[pool] = _options(words)
            elif line.startswith("@ "):
                lines = self._whole[line[2:]] = []
            elif line.startswith("= "):
                open_parts = [_Open(line[2:], [], [])]
                self._papers += open_parts
                lines = open_parts[0].lines
            elif line.startswith("#"):
                marks, _, title = line.partition(" ")
                if len(marks) > len(open_parts):
                    raise ValueError(line)
                part = _Open(title, [], [])
                open_parts[len(marks) :] = [part]
                open_parts[len(marks) - 1].parts.append(part)
                lines = part.lines
            else:
                lines.append(line)

    def domain(self, name: str) -> Domain:
        papers = {paper.title.partition(": ")[0]: paper for paper in self._papers}
        self._shared = {part.title: part for part in papers.pop(_SHARED, _Open("", [], [])).parts}
        return Domain(
            name=name,
            papers=tuple(self._paper(kind, paper) for kind, paper in papers.items()),
            fillers=Pieces(str, *self._whole["fillers"]),
            remarks=Pieces(str, *self._whole["remarks"]),
            distractors=tuple(self._field(line) for line in self._whole["distractors"]),
            synonyms={
                words: _options(others)
                for words, _, others in (line.partition(" = ") for line in self._whole["synonyms"])
            },
        )

    def _paper(self, kind: str, paper: _Open) -> Paper:
        titles = _options(paper.title.partition(": ")[2])
        head = tuple(self._field(line) for line in paper.lines)
        return Paper(kind, titles, head, tuple(map(self._part, paper.parts)))

    def _part(self, given: _Open) -> Part:
        if given.title.startswith("> "):
            return self._part(self._shared[given.title[2:]])
        part = Part(title=given.title, parts=tuple(map(self._part, given.parts)))
        for line in given.lines:
            part = self._with(part, line)
        return part

    def _with(self, part: Part, line: str) -> Part:
        """Add what a line says to a part."""
        box, table, readings = _box(line), _TABLE.fullmatch(line), _READINGS.fullmatch(line)
        if box is not None:
            return replace(part, boxes=(*part.boxes, box))
        if table is not None:
            rows = self._table(*table.groups()[1:])
            return (
                replace(part, log=rows) if table[1] == "log" else replace(part, tables=(*part.tables, rows))
            )
        if readings is not None:
            return replace(part, tables=(*part.tables, _readings(*readings.groups())))
        name, _, spelled = line.partition(": ")
        formula = _formula(name, spelled)
        if formula is not None:
            return replace(part, formulas=(*part.formulas, formula))
        return replace(part, fields=(*part.fields, self._field(line)))

    def _table(self, title: str, least: str, most: str, columns: str) -> Table:
        return Table(title, tuple(map(self._column, columns.split("; "))), int(least), int(most))

    def _column(self, line: str) -> Column:
        name, _, spelled = line.partition(": ")
        product = _PRODUCT.fullmatch(spelled)
        if product is not None:
            return Product(name, (product[1], product[2]))
        return Step(name) if spelled == "step" else self._field(line)

    def _field(self, line: str) -> Field:
        name, _, spelled = line.partition(": ")
        word, _, rest = spelled.partition(" ")
        simple = _SIMPLE.get(spelled)
        if simple is not None:
            return simple(name)
        if word in _BOUNDED:
            return _BOUNDED[word](name, *map(int, rest.split("..")))
        bounds = _BOUNDS.fullmatch(spelled)
        if bounds is not None:
            return _number(name, bounds[1], bounds[2], bounds[3] or "")
        if word == "code":
            return Code(name, rest)
        if word.startswith("%"):
            return self._of_pools(name, word[1:], rest)
        if " | " in spelled:
            return Choice(name, _options(spelled))
        raise ValueError(line)

    def _of_pools(self, name: str, pool: str, rest: str) -> Term | Phrase:
        if rest.startswith("+ %"):
            return Phrase(name, self._pools[pool], self._pools[rest[3:]])
        return Term(name, self._pools[pool], rest)


_SIMPLE: Mapping[str, Callable[[str], Field]] = {
    "person": Person, "company": Company, "currency": Currency, "flag": Flag,
}  # fmt: skip
_BOUNDED: Mapping[str, Callable[[str, int, int], Field]] = {
    "day": Day,
    "clock": Clock,
    "money": lambda name, low, high: Money(name, 100 * low, 100 * high),
}


def _joined(text: str) -> Iterator[str]:
    """Yield the lines after the first, each with those that go on with it."""
    _, *lines = text.split("\n")
    waiting = ""
    for line in [*lines, ""]:
        if line.startswith(" "):
            waiting += f" {line.strip()}"
            continue
        if waiting:
            yield waiting
        waiting = line.rstrip()


def _options(words: str) -> tuple[str, ...]:
    return tuple(words.split(" | "))


def _number(name: str, low: str, high: str, unit: str) -> Number:
    decimals = len(low.partition(".")[2])
    return Number(name, int(low.replace(".", "")), int(high.replace(".", "")), decimals, unit)


def _box(line: str) -> Box | None:
    label, _, options = line[4:].partition(": ")
    match line[:4]:
        case "[ ] ":
            return Confirm(line[4:])
        case "( ) ":
            return Pick(label, _options(options))
        case "[*] ":
            return Ticks(label, _options(options))
        case _:
            return None


def _readings(title: str, passes: str | None, fails: str | None, lines: str) -> Readings:
    verdicts = (passes, fails) if passes and fails else ("pass", "fail")
    return Readings(title, tuple(map(_parameter, lines.split("; "))), verdicts)


def _parameter(line: str) -> Parameter:
    reading = _READING.fullmatch(line)
    if reading is None:
        raise ValueError(line)
    low, high = reading[2].split("..")
    least, most = (int(bound.replace(".", "")) for bound in reading[3].split(".."))
    return Parameter(_number(reading[1], low, high, reading[4] or ""), (least, most))


def _formula(name: str, spelled: str) -> Formula | None:
    total, share = _SUM.fullmatch(spelled), _SHARE.fullmatch(spelled)
    if total is not None:
        return Formula(name, "sum", (total[2], total[1]))
    if share is not None:
        rule = "percent" if share[2] == "/" else "difference"
        return Formula(name, rule, (share[1], share[3]), share[4] or "")
    return None
