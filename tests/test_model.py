import copy
import json
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, PrefixTuningConfig, get_peft_model
from tests.conftest import tiny_model
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from adhere.config import Lora
from adhere.errors import ConfigError, ModelError
from adhere.measure.calibration import Calibration, Logistic
from adhere.model import (
    NANO,
    Model,
    adapters_off,
    add_lora,
    load,
    load_calibration,
    load_reader,
    merged,
    save,
    save_adapter,
)


def test_what_is_saved_loads_as_it_was(any_model: Model, tmp_path: Path) -> None:
    save(any_model, tmp_path / "m")
    again = load(str(tmp_path / "m"))
    for name, weight in any_model.network.state_dict().items():
        assert torch.equal(weight, again.network.state_dict()[name])
    assert again.tokenizer.encode("a ü") == any_model.tokenizer.encode("a ü")
    assert again.tokenizer.chat_template == any_model.tokenizer.chat_template
    assert (
        sorted(path.suffix for path in (tmp_path / "m").iterdir() if path.suffix in {".bin", ".pt", ".pkl"})
        == []
    )


def test_nano_loads_and_is_what_it_says() -> None:
    nano = load(NANO)
    weights = sum(weight.numel() for weight in nano.network.parameters())
    assert nano.network.config.model_type == "qwen2"
    assert 3_000_000 < weights < 8_000_000
    assert nano.context >= 1024
    assert nano.tokenizer.decode(list(nano.stop_tokens)) == "<|im_end|>"


@pytest.mark.parametrize(
    "value", ["Acme Corp", "Zürich 4711", "INV-2041/b", "naïve @ x_y.com", "  two  blanks "]
)
def test_nano_spells_a_value_alike_in_text_and_in_json(value: str) -> None:
    tokenizer = load(NANO).tokenizer
    alone = tokenizer.encode(value, add_special_tokens=False)
    assert tokenizer.decode(alone) == value
    for before, after in (("Text ", "\nmore"), ('{"key":"', '"}')):
        inside = tokenizer.encode(before + value.strip() + after, add_special_tokens=False)
        core = tokenizer.encode(value.strip(), add_special_tokens=False)
        assert any(inside[start : start + len(core)] == core for start in range(len(inside)))


@pytest.mark.parametrize("given", ["nowhere/at-all", "empty"])
def test_a_model_that_does_not_load_says_why(given: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    reference = str(tmp_path / "empty") if given == "empty" else given
    with pytest.raises(ModelError, match=r"model = .*does not load \(.*Name `nano`") as raised:
        load(reference)
    assert "\n" not in str(raised.value)


def test_a_directory_of_a_run_is_no_model_and_the_message_names_those_inside(
    model: Model, tmp_path: Path
) -> None:
    for name in ("best", "checkpoint"):
        save(model, tmp_path / name)
    with pytest.raises(ModelError, match=r"Name a model inside it: \S+best, \S+checkpoint\."):
        load(str(tmp_path))


def test_a_directory_that_is_not_there_is_called_so() -> None:
    with pytest.raises(ModelError, match="there is no such directory here, and as a Hugging Face id it does"):
        load("./nowhere")


def test_truncated_weights_are_a_model_that_does_not_load(model: Model, tmp_path: Path) -> None:
    save(model, tmp_path / "m")
    weights = tmp_path / "m" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(ModelError, match="does not load"):
        load(str(tmp_path / "m"))


def test_a_tokenizer_of_another_model_is_refused(model: Model, tmp_path: Path) -> None:
    assert isinstance(model.tokenizer, PreTrainedTokenizerFast)
    model.tokenizer.add_tokens([f"<extra-{number}>" for number in range(200)])
    save(model, tmp_path / "m")
    with pytest.raises(ModelError, match="tokens and its embedding fewer"):
        load(str(tmp_path / "m"))


def test_a_reader_counts_tokens_as_the_model_does_and_has_no_weights(model: Model, tmp_path: Path) -> None:
    save(model, tmp_path / "m")
    (tmp_path / "m" / "model.safetensors").unlink()
    reader = load_reader(str(tmp_path / "m"))
    assert reader.context == model.context == 512
    assert reader.tokenizer.encode("two mugs") == model.tokenizer.encode("two mugs")


def test_a_reader_that_does_not_load_says_why() -> None:
    with pytest.raises(ModelError, match="does not load"):
        load_reader("nowhere/at-all")


TOKENS = torch.arange(5, 25)[None]
LORA = Lora(rank=4)


def logits(model: Model) -> torch.Tensor:
    with torch.no_grad():
        return model.network(TOKENS).logits


def trained(model: Model) -> dict[str, torch.Tensor]:
    return {name: weight for name, weight in model.network.named_parameters() if weight.requires_grad}


def with_lora(model: Model, lora: Lora = LORA) -> Model:
    """The same model with adapters that change what it says."""
    add_lora(model, lora, seed=0)
    for place, weight in enumerate(trained(model).values()):
        torch.nn.init.normal_(weight.data, std=0.1, generator=torch.Generator().manual_seed(place))
    return model


def test_a_calibration_lies_beside_the_weights(model: Model, tmp_path: Path) -> None:
    save(model, tmp_path)
    assert load_calibration(str(tmp_path)) is None
    made = Calibration(curve=Logistic(0.5, -1.0), rows=30, leaves=90)
    (tmp_path / "calibration.json").write_text(json.dumps(made.as_json()))
    assert load_calibration(str(tmp_path)) == made


def test_the_calibration_of_other_weights_is_not_saved_with_new_ones(model: Model, tmp_path: Path) -> None:
    save(model, tmp_path / "old")
    (tmp_path / "old" / "calibration.json").write_text("{}")
    save(load(str(tmp_path / "old")), tmp_path / "new")
    assert load_calibration(str(tmp_path / "new")) is None


def test_nano_has_the_calibration_that_lies_in_its_directory() -> None:
    shipped = Path(str(files("adhere") / "nano" / "calibration.json"))
    assert (load_calibration(NANO) is not None) == shipped.exists()


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="as it answers"),
        pytest.param({"trained": True}, id="trained and sampled from"),
        pytest.param({"trained": True, "sampled": False, "precision": "float32"}, id="told to"),
        pytest.param({"sampled": False}, id="under adapters"),
    ],
)
def test_on_a_cpu_matrices_are_multiplied_in_float32(settings: dict[str, Any]) -> None:
    made = load(NANO, **settings)
    assert (made.mixed, made.network.dtype) == (False, torch.float32)


