"""What became of a row that was to get a trace."""

from dataclasses import dataclass, replace
from typing import TypeAlias

from adhere.data import store
from adhere.data.reasoning.trace import Cause
from adhere.records import JSON, Example


@dataclass(frozen=True, slots=True)
class Kept:
    """The row with its trace, as it is written."""

    line: bytes
    characters: int
    """Of the trace."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why the row got no trace."""

    id: str
    cause: Cause
    detail: str

    def columns(self) -> dict[str, JSON]:
        """Return it as a row."""
        return {"id": self.id, "cause": self.cause, "detail": self.detail}


Outcome: TypeAlias = Kept | Rejected


def kept(example: Example, trace: str) -> Kept:
    """Give a row its trace, in place of any that it has."""
    return Kept(store.line(replace(example, reasoning=trace)), len(trace))


def unlabelled(example: Example) -> Rejected:
    """Refuse a row without a target."""
    return Rejected(example.id, "unlabelled", "the row has no target")
