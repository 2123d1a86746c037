"""What of a run changes from step to step, its model's weights aside: all that a checkpoint must hold."""

from dataclasses import dataclass, field

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
