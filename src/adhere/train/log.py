"""What a run writes down while it goes on: numbers, completions, a line on stderr, trackers, and a page."""

import json
import math
import os
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, fields
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TypeAlias, cast

from adhere.config import GrpoConfig, SftConfig
from adhere.errors import AdhereError
from adhere.progress import progress
from adhere.records import JSON
from adhere.train.grpo import GrpoStep
from adhere.train.live import Page
from adhere.train.rollouts import Rollout
from adhere.train.sft import SftStep
from adhere.train.trackers import Listener, listeners

METRICS = "metrics.jsonl"
ROLLOUTS = "rollouts.jsonl"
REPORT = "report.html"
PROJECT = "adhere"
"""Under which trackers list runs."""
_WIDTH = 58
"""Of what stands beside the bar, in characters: the whole line then has 100."""

Step: TypeAlias = GrpoStep | SftStep


class Log:
    """Writes down what a run does, as `docs/watching.md` says.

        with Log(run.path, config, total, done=state.step) as log:
            for step in updates:
                log.step(step, held_out=looks.after(step.step))

    Every line is with the operating system before `step` returns, so that `tail -f` shows it. On leaving the
    block the page is written once more, as that of a run that is over, and trackers are closed: before the
    directory is sealed.
    """

    def __init__(self, directory: Path, config: SftConfig | GrpoConfig, total: int, *, done: int = 0) -> None:
        """Prepare to log.

        Args:
            directory: The run's own, as it is written; it exists.
            config: Of the run; its trackers must be installed (`trackers.refuse_missing`).
            total: Steps of the whole run.
            done: Steps of an earlier attempt that the run goes on from. Lines after them, which a killed run
                may have written, are dropped, and so is half a line; the rest stays byte for byte.
        """
        self._directory, self._config, self._total, self._done = directory, config, total, done
        self._verb = "sft" if isinstance(config, SftConfig) else "grpo"
        self._listeners: list[Listener] = []
        self._rollouts: IO[str] | None = None
        self.lines: list[dict[str, JSON]] = []
        """The numbers of every step, those of an earlier attempt too."""

    def __enter__(self) -> Self:
        metrics, rollouts = self._directory / METRICS, self._directory / ROLLOUTS
        cut(metrics, self._done)
        self.lines = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
        with ExitStack() as opened:
            if self._verb == "grpo":
                cut(rollouts, self._done)
                self._rollouts = opened.enter_context(rollouts.open("a", encoding="utf-8"))
            self._metrics = opened.enter_context(metrics.open("a", encoding="utf-8"))
            settings = {name: str(value) for name, value in _flat(asdict(self._config))}
            self._listeners = listeners(
                self._config.report_to,
                self._directory,
                project=PROJECT,
                out=self._config.out,
                settings=settings,
                earlier=[(cast("int", line["step"]), _told_to_trackers(line)) for line in self.lines],
            )
            self._advance = opened.enter_context(progress(self._verb, self._total, done=self._done))
            self._open = opened.pop_all()
        self._page = Page(self._directory / REPORT, self._config, self._total)
        earlier = self.lines[-1].get("elapsed") if self.lines else None
        self._began = time.monotonic() - (earlier if isinstance(earlier, int | float) else 0.0)
        self._before = time.monotonic()
        return self

    def step(self, step: Step, held_out: Mapping[str, float] | None = None) -> dict[str, JSON]:
        """Write a step down; return its line of `metrics.jsonl`.

        Args:
            step: What the loop yielded: every field goes into the line, but the groups, which go to
                `rollouts.jsonl`.
            held_out: What a look at the held-out examples after this step found.
        """
        now = time.monotonic()
        groups = step.groups if isinstance(step, GrpoStep) else ()
        if self._rollouts is not None:
            self._rollouts.writelines(_line(_rollout(step.step, each)) for group in groups for each in group)
            self._rollouts.flush()
        numbers = _numbers(step)
        numbers["held_out"] = None if held_out is None else cast("JSON", _finite(held_out))
        numbers["elapsed"] = round(now - self._began, 3)
        numbers["tokens_per_second"] = round(_tokens(step) / max(now - self._before, 1e-9), 1)
        self._before = now
        # After the completions: a step that has its line has them all.
        self._metrics.write(_line(numbers))
        self._metrics.flush()
        self.lines.append(numbers)
        self._advance(described(numbers))
        told = _told_to_trackers(numbers)
        for listener in self._listeners:
            listener.hear(step.step, told)
        self._page.step(self.lines, groups)
        return numbers

    def flush(self) -> None:
        """Make what is written outlast a power cut; called before a checkpoint that claims these steps."""
        for file in (self._rollouts, self._metrics):
            if file is not None:
                os.fsync(file.fileno())

    def warn(self, line: str) -> None:
        """Say on stderr, and on the page, what is wrong with a run that goes on."""
        sys.stderr.write(f"adhere {self._verb}: {line}\n")
        self._page.warnings.append(line)

    def diagnosed(self, report: Mapping[str, JSON]) -> None:
        """Put a diagnosis on the page: `Report.as_json`."""
        self._page.diagnosis = report

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for listener in self._listeners:
            listener.close()
        if fault is None or isinstance(fault, KeyboardInterrupt | AdhereError):
            self._page.end(self.lines, fault)
        self._open.__exit__(kind, fault, trace)


