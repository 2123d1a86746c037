"""`adhere score`: rewards rows as they come, one line out for one line in."""

import json
from array import array
from collections import Counter, defaultdict
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import TextIO

from adhere.config import STANDARD_STREAM, ScoreConfig
from adhere.data import store
from adhere.errors import ConfigError
from adhere.measure.statistics import Mean, Rate
from adhere.records import JSON
from adhere.reward.loading import Attempt, load
from adhere.reward.normalise import refuse_unknown_paths
from adhere.reward.score import Score, needs_target


def score(config: ScoreConfig, stdout: TextIO) -> dict[str, JSON]:
    """Score every row, write its line at once, and return the summary.

    Of a row nothing is kept but its numbers, eight bytes each.

    Args:
        config: What to score, and how.
        stdout: Where lines go with `--out -`.

    Raises:
        ConfigError: The output stands already, or there is no such reward.
        DataError: A row, told by file and line, cannot be scored. No file is left then.
        RewardError: A reward of the user's own failed. No file is left then.
    """
    outcomes: Counter[str] = Counter()
    totals: array[float] = array("d")
    values: dict[str, array[float]] = defaultdict(lambda: array("d"))
    with _lines(config.out, stdout) as lines:
        for identity, scored in _scores(config):
            outcomes[scored.outcome] += 1
            totals.append(scored.total)
            for name, value in scored.parts.items():
                values[name].append(value)
            if lines is not None:
                lines.write(f"{json.dumps({'id': identity, **asdict(scored)}, ensure_ascii=False)}\n")
                lines.flush()
    return {
        "rows": len(totals),
        "preset": config.preset,
        "total": Mean.of(totals).as_json(),
        "outcomes": {name: Rate(count, len(totals)).as_json() for name, count in sorted(outcomes.items())},
        "parts": {name: Mean.of(each).as_json() for name, each in values.items()},
    }


def _scores(config: ScoreConfig) -> Iterator[tuple[str, Score]]:
    reward = load(config.preset, form=config.form, scoring=config.scoring, own=config.own)
    attempts = _attempts(config)
    # As many rows at a time as can be scored at a time, so that none waits for another.
    while some := list(islice(attempts, max(1, config.own.processes))):
        for attempt, scored in zip(some, reward(some), strict=True):
            yield attempt.example.id, scored


def _attempts(config: ScoreConfig) -> Iterator[Attempt]:
    schemas = store.read_schemas(config.schema)
    refuse_unknown_paths(config.scoring.normalise, schemas.values())
    compares = needs_target(config.preset)
    for row in store.rows(config.rows):
        # Only `grounded` looks at the text.
        given = row if config.preset == "grounded" else replace(row, columns={"text": "", **row.columns})
        example = store.example(given, schemas)
        if compares and example.target is None:
            why = f"the preset {config.preset} compares with it"
            raise row.fault("target", why, fix="Label the row, or use --preset schema or grounded")
        completion = row.text("completion")
        meta = {name: value for name, value in example.meta.items() if name != "completion"}
        yield Attempt(completion, replace(example, meta=meta), schemas[example.schema])


@contextmanager
def _lines(out: Path | None, stdout: TextIO) -> Generator[TextIO | None]:
    """Open what lines go to; a file appears once all have been written, or not at all."""
    if out is None or out == STANDARD_STREAM:
        yield stdout if out else None
        return
    if out.exists():
        raise ConfigError.at("score.out", str(out), "it stands already", fix="Name another")
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as lines:
            yield lines
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
