"""The page that shows a run while it goes on: one file that rewrites itself and needs no network."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import Literal, TypeAlias, cast

from adhere.config import GrpoConfig, SftConfig
from adhere.figures import training_curves
from adhere.page import WIDE, Figure, environment
from adhere.records import JSON
from adhere.shown import percent
from adhere.train.rollouts import Rollout

EVERY = 5.0
"""Seconds, at least, from one writing of the page to the next; an open page reloads as often."""
SHARE = 0.01
"""Share of the run's time that drawing the curves may take, and writing the page another."""
FIRST = 0.5
"""Seconds that a drawing is taken to cost before one was timed, with the import of what draws."""
WORTH = 10.0
"""Seconds from which the curves of a run that is over are drawn: of a shorter one, drawing is most of it."""
RECENT = 5
"""Steps that a headline averages: one step alone is noise, and a run of fifty still has ten such."""

_TEMPLATES = environment("train")

Ending: TypeAlias = Literal["running", "done", "interrupted", "stopped"]


@dataclass(frozen=True, slots=True)
class Headline:
    """A number at the head of the page."""

    label: str
    value: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A completion on the page."""

    title: str
    id: str
    text: str
    reward: float
    advantage: float
    outcome: str
    tokens: int
    finished: bool
    parts: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All that the page says."""

    verb: str
    out: str
    state: Ending
    why: str
    """Why it ended; empty while it runs, and where it came to its end."""
    step: int
    total: int
    left: str
    """Time left, as `1:02:03`."""
    elapsed: str
    recent: int
    """Steps that a headline averages."""
    headlines: Sequence[Headline]
    figure: Figure | None
    completions: Sequence[Shown]
    held_out: Sequence[tuple[str, str, str, str, str]]
    """Of each number of the held-out looks: its name, the first, the latest, the best, and at which step."""
    warnings: Sequence[str]
    diagnosis: Mapping[str, JSON] | None
    settings: Mapping[str, str]


