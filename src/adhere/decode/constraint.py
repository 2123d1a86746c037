"""What the sampling loop asks of a constraint on an answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from adhere.errors import SchemaError


class Stuck(SchemaError):
    """A constraint can go no further with an answer, which ends there; others are none the worse.

    Its grammar takes too much work, or leaves no token.
    """


class Constraint(Protocol):
    """Says, token by token, what an answer may go on with.

    Wherever an answer stands, `forced` is asked first, and `allowed` only where nothing is forced. All but
    `copy` may raise `Stuck`.
    """

    def copy(self) -> Self:
        """Return a constraint at the same position that goes its own way."""
        ...

    def forced(self, remaining: int) -> Sequence[int]:
        """Return tokens that an answer must go on with, or none where there is a choice.

        They need not be all that are forced: it is asked again after them.

        Args:
            remaining: Tokens that may still be written.
        """
        ...

    def allowed(self, remaining: int) -> NDArray[np.bool_]:
        """Say which tokens may come next.

        Args:
            remaining: Tokens that may still be written, this one included. Near the end a constraint allows,
                where it can choose, only tokens that bring the answer to its end.

        Returns:
            One claim per token of the vocabulary, at least one of them true; an end-of-turn token only where
            the answer is complete.
        """
        ...

    def accept(self, token: int) -> None:
        """Move on by an allowed token."""
        ...


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a constraint left open of an answer."""

    wanted: tuple[bool, ...]
    """For each token whether it was drawn; what was forced has probability 1 under every policy."""
    allowed: NDArray[np.bool_]
    """For each token that was drawn, what it was drawn from; shape (tokens drawn, vocabulary)."""


def replay(constraint: Constraint, tokens: Sequence[int], limit: int) -> Replayed:
    """Ask a constraint again what it was asked while an answer was sampled under it.

    Args:
        constraint: Where it stood before the answer; it is not moved.
        tokens: The answer, its end included.
        limit: Most tokens that the answer could have had.
    """
    at = constraint.copy()
    wanted: list[bool] = []
    allowed: list[NDArray[np.bool_]] = []
    while len(wanted) < len(tokens):
        forced = at.forced(limit - len(wanted))
        if not forced:
            allowed.append(at.allowed(limit - len(wanted)))
        for _ in range(min(max(1, len(forced)), len(tokens) - len(wanted))):
            token = tokens[len(wanted)]
            wanted.append(not forced)
            # The last token may be an end of turn, by which no constraint moves.
            if len(wanted) < len(tokens):
                at.accept(token)
    return Replayed(tuple(wanted), np.array(allowed) if allowed else np.zeros((0, 0), dtype=np.bool_))
