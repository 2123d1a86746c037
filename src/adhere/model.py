"""Loads and saves models: the only module that touches weights on disk."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers import logging as transformers_logging

from adhere import attention
from adhere.errors import ModelError
from adhere.prompt import Tokenizer

NANO = "nano"
"""Reference of the embedded model."""


@dataclass(frozen=True, slots=True)
class Model:
    """A causal language model with its tokenizer."""

    reference: str
    network: PreTrainedModel
    tokenizer: Tokenizer

    def __post_init__(self) -> None:
        attention.install(self.network)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.network.device

    @property
    def context(self) -> int:
        """Most tokens, prompt and answer together, that the model was built for."""
        return _context(self.network.config)

    @property
    def vocabulary_size(self) -> int:
        """Tokens that the network can read and write: the tokenizer's and, where it is padded, a few more."""
        return int(cast("torch.nn.Embedding", self.network.get_input_embeddings()).weight.shape[0])

    @property
    def stop_tokens(self) -> frozenset[int]:
        """Tokens that end an answer: the tokenizer's own and those of the model's generation config."""
        given: Any = getattr(self.network.generation_config, "eos_token_id", None)
        listed = given if isinstance(given, list) else [given]
        return frozenset(int(token) for token in [self.tokenizer.eos_token_id, *listed] if token is not None)


@dataclass(frozen=True, slots=True)
class Reader:
    """What of a model counts tokens: all but its weights."""

    tokenizer: Tokenizer
    context: int
    """Most tokens, prompt and answer together, that the model was built for."""


def load_reader(reference: str) -> Reader:
    """Load the tokenizer and the context of what `load` takes, and no weights.

    Raises:
        ModelError: The reference names no model that loads; the cause is named.
    """
    with _loading(reference) as location:
        tokenizer = AutoTokenizer.from_pretrained(location, trust_remote_code=False)
        config = AutoConfig.from_pretrained(location, trust_remote_code=False)
    return Reader(cast("Tokenizer", tokenizer), _context(config))


def load(reference: str) -> Model:
    """Load `nano`, a directory of safetensors, or a Hugging Face id.

    Nothing that comes with the weights is executed. A GPU is used where there is one, with bfloat16 weights;
    a CPU computes in float32, because few have bfloat16 arithmetic and the others emulate it a hundred times
    slower.

    Raises:
        ModelError: The reference names no model that loads; the cause is named.
    """
    cuda = torch.cuda.is_available()
    with _loading(reference) as location:
        tokenizer = AutoTokenizer.from_pretrained(location, trust_remote_code=False)
        network = AutoModelForCausalLM.from_pretrained(
            location,
            dtype=torch.bfloat16 if cuda else torch.float32,
            trust_remote_code=False,
            use_safetensors=True,
        )
    # Casts: the automatic classes promise nothing, and a tokenizer finds `eos_token_id` at run time only.
    model = Model(reference, cast("PreTrainedModel", network), cast("Tokenizer", tokenizer))
    if len(model.tokenizer) > model.vocabulary_size:
        raise ModelError.at(
            "model",
            reference,
            f"its tokenizer has {len(model.tokenizer)} tokens and its embedding fewer",
            fix="Save the tokenizer that belongs to these weights beside them",
        )
    # In place; named by its base class, whose signature the decorator of the network's own hides.
    cast("torch.nn.Module", model.network).to("cuda" if cuda else "cpu")
    return model


def save(model: Model, directory: Path) -> None:
    """Write weights as safetensors, config, generation config and tokenizer into `directory`."""
    with _quiet():
        model.network.save_pretrained(directory)
        model.tokenizer.save_pretrained(directory)


@contextlib.contextmanager
def _loading(reference: str) -> Iterator[str]:
    """Yield where a model lies, and say what is wrong if it does not load."""
    try:
        with _quiet():
            yield str(files("adhere") / "nano") if reference == NANO else reference
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as fault:
        raise ModelError.at(
            "model",
            reference,
            f"it does not load ({_first_line(fault)})",
            fix=(
                "Name `nano`, a directory with config.json, tokenizer.json and *.safetensors, "
                "or a Hugging Face id"
            ),
        ) from fault


def _context(config: object) -> int:
    return int(getattr(config, "max_position_embeddings", 2**31))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence loading bars and advice that is not ours, and keep the hub's telemetry off."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    before = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(before)


def _first_line(fault: Exception) -> str:
    line = next((line for line in str(fault).splitlines() if line.strip()), type(fault).__name__)
    return line.strip().rstrip(".")[:160]
