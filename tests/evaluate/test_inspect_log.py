"""What inspect_ai reads of the log that is written for it; and, where it is installed, that it reads it."""

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from adhere import artifact
from adhere.config import BridgeConfig, EvalConfig
from adhere.data import store
from adhere.data.store import Dataset
from adhere.evaluate import inspect_log, inspect_task
from adhere.evaluate.bridge import bridge
from adhere.evaluate.documents import Asking
from adhere.evaluate.evaluation import Evaluation, measured
from adhere.evaluate.run import evaluate
from adhere.measure import per_row
from adhere.measure.prediction import judged
from adhere.measure.request import Request
from adhere.model import Model, save
from adhere.records import JSON, Example
from adhere.schema import Schema

RIGHT, BROKEN = '{"item":"mug","count":2}', '{"item":"pot","count":"1"}'
SEAL = "".join(f"{place % 16:x}" for place in range(64))
MANIFEST: dict[str, JSON] = {
    "config": {"model": "scripted", "max_new_tokens": 64, "temperature": 0.0, "seed": 3, "limit": None},
    "code": {"version": "1.2"},
    "packages": {"torch": "2.13"},
    "started": "2026-05-03T10:20:30.123456+00:00",
    "ended": "2026-05-03T10:20:32.500000+00:00",
}


def listed(**properties: object) -> dict[str, object]:
    return {"type": "object", "required": list(properties), "properties": properties}


TEXT, COUNT, NUMBER = {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "number"}
SHARE = {"type": "number", "minimum": 0, "maximum": 1}
MESSAGE = listed(role={"enum": ["system", "user", "assistant"]}, content=TEXT)
USAGE = listed(input_tokens=COUNT, output_tokens=COUNT, total_tokens=COUNT)
SCORE = {**listed(value=SHARE, answer=TEXT), "additionalProperties": True}
STOP = {"enum": ["stop", "max_tokens", "content_filter", "unknown"]}
SAMPLE = listed(
    id=TEXT,
    epoch={"type": "integer", "minimum": 1},
    input={"type": "array", "items": MESSAGE, "minItems": 2},
    target=TEXT,
    messages={"type": "array", "items": MESSAGE, "minItems": 3},
    output=listed(
        model=TEXT,
        choices={"type": "array", "items": listed(message=MESSAGE, stop_reason=STOP), "minItems": 1},
        completion=TEXT,
        usage=USAGE,
    ),
    scores={"type": "object", "additionalProperties": SCORE, "minProperties": 1},
    metadata={"type": "object"},
    model_usage={"type": "object", "additionalProperties": USAGE},
)
METRIC = listed(name=TEXT, value=NUMBER)
LOG = listed(
    version={"const": 2},
    status={"const": "success"},
    eval=listed(
        eval_id=TEXT,
        run_id=TEXT,
        created={"type": "string", "format": "date-time"},
        task=TEXT,
        task_id=TEXT,
        dataset=listed(samples=COUNT, sample_ids={"type": "array", "items": TEXT}),
        model=TEXT,
        config={"type": "object"},
        scorers={"type": "array", "items": listed(name=TEXT)},
    ),
    plan=listed(name=TEXT, steps={"type": "array"}),
    results=listed(
        total_samples=COUNT,
        completed_samples=COUNT,
        scores={
            "type": "array",
            "items": listed(
                name=TEXT,
                scorer=TEXT,
                scored_samples=COUNT,
                unscored_samples=COUNT,
                metrics={"type": "object", "additionalProperties": METRIC},
            ),
        },
    ),
    stats=listed(started_at=TEXT, completed_at=TEXT, model_usage={"type": "object"}),
    samples={"type": "array", "items": SAMPLE},
)
"""What of inspect_ai's format a log from here has, version 2."""


def logged(evaluation: Evaluation) -> dict[str, Any]:
    """Return the log of an evaluation as JSON has it."""
    made = inspect_log.log(evaluation, MANIFEST, SEAL, task="mugs", file=Path("out/task.py"))
    jsonschema_rs.validator_for(LOG, validate_formats=True).validate(made)
    return json.loads(json.dumps(made, allow_nan=False))


