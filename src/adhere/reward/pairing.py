"""Which items of two lists belong together where the order does not matter."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias, cast

from scipy.optimize import linear_sum_assignment  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from adhere.records import JSON
from adhere.schema.expected import Expected
from adhere.schema.leaves import Path, comparand, equal, is_leaf, leaf_count

Pair: TypeAlias = tuple[int, int]
"""Indexes of an item of the answer and of one of the right answer."""

MOST_COMPARISONS = 250_000
"""Leaves held against leaves, in one search for the best pairs: some ten milliseconds."""
WALK = 10
"""Comparisons that take as long as one of two items whose own lists must be paired first."""


def pairs(values: Sequence[JSON], golds: Sequence[JSON], at: Expected | None) -> Sequence[Pair]:
    """Pair the items of two lists until one of them has none left: in order, unless there is none.

    Args:
        values: Of the answer.
        golds: Of the right answer.
        at: What the schema says of the list; `None` where it has no list without order.
    """
    if at is not None and at.unordered:
        return list(_best_pairs(values, golds, at))
    return [(index, index) for index in range(min(len(values), len(golds)))]


def unpaired(count: int, paired: Iterable[int]) -> list[int]:
    """Return the indexes below `count` that are not among `paired`, in order."""
    return sorted(set(range(count)).difference(paired))


def right_leaves(value: JSON, gold: JSON, at: Expected | None) -> int:
    """Count the leaves of `value` that are right; as `match` does, without counting the others."""
    if isinstance(value, dict) and isinstance(gold, dict) and value and gold:
        common = [key for key in value if key in gold]
        return sum(right_leaves(value[key], gold[key], at and at.key(key)) for key in common)
    if not (isinstance(value, list) and isinstance(gold, list) and value and gold):
        return is_leaf(value) and is_leaf(gold) and equal(value, gold)
    if at is not None and at.unordered:
        return sum(_best_pairs(value, gold, at).values())
    in_order = enumerate(zip(value, gold, strict=False))
    return sum(right_leaves(mine, theirs, at and at.item(index)) for index, (mine, theirs) in in_order)


def _best_pairs(values: Sequence[JSON], golds: Sequence[JSON], at: Expected) -> dict[Pair, int]:
    """Pair items so that most leaves are right, and say of each pair how many are.

    Equal items come first: had each another partner, those two could be paired instead, and no right leaf
    would be lost. Then the best pairs of objects and lists are searched for, unless that is too much. What
    is left is paired in order.
    """
    found = {(i, j): leaf_count(golds[j]) for i, j in _equal_items(values, golds)}
    for search in (_searched, _in_order):
        mine, theirs = (
            unpaired(len(values), (i for i, _ in found)),
            unpaired(len(golds), (j for _, j in found)),
        )
        if mine and theirs:
            found |= search(values, golds, at, mine, theirs)
    return found


def _equal_items(values: Sequence[JSON], golds: Sequence[JSON]) -> Iterator[Pair]:
    waiting: dict[object, list[int]] = defaultdict(list)
    for index in reversed(range(len(golds))):
        waiting[_spelled(golds[index])].append(index)
    for index, value in enumerate(values):
        alike = waiting.get(_spelled(value))
        if alike:
            yield index, alike.pop()


def _spelled(item: JSON) -> object:
    """Spell an item so that the spellings of equal ones are equal, and of no others."""
    if isinstance(item, dict) and item:
        return frozenset((key, _spelled(part)) for key, part in item.items())
    if isinstance(item, list) and item:
        return tuple(map(_spelled, item))
    return comparand(item)


def _in_order(
    values: Sequence[JSON], golds: Sequence[JSON], at: Expected, mine: Sequence[int], theirs: Sequence[int]
) -> dict[Pair, int]:
    found = zip(mine, theirs, strict=False)
    return {(i, j): right_leaves(values[i], golds[j], at.item(j)) for i, j in found}


def _searched(
    values: Sequence[JSON], golds: Sequence[JSON], at: Expected, mine: Sequence[int], theirs: Sequence[int]
) -> dict[Pair, int]:
    """Solve the assignment of objects and lists; scalars that have no equal match nothing."""
    rows = [i for i in mine if not is_leaf(values[i])]
    columns = [j for j in theirs if not is_leaf(golds[j])]
    right = _rights([values[i] for i in rows], [golds[j] for j in columns], [at.item(j) for j in columns])
    if not right:
        return {}
    chosen = cast("Any", linear_sum_assignment)(right, maximize=True)  # scipy has no types
    indexes: Iterator[Pair] = zip(*(each.tolist() for each in chosen), strict=True)
    return {(rows[row], columns[column]): right[row][column] for row, column in indexes}


def _rights(
    values: Sequence[JSON], golds: Sequence[JSON], expected: Sequence[Expected]
) -> Sequence[Sequence[int]]:
    """Count the right leaves of every pair; nothing where that takes too many comparisons."""
    if not values or not golds:
        return []
    mine, theirs = sum(map(leaf_count, values)), sum(map(leaf_count, golds))
    if min(mine * len(golds), theirs * len(values)) > MOST_COMPARISONS:
        return []
    numbers: dict[object, int] = {}
    sets = [_leaf_set(value, expected[0], numbers) for value in values]
    gold_sets = [_leaf_set(gold, at, numbers) for gold, at in zip(golds, expected, strict=True)]
    if None not in sets and None not in gold_sets and all(at is expected[0] for at in expected):
        return [
            [len(one & other) for other in gold_sets if other is not None] for one in sets if one is not None
        ]
    if mine * theirs * WALK > MOST_COMPARISONS:
        return []
    return [
        [right_leaves(value, gold, at) for gold, at in zip(golds, expected, strict=True)] for value in values
    ]


def _leaf_set(item: JSON, at: Expected, numbers: dict[object, int]) -> frozenset[int] | None:
    """Number the leaves of an item, so that two items have as many numbers in common as leaves.

    `None` where that depends on how lists inside it are paired: lists without order, of more than scalars.

    Args:
        item: An object or a list.
        at: What the schema says of it.
        numbers: Those given so far.
    """
    leaves: set[int] = set()
    waiting: list[tuple[Path, JSON, Expected]] = [((), item, at)]
    while waiting:
        path, node, here = waiting.pop()
        if is_leaf(node):
            leaves.add(numbers.setdefault((path, comparand(node)), len(numbers)))
        elif isinstance(node, dict):
            waiting += [((*path, key), part, here.key(key)) for key, part in node.items()]
        elif isinstance(node, list) and not here.unordered:
            waiting += [((*path, index), part, here.item(index)) for index, part in enumerate(node)]
        elif isinstance(node, list) and all(map(is_leaf, node)):
            for leaf, count in Counter(map(comparand, node)).items():
                leaves |= {numbers.setdefault((path, leaf, which), len(numbers)) for which in range(count)}
        else:
            return None
    return frozenset(leaves)
