"""Random models by their shape, and a tokenizer whose tokens are words, for the benchmarks of training."""

import os
import random
from dataclasses import dataclass

# Before transformers reads them.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

PAD, END = "<pad>", "<end>"
CONTEXT = 4096
"""Most tokens, prompt and answer together."""
ONE_WORD = "w2"
"""What a row asks for: the first token of every prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A Qwen2 by its measures; embeddings are tied."""

    width: int
    intermediate: int
    layers: int
    heads: int
    key_heads: int
    vocabulary: int

    @property
    def head_width(self) -> int:
        """Width of a head."""
        return self.width // self.heads


SHAPES = {
    "nano-like": Shape(
        width=256, intermediate=672, layers=6, heads=8, key_heads=4, vocabulary=2048
    ),
    "tiny": Shape(width=64, intermediate=96, layers=2, heads=4, key_heads=2, vocabulary=512),  # for tests
    "1.5b": Shape(  # of Qwen2.5-1.5B
        width=1536, intermediate=8960, layers=28, heads=12, key_heads=2, vocabulary=151_936
    ),
}  # fmt: skip


def network(shape: Shape, device: str) -> Qwen2ForCausalLM:
    """Build a network with random weights of 32 bits, the same at every call; no token ends an answer."""
    config = Qwen2Config(
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_heads,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=None,
        attn_implementation="sdpa",
    )
    torch.manual_seed(0)
    with torch.device(device):
        return Qwen2ForCausalLM(config)


def tokenizer(shape: Shape, *, ends: bool) -> PreTrainedTokenizerFast:
    """Build a tokenizer of one token a word, whose prompts are their words and nothing else.

    Args:
        shape: Of the network that reads them.
        ends: Whether there is a token that ends an answer.
    """
    words = {PAD: 0, END: 1} | {f"w{place}": place for place in range(2, shape.vocabulary)}
    made = Tokenizer(models.WordLevel(words, unk_token=PAD))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token=PAD,
        eos_token=END if ends else None,
        chat_template="{{ messages[-1]['content'] }}",  # neither a system message nor marks
    )


def words(shape: Shape, count: int, chance: random.Random) -> str:
    """Draw so many words."""
    return " ".join(f"w{chance.randrange(2, shape.vocabulary)}" for _ in range(count))
