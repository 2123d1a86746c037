"""Loads and saves models and their adapters: the only module that touches weights on disk."""

import contextlib
import copy
import json
import os
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers import logging as transformers_logging
from transformers.utils.hub import cached_file
from transformers.utils.peft_utils import find_adapter_config_file

from adhere import attention, linear
from adhere.config import Lora, Precision
from adhere.errors import ConfigError, ModelError, perhaps
from adhere.measure import calibration
from adhere.measure.calibration import Calibration
from adhere.prompt import Tokenizer

NANO = "nano"
"""Reference of the embedded model."""
EMULATED = 3.0
"""How many times as long a product in bfloat16 takes than one in float32, at least, where it is emulated."""
_BRIEF = {"avx512_bf16", "amx_bf16"}
"""Instructions that multiply in bfloat16."""
BASE = "base.json"
"""File of an adapter's directory that says where its model lies, seen from there; only where that is a
directory too."""


@dataclass(frozen=True, slots=True)
class Model:
    """A causal language model with its tokenizer."""

    reference: str
    network: PreTrainedModel
    tokenizer: Tokenizer
    mixed: bool = False
    """Whether training multiplies matrices in bfloat16, over weights in float32."""

    def __post_init__(self) -> None:
        attention.install(self.network)
        linear.install(self.network)

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

    def logits(self, hidden_NW: torch.Tensor) -> torch.Tensor:
        """Return what the network says of the next token, shape (N, V), from its last hidden states."""
        return attention.logits(self.network, hidden_NW)

    @property
    def has_adapter(self) -> bool:
        """Whether `add_lora` gave it adapters, so that they are what is trained."""
        return bool(getattr(self.network, "peft_config", None))

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
        base = _base(reference, location)
        tokenizer = _tokenizer(location, base)
        if base is not None:
            return Reader(tokenizer, load_reader(base).context)
        config = AutoConfig.from_pretrained(location, trust_remote_code=False)
    return Reader(tokenizer, _context(config))


def load(
    reference: str, *, precision: Precision = "auto", trained: bool = False, sampled: bool = True
) -> Model:
    """Load `nano`, a directory of safetensors, or a Hugging Face id.

    Nothing that comes with the weights is executed. A GPU is used where there is one. An adapter's directory,
    ours or another program's, gives its model with the adapter folded in.

    Args:
        reference: Names it.
        precision: In what matrices are multiplied. auto: bfloat16 on a GPU. On a CPU float32, because many
            have no bfloat16 arithmetic and emulate it a hundred times slower; where there is some, bfloat16
            for what is trained and not sampled from.
        trained: Whether all weights are to be trained. They are float32 then: in bfloat16, small updates
            round to nothing.
        sampled: Whether it is to answer, rather than to be shown answers alone.

    Raises:
        ConfigError: The precision is bfloat16, and the processor emulates it.
        ModelError: The reference names no model that loads; the cause is named.
    """
    cuda = torch.cuda.is_available()
    brief = _is_brief(precision, cuda=cuda, gradients=trained and not sampled)
    with _loading(reference) as location:
        base = _base(reference, location)
        tokenizer = _tokenizer(location, base)
        if base is not None:
            below = load(base, precision=precision, trained=trained, sampled=sampled)
            network = _with_adapter(below.network, location)
        else:
            network = AutoModelForCausalLM.from_pretrained(
                location,
                dtype=torch.bfloat16 if brief and not trained else torch.float32,
                trust_remote_code=False,
                use_safetensors=True,
            )
    # A cast: the automatic classes promise nothing.
    model = Model(reference, cast("PreTrainedModel", network), tokenizer, mixed=brief and trained)
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