class Page:
    """Writes the page now and then, so seldom that the run does not notice."""

    def __init__(
        self,
        path: Path,
        config: SftConfig | GrpoConfig,
        total: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare to write.

        Args:
            path: Of the page.
            config: Of the run.
            total: Steps of the whole run.
            clock: Seconds.
        """
        self._path, self._config, self._total, self._clock = path, config, total, clock
        self.warnings: list[str] = []
        """Lines that the page shows."""
        self.diagnosis: Mapping[str, JSON] | None = None
        """`Report.as_json` of what is wrong."""
        self._figure: Figure | None = None
        self._groups: Sequence[Sequence[Rollout]] = ()
        self._spent, self._written = 0.0, -math.inf
        self._drawing, self._drawn = FIRST, clock()

    def step(self, lines: Sequence[Mapping[str, JSON]], groups: Sequence[Sequence[Rollout]]) -> None:
        """Take a step, and write the page if it is time.

        Args:
            lines: Of `metrics.jsonl`, all there are.
            groups: The completions of the last step; none where nothing is sampled.
        """
        self._groups = groups
        now = self._clock()
        if now - self._written < max(EVERY, self._spent / SHARE):
            return
        if now - self._drawn >= self._drawing / SHARE:
            self._draw(lines)
        began = self._clock()
        self._write(lines, "running", "")
        self._written = self._clock()
        self._spent = self._written - began

    def end(self, lines: Sequence[Mapping[str, JSON]], fault: BaseException | None) -> None:
        """Write the page of a run that is over."""
        if not lines:
            return
        if cast("float", lines[-1]["elapsed"]) >= WORTH:
            self._draw(lines)
        state: Ending = "interrupted" if isinstance(fault, KeyboardInterrupt) else "stopped"
        if fault is None and self.diagnosis is None:
            state = "done"
        self._write(lines, state, str(fault) if isinstance(fault, Exception) else "")

    def _draw(self, lines: Sequence[Mapping[str, JSON]]) -> None:
        began = self._clock()
        self._figure = Figure.drawn(
            "", lambda width: training_curves(lines, columns=3 if width == WIDE else 1)
        )
        self._drawn = self._clock()
        self._drawing = self._drawn - began

    def _write(self, lines: Sequence[Mapping[str, JSON]], state: Ending, why: str) -> None:
        rollouts = sorted(chain.from_iterable(self._groups), key=lambda rollout: rollout.score.total)
        view = View(
            verb="sft" if isinstance(self._config, SftConfig) else "grpo",
            out=str(self._config.out),
            state=state,
            why=why,
            step=cast("int", lines[-1]["step"]),
            total=self._total,
            left=_left(lines, self._total),
            headlines=headlines(lines),
            elapsed=_clock(cast("float", lines[-1]["elapsed"])),
            recent=min(RECENT, len(lines)),
            figure=self._figure,
            completions=[_shown("Best", rollouts[-1]), _shown("Worst", rollouts[0])] if rollouts else (),
            held_out=_looks(lines),
            warnings=self.warnings,
            diagnosis=self.diagnosis,
            settings={"model": self._config.model, "data": str(self._config.data)},
        )
        aside = self._path.with_name(f".{self._path.name}")
        aside.write_text(render(view), encoding="utf-8")
        aside.replace(self._path)


def render(view: View) -> str:
    """Render the page as HTML that refers to nothing outside itself.

    Pure: the same view gives the same text.
    """
    return _TEMPLATES.get_template("live.html.jinja").render(view=view, every=round(EVERY))


def headlines(lines: Sequence[Mapping[str, JSON]]) -> list[Headline]:
    """Return the numbers at the head of the page: means of the latest steps, and of the first.

    Args:
        lines: Of `metrics.jsonl`.
    """
    found = [
        _averaged("Reward", [_of(line, "reward") for line in lines], "{:.3f}".format),
        _averaged("Obeys the schema", [_of(line, "outcomes", "obeys", none=0.0) for line in lines], percent),
        _averaged("Without the grammar", [_of(line, "valid_free") for line in lines], percent),
        _averaged("Groups with signal", [_signal(line) for line in lines], percent),
        _averaged("Loss, nats", [_loss(line) for line in lines], "{:.3f}".format),
        _averaged("Tokens a second", [_of(line, "tokens_per_second") for line in lines], "{:,.0f}".format),
    ]
    return [each for each in found if each is not None]


def _averaged(label: str, numbers: Sequence[float | None], spell: Callable[[float], str]) -> Headline | None:
    """Average the latest steps, and say what the first ones were."""
    known = [number for number in numbers if number is not None]
    if not known:
        return None
    before = f"{spell(fmean(known[:RECENT]))} at first" if len(known) > RECENT else ""
    return Headline(label, spell(fmean(known[-RECENT:])), before)


def _loss(line: Mapping[str, JSON]) -> float | None:
    """Return the loss where it says something; that of reinforcement learning is about 0 at all times."""
    return None if "reward" in line else _of(line, "loss")


def _of(
    line: Mapping[str, JSON], name: str, inner: str | None = None, *, none: float | None = None
) -> float | None:
    """Return a number of a step, or of an object in it; `none` where the object lacks it."""
    found = line.get(name)
    if inner is not None:
        found = found.get(inner, none) if isinstance(found, dict) else None
    return float(found) if isinstance(found, int | float) else None


def _signal(line: Mapping[str, JSON]) -> float | None:
    without = _of(line, "zero_variance")
    return None if without is None else 1 - without


def _looks(lines: Sequence[Mapping[str, JSON]]) -> list[tuple[str, str, str, str, str]]:
    """Sum up the looks at the held-out examples."""
    looks = [(line["step"], look) for line in lines if isinstance(look := line.get("held_out"), dict)]
    found: list[tuple[str, str, str, str, str]] = []
    for name in looks[-1][1] if looks else ():
        numbers = [(cast("float", look[name]), step) for step, look in looks if look.get(name) is not None]
        if numbers:
            (first, _), (last, _) = numbers[0], numbers[-1]
            best, at = min(numbers) if name == "loss" else max(numbers, key=lambda each: each[0])
            is_better_or_worse = not name.endswith("tokens")
            found.append(
                (
                    name.replace("_", " "),
                    f"{first:.3f}",
                    f"{last:.3f}",
                    f"{best:.3f}" if is_better_or_worse else "–",
                    f"{at}" if is_better_or_worse else "–",
                )
            )
    return found


def _shown(title: str, rollout: Rollout) -> Shown:
    return Shown(
        title=title,
        id=rollout.completion.example_id,
        text=rollout.completion.text,
        reward=rollout.score.total,
        advantage=rollout.advantage,
        outcome=rollout.score.outcome.replace("_", " "),
        tokens=len(rollout.completion.tokens),
        finished=rollout.completion.finished,
        parts=rollout.score.parts,
    )


def _left(lines: Sequence[Mapping[str, JSON]], total: int) -> str:
    """Say how long the steps that are left take, if they take as long as those before."""
    step, elapsed = cast("int", lines[-1]["step"]), cast("float", lines[-1]["elapsed"])
    return _clock(elapsed / step * (total - step))


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
