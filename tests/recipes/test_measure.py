"""Nano is measured by adhere's own commands, each once; no figure goes without n, interval and command."""

import importlib
import json
import shlex
import sys
import tomllib
from pathlib import Path

import pytest
from parts import grid, labelled
from parts.bench import CONFIGS, FIGURES, Bench
from parts.labelled import GRPO, SNIPS, Task
from parts.rows import asked

from adhere.config import VERBS
from adhere.data import store
from adhere.data.store import Dataset
from adhere.errors import ConfigError
from adhere.flags import parse
from adhere.model import Model, save
from adhere.records import Example
from adhere.schema import Schema

measure = importlib.import_module("measure")  # by name: a type checker finds tests/measure first

TOGGLE = Schema.of({"title": "toggle", "type": "object", "properties": {"on": {"type": "boolean"}}})
"""Its grammar leaves so little choice that a model with random weights answers it too."""


@pytest.fixture
def tiny(model: Model, tmp_path: Path) -> str:
    """A model with random weights that takes as many tokens as nano."""
    model.network.config.max_position_embeddings = 1024
    save(model, tmp_path / "tiny")
    return str(tmp_path / "tiny")


@pytest.fixture
def bench(tiny: str, tmp_path: Path) -> Bench:
    return Bench(tmp_path / "card", model=tiny, data=tmp_path / "data", share=0.01)


