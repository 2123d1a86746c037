"""What a run does around its loop: goes on where it stood, logs, looks, saves, and ends when it is time."""

import shutil
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

from adhere.artifact import Run, write_json
from adhere.config import GrpoConfig, SftConfig
from adhere.measure import calibration
from adhere.model import Model, save
from adhere.records import JSON
from adhere.train import checkpoint
from adhere.train.grpo import GrpoStep
from adhere.train.held_out import Looks
from adhere.train.log import Log, Step
from adhere.train.state import State
from adhere.train.watch import Skips, Watch

BEST = "best"
"""Directory, in a run's own, of the weights that did best on the held-out examples."""
KEPT = "checkpoints"
"""Directory, in a run's own, of the last checkpoints' weights."""


class Attempt:
    """One process's part of a run, which may go on where another was killed."""

    def __init__(
        self,
        run: Run,
        model: Model,
        state: State,
        config: SftConfig | GrpoConfig,
        *,
        total: int,
        watch: Watch | Skips,
        looks: Looks | None,
    ) -> None:
        """Take up what an earlier attempt left in the run's directory.

        Args:
            run: The directory.
            model: As the run began with it.
            state: Of its beginning.
            config: Of the run.
            total: Its steps, all attempts together.
            watch: Ends a run that does not learn.
            looks: At the held-out examples.
        """
        self.run, self.model, self.state, self.config = run, model, state, config
        self.total, self.watch, self.looks = total, watch, looks
        self._began = time.monotonic()
        kept = checkpoint.load(run.path, model, state)
        if kept is not None:
            self._take_up(kept)
        elif run.resumed:
            sys.stderr.write(
                f"adhere {_verb(config)}: beginning afresh: there is no checkpoint to go on from.\n"
            )
        self.log = Log(run.path, config, total, done=state.step)

    @property
    def seconds(self) -> float:
        """How long the run has taken so far, those of an earlier attempt up to its checkpoint too."""
        return time.monotonic() - self._began

    def follow(self, updates: Iterable[Step]) -> None:
        """Let the loop go on to its end, or to where looking on says that it is over."""
        with self.log:
            for step in () if self.is_over else updates:
                # A cast: each loop has its own watch, and `Skips` takes steps of both.
                self.watch.after(cast("GrpoStep", step))
                self.log.step(step, held_out=self._seen(step))
                every = self.config.saving.every
                is_time = every > 0 and step.step % every == 0
                if is_time and self.config.saving.keep:
                    self._keep_last()
                if is_time or self.is_over:
                    self._save()
                if self.is_over:
                    break
            if self.looks is not None and self.looks.should_stop and self.state.step < self.total:
                self.log.warn(f"ended after step {self.state.step}: the held-out loss no longer falls.")
            if isinstance(self.watch, Watch) and self.watch.report is not None:
                self.log.diagnosed(self.watch.report.as_json())

    @property
    def is_over(self) -> bool:
        """Whether the run is to end before its last step."""
        return self.watch.is_over or (self.looks is not None and self.looks.should_stop)

    def note_look(self) -> None:
        """Write the looks at the held-out examples down; keep the weights where the last is the best."""
        if self.looks is not None:
            self.looks.write(self.run.path)
            if self.looks.is_best:
                self._keep(BEST)
                self.calibrate(BEST)

    def calibrate(self, name: str) -> None:
        """Write beside the weights of this name, which are the last look's, how far they can be trusted."""
        made = None if self.looks is None else self.looks.calibration()
        if made is not None:
            write_json(self.run.path / name / calibration.FILE, made.as_json())

    def _seen(self, step: Step) -> Mapping[str, float] | None:
        seen = None if self.looks is None else self.looks.after(step.step)
        if seen is not None:
            self.note_look()
        return seen

    def _take_up(self, kept: Mapping[str, JSON]) -> None:
        self._began -= cast("float", kept["seconds"])
        self.watch.restore(cast("dict[str, JSON]", kept["watch"]))
        if self.looks is not None:
            self.looks.restore(cast("dict[str, JSON]", kept["looks"]))
            self.looks.write(self.run.path)
        sys.stderr.write(f"adhere {_verb(self.config)}: going on after step {self.state.step}.\n")

    def _save(self) -> None:
        """Write a checkpoint; all that belongs to its steps is on disk before it."""
        self.log.flush()
        also: dict[str, JSON] = {"watch": self.watch.as_json(), "seconds": self.seconds}
        if self.looks is not None:
            also["looks"] = self.looks.as_json()
        checkpoint.save(self.run.path, self.model, self.state, also)
        self.run.keep_on_error = True

    def _keep_last(self) -> None:
        self._keep(f"{KEPT}/step-{self.state.step}")
        for older in checkpoint.newest_first(self.run.path / KEPT)[self.config.saving.keep :]:
            shutil.rmtree(older)

    def _keep(self, name: str) -> None:
        write_model(self.model, self.run.path / name)


def _verb(config: SftConfig | GrpoConfig) -> str:
    return "sft" if isinstance(config, SftConfig) else "grpo"


def write_model(model: Model, place: Path) -> None:
    """Write a model's directory, whole or not at all."""
    with checkpoint.whole(place) as aside:
        save(model, aside)
