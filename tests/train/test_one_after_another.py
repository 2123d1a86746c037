"""Stages of training in either order, each from the weights that the one before left."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from adhere import artifact
from adhere.config import EvalConfig, GrpoConfig, Lora, SftConfig
from adhere.data import store
from adhere.data.store import Dataset
from adhere.evaluate.run import evaluate
from adhere.model import Model, load, save
from adhere.records import Example
from adhere.schema import Schema
from adhere.train import run

SCHEMA = Schema.of(
    {
        "title": "S",
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
)
STAGES = """
[[stage]]
name = "easy"
leaves = [1, 1]
most = 1
[[stage]]
name = "all"
"""
LORA = Lora(rank=2)
ALL = Lora()


def examples(*words: str) -> Dataset:
    rows = tuple(
        Example(id=word, text=word, schema="S", target={"a": word}, reasoning=f"It says {word}.")
        for word in words
    )
    return Dataset({"S": SCHEMA}, rows)


@pytest.fixture
def place(tmp_path: Path, model: Model) -> Path:
    """A folder with a small model, data, held-out data and a curriculum."""
    save(model, tmp_path / "model")
    (tmp_path / "data").mkdir()
    store.write(examples("mug", "pot", "jar", "cup"), tmp_path / "data")
    store.write(examples("pan", "jug"), tmp_path / "data", "held_out.jsonl")
    (tmp_path / "stages.toml").write_text(STAGES)
    return tmp_path


def trained(verb: str, place: Path, model: Path, **changes: object) -> dict[str, Any]:
    """Make two updates of a kind, and leave them in a directory of that name."""
    given = {"model": str(model), "data": place / "data", "out": place / verb, "lr": 1e-2, "lora": ALL}
    looks = {"held_out": place / "data" / "held_out.jsonl", "evaluate_every": 1}
    if verb == "sft":
        return dict(run.sft(SftConfig(**{**given, **looks, "batch_size": 2, **changes})))  # type: ignore[arg-type]
    small = {"steps": 2, "prompts_per_step": 2, "group_size": 2, "max_new_tokens": 8}
    # Of random letters no two are worth the same: a reward of one's own, so that there is something to learn.
    (place / "own.py").write_text(
        "def capitals(completion, row):\n    return sum(map(ord, completion)) / 1e4\n"
    )
    reward = f"{place / 'own.py'}:capitals"
    return dict(run.grpo(GrpoConfig(**{**given, **looks, **small, "reward": reward, **changes})))  # type: ignore[arg-type]


def weights(directory: Path) -> dict[str, torch.Tensor]:
    return dict(load(str(directory)).network.state_dict())


def differ(first: Path, second: Path) -> bool:
    ours, theirs = weights(first), weights(second)
    assert ours.keys() == theirs.keys()
    return any(not torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("order", [("sft", "grpo"), ("grpo", "sft")], ids=" then ".join)
@pytest.mark.parametrize(
    ("lora", "staged"),
    [
        pytest.param(ALL, True, id="all weights, a curriculum"),
        pytest.param(LORA, False, id="adapters", marks=pytest.mark.slow),
    ],
)
def test_either_order_runs_to_its_end(
    place: Path, order: tuple[str, str], lora: Lora, *, staged: bool
) -> None:
    before = place / "model"
    for verb in order:
        summary = trained(
            verb, place, before, lora=lora, curriculum=place / "stages.toml" if staged else None
        )
        artifact.verify(place / verb)
        assert summary["steps"] == 2
        assert differ(place / verb / run.CHECKPOINT, before)
        assert (place / verb / run.ADAPTER).exists() == (lora is LORA)
        lines = [json.loads(line) for line in (place / verb / "held_out.jsonl").read_text().splitlines()]
        assert [line["step"] for line in lines] == [1, 2]
        stages = [
            json.loads(line)["stage"] for line in (place / verb / "metrics.jsonl").read_text().splitlines()
        ]
        assert stages == ([1, 2] if staged else [1, 1])
        before = place / verb / run.CHECKPOINT


@pytest.mark.slow
def test_an_adapter_is_trained_on_from_with_adapters_or_without(place: Path) -> None:
    trained("sft", place, place / "model", lora=LORA)
    for lora in (LORA, ALL):
        trained("grpo", place, place / "sft" / "adapter", lora=lora, out=place / f"on-{lora.rank}")
        assert differ(place / f"on-{lora.rank}" / "checkpoint", place / "sft" / "checkpoint")
    # The second adapter stands on the first, and the two together are the merged model.
    assert not differ(place / "on-2" / "adapter", place / "on-2" / "checkpoint")


def test_an_adapter_and_its_merged_model_are_evaluated_alike(place: Path) -> None:
    trained("sft", place, place / "model", lora=LORA)
    answers: list[list[str]] = []
    for name in ("adapter", "checkpoint"):
        out = place / f"eval-{name}"
        evaluate(EvalConfig(model=str(place / "sft" / name), data=place / "data", out=out, max_new_tokens=12))
        rows = [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]
        answers.append([row["completion"] for row in rows])
    assert answers[0] == answers[1]


@pytest.mark.slow
def test_reasoning_is_learned_or_left_out(place: Path) -> None:
    both = trained("sft", place, place / "model", form="think", out=place / "both")
    alone = trained("sft", place, place / "model", form="think", learn_reasoning=False, out=place / "alone")
    # Each batch of two leaves out two reasonings, `It says mug.</think>` and a line's end, of 21 characters.
    assert both["final"]["tokens"] - alone["final"]["tokens"] == 2 * 21
    assert both["held_out"]["loss"]["n"] - alone["held_out"]["loss"]["n"] == 2 * 21


def test_the_summary_has_the_held_out_metrics_with_n_and_interval(place: Path) -> None:
    summary = trained("sft", place, place / "model")
    assert summary["final"]["held_out_loss"] == summary["held_out"]["loss"]["mean"]
    assert summary["held_out"]["schema_valid"]["tries"] == 2
    assert summary["held_out"]["f1"].keys() == {"mean", "low", "high", "n"}
    assert summary["held_out"]["best"]["step"] in {1, 2}


def test_a_held_out_loss_that_rises_ends_the_run(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # So large a step that no look finds a better loss than the first.
    summary = trained("sft", place, place / "model", lr=10.0, warmup=0.0, epochs=5, patience=2)
    losses = [
        json.loads(line)["loss"] for line in (place / "sft" / "held_out.jsonl").read_text().splitlines()
    ]
    assert summary["steps"] == len(losses) == losses.index(min(losses)) + 3 < 10
    assert (place / "sft" / "best").is_dir()
    ended = f"adhere sft: ended after step {summary['steps']}: the held-out loss no longer falls."
    assert ended in capsys.readouterr().err


@pytest.mark.slow
def test_under_a_grammar_what_is_valid_without_it_is_measured_too(place: Path) -> None:
    summary = trained("grpo", place, place / "model", constrain=True, max_new_tokens=40)
    held_out = summary["held_out"]
    assert held_out["constrained"]["schema_valid"]["rate"] == 1
    assert held_out["schema_valid"]["rate"] == 0