@pytest.fixture
def evaluation(evaluated: Callable[..., Evaluation], examples: list[Example]) -> Evaluation:
    """One right answer and one that breaks its schema."""
    return evaluated(examples, [RIGHT, BROKEN])


def test_a_log_says_what_was_run_and_what_vouches_for_it(evaluation: Evaluation) -> None:
    log = logged(replace(evaluation, summary={**evaluation.summary, "data": "data/held_out"}))
    spec = log["eval"]
    assert (spec["model"], spec["task"], spec["created"]) == ("adhere/scripted", "mugs", MANIFEST["started"])
    assert (spec["eval_id"], len(spec["eval_id"])) == (SEAL[:22], 22)
    assert spec["dataset"]["name"] == "data/held_out"
    assert spec["dataset"]["sample_ids"] == ["mugs", "pot"]
    assert spec["model_generate_config"] == {"max_tokens": 64, "temperature": 0.0, "seed": 3}
    assert spec["packages"] == {"adhere": "1.2", "torch": "2.13"}
    assert (spec["metadata"]["manifest_sha256"], spec["metadata"]["manifest"]) == (SEAL, MANIFEST)
    assert list(spec["metadata"]["schemas"]) == ["order"]


def test_what_reads_the_head_alone_finds_the_samples_last(evaluation: Evaluation) -> None:
    assert list(logged(evaluation)) == ["version", "status", "eval", "plan", "results", "stats", "samples"]


def test_the_results_are_the_numbers_of_the_summary(evaluation: Evaluation) -> None:
    scores = {each["name"]: each for each in logged(evaluation)["results"]["scores"]}
    assert list(scores) == list(per_row.VALUES)
    for name, score in scores.items():
        number = evaluation.summary[name]
        assert isinstance(number, dict)
        found = {metric: each["value"] for metric, each in score["metrics"].items()}
        mean = number.get("rate", number.get("mean"))
        assert found == {"mean": mean, "ci_lower": number["low"], "ci_upper": number["high"]}
        assert score["scored_samples"] == number.get("tries", number.get("n"))


def test_a_sample_shows_what_was_asked_answered_and_expected(evaluation: Evaluation) -> None:
    right, broken = logged(evaluation)["samples"]
    assert [each["role"] for each in right["messages"]] == ["system", "user", "assistant"]
    assert right["messages"][:2] == right["input"]
    assert "two mugs" in right["input"][1]["content"]
    assert (right["target"], right["output"]["completion"]) == ('{"item":"mug","count":2}', RIGHT)
    assert (right["output"]["choices"][0]["stop_reason"], broken["error"]) == ("stop", None)
    assert broken["metadata"]["outcome"] == "violates"
    assert broken["metadata"]["leaves"] == {"/item": True, "/count": False}


def test_a_sample_says_by_what_it_lost_its_scores(evaluation: Evaluation) -> None:
    right, broken = (each["scores"] for each in logged(evaluation)["samples"])
    assert {name: each["value"] for name, each in broken.items()} == {
        "schema_valid": 0.0,
        "exact": 0.0,
        "match_all": 0.5,
        "f1": 0.5,
        "match_parsed": 0.5,
        "noise": 0.0,
        "valid_json": 1.0,
        "no_output": 0.0,
    }
    assert "/count" in broken["schema_valid"]["explanation"]
    assert broken["exact"]["explanation"] == "wrong: /count"
    assert all(each["explanation"] is None for each in right.values())


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param('{"item":"mug"', "not JSON at character 14", id="cut off"),
        pytest.param("none", "no JSON was written", id="no JSON"),
    ],
)
def test_an_answer_that_is_not_json_says_so(
    evaluated: Callable[..., Evaluation], examples: list[Example], answer: str, said: str
) -> None:
    (sample,) = logged(evaluated(examples[:1], [answer], finished=False))["samples"]
    assert said in sample["scores"]["schema_valid"]["explanation"]
    assert sample["scores"]["exact"]["explanation"] == "missing: /item; missing: /count"
    assert "match_parsed" not in sample["scores"]
    assert sample["output"]["choices"][0]["stop_reason"] == "max_tokens"