def test_gradients_alone_are_in_bfloat16_where_a_cpu_has_instructions_for_it() -> None:
    known: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    made = load(NANO, trained=True, sampled=False)
    assert made.mixed == any(known.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
    assert made.network.dtype == torch.float32


def test_new_adapters_change_nothing_and_they_alone_are_trained(any_model: Model) -> None:
    before = logits(any_model)
    add_lora(any_model, LORA, seed=0)
    assert any_model.has_adapter
    assert torch.equal(logits(any_model), before)
    # Seven linear layers in each of two blocks, two factors each.
    assert len(trained(any_model)) == 7 * 2 * 2
    assert all(
        ".lora_" in name and weight.dtype == torch.float32 for name, weight in trained(any_model).items()
    )


def test_adapters_of_a_model_in_bfloat16_are_trained_in_float32(any_model: Model) -> None:
    any_model.network.to(torch.bfloat16)  # type: ignore[arg-type]
    changed = logits(with_lora(any_model))
    assert changed.dtype == torch.bfloat16
    any_model.network(TOKENS).logits.float().square().mean().backward()
    for weight in trained(any_model).values():
        assert weight.dtype == torch.float32
        assert weight.grad is not None
        assert weight.grad.abs().sum() > 0
    # bfloat16 has 8 bits of a number, and the logits are below 2.
    assert torch.allclose(logits(merged(any_model)), changed, atol=0.05)
    assert all(weight.dtype == torch.bfloat16 for weight in merged(any_model).network.parameters())


def test_of_rank_0_there_are_none(model: Model) -> None:
    weights = len(trained(model))
    add_lora(model, Lora(), seed=0)
    assert not model.has_adapter
    assert len(trained(model)) == weights


def test_adapters_begin_as_the_seed_says_and_nothing_else_is_drawn(model: Model) -> None:
    drawn: list[torch.Tensor] = []
    for disturbance, seed in ((1, 0), (2, 0), (3, 1)):
        fresh = copy.deepcopy(model)
        torch.manual_seed(disturbance)
        before = torch.get_rng_state()
        add_lora(fresh, LORA, seed=seed)
        assert torch.equal(torch.get_rng_state(), before)
        drawn.append(torch.cat([weight.flatten() for weight in trained(fresh).values()]))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize(
    ("modules", "adapted"),
    [
        pytest.param(("q_proj", "v_proj"), 2 * 2, id="by name, in both blocks"),
        pytest.param(("mlp.up_proj",), 2, id="by the end of a path"),
        pytest.param(("model.layers.1.self_attn.q_proj",), 1, id="by a whole path"),
    ],
)
def test_the_layers_named_get_an_adapter(model: Model, modules: tuple[str, ...], adapted: int) -> None:
    add_lora(model, Lora(rank=2, modules=modules), seed=0)
    assert len(trained(model)) == 2 * adapted


@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param("q_prj", "; perhaps you meant q_proj. Use some of q_proj, k_proj, v_proj", id="a typo"),
        pytest.param("lm_head", "Use some of q_proj", id="the head"),
        pytest.param("proj", "Use some of q_proj", id="the end of a name"),
    ],
)
def test_a_layer_that_is_not_there_is_refused(model: Model, given: str, why: str) -> None:
    with pytest.raises(ConfigError, match=rf"lora.modules = '{given}': the model has no such .*{why}"):
        add_lora(model, Lora(rank=2, modules=("q_proj", given)), seed=0)


