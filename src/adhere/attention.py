"""Attention of ours inside a network of transformers', wherever a forward pass brings a layout along.

All else in such a network works position by position, so the layout alone decides which tokens see which.
Without one the network attends as it always does.

Axis suffixes: B rows, T tokens of a row, H query heads, K key heads (a divisor of H), D width of a head,
W width of the network.
"""

from dataclasses import dataclass
from typing import Any, Protocol, cast

import torch
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from adhere.errors import ModelError

NAME = "adhere"
"""Of the attention, among those that transformers knows."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a layer attends, whichever tokens."""

    scale: float
    """What scores are multiplied by."""
    window: int | None = None
    """Positions that a token sees, its own included; `None` for all before it."""
    softcap: float | None = None
    """Bound that scores are bent to by a hyperbolic tangent, where the layer has one."""


class Layout(Protocol):
    """Says which tokens of a forward pass see which, and attends."""

    def attend(
        self,
        layer: int,
        query_BHTD: torch.Tensor,
        key_BKTD: torch.Tensor,
        value_BKTD: torch.Tensor,
        manner: Manner,
    ) -> torch.Tensor:
        """Return what each token takes from those it sees, shape (B, H, T, D)."""
        ...


def install(network: PreTrainedModel) -> None:
    """Let a network take layouts.

    Raises:
        ModelError: Its attention cannot be put in its place.
    """
    if network.config._attn_implementation == NAME:
        return
    try:
        network.set_attn_implementation(NAME)
    except ValueError as fault:
        raise ModelError.at(
            "model",
            type(network).__name__,
            f"its attention cannot be exchanged, so prompts cannot be shared ({fault})",
            fix="Take a model whose attention transformers can exchange, as it can for Qwen, Llama or Gemma",
        ) from fault


def hidden(
    network: PreTrainedModel, token_BT: torch.Tensor, position_BT: torch.Tensor, layout: Layout
) -> torch.Tensor:
    """Return the network's last hidden states under a layout, shape (B, T, W).

    Args:
        network: One that `install` was called for.
        token_BT: What it reads.
        position_BT: The place of each token in its own sequence, from 0.
        layout: Who sees whom.
    """
    # A mask of four dimensions is taken as it is, so that transformers builds none; a layout needs none.
    unread = torch.empty(1, 1, 1, 1, device=token_BT.device)
    made = network.base_model(
        input_ids=token_BT, position_ids=position_BT, attention_mask=unread, use_cache=False, layout=layout
    )
    return cast("torch.Tensor", made.last_hidden_state)


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    layout: Layout | None = None,
    **settings: Any,  # whatever the network passes
) -> tuple[torch.Tensor, None]:
    """Attend as transformers asks for it: query, key and value as above, the result (B, T, H, D)."""
    if layout is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **settings)
    if settings.get("s_aux") is not None or settings.get("position_bias") is not None:
        raise ModelError.at(
            "model",
            type(module).__name__,
            "its attention has sinks or a bias by position, which shared prompts do not know",
            fix="Take a model without them, such as Qwen, Llama or Gemma",
        )
    scale = cast("float | None", settings.get("scaling"))
    manner = Manner(
        query.shape[-1] ** -0.5 if scale is None else scale,
        cast("int | None", settings.get("sliding_window")),
        cast("float | None", settings.get("softcap")),
    )
    attended = layout.attend(cast("int", module.layer_idx), query, key, value, manner)
    return attended.transpose(1, 2), None


AttentionInterface.register(NAME, _attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
