"""What held-out examples may not share with the others, where a teacher writes both."""

from collections import defaultdict
from collections.abc import Iterator

from adhere.config import HoldOut
from adhere.data.reasoning.origins import holders
from adhere.records import Example
from adhere.schema import Schema
from adhere.text.dates import is_date


class Apart:
    """Remembers what the examples of the first split have.

    What is drawn can be drawn for one side alone; what a teacher writes can only be held against what was
    written before.
    """

    def __init__(self, kinds: frozenset[HoldOut]) -> None:
        """Say what is held apart; shapes are by the choice of schemas."""
        self._kinds = kinds
        self._met: defaultdict[HoldOut, set[str]] = defaultdict(set)

    def remember(self, example: Example, schema: Schema) -> None:
        """Note down what an example of the first split has."""
        for kind, mark in _marks(example, schema):
            if kind in self._kinds:
                self._met[kind].add(mark)

    def shared(self, example: Example, schema: Schema) -> str | None:
        """Say what an example shares with those of the first split, as a clause; `None` for nothing."""
        for kind, mark in _marks(example, schema):
            if mark in self._met[kind]:
                return f"it shares the {kind} {mark!r}"
        return None


def _marks(example: Example, schema: Schema) -> Iterator[tuple[HoldOut, str]]:
    yield "template", str(example.meta["template"])
    for holder in holders(example.target, schema):
        for leaf in holder.leaves:
            if isinstance(leaf.value, str) and leaf.at.options is None and not is_date(leaf.value):
                yield "value", leaf.value
