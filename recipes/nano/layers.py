"""Nano's layers for training: the weights of the transformers model, in few and large operations.

A model this small spends more time between its products than in them. Queries, keys and values come from one
product, gate and up from another, a key-value head serves all queries of its group in a single product, and
the rest is left to the compiler to fuse. Values are those of transformers' own modules; a test holds the two
together.

Axis suffixes: B rows, T tokens, D width, H heads, S width of a head, G key-value heads of all rows, Q queries
of a key-value head.
"""

from collections.abc import Callable
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import Qwen2ForCausalLM
from transformers.models.qwen2.modeling_qwen2 import Qwen2Attention, Qwen2DecoderLayer

BLOCK = 256
"""Tokens whose attention is computed together, over all before them."""


def blocks(length: int) -> int:
    """Return how many blocks hold a row."""
    return -(-length // BLOCK)


class Heads(NamedTuple):
    """How a layer attends."""

    queries: int
    keys: int
    epsilon: float
    dtype: torch.dtype
    """Of the products; normalisation, softmax and the residual stream stay in float32."""


class Layers(nn.Module):
    """All of the network but its head: tokens in, normalised hidden states out."""

    cosine_TS: Tensor
    sine_TS: Tensor

    def __init__(self, network: Qwen2ForCausalLM, dtype: torch.dtype, *, compiled: bool = False) -> None:
        """Take over the network's weights.

        Args:
            network: Its weights are trained in place, in their own precision.
            dtype: Of the products.
            compiled: Whether the layers are compiled, for rows of each number of blocks. It takes a C++
                compiler, and on two cores up to two minutes each; torch keeps what was compiled.
        """
        super().__init__()
        shape = network.config
        self.model = network.model
        keys = shape.num_key_value_heads or shape.num_attention_heads
        self.heads = Heads(shape.num_attention_heads, keys, shape.rms_norm_eps, dtype)
        size = shape.hidden_size // shape.num_attention_heads
        frequency_S = float(shape.rope_parameters["rope_theta"]) ** (-torch.arange(0, size, 2) / size)
        angle_TS = torch.outer(torch.arange(shape.max_position_embeddings), frequency_S).repeat(1, 2)
        self.register_buffer("cosine_TS", angle_TS.cos(), persistent=False)
        self.register_buffer("sine_TS", angle_TS.sin(), persistent=False)
        self._hidden: Callable[[Tensor, int], Tensor] = self.hidden
        if compiled:
            self._hidden = torch.compile(self.hidden, dynamic=True)

    def forward(self, token_BT: Tensor) -> Tensor:
        """Return the hidden states, shape (B, T, D), of rows that are padded on the right."""
        return self._hidden(token_BT, blocks(token_BT.shape[1]))

    def hidden(self, token_BT: Tensor, count: int) -> Tensor:
        """Return the hidden states of rows that so many blocks hold; this is what is compiled."""
        length = token_BT.shape[1]
        turn = self.cosine_TS[:length], self.sine_TS[:length]
        stream_BTD = functional.embedding(token_BT, self.model.embed_tokens.weight)
        for module in self.model.layers:
            stream_BTD = _layer(stream_BTD, cast("Qwen2DecoderLayer", module), turn, self.heads, count)
        return _normalised(stream_BTD, self.model.norm.weight, self.heads)


def _layer(
    stream_BTD: Tensor, layer: Qwen2DecoderLayer, turn: tuple[Tensor, Tensor], heads: Heads, count: int
) -> Tensor:
    mlp, dtype = layer.mlp, heads.dtype
    read_BTD = _normalised(stream_BTD, layer.input_layernorm.weight, heads)
    found_BTD = _found(read_BTD, layer.self_attn, turn, heads, count)
    stream_BTD = stream_BTD + functional.linear(found_BTD, layer.self_attn.o_proj.weight.to(dtype))
    read_BTD = _normalised(stream_BTD, layer.post_attention_layernorm.weight, heads)
    wide = functional.linear(read_BTD, torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight]).to(dtype))
    gate, up = wide.chunk(2, -1)
    return stream_BTD + functional.linear(functional.silu(gate) * up, mlp.down_proj.weight.to(dtype))


def _found(
    read_BTD: Tensor, part: Qwen2Attention, turn: tuple[Tensor, Tensor], heads: Heads, count: int
) -> Tensor:
    """Return what the tokens' heads take from the tokens before them."""
    rows, length, width = read_BTD.shape
    queries, keys, size = heads.queries, heads.keys, width // heads.queries
    weight = torch.cat([part.q_proj.weight, part.k_proj.weight, part.v_proj.weight]).to(heads.dtype)
    bias = torch.cat([part.q_proj.bias, part.k_proj.bias, part.v_proj.bias]).to(heads.dtype)
    all_BTHS = functional.linear(read_BTD, weight, bias).view(rows, length, queries + 2 * keys, size)
    all_BHTS = all_BTHS.transpose(1, 2)
    turned_BHTS = _turned(all_BHTS[:, : queries + keys], turn)
    query_GQTS = turned_BHTS[:, :queries].reshape(rows * keys, queries // keys, length, size)
    key_GTS = turned_BHTS[:, queries:].reshape(rows * keys, length, size).contiguous()
    value_GTS = all_BHTS[:, queries + keys :].reshape(rows * keys, length, size).contiguous()
    found = [
        _of_block(query_GQTS[:, :, start:stop], key_GTS[:, :stop], value_GTS[:, :stop], start)
        for start, stop in ((block * BLOCK, (block + 1) * BLOCK) for block in range(count - 1))
    ]
    start = (count - 1) * BLOCK
    found.append(_of_block(query_GQTS[:, :, start:], key_GTS, value_GTS, start))
    found_BHTS = torch.cat(found, 2).view(rows, queries, length, size)
    return found_BHTS.transpose(1, 2).reshape(rows, length, width)


def _of_block(query_GQTS: Tensor, key_GTS: Tensor, value_GTS: Tensor, start: int) -> Tensor:
    """Return what a block takes, whose first token is `start`; keys after its last are not there."""
    groups, sharing, length, size = query_GQTS.shape
    stop = key_GTS.shape[1]
    # A group's queries stand one after the other, so that they meet its keys in one product.
    query = query_GQTS.reshape(groups, sharing * length, size)
    score = torch.bmm(query, key_GTS.transpose(1, 2)).view(groups, sharing, length, stop)
    places = torch.arange(stop, device=score.device)
    seen = places[start:, None] >= places
    share = torch.where(seen, score.float() * size**-0.5, torch.finfo(torch.float32).min).softmax(-1)
    found = torch.bmm(share.to(query.dtype).view(groups, sharing * length, stop), value_GTS)
    return found.view(groups, sharing, length, size)


def _normalised(stream_BTD: Tensor, weight_D: Tensor, heads: Heads) -> Tensor:
    scale_BT1 = torch.rsqrt(stream_BTD.pow(2).mean(-1, keepdim=True) + heads.epsilon)
    return (stream_BTD * scale_BT1 * weight_D).to(heads.dtype)


def _turned(part_BHTS: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Turn queries and keys by their positions."""
    half, dtype = part_BHTS.shape[-1] // 2, part_BHTS.dtype
    part_BHTS = part_BHTS.float()
    swapped_BHTS = torch.cat([-part_BHTS[..., half:], part_BHTS[..., :half]], -1)
    return (part_BHTS * turn[0] + swapped_BHTS * turn[1]).to(dtype)
