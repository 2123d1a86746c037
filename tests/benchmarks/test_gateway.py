"""The benchmark of the gateway runs, and prints what benchmarks print."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gateway.py"


@pytest.mark.slow
def test_what_the_gateway_adds_is_measured() -> None:
    small = ["--json", "--runs", "1", "--seconds", "1", "--rate", "20"]
    printed = subprocess.run([sys.executable, SCRIPT, *small], capture_output=True, text=True, check=True)
    cases = json.loads(printed.stdout)["cases"]
    assert set(cases) == {"p50", "p99"}
    for case, limit in (("p50", 3.0), ("p99", 15.0)):
        assert (cases[case]["limit"], cases[case]["unit"], cases[case]["requests"]) == (limit, "ms", 20)
        assert cases[case]["ratio"] == pytest.approx(limit / cases[case]["ours"], rel=0.2)
