"""`adhere bridge`: what it makes of which directory, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from adhere import artifact
from adhere.cli import main
from adhere.config import BridgeConfig, EvalConfig
from adhere.data import store
from adhere.data.store import Dataset
from adhere.errors import ConfigError
from adhere.evaluate.bridge import bridge
from adhere.evaluate.evaluation import Evaluation
from adhere.records import Example
from adhere.schema import Schema


@pytest.fixture
def data(tmp_path: Path, order: Schema, examples: list[Example]) -> Path:
    (tmp_path / "data").mkdir()
    store.write(Dataset({"order": order}, tuple(examples)), tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def evaluation(
    tmp_path: Path, data: Path, evaluated: Callable[..., Evaluation], examples: list[Example]
) -> Path:
    """A sealed evaluation with a form, a prefill and a limit of tokens that are not the usual ones."""
    made = evaluated(examples, ['{"item":"mug","count":2}', "none"])
    out = tmp_path / "evaluation"
    config = EvalConfig(data=data, out=out, prefill='{"item":', max_new_tokens=33)
    with artifact.writing(out, config, inputs=[data]) as run:
        made.write(run.path)
        run.summary = made.summary
    return out


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_an_evaluation_becomes_a_log_and_the_task_that_it_came_from(tmp_path: Path, evaluation: Path) -> None:
    made = bridge(BridgeConfig(data=evaluation, to="inspect", out=tmp_path / "out"))
    log = Path(str(made["log"]))
    assert names(tmp_path / "out") == {
        "task.py",
        "documents.jsonl",
        "schemas.json",
        log.name,
        "summary.json",
        "manifest.json",
    }
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == made
    assert (made["to"], made["rows"], made["task"]) == ("inspect", 2, "adhere")
    spec = json.loads(log.read_text())["eval"]
    assert spec["metadata"]["manifest_sha256"] == artifact.sha256(evaluation / "manifest.json")
    assert spec["task_file"] == str(tmp_path / "out" / "task.py")
    artifact.verify(tmp_path / "out")


def test_the_same_evaluation_gives_the_same_log(tmp_path: Path, evaluation: Path) -> None:
    first, second = (
        Path(str(bridge(BridgeConfig(data=evaluation, to="inspect", out=out))["log"]))
        for out in (tmp_path / "one" / "out", tmp_path / "two" / "out")
    )
    assert first.name == second.name
    one, two = (json.loads(path.read_text()) for path in (first, second))
    assert one["eval"].pop("task_file") != two["eval"].pop("task_file")
    assert one == two


def test_rows_that_were_not_evaluated_become_a_task_alone(tmp_path: Path, data: Path) -> None:
    made = bridge(BridgeConfig(data=data, to="inspect", out=tmp_path / "out"))
    assert "log" not in made
    assert names(tmp_path / "out") == {
        "task.py",
        "documents.jsonl",
        "schemas.json",
        "summary.json",
        "manifest.json",
    }


def test_a_task_asks_as_the_evaluation_did(tmp_path: Path, evaluation: Path) -> None:
    bridge(BridgeConfig(data=evaluation, to="lm_eval", out=tmp_path / "out", name="mugs"))
    assert "max_gen_toks: 33\n" in (tmp_path / "out" / "mugs.yaml").read_text()
    document, _ = store.rows(tmp_path / "out" / "documents.jsonl")
    assert (document.text("form"), document.text("prefill")) == ("plain", '{"item":')


def test_a_task_asks_as_it_is_told_to(tmp_path: Path, evaluation: Path) -> None:
    told = BridgeConfig(data=evaluation, to="lm_eval", out=tmp_path / "out", form="think", max_new_tokens=50)
    bridge(told)
    assert "max_gen_toks: 50\n" in (tmp_path / "out" / "adhere.yaml").read_text()
    document, _ = store.rows(tmp_path / "out" / "documents.jsonl")
    assert (document.text("form"), document.text("prefill")) == ("think", "<think>")


def test_a_file_of_rows_becomes_a_task_that_asks_as_eval_does(tmp_path: Path, data: Path) -> None:
    made = bridge(BridgeConfig(data=data / "examples.jsonl", to="lm_eval", out=tmp_path / "out"))
    usual = EvalConfig(data=data, out=data)
    assert f"max_gen_toks: {usual.max_new_tokens}\n" in (tmp_path / "out" / "adhere.yaml").read_text()
    assert str(made["run"]).endswith(f"--include_path {tmp_path / 'out'} --apply_chat_template")


def unanswered(evaluation: Path) -> None:
    lines = (evaluation / "predictions.jsonl").read_text().splitlines(keepends=True)
    (evaluation / "predictions.jsonl").write_text(lines[0])


def unsealed(evaluation: Path) -> None:
    (evaluation / "manifest.json").unlink()


def taken(evaluation: Path) -> None:
    evaluation.with_name("out").write_text("mine")


def untouched(evaluation: Path) -> None:
    """Leave it as it is."""


@pytest.mark.parametrize(
    ("spoil", "words", "said"),
    [
        pytest.param(
            untouched, ["nowhere", "--to", "inspect"], ["nowhere", "no such directory"], id="nothing there"
        ),
        pytest.param(untouched, [".", "--to", "lm_eval"], ["examples.jsonl"], id="no data set"),
        pytest.param(
            untouched, ["evaluation", "--to", "wandb"], ["--to", "inspect, lm_eval"], id="another tool"
        ),
        pytest.param(untouched, ["evaluation"], ["--to", "must be given"], id="no tool"),
        pytest.param(taken, ["evaluation", "--to", "inspect"], ["out", "stands already"], id="out exists"),
        pytest.param(
            unanswered,
            ["evaluation", "--to", "inspect"],
            ["predictions.jsonl", "manifest"],
            id="changed since",
        ),
        pytest.param(unsealed, ["evaluation", "--to", "inspect"], ["manifest.json"], id="never sealed"),
        pytest.param(
            untouched,
            ["evaluation", "--to", "lm_eval", "--name", "my task"],
            ["bridge.name = 'my task'", "Use letters"],
            id="a name with a blank",
        ),
    ],
)
def test_what_cannot_be_bridged_costs_one_line(
    evaluation: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], None],
    words: list[str],
    said: list[str],
) -> None:
    monkeypatch.chdir(evaluation.parent)
    spoil(evaluation)
    before = sorted(evaluation.parent.rglob("*"))
    assert main(["bridge", *words, "--out", "out"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("adhere bridge: ")
    for each in said:
        assert each in line
    assert sorted(evaluation.parent.rglob("*")) == before


def test_an_answer_of_no_tokens_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"bridge\.max_new_tokens = 0: an answer needs a token\. Use 1"):
        BridgeConfig(data=Path("d"), to="lm_eval", out=Path("o"), max_new_tokens=0)
