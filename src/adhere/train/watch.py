"""Ends a run of reinforcement learning that has stopped learning, or never began."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from statistics import fmean

from adhere.train.causes import Cause
from adhere.train.doctor import Report
from adhere.train.grpo import GrpoStep

STEPS = 5
"""Steps in a row without one informative group, before anything is said."""
GROUPS = 35
"""Groups in them, at least: of 35 without one, the upper end of the 95 % interval is just under 10 %, so that
fewer than one group in ten can be expected of the steps to come. Small steps are watched for longer."""
SLOWER = 10
"""By what the learning rate is divided in the advice to a run whose reward fell."""


class Watch:
    """Looks on while a run steps."""

    def __init__(
        self,
        diagnose: Callable[[Sequence[GrpoStep]], Report],
        *,
        lr: float,
        stop: bool,
        warn: Callable[[Report], None],
        learned: Callable[[int, float], bool] = lambda _stage, _reward: False,
    ) -> None:
        """Prepare to look on.

        Args:
            diagnose: Says why steps taught nothing.
            lr: The run's learning rate.
            stop: End the run then; otherwise warn once, and go on.
            warn: Takes the diagnosis.
            learned: Whether a reward is all that a stage of the curriculum asks for; it soon ends then.
        """
        self._diagnose, self._lr, self._stop, self._warn = diagnose, lr, stop, warn
        self._learned = learned
        self._best: float | None = None
        self.report: Report | None = None
        """The diagnosis of the steps that taught nothing; `None` as long as all is well."""

    @property
    def has_learned_all(self) -> bool:
        """Whether the run learned first and fell silent because nothing was left."""
        return self.report is not None and self.report.verdict == "already solved" and self._best is not None

    def steps(self, steps: Iterable[GrpoStep]) -> Iterator[GrpoStep]:
        """Pass steps on; end, or warn and go on, after those of one stage that taught nothing."""
        silent: list[GrpoStep] = []
        passing = iter(steps)
        stage = 1
        for step in passing:
            yield step
            if step.stage != stage:
                # What the stage before earned is no measure for this one.
                silent, self._best, stage = [], None, step.stage
            if step.zero_variance < 1 or self._learned(step.stage, step.reward):
                silent, self._best = [], max(step.reward, self._best or step.reward)
                continue
            silent.append(step)
            if len(silent) >= STEPS and sum(len(each.groups) for each in silent) >= GROUPS:
                self.report = self._explained(silent)
                break
        if self.report and not self._stop:
            self._warn(self.report)
            yield from passing

    def _explained(self, silent: Sequence[GrpoStep]) -> Report:
        """Diagnose steps; where others earned more before them, that comes first."""
        report, now = self._diagnose(silent), fmean(step.reward for step in silent)
        if report.verdict != "no signal" or self._best is None or self._best <= now:
            return report
        fell = Cause(
            "reward fell",
            f"it was {self._best:.3g} at best, and is {now:.3g} since step {silent[0].step}",
            {"best": self._best, "now": now, "since": silent[0].step},
            f"lr = {self._lr / SLOWER:g}",
        )
        return replace(report, causes=(fell, *report.causes))
