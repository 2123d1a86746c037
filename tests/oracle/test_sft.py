"""The loss of fine-tuning and every weight's gradient are those of TRL's SFTTrainer on the same rows.

TRL pads rows side by side, in batches whose gradients it adds up; ours goes its real way, through packs.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from adhere.model import Model, save
from adhere.prompt import Rendered
from adhere.records import Example
from adhere.schema import Schema
from adhere.train.sft import accumulate, rendered

# Names that TRL still uses, and transformers will drop.
pytestmark = pytest.mark.filterwarnings("ignore:`(is_)?gradient_checkpointing` is deprecated:FutureWarning")

Taught: TypeAlias = Literal["plain", "think", "silent"]
CLOSE = 1e-4
TEXTS = (
    "Two mugs.",
    "A pot, and a very large one, for the kitchen.",
    "Seven.",
    "Lids: 3, and 4 of them blue.",
)


def rows(model: Model, order: Schema, taught: Taught) -> list[Rendered]:
    """Rows of four lengths: answers, or answers and reasoning, or answers after a reasoning not learnt."""
    examples = [
        Example(
            id=str(place),
            text=text,
            schema="order",
            target={"item": text.split()[-1], "count": place * 100},
            reasoning=f"It says {text}",
        )
        for place, text in enumerate(TEXTS)
    ]
    made = rendered(
        model,
        examples,
        {"order": order},
        form="plain" if taught == "plain" else "think",
        max_tokens=512,
        learn_reasoning=taught != "silent",
    )
    return list(made.values())


def gradients(network: PreTrainedModel) -> dict[str, torch.Tensor]:
    made: dict[str, torch.Tensor] = {}
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        made[name] = weight.grad.clone()
    return made


def theirs(
    model: Model, batch: list[Rendered], directory: Path, **more: Any
) -> tuple[float, Mapping[str, torch.Tensor]]:
    """Let TRL train one step; return its loss, and the gradients as they reach its optimizer."""
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    class Gradients(TrainerCallback):
        made: Mapping[str, torch.Tensor]

        def on_pre_optimizer_step(self, *_: Any, model: PreTrainedModel, **__: Any) -> None:
            self.made = gradients(model)

    save(model, directory / "model")
    tokenizer: Any = model.tokenizer  # of which adhere names only what it uses
    callback = Gradients()
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(directory / "model", dtype=torch.float32),
        args=SFTConfig(
            output_dir=str(directory / "out"),
            completion_only_loss=True,
            max_steps=1,
            max_grad_norm=0.0,
            logging_steps=1,
            report_to="none",
            save_strategy="no",
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            disable_tqdm=True,
            dataloader_pin_memory=False,
            **more,
        ),
        train_dataset=Dataset.from_list(
            [
                {"input_ids": list(row.tokens), "completion_mask": list(map(int, row.is_answer))}
                for row in batch
            ]
        ),
        processing_class=tokenizer,
        callbacks=[callback],
    )
    trainer.train()
    return next(log["loss"] for log in trainer.state.log_history if "loss" in log), callback.made


def assert_an_update_is_trl_s(model: Model, batch: list[Rendered], directory: Path, *, cut: int) -> None:
    """Compare with TRL's step that gathers the rows `cut` at a time."""
    loss, tokens = accumulate(model, batch, seed="0")
    made = gradients(model.network)
    told, expected = theirs(
        model,
        batch,
        directory,
        per_device_train_batch_size=cut,
        gradient_accumulation_steps=len(batch) // cut,
    )
    assert tokens == sum(sum(row.is_answer) for row in batch)
    assert loss == pytest.approx(told, rel=CLOSE)
    assert made.keys() == expected.keys()
    for name, gradient in expected.items():
        difference = float((made[name] - gradient).norm() / gradient.norm())
        assert difference <= CLOSE, (name, difference)


def test_an_update_is_trl_s(model: Model, order: Schema, tmp_path: Path) -> None:
    assert_an_update_is_trl_s(model, rows(model, order, "plain"), tmp_path, cut=2)


@pytest.mark.slow
@pytest.mark.parametrize("cut", [4, 1], ids=["one batch", "four batches"])
@pytest.mark.parametrize("form", ["plain", "think", "silent"])
def test_an_update_is_trl_s_whatever_is_learnt(
    form: Taught, cut: int, any_model: Model, order: Schema, tmp_path: Path
) -> None:
    assert_an_update_is_trl_s(any_model, rows(any_model, order, form), tmp_path, cut=cut)
