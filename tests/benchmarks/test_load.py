"""The load and kill benchmark: a short run of each case says what must hold, whatever the machine's speed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "load.py"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cases() -> dict[str, Any]:
    short = ["--seconds", "10", "--calm", "3", "--runs", "1", "--kills", "1", "--slow", "50"]
    run = subprocess.run(
        [sys.executable, str(SCRIPT), "--json", *short], capture_output=True, text=True, check=False
    )
    assert run.returncode in (0, 1), run.stderr
    return json.loads(run.stdout)["cases"]


def test_a_server_that_is_asked_too_much_refuses_and_does_nothing_worse(cases: dict[str, Any]) -> None:
    statuses = cases["overload"]["statuses"]
    assert statuses.keys() <= {"200", "429", "503"}
    assert statuses["200"] > 0


def test_a_killed_trial_costs_nobody_an_answer(cases: dict[str, Any]) -> None:
    assert cases["compile_worker"]["others"].keys() == {"200"}


def test_no_reply_of_a_killed_server_is_taken_as_whole(cases: dict[str, Any]) -> None:
    assert cases["server"]["cut_off"] > 0
    assert cases["server"]["half_taken_as_whole"] == 0


def test_every_case_says_its_ratio(cases: dict[str, Any]) -> None:
    assert all(case["ratio"] > 0 and "unit" in case for case in cases.values())
