"""The benchmarks of training give both sides the same work, count it, and print what benchmarks print."""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


def printed(script: str, *options: str) -> dict[str, dict]:
    words = ["--json", "--steps", "1", "--threads", "1", "--shape", "tiny", *options]
    command = [sys.executable, str(BENCHMARKS / script), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found.keys() == {"cases", "machine", "versions"}
    assert found["versions"].keys() == {"adhere", "torch", "transformers", "trl"}
    assert "1 threads, float32, tiny" in found["machine"]
    for case in found["cases"].values():
        assert case.keys() >= {"ours", "peer", "unit", "ratio", "runs"}
        assert case["ours"] > 0
        assert case["peer"] > 0
        assert case["runs"] == 1
    return found["cases"]


def test_work_is_counted_once_for_a_prompt_and_once_for_each_answer(
    load: Callable[[str], ModuleType],
) -> None:
    limit, shape = load("limit"), load("shape")
    small = shape.Shape(width=8, intermediate=10, layers=3, heads=2, key_heads=1, vocabulary=100)
    work = limit.Work.of(small, [limit.Group(prompt=20, answers=[4, 6])])
    # A layer has 8 * 8 for queries, as many for the output, 8 * 4 each for keys and values, 3 * 8 * 10 more.
    weights = 8 * 8 + 8 * 8 + 2 * 8 * 4 + 3 * 8 * 10
    assert work.layers == 2 * weights * 3 * (20 + 4 + 6)
    # Prompt 20 * 20 / 2, answers 4 * (20 + 4 / 2) and 6 * (20 + 6 / 2); scores and values, each 8 wide.
    assert work.attention == 4 * 8 * 3 * (200 + 88 + 138)
    assert work.head == 2 * 8 * 100 * (4 + 6)
    assert work.forward == work.layers + work.attention + work.head
    assert work.gradients == 3 * work.forward


def test_prompts_have_so_many_tokens_for_both_sides(load: Callable[[str], ModuleType]) -> None:
    sides, shape, setting = load("grpo_sides"), load("shape"), load("setting")
    asked = setting.Setting(shape=shape.SHAPES["tiny"], device="cpu", dtype=torch.float32, steps=1)
    rows = sides.rows(asked, sides.Case(prompt=50, answer=4, half_signal=True))
    tokenizer = shape.tokenizer(asked.shape, ends=True)
    assert [len(tokenizer.encode(f"{shape.ONE_WORD}\n\n{row.text}")) for row in rows] == [50] * 8
    assert [row.meta["signal"] for row in rows] == [True, False] * 4


def test_chance_pays_all_alike_where_there_is_no_signal(load: Callable[[str], ModuleType]) -> None:
    drawn = load("chance_reward").drawn
    paid = drawn(["p"] * 6, ["c"] * 6, [True, True, True, False, False, False])
    assert paid[3:] == [1.0, 1.0, 1.0]
    assert len(set(paid)) == 4


@pytest.mark.slow
def test_a_step_of_reinforcement_is_measured_on_both_sides() -> None:
    names = ["p400_c96", "p900_c128_half_signal", "memory_p900", "constrained"]
    cases = printed("grpo_step.py", "--limit", "--case", *names)
    assert list(cases) == names
    assert [case["unit"] for case in cases.values()] == ["s/step", "s/step", "MiB", "tokens/s"]
    for name in names[:2]:
        for side in ("ours", "peer"):
            split = cases[name][f"{side}_split"]
            assert split.keys() == {"rollout", "reward", "gradients", "optimizer"}
            assert sum(split.values()) == pytest.approx(cases[name][side], rel=0.1)
        limit = cases[name]["limit"]
        assert limit["gflop_per_s"] > 0
        assert 0 < limit["rollout"]["reached"] < 1
        assert 0 < limit["gradients"]["reached"] < 1


@pytest.mark.slow
def test_an_update_on_right_answers_is_measured_on_both_sides() -> None:
    cases = printed("sft_step.py", "--limit")
    assert cases.keys() == {"mixed", "one_schema"}
    for case in cases.values():
        assert case["unit"] == "tokens/s"
        assert 0 < case["limit"]["reached"] < 1