def load_calibration(reference: str) -> Calibration | None:
    """Load the `calibration.json` that lies beside the weights of what `load` takes; `None` without one.

    Raises:
        DataError: It is damaged.
    """
    found = cached_file(
        _location(reference),
        calibration.FILE,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    return None if found is None else calibration.load(Path(found))


def _is_brief(precision: Precision, *, cuda: bool, gradients: bool) -> bool:
    """Say whether matrices are multiplied in bfloat16.

    Raises:
        ConfigError: They are to be, and the processor emulates it.
    """
    if precision == "auto":
        # By what the processor has, not by the clock: a run that goes on has to come to the same.
        return cuda or (gradients and has_bfloat16())
    if precision == "float32" or cuda:
        return precision == "bfloat16"
    slower = _seconds(torch.bfloat16) / _seconds(torch.float32)
    if slower > EMULATED:
        raise ConfigError.at(
            "precision",
            precision,
            f"this processor emulates it: a product takes {slower:.0f} times as long as in float32",
            fix="Use float32",
        )
    return True


def has_bfloat16() -> bool:
    """Say whether the processor has instructions that multiply in bfloat16, as far as torch names them."""
    known: Any = getattr(torch.cpu, "get_capabilities", dict)()
    return any(known.get(name) is True for name in _BRIEF)


def _seconds(dtype: torch.dtype) -> float:
    """Measure a product of two matrices."""
    matrix = torch.ones(256, 256, dtype=dtype)
    taken: list[float] = []
    for _ in range(4):
        began = time.perf_counter()
        torch.nn.functional.linear(matrix, matrix)
        taken.append(time.perf_counter() - began)
    return min(taken)


def save(model: Model, directory: Path) -> None:
    """Write weights as safetensors, config, generation config and tokenizer into `directory`.

    Adapters are folded in, so that what is written loads anywhere as a model like any other.
    """
    with _quiet():
        merged(model).network.save_pretrained(directory)
        model.tokenizer.save_pretrained(directory)


def save_adapter(model: Model, directory: Path) -> None:
    """Write a model's adapters alone, as PEFT does, and its tokenizer into `directory`.

    `load` finds the model that they belong to: `nano` and Hugging Face ids by name; a directory by its place
    seen from `directory`, so that the two can be moved together, or else by its absolute path, which other
    programs read too.
    """
    base = Path(model.reference)
    is_directory = model.reference != NANO and base.is_dir()
    with _quiet():
        model.network.save_pretrained(directory)
        model.tokenizer.save_pretrained(directory)
    file = directory / "adapter_config.json"
    settings = json.loads(file.read_text(encoding="utf-8"))
    settings["base_model_name_or_path"] = str(base.resolve()) if is_directory else model.reference
    # PEFT keeps the names as a set, whose order is another in every process.
    settings["target_modules"] = sorted(settings["target_modules"])
    file.write_text(f"{json.dumps(settings, indent=2)}\n", encoding="utf-8")
    if is_directory:
        seen = os.path.relpath(base.resolve(), directory.resolve())
        (directory / BASE).write_text(f"{json.dumps({'model': seen})}\n", encoding="utf-8")


def add_lora(model: Model, lora: Lora, *, seed: int) -> None:
    """Give a model adapters, in place; they alone are trained then. Of rank 0, all stays as it is.

    They change nothing yet: the second factor of each begins as zero, the first is drawn from the seed alone.
    Their weights are float32, whatever the model's: with bfloat16 most small updates would round to nothing.

    Raises:
        ConfigError: `lora.modules` names a layer that the model does not have, or the model has no layers
            that adapters can stand beside.

    Source: arXiv:2106.09685 section 4.1.
    """
    if not lora.rank:
        return
    from peft import LoraConfig

    settings = LoraConfig(
        r=lora.rank,
        lora_alpha=cast("int", lora.alpha),  # which may have a fraction too
        lora_dropout=lora.dropout,
        target_modules=_chosen(model.network, lora.modules, lora.rank),
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng(devices=[]), _quiet():
        torch.default_generator.manual_seed(seed)
        try:
            model.network.add_adapter(settings)
        except ValueError as fault:
            raise ConfigError.at(
                "lora.rank",
                lora.rank,
                f"{type(model.network).__name__} takes no such adapters ({_first_line(fault)})",
                fix="Name other layers in lora.modules, or use 0, which trains all weights",
            ) from fault
    for weight in model.network.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()
    linear.install(model.network)


@contextlib.contextmanager
def adapters_off(model: Model) -> Iterator[None]:
    """Let a model answer as it would without its adapters, as a reference does.

    Raises:
        ValueError: It has none, so that it would be its own reference.
    """
    if not model.has_adapter:
        raise ValueError("a model without adapters cannot do without them")
    model.network.disable_adapters()
    try:
        yield
    finally:
        model.network.enable_adapters()


def merged(model: Model) -> Model:
    """Return a copy of a model with its adapters folded into its weights; without adapters, the model."""
    if not model.has_adapter:
        return model
    from peft.tuners.lora import LoraLayer

    network = copy.deepcopy(model.network)
    adapted = [(name, layer) for name, layer in network.named_modules() if isinstance(layer, LoraLayer)]
    for name, layer in adapted:
        layer.merge()  # type: ignore[operator]  # every kind of layer has one, their base class does not
        network.set_submodule(name, layer.get_base_layer())
    del network.peft_config
    network._hf_peft_config_loaded = False
    network.requires_grad_(requires_grad=True)
    return Model(model.reference, network, model.tokenizer)


def _chosen(network: PreTrainedModel, modules: Sequence[str], rank: int) -> list[str]:
    """Return the names of the layers that get an adapter: those given, or else all linear ones but the head.

    Raises:
        ConfigError: There are none, or one that is given names none of them.
    """
    head = network.get_output_embeddings()
    layers = {
        name: layer
        for name, layer in network.named_modules()
        if isinstance(layer, torch.nn.Linear) and layer is not head
    }
    known = list(dict.fromkeys(name.rpartition(".")[2] for name in layers))
    if not known:
        raise ConfigError.at(
            "lora.rank",
            rank,
            f"{type(network).__name__} has no linear layers beside which an adapter could stand",
            fix="Use 0, which trains all weights",
        )
    full = max(min(layer.in_features, layer.out_features) for layer in layers.values())
    if rank > full:
        raise ConfigError.at(
            "lora.rank",
            rank,
            f"the widest layer has rank {full}, so that adapters would be larger than what they stand beside",
            fix=f"Use {full} at most; 8 to 32 is usual",
        )
    for given in modules:
        if not any(f".{name}".endswith(f".{given}") for name in layers):
            raise ConfigError.at(
                "lora.modules",
                given,
                f"the model has no such linear layer{perhaps(given, known)}",
                fix=f"Use some of {', '.join(known)}, or leave it out for all of them",
            )
    return list(modules or known)


def _base(reference: str, location: str) -> str | None:
    """Return the reference of the model that an adapter belongs to; `None` for what is a model itself.

    Raises:
        ModelError: That model lay in a directory which is gone.
    """
    found = find_adapter_config_file(location)
    if found is None or (Path(location) / "config.json").exists():
        return None
    base = str(json.loads(Path(found).read_text(encoding="utf-8"))["base_model_name_or_path"])
    beside = Path(location) / BASE
    if beside.exists():
        seen = Path(location).resolve() / json.loads(beside.read_text(encoding="utf-8"))["model"]
        base = str(seen) if seen.is_dir() else base
    if Path(base).is_absolute() and not Path(base).is_dir():
        raise ModelError.at(
            "model",
            reference,
            f"it is an adapter of {base}, and there is no such directory",
            fix="Put that model back, or name the merged model of the same run, in `checkpoint`",
        )
    return base


def _tokenizer(location: str, base: str | None) -> Tokenizer:
    """Load what lies beside the weights; other programs leave it out of an adapter's directory."""
    if base is not None and not cached_file(
        location, "tokenizer_config.json", _raise_exceptions_for_missing_entries=False
    ):
        return load_reader(base).tokenizer
    # A cast: a tokenizer finds `eos_token_id` at run time only.
    return cast("Tokenizer", AutoTokenizer.from_pretrained(location, trust_remote_code=False))


def _with_adapter(network: PreTrainedModel, location: str) -> PreTrainedModel:
    """Fold an adapter on disk into the weights of its model, in place.

    Raises:
        OSError: Its weights are not there as safetensors.
        ValueError: It is of another kind, or does not fit the model.
    """
    from peft import PeftModel

    cached_file(location, "adapter_model.safetensors")
    with warnings.catch_warnings():
        # PEFT asks transformers for what is deprecated there: nothing that a user could change.
        warnings.simplefilter("ignore", FutureWarning)
        adapted = PeftModel.from_pretrained(network, location)
    if not hasattr(adapted, "merge_and_unload"):
        raise ValueError("an adapter of its kind has no weights that could be folded in")
    whole = adapted.merge_and_unload()
    whole.requires_grad_(requires_grad=True)
    return cast("PreTrainedModel", whole)


@contextlib.contextmanager
def _loading(reference: str) -> Iterator[str]:
    """Yield where a model lies, and say what is wrong if it does not load."""
    try:
        with _quiet():
            yield _location(reference)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as fault:
        raise ModelError.at(
            "model",
            reference,
            f"{_what_it_is(reference)}it does not load ({_first_line(fault)})",
            fix=_models_inside(reference)
            or (
                "Name `nano`, a directory with config.json, tokenizer.json and *.safetensors, "
                "or a Hugging Face id"
            ),
        ) from fault


def _location(reference: str) -> str:
    return str(files("adhere") / "nano") if reference == NANO else reference


def _what_it_is(reference: str) -> str:
    return "" if Path(reference).exists() else "there is no such directory here, and as a Hugging Face id "


def _models_inside(reference: str) -> str:
    """Return what to name where a directory is no model and holds some, as that of a run does."""
    models = [str(config.parent) for config in sorted(Path(reference).glob("*/config.json"))]
    return f"Name a model inside it: {', '.join(models)}" if models else ""


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
