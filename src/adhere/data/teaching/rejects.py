"""What a teacher wrote in vain: counted, written down, and shown."""

from collections import Counter
from typing import BinaryIO

from adhere.data.teaching.checks import Reason
from adhere.data.teaching.lesson import Rejected
from adhere.endpoint import Endpoint
from adhere.progress import Advance
from adhere.records import JSON
from adhere.schema.canonical import spelled

MOST_IN_A_ROW = 100
"""So many conversations in a row that came to nothing mean that the teacher cannot do it: of those that keep
one in twenty, one in 170 is given up at any place."""


class Rejects:
    """Counts what came to nothing, and says when to stop."""

    def __init__(self, file: BinaryIO, advance: Advance, endpoint: Endpoint) -> None:
        """Say where each is written down, and where the counts are shown."""
        self.by_reason: Counter[Reason] = Counter()
        self._file = file
        self._advance = advance
        self._endpoint = endpoint
        self._in_a_row = 0

    def add(self, what: str, rejected: Rejected) -> None:
        """Count one, and write it down.

        Args:
            what: Names what it would have been.
            rejected: Why it is not.
        """
        self.by_reason[rejected.reason] += 1
        self._in_a_row += 1
        columns: dict[str, JSON] = {"what": what, "reason": rejected.reason, "detail": rejected.detail}
        self._file.write(f"{spelled(columns)}\n".encode(errors="replace"))
        self._show(0)

    def keep(self, rows: int) -> None:
        """Note that something was kept that makes so many rows."""
        self._in_a_row = 0
        self._show(rows)

    @property
    def is_budget_spent(self) -> bool:
        """Whether something was not asked for want of tokens."""
        return self.by_reason["budget"] > 0

    @property
    def are_too_many(self) -> bool:
        """Whether there is no use in going on."""
        return self.is_budget_spent or self._in_a_row >= MOST_IN_A_ROW

    def __str__(self) -> str:
        return ", ".join(f"{number} {reason}" for reason, number in self.by_reason.most_common()) or "none"

    def _show(self, rows: int) -> None:
        totals = self._endpoint.totals
        cost = f" · cost {totals.cost:.4g}" if totals.cost else ""
        self._advance(f"{totals.spending.tokens} tokens{cost} · rejected: {self}", rows)
