"""Whether a run would learn, and why not: the diagnosis of groups of completions."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import Literal, TypeAlias, cast

from adhere.config import Form, GrpoSettings
from adhere.measure.statistics import Rate
from adhere.records import JSON
from adhere.reward.verdict import outcome
from adhere.train.causes import MOST, Cause, Seen, causes
from adhere.train.facts import Facts
from adhere.train.trial import Group, Trial, fault

Health: TypeAlias = Literal[
    "ready", "weak", "no signal", "already solved", "cannot start", "gets worse", "diverged"
]
"""ready: groups differ within, so there is something to learn from. weak: few do. no signal: hardly any does.
already solved: hardly any does, because they earn full marks. cannot start: the run would be refused. Of a
run that goes on too: gets worse: it loses what it had. diverged: its loss or gradient is not finite."""

NO_SIGNAL = 0.05
"""Share of informative groups below which a run does not learn: at 8 prompts a step, most move nothing."""
WEAK = 0.25
"""Share below which it learns slowly: three of four completions are sampled in vain."""
SHOWN = 3
"""Faults of which one completion is shown."""
HEAD, TAIL = 60, 40
"""Characters shown of a completion: how it begins, and where it stops."""

LEARNS: frozenset[Health] = frozenset({"ready", "weak"})
"""Verdicts on a run that would learn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The diagnosis of a run."""

    verdict: Health
    causes: tuple[Cause, ...]
    """What stands in its way, the root cause first."""
    informative: Rate | None = None
    """Groups whose completions do not all earn the same; `None` where nothing was sampled."""
    numbers: Mapping[str, JSON]
    """What else was measured, as `docs/doctor.md` lists it."""

    @property
    def line(self) -> str:
        """The verdict, its evidence, the root cause and what to change, in one clause."""
        share = "" if self.informative is None else f" ({_interval(self.informative)} groups teach anything)"
        first = next(iter(self.causes), None)
        because = "" if first is None else f"; {first.name}: {first.why}. Change: {first.fix}"
        return f"{self.verdict}{share}{because}"

    def as_json(self) -> dict[str, JSON]:
        """Spell the report as one object."""
        return {
            "verdict": self.verdict,
            "causes": [cause.as_json() for cause in self.causes],
            "groups": 0 if self.informative is None else self.informative.tries,
            "informative": None if self.informative is None else self.informative.as_json(),
            **self.numbers,
        }

    @classmethod
    def of_json(cls, kept: Mapping[str, JSON]) -> "Report":
        """Read what `as_json` wrote."""
        known = ("verdict", "causes", "groups", "informative")
        rate = cast("dict[str, int] | None", kept["informative"])
        return cls(
            verdict=cast("Health", kept["verdict"]),
            causes=tuple(map(Cause.of_json, cast("list[dict[str, JSON]]", kept["causes"]))),
            informative=None if rate is None else Rate(rate["hits"], rate["tries"]),
            numbers={name: value for name, value in kept.items() if name not in known},
        )


def diagnose(groups: Sequence[Group], config: GrpoSettings, facts: Facts) -> Report:
    """Say whether a run would learn from groups like these, and why not.

    Pure: the same groups, settings and facts give the same report.

    Args:
        groups: At least one; each holds the completions of one prompt.
        config: The settings under which they were sampled.
        facts: What else is known.
    """
    seen = Seen(groups, config, facts)
    verdict = _verdict(seen)
    return Report(
        verdict=verdict,
        causes=tuple(causes(seen, learns=verdict == "ready")),
        informative=seen.informative,
        numbers=_numbers(seen),
    )


def _verdict(seen: Seen) -> Health:
    share = seen.informative.rate
    if share < WEAK and seen.solved.rate >= MOST:
        return "already solved"
    if share < NO_SIGNAL:
        return "no signal"
    return "weak" if share < WEAK else "ready"


def _numbers(seen: Seen) -> dict[str, JSON]:
    trials = seen.trials
    outcomes = Counter(outcome(trial.verdict) for trial in trials)
    rewards = [[trial.reward for trial in group] for group in seen.groups]
    lengths = [trial.tokens for trial in trials if trial.tokens is not None]
    return {
        "completions": len(trials),
        "reward": {
            "average": fmean(trial.reward for trial in trials),
            "spread_within_groups": fmean(map(pstdev, rewards)),
            "spread_between_groups": pstdev(map(fmean, rewards)),
        },
        "outcomes": {name: Rate(count, len(trials)).as_json() for name, count in sorted(outcomes.items())},
        "faults": dict(_faults(trials, seen.config.form).most_common()),
        "length": fmean(lengths) if lengths else None,
        "finished": seen.share(lambda trial: trial.finished).as_json(),
        "distinct": fmean(len({trial.text for trial in group}) / len(group) for group in seen.groups),
        "samples": _samples(trials, seen.config.form),
    }


def _faults(trials: Sequence[Trial], form: Form) -> Counter[str]:
    return Counter(name for trial in trials if (name := fault(trial, form)) is not None)


def _samples(trials: Sequence[Trial], form: Form) -> list[JSON]:
    """Show one completion of each of the commonest faults, or else the one that earned least."""
    worst = min(trials, key=lambda trial: trial.reward)
    shown = [
        (name, next(trial for trial in trials if fault(trial, form) == name))
        for name, _ in _faults(trials, form).most_common(SHOWN)
    ] or [("least rewarded", worst)]
    return [
        {"fault": name, "reward": trial.reward, "completion": _shortened(trial.text)} for name, trial in shown
    ]


def _shortened(text: str) -> str:
    return text if len(text) <= HEAD + TAIL else f"{text[:HEAD]} … {text[-TAIL:]}"


def _interval(rate: Rate) -> str:
    return f"{rate.hits} of {rate.tries} [{rate.low:.0%}, {rate.high:.0%}]"
