"""Stages of a run, from easy examples to hard ones: which examples each has, and when the next begins.

A run without a curriculum is a run of one stage, `EVERYTHING`.
"""

import math
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Literal, TypeAlias, cast

from adhere.data.difficulty import Difficulty, difficulty
from adhere.errors import ConfigError, perhaps
from adhere.records import JSON, Example
from adhere.text.numerals import is_number

Range: TypeAlias = tuple[int, float]
"""The least and the most, both included; the most may be infinite."""
Measure: TypeAlias = Literal["reward", "loss"]
"""What a run is judged by: `adhere grpo` by its mean reward, `adhere sft` by its mean loss."""
Ending: TypeAlias = Literal["reward", "loss", "most"]
"""Why a stage ended: it was learned, or it had its most steps."""
Batches: TypeAlias = Callable[[Sequence[Example], int], Iterator[list[Example]]]
"""Yields the batches of a stage without end, from its examples and its number."""

RANGES = tuple(field.name for field in fields(Difficulty))
"""What a stage may ask of its examples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Examples of a like difficulty, and when they have taught enough."""

    name: str
    leaves: Range | None = None
    depth: Range | None = None
    arrays: Range | None = None
    distractors: Range | None = None
    characters: Range | None = None
    reward: float | None = None
    """Mean reward of the last steps from which `adhere grpo` goes on."""
    loss: float | None = None
    """Mean loss of the last updates, in nats, down to which `adhere sft` goes on."""
    window: int = 10
    """How many the last ones are."""
    least: int = 1
    """Steps of the stage before it can end."""
    most: int | None = None
    """Steps after which it ends in any case."""

    @property
    def ranges(self) -> Mapping[str, Range]:
        """What it asks of its examples, by the name of the measure."""
        asked = {name: getattr(self, name) for name in RANGES}
        return {name: span for name, span in asked.items() if span is not None}

    def fits(self, measured: Difficulty) -> bool:
        """Whether an example of this difficulty belongs to it."""
        return all(low <= getattr(measured, name) <= high for name, (low, high) in self.ranges.items())


@dataclass(frozen=True, slots=True)
class Place:
    """How far a run is: with the curriculum and the examples, all that one that goes on needs to know."""

    stage: int = 0
    """Counted from 0."""
    steps: int = 0
    """Those that were made in it."""
    recent: tuple[float, ...] = ()
    """Reward or loss of the last of them, as many as its window holds."""
    drawn: int = 0
    """Batches that were taken in it; a step may take several."""


START = Place()


@dataclass(frozen=True, slots=True)
class Curriculum:
    """Stages in the order in which a run goes through them; the last one has no end."""

    stages: tuple[Stage, ...]
    file: str = "curriculum"
    """Where they are written down."""

    def pools(self, examples: Sequence[Example]) -> tuple[tuple[Example, ...], ...]:
        """Return the examples of each stage; one may belong to several, and to none.

        Raises:
            ConfigError: No example fits a stage.
        """
        if not any(stage.ranges for stage in self.stages):
            return (tuple(examples),) * len(self.stages)
        measured = [(example, difficulty(example)) for example in examples]
        pools = tuple(
            tuple(example for example, hard in measured if stage.fits(hard)) for stage in self.stages
        )
        for number, (stage, pool) in enumerate(zip(self.stages, pools, strict=True), 1):
            if not pool:
                found = _found([hard for _, hard in measured], stage.ranges)
                why = f"no example fits it; they have {found}"
                fix = "Widen its ranges, or bring examples of that kind"
                raise ConfigError.at(f"{self.file} stage {number}", stage.name, why, fix=fix)
        return pools

    def ending(self, place: Place, *, by: Measure) -> Ending | None:
        """Say why the stage of a place ends there; `None` where it goes on."""
        stage = self.stages[place.stage]
        if place.stage + 1 == len(self.stages) or place.steps < stage.least:
            return None
        asked = stage.reward if by == "reward" else stage.loss
        if asked is not None and len(place.recent) == stage.window:
            mean = fmean(place.recent)
            if mean >= asked if by == "reward" else mean <= asked:
                return by
        return "most" if stage.most is not None and place.steps >= stage.most else None

    def is_learned(self, stage: int, reward: float) -> bool:
        """Whether a reward suffices for the stage of this number, from 1; never for the last."""
        asked = self.stages[stage - 1].reward
        return stage < len(self.stages) and asked is not None and reward >= asked

    def noted(self, place: Place, achieved: float) -> Place:
        """Return a place after a step more in its stage, of this reward or loss."""
        window = self.stages[place.stage].window
        recent = (*place.recent, achieved)[-window:]
        return replace(place, steps=place.steps + 1, recent=recent)

    def after(self, place: Place, achieved: float, *, by: Measure) -> Place:
        """Return where a run is after a step more: in the same stage, or at the start of the next.

        Pure: the stages of a run follow from what its steps achieved.
        """
        here = self.noted(place, achieved)
        return here if self.ending(here, by=by) is None else Place(place.stage + 1)


