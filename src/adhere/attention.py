"""Attention of ours inside a network of transformers', wherever a forward pass brings a layout along.

All else in such a network works position by position, so the layout alone decides which tokens see which.
Without one the network attends as it always does.

Axis suffixes: B rows, T tokens of a row, S tokens that they may see, H query heads,
K key heads (a divisor of H), D width of a head, W width of the network, N tokens of any rows, V vocabulary.
"""

from dataclasses import dataclass
from typing import Any, Protocol, cast
from weakref import WeakSet

import torch
from torch.nn import functional
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
        raise _unshared(network, f"its attention cannot be exchanged ({fault})") from fault


def hidden(
    network: PreTrainedModel, token_BT: torch.Tensor, position_BT: torch.Tensor, layout: Layout
) -> torch.Tensor:
    """Return the network's last hidden states under a layout, shape (B, T, W).

    The first time a network is seen, it is proved, see `prove`; whoever samples or trains through here need
    not ask.

    Args:
        network: One that `install` was called for.
        token_BT: What it reads.
        position_BT: The place of each token in its own sequence, from 0.
        layout: Who sees whom.

    Raises:
        ModelError: The network does not take layouts.
    """
    prove(network)
    return _hidden(network, token_BT, position_BT, layout)


def prove(network: PreTrainedModel) -> None:
    """See that a network gives under layouts what it gives without one; for each, the first call does.

    Only threads that share a network need to: before the first of them uses it.

    Raises:
        ModelError: The network does not take layouts.
    """
    if network not in _proved:
        with torch.autocast(network.device.type, enabled=False):
            _prove(network)
        _proved.add(network)


def _hidden(
    network: PreTrainedModel, token_BT: torch.Tensor, position_BT: torch.Tensor, layout: Layout
) -> torch.Tensor:
    # A mask of four dimensions is taken as it is, so that transformers builds none; a layout needs none.
    unread = torch.empty(1, 1, 1, 1, device=token_BT.device)
    made = network.base_model(
        input_ids=token_BT, position_ids=position_BT, attention_mask=unread, use_cache=False, layout=layout
    )
    return cast("torch.Tensor", made.last_hidden_state)


def masked(
    query_BHTD: torch.Tensor,
    key_BKSD: torch.Tensor,
    value_BKSD: torch.Tensor,
    sees_TS: torch.Tensor | None,
    manner: Manner,
) -> torch.Tensor:
    """Return what each token takes from those that a mask lets it see, shape (B, H, T, D).

    Args:
        query_BHTD: Of the tokens that ask.
        key_BKSD: Of the tokens that they may see.
        value_BKSD: Of the same.
        sees_TS: Whether each sees each; for all heads, and as a view with further axes before T also for each
            row. A window is the mask's to hold. `None`: itself and all before it, of sequences as long as
            those that ask or longer.
        manner: Its scale and softcap are applied.
    """
    shared = query_BHTD.shape[1] // key_BKSD.shape[1]
    key_BHSD, value_BHSD = (tensor.repeat_interleave(shared, 1) for tensor in (key_BKSD, value_BKSD))
    asked, seen = query_BHTD.shape[2], key_BKSD.shape[2]
    if sees_TS is None and (asked < seen or manner.softcap is not None):
        sees_TS = torch.ones(asked, seen, dtype=torch.bool, device=query_BHTD.device).tril(seen - asked)
    if sees_TS is None or manner.softcap is None:
        return functional.scaled_dot_product_attention(
            query_BHTD, key_BHSD, value_BHSD, attn_mask=sees_TS, is_causal=sees_TS is None, scale=manner.scale
        )
    score_BHTS = query_BHTD @ key_BHSD.transpose(2, 3) * manner.scale
    score_BHTS = (score_BHTS / manner.softcap).tanh() * manner.softcap
    weight_BHTS = score_BHTS.masked_fill(~sees_TS, -torch.inf).softmax(-1, dtype=torch.float32)
    return weight_BHTS.to(query_BHTD.dtype) @ value_BHSD


def logits(network: PreTrainedModel, hidden_NW: torch.Tensor) -> torch.Tensor:
    """Return what a network says of the next token, shape (N, V), from its last hidden states.

    Source: `forward` of the causal models of transformers: scaled in Cohere's and Granite's, bent in Gemma's.
    """
    config = network.config.get_text_config()
    logit_NV = cast("torch.nn.Module", network.get_output_embeddings())(hidden_NW)
    if (factor := getattr(config, "logit_scale", None)) is not None:
        logit_NV = logit_NV * factor
    if (divisor := getattr(config, "logits_scaling", None)) is not None:
        logit_NV = logit_NV / divisor
    if (cap := getattr(config, "final_logit_softcapping", None)) is not None:
        logit_NV = (logit_NV / cap).tanh() * cap
    return logit_NV