def put(data: Path, task: Task, rows: int) -> None:
    """Write a data set of the form that a task's has."""
    place = data / task.name
    place.mkdir(parents=True)
    (place / task.schemas).write_text(json.dumps({"toggle": TOGGLE.source}))
    for file in (task.train, task.test):
        lines = [
            {
                "id": f"{file}-{n}",
                "schema": "toggle",
                "text": f"turn it on, {n}",
                "target": {"on": n % 2 == 0},
            }
            for n in range(rows)
        ]
        (place / file).write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def test_a_command_that_was_run_is_not_run_again(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--shapes", "2", "--rows", "3"]
    done = bench.adhere("synth", *words, out="part/data")
    again = bench.adhere("synth", *words, out="part/data")
    assert done == again
    assert capsys.readouterr().err.count(f"$ {done.command}\n") == 1
    # What is printed can be typed.
    program, verb, *rest = shlex.split(done.command)
    assert program == "adhere"
    parse(verb, rest)
    assert done.summary["rows"] == 3
    with pytest.raises(ConfigError, match="now it is to be adhere synth --shapes 3"):
        bench.adhere("synth", "--shapes", "3", "--rows", "3", out="part/data")


def test_a_command_that_fails_ends_the_measuring(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.adhere("synth", "--shapes", "0", "--rows", "3", out="part/data")
    assert "adhere synth:" in capsys.readouterr().err


def test_figures_of_other_weights_are_not_mixed_in(bench: Bench, tiny: str) -> None:
    assert Bench(bench.out, model=tiny, data=bench.data, share=0.01).count(600) == 6
    with pytest.raises(ConfigError, match="figures of other weights, or of another share"):
        Bench(bench.out, model=tiny, data=bench.data, share=0.02)
    with (Path(tiny) / "model.safetensors").open("ab") as file:
        file.write(b" ")
    with pytest.raises(ConfigError, match="figures of other weights, or of another share"):
        Bench(bench.out, model=tiny, data=bench.data, share=0.01)


@pytest.mark.parametrize("share", [0.0, 1.5, float("nan")])
def test_a_share_is_one(share: float, tiny: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"share = .*Use 0 to 1"):
        Bench(tmp_path / "card", model=tiny, data=tmp_path, share=share)


def test_rows_that_do_not_fit_are_counted_as_wrong(bench: Bench) -> None:
    texts = {"short": "on", "long": "on " * 900}
    examples = tuple(Example(id=n, text=t, schema="toggle", target={"on": True}) for n, t in texts.items())
    rows = asked(Dataset({"toggle": TOGGLE}, examples), bench.out / "asked", bench.reader, room=8)
    given = bench.measured("part", "case", rows, model=bench.model, constrain=True)
    assert [answer.row.outcome for answer in given] == ["obeys", "no_output"]
    found = {figure.metric: figure for figure in bench.figures}
    assert (found["taken"].value, found["taken"].n) == (0.5, 2)
    assert (found["valid"].n, found["valid of taken"].n) == (2, 1)
    assert all(figure.command.startswith("adhere eval") for figure in bench.figures)


def test_a_task_is_measured_before_and_after_each_stage(bench: Bench) -> None:
    put(bench.data, SNIPS, rows=60)
    labelled.measure(bench, SNIPS)
    bench.write([SNIPS.name])
    made = json.loads((bench.out / FIGURES).read_text())
    cases = dict.fromkeys(each["case"] for each in made["figures"])
    assert [*cases] == ["before", "sft", GRPO, "sft on the rows of both", f"{GRPO}, under the grammar"]
    for each in made["figures"]:
        assert each["n"] >= 1
        assert each["command"].startswith("adhere ")
        if each["unit"] in {"share", "points"}:
            assert each["low"] <= each["value"] <= each["high"]
    aims = {each["metric"]: each["aim"] for each in made["figures"] if each["aim"] is not None}
    assert aims == {"exact": 0.80, "f1": 0.92}
    rows = {side: store.read(bench.out / "snips" / f"{side}_rows") for side in ("sft", "grpo", "all")}
    ids = {side: {example.id for example in dataset.examples} for side, dataset in rows.items()}
    assert ids["sft"].isdisjoint(ids["grpo"])
    assert ids["sft"] | ids["grpo"] == ids["all"]


def test_a_part_measured_anew_leaves_the_figures_of_the_others(bench: Bench, tiny: str) -> None:
    source = bench.source(
        "one", "case", bench.adhere("synth", "--shapes", "2", "--rows", "3", out="one/data")
    )
    bench.add(source.number("rows", 3, "count"))
    bench.skipped["two"] = "there is no data"
    bench.write(["one", "two"])
    later = Bench(bench.out, model=tiny, data=bench.data, share=0.01)
    later.write(["two"])
    made = json.loads((bench.out / FIGURES).read_text())
    assert [each["part"] for each in made["figures"]] == ["one"]
    assert made["skipped"] == {}
    assert made["commands"].keys() == {"one/data"}


def test_a_part_without_its_data_is_skipped_and_says_so(bench: Bench) -> None:
    measure.measure(bench, [SNIPS.name])
    made = json.loads((bench.out / FIGURES).read_text())
    assert made["skipped"] == {"snips": f"there is no {bench.data}"}


@pytest.mark.parametrize("recipe", ["snips.toml", "e2e.toml", "specialise.toml"])
def test_a_recipe_has_its_stages(recipe: str) -> None:
    assert tomllib.loads((CONFIGS / recipe).read_text()).keys() == {"sft", "grpo"} <= VERBS.keys()


def test_every_reward_meets_every_rate_and_every_group_size(tiny: str, tmp_path: Path) -> None:
    drawn = grid.settings(Bench(tmp_path / "whole", model=tiny, data=tmp_path))
    assert len({*drawn}) == len(drawn) == 3 * 5
    for reward in grid.REWARDS:
        mine = [(rate, group) for each, rate, group in drawn if each == reward]
        assert {rate for rate, _ in mine} == {*grid.RATES}
        assert {group for _, group in mine} == {*grid.GROUPS}


@pytest.mark.slow
def test_every_part_runs(
    tiny: str, tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--model", tiny, "--out", str(tmp_path / "card"), "--data", str(shared_data), "--share", "0.01"]
    monkeypatch.setattr(sys, "argv", ["measure.py", *words, "--base", tiny])
    measure.main()
    made = json.loads((tmp_path / "card" / FIGURES).read_text())
    assert {each["part"] for each in made["figures"]} == {*measure.PARTS}
    assert made["skipped"] == {}
    assert len(made["curves"]) == 2 * 3
    assert all(each["n"] >= 1 and each["command"].startswith("adhere ") for each in made["figures"])
