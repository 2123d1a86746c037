import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adhere.config import EvalConfig
from adhere.config.scoring import JsonForm
from adhere.data import store
from adhere.data.store import Dataset
from adhere.decode.sample import Sampling
from adhere.errors import DataError, EvaluationError
from adhere.evaluate.evaluation import read, write_predictions
from adhere.evaluate.run import evaluate, evaluate_model
from adhere.evaluate.underway import underway
from adhere.measure.calibration import load
from adhere.measure.prediction import Prediction, judged
from adhere.model import Model, save
from adhere.records import JSON, Example
from adhere.schema import Schema

BRIEF = Sampling(temperature=0.0, max_new_tokens=100)
Spoil = Callable[[dict[str, JSON]], dict[str, JSON]]


@pytest.fixture
def config(tmp_path: Path, model: Model, order: Schema, examples: list[Example]) -> EvalConfig:
    """Settings for a random model and two rows on disk, the longer one first."""
    data, weights = tmp_path / "data", tmp_path / "weights"
    data.mkdir()
    store.write(Dataset({"order": order}, tuple(examples)), data)
    save(model, weights)
    return EvalConfig(
        model=str(weights), data=data, out=tmp_path / "out", constrain=True, max_new_tokens=100, batch_size=1
    )


def lines(path: Path) -> list[dict[str, JSON]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_an_evaluation_leaves_predictions_and_summary_in_a_sealed_directory(config: EvalConfig) -> None:
    summary = evaluate(config)
    assert {path.name for path in config.out.iterdir()} == {
        "examples.jsonl",
        "schemas.json",
        "predictions.jsonl",
        "reliability.svg",
        "summary.json",
        "manifest.json",
    }
    assert json.loads((config.out / "summary.json").read_text()) == summary


@pytest.mark.parametrize("form", ["plain", "think"])
def test_an_evaluation_is_read_back_as_it_was(config: EvalConfig, form: JsonForm) -> None:
    ours = {"method": "isotonic", "points": [[0.5, 0.2]], "rows": 40, "leaves": 90}
    (Path(config.model) / "calibration.json").write_text(json.dumps(ours))
    summary = evaluate(replace(config, form=form, constrain=form == "plain"))
    again = read(config.out)
    assert again.summary == summary
    write_predictions(config.out.with_name("again.jsonl"), again.predictions)
    assert (config.out.with_name("again.jsonl")).read_bytes() == (
        config.out / "predictions.jsonl"
    ).read_bytes()
    if form == "plain":
        assert isinstance(summary["confidence"], dict)
        assert again.trust is not None
        assert again.trust.raw.as_json() == summary["confidence"]["raw"]
        assert again.trust.calibrated is not None
        assert again.trust.calibrated.as_json() == summary["confidence"]["calibrated"]


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda line: {**line, "id": "other"}, "= 'mugs': no answer has this id"),
        (lambda line: {**line, "tokens": "9"}, "predictions.jsonl:1 tokens = '9'"),
        (lambda line: {**line, "completion": None}, "predictions.jsonl:1 completion"),
    ],
    ids=["missing", "no count", "no answer"],
)
def test_a_damaged_evaluation_is_refused(config: EvalConfig, spoil: Spoil, complaint: str) -> None:
    evaluate(config)
    first, *rest = lines(config.out / "predictions.jsonl")
    spoilt = [spoil(first), *rest]
    (config.out / "predictions.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in spoilt))
    with pytest.raises(DataError, match=re.escape(complaint)):
        read(config.out)


def test_the_summary_says_what_was_measured_how_and_on_what(config: EvalConfig) -> None:
    summary = evaluate(config)
    assert summary["rows"] == 2
    assert (summary["model"], summary["data"]) == (config.model, str(config.data))
    assert summary["constrained"] is True
    assert isinstance(summary["seconds"], float)
    # Under the grammar both answers obey; random weights get no leaf right.
    assert summary["schema_valid"] == {
        "hits": 2,
        "tries": 2,
        "rate": 1.0,
        "low": pytest.approx(0.3424, abs=1e-4),
        "high": 1.0,
    }
    assert summary["exact"] == {
        "hits": 0,
        "tries": 2,
        "rate": 0.0,
        "low": 0.0,
        "high": pytest.approx(0.6576, abs=1e-4),
    }
    assert {
        "no_output",
        "valid_json",
        "match_all",
        "match_parsed",
        "noise",
        "fields",
        "tokens",
    } <= summary.keys()


def test_predictions_stand_in_the_order_of_the_data(config: EvalConfig) -> None:
    evaluate(config)
    rows = lines(config.out / "predictions.jsonl")
    assert [row["id"] for row in rows] == ["mugs", "pot"]
    assert [row["gold"] for row in rows] == [{"item": "mug", "count": 2}, {"item": "pot", "count": 1}]


def test_a_prediction_is_written_with_all_that_was_measured_of_it(config: EvalConfig) -> None:
    evaluate(config)
    (row, _) = lines(config.out / "predictions.jsonl")
    assert list(row) == [
        "id",
        "completion",
        "tokens",
        "finished",
        "outcome",
        "value",
        "match",
        "exact",
        "noise",
        "confidence",
        "gold",
    ]
    assert json.loads(str(row["completion"])) == row["value"]
    assert (row["finished"], row["outcome"], row["exact"]) == (True, "obeys", False)


def test_each_leaf_of_a_prediction_has_its_confidence(config: EvalConfig) -> None:
    evaluate(config)
    for row in lines(config.out / "predictions.jsonl"):
        assert isinstance(row["value"], dict)
        assert isinstance(row["confidence"], dict)
        assert {"/item", "/count"} <= row["confidence"].keys()
        for told in row["confidence"].values():
            assert isinstance(told, dict)
            assert list(told) == ["raw", "right"]
            assert 0 <= float(str(told["raw"])) <= 1
            assert told["right"] is False


def test_without_a_calibration_confidences_are_measured_as_they_are(config: EvalConfig) -> None:
    trusted = evaluate(config)["confidence"]
    assert isinstance(trusted, dict)
    assert list(trusted) == ["rows", "leaves", "raw"]
    assert trusted["rows"] == 2


def test_a_calibration_beside_the_weights_is_used(config: EvalConfig) -> None:
    # It calls every leaf right by 1 in 5.
    made = {"method": "isotonic", "points": [[0.5, 0.2]], "rows": 40, "leaves": 90}
    (Path(config.model) / "calibration.json").write_text(json.dumps(made))
    trusted = evaluate(config)["confidence"]
    assert isinstance(trusted, dict)
    assert trusted["calibration"] == {"method": "isotonic", "rows": 40, "leaves": 90, "fitted_here": False}
    assert isinstance(trusted["calibrated"], dict)
    # Random weights get no leaf right, so each is off by 0.2.
    assert trusted["calibrated"]["ece"] == {
        "mean": pytest.approx(0.2),
        "low": pytest.approx(0.2),
        "high": pytest.approx(0.2),
        "n": trusted["leaves"],
    }
    (row, _) = lines(config.out / "predictions.jsonl")
    assert isinstance(row["confidence"], dict)
    assert all(isinstance(told, dict) and told["calibrated"] == 0.2 for told in row["confidence"].values())


def test_a_damaged_calibration_is_refused_before_anything_is_answered(config: EvalConfig) -> None:
    (Path(config.model) / "calibration.json").write_text("{}")
    with pytest.raises(DataError, match="it is no calibration"):
        evaluate(config)


def test_a_calibration_that_was_fitted_becomes_the_models_by_copying_it(
    config: EvalConfig, order: Schema
) -> None:
    targets = [{"item": "mug", "count": place} for place in range(32)]
    rows = [
        Example(id=f"{place}", text=f"{place} mugs", schema="order", target=target)
        for place, target in enumerate(targets)
    ]
    store.write(Dataset({"order": order}, tuple(rows)), config.data)
    brief = replace(config, max_new_tokens=60, batch_size=32)
    fitted = evaluate(replace(brief, calibrate=True))["confidence"]
    assert isinstance(fitted, dict)
    assert isinstance(fitted["calibration"], dict)
    assert fitted["calibration"]["fitted_here"] is True
    assert fitted["calibration"]["rows"] == 32
    made = config.out / "calibration.json"
    assert load(made).leaves == fitted["leaves"]
    (Path(config.model) / made.name).write_bytes(made.read_bytes())
    used = evaluate(replace(brief, out=config.out.with_name("again")))["confidence"]
    assert isinstance(used, dict)
    assert used["raw"] == fitted["raw"]
    assert not config.out.with_name("again").joinpath(made.name).exists()


def test_too_few_rows_make_no_calibration(config: EvalConfig) -> None:
    with pytest.raises(EvaluationError, match="a calibration is fitted on 20 answers or more"):
        evaluate(replace(config, calibrate=True))


def test_the_limit_leaves_out_later_rows(config: EvalConfig) -> None:
    limited = EvalConfig(
        model=config.model, data=config.data, out=config.out, limit=1, constrain=True, max_new_tokens=100
    )
    assert evaluate(limited)["rows"] == 1
    assert [row["id"] for row in lines(config.out / "predictions.jsonl")] == ["mugs"]


def test_the_manifest_hashes_the_data_and_the_model(config: EvalConfig) -> None:
    evaluate(config)
    inputs = json.loads((config.out / "manifest.json").read_text())["inputs"]
    assert {
        str(config.data / "examples.jsonl"),
        str(Path(config.model) / "model.safetensors"),
    } <= inputs.keys()


def test_progress_goes_to_stderr(config: EvalConfig, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(config)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "eval" in printed.err
    assert "2/2" in printed.err


def test_an_evaluation_in_memory_draws_nothing_and_says_nothing_of_data(
    model: Model, order: Schema, examples: list[Example], capsys: pytest.CaptureFixture[str]
) -> None:
    evaluation = evaluate_model(model, Dataset({"order": order}, tuple(examples)), sampling=BRIEF)
    assert capsys.readouterr().err == ""
    assert (evaluation.summary["constrained"], evaluation.summary["model"]) == (False, "qwen2")
    assert "data" not in evaluation.summary
    assert [prediction.example.id for prediction in evaluation.predictions] == ["mugs", "pot"]


def test_an_evaluation_of_nothing_is_an_error(model: Model, order: Schema) -> None:
    with pytest.raises(EvaluationError, match="0 of 0"):
        evaluate_model(model, Dataset({"order": order}, ()), sampling=BRIEF)


def test_an_answer_that_does_not_parse_has_no_value(
    tmp_path: Path, model: Model, order: Schema, examples: list[Example]
) -> None:
    evaluation = evaluate_model(model, Dataset({"order": order}, tuple(examples)), sampling=BRIEF)
    write_predictions(tmp_path / "predictions.jsonl", evaluation.predictions)
    (row, _) = lines(tmp_path / "predictions.jsonl")
    assert row["outcome"] in {"no_output", "malformed"}
    assert (row["value"], row["match"], row["exact"]) == (None, 0.0, False)


def test_a_row_without_a_target_has_no_match(tmp_path: Path, model: Model, order: Schema) -> None:
    unlabelled = Dataset({"order": order}, (Example(id="row", text="mug", schema="order"),))
    evaluation = evaluate_model(model, unlabelled, sampling=BRIEF, constrain=True)
    assert "exact" not in evaluation.summary
    write_predictions(tmp_path / "predictions.jsonl", evaluation.predictions)
    (row,) = lines(tmp_path / "predictions.jsonl")
    assert [row[name] for name in ("match", "exact", "noise", "gold")] == [None, None, None, None]
    assert row["outcome"] == "obeys"


def cut_short(config: EvalConfig, coming: Iterator[Prediction]) -> None:
    """Leave what an evaluation leaves that is stopped after these answers."""

    def stopped() -> Iterator[Prediction]:
        yield from coming
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), underway(config) as work:
        work.gather(stopped())


def test_an_evaluation_that_was_cut_short_goes_on_to_the_same_result(config: EvalConfig) -> None:
    several = replace(config, samples=2, temperature=0.8)
    summary = evaluate(replace(several, out=config.out.with_name("undisturbed")))
    undisturbed = read(config.out.with_name("undisturbed"))
    cut_short(several, iter(undisturbed.predictions[:1]))
    resumed = evaluate(several)
    times = {"seconds": 0.0}
    assert resumed | times == summary | times
    for name in ("predictions.jsonl", "examples.jsonl", "schemas.json"):
        ours, theirs = (out / name for out in (config.out, config.out.with_name("undisturbed")))
        assert ours.read_bytes() == theirs.read_bytes()


def test_what_was_answered_is_not_answered_again(
    config: EvalConfig, order: Schema, examples: list[Example]
) -> None:
    cut_short(config, iter([judged('{"item":"kept","count":7}', examples[0], order, tokens=9)]))
    evaluate(config)
    kept, other = lines(config.out / "predictions.jsonl")
    assert (kept["id"], kept["value"], kept["tokens"]) == ("mugs", {"item": "kept", "count": 7}, 9)
    assert (other["id"], other["outcome"]) == ("pot", "obeys")


def test_without_the_cache_all_is_answered_anew(
    config: EvalConfig, order: Schema, examples: list[Example]
) -> None:
    cut_short(config, iter([judged("kept", examples[0], order, tokens=9)]))
    evaluate(replace(config, cache=False))
    assert "kept" not in [line["completion"] for line in lines(config.out / "predictions.jsonl")]
    assert not config.out.with_name(f".{config.out.name}.partial").exists()


def test_an_answer_that_the_limit_cuts_off_is_counted_as_such(config: EvalConfig) -> None:
    summary = evaluate(replace(config, constrain=False, max_new_tokens=3))
    assert (summary["causes"], summary["samples"], summary["temperature"]) == ({"cut": 2}, 1, 0.0)
    failed = summary["failed"]
    assert isinstance(failed, dict)
    assert (failed["hits"], failed["tries"]) == (2, 2)
    assert [each.cause for each in read(config.out).predictions] == ["cut", "cut"]


def test_several_answers_are_drawn_and_the_first_is_the_one_of_a_single_draw(config: EvalConfig) -> None:
    warm = replace(config, temperature=1.5)
    once = evaluate(replace(warm, out=config.out.with_name("once")))
    summary = evaluate(replace(warm, samples=3))
    several, single = (read(out).predictions for out in (config.out, config.out.with_name("once")))
    assert [each.answer for each in several] == [each.answer for each in single]
    assert all(len({one.answer for one in each.samples}) == 3 for each in several)
    assert summary["exact"] == once["exact"]
    assert {"pass_at", "consistent"} <= summary.keys()
    assert not {"pass_at", "consistent"} & once.keys()


@pytest.mark.slow
def test_an_evaluation_that_is_killed_ends_with_what_an_undisturbed_one_has(
    config: EvalConfig, order: Schema
) -> None:
    rows = tuple(Example(id=f"{place}", text=f"{place} mugs", schema="order") for place in range(9))
    store.write(Dataset({"order": order}, rows), config.data)
    evaluate(replace(config, out=config.out.with_name("undisturbed")))
    command = [sys.executable, "-m", "adhere", "eval", "--model", config.model, "--data", str(config.data)]
    command += ["--out", str(config.out), "--constrain", "--max-new-tokens", "100", "--batch-size", "1"]
    answers = config.out.with_name(f".{config.out.name}.partial") / "answers" / "answers.jsonl"
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (answers.exists() and answers.read_bytes().count(b"\n") >= 3):
        assert process.poll() is None
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert not config.out.exists()
    subprocess.run(command, check=True, capture_output=True)
    ours, theirs = (out / "predictions.jsonl" for out in (config.out, config.out.with_name("undisturbed")))
    assert ours.read_bytes() == theirs.read_bytes()
