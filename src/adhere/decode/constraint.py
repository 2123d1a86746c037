"""What the sampling loop asks of a constraint on an answer."""

from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray


class Constraint(Protocol):
    """Says, token by token, what an answer may go on with."""

    def copy(self) -> Self:
        """Return a constraint at the same position that goes its own way."""
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
