"""The benchmark of answers gives both sides the same rows, and prints what benchmarks print."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "predict.py"


@pytest.mark.slow
def test_it_prints_one_object_and_both_sides_write_the_same() -> None:
    words = ["--json", "--runs=1", "--rows=4", "--batches", "2", "4", "--tried=2", "--threads=1"]
    command = [sys.executable, str(SCRIPT), *words, "--case", "short", "constrained"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    printed = json.loads(done.stdout)
    assert printed.keys() == {"cases", "machine", "versions"}
    assert printed["cases"].keys() == {"short", "constrained"}
    for case in printed["cases"].values():
        assert case.keys() >= {"ours", "peer", "unit", "ratio", "runs", "rows"}
        assert case["unit"] == "tokens/s"
        assert case["runs"] == 1
        assert case["ours"] > 0
    short = printed["cases"]["short"]
    assert short["rows"] == 4
    assert short["peer_batch"] in (2, 4)
    assert short["same"] == 1.0
    assert printed["versions"].keys() == {"adhere", "torch", "transformers"}
