from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from adhere.errors import ModelError
from adhere.model import NANO, Model, load, load_reader, save


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
