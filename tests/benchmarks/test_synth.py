"""The benchmark of made-up data prints what benchmarks print."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "synth.py"


def test_it_prints_one_object() -> None:
    words = ["--json", "--runs", "1", "--seconds", "0.01", "--rows", "50"]
    done = subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, text=True, check=True)
    printed = json.loads(done.stdout)
    assert printed.keys() == {"cases", "machine", "versions"}
    cases = printed["cases"]
    assert cases.keys() == {"memory", "flat", "hierarchical", "with_reasoning", "two_workers"}
    for case in cases.values():
        assert case.keys() >= {"ours", "unit", "runs"}
        assert case["runs"] == 1
        assert case["ours"] > 0
    assert {case["unit"] for case in cases.values()} == {"rows/s", "MiB"}
    assert ("ratio" in cases["flat"]) == ("peer" in cases["flat"]) == (find_spec("jsf") is not None)
    assert cases["memory"]["rows"] == 50
    assert printed["versions"].keys() == {"adhere", "jsf"}
