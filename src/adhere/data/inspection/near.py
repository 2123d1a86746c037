"""Texts that are nearly the same."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import numpy as np
import rensa  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

from adhere.text.page import WORD

RUN = 3
"""Words in a row that two texts have in common or not."""
_HASHES = 128
"""Kept of each text: the share that two texts' are equal estimates what they have in common, with a standard
error of 0.03 around 0.85."""
_SEED = 1
_RECALL = 0.99
"""Least probability that two texts just as near as asked for are held against each other at all."""
_MARGIN = 0.1
"""An estimate so far below what is asked for, three standard errors, is believed."""
_MOST_LOOKED_AT = 256
"""Texts of a split that one text is held against for each of its bands; the first of those that share it."""
_AT_ONCE = 1024
"""Texts hashed together, so that the runs of few stand in memory."""
_PRIME = 1_099_511_628_211
"""Of the 64-bit FNV hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """A text that is nearly the same as an earlier one."""

    index: int
    other: int
    share: float
    """Runs of three words that stand in both, of those that stand in either."""


def twins(texts: Sequence[str], split_of: Sequence[int], *, near: float) -> list[Twin]:
    """Find for each text an earlier one that is nearly the same, in its own split and in an earlier one.

    Two texts are nearly the same if they share enough of their runs of three words, whatever the case and the
    punctuation; a text of fewer words is one run. Candidates come from MinHash and are then compared in full,
    so every twin is one; of pairs just at `near`, one in a hundred is overlooked, of nearer ones fewer. The
    same texts give the same twins.

    Args:
        texts: Texts with words in them.
        split_of: The split of each, in ascending order.
        near: Least share of runs in common, in (0, 1].

    Source: Broder, On the resemblance and containment of documents, 1997; for the bands, Leskovec, Rajaraman
    and Ullman, Mining of Massive Datasets, section 3.4.
    """
    digests = _digests(texts)

    @lru_cache(maxsize=4096)
    def runs_of(index: int) -> frozenset[str]:
        return frozenset(_runs(texts[index]))

    def first(index: int, others: Sequence[int]) -> Twin | None:
        estimates = (digests[list(others)] == digests[index]).mean(axis=1)
        for place in np.flatnonzero(estimates >= near - _MARGIN).tolist():
            ours, theirs = runs_of(index), runs_of(others[place])
            share = len(ours & theirs) / len(ours | theirs)
            if share >= near:
                return Twin(index=index, other=others[place], share=share)
        return None

    found: dict[tuple[int, bool], Twin] = {}
    for candidates in _sharing_a_band(digests, _band(near)):
        earlier: dict[int, list[int]] = defaultdict(list)
        for index in candidates:
            own = split_of[index]
            for split, others in earlier.items():
                key = index, split == own
                if key not in found and (twin := first(index, others)):
                    found[key] = twin
            if len(earlier[own]) < _MOST_LOOKED_AT:
                earlier[own].append(index)
    return [found[key] for key in sorted(found)]


def _runs(text: str) -> list[str]:
    words = WORD.findall(text.casefold())
    return [" ".join(words[at : at + RUN]) for at in range(max(1, len(words) - RUN + 1))]


def _digests(texts: Sequence[str]) -> NDArray[np.uint16]:
    """Return the smallest hashes of each text's runs, cut to what still tells them apart."""
    digests = np.empty((len(texts), _HASHES), np.uint16)
    for start in range(0, len(texts), _AT_ONCE):
        runs = [_runs(text) for text in texts[start : start + _AT_ONCE]]
        # A cast, because rensa has no types.
        matrix = cast("Any", rensa).RMinHash.digest_matrix_from_token_sets(runs, _HASHES, _SEED)
        digests[start : start + len(runs)] = np.array(matrix.to_rows(), np.uint32).astype(np.uint16)
    return digests


def _band(near: float) -> int:
    """Return how many hashes make a band: as many as still bring nearly all that are near together.

    Of texts that share s of their runs, 1 - (1 - s^r)^b share one of b bands of r hashes.
    """
    rows = range(_HASHES, 1, -1)
    return next((r for r in rows if 1 - (1 - near**r) ** (_HASHES // r) >= _RECALL), 1)


def _sharing_a_band(digests: NDArray[np.uint16], size: int) -> Iterator[list[int]]:
    """Yield texts that are equal in a band of so many hashes, two at least, in ascending order."""
    for start in range(0, _HASHES - size + 1, size):
        marks = np.zeros(len(digests), np.uint64)
        for column in range(start, start + size):
            marks = (marks ^ digests[:, column]) * np.uint64(_PRIME)
        order = np.argsort(marks, kind="stable")
        starts = np.flatnonzero(np.diff(marks[order], prepend=~marks[order[:1]]))
        ends = np.append(starts[1:], len(order))
        several = np.flatnonzero(ends - starts > 1)
        yield from (order[starts[at] : ends[at]].tolist() for at in several)