def _found(measured: Sequence[Difficulty], names: Iterable[str]) -> str:
    """Say from what to what examples have each measure."""
    having = {name: [getattr(each, name) for each in measured] for name in names}
    return ", ".join(f"{min(counts)} to {max(counts)} {name}" for name, counts in having.items())


EVERYTHING = Curriculum((Stage(name="everything"),))
"""All examples, from the first step to the last."""


class Course:
    """A run's way through a curriculum: which examples come next."""

    def __init__(
        self,
        curriculum: Curriculum,
        examples: Sequence[Example],
        batches: Batches,
        *,
        by: Measure,
        place: Place = START,
    ) -> None:
        """Stand at a place.

        Raises:
            ConfigError: No example fits a stage.
        """
        self._curriculum, self._batches = curriculum, batches
        self._by: Measure = by
        self._pools = curriculum.pools(examples)
        self.place = place
        self._coming = islice(self._of_stage(), place.drawn, None)

    @property
    def stage(self) -> int:
        """The number of the stage, from 1."""
        return self.place.stage + 1

    @property
    def pool(self) -> Sequence[Example]:
        """The examples of the stage."""
        return self._pools[self.place.stage]

    def batch(self) -> list[Example]:
        """Return the next examples."""
        self.place = replace(self.place, drawn=self.place.drawn + 1)
        return next(self._coming)

    def achieved(self, value: float) -> None:
        """Take note of a step's reward or loss; go on to the next stage where it was enough."""
        stood = self.place
        self.place = self._curriculum.after(stood, value, by=self._by)
        if self.place.stage != stood.stage:
            self._coming = self._of_stage()

    def _of_stage(self) -> Iterator[list[Example]]:
        return self._batches(self.pool, self.place.stage)


def load(file: Path | None, examples: Sequence[Example], *, by: Measure) -> Curriculum:
    """Read the curriculum of a run.

    Args:
        file: TOML, as `docs/curriculum.md` defines it; without one, every example from the first step on.
        examples: The run's.
        by: What the run is judged by: every stage but the last must say when it ends by that, or have `most`.

    Raises:
        ConfigError: The file cannot be read, no example fits a stage, or a stage is not one, by its number
            and key.
    """
    if file is None:
        return EVERYTHING
    curriculum = _read(file)
    for number, stage in enumerate(curriculum.stages[:-1], 1):
        _refuse_endless(stage, f"{file} stage {number}", by)
    curriculum.pools(examples)
    return curriculum


