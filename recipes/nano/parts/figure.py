"""A measured number as the model card keeps it: value, interval, how many rows, and by what command."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self, TypeAlias, cast

from adhere.measure.paired import Difference
from adhere.measure.statistics import Mean, Rate
from adhere.records import JSON

Unit: TypeAlias = Literal["share", "error", "points", "seconds", "count"]
"""share, error: in [0, 1], of which more or less is better. points: a difference of shares, in [-1, 1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number of the card."""

    part: str
    """Such as `snips`."""
    case: str
    """What was measured, such as `sft, then grpo`."""
    metric: str
    value: float
    low: float | None
    """Lower end of the 95 % interval; `None` for what is no sample, such as seconds."""
    high: float | None
    n: int
    """Rows, or what else the number is a mean over."""
    command: str
    """What anyone can type to get the predictions that it rests on."""
    seconds: float
    """What that command took."""
    unit: Unit = "share"
    p: float | None = None
    """Of a difference, two-sided; `None` where only its interval is known."""
    aim: float | None = None
    """What the number is to reach; `None` where nothing is asked of it."""

    @classmethod
    def of(cls, spelled: JSON) -> Self:
        """Read what `as_json` spelled."""
        return cls(**cast("dict[str, Any]", spelled))

    @property
    def is_reached(self) -> bool | None:
        """Whether the aim is met; `None` without one. Seconds and errors are to stay below theirs."""
        if self.aim is None:
            return None
        return self.value <= self.aim if self.unit in {"seconds", "error"} else self.value >= self.aim

    def as_json(self) -> dict[str, JSON]:
        """Spell the figure flat."""
        return cast("dict[str, JSON]", asdict(self))


@dataclass(frozen=True, slots=True)
class Source:
    """Where figures come from."""

    part: str
    case: str
    command: str
    seconds: float

    def share(
        self, metric: str, number: Rate | Mean, *, unit: Unit = "share", aim: float | None = None
    ) -> Figure:
        """Say a rate, or a mean of shares."""
        value, n = (number.rate, number.tries) if isinstance(number, Rate) else (number.mean, number.n)
        return self._figure(metric, value, n, unit, aim, ends=(number.low, number.high))

    def gain(self, metric: str, gained: Difference | Mean, *, aim: float | None = None) -> Figure:
        """Say by how much a share is higher than another on the same rows."""
        value, p = (gained.difference, gained.p) if isinstance(gained, Difference) else (gained.mean, None)
        figure = self._figure(metric, value, gained.n, "points", aim, ends=(gained.low, gained.high))
        return replace(figure, p=p)

    def number(self, metric: str, value: float, unit: Unit, *, aim: float | None = None) -> Figure:
        """Say what is counted or timed, and is no sample."""
        return self._figure(metric, value, 1, unit, aim, ends=(None, None))

    def _figure(
        self,
        metric: str,
        value: float,
        n: int,
        unit: Unit,
        aim: float | None,
        *,
        ends: tuple[float | None, float | None],
    ) -> Figure:
        return Figure(
            part=self.part,
            case=self.case,
            metric=metric,
            value=value,
            low=ends[0],
            high=ends[1],
            n=n,
            command=self.command,
            seconds=round(self.seconds, 1),
            unit=unit,
            aim=aim,
        )
