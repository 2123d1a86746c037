"""Which leaves of an answer are right, wrong, missing or invented."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias, TypeVar

from adhere.errors import EvaluationError
from adhere.records import JSON
from adhere.reward.normalise import normalised
from adhere.reward.pairing import pairs, unpaired
from adhere.schema import Schema
from adhere.schema.expected import Expected, expected, has_unordered_lists
from adhere.schema.leaves import Path, equal, field_of, is_leaf, leaf_count, leaves_at

Fate: TypeAlias = Literal["right", "wrong", "missing", "invented"]
K = TypeVar("K")

_SCALARS = frozenset({str, int, float, bool, type(None)})
"""Types of a leaf, save for empty lists and objects."""


@dataclass(frozen=True, slots=True)
class Match:
    """How many leaves met which fate; counts add up over lists, fields and rows."""

    right: int
    """The gold has an equal leaf at the same path."""
    wrong: int
    """The gold has another leaf at the same path."""
    missing: int
    """Leaves of the gold that the answer has not."""
    invented: int
    """Leaves of the answer that the gold has not."""

    @property
    def precision(self) -> float:
        """Share of the answer's leaves that are right, in [0, 1]."""
        return _share(self.right, self.right + self.wrong + self.invented)

    @property
    def recall(self) -> float:
        """Share of the gold's leaves that are right, in [0, 1]."""
        return _share(self.right, self.right + self.wrong + self.missing)

    @property
    def f1(self) -> float:
        """Right leaves out of the mean number of leaves of answer and gold, in [0, 1]."""
        return _share(2 * self.right, 2 * self.right + 2 * self.wrong + self.missing + self.invented)

    @property
    def exact(self) -> bool:
        """Whether the answer equals the gold."""
        return self.right > 0 and self.wrong == self.missing == self.invented == 0


class Finding(NamedTuple):
    """The fate of one leaf."""

    fate: Fate
    path: Path
    """In the answer; where the leaf is missing, where it was expected."""
    shared: int
    """How many steps of the path the gold has too; the whole path unless the leaf is invented."""
    leaf: JSON
    """The gold's leaf; the answer's where it is invented."""


def match(value: JSON, gold: JSON, *, schema: Schema, normalise: tuple[str, ...] = ()) -> Match:
    """Compare an answer with the gold, leaf by leaf.

    Numbers are compared by value (1 equals 1.0, true does not), strings exactly; null is a value and
    not the same as a missing key; the order of keys never matters. Lists are compared in order, unless
    the schema sets `uniqueItems` or `x-order: free` on them: then items are paired so that most leaves
    are right, up to `MOST_COMPARISONS`. An empty list or object is one leaf.

    Pure.

    Args:
        value: The answer.
        gold: The right answer.
        schema: Says which lists have no order.
        normalise: Settings as in `Scoring.normalise`: which strings are equal though not to the letter.
    """
    if normalise:
        value, gold = normalised(value, normalise), normalised(gold, normalise)
    counts = _Counts()
    counts.add(value, gold, expected(schema) if has_unordered_lists(schema) else None)
    return Match(right=counts.right, wrong=counts.wrong, missing=counts.missing, invented=counts.invented)


def findings(value: JSON, gold: JSON, *, schema: Schema) -> tuple[Finding, ...]:
    """Say of every leaf of the answer and every missing one of the gold what became of it."""
    at = expected(schema) if has_unordered_lists(schema) else None
    found: list[Finding] = []
    _compare(value, gold, (), at, found)
    return tuple(found)


def all_missing(gold: JSON) -> tuple[Finding, ...]:
    """Say that every leaf of the gold is missing, as it is where there is no answer."""
    return tuple(_missing(gold, ()))


def tally(found: Iterable[Finding]) -> Match:
    """Count fates."""
    return _match(Counter(finding.fate for finding in found))


def by_leaf(found: Iterable[Finding]) -> Mapping[str, Match]:
    """Count fates per field: the pointer of a leaf with `*` for every list index."""
    return by((field_of(finding.path), finding.fate) for finding in found)


def by(fates: Iterable[tuple[K, Fate]]) -> Mapping[K, Match]:
    """Count fates per whatever they are given with."""
    counts: dict[K, dict[Fate, int]] = defaultdict(dict)
    for (key, fate), count in Counter(fates).items():
        counts[key][fate] = count
    return {key: _match(count) for key, count in counts.items()}


def total(matches: Iterable[Match]) -> Match:
    """Add matches up."""
    listed = tuple(matches)
    return Match(
        right=sum(each.right for each in listed),
        wrong=sum(each.wrong for each in listed),
        missing=sum(each.missing for each in listed),
        invented=sum(each.invented for each in listed),
    )