def cut(path: Path, step: int) -> None:
    """Drop the lines of a log after a step, and half a line at its end.

    Args:
        path: JSONL, each line with its `step`, in their order; made where there is none.
        step: The last one whose lines stay.
    """
    with path.open("a+b") as file:
        file.seek(0)
        kept = 0
        for line in file:
            if not line.endswith(b"\n") or json.loads(line)["step"] > step:
                break
            kept += len(line)
        file.truncate(kept)


def described(numbers: Mapping[str, JSON], width: int = _WIDTH) -> str:
    """Say in one line how a step went: what matters first, and as much of it as fits.

    Args:
        numbers: The step's line of `metrics.jsonl`.
        width: Characters at most.
    """
    line = ""
    for part in _told(numbers):
        longer = f"{line}  {part}" if line else part
        if len(longer) <= width:
            line = longer
    return line


def _told(numbers: Mapping[str, JSON]) -> list[str]:
    told: list[str] = []
    if numbers.get("stage", 1) != 1:
        told.append(f"stage {numbers['stage']}")
    if numbers.get("skipped"):
        told.append("skipped")
    if "reward" not in numbers:
        loss = numbers["loss"]
        told.append("loss –" if loss is None else f"loss {loss:.3f}")
        return [*told, f"{numbers['tokens_per_second']:,.0f} tokens/s"]
    outcomes = cast("Mapping[str, float]", numbers["outcomes"])
    told += [f"reward {numbers['reward']:.3f}", f"valid {outcomes.get('obeys', 0.0):.0%}"]
    told.append(f"{numbers['tokens_per_second']:,.0f} tokens/s")
    # A part that all earn, or none, says nothing.
    parts = cast("Mapping[str, float]", numbers["parts"])
    return told + [f"{name} {value:.2f}" for name, value in parts.items() if 0 < value < 1]


def _numbers(step: Step) -> dict[str, JSON]:
    named = ((field.name, getattr(step, field.name)) for field in fields(step) if field.name != "groups")
    return {name: _finite(value) for name, value in named}


def _told_to_trackers(numbers: Mapping[str, JSON]) -> dict[str, float]:
    """Return a step's numbers without the step, which trackers are told apart from them."""
    named = ((name, value) for name, value in _flat(numbers) if name != "step")
    return {name: float(value) for name, value in named if isinstance(value, int | float)}


def _finite(value: object) -> JSON:
    """Spell a number of a step as JSON, which has no way to write one that is not finite."""
    match value:
        case Mapping():
            inner = cast("Mapping[str, object]", value)
            return {name: _finite(each) for name, each in inner.items()}
        case float():
            return value if math.isfinite(value) else None
        case _:
            return cast("JSON", value)


def _flat(nested: Mapping[str, object], prefix: str = "") -> list[tuple[str, object]]:
    """Return what a nested object holds, each with its path joined by `/`."""
    found: list[tuple[str, object]] = []
    for name, value in nested.items():
        if isinstance(value, Mapping):
            found += _flat(cast("Mapping[str, object]", value), f"{prefix}{name}/")
        else:
            found.append((f"{prefix}{name}", value))
    return found


def _tokens(step: Step) -> int:
    if isinstance(step, SftStep):
        return step.tokens
    return sum(len(rollout.completion.tokens) for group in step.groups for rollout in group)


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
        "accepted": rollout.accepted,
    }


def _line(row: Mapping[str, JSON]) -> str:
    return json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"
