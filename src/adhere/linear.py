"""Linear layers on a CPU by oneDNN: in 32 bits about twice as fast as torch is on processors not Intel's.

Axis suffixes: M rows of any shape, I inputs, O outputs.
"""

from typing import Any

import torch
from torch import nn

_IS_THERE = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def install(network: nn.Module) -> None:
    """Let the linear layers of a network multiply by oneDNN, wherever that is possible.

    What they hold, and how they are saved, copied and adapted, stays as it is.
    """
    if not _IS_THERE:
        return
    for module in network.modules():
        if type(module) is nn.Linear:
            module.__class__ = Linear


class Linear(nn.Linear):
    """A linear layer that multiplies by oneDNN: on a CPU, in 32 bits, outside of autocast."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return `input` times the weight, plus the bias."""
        if not _is_for_onednn(input, self.weight):
            return super().forward(input)
        if torch.is_grad_enabled():
            return _Product.apply(input, self.weight, self.bias)
        return _product(input, self.weight, self.bias)


def _is_for_onednn(given: torch.Tensor, weight: torch.Tensor) -> bool:
    return (
        given.dtype == weight.dtype == torch.float32
        and given.device.type == "cpu"
        and given.numel() > 0
        and not torch.is_autocast_enabled("cpu")
    )


def _product(
    given_MI: torch.Tensor, weight_OI: torch.Tensor, bias_O: torch.Tensor | None = None
) -> torch.Tensor:
    return torch.ops.mkldnn._linear_pointwise(given_MI, weight_OI, bias_O, "none", [], "")


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # torch leaves it open
        given_MI: torch.Tensor,
        weight_OI: torch.Tensor,
        bias_O: torch.Tensor | None,
    ) -> torch.Tensor:
        ctx.save_for_backward(given_MI, weight_OI)
        return _product(given_MI, weight_OI, bias_O)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        given_MI, weight_OI = ctx.saved_tensors
        flat_MO, flat_MI = (tensor.reshape(-1, tensor.shape[-1]) for tensor in (grads[0], given_MI))
        to_given, to_weight, to_bias = ctx.needs_input_grad
        return (
            _product(flat_MO, weight_OI.t()).view_as(given_MI) if to_given else None,
            _outer(flat_MO, flat_MI) if to_weight else None,
            flat_MO.sum(0) if to_bias else None,
        )


def _outer(grad_MO: torch.Tensor, given_MI: torch.Tensor) -> torch.Tensor:
    """Return the gradient of a weight, shape (O, I).

    Of the two ways to say it, the one with the longer side as outputs is up to half as fast again.
    """
    if grad_MO.shape[1] > given_MI.shape[1]:
        return _product(given_MI.t(), grad_MO.t()).t()
    return _product(grad_MO.t(), given_MI.t())