@pytest.mark.parametrize(
    ("architecture", "why"),
    [
        pytest.param("gpt2", "GPT2LMHeadModel has no linear layers beside which", id="none is linear"),
        pytest.param("mamba", r"MambaForCausalLM takes no such adapters \(.*'out_proj'", id="PEFT refuses"),
    ],
)
def test_a_model_that_takes_no_adapters_is_refused(architecture: str, why: str) -> None:
    with pytest.raises(ConfigError, match=rf"lora.rank = 4: {why}") as raised:
        add_lora(tiny_model(architecture), LORA, seed=0)
    assert "\n" not in str(raised.value)


def test_with_adapters_off_a_model_is_what_it_was(any_model: Model) -> None:
    before = logits(any_model)
    changed = logits(with_lora(any_model))
    names = list(trained(any_model))
    with adapters_off(any_model):
        assert torch.equal(logits(any_model), before)
    assert torch.equal(logits(any_model), changed)
    assert not torch.equal(changed, before)
    assert list(trained(any_model)) == names


def test_a_model_without_adapters_cannot_do_without_them(model: Model) -> None:
    with pytest.raises(ValueError, match="without adapters"), adapters_off(model):
        pass


def test_merged_weights_say_what_adapters_say(any_model: Model) -> None:
    changed = logits(with_lora(any_model))
    whole = merged(any_model)
    assert torch.allclose(logits(whole), changed, atol=1e-5)
    assert not whole.has_adapter
    assert len(trained(whole)) == len(list(whole.network.parameters()))
    # The model itself goes on with its adapters.
    assert any_model.has_adapter
    assert torch.equal(logits(any_model), changed)


def test_without_adapters_a_model_is_merged_already(model: Model) -> None:
    assert merged(model) is model


@pytest.fixture
def adapted(model: Model, tmp_path: Path) -> Model:
    """A model from a directory, with adapters, saved merged and as adapters alone."""
    save(model, tmp_path / "base")
    changed = with_lora(load(str(tmp_path / "base")))
    save(changed, tmp_path / "run" / "checkpoint")
    save_adapter(changed, tmp_path / "run" / "adapter")
    return changed


def test_a_saved_model_holds_its_adapters_and_so_does_a_saved_adapter(adapted: Model, tmp_path: Path) -> None:
    whole, folded = load(str(tmp_path / "run" / "checkpoint")), load(str(tmp_path / "run" / "adapter"))
    assert torch.allclose(logits(whole), logits(adapted), atol=1e-5)
    for name, weight in whole.network.state_dict().items():
        assert torch.equal(folded.network.state_dict()[name], weight)
    assert not folded.has_adapter
    assert len(trained(folded)) == len(list(folded.network.parameters()))
    assert folded.tokenizer.chat_template == adapted.tokenizer.chat_template
    assert not (tmp_path / "run" / "checkpoint" / "adapter_config.json").exists()


