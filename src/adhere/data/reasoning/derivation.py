"""Traces that no teacher writes: derived, and held to the same rules."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from adhere.data import store
from adhere.data.reasoning.origins import holders, left_open, origins
from adhere.data.reasoning.outcome import Kept, Outcome, Rejected, kept, unlabelled
from adhere.data.reasoning.reasoning import Unexplained, explained
from adhere.data.reasoning.trace import fault_of
from adhere.records import Example
from adhere.schema import Schema

CHUNK = 16
"""Rows that are worked on at a time."""
_MOST_NAMED = 5
"""Leaves that the text does not state which are named."""


def derived(example: Example, schema: Schema, *, longest: int, fixed: bool = True) -> Kept | Rejected:
    """Give a row the trace that is derived from it, if there is one and it passes the check.

    Pure.

    Args:
        example: The row.
        schema: The one that its target obeys.
        longest: Most characters of a trace.
        fixed: Whether what the schema fixes is told too.
    """
    if example.target is None:
        return unlabelled(example)
    held = tuple(holders(example.target, schema))
    if not fixed:
        held = tuple(left_open(held))
    found = origins(example, held)
    trace = explained(example, held, found)
    if isinstance(trace, Unexplained):
        more = "" if len(trace.pointers) <= _MOST_NAMED else f" and {len(trace.pointers) - _MOST_NAMED} more"
        named = ", ".join(pointer or "the answer" for pointer in trace.pointers[:_MOST_NAMED])
        return Rejected(example.id, "unstated", f"the text does not state {named}{more}")
    fault = fault_of(trace, example, held, found, longest=longest)
    return kept(example, trace) if fault is None else Rejected(example.id, fault.cause, fault.detail)


class Derivation(NamedTuple):
    """What one of several workers does: it derives the traces of every so manieth chunk of a file's rows."""

    data: Path
    """Has the schemas beside it."""
    file: Path
    start: int
    """Rows that are done already."""
    turn: int
    """Which chunk is the first, from 0."""
    step: int
    """From a chunk to the next."""
    longest: int
    fixed: bool = True

    def chunks(self) -> Iterator[list[Outcome]]:
        """Yield what becomes of the rows of each chunk."""
        schemas = store.parts(self.data)[1]
        rows = islice(store.rows(self.file), self.start, None)
        chunks = iter(lambda: list(islice(rows, CHUNK)), [])
        for chunk in islice(chunks, self.turn, None, self.step):
            examples = [store.example(row, schemas) for row in chunk]
            yield [
                derived(each, schemas[each.schema], longest=self.longest, fixed=self.fixed)
                for each in examples
            ]
