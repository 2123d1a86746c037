"""Where GRPO pays: rewards, learning rates and group sizes on rows of schemas that nano has not read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from adhere.data import store
from adhere.records import JSON
from parts.answers import Answer, gained_exact, gained_f1, gained_valid
from parts.bench import Bench, Done
from parts.faults import faults, kinds
from parts.held_out import APART
from parts.rows import Asked, asked, by_hash, cut, first, learnable, write

PART = "grpo"
SEED = 7
REWARDS = ("fields", "grounded", "schema")
RATES, USUAL_RATE = (1e-4, 3e-4, 1e-3), 3e-4
GROUPS, USUAL_GROUP = (8, 16, 32), 16
"""Each rate with groups of the usual size, and each size at the usual rate."""
STEPS, PROMPTS, LOOKS = 120, 8, 6
TRAINED, TESTED = 400, 200
ROOM = 256
SFT_EPOCHS = (1, 4)
"""What the same rows give SFT: one pass, and several."""
SFT_RATE = 5e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of the same schemas, no two sets of which share a target."""

    train: str
    test: Asked


def measure(bench: Bench) -> None:
    """Add the figures of every run from nano and, where there is one, from nano-base."""
    rows = _rows(bench)
    _from(bench, "nano", bench.model, rows)
    if bench.base is None:
        bench.skipped[f"{PART}: nano-base"] = "no --base was given"
    else:
        _from(bench, "nano-base", bench.base, rows)


def _rows(bench: Bench) -> Rows:
    wanted = str(bench.count(TRAINED + TESTED, least=40))
    words = [
        "--shapes",
        "200",
        "--most-leaves",
        "6",
        *APART,
        "--seed",
        str(SEED),
        "--rows",
        "1",
        "--held-out",
        wanted,
    ]
    made = store.read(bench.adhere("synth", *words, out=f"{PART}/data").out / store.HELD_OUT)
    room = bench.count(ROOM, least=16)
    place = bench.out / PART
    ready = asked(learnable(by_hash(made), bench.reader), place / "all_rows", bench.reader, room=room)
    train, test = cut(ready.taken, bench.count(TRAINED, least=8))
    return Rows(
        train=str(write(train, place / "train")),
        test=asked(first(test, bench.count(TESTED)), place / "test", bench.reader, room=room),
    )


def _from(bench: Bench, name: str, model: str, rows: Rows) -> None:
    before = bench.measured(PART, f"{name}: before", rows.test, model=model)
    _told(bench, f"{name}: before", before)
    for reward, rate, group in settings(bench):
        case = f"{name}: {reward}, rate {rate:g}, groups of {group}"
        out = f"{PART}/{name}/{reward}_{rate:g}_{group}"
        done = bench.adhere("grpo", *_words(bench, model, rows, reward, rate, group), out=out)
        after = bench.measured(PART, case, rows.test, model=done.checkpoint)
        _told(bench, case, after)
        _gains(bench, case, done, after, before)
        _curve(bench, case, done)
    for epochs in SFT_EPOCHS if bench.share == 1 else SFT_EPOCHS[:1]:
        case = f"{name}: sft, epochs {epochs}"
        words = ["--model", model, "--data", rows.train, "--epochs", str(epochs), "--lr", str(SFT_RATE)]
        done = bench.adhere("sft", *words, out=f"{PART}/{name}/sft_{epochs}")
        after = bench.measured(PART, case, rows.test, model=done.checkpoint)
        _told(bench, case, after)
        _gains(bench, case, done, after, before)


def settings(bench: Bench) -> list[tuple[str, float, int]]:
    """Return reward, learning rate and group size of every run; below a share of 1 one run of each reward."""
    if bench.share < 1:
        return [(reward, USUAL_RATE, 2) for reward in REWARDS]
    pairs = [(rate, USUAL_GROUP) for rate in RATES]
    pairs += [(USUAL_RATE, group) for group in GROUPS if group != USUAL_GROUP]
    return [(reward, rate, group) for reward in REWARDS for rate, group in pairs]


def _words(bench: Bench, model: str, rows: Rows, reward: str, rate: float, group: int) -> list[str]:
    steps = bench.count(STEPS, least=2)
    settings: Mapping[str, object] = {
        "model": model,
        "data": rows.train,
        "reward": reward,
        "lr": rate,
        "group-size": group,
        "steps": steps,
        "prompts-per-step": bench.count(PROMPTS, least=2),
        "max-new-tokens": rows.test.room,
        "held-out": rows.test.file,
        "evaluate-every": max(1, steps // LOOKS),
    }
    words = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
    # A run that does not learn is a result here.
    return [*words, "--no-stop"]


def _told(bench: Bench, case: str, given: tuple[Answer, ...]) -> None:
    source = bench.source(PART, case)
    bench.add(*(source.share(f"leaves: {fault}", rate) for fault, rate in faults(given).items()))
    bench.add(*(source.share(f"right: {kind}", rate) for kind, rate in kinds(given).items()))


def _gains(
    bench: Bench, case: str, done: Done, after: tuple[Answer, ...], before: tuple[Answer, ...]
) -> None:
    source = bench.source(PART, case, done)
    bench.add(
        source.number("seconds", done.seconds, "seconds"),
        source.gain("valid over before", gained_valid(after, before)),
        source.gain("exact over before", gained_exact(after, before)),
        source.gain("f1 over before", gained_f1(after, before)),
    )


def _curve(bench: Bench, case: str, done: Done) -> None:
    """Keep what the run saw of the held-out rows on its way."""
    points = [
        {name: look.get(name) for name in ("step", "f1", "exact", "schema_valid", "reward")}
        for look in _lines(done.out / "held_out.jsonl")
    ]
    bench.curves.append({"part": PART, "case": case, "points": cast("JSON", points)})


def _lines(file: Path) -> list[dict[str, JSON]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
