"""One thing in a schema that adhere does not support."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """What stands where in a schema, and why it is refused."""

    keyword: str
    pointer: str
    """JSON pointer of the schema that has the keyword."""
    reason: str
    """A clause that goes on from the keyword, without a full stop."""
    fix: str
    """An imperative clause, without a full stop."""
