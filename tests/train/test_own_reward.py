"""A run against a reward of the user's own logs what is earned, seals the file, and stops where it fails."""

import json
from pathlib import Path

import pytest

from adhere import artifact
from adhere.cli import main
from adhere.data import store
from adhere.data.store import Dataset
from adhere.model import Model, save
from adhere.records import Example
from adhere.schema import Schema

SCHEMA = Schema.of({"title": "S", "type": "object", "properties": {"a": {"type": "string"}}})
AIMS = {"mug": 3, "pot": 5}
EXAMPLES = tuple(Example(id=word, text=word, schema="S", meta={"aim": aim}) for word, aim in AIMS.items())
LENGTHS = "def near(completion, row):\n    return -abs(len(completion) - row['aim'])\n"


@pytest.fixture
def place(tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with a small model, unlabelled rows and a reward of the user's own."""
    monkeypatch.chdir(tmp_path)
    save(model, tmp_path / "model")
    (tmp_path / "data").mkdir()
    store.write(Dataset({"S": SCHEMA}, EXAMPLES), tmp_path / "data")
    (tmp_path / "own.py").write_text(LENGTHS)
    return tmp_path


GRPO = ["grpo", "--model", "model", "--data", "data", "--out", "out", "--steps", "2", "--max-new-tokens", "6"]
SMALL = ["--prompts-per-step", "2", "--group-size", "4", "--json"]


@pytest.mark.parametrize(
    "own", [[], ["--own.seconds", "60", "--own.processes", "2"]], ids=["here", "elsewhere"]
)
def test_what_it_earns_is_logged_and_its_file_is_sealed(own: list[str], place: Path) -> None:
    assert main([*GRPO, *SMALL, "--reward", "own.py:near", *own]) == 0
    rollouts = [json.loads(line) for line in (place / "out" / "rollouts.jsonl").read_text().splitlines()]
    assert len(rollouts) == 16
    for rollout in rollouts:
        assert rollout["reward"] == -abs(len(rollout["completion"]) - AIMS[rollout["id"]])
        assert rollout["parts"] == {"own": rollout["reward"]}
    manifest = artifact.verify(place / "out")
    assert isinstance(manifest["inputs"], dict)
    assert manifest["inputs"]["own.py"] == artifact.sha256(place / "own.py")
    assert isinstance(manifest["config"], dict)
    assert manifest["config"]["reward"] == "own.py:near"


def test_groups_that_differ_move_the_weights(place: Path) -> None:
    assert main([*GRPO, *SMALL, "--reward", "own.py:near"]) == 0
    steps = [json.loads(line) for line in (place / "out" / "metrics.jsonl").read_text().splitlines()]
    assert any(step["zero_variance"] < 1 and step["grad_norm"] > 0 for step in steps)
    assert all(step["parts"]["own"] == pytest.approx(step["reward"]) for step in steps)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        pytest.param(
            "def far(completion, row): ...", "reward = 'own.py:near': the file has no", id="not there"
        ),
        pytest.param("import nowhere_at_all", "own.py:1 = ModuleNotFoundError(", id="does not run"),
        pytest.param("def near(text): ...", "own.py:near = '(text)': a reward takes", id="neither form"),
        pytest.param(
            "def near(completion, row):\n    return 1 / 0", "own.py:2, own.py:near, row ", id="raises"
        ),
        pytest.param(
            "def near(completions):\n    return [1] * 7", "these are 7 rewards for 8 completions", id="7"
        ),
        pytest.param("def near(completions): return [None] * 8", "None: a run has one reward", id="all None"),
        pytest.param("def near(completion, row): return float('nan')", "nan: a reward is a finite", id="NaN"),
        pytest.param("def near(completion, row): return '1'", "'1': a reward is a number", id="a text"),
    ],
)
def test_what_is_wrong_with_it_stops_the_run_and_leaves_nothing(
    source: str, said: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "own.py").write_text(source)
    assert main([*GRPO, *SMALL, "--reward", "own.py:near"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    line = printed.err.splitlines()[-1]
    assert line.startswith("adhere grpo: ")
    assert said in line
    assert ("Traceback" in printed.err) == ("raised" in line)
    assert not (place / "out").exists()


def test_a_call_that_takes_too_long_stops_the_run(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "own.py").write_text("import time\ndef near(completion, row): time.sleep(60)\n")
    assert main([*GRPO, *SMALL, "--reward", "own.py:near", "--own.seconds", "0.5"]) == 2
    assert "own.py:near, row " in capsys.readouterr().err
    assert not (place / "out").exists()


def test_a_file_that_is_wrong_is_told_before_the_model_is_loaded(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["nowhere" if word == "model" else word for word in GRPO]
    assert main([*words, "--reward", "none.py:near"]) == 2
    assert capsys.readouterr().err == (
        "adhere grpo: reward = 'none.py': the file cannot be read (No such file or directory). "
        "Give the path of a Python file.\n"
    )
    assert not (place / "out").exists()
