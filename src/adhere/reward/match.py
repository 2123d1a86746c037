"""Which leaves of an answer are right, wrong, missing or invented."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias, cast

from scipy.optimize import linear_sum_assignment  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from adhere.errors import EvaluationError
from adhere.records import JSON
from adhere.reward.expected import Expected, expected, has_unordered_lists
from adhere.reward.leaves import Path, field_of, leaves_at
from adhere.schema import Schema

Fate: TypeAlias = Literal["right", "wrong", "missing", "invented"]


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


def match(value: JSON, gold: JSON, *, schema: Schema) -> Match:
    """Compare an answer with the gold, leaf by leaf.

    Numbers are compared by value (1 equals 1.0, true does not), strings exactly; null is a value and
    not the same as a missing key; the order of keys never matters. Lists are compared in order, unless
    the schema sets `uniqueItems` or `x-order: free` on them: then items are paired so that most leaves
    are right. An empty list or object is one leaf.

    Pure.
    """
    return tally(findings(value, gold, schema=schema))


def findings(value: JSON, gold: JSON, *, schema: Schema) -> tuple[Finding, ...]:
    """Say of every leaf of the answer and every missing one of the gold what became of it."""
    at = expected(schema) if has_unordered_lists(schema) else None
    return tuple(_compare(value, gold, (), at))


def all_missing(gold: JSON) -> tuple[Finding, ...]:
    """Say that every leaf of the gold is missing, as it is where there is no answer."""
    return tuple(_missing(gold, ()))


def tally(found: Iterable[Finding]) -> Match:
    """Count fates."""
    return _match(Counter(finding.fate for finding in found))


def by_leaf(found: Iterable[Finding]) -> Mapping[str, Match]:
    """Count fates per field: the pointer of a leaf with `*` for every list index."""
    counts: dict[str, Counter[Fate]] = defaultdict(Counter)
    for finding in found:
        counts[field_of(finding.path)][finding.fate] += 1
    return {field: _match(count) for field, count in counts.items()}


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
    return Match(
        right=count.get("right", 0),
        wrong=count.get("wrong", 0),
        missing=count.get("missing", 0),
        invented=count.get("invented", 0),
    )


def _compare(value: JSON, gold: JSON, path: Path, at: Expected | None) -> Iterator[Finding]:
    match value, gold:
        case dict(), dict() if value and gold:
            for key, part in value.items():
                if key in gold:
                    yield from _compare(part, gold[key], (*path, key), at and at.key(key))
                else:
                    yield from _invented(part, (*path, key), shared=len(path))
            for key in [key for key in gold if key not in value]:
                yield from _missing(gold[key], (*path, key))
        case list(), list() if value and gold:
            yield from _compare_lists(value, gold, path, at)
        case _ if _is_leaf(value) and _is_leaf(gold):
            yield Finding("right" if _scalar(value) == _scalar(gold) else "wrong", path, len(path))
        case _:
            yield from _missing(gold, path)
            yield from _invented(value, path, shared=len(path))


def _compare_lists(
    values: list[JSON], golds: list[JSON], path: Path, at: Expected | None
) -> Iterator[Finding]:
    pairs = _pairs(values, golds, at)
    for mine, theirs in pairs:
        yield from _compare(values[mine], golds[theirs], (*path, mine), at and at.item(theirs))
    for mine in sorted(set(range(len(values))) - {pair[0] for pair in pairs}):
        yield from _invented(values[mine], (*path, mine), shared=len(path))
    for theirs in sorted(set(range(len(golds))) - {pair[1] for pair in pairs}):
        yield from _missing(golds[theirs], (*path, theirs))


def _missing(gold: JSON, path: Path) -> Iterator[Finding]:
    return (Finding("missing", at, len(at)) for at, _ in leaves_at(gold, path))


def _invented(value: JSON, path: Path, *, shared: int) -> Iterator[Finding]:
    return (Finding("invented", at, shared) for at, _ in leaves_at(value, path))


def _is_leaf(value: JSON) -> bool:
    return not (isinstance(value, list | dict) and value)


def _scalar(leaf: JSON) -> tuple[str, object]:
    """Spell a leaf so that equal ones compare equal: numbers by value, true not as 1, {} not as []."""
    match leaf:
        case bool():
            return "boolean", leaf
        case int() | float():
            return "number", leaf
        case list() | dict():
            return type(leaf).__name__, None
        case _:
            return "string or null", leaf


def _pairs(values: Sequence[JSON], golds: Sequence[JSON], at: Expected | None) -> list[tuple[int, int]]:
    """Pair items, by their indexes, until one of the two lists has none left."""
    if at is not None and at.unordered:
        return list(_best_pairs(values, golds, at))
    return [(index, index) for index in range(min(len(values), len(golds)))]


def _best_pairs(values: Sequence[JSON], golds: Sequence[JSON], at: Expected) -> dict[tuple[int, int], int]:
    """Pair items so that most leaves are right, and say of each pair how many are.

    Equal scalars are paired first: they match nothing else, so no better pairing parts them.
    """
    pairs = dict.fromkeys(_equal_scalars(values, golds), 1)
    mine = sorted(set(range(len(values))) - {pair[0] for pair in pairs})
    theirs = sorted(set(range(len(golds))) - {pair[1] for pair in pairs})
    if not mine or not theirs:
        return pairs
    right = [[_right(values[i], golds[j], at.item(j)) for j in theirs] for i in mine]
    return pairs | {(mine[row], theirs[column]): right[row][column] for row, column in _heaviest(right)}


def _equal_scalars(values: Sequence[JSON], golds: Sequence[JSON]) -> list[tuple[int, int]]:
    waiting: dict[tuple[str, object], list[int]] = defaultdict(list)
    for index in reversed(range(len(golds))):
        if _is_leaf(golds[index]):
            waiting[_scalar(golds[index])].append(index)
    pairs: list[tuple[int, int]] = []
    for index, value in enumerate(values):
        if _is_leaf(value) and waiting[_scalar(value)]:
            pairs.append((index, waiting[_scalar(value)].pop()))
    return pairs


def _right(value: JSON, gold: JSON, at: Expected | None) -> int:
    """Count the leaves that `_compare` would find right, without listing the others."""
    match value, gold:
        case dict(), dict() if value and gold:
            return sum(_right(value[key], gold[key], at and at.key(key)) for key in value if key in gold)
        case list(), list() if value and gold and at is not None and at.unordered:
            return sum(_best_pairs(value, gold, at).values())
        case list(), list() if value and gold:
            pairs = enumerate(zip(value, gold, strict=False))
            return sum(_right(mine, theirs, at and at.item(index)) for index, (mine, theirs) in pairs)
        case _:
            return _is_leaf(value) and _is_leaf(gold) and _scalar(value) == _scalar(gold)


def _heaviest(weights: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Pair rows with columns for the greatest sum of weights."""
    rows, columns = cast("Any", linear_sum_assignment)(weights, maximize=True)  # scipy has no types
    return list(zip(rows.tolist(), columns.tolist(), strict=True))
