"""How leaves of one kind came out, over all rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from adhere.measure.share import Share, share
from adhere.records import JSON
from adhere.reward.match import Match


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What became of leaves of one kind: a field, a type, a depth, or all there are."""

    recall: Share
    """Right ones, of the gold's."""
    precision: Share
    """Right ones, of the answers'."""
    f1: Share
    """Right ones, counted on both sides, of the gold's and the answers' together."""
    wrong: Share
    """Of the gold's."""
    missing: Share
    """Of the gold's."""
    invented: Share
    """Of the answers'."""

    @classmethod
    def of(cls, rows: Sequence[Match]) -> Self:
        """Count what each row has of the kind; one row or more."""
        counts = [(each.right, each.wrong, each.missing, each.invented) for each in rows]
        right_R, wrong_R, missing_R, invented_R = np.array(counts, dtype=np.float64).T
        gold_R, answer_R = right_R + wrong_R + missing_R, right_R + wrong_R + invented_R
        return cls(
            recall=share(right_R, gold_R),
            precision=share(right_R, answer_R),
            f1=share(2 * right_R, gold_R + answer_R),
            wrong=share(wrong_R, gold_R),
            missing=share(missing_R, gold_R),
            invented=share(invented_R, answer_R),
        )

    def as_json(self) -> dict[str, JSON]:
        """Spell the recall as a rate is, the other fates as counts beside it, and precision and F1."""
        return {
            **self.recall.as_json(),
            "wrong": self.wrong.hits,
            "missing": self.missing.hits,
            "invented": self.invented.hits,
            "precision": self.precision.as_json(),
            "f1": self.f1.as_json(),
        }