def _share(part: int, whole: int) -> float:
    if whole == 0:
        raise EvaluationError.at(
            "match",
            "0 leaves",
            "a share of no leaves is not defined",
            fix="Compare at least one answer that parses",
        )
    return part / whole


def _match(count: Mapping[Fate, int]) -> Match:
    return _of_counts(*(count.get(fate, 0) for fate in ("right", "wrong", "missing", "invented")))


@lru_cache(maxsize=4096)
def _of_counts(right: int, wrong: int, missing: int, invented: int) -> Match:
    """Return one match for all that have these counts: most are of a single leaf, and rows keep them."""
    return Match(right=right, wrong=wrong, missing=missing, invented=invented)


class _Counts:
    """How many leaves `_compare` would find of each fate, without listing them: a reward asks for no more."""

    __slots__ = ("invented", "missing", "right", "wrong")

    def __init__(self) -> None:
        self.right = self.wrong = self.missing = self.invented = 0

    def add(self, value: JSON, gold: JSON, at: Expected | None) -> None:
        """Count the leaves of two values that stand at the same place."""
        # Tests of types are several times as fast as a match of patterns, and most values are leaves.
        if (type(value) in _SCALARS and type(gold) in _SCALARS) or (is_leaf(value) and is_leaf(gold)):
            if equal(value, gold):
                self.right += 1
            else:
                self.wrong += 1
        elif isinstance(value, dict) and isinstance(gold, dict) and value and gold:
            self._add_objects(value, gold, at)
        elif isinstance(value, list) and isinstance(gold, list) and value and gold:
            self._add_lists(value, gold, at)
        else:
            self.missing += leaf_count(gold)
            self.invented += leaf_count(value)

    def _add_objects(self, value: dict[str, JSON], gold: dict[str, JSON], at: Expected | None) -> None:
        for key, part in value.items():
            if key in gold:
                self.add(part, gold[key], at and at.key(key))
            else:
                self.invented += leaf_count(part)
        for key, part in gold.items():
            if key not in value:
                self.missing += leaf_count(part)

    def _add_lists(self, values: list[JSON], golds: list[JSON], at: Expected | None) -> None:
        paired = pairs(values, golds, at)
        for mine, theirs in paired:
            self.add(values[mine], golds[theirs], at and at.item(theirs))
        if len(paired) < len(values):
            self.invented += sum(leaf_count(values[i]) for i in unpaired(len(values), (i for i, _ in paired)))
        if len(paired) < len(golds):
            self.missing += sum(leaf_count(golds[j]) for j in unpaired(len(golds), (j for _, j in paired)))


def _compare(value: JSON, gold: JSON, path: Path, at: Expected | None, found: list[Finding]) -> None:
    """Append what became of the leaves of two values that stand at the same place."""
    if (type(value) in _SCALARS and type(gold) in _SCALARS) or (is_leaf(value) and is_leaf(gold)):
        found.append(Finding("right" if equal(value, gold) else "wrong", path, len(path), gold))
    elif isinstance(value, dict) and isinstance(gold, dict) and value and gold:
        for key, part in value.items():
            if key in gold:
                _compare(part, gold[key], (*path, key), at and at.key(key), found)
            else:
                found += _invented(part, (*path, key), shared=len(path))
        for key, part in gold.items():
            if key not in value:
                found += _missing(part, (*path, key))
    elif isinstance(value, list) and isinstance(gold, list) and value and gold:
        _compare_lists(value, gold, path, at, found)
    else:
        found += _missing(gold, path)
        found += _invented(value, path, shared=len(path))


def _compare_lists(
    values: list[JSON], golds: list[JSON], path: Path, at: Expected | None, found: list[Finding]
) -> None:
    paired = pairs(values, golds, at)
    for mine, theirs in paired:
        _compare(values[mine], golds[theirs], (*path, mine), at and at.item(theirs), found)
    for mine in unpaired(len(values), (i for i, _ in paired)):
        found += _invented(values[mine], (*path, mine), shared=len(path))
    for theirs in unpaired(len(golds), (j for _, j in paired)):
        found += _missing(golds[theirs], (*path, theirs))


def _missing(gold: JSON, path: Path) -> Iterator[Finding]:
    return (Finding("missing", at, len(at), leaf) for at, leaf in leaves_at(gold, path))


def _invented(value: JSON, path: Path, *, shared: int) -> Iterator[Finding]:
    return (Finding("invented", at, shared, leaf) for at, leaf in leaves_at(value, path))
