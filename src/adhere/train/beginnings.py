"""Rows that begin alike, as groups that compute their beginning once.

Rows of one schema share its instructions and its blank form, which is most of a short prompt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from adhere.prompt import Rendered
from adhere.train.pack import Answer, Group

LEAST = 1 / 8
"""Share of the tokens of some rows that a beginning has to save, or they stay apart. A token that shares its
prompt attends in two parts, which are joined: with less saved, that costs about as much as it gains."""


def of_rows(rows: Sequence[Rendered]) -> list[Group]:
    """Return rows as groups: what some begin with as the prompt, what follows in each as its answer.

    A beginning ends before the first token that is trained on in any of its rows. Where rows could be split
    in several ways, as the system message is shared by all and a form by some, the one that leaves the fewest
    tokens is taken. The groups are a function of which rows there are, not of their order.

    Args:
        rows: Each has a token that is trained on, and one before it.
    """
    ordered = sorted(rows, key=lambda row: (row.tokens, row.is_answer))
    shared = [_shared(one, other) for one, other in pairwise(ordered)]
    return [
        _group(
            ordered[part.start : part.stop],
            min(shared[part.start : part.stop - 1], default=_prompt(ordered[part.start])),
        )
        for part in _together([len(row.tokens) for row in ordered], shared)
    ]


def _group(rows: Sequence[Rendered], beginning: int) -> Group:
    answers = tuple(Answer(row.tokens[beginning:], row.is_answer[beginning:]) for row in rows)
    return Group(rows[0].tokens[:beginning], answers)


def _prompt(row: Rendered) -> int:
    """Return the tokens before the first that is trained on."""
    return row.is_answer.index(True)


def _shared(one: Rendered, other: Rendered) -> int:
    """Return the tokens with which both begin, none of which is trained on."""
    most = min(_prompt(one), _prompt(other))
    pairs = zip(one.tokens[:most], other.tokens, strict=False)
    return next((place for place, (first, second) in enumerate(pairs) if first != second), most)


@dataclass(frozen=True, slots=True)
class _Split:
    """Neighbouring rows, and which of them belong together."""

    parts: tuple[range, ...]
    saved: int
    """Tokens that need not be computed again."""


def _together(lengths: Sequence[int], shared: Sequence[int]) -> tuple[range, ...]:
    """Return which rows to compute together, so that the most tokens are saved.

    Rows in the order of their tokens are the leaves of a tree whose inner nodes are beginnings; each node is
    either one group or what its children are.

    Args:
        lengths: Tokens of each row.
        shared: Tokens that each row but the last shares with the next.
    """
    until = [0, *accumulate(lengths)]
    opened: list[tuple[int, list[_Split]]] = [(0, [])]
    for place, beginning in enumerate([*shared, 0] if lengths else []):
        made = _Split((range(place, place + 1),), 0)
        while opened[-1][0] > beginning:
            closed, children = opened.pop()
            made = _best(closed, [*children, made], until)
        if opened[-1][0] < beginning:
            opened.append((beginning, []))
        opened[-1][1].append(made)
    return tuple(part for split in opened[0][1] for part in split.parts)


def _best(beginning: int, children: Sequence[_Split], until: Sequence[int]) -> _Split:
    """Return the rows of a node as one group, or as its children are where that saves more."""
    whole = range(children[0].parts[0].start, children[-1].parts[-1].stop)
    saved, apart = beginning * (len(whole) - 1), sum(child.saved for child in children)
    if saved > apart and saved >= LEAST * (until[whole.stop] - until[whole.start]):
        return _Split((whole,), saved)
    return _Split(tuple(part for child in children for part in child.parts), apart)
