"""An answer under way."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from adhere.decode.constraint import Constraint


@dataclass(slots=True, eq=False)
class Answer:
    """What is written so far, and what decides how it goes on."""

    constraint: Constraint | None
    limit: int
    """Most tokens."""
    stops: frozenset[int]
    """Tokens that end it."""
    chance: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    """A number in [0, 1) for each token that may be drawn."""
    tokens: list[int] = field(default_factory=list[int])
    logprobs: list[float] = field(default_factory=list[float])
    finished: bool = False
    """Whether it came to its end."""

    def copy(self, chance: NDArray[np.float64]) -> "Answer":
        """Return an answer that goes on from here on its own."""
        constraint = None if self.constraint is None else self.constraint.copy()
        return replace(
            self, constraint=constraint, chance=chance, tokens=self.tokens[:], logprobs=self.logprobs[:]
        )

    @property
    def remaining(self) -> int:
        """Tokens that may still be written."""
        return self.limit - len(self.tokens)

    @property
    def is_over(self) -> bool:
        """Whether nothing more is written."""
        return self.finished or self.remaining <= 0

    def take(self, token: int, logprob: float) -> None:
        """Go on by a token that was drawn, and by all that it forces."""
        self._write(token, logprob)
        self.follow()

    def follow(self) -> None:
        """Go on by what is forced: of probability 1, so that nothing needs to be drawn or computed for it."""
        while self.constraint is not None and not self.is_over:
            forced = self.constraint.forced(self.remaining)
            if not forced:
                return
            for token in forced[: self.remaining]:
                self._write(token, 0.0)

    def _write(self, token: int, logprob: float) -> None:
        self.tokens.append(token)
        self.logprobs.append(logprob)
        self.finished = token in self.stops
        if self.constraint is not None and not self.finished:
            self.constraint.accept(token)
