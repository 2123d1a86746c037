"""The memory of a schema is estimated, mostly too high and never far too low."""

import json
import subprocess
import sys

import pytest

from adhere.records import JSON
from adhere.schema import Schema
from adhere.schema.footprint import footprint


def estimate(source: dict[str, JSON]) -> int:
    schema = Schema.of(source)
    return footprint(schema.source, size=len(schema.canonical.encode()), leaves=len(schema.leaves))


def test_a_small_schema() -> None:
    # 22 bytes of text · 16, one schema · 2 KiB, one leaf · 256
    assert estimate({"type": "string", "x": 1}) == 23 * 16 + 2048 + 256


def test_a_schema_within_itself_is_compiled_twice_more() -> None:
    # {"items":{"$ref":"#"}}: 22 bytes · 16, two schemas · 12 KiB, no leaf
    assert estimate({"items": {"$ref": "#"}}) == 22 * 16 + 2 * 12 * 1024


def test_a_reference_costs_a_leaf_each_time() -> None:
    one: dict[str, JSON] = {"$defs": {"a": {"properties": {"b": {}, "c": {}}}}, "$ref": "#/$defs/a"}
    two: dict[str, JSON] = {**one, "properties": {"d": {"$ref": "#/$defs/a"}}}
    # One more schema, 40 characters, and two more leaves
    added = len(',"properties":{"d":{"$ref":"#/$defs/a"}}')
    assert estimate(two) - estimate(one) == added * 16 + 2048 + 2 * 256


@pytest.mark.parametrize(
    ("pattern", "limit"),
    [
        pytest.param("^a$", 2**12, id="small"),
        pytest.param("^[A-Z]{2}[0-9]{9}$", 2**12, id="ranges"),
        pytest.param(r"^.{1,1000}$", 2**20, id="a thousand of any character"),
        pytest.param(r"^\p{L}{1,100}$", 10 * 2**20, id="a hundred letters of any script"),
    ],
)
def test_a_pattern_costs_what_it_compiles_to(pattern: str, limit: int) -> None:
    size = len(json.dumps({"pattern": pattern}, separators=(",", ":")))
    assert estimate({"pattern": pattern}) == size * 16 + 2048 + 256 + 8192 + limit


def test_a_pattern_that_stands_twice_is_compiled_once() -> None:
    source: dict[str, JSON] = {"items": {"pattern": "^a$"}, "patternProperties": {"^a$": {}}}
    size = len(json.dumps(source, separators=(",", ":")))
    # Three schemas; the two inner ones are one leaf, /*
    assert estimate(source) == size * 16 + 3 * 2048 + 256 + 8192 + 2**12


MEASURE = """
import gc, json, sys
from pathlib import Path
from adhere.schema import Schema
from adhere.schema.schema import _ACCEPTED

def resident():
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def documents(first, last):
    return [sys.argv[1].replace("NUMBER", str(number)) for number in range(first, last)]

for text in documents(0, 20):
    Schema.of(text)
estimated, measured = _ACCEPTED.size, resident()
for text in documents(20, int(sys.argv[2])):
    Schema.of(text).violations(["no", "such", {"r": {"v": "value"}}])
print(json.dumps([_ACCEPTED.size - estimated, resident() - measured]))
"""
FLAT: JSON = {
    "title": "NUMBER",
    "type": "object",
    "properties": {f"field {index}": {"type": "string", "maxLength": index} for index in range(20)},
    "required": [f"field {index}" for index in range(20)],
}
PATTERNS: JSON = {
    "properties": {f"p{index}": {"pattern": f"^{index}[a-z]{{9}}NUMBER$"} for index in range(20)}
}
WITHIN_ITSELF: JSON = {
    "title": "NUMBER",
    "type": ["object", "string"],
    "properties": {"v": {"type": "integer"}, "l": {"$ref": "#"}, "r": {"anyOf": [{"$ref": "#"}, {}]}},
}
REFERENCES: JSON = {
    "title": "NUMBER",
    "properties": {f"a{index}": {"$ref": "#/$defs/b"} for index in range(20)},
    "$defs": {"b": {"properties": {f"c{index}": {"type": "integer"} for index in range(10)}}},
}
OPTIONS: JSON = {"enum": [f"option {index} of NUMBER" for index in range(300)]}


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
@pytest.mark.parametrize(
    ("source", "count"),
    [
        pytest.param(FLAT, 400, id="flat"),
        pytest.param(PATTERNS, 200, id="patterns"),
        pytest.param(WITHIN_ITSELF, 400, id="within itself"),
        pytest.param(REFERENCES, 100, id="references"),
        pytest.param(OPTIONS, 400, id="options"),
    ],
)
def test_the_estimate_is_near_what_a_process_grows_by(source: JSON, count: int) -> None:
    command = [sys.executable, "-c", MEASURE, json.dumps(source), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    estimated, measured = json.loads(done.stdout)
    assert estimated < 64 * 2**20, "nothing must have been let go"
    assert measured / 1.5 < estimated < 8 * measured
