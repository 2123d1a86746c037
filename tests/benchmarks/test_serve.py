"""The benchmark of serving runs both servers, and prints what benchmarks print."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "serve.py"


@pytest.mark.slow
def test_both_servers_are_asked_the_same_and_ours_keeps_its_promise() -> None:
    few = ["--json", "--runs=1", "--requests=4", "--tried=2", "--ways", "plain"]
    command = [sys.executable, str(SCRIPT), *few, "--case", "throughput"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    printed = json.loads(done.stdout)
    assert printed.keys() == {"cases", "machine", "versions"}
    assert printed["cases"].keys() == {"throughput", "p99"}
    assert printed["cases"]["throughput"]["unit"] == "requests/s"
    assert printed["cases"]["throughput"]["obey"][0] > 0
