"""What a run loses on its way: reward, the ends of its completions, or the differences between them.

Each is told by two windows of steps that do not overlap: the last one, and the best or the first before it. A
window is a tenth of the run: what a run of that length wanders within so many steps is no fall yet.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import fmean, variance
from typing import cast

from adhere.config import GrpoSettings
from adhere.measure.statistics import Rate
from adhere.records import JSON
from adhere.train.causes import FULL, OFTEN, Cause
from adhere.train.grpo import GrpoStep

SHORTEST = 10
"""Steps of a window, at least."""
OF_THE_RUN = 10
"""Windows in a run, at most."""
BATCHES = 5
"""Parts of a window whose means say how sure its own is: neighbouring steps are alike, parts less so."""
ERRORS = 8.0
"""Standard errors between two windows from which they differ: by chance once in 46,000, with 8 degrees of
freedom; every step compares anew, and the best window is the best of up to ten."""
HALF = 0.5
"""Share of its best reward to which a run must have fallen: from less it may well recover."""
LONGER = 1.5
"""Times the tokens from which completions are said to have grown."""
FADED = 0.1
"""Share of its first entropy from which a run is said to have lost it."""
ALIKE = 0.9
"""Share of groups of one text from which sampling more of them finds nothing: nine in ten are in vain."""
SLOWER = 10
"""By what the learning rate is divided in the advice to a run that lost what it had."""
CLIP_HIGH = 0.28
"""Upper clip that leaves rare tokens room to grow. Source: DAPO, arXiv:2503.14476, section 3.1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What of a step is watched."""

    step: int
    reward: float
    completions: int
    cut: int
    """Completions that met the token limit."""
    tokens: int
    groups: int
    alike: int
    """Groups whose completions are all the same text."""
    entropy: float | None
    """In nats a token; `None` where nothing was trained."""
    most: float
    """Highest reward of a completion so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Some steps in a row."""

    first: int
    last: int
    reward: float
    error: float
    """Standard error of the reward."""
    cut: Rate
    length: float
    """Mean tokens of a completion."""
    alike: Rate
    entropy: float | None
    most: float

    @classmethod
    def of(cls, looks: Sequence[Look]) -> "Window":
        """Sum up some steps, at least twice as many as there are batches."""
        rewards = [look.reward for look in looks]
        ends = [round(len(rewards) * place / BATCHES) for place in range(BATCHES + 1)]
        means = [fmean(rewards[start:end]) for start, end in pairwise(ends)]
        completions = sum(look.completions for look in looks)
        return cls(
            first=looks[0].step,
            last=looks[-1].step,
            reward=fmean(rewards),
            error=math.sqrt(variance(means) / BATCHES),
            cut=Rate(sum(look.cut for look in looks), completions),
            length=sum(look.tokens for look in looks) / completions,
            alike=Rate(sum(look.alike for look in looks), sum(look.groups for look in looks)),
            entropy=_mean([look.entropy for look in looks if look.entropy is not None]),
            most=looks[-1].most,
        )

    def as_json(self) -> dict[str, JSON]:
        """Spell the window as one object."""
        return {**asdict(self), "cut": self.cut.as_json(), "alike": self.alike.as_json()}

    @classmethod
    def of_json(cls, kept: Mapping[str, JSON]) -> "Window":
        """Read what `as_json` wrote."""
        return cls(**{**kept, "cut": _rate(kept["cut"]), "alike": _rate(kept["alike"])})  # type: ignore[arg-type]


class Decline:
    """Compares windows while a run steps; what it needs to remember is a few dozen numbers."""

    def __init__(self, config: GrpoSettings) -> None:
        self._config = config
        self._size = max(SHORTEST, config.steps // OF_THE_RUN)
        self.begin()

    def begin(self) -> None:
        """Forget what was: of an earlier stage nothing is a measure for this one."""
        self._recent: deque[Look] = deque(maxlen=2 * self._size)
        self._first: Window | None = None
        self._best: Window | None = None

    def after(self, step: GrpoStep) -> list[Cause]:
        """Look at a step; return what was lost by it."""
        most = max(rollout.score.total for group in step.groups for rollout in group)
        if self._recent:
            most = max(most, self._recent[-1].most)
        self._recent.append(_look(step, most))
        if len(self._recent) < 2 * self._size:
            return []
        looks = list(self._recent)
        before, now = Window.of(looks[: self._size]), Window.of(looks[self._size :])
        first = self._first = self._first or before
        if self._best is None or before.reward > self._best.reward:
            self._best = before
        rules = (
            length_explodes(self._best, now, self._config),
            reward_collapses(self._best, now, self._config),
            variety_is_lost(first, self._best, now, self._config),
        )
        return [cause for cause in rules if cause is not None]

    def as_json(self) -> dict[str, JSON]:
        """Spell what is remembered."""
        return {
            "recent": [asdict(look) for look in self._recent],
            "first": None if self._first is None else self._first.as_json(),
            "best": None if self._best is None else self._best.as_json(),
        }

    def restore(self, kept: Mapping[str, JSON]) -> None:
        """Remember what `as_json` wrote."""
        looks = cast("list[dict[str, float]]", kept["recent"])
        self._recent = deque((Look(**look) for look in looks), self._recent.maxlen)  # type: ignore[arg-type]
        self._first, self._best = _window(kept["first"]), _window(kept["best"])


def reward_collapses(best: Window, now: Window, config: GrpoSettings) -> Cause | None:
    """The reward fell to half of what it was, and not by chance.

    Rewards that go below 0, as a function of the user's own may give, fall in any case by what is not chance.
    """
    error = math.hypot(best.error, now.error)
    if now.reward > HALF * best.reward or best.reward - now.reward <= ERRORS * error:
        return None
    return Cause(
        "reward collapsed",
        f"it was {best.reward:.3g} {_over(best)}, and is {now.reward:.3g} {_over(now)}",
        {"best": best.reward, "now": now.reward, "standard_error": error, "since": now.first},
        _slower(config),
    )


def length_explodes(best: Window, now: Window, config: GrpoSettings) -> Cause | None:
    """Completions grow to the token limit, and earn nothing by it."""
    is_cut = now.cut.rate >= OFTEN and now.cut.low > best.cut.high
    if not is_cut or now.length < LONGER * best.length or now.reward > best.reward:
        return None
    return Cause(
        "length exploded",
        f"completions have {now.length:.0f} tokens {_over(now)}, after {best.length:.0f} {_over(best)}; "
        f"{now.cut.rate:.0%} are cut off, after {best.cut.rate:.0%}, and the reward did not rise",
        {"length": now.length, "before": best.length, "cut": now.cut.as_json(), "since": now.first},
        'loss = "dr_grpo"' if config.loss == "grpo" else _slower(config),
    )


def variety_is_lost(first: Window, best: Window, now: Window, config: GrpoSettings) -> Cause | None:
    """Groups are the same text over and over, though there is more to earn and the reward does not rise."""
    if now.entropy is None or first.entropy is None or now.entropy >= FADED * first.entropy:
        return None
    if now.alike.rate < ALIKE or now.reward >= FULL * now.most or now.reward > best.reward:
        return None
    return Cause(
        "entropy collapsed",
        f"it is {now.entropy:.2g} nats a token {_over(now)}, after {first.entropy:.2g} {_over(first)}, and "
        f"in {now.alike.hits} of {now.alike.tries} groups all completions are the same text",
        {"entropy": now.entropy, "before": first.entropy, "groups": now.alike.as_json(), "since": now.first},
        _wider(config),
    )


def _look(step: GrpoStep, most: float) -> Look:
    rolled = [rollout for group in step.groups for rollout in group]
    texts = [{rollout.completion.text for rollout in group} for group in step.groups]
    return Look(
        step=step.step,
        reward=step.reward,
        completions=len(rolled),
        cut=sum(not rollout.completion.finished for rollout in rolled),
        tokens=sum(len(rollout.completion.tokens) for rollout in rolled),
        groups=len(step.groups),
        alike=sum(len(each) == 1 for each in texts),
        entropy=step.entropy,
        most=most,
    )


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _slower(config: GrpoSettings) -> str:
    return f"lr = {config.lr / SLOWER:g}"


def _wider(config: GrpoSettings) -> str:
    """Return what keeps a run trying: a clip can only hold a token back where ratios are not 1."""
    if config.temperature < 1:
        return "temperature = 1.0"
    is_held = config.updates_per_batch > 1 or config.sync_every != 1
    is_narrow = (config.clip if config.clip_high is None else config.clip_high) < CLIP_HIGH
    return f"clip_high = {CLIP_HIGH}" if is_held and is_narrow else _slower(config)


def _over(window: Window) -> str:
    return f"over steps {window.first} to {window.last}"


def _window(kept: JSON) -> Window | None:
    return None if kept is None else Window.of_json(cast("dict[str, JSON]", kept))


def _rate(kept: JSON) -> Rate:
    counted = cast("dict[str, int]", kept)
    return Rate(counted["hits"], counted["tries"])
