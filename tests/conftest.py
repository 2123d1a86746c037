"""What every test stands on: no network, repeatable draws, and where the shared data lies."""

import os
import signal
from pathlib import Path
from typing import cast

import pytest
from hypothesis import settings

# Before any test imports transformers, which reads them once.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import torch
from tokenizers import Tokenizer, decoders
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from adhere import prompt
from adhere.model import Model
from adhere.schema import Schema

# A shell lets its jobs in the background, and all that they start, ignore Ctrl-C; some tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Models of a few thousand weights are slower on two threads than on one.
torch.set_num_threads(1)

# A property that fails once must fail again; and a slow machine is no failure.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Public data that lies beside the project and is no part of it."""
    if not SHARED_DATA.is_dir():
        pytest.skip("there is no ../shared/data beside the project")
    return SHARED_DATA


ARCHITECTURES = ("qwen2", "llama", "qwen3", "gemma3_text")


def tiny_model(architecture: str = "qwen2", *, seed: int = 0) -> Model:
    """Build a random model of a few thousand weights, with a byte-level tokenizer and a ChatML template."""
    torch.manual_seed(seed)
    config = AutoConfig.for_model(
        architecture,
        vocab_size=300,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=2,
    )
    return Model(architecture, AutoModelForCausalLM.from_config(config).eval(), _byte_tokenizer())


def _byte_tokenizer() -> prompt.Tokenizer:
    """Every byte is a token, behind three special ones."""
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    vocabulary = {token: place for place, token in enumerate([*special, *sorted(ByteLevel.alphabet())])}
    tokenizer = Tokenizer(BPE(vocabulary, []))
    tokenizer.add_special_tokens(special)
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    template = (
        "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
        "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    # A cast: transformers finds `eos_token_id` at run time only.
    return cast(
        "prompt.Tokenizer",
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, pad_token=special[0], eos_token=special[2], chat_template=template
        ),
    )


@pytest.fixture(params=ARCHITECTURES)
def any_model(request: pytest.FixtureRequest) -> Model:
    """Each architecture in turn, with random weights."""
    return tiny_model(request.param)


@pytest.fixture
def model() -> Model:
    """A small Qwen2 with random weights, fresh for every test."""
    return tiny_model()


ORDER = Schema.of(
    {
        "title": "order",
        "type": "object",
        "properties": {
            "item": {"type": "string"},
            "count": {"type": "integer"},
            "sizes": {"type": "array", "items": {"type": "integer"}},
            "gifts": {
                "type": "array",
                "x-order": "free",
                "items": {
                    "type": "object",
                    "properties": {"to": {"type": "string"}, "count": {"type": "integer"}},
                },
            },
        },
        "required": ["item", "count"],
        "additionalProperties": False,
    }
)


@pytest.fixture(scope="session")
def order() -> Schema:
    """An item, a count and, where given, sizes and gifts, the latter in any order."""
    return ORDER
