"""What a run writes down while it goes on: a line an update, a line a completion, and a bar on stderr."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import chain
from pathlib import Path

from adhere.progress import progress
from adhere.records import JSON
from adhere.train.grpo import GrpoStep
from adhere.train.rollouts import Rollout
from adhere.train.sft import SftStep

METRICS = "metrics.jsonl"
ROLLOUTS = "rollouts.jsonl"


def logged_grpo(steps: Iterable[GrpoStep], directory: Path, total: int) -> Iterator[dict[str, JSON]]:
    """Write every step and every rollout down, draw progress, and pass the steps' numbers on."""
    with (
        (directory / METRICS).open("w", encoding="utf-8", buffering=1) as metrics,
        (directory / ROLLOUTS).open("w", encoding="utf-8") as rollouts,
        progress("grpo", total) as advance,
    ):
        for step in steps:
            for rollout in chain.from_iterable(step.groups):
                rollouts.write(_line(_rollout(step.step, rollout)))
            numbers: dict[str, JSON] = {name: getattr(step, name) for name in _GRPO_NUMBERS}
            numbers["parts"], numbers["outcomes"] = dict(step.parts), dict(step.outcomes)
            metrics.write(_line(numbers))
            obeys = step.outcomes.get("obeys", 0.0)
            shown = f"reward {step.reward:.3f}  obeys {obeys:.0%}  no signal {step.zero_variance:.0%}"
            advance(f"{_stage(step.stage)}{shown}")
            yield numbers


def logged_sft(steps: Iterable[SftStep], directory: Path, total: int) -> Iterator[dict[str, JSON]]:
    """Write every step down, draw progress, and pass the steps' numbers on."""
    with (
        (directory / METRICS).open("w", encoding="utf-8", buffering=1) as metrics,
        progress("sft", total) as advance,
    ):
        for step in steps:
            numbers: dict[str, JSON] = asdict(step)
            metrics.write(_line(numbers))
            advance(f"{_stage(step.stage)}loss {step.loss:.3f}")
            yield numbers


_GRPO_NUMBERS = (
    "step", "reward", "zero_variance", "length", "finished", "loss", "grad_norm", "clipped", "drift", "lr",
    "stage",
)  # fmt: skip


def _stage(number: int) -> str:
    """Show a stage on the bar; runs without a curriculum stay in the first."""
    return f"stage {number}  " if number > 1 else ""


def _rollout(step: int, rollout: Rollout) -> dict[str, JSON]:
    completion = rollout.completion
    return {
        "step": step,
        "id": completion.example_id,
        "index": completion.index,
        "completion": completion.text,
        "finished": completion.finished,
        "tokens": len(completion.tokens),
        "outcome": rollout.score.outcome,
        "reward": rollout.score.total,
        "parts": dict(rollout.score.parts),
        "wrapping": rollout.score.wrapping,
        "advantage": rollout.advantage,
    }


def _line(row: Mapping[str, JSON]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"
