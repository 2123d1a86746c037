"""Nano's first weights: random, but for heads that already find what stood before and copy what came next.

A transformer from nothing spends most of a small budget discovering induction: one head that attends to the
previous token, and later heads that look for where the current token occurred before and copy what followed
it. Extraction is little else. Both are set up here by hand and left to training; everything else starts at
random.

Source: induction heads, arXiv:2209.11895; structured first weights ("mimetic"), arXiv:2305.09828,
arXiv:2410.11135.
"""

from typing import cast

import torch
from recipe import Shape
from transformers import Qwen2Config, Qwen2ForCausalLM
from transformers.models.qwen2.modeling_qwen2 import Qwen2Attention, Qwen2DecoderLayer

_THETA = 10000.0
"""Base of the rotary frequencies."""


def config(shape: Shape) -> Qwen2Config:
    """Return the network's architecture."""
    return Qwen2Config(
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        intermediate_size=shape.mlp,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.groups,
        max_position_embeddings=shape.context,
        rope_parameters={"rope_type": "default", "rope_theta": _THETA},
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=2,
    )


_PREVIOUS_SCORE = 6.0
"""Weight of each rotary frequency in the previous-token heads; gives it 4 nats over the neighbouring
offsets."""
_PREVIOUS_FREQUENCIES = 6
_SLOW = 0.02
"""Radians per token under which a rotary frequency barely turns over a document, so that it can compare
content."""
_MATCH = 3.5
_SECOND = 0.8
"""Weight of the second token of the pair against the first."""
_WRITE = 0.25
"""Gain of the copying heads' output; brings a copied token level with the one already in the residual
stream."""


@torch.no_grad()
def induce(network: Qwen2ForCausalLM) -> None:
    """Set heads that look one and two tokens back in layer 0, and induction heads in layer 1, in place.

    Layer 0 writes the token before and the one before that into two subspaces that embeddings leave free. A
    head of layer 1 compares the current token and its predecessor with those two at every earlier position:
    it attends to what followed the same pair, and copies it. A single token would not do, because digits
    repeat.
    """
    shape = network.config
    width, heads = shape.hidden_size, shape.num_attention_heads
    groups = shape.num_key_value_heads or heads
    size, shared = width // heads, heads // groups
    half = size // 2
    rank = min(size, (width - groups * size) // 3)  # of the subspaces: the token, the two before, the copied
    frequency = _THETA ** (-torch.arange(half) / half)
    basis = torch.linalg.qr(torch.randn(width, width))[0]
    read = basis[:rank]
    back = [basis[rank : 2 * rank].T, basis[2 * rank : 3 * rank].T]

    embedding = network.model.embed_tokens.weight
    torch.nn.init.normal_(embedding, std=0.05)
    for subspace in back:
        embedding -= embedding @ subspace @ subspace.T

    first = _attention(network, 0)
    scale = torch.zeros(half)
    scale[:_PREVIOUS_FREQUENCIES] = _PREVIOUS_SCORE**0.5
    first.q_proj.weight[: shared * size] *= 0.1
    first.k_proj.weight[:size] *= 0.1
    first.k_proj.bias[:size] = torch.cat([scale, torch.zeros(half)])
    first.v_proj.weight[:rank] = read
    for head, subspace in enumerate(back):
        of_head = slice(head * size, (head + 1) * size)
        turn = (head + 1) * frequency
        # The query is the key turned back by so many positions: their product is largest so many tokens ago.
        first.q_proj.bias[of_head] = torch.cat([scale * turn.cos(), -scale * turn.sin()]) * size**0.5
        first.o_proj.weight[:, head * size : head * size + rank] = _WRITE * subspace

    second = _attention(network, 1)
    slow = (frequency < _SLOW).nonzero()[:, 0]
    for group in range(groups):
        current, before = _onto(slow[0::2], half, rank), _onto(slow[1::2], half, rank)
        copied = basis[3 * rank + group * size : 3 * rank + (group + 1) * size]
        of_group = slice(group * size, (group + 1) * size)
        second.k_proj.weight[of_group] = _MATCH * (current @ back[0].T + _SECOND * before @ back[1].T)
        second.v_proj.weight[of_group] = copied
        for head in range(group * shared, (group + 1) * shared):
            of_head = slice(head * size, (head + 1) * size)
            second.q_proj.weight[of_head] = _MATCH * (current @ read + _SECOND * before @ back[0].T)
            second.o_proj.weight[:, of_head] = _WRITE * copied.T


def _attention(network: Qwen2ForCausalLM, layer: int) -> Qwen2Attention:
    return cast("Qwen2DecoderLayer", network.model.layers[layer]).self_attn


def _onto(frequencies: torch.Tensor, half: int, rank: int) -> torch.Tensor:
    """Return a random rotation of a head's space onto the coordinates of these rotary frequencies.

    Each has two.
    """
    coordinates = torch.cat([frequencies, frequencies + half])
    matrix = torch.zeros(2 * half, rank)
    matrix[coordinates] = torch.linalg.qr(torch.randn(max(2 * half, rank), max(2 * half, rank)))[0][
        : len(coordinates), :rank
    ]
    return matrix
