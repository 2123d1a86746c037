"""AdamW, its learning rate and the clipping of its gradients."""

import math
from dataclasses import dataclass

import torch

from adhere.model import Model


def adamw(model: Model, *, lr: float, weight_decay: float) -> torch.optim.AdamW:
    """Return AdamW over the weights that are trained; vectors (norms and biases) do not decay.

    Source: arXiv:1711.05101.
    """
    weights = [weight for weight in model.network.parameters() if weight.requires_grad]
    groups = [
        {"params": [weight for weight in weights if weight.dim() > 1], "weight_decay": weight_decay},
        {"params": [weight for weight in weights if weight.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=lr, fused=True)


def warmed_up(lr: float, step: int, warmup_steps: int) -> float:
    """Return the learning rate of a step, counted from 0: a linear rise, then constant."""
    return lr * min(1.0, (step + 1) / (warmup_steps + 1))


def decayed(lr: float, step: int, *, steps: int, warmup_steps: int) -> float:
    """Return the learning rate of a step, counted from 0.

    It rises linearly, then falls along half a cosine to a tenth.
    """
    if step < warmup_steps:
        return lr * (step + 1) / (warmup_steps + 1)
    done = (step - warmup_steps) / max(1, steps - warmup_steps)
    return lr * (0.1 + 0.45 * (1 + math.cos(math.pi * done)))


@dataclass(frozen=True, slots=True)
class Updated:
    """What became of an update."""

    norm: float
    """Of the gradient, before it was clipped; not finite where the gradient is not."""
    skipped: bool
    """Whether the update was left out, so that the weights are as they were."""


def update(
    model: Model, optimizer: torch.optim.Optimizer, *, loss: float, lr: float, grad_clip: float
) -> Updated:
    """Take a step along the gradients and clear them.

    Where the loss or the gradient is not finite, the step is left out: weights and the optimizer's state stay
    as they were, and only the gradients are cleared. A step record says so in `skipped`; `watch.Skips` ends a
    run in which that goes on.

    Args:
        model: With the gradients of the batch.
        optimizer: Over the model's weights.
        loss: Of the batch.
        lr: Learning rate of this step.
        grad_clip: Largest norm of a gradient; a larger one is scaled down to it.
    """
    norm = float(torch.nn.utils.clip_grad_norm_(model.network.parameters(), grad_clip))
    skipped = not (math.isfinite(loss) and math.isfinite(norm))
    if not skipped:
        for group in optimizer.param_groups:
            group["lr"] = lr
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return Updated(norm, skipped)
