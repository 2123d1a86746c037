import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from adhere import artifact
from adhere.config import GrpoConfig, Scoring, SftConfig
from adhere.data import store
from adhere.data.store import Dataset
from adhere.errors import ConfigError, DataError, ModelError
from adhere.model import Model, load, load_calibration, save
from adhere.records import JSON, Example
from adhere.schema import Schema
from adhere.train import log, run

SCHEMA = Schema.of(
    {"title": "S", "type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
)
LABELLED = tuple(
    Example(id=word, text=word, schema="S", target={"a": word}) for word in ("mug", "pot", "jar")
)


@pytest.fixture
def place(tmp_path: Path, model: Model) -> Path:
    """A folder with a small model and a data directory."""
    save(model, tmp_path / "model")
    (tmp_path / "data").mkdir()
    store.write(Dataset({"S": SCHEMA}, LABELLED), tmp_path / "data")
    return tmp_path


def grpo(place: Path, **changes: object) -> GrpoConfig:
    given = {"model": str(place / "model"), "data": place / "data", "out": place / "out", "steps": 2}
    small = {"prompts_per_step": 2, "group_size": 2, "max_new_tokens": 4}
    return GrpoConfig(**{**given, **small, **changes})  # type: ignore[arg-type]


def sft(place: Path, **changes: object) -> SftConfig:
    given = {"model": str(place / "model"), "data": place / "data", "out": place / "out", "batch_size": 2}
    return SftConfig(**{**given, **changes})  # type: ignore[arg-type]


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_grpo_leaves_a_sealed_directory_with_every_rollout_and_a_model(place: Path) -> None:
    summary = run.grpo(grpo(place))
    artifact.verify(place / "out")
    assert summary["steps"] == 2
    assert json.loads((place / "out" / "summary.json").read_text()) == summary
    assert [line["step"] for line in lines(place / "out" / "metrics.jsonl")] == [1, 2]
    rollouts = lines(place / "out" / "rollouts.jsonl")
    assert len(rollouts) == 2 * 2 * 2
    logged = {"step", "id", "completion", "reward", "parts", "wrapping", "advantage", "outcome"}
    assert logged <= set(rollouts[0])
    load(str(summary["checkpoint"]))


def test_sft_reports_the_held_out_loss(place: Path) -> None:
    apart = (Example(id="cup", text="cup", schema="S", target={"a": "cup"}),)
    store.write(Dataset({"S": SCHEMA}, apart), place / "data", "held_out.jsonl")
    summary = run.sft(sft(place, held_out=place / "data" / "held_out.jsonl"))
    artifact.verify(place / "out")
    final = summary["final"]
    assert isinstance(final, dict)
    assert isinstance(final["held_out_loss"], float)
    assert summary["steps"] == 2


@pytest.mark.parametrize(("rows", "is_enough"), [(20, True), (19, False)])
def test_held_out_rows_say_what_the_confidences_of_the_weights_mean(
    place: Path,
    rows: int,
    is_enough: bool,  # noqa: FBT001
) -> None:
    (place / "model" / "calibration.json").write_text('{"of": "the weights that the run began with"}')
    apart = [Example(id=f"{n}", text=f"cup {n}", schema="S", target={"a": f"cup {n}"}) for n in range(rows)]
    store.write(Dataset({"S": SCHEMA}, tuple(apart)), place / "data", "held_out.jsonl")
    settings = grpo(
        place, steps=1, constrain=True, max_new_tokens=20, evaluate_every=1,
        held_out=place / "data" / "held_out.jsonl",
    )  # fmt: skip
    checkpoint = str(run.grpo(settings)["checkpoint"])
    artifact.verify(place / "out")
    for weights in (checkpoint, str(place / "out" / "best")):
        made = load_calibration(weights)
        assert (made is not None) == is_enough
        # Under the grammar every answer obeys, and so has a leaf.
        assert made is None or made.rows == rows


def test_free_text_is_rewarded_by_its_checks(place: Path) -> None:
    rubric: list[JSON] = [{"aspect": "format", "check": "min_words", "value": 2}]
    told = Example(
        id="p", text="Mug.", schema="prose", target="A mug.",
        meta={"instruction": "Say it.", "rubric": rubric},
    )  # fmt: skip
    store.write(Dataset({"prose": Schema.of({"type": "string"}, name="prose")}, (told,)), place / "data")
    run.grpo(grpo(place, form="prose", reward="rubric", max_new_tokens=12))
    written = lines(place / "out" / "rollouts.jsonl")
    assert {line["outcome"] for line in written} <= {"obeys", "no_output"}
    for line in written:
        assert line["reward"] == min(1.0, len(str(line["completion"]).split()) / 2)


CURRICULUM = """
[[stage]]
name = "easy"
leaves = [1, 1]
reward = 0.0
loss = 100
window = 1
[[stage]]
name = "all"
"""


@pytest.mark.parametrize("verb", ["sft", "grpo"])
def test_a_curriculum_is_in_the_log_the_summary_and_the_inputs(place: Path, verb: str) -> None:
    (place / "stages.toml").write_text(CURRICULUM)
    chosen = {"curriculum": place / "stages.toml"}
    # Three rows in batches of two are two updates, as are the steps of `grpo`.
    summary = run.sft(sft(place, **chosen)) if verb == "sft" else run.grpo(grpo(place, **chosen))
    assert [line["stage"] for line in lines(place / "out" / "metrics.jsonl")] == [1, 2]
    measure = {"sft": "loss", "grpo": "reward"}[verb]
    assert summary["stages"] == [
        {"name": "easy", "examples": 3, "steps": 1, "ended": measure},
        {"name": "all", "examples": 3, "steps": 1, "ended": None},
    ]
    assert summary["examples_of_no_stage"] == 0
    manifest = artifact.verify(place / "out")
    assert str(place / "stages.toml") in manifest["inputs"]  # type: ignore[operator]


@pytest.mark.parametrize("verb", ["sft", "grpo"])
def test_a_curriculum_that_fits_no_example_is_refused_before_a_model_is_loaded(
    place: Path, verb: str
) -> None:
    (place / "stages.toml").write_text('[[stage]]\nname = "hard"\nleaves = [10, inf]\n')
    chosen = {"curriculum": place / "stages.toml", "model": "nowhere"}
    with pytest.raises(ConfigError, match=r"stages.toml stage 1 = 'hard': no example fits it"):
        run.sft(sft(place, **chosen)) if verb == "sft" else run.grpo(grpo(place, **chosen))


def test_the_trained_weights_are_the_saved_ones(place: Path) -> None:
    before = load(str(place / "model")).network.state_dict()
    summary = run.sft(sft(place, lr=1e-2))
    after = load(str(summary["checkpoint"])).network.state_dict()
    assert not all(torch.equal(before[name], after[name]) for name in before)


def test_a_reward_with_targets_refuses_rows_without_before_anything_is_made(place: Path) -> None:
    unlabelled = Dataset({"S": SCHEMA}, (*LABELLED, Example(id="u", text="x", schema="S")))
    store.write(unlabelled, place / "data")
    with pytest.raises(DataError, match=r"row u = None: the reward 'fields' .*--reward grounded"):
        run.grpo(grpo(place, reward="fields"))
    assert sorted(entry.name for entry in place.iterdir()) == ["data", "model"]


def test_a_path_that_no_schema_has_is_refused_before_anything_is_made(place: Path) -> None:
    with pytest.raises(ConfigError, match=r"normalise = '/b': no value of the schema has this path"):
        run.grpo(grpo(place, scoring=Scoring(normalise=("/b=case",))))
    assert sorted(entry.name for entry in place.iterdir()) == ["data", "model"]


def test_a_model_that_does_not_load_leaves_nothing_behind(place: Path) -> None:
    with pytest.raises(ModelError):
        run.grpo(grpo(place, model=str(place / "nowhere")))
    assert sorted(entry.name for entry in place.iterdir()) == ["data", "model"]


def test_an_output_directory_that_exists_is_refused(place: Path) -> None:
    (place / "out").mkdir()
    (place / "out" / "mine").write_text("kept")
    with pytest.raises(ConfigError, match="out"):
        run.grpo(grpo(place))
    assert (place / "out" / "mine").read_text() == "kept"


def test_an_interrupted_run_keeps_its_weights_and_says_that_it_is_unfinished(place: Path) -> None:
    words = ["--data", "data", "--out", "out", "--model", "model", "--reward", "schema", "--steps", "100000"]
    small = ["--prompts-per-step", "1", "--group-size", "2", "--max-new-tokens", "2", "--no-stop"]
    command = [sys.executable, "-m", "adhere", "grpo", *words, *small]
    with subprocess.Popen(command, cwd=place, stderr=subprocess.DEVNULL) as process:
        lines = place / ".out.partial" / log.METRICS
        while process.poll() is None and not (lines.exists() and lines.stat().st_size):
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert artifact.verify(place / "out")["finished"] is False
    load(str(place / "out" / run.CHECKPOINT))
