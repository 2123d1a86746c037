"""What of a run changes from step to step, its model's weights aside: all that a checkpoint must hold."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import torch

from adhere.records import JSON
from adhere.train.curriculum import START, Place


@dataclass(slots=True)
class State:
    """Where a run stands; a loop changes it before it yields a step, and goes on from it."""

    optimizer: torch.optim.AdamW
    step: int = 0
    """Updates that were made."""
    place: Place = START
    """Of the curriculum."""
    remembered: dict[str, JSON] = field(default_factory=dict[str, JSON])
    """What the loop must know of earlier steps, by its own names."""
    sampler: dict[str, torch.Tensor] | None = None
    """The sampler's own weights by name, where they lag behind the trainer's."""

    def as_json(self) -> dict[str, JSON]:
        """Return all of it but its tensors."""
        place = {**asdict(self.place), "recent": list(self.place.recent)}
        return {"step": self.step, "place": place, "remembered": self.remembered}

    def restore(self, kept: Mapping[str, JSON]) -> None:
        """Take over what `as_json` returned."""
        # A cast: what we wrote ourselves has the types that we wrote.
        place = cast("dict[str, Any]", kept["place"])
        self.step = cast("int", kept["step"])
        self.place = Place(**{**place, "recent": tuple(place["recent"])})
        self.remembered = cast("dict[str, JSON]", kept["remembered"])
