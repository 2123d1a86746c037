"""Nano's layers for training: the weights of the transformers model, in few and large operations.

A model this small spends more time between its products than in them. Queries, keys and values come from one
product, gate and up from another, one key-value head serves all queries of its group in a single product, and
the rest is left to the compiler to fuse. Values are those of transformers' own modules; a test holds the two
together.

Axis suffixes: B rows, T tokens, D width, H heads, S width of a head.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import Qwen2ForCausalLM
from transformers.models.qwen2.modeling_qwen2 import Qwen2DecoderLayer


class Layers(nn.Module):
    """All of the network but its head: tokens in, normalised hidden states out."""

    cosine_TS: Tensor
    sine_TS: Tensor

    def __init__(self, network: Qwen2ForCausalLM, dtype: torch.dtype) -> None:
        """Take over the network's weights.

        Args:
            network: Its weights are trained in place, in their own precision.
            dtype: Of the products; normalisation, softmax and the residual stream stay in float32.
        """
        super().__init__()
        shape = network.config
        self.model = network.model
        self.dtype = dtype
        self.heads = shape.num_attention_heads
        self.groups = shape.num_key_value_heads or self.heads
        self.size = shape.hidden_size // self.heads
        self.epsilon = shape.rms_norm_eps
        theta = float(shape.rope_parameters["rope_theta"])
        frequency_S = theta ** (-torch.arange(0, self.size, 2) / self.size)
        angle_TS = torch.outer(torch.arange(shape.max_position_embeddings), frequency_S).repeat(1, 2)
        self.register_buffer("cosine_TS", angle_TS.cos(), persistent=False)
        self.register_buffer("sine_TS", angle_TS.sin(), persistent=False)

    def forward(self, token_BT: Tensor) -> Tensor:
        """Return the hidden states, shape (B, T, D), of rows that are padded on the right."""
        length = token_BT.shape[1]
        seen_TT = torch.ones(length, length, dtype=torch.bool, device=token_BT.device).tril()
        stream_BTD = functional.embedding(token_BT, self.model.embed_tokens.weight)
        for module in self.model.layers:
            layer = cast("Qwen2DecoderLayer", module)
            read_BTD = self._normalised(stream_BTD, layer.input_layernorm.weight)
            found_BTD = self._found(layer, read_BTD, seen_TT)
            stream_BTD = stream_BTD + self._product(found_BTD, layer.self_attn.o_proj.weight)
            read_BTD = self._normalised(stream_BTD, layer.post_attention_layernorm.weight)
            mlp = layer.mlp
            wide = self._product(read_BTD, mlp.gate_proj.weight, mlp.up_proj.weight)
            gate, up = wide.chunk(2, -1)
            stream_BTD = stream_BTD + self._product(functional.silu(gate) * up, mlp.down_proj.weight)
        return self._normalised(stream_BTD, self.model.norm.weight)

    def _found(self, layer: Qwen2DecoderLayer, read_BTD: Tensor, seen_TT: Tensor) -> Tensor:
        """Return what the tokens' heads take from the tokens before them."""
        part, (rows, length, _) = layer.self_attn, read_BTD.shape
        heads, groups, size = self.heads, self.groups, self.size
        sharing = heads // groups
        weights = part.q_proj.weight, part.k_proj.weight, part.v_proj.weight
        bias = torch.cat([part.q_proj.bias, part.k_proj.bias, part.v_proj.bias])
        all_BTHS = self._product(read_BTD, *weights, bias=bias).view(rows, length, heads + 2 * groups, size)
        all_BHTS = all_BTHS.transpose(1, 2)
        turned_BHTS = self._turned(all_BHTS[:, : heads + groups])
        # A group's queries stand one after the other, so that they meet its keys in one product.
        query = turned_BHTS[:, :heads].reshape(rows * groups, sharing * length, size)
        key = turned_BHTS[:, heads:].reshape(rows * groups, length, size).contiguous()
        value = all_BHTS[:, heads + groups :].reshape(rows * groups, length, size).contiguous()
        score = torch.bmm(query, key.transpose(1, 2)).view(rows * groups, sharing, length, length)
        share = torch.where(seen_TT, score.float() * size**-0.5, torch.finfo(torch.float32).min).softmax(-1)
        found = torch.bmm(share.to(self.dtype).view(rows * groups, sharing * length, length), value)
        return found.view(rows, heads, length, size).transpose(1, 2).reshape(rows, length, heads * size)

    def _product(self, read: Tensor, *weights: Tensor, bias: Tensor | None = None) -> Tensor:
        weight = torch.cat(weights) if len(weights) > 1 else weights[0]
        return functional.linear(read, weight.to(self.dtype), None if bias is None else bias.to(self.dtype))

    def _normalised(self, stream_BTD: Tensor, weight_D: Tensor) -> Tensor:
        scale_BT1 = torch.rsqrt(stream_BTD.pow(2).mean(-1, keepdim=True) + self.epsilon)
        return (stream_BTD * scale_BT1 * weight_D).to(self.dtype)

    def _turned(self, part_BHTS: Tensor) -> Tensor:
        """Turn queries and keys by their positions."""
        length, half = part_BHTS.shape[2], self.size // 2
        part_BHTS = part_BHTS.float()
        swapped_BHTS = torch.cat([-part_BHTS[..., half:], part_BHTS[..., :half]], -1)
        turned_BHTS = part_BHTS * self.cosine_TS[:length] + swapped_BHTS * self.sine_TS[:length]
        return turned_BHTS.to(self.dtype)
