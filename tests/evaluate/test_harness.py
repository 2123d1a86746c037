"""What lm-evaluation-harness reads of a task from here; and, where it is installed, that it runs it."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from adhere import prompt
from adhere.config import BridgeConfig, EvalConfig
from adhere.data import store
from adhere.data.store import Dataset
from adhere.evaluate import harness
from adhere.evaluate.bridge import bridge
from adhere.evaluate.documents import Asking
from adhere.evaluate.run import evaluate
from adhere.measure import per_row
from adhere.model import Model, save
from adhere.records import JSON, Example
from adhere.schema import Schema

PLAIN = Asking(form="plain", prefill="", max_new_tokens=64)


class Loader(yaml.SafeLoader):
    """Reads `!function` as the name that stands behind it."""


def name_of(_: Loader, node: yaml.ScalarNode) -> str:
    return str(node.value)


Loader.add_constructor("!function", name_of)


def task(directory: Path, name: str) -> dict[str, Any]:
    with (directory / f"{name}.yaml").open(encoding="utf-8") as file:
        return yaml.load(file, Loader)  # noqa: S506


def code(directory: Path) -> ModuleType:
    """Import `task.py` as the harness does: from its place, under no package."""
    spec = importlib.util.spec_from_file_location(str(directory / "task"), directory / "task.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def dataset(order: Schema, examples: list[Example]) -> Dataset:
    return Dataset({"order": order}, tuple(examples))


def test_a_task_asks_greedily_in_our_words_and_names_its_functions(tmp_path: Path, dataset: Dataset) -> None:
    harness.write(dataset, tmp_path, PLAIN, name="mugs")
    read = task(tmp_path, "mugs")
    assert read["task"] == "mugs"
    assert (read["description"], read["doc_to_text"]) == (prompt.SYSTEM["plain"], "prompt")
    assert read["generation_kwargs"] == {"until": [], "do_sample": False, "max_gen_toks": 64}
    assert (read["output_type"], read["num_fewshot"], read["target_delimiter"]) == ("generate_until", 0, "")
    assert "gen_prefix" not in read
    assert {"custom_dataset", "process_results"} <= read.keys()
    for function in (read["custom_dataset"], read["process_results"]):
        assert hasattr(code(tmp_path), function.removeprefix("task."))


def test_a_task_averages_every_metric_and_knows_which_way_is_better(tmp_path: Path, dataset: Dataset) -> None:
    harness.write(dataset, tmp_path, PLAIN, name="mugs")
    listed = task(tmp_path, "mugs")["metric_list"]
    assert [each["metric"] for each in listed] == list(per_row.VALUES)
    assert {each["aggregation"] for each in listed} == {"mean"}
    assert [each["metric"] for each in listed if not each["higher_is_better"]] == ["noise", "no_output"]


def test_a_prefill_is_given_to_the_model_and_judged_with_its_answer(tmp_path: Path, dataset: Dataset) -> None:
    harness.write(dataset, tmp_path, Asking(form="plain", prefill='{"item":', max_new_tokens=64), name="mugs")
    assert task(tmp_path, "mugs")["gen_prefix"] == "prefill"
    functions = code(tmp_path)
    first, _ = functions.rows()["test"]
    assert functions.measured(first, ['"mug","count":2}'])["exact"] == 1.0


def test_the_functions_of_a_task_read_the_rows_beside_them(tmp_path: Path, dataset: Dataset) -> None:
    (tmp_path / "elsewhere").mkdir()
    harness.write(dataset, tmp_path / "elsewhere", PLAIN, name="mugs")
    moved = (tmp_path / "elsewhere").rename(tmp_path / "moved")
    functions = code(moved)
    rows = list(functions.rows(pretrained="what else the harness hands over")["test"])
    assert [row["id"] for row in rows] == ["mugs", "pot"]
    measured = functions.measured(rows[0], ['{"item":"mug","count":3}'])
    assert (measured["schema_valid"], measured["exact"], measured["match_all"]) == (1.0, 0.0, 0.5)


def test_a_task_without_targets_lists_no_metric_that_needs_one(tmp_path: Path, order: Schema) -> None:
    harness.write(
        Dataset({"order": order}, (Example(id="a", text="t", schema="order"),)), tmp_path, PLAIN, name="a"
    )
    assert {each["metric"] for each in task(tmp_path, "a")["metric_list"]} == per_row.WITHOUT_TARGET


@pytest.mark.slow
@pytest.mark.parametrize("form", ["plain", "think"])
def test_the_harness_measures_what_adhere_measures(
    tmp_path: Path, model: Model, dataset: Dataset, form: Any
) -> None:
    pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed: pip install lm_eval")
    data, weights, out = tmp_path / "data", tmp_path / "weights", tmp_path / "evaluation"
    data.mkdir()
    store.write(dataset, data)
    save(model, weights)
    ours = evaluate(EvalConfig(model=str(weights), data=data, out=out, form=form, max_new_tokens=40))
    made = bridge(BridgeConfig(data=out, to="lm_eval", out=tmp_path / "task", name="mugs"))
    words = str(made["run"]).replace("pretrained=MODEL", f"pretrained={weights}").split()[1:]
    more = ["--device", "cpu", "--log_samples", "--output_path", str(tmp_path / "results")]
    ran = subprocess.run([sys.executable, "-m", "lm_eval", *words, *more], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    (results,) = (tmp_path / "results").rglob("results_*.json")
    theirs: Mapping[str, JSON] = json.loads(results.read_text())["results"]["mugs"]
    for metric in ("schema_valid", "exact", "match_all", "valid_json", "no_output"):
        number = ours[metric]
        assert isinstance(number, dict)
        assert theirs[f"{metric},none"] == pytest.approx(number.get("rate", number.get("mean")))
    (logged,) = (tmp_path / "results").rglob("samples_*.jsonl")
    said = [json.loads(line) for line in logged.read_text().splitlines()]
    answers = {each["doc"]["id"]: each["doc"]["prefill"] + each["resps"][0][0] for each in said}
    assert answers == {row.id: row.text("completion") for row in store.rows(out / "predictions.jsonl")}
