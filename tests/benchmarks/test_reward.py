"""The benchmark of the reward compares what it says that it compares, and prints what benchmarks print."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from adhere.schema import Malformed, Schema, parse_json
from adhere.schema.parse import Parsed

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "reward.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reward_benchmark", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclass looks its own module up
    spec.loader.exec_module(module)
    return module


def test_it_prints_one_object() -> None:
    command = [sys.executable, str(SCRIPT), "--json", "--runs", "1", "--seconds", "0.01"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    printed = json.loads(done.stdout)
    assert printed.keys() == {"cases", "machine", "versions"}
    assert printed["cases"].keys() == {"valid", "violating", "truncated"}
    for case in printed["cases"].values():
        assert case.keys() >= {"ours", "peer", "unit", "ratio", "runs", "kept", "ratio_kept"}
        assert case["runs"] == 1
        assert case["unit"] == "completions/s"
    assert printed["versions"].keys() == {"adhere", "jsonschema", "jsonschema-rs"}


def test_the_cases_are_what_they_are_called(benchmark: ModuleType) -> None:
    schema = Schema.of(benchmark.SCHEMA)
    assert len(benchmark.SCHEMA["properties"]) == 12
    cases = {case.name: case.rows for case in benchmark.cases()}
    for text, target in cases["valid"]:
        parsed = parse_json(text)
        assert isinstance(parsed, Parsed)
        assert schema.obeys(parsed.value)
        assert schema.obeys(target)
        assert parsed.value != target
        assert 850 <= len(text) <= 1000
    for text, _ in cases["violating"]:
        parsed = parse_json(text)
        assert isinstance(parsed, Parsed)
        assert len(schema.violations(parsed.value)) == 8
    for text, _ in cases["truncated"]:
        assert isinstance(parse_json(text), Malformed)


def test_all_three_ways_tell_right_from_wrong(benchmark: ModuleType) -> None:
    ways = [benchmark.ours(Schema.of(benchmark.SCHEMA)), benchmark.tutorial, benchmark.kept()]
    cases = {case.name: case.rows for case in benchmark.cases()}
    _, target = cases["valid"][0]
    for way in ways:
        assert way(json.dumps(target), target) == pytest.approx(1.0)
        assert 0.3 < way(*cases["valid"][0]) < 1.0
        assert way(*cases["violating"][0]) <= 0.3
        assert way(*cases["truncated"][0]) == 0.0
