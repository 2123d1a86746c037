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
from transformers import Qwen2Config, Qwen2ForCausalLM
from transformers.models.qwen2.modeling_qwen2 import Qwen2Attention, Qwen2DecoderLayer

_THETA = 10000.0
"""Base of the rotary frequencies."""


def config(vocabulary: int) -> Qwen2Config:
    """Return nano's architecture: 3.4 million parameters at a vocabulary of 2,048."""
    return Qwen2Config(
        vocab_size=vocabulary,
        hidden_size=256,
        intermediate_size=672,
        num_hidden_layers=4,
        num_attention_heads=8,
        num_key_value_heads=4,
        max_position_embeddings=1024,
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
_WRITE = 0.05
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
    frequency = _THETA ** (-torch.arange(half) / half)
    basis = torch.linalg.qr(torch.randn(width, width))[0]
    read = basis[:size]
    back = [basis[size : 2 * size].T, basis[2 * size : 3 * size].T]

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
    first.v_proj.weight[:size] = read
    for head, subspace in enumerate(back):
        of_head = slice(head * size, (head + 1) * size)
        turn = (head + 1) * frequency
        # The query is the key turned back by so many positions: their product is largest so many tokens ago.
        first.q_proj.bias[of_head] = torch.cat([scale * turn.cos(), -scale * turn.sin()]) * size**0.5
        first.o_proj.weight[:, of_head] = _WRITE * subspace

    second = _attention(network, 1)
    slow = (frequency < _SLOW).nonzero()[:, 0]
    for group in range(groups):
        current, before = _onto(slow[0::2], half), _onto(slow[1::2], half)
        copied = basis[(3 + group) * size : (4 + group) * size]
        of_group = slice(group * size, (group + 1) * size)
        second.k_proj.weight[of_group] = _MATCH * (current @ back[0].T + _SECOND * before @ back[1].T)
        second.v_proj.weight[of_group] = copied
        for head in range(group * shared, (group + 1) * shared):
            of_head = slice(head * size, (head + 1) * size)
            second.q_proj.weight[of_head] = _MATCH * (current @ read + _SECOND * before @ back[0].T)
            second.o_proj.weight[:, of_head] = _WRITE * copied.T


def _attention(network: Qwen2ForCausalLM, layer: int) -> Qwen2Attention:
    return cast("Qwen2DecoderLayer", network.model.layers[layer]).self_attn


def _onto(frequencies: torch.Tensor, half: int) -> torch.Tensor:
    """Return a random rotation of a head's space onto the coordinates of these rotary frequencies.

    Each has two.
    """
    coordinates = torch.cat([frequencies, frequencies + half])
    matrix = torch.zeros(2 * half, 2 * half)
    matrix[coordinates] = torch.linalg.qr(torch.randn(2 * half, 2 * half))[0][: len(coordinates)]
    return matrix
