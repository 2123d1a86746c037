"""Ends a run that has stopped learning, never began, or undoes what it learned."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import cast

from adhere.config import GrpoSettings
from adhere.records import JSON
from adhere.train.causes import Cause
from adhere.train.decline import SLOWER, Decline
from adhere.train.doctor import Health, Report
from adhere.train.grpo import GrpoStep
from adhere.train.remembered import of_json, spelled
from adhere.train.sft import SftStep

STEPS = 5
"""Steps in a row without one informative group, before anything is said."""
GROUPS = 35
"""Groups in them, at least: of 35 without one, the upper end of the 95 % interval is just under 10 %, so that
fewer than one group in ten can be expected of the steps to come. Small steps are watched for longer."""
SKIPS = 3
"""Updates in a row that were left out, from which a run ends: one can be a bad batch, three are not."""
SILENT = "silent"
"""Name, among those of causes, of what the steps that taught nothing are warned of."""


class Skips:
    """Ends a run whose loss or gradient is not finite, one update after another; its weights stay sound."""

    def __init__(self, lr: float) -> None:
        self._lr = lr
        self._in_row = 0
        self.cause: Cause | None = None
        """Why the run is over; `None` as long as all is well."""

    @property
    def is_over(self) -> bool:
        """Whether the run is to end now."""
        return self.cause is not None

    @property
    def failed(self) -> bool:
        """Whether it ends for a fault."""
        return self.is_over

    @property
    def line(self) -> str:
        """Why it ends and what to change, in one clause; empty as long as all is well."""
        return "" if self.cause is None else f"{self.cause.name}: {self.cause.why}. Change: {self.cause.fix}"

    def after(self, step: GrpoStep | SftStep) -> None:
        """Count a step."""
        self._in_row = self._in_row + 1 if step.skipped else 0
        if self._in_row < SKIPS:
            return
        self.cause = Cause(
            "not finite",
            f"{self._in_row} updates in a row, to step {step.step}, were left out because the loss "
            f"({step.loss:.3g}) or the norm of the gradient ({step.grad_norm:.3g}) was not finite",
            {"step": step.step, "updates": self._in_row},
            f"lr = {self._lr / SLOWER:g}",
        )

    def as_json(self) -> dict[str, JSON]:
        """Spell what is remembered."""
        return {"in_row": self._in_row, "cause": None if self.cause is None else self.cause.as_json()}

    def restore(self, kept: Mapping[str, JSON]) -> None:
        """Remember what `as_json` wrote."""
        self._in_row = cast("int", kept["in_row"])
        cause = kept["cause"]
        self.cause = None if cause is None else Cause.of_json(cast("dict[str, JSON]", cause))


class Watch:
    """Looks on while a run of reinforcement learning steps."""

    def __init__(
        self,
        diagnose: Callable[[Sequence[GrpoStep]], Report],
        config: GrpoSettings,
        *,
        warn: Callable[[Report], None],
        learned: Callable[[int, float], bool] = lambda _stage, _reward: False,
    ) -> None:
        """Prepare to look on.

        Args:
            diagnose: Says why steps taught nothing.
            config: Of the run; `stop` ends it, otherwise it is warned once of each thing, and goes on.
            warn: Takes the diagnosis.
            learned: Whether a reward is all that a stage of the curriculum asks for; it soon ends then.
        """
        self._diagnose, self._config, self._warn, self._learned = diagnose, config, warn, learned
        self._skips, self._decline = Skips(config.lr), Decline(config)
        self._silent: list[GrpoStep] = []
        self._best: float | None = None
        self._stage = 1
        self._warned: list[str] = []
        self.report: Report | None = None
        """The latest diagnosis; `None` as long as all is well."""

    @property
    def has_learned_all(self) -> bool:
        """Whether the run learned first and fell silent because nothing was left."""
        return self.report is not None and self.report.verdict == "already solved" and self._best is not None

    @property
    def is_over(self) -> bool:
        """Whether the run is to end now."""
        return self._skips.is_over or (self.report is not None and self._config.stop)

    @property
    def failed(self) -> bool:
        """Whether it ends for a fault, and not because nothing is left to learn."""
        return self.is_over and not self.has_learned_all

    @property
    def line(self) -> str:
        """Why it ends and what to change, in one clause; empty as long as all is well."""
        return "" if self.report is None else self.report.line

    def after(self, step: GrpoStep) -> None:
        """Look at a step; diagnose where something is wrong, and warn where the run goes on all the same."""
        if step.stage != self._stage:
            # What the stage before earned is no measure for this one.
            self._silent, self._best, self._stage = [], None, step.stage
            self._decline.begin()
        self._skips.after(step)
        if self._skips.cause is not None:
            self._say("diverged", self._skips.cause, step)
            return
        for cause in self._decline.after(step):
            if cause.name not in self._warned:
                self._say("gets worse", cause, step)
                return
        self._listen(step)

    def as_json(self) -> dict[str, JSON]:
        """Spell what is remembered, so that a resumed run decides as this one would have."""
        return {
            "skips": self._skips.as_json(),
            "decline": self._decline.as_json(),
            "silent": [spelled(step) for step in self._silent],
            "best": self._best,
            "stage": self._stage,
            "warned": list(self._warned),
            "report": None if self.report is None else self.report.as_json(),
        }

    def restore(self, kept: Mapping[str, JSON]) -> None:
        """Remember what `as_json` wrote."""
        self._skips.restore(cast("dict[str, JSON]", kept["skips"]))
        self._decline.restore(cast("dict[str, JSON]", kept["decline"]))
        self._silent = [of_json(step) for step in cast("list[dict[str, JSON]]", kept["silent"])]
        self._best, self._stage = cast("float | None", kept["best"]), cast("int", kept["stage"])
        self._warned = cast("list[str]", kept["warned"])
        report = kept["report"]
        self.report = None if report is None else Report.of_json(cast("dict[str, JSON]", report))

    def _listen(self, step: GrpoStep) -> None:
        """Count steps in a row that taught nothing, and diagnose them once they are enough."""
        if _teaches(step) or self._learned(step.stage, step.reward):
            self._silent, self._best = [], max(step.reward, self._best or step.reward)
            return
        if SILENT in self._warned:
            return
        self._silent.append(step)
        if len(self._silent) >= STEPS and sum(len(each.groups) for each in self._silent) >= GROUPS:
            self._told(SILENT, self._explained(self._silent))

    def _say(self, verdict: Health, cause: Cause, step: GrpoStep) -> None:
        """Diagnose a step, the cause that is known first."""
        report = self._diagnose([step])
        self._told(cause.name, replace(report, verdict=verdict, causes=(cause, *report.causes)))

    def _told(self, name: str, report: Report) -> None:
        self.report = report
        self._warned.append(name)
        if not self.is_over:
            self._warn(report)

    def _explained(self, silent: Sequence[GrpoStep]) -> Report:
        """Diagnose steps; where others earned more before them, that comes first."""
        report, now = self._diagnose(silent), fmean(step.reward for step in silent)
        if report.verdict != "no signal" or self._best is None or self._best <= now:
            return report
        fell = Cause(
            "reward fell",
            f"it was {self._best:.3g} at best, and is {now:.3g} since step {silent[0].step}",
            {"best": self._best, "now": now, "since": silent[0].step},
            f"lr = {self._config.lr / SLOWER:g}",
        )
        return replace(report, causes=(fell, *report.causes))


def _teaches(step: GrpoStep) -> bool:
    return any(rollout.accepted and rollout.advantage != 0 for group in step.groups for rollout in group)
