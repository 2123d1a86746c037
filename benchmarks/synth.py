"""Rows made from a schema and from a domain: how many a second, and in how much memory.

`ours` makes whole rows: the values, a text that states them, where it does, how hard the row is, the marks by
which repeats are known, and the line as it is written. `flat` has a schema of eight fields; its `peer` is
jsf, which makes the JSON alone, as `ours_json` does, and without which there is no `ratio` and no
`ratio_json`. `hierarchical` are documents of bio-manufacturing, and `with_reasoning` the same with how each
value is read; we know of nothing that makes either. These three are per second of one core's time, whoever
else uses it. `two_workers` is `hierarchical` by the clock, with two processes beside one. `memory` is the
largest that a whole `adhere synth` of flat rows becomes.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from random import Random
from typing import TypeAlias

from adhere.config import SynthConfig
from adhere.data.asked import source_of
from adhere.data.filling.fill import Plan
from adhere.data.side import EITHER
from adhere.data.stream import CHUNK, chunk, rows
from adhere.records import JSON
from adhere.schema import Schema

RUNS = 5
SECONDS = 2.0
"""Of one run of one way; as many chunks as that takes."""
ROWS = 100_000
"""Whose memory is measured."""

SCHEMA: dict[str, JSON] = {
    "title": "Order",
    "type": "object",
    "properties": {
        "vendor": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "total": {"type": "number"},
        "currency": {"type": "string", "enum": ["EUR", "USD", "GBP"]},
        "quantity": {"type": "integer", "minimum": 1},
        "city": {"type": "string"},
        "email": {"type": "string", "format": "email"},
        "paid": {"type": "boolean"},
    },
    "required": ["vendor", "date", "total", "currency", "quantity", "city", "email", "paid"],
    "additionalProperties": False,
}
"""An order of eight fields."""

Way: TypeAlias = Callable[[], int]
"""Makes some rows, and says how many."""


def ours(config: SynthConfig) -> Way:
    """Make a chunk of rows at a time."""
    source = source_of(config)
    starts = iter(range(0, sys.maxsize, CHUNK))
    return lambda: len(chunk(source, EITHER, next(starts)))


def ours_json() -> Way:
    """Make the JSON of a row at a time, and nothing else."""
    plan, random = Plan.of(Schema.of(SCHEMA)), Random(0)

    def way() -> int:
        plan.fill(random)
        return 1

    return way


def peer() -> Way | None:
    """Make the JSON of a row at a time with jsf, where it is installed."""
    if find_spec("jsf") is None:
        return None
    from jsf import JSF  # pyright: ignore

    maker = JSF(SCHEMA)

    def way() -> int:
        maker.generate()
        return 1

    return way


def rate(way: Way, *, seconds: float) -> float:
    """Return how many rows one way makes in a second of one core's time."""
    count, begun = 0, time.process_time()
    while True:
        count += way()
        spent = time.process_time() - begun
        if spent > seconds:
            return count / spent


def measured(ways: Mapping[str, Way | None], *, runs: int, seconds: float) -> dict[str, JSON]:
    """Measure in turn, so that what else the machine does meets all alike."""
    there = {name: way for name, way in ways.items() if way is not None}
    rates: dict[str, list[float]] = {name: [] for name in there}
    for way in there.values():
        way()  # makes the plan of the schema
    for _ in range(runs):
        for name, way in there.items():
            rates[name].append(rate(way, seconds=seconds))
    found: dict[str, JSON] = {name: round(statistics.median(each), 1) for name, each in rates.items()}
    for name, ratio in (("ours", "ratio"), ("ours_json", "ratio_json")):
        if name in there and "peer" in there:
            pairs = zip(rates[name], rates["peer"], strict=True)
            found[ratio] = round(statistics.median(own / theirs for own, theirs in pairs), 2)
    return {**found, "unit": "rows/s", "runs": runs}


def by_the_clock(config: SynthConfig, *, seconds: float) -> float:
    """Return how many rows a second come from so many workers, once they have begun."""
    with closing(rows(config, source_of(config), EITHER, 0)) as made:
        next(made)
        count, begun = 0, time.monotonic()
        while time.monotonic() - begun < seconds:
            count += sum(1 for _ in islice(made, CHUNK))
        return count / (time.monotonic() - begun)


def two_workers(config: SynthConfig, *, runs: int, seconds: float) -> dict[str, JSON]:
    """Measure two processes beside one."""
    pairs = [
        [by_the_clock(replace(config, workers=workers), seconds=seconds) for workers in (2, 1)]
        for _ in range(runs)
    ]
    two, one = (statistics.median(found) for found in zip(*pairs, strict=True))
    ratio = statistics.median(two / one for two, one in pairs)
    return {
        "ours": round(two, 1),
        "peer": round(one, 1),
        "unit": "rows/s",
        "ratio": round(ratio, 2),
        "runs": runs,
        "cores": len(os.sched_getaffinity(0)),
    }


def memory(schema: Path, count: int) -> dict[str, JSON]:
    """Run the verb, and ask the system how large it became."""
    out = schema.with_name("out")
    command = [sys.executable, "-m", "adhere", "synth", "--schema", str(schema), "--rows", str(count)]
    subprocess.run([*command, "--out", str(out)], check=True, capture_output=True)  # noqa: S603, our own
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024  # KiB, on Linux
    return {"ours": round(largest / 2**20, 1), "unit": "MiB", "rows": count, "runs": 1}


def cases(given: argparse.Namespace) -> Iterator[tuple[str, dict[str, JSON]]]:
    """Yield each case's name and figures."""
    with tempfile.TemporaryDirectory() as directory:
        schema = Path(directory) / "order.json"
        schema.write_text(json.dumps(SCHEMA))
        out = Path(directory) / "data"
        flat = SynthConfig(schema=schema, out=out)
        papers = SynthConfig(domain="biomanufacturing", out=out)
        yield "memory", memory(schema, given.rows)
        for name, ways in (
            ("flat", {"ours": ours(flat), "peer": peer(), "ours_json": ours_json()}),
            ("hierarchical", {"ours": ours(papers)}),
            ("with_reasoning", {"ours": ours(replace(papers, reasoning=True))}),
        ):
            yield name, measured(ways, runs=given.runs, seconds=given.seconds)
        yield "two_workers", two_workers(papers, runs=given.runs, seconds=given.seconds)


def versions() -> dict[str, JSON]:
    """Return the versions of what is compared; `None` for what is not installed."""
    found: dict[str, JSON] = {}
    for name in ("adhere", "jsf"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="on one line")
    parser.add_argument("--runs", type=int, default=RUNS, help="repetitions of each way, interleaved")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of one run of one way")
    parser.add_argument("--rows", type=int, default=ROWS, help="whose memory is measured")
    given = parser.parse_args()
    found = dict(cases(given))
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    result = {"cases": found, "machine": machine, "versions": versions()}
    sys.stdout.write(f"{json.dumps(result, indent=None if given.json else 2)}\n")


if __name__ == "__main__":
    main()