_proved: WeakSet[PreTrainedModel] = WeakSet()


class _TwoAnswers:
    """A prompt of 4 tokens and answers of 3 and 2, in one row: the smallest layout that can go wrong."""

    def __init__(self, device: torch.device) -> None:
        owner_T = torch.tensor([0, 0, 0, 0, 1, 1, 1, 2, 2], device=device)
        self.position_T = torch.tensor([0, 1, 2, 3, 4, 5, 6, 4, 5], device=device)
        self.behind_TT = self.position_T[:, None] - self.position_T
        self.sees_TT = ((owner_T[:, None] == owner_T) | (owner_T == 0)) & (self.behind_TT >= 0)
        self.sequences = (slice(7), [0, 1, 2, 3, 7, 8])
        self.layers: set[int] = set()
        """That attended."""

    def attend(
        self,
        layer: int,
        query_BHTD: torch.Tensor,
        key_BKTD: torch.Tensor,
        value_BKTD: torch.Tensor,
        manner: Manner,
    ) -> torch.Tensor:
        self.layers.add(layer)
        sees_TT = self.sees_TT if manner.window is None else self.sees_TT & (self.behind_TT < manner.window)
        return masked(query_BHTD, key_BKTD, value_BKTD, sees_TT, manner)


def _prove(network: PreTrainedModel) -> None:
    """Compare two short sequences that share a prompt with the same two on their own.

    It costs three passes over a few tokens and draws no random numbers.

    Raises:
        ModelError: A layer mixes tokens otherwise than by attention, or the answers see each other, or the
            log-probabilities are not the network's own because it does with its logits what is unknown here.
    """
    config = network.config.get_text_config()
    if getattr(config, "attention_chunk_size", None) is not None:
        raise _unshared(network, "its attention goes by chunks")
    layout = _TwoAnswers(network.device)
    token_T = torch.arange(1, 10, device=network.device)
    trained = [module for module in network.modules() if module.training]
    # Named by its base class, whose signature the decorator of the network's own hides.
    cast("torch.nn.Module", network).eval()
    try:
        with torch.no_grad():
            plain = [network(input_ids=token_T[own][None], use_cache=False) for own in layout.sequences]
            shared_TV = _two_answers(network, token_T, layout)
    finally:
        for module in trained:
            module.training = True
    if len(layout.layers) != config.num_hidden_layers:
        raise _unshared(network, "not all of its layers attend as transformers asks")
    plain_TV = torch.cat([made.logits[0] for made in plain]).float().log_softmax(-1)
    error_TV = torch.cat([shared_TV[own] for own in layout.sequences]).float().log_softmax(-1) - plain_TV
    spread_TV = plain_TV - plain_TV.mean(-1, keepdim=True)
    error = float(error_TV.norm() / spread_TV.norm())
    if not error <= torch.finfo(shared_TV.dtype).eps ** 0.5:
        raise _unshared(network, f"log-probabilities after a shared one are off by {error:.1%}")


def _two_answers(network: PreTrainedModel, token_T: torch.Tensor, layout: _TwoAnswers) -> torch.Tensor:
    try:
        hidden_1TW = _hidden(network, token_T[None], layout.position_T[None], layout)
    except (AttributeError, IndexError, RuntimeError, TypeError, ValueError) as fault:
        # The code of a network that was not written to be given a layout fails in its own way.
        raise _unshared(network, f"it cannot be told who sees whom ({fault})") from fault
    return logits(network, hidden_1TW[0])


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
    scale = cast("float | None", settings.get("scaling"))
    manner = Manner(
        query.shape[-1] ** -0.5 if scale is None else scale,
        # Most layers pass their window; some only have it.
        cast("int | None", settings.get("sliding_window", getattr(module, "sliding_window", None))),
        cast("float | None", settings.get("softcap")),
    )
    if layout is None and manner.softcap is not None:
        # torch's own attention has no soft cap.
        return masked(query, key, value, attention_mask, manner).transpose(1, 2), None
    if layout is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **settings)
    if settings.get("s_aux") is not None or settings.get("position_bias") is not None:
        raise _unshared(module, "its attention has sinks or a bias by position")
    attended = layout.attend(cast("int", module.layer_idx), query, key, value, manner)
    return attended.transpose(1, 2), None


def _unshared(module: torch.nn.Module, why: str) -> ModelError:
    return ModelError.at(
        "model",
        type(module).__name__,
        f"its sequences cannot share a prompt: {why}",
        fix="Take a model whose layers are attention that transformers can exchange, as Qwen, Llama or Gemma",
    )


AttentionInterface.register(NAME, _attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