def test_a_metric_over_no_rows_has_no_value(
    evaluated: Callable[..., Evaluation], examples: list[Example]
) -> None:
    scores = {each["name"]: each for each in logged(evaluated(examples, ["", ""]))["results"]["scores"]}
    for name in ("match_parsed", "noise"):
        assert (scores[name]["metrics"], scores[name]["scored_samples"]) == ({}, 0)
        assert scores[name]["unscored_samples"] == 2


def test_rows_without_targets_have_no_target_and_no_score_that_needs_one(
    evaluated: Callable[..., Evaluation],
) -> None:
    log = logged(evaluated([Example(id="a", text="two mugs", schema="order")], [RIGHT]))
    (sample,) = log["samples"]
    assert (sample["target"], sample["scores"].keys()) == ("", per_row.WITHOUT_TARGET)
    assert {each["name"] for each in log["eval"]["scorers"]} == per_row.WITHOUT_TARGET


def test_a_request_that_failed_is_an_error_and_a_miss(order: Schema, examples: list[Example]) -> None:
    asked = Request(key="k", model="served-2", seconds=1.5, prompt_tokens=30, cost=0.25)
    lost = Request(key="l", cause="timeout", message="no reply within 60 s")
    answered = judged(RIGHT, examples[0], order, tokens=8)
    nothing = judged("", examples[1], order, tokens=0, finished=False)
    served = measured([replace(answered, request=asked), replace(nothing, request=lost)])
    log = logged(replace(served, summary={**served.summary, "model": "openai:m@http://host/v1"}))
    one, two = log["samples"]
    assert (one["output"]["model"], one["output"]["time"], one["error"]) == ("served-2", 1.5, None)
    assert one["output"]["usage"] == {
        "input_tokens": 30,
        "output_tokens": 8,
        "total_tokens": 38,
        "total_cost": 0.25,
    }
    assert two["error"]["message"] == "timeout: no reply within 60 s"
    assert two["output"]["choices"][0]["stop_reason"] == "unknown"
    assert (log["results"]["total_samples"], log["results"]["completed_samples"]) == (2, 1)
    (valid, *_) = log["results"]["scores"]
    assert (valid["metrics"]["mean"]["value"], valid["scored_samples"]) == (0.5, 2)


def test_further_answers_to_a_row_are_further_epochs(order: Schema, examples: list[Example]) -> None:
    first, second = (judged(each, examples[0], order, tokens=5) for each in (BROKEN, RIGHT))
    repeated = measured([replace(first, others=(second,))])
    log = logged(replace(repeated, summary={**repeated.summary, "model": "scripted"}))
    assert log["eval"]["config"]["epochs"] == 2
    assert [(each["id"], each["epoch"]) for each in log["samples"]] == [("mugs", 1), ("mugs", 2)]
    assert [each["scores"]["exact"]["value"] for each in log["samples"]] == [0.0, 1.0]
    assert log["stats"]["model_usage"]["adhere/scripted"]["output_tokens"] == 10
    # The results count the first answer alone, as the summary does.
    scores = {each["name"]: each["metrics"] for each in log["results"]["scores"]}
    assert scores["exact"]["mean"]["value"] == 0.0


def test_the_name_of_a_log_is_one_that_inspect_lists(evaluation: Evaluation) -> None:
    log = inspect_log.log(evaluation, MANIFEST, SEAL, task="my_task", file=Path("out/task.py"))
    assert inspect_log.filename(log) == f"2026-05-03T10-20-30+00-00_my-task_{SEAL[-22:]}.json"


def test_the_task_has_a_scorer_for_every_metric_and_asks_greedily(
    tmp_path: Path, order: Schema, examples: list[Example]
) -> None:
    asking = Asking(form="think", prefill="<think>", max_new_tokens=77)
    inspect_task.write(Dataset({"order": order}, tuple(examples)), tmp_path, asking, name="mugs")
    source = (tmp_path / "task.py").read_text(encoding="utf-8")
    functions = {each.name: each for each in ast.parse(source).body if isinstance(each, ast.FunctionDef)}
    marks = {
        name: ast.unparse(each.decorator_list[0]) for name, each in functions.items() if each.decorator_list
    }
    assert marks == {
        **dict.fromkeys(per_row.VALUES, "scorer(metrics=[mean(), stderr()])"),
        "rows": "task(name='mugs')",
    }
    assert list(marks)[:-1] == list(per_row.VALUES)
    assert "GenerateConfig(temperature=0.0, max_tokens=77)" in source
    documents = (tmp_path / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["prefill"] for line in documents] == ["", ""]


