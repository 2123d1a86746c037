"""What asking a server for answers took, and how it failed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np

from adhere.records import JSON

ANSWERED: frozenset[str | None] = frozenset({None, "cut", "empty", "filtered"})
"""Causes with which a request ends that got an answer from the model; `None` is that of a whole one."""
_PERCENTILES = (50, 95, 99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How one answer was asked for, and what that took."""

    key: str
    """SHA-256 of what was asked of whom, under which the reply is kept."""
    model: str = ""
    """As the server calls the one that replied; empty where it does not say."""
    cause: str | None = None
    """Why there is no answer, or none that is whole, by name; `None` where there is one."""
    message: str = ""
    """What went wrong; a clause."""
    attempts: int = 0
    """0 for a reply that was kept from an earlier time, and for what was not asked."""
    cached: bool = False
    """Whether it was kept from an earlier time."""
    seconds: float = 0.0
    """From the first attempt to the end of the last."""
    prompt_tokens: int = 0
    """Of the attempt that brought a reply."""
    cost: float = 0.0
    """Of all attempts, at the prices of the settings."""

    @property
    def is_answered(self) -> bool:
        """Whether the model wrote something, or was asked to and wrote nothing: asking again is of no use."""
        return self.cause in ANSWERED

    def as_json(self) -> dict[str, JSON]:
        """Spell it as an object."""
        return asdict(self)

    @classmethod
    def of(cls, spelled: Mapping[str, JSON]) -> Self | None:
        """Read what `as_json` spelled; `None` where it is something else."""
        match spelled:
            case {
                "key": str(key),
                "model": str(model),
                "cause": str() | None as cause,
                "message": str(message),
                "attempts": int(attempts),
                "cached": bool(cached),
                "seconds": float(seconds),
                "prompt_tokens": int(prompt_tokens),
                "cost": float(cost),
            }:
                return cls(
                    key=key,
                    model=model,
                    cause=cause,
                    message=message,
                    attempts=attempts,
                    cached=cached,
                    seconds=seconds,
                    prompt_tokens=prompt_tokens,
                    cost=cost,
                )
            case _:
                return None


def latency(requests: Sequence[Request]) -> dict[str, JSON]:
    """Return how long replies took, in seconds, at the 50th, 95th and 99th percentile, and of how many.

    A reply that was cut off is one too. Those kept from an earlier time are left out, and so is what brought
    no reply. Each is a time that was measured: the smallest that so many percent do not exceed.
    """
    taken = [each.seconds for each in requests if each.attempts and each.is_answered]
    if not taken:
        return {"p50": None, "p95": None, "p99": None, "n": 0}
    p50, p95, p99 = (round(float(at), 3) for at in np.percentile(taken, _PERCENTILES, method="inverted_cdf"))
    return {"p50": p50, "p95": p95, "p99": p99, "n": len(taken)}


def models(requests: Sequence[Request]) -> dict[str, JSON]:
    """Count the replies by the name that the server gave to the model; those without one are left out."""
    return dict(sorted(Counter(each.model for each in requests if each.model).items()))