def _read(file: Path) -> Curriculum:
    try:
        settings = cast("dict[str, JSON]", tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as fault:
        why = f"it cannot be read ({fault.strerror})" if isinstance(fault, OSError) else str(fault)
        raise ConfigError.at("curriculum", str(file), why, fix="Name a TOML file") from fault
    tables = settings.get("stage")
    if set(settings) != {"stage"} or not isinstance(tables, list) or not tables:
        why = "a curriculum is a list of stages, and nothing else"
        raise ConfigError.at(str(file), ", ".join(settings), why, fix="Begin each stage with [[stage]]")
    stages = tuple(_stage(table, f"{file} stage {number}") for number, table in enumerate(tables, 1))
    return Curriculum(stages, str(file))


def passage(
    curriculum: Curriculum, examples: Sequence[Example], achieved: Sequence[float], *, by: Measure
) -> dict[str, JSON]:
    """Return what a run's summary says of its curriculum.

    Args:
        curriculum: The run's.
        examples: The run's.
        achieved: Reward or loss of its steps, in order.
        by: Which of the two.
    """
    place = START
    steps, ended = [0] * len(curriculum.stages), [cast("JSON", None)] * len(curriculum.stages)
    for value in achieved:
        here = curriculum.noted(place, value)
        steps[here.stage], ended[here.stage] = here.steps, curriculum.ending(here, by=by)
        place = curriculum.after(place, value, by=by)
    pools = curriculum.pools(examples)
    met = {example.id for pool in pools for example in pool}
    return {
        "stages": [
            {"name": stage.name, "examples": len(pool), "steps": made, "ended": why}
            for stage, pool, made, why in zip(curriculum.stages, pools, steps, ended, strict=True)
        ],
        "examples_of_no_stage": len(examples) - len(met),
    }


def _stage(table: JSON, where: str) -> Stage:
    """Read one table."""
    if not isinstance(table, dict):
        raise ConfigError.at(where, table, "a stage is a table", fix="Begin each stage with [[stage]]")
    for key in table:
        if key not in _KEYS:
            why = f"a stage has no such key{perhaps(key, _KEYS)}"
            raise ConfigError.at(f"{where} {key}", table[key], why, fix=f"Use {', '.join(_KEYS)}")
    read: dict[str, object] = {
        key: _range(value, f"{where} {key}") if key in RANGES else value for key, value in table.items()
    }
    for key, (is_right, needs) in _NEEDS.items():
        if key in read and not is_right(table[key]):
            raise ConfigError.at(f"{where} {key}", table[key], f"it is not {needs}", fix=f"Give it {needs}")
    if "name" not in read:
        raise ConfigError.at(f"{where} name", None, "the stage has none", fix="Give it one, to be told by")
    # Keys and kinds are checked above.
    stage = Stage(**cast("dict[str, str]", read))  # type: ignore[arg-type]
    _refuse_out_of_reach(stage, where)
    return stage


def _range(given: JSON, where: str) -> Range:
    is_range = isinstance(given, list) and not any(isinstance(end, bool) for end in given)
    match given:
        case [int(low), int() | math.inf as high] if is_range and 0 <= low <= high:
            return low, high
        case _:
            why = "a range is its least and its most, whole numbers from 0 on"
            raise ConfigError.at(where, given, why, fix="Write [1, 3], or [10, inf] for 10 or more")


def _refuse_out_of_reach(stage: Stage, where: str) -> None:
    """Refuse an end that comes before it can be asked for."""
    if stage.most is None:
        return
    for key, steps in (("least", stage.least), ("window", stage.window)):
        is_asked = key == "least" or stage.reward is not None or stage.loss is not None
        if is_asked and steps > stage.most:
            why = f"the stage ends after {stage.most} steps in any case"
            raise ConfigError.at(f"{where} {key}", steps, why, fix=f"Use {stage.most} or less, or raise most")


def _refuse_endless(stage: Stage, where: str, by: Measure) -> None:
    """Refuse a stage that none can follow."""
    if stage.most is None and (stage.reward if by == "reward" else stage.loss) is None:
        why = f"it has neither {by} nor most, so it would never end and the next one never begin"
        raise ConfigError.at(where, stage.name, why, fix=f"Give it {by}, most, or both")


def _is_count(given: JSON) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and given >= 1


_NEEDS: Mapping[str, tuple[Callable[[JSON], bool], str]] = {
    "name": (lambda given: isinstance(given, str) and bool(given.strip()), "a text"),
    "reward": (lambda given: is_number(given) and math.isfinite(given), "a number"),
    "loss": (lambda given: is_number(given) and 0 < given < math.inf, "a number above 0, in nats"),
    "window": (_is_count, "a whole number from 1 on"),
    "least": (_is_count, "a whole number from 1 on"),
    "most": (_is_count, "a whole number from 1 on"),
}
"""What each key but the ranges must hold."""
_KEYS = (*("name", *RANGES), "reward", "loss", "window", "least", "most")
