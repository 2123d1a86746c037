"""Looks through the rows of splits for what is wrong with them, and for what they share."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from adhere.data import store
from adhere.data.inspection import stating
from adhere.data.inspection.finding import LEAKED, Finding, Place
from adhere.data.inspection.language import language
from adhere.data.inspection.near import twins
from adhere.data.inspection.overlap import mark, telling
from adhere.data.store import Row
from adhere.errors import DataError
from adhere.records import Example
from adhere.schema import Schema
from adhere.schema.canonical import canonical, spelled
from adhere.schema.check import summed_up
from adhere.text.page import WORD

_TAGS = ("<think>", "</think>", "<answer>", "</answer>")
_MOSTLY = 0.5
"""Share of a field's leaves that texts must state for one that is not stated to be a likely mistake; a field
with a smaller one is worked out or put in other words."""


@dataclass(slots=True)
class Field:
    """The leaves of one field, over all rows."""

    total: int = 0
    missing: list[tuple[Place, stating.Statement]] = field(
        default_factory=list[tuple[Place, stating.Statement]]
    )

    @property
    def is_mostly_stated(self) -> bool:
        """Whether the texts state it as a rule."""
        return len(self.missing) <= (1 - _MOSTLY) * self.total


@dataclass(frozen=True, slots=True)
class _First:
    """The first row that has something, and its target."""

    split: int
    place: Place
    target: bytes | None = None


class Inspection:
    """What was found in the splits read so far, each held against those before it.

    Args:
        near: Share of common runs of three words from which two texts are near-duplicates, in (0, 1].
    """

    def __init__(self, *, near: float) -> None:
        self.findings: list[Finding] = []
        self.rows: dict[str, int] = {}
        """Of each split, by its name."""
        self.unlabelled = 0
        self.without_reasoning = 0
        self.languages: Counter[str] = Counter()
        self.fields: dict[str, Field] = defaultdict(Field)
        """By schema and pointer."""
        self._near = near
        self._first: dict[bytes, _First] = {}
        """By the hash of a text, target or wording."""
        self._texts: list[str] = []
        """Those that no row before has, over all splits; with where they are from."""
        self._split_of: list[int] = []
        self._places: list[Place] = []

    def read(
        self, name: str, rows: Iterator[Row], schemas: Mapping[str, Schema]
    ) -> Iterator[tuple[Place, Example, Schema]]:
        """Look through the rows of a split; yield those that can be read, with their targets as they are.

        Raises:
            DataError: There is no such file, it has no rows, or a line is no JSON object.
        """
        ids: dict[str, Place] = {}
        self.rows[name] = 0
        reasoned = 0
        for row in rows:
            self.rows[name] += 1
            bare = replace(row, columns={**row.columns, "target": None})
            try:
                example = store.example(bare, schemas)
            except DataError as fault:
                what = str(fault).removeprefix(f"{row.where} ").removesuffix(".")
                self._find("unreadable_rows", Place(row.where, str(row.columns.get("id"))), what)
                continue
            example = replace(example, target=row.columns.get("target"))
            place = Place(row.where, example.id)
            if example.id in ids:
                self._find("repeated_ids", place, f"the id is {example.id!r} again", ids[example.id])
            ids.setdefault(example.id, place)
            reasoned += example.reasoning is not None
            self._look_at(place, example, schemas[example.schema])
            yield place, example, schemas[example.schema]
        if reasoned:
            self.without_reasoning += self.rows[name] - reasoned

    def close(self) -> None:
        """Find what only all rows together show: texts that are nearly the same, and fields mostly stated."""
        for twin in twins(self._texts, self._split_of, near=self._near):
            is_own = self._split_of[twin.index] == self._split_of[twin.other]
            kind = "near_duplicates" if is_own else "leaked_near"
            what = f"{twin.share:.0%} of the runs of three words are the same"
            self._find(kind, self._places[twin.index], what, self._places[twin.other])
        for each in self.fields.values():
            for place, statement in each.missing:
                is_wrong = statement.is_exact and each.is_mostly_stated
                kind = "unstated_numbers" if is_wrong else "unstated_values"
                value = spelled(statement.value)
                self._find(kind, place, f"{statement.pointer} is {value}, which the text does not state")

    def _find(self, kind: str, place: Place, what: str, other: Place | None = None) -> None:
        self.findings.append(Finding(kind, place, what, other))

    def _look_at(self, place: Place, example: Example, schema: Schema) -> None:
        self.languages[language(example.text)] += 1
        if not example.text.strip():
            self._find("empty_texts", place, "the text is empty")
        if example.reasoning is not None and (tags := [tag for tag in _TAGS if tag in example.reasoning]):
            self._find("tagged_reasoning", place, f"the reasoning has {tags[0]}")
        has_leaked = self._hold_against_others(place, example)
        if example.target is None:
            self.unlabelled += 1
            return
        violations = schema.violations(example.target)
        if violations:
            self._find("broken_targets", place, summed_up(violations))
            return
        statements, wording = stating.read(example, schema)
        for statement in statements:
            each = self.fields[f"{example.schema} {statement.field}"]
            each.total += 1
            if not statement.is_stated:
                each.missing.append((place, statement))
        if wording is not None and not has_leaked:
            self._leaks("shared_templates", place, mark("wording", wording))

    def _hold_against_others(self, place: Place, example: Example) -> bool:
        """Compare a row with all before it, and say whether an earlier split has its text."""
        target = None if example.target is None else mark("target", canonical(example.target))
        split = len(self.rows) - 1
        in_split = mark("row", f"{split} {example.schema} {example.text}")
        earlier = self._first.setdefault(in_split, _First(split, place, target))
        if earlier.place != place:
            is_conflict = earlier.target is not None and target is not None and earlier.target != target
            kind = "conflicting_targets" if is_conflict else "repeated_rows"
            what = "the same text has another target" if is_conflict else "the row is there again"
            self._find(kind, place, what, earlier.place)
        has_leaked = self._leaks("leaked_texts", place, mark("text", example.text))
        if target is not None and telling(example.target) and not has_leaked:
            self._leaks("leaked_targets", place, target)
        if earlier.place == place and not has_leaked and WORD.search(example.text):
            self._texts.append(example.text)
            self._split_of.append(split)
            self._places.append(place)
        return has_leaked

    def _leaks(self, kind: str, place: Place, shared: bytes) -> bool:
        """Say whether an earlier split has something too, and remember who had it first."""
        split = len(self.rows) - 1
        first = self._first.setdefault(shared, _First(split, place))
        if first.split == split:
            return False
        self._find(kind, place, f"the {LEAKED[kind]} stands in an earlier split", first.place)
        return True
