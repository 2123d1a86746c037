"""An answer under way."""

from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from adhere.decode.constraint import Constraint, Stuck
from adhere.decode.odds import PLAIN, Odds

Beside: TypeAlias = tuple[tuple[int, float], ...]


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
    odds: Odds = PLAIN
    told: int | None = None
    """How many likely tokens are told beside each; `None` for none, not even itself."""
    tokens: list[int] = field(default_factory=list[int])
    logprobs: list[float] = field(default_factory=list[float])
    """Of each token, under what it was drawn from: at the temperature, and of what top-p and the constraint
    left."""
    plain: list[float] = field(default_factory=list[float])
    """Likewise, at temperature 1 and of all that the constraint left: how sure the model was."""
    beside: list[Beside] = field(default_factory=list[Beside])
    """Where they are told, the likeliest tokens and their `logprobs` at each place."""
    finished: bool = False
    """Whether it came to its end."""
    is_closed: bool = False
    """Whether nobody wants more of it, or there can be no more."""
    stuck: Stuck | None = None
    """What its constraint said, where it can go no further."""

    def copy(self, chance: NDArray[np.float64]) -> "Answer":
        """Return an answer that goes on from here on its own."""
        constraint = None if self.constraint is None else self.constraint.copy()
        return replace(
            self,
            constraint=constraint,
            chance=chance,
            tokens=self.tokens[:],
            logprobs=self.logprobs[:],
            plain=self.plain[:],
            beside=self.beside[:],
        )

    @property
    def remaining(self) -> int:
        """Tokens that may still be written."""
        return self.limit - len(self.tokens)

    @property
    def is_over(self) -> bool:
        """Whether nothing more is written."""
        return self.finished or self.is_closed or self.remaining <= 0

    def take(self, token: int, logprob: float, plain: float, beside: Beside = ()) -> None:
        """Go on by a token that was drawn, and by all that it forces."""
        self._write(token, logprob, plain, beside)
        self.follow()

    def follow(self) -> None:
        """Go on by what is forced: of probability 1, so that nothing needs to be drawn or computed for it."""
        while self.constraint is not None and not self.is_over:
            try:
                forced = self.constraint.forced(self.remaining)
            except Stuck as fault:
                self.stop(fault)
                return
            if not forced:
                return
            for token in forced[: self.remaining]:
                if not self.is_over:
                    self._write(token, 0.0, 0.0, ((token, 0.0),))

    def stop(self, fault: Stuck) -> None:
        """End where the constraint can go no further."""
        self.stuck, self.is_closed = fault, True

    def _write(self, token: int, logprob: float, plain: float, beside: Beside) -> None:
        self.tokens.append(token)
        self.logprobs.append(logprob)
        self.plain.append(plain)
        if self.told is not None:
            self.beside.append(beside[: self.told])
        self.finished = token in self.stops
        if self.constraint is not None and not self.finished:
            try:
                self.constraint.accept(token)
            except Stuck as fault:
                self.stop(fault)
