"""How metrics are named and spelled for people, in tables, sentences and figures."""

from collections.abc import Mapping
from dataclasses import dataclass

from adhere.records import JSON

LABELS: Mapping[str, str] = {
    "schema_valid": "Obeys the schema",
    "exact": "Exactly right",
    "match_all": "Leaves right",
    "match_parsed": "Leaves right, where it parses",
    "f1": "Leaves, F1",
    "valid_json": "Is JSON",
    "no_output": "No output",
    "noise": "Noise",
}
"""Metrics that are shares, in the order in which they are shown."""

LESS_IS_BETTER = frozenset({"no_output", "noise"})

_BLANK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Shown:
    """A share with its evidence, as a summary spells it."""

    value: float
    low: float
    high: float
    n: int

    @property
    def percent(self) -> str:
        """The share, as `12.3 %`."""
        return percent(self.value)

    @property
    def interval(self) -> str:
        """Ends of the 95 % interval, in percent, as `8.1 to 17.0`; the blanks do not break."""
        return f"{100 * self.low:.1f}{_BLANK}to{_BLANK}{100 * self.high:.1f}"


def shown(number: JSON) -> Shown | None:
    """Read a rate or a mean of a summary; `None` where it is absent or over no rows."""
    match number:
        case {"rate": float(value), "low": float(low), "high": float(high), "tries": int(n)}:
            return Shown(value, low, high, n)
        case {"mean": float(value), "low": float(low), "high": float(high), "n": int(n)}:
            return Shown(value, low, high, n)
        case _:
            return None


def bracketed(number: JSON) -> str:
    """Spell a rate or a mean of a summary as `12.3 % [8.1 to 17.0]`; a dash where it is none."""
    measured = shown(number)
    return "–" if measured is None else f"{measured.percent} [{measured.interval}]"


def percent(share: float) -> str:
    """Spell a share, in [0, 1], as `12.3 %`; the blank does not break."""
    return f"{100 * share:.1f}{_BLANK}%"


def points(difference: float) -> str:
    """Spell a difference of shares in percentage points, always with its sign: `+12.3`, `−4.0`."""
    return f"{100 * difference:+.1f}".replace("-", "\N{MINUS SIGN}")


def probability(p: float) -> str:
    """Spell a p value with as many digits as it supports."""
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"
