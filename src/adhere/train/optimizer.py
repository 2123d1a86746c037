"""AdamW, its learning rate and the clipping of its gradients."""

import math

import torch

from adhere.errors import TrainingError
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


def update(
    model: Model, optimizer: torch.optim.Optimizer, *, lr: float, grad_clip: float, step: int
) -> float:
    """Take a step along the gradients and clear them.

    Returns:
        The gradient's norm before clipping.

    Raises:
        TrainingError: The gradient is not finite; the weights are left as they were.
    """
    norm = float(torch.nn.utils.clip_grad_norm_(model.network.parameters(), grad_clip))
    if not math.isfinite(norm):
        raise TrainingError.at(
            f"step {step}",
            norm,
            "the gradient is not finite, so the weights would be lost",
            fix="Lower the learning rate",
        )
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return norm