def test_an_adapter_is_peft_s_and_loads_there_from_anywhere(
    adapted: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    settings = json.loads((tmp_path / "run" / "adapter" / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == str((tmp_path / "base").resolve())
    assert settings["target_modules"] == sorted(settings["target_modules"])
    base = AutoModelForCausalLM.from_pretrained(settings["base_model_name_or_path"])
    with pytest.warns(FutureWarning, match="is_gradient_checkpointing"):
        there = PeftModel.from_pretrained(base, str(tmp_path / "run" / "adapter"))
    with torch.no_grad():
        assert torch.allclose(there(TOKENS).logits, logits(adapted), atol=1e-5)


def moved(tmp_path: Path, *names: str) -> Path:
    for name in names:
        (tmp_path / "moved" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(tmp_path / name, tmp_path / "moved" / name)
    return tmp_path / "moved" / "run" / "adapter"


@pytest.mark.parametrize(
    "names", [("base", "run/adapter"), ("run/adapter",)], ids=["with its model", "alone"]
)
def test_an_adapter_that_is_moved_finds_its_model(
    names: tuple[str, ...], adapted: Model, tmp_path: Path
) -> None:
    there = load(str(moved(tmp_path, *names)))
    assert torch.allclose(logits(there), logits(adapted), atol=1e-5)


@pytest.mark.usefixtures("adapted")
def test_an_adapter_whose_model_is_gone_says_so(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "base")
    message = rf"model = '{tmp_path}/run/adapter': it is an adapter of {tmp_path}/base, and there is no such"
    for loading in (load, load_reader):
        with pytest.raises(ModelError, match=message):
            loading(str(tmp_path / "run" / "adapter"))


@pytest.mark.usefixtures("adapted")
def test_an_adapter_is_trained_on_from_and_loads_over_the_first(tmp_path: Path) -> None:
    second = with_lora(load(str(tmp_path / "run" / "adapter")), Lora(rank=2, modules=("q_proj",)))
    save_adapter(second, tmp_path / "second" / "adapter")
    assert torch.allclose(logits(load(str(tmp_path / "second" / "adapter"))), logits(second), atol=1e-5)


def test_an_adapter_of_nano_names_nano(tmp_path: Path) -> None:
    nano = with_lora(load(NANO), Lora(rank=2, modules=("q_proj",)))
    save_adapter(nano, tmp_path / "adapter")
    settings = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == NANO
    assert torch.allclose(logits(load(str(tmp_path / "adapter"))), logits(nano), atol=1e-4)


def test_a_reader_of_an_adapter_has_the_context_of_its_model(adapted: Model, tmp_path: Path) -> None:
    reader = load_reader(str(tmp_path / "run" / "adapter"))
    assert reader.context == adapted.context
    assert reader.tokenizer.encode("two mugs") == adapted.tokenizer.encode("two mugs")


def foreign(base: Path, place: Path, settings: LoraConfig | PrefixTuningConfig) -> None:
    """What another program leaves, who names its model and saves no tokenizer."""
    with pytest.warns(FutureWarning, match="is_gradient_checkpointing"):
        made = get_peft_model(AutoModelForCausalLM.from_pretrained(base), settings)
    made.save_pretrained(str(place))


def test_an_adapter_of_another_program_has_the_tokenizer_of_its_model(model: Model, tmp_path: Path) -> None:
    save(model, tmp_path / "base")
    foreign(tmp_path / "base", tmp_path / "theirs", LoraConfig(r=2, target_modules=["q_proj"]))
    there = load(str(tmp_path / "theirs"))
    assert there.tokenizer.encode("two mugs") == model.tokenizer.encode("two mugs")
    # The second factor of a new adapter is zero.
    assert torch.allclose(logits(there), logits(model), atol=1e-6)


def test_what_cannot_be_folded_in_is_a_model_that_does_not_load(model: Model, tmp_path: Path) -> None:
    save(model, tmp_path / "base")
    prefix = PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)
    foreign(tmp_path / "base", tmp_path / "theirs", prefix)
    with pytest.raises(ModelError, match=r"does not load \(an adapter of its kind has no weights"):
        load(str(tmp_path / "theirs"))


@pytest.mark.usefixtures("adapted")
def test_an_adapter_without_safe_weights_is_a_model_that_does_not_load(tmp_path: Path) -> None:
    weights = tmp_path / "run" / "adapter" / "adapter_model.safetensors"
    torch.save({}, weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(ModelError, match=r"does not load .*adapter_model.safetensors"):
        load(str(tmp_path / "run" / "adapter"))


def test_a_rank_that_no_layer_has_is_refused(model: Model) -> None:
    # The tiny model is 32 wide, and the longer side of its layers is 48.
    with pytest.raises(ConfigError, match=r"lora\.rank = 33: the widest layer has rank 32"):
        add_lora(model, Lora(rank=33), seed=0)