@pytest.fixture
def bridged(tmp_path: Path, evaluation: Evaluation) -> Path:
    """The directory of a log and its task, bridged from a sealed evaluation."""
    out, config = tmp_path / "evaluation", EvalConfig(data=tmp_path, out=tmp_path / "evaluation")
    with artifact.writing(out, config) as run:
        evaluation.write(run.path)
        run.summary = evaluation.summary
    bridge(BridgeConfig(data=out, to="inspect", out=tmp_path / "bridged", name="mugs"))
    return tmp_path / "bridged"


@pytest.mark.slow
def test_inspect_reads_the_log(bridged: Path, evaluation: Evaluation) -> None:
    inspect_logs = pytest.importorskip("inspect_ai.log", reason="inspect_ai is not installed")
    (found,) = inspect_logs.list_eval_logs(str(bridged))
    log = inspect_logs.read_eval_log(found.name)
    assert (log.status, log.eval.task, len(log.samples)) == ("success", "mugs", 2)
    for score in log.results.scores:
        number = evaluation.summary[score.name]
        assert isinstance(number, dict)
        assert score.metrics["mean"].value == number.get("rate", number.get("mean"))
    for sample, prediction in zip(log.samples, evaluation.predictions, strict=True):
        assert sample.output.completion == prediction.answer
        values = {name: score.value for name, score in sample.scores.items()}
        assert values == per_row.values(prediction.row)


@pytest.mark.slow
def test_inspect_scores_the_log_anew_to_the_same_numbers(bridged: Path) -> None:
    inspect_logs = pytest.importorskip("inspect_ai.log", reason="inspect_ai is not installed")
    (found,) = inspect_logs.list_eval_logs(str(bridged))
    path, again = found.name.removeprefix("file://"), bridged.with_name("again.json")
    words = ["score", path, "--model", "none/none", "--action", "overwrite", "--output-file", str(again)]
    ran = subprocess.run([sys.executable, "-m", "inspect_ai", *words], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    before, after = (inspect_logs.read_eval_log(each) for each in (path, str(again)))
    for old, new in zip(before.results.scores, after.results.scores, strict=True):
        assert (old.name, old.metrics["mean"].value) == (new.name, pytest.approx(new.metrics["mean"].value))


@pytest.mark.slow
def test_inspect_asks_and_measures_as_adhere_does(
    tmp_path: Path, model: Model, order: Schema, examples: list[Example]
) -> None:
    inspect_logs = pytest.importorskip("inspect_ai.log", reason="inspect_ai is not installed")
    data, weights, out = tmp_path / "data", tmp_path / "weights", tmp_path / "evaluation"
    data.mkdir()
    store.write(Dataset({"order": order}, tuple(examples)), data)
    save(model, weights)
    evaluate(EvalConfig(model=str(weights), data=data, out=out, max_new_tokens=40))
    made = bridge(BridgeConfig(data=out, to="inspect", out=tmp_path / "bridged"))
    words = str(made["run"]).replace("hf/MODEL", f"hf/model -M model_path={weights}").split()[1:]
    more = ["--log-dir", str(tmp_path / "logs")]
    ran = subprocess.run([sys.executable, "-m", "inspect_ai", *words, *more], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    theirs, ours = (
        inspect_logs.read_eval_log(inspect_logs.list_eval_logs(str(tmp_path / each))[0].name)
        for each in ("logs", "bridged")
    )
    for asked, was in zip(theirs.samples, ours.samples, strict=True):
        assert [each.text for each in asked.input] == [each.text for each in was.input]
        assert (asked.id, asked.target, asked.output.completion) == (
            was.id,
            was.target,
            was.output.completion,
        )
        values = {name: each.value for name, each in was.scores.items()}
        assert {name: each.value for name, each in asked.scores.items()} == values
