"""What a measured model must reach: the settings of `--fail-under`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from adhere.config.ranges import within
from adhere.errors import ConfigError, perhaps

COMPARED = ("schema_valid", "exact", "match_all", "f1", "noise", "valid_json", "no_output")
"""Metrics that every row has alike in all evaluations, in the order in which they are compared."""
FLOORED = ("valid_json", "schema_valid", "exact", "match_all", "match_parsed", "f1")
"""Metrics of an evaluation that `fail_under` may name: those where more is better."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What `fail_under` asks for, by metric."""

    floors: Mapping[str, float]
    """Least values, in [0, 1]."""
    gains: Mapping[str, float]
    """Least differences from another evaluation, in [-1, 1]."""


def bounds(fail_under: Iterable[str], where: str) -> Bounds:
    """Read `metric=0.98` as a floor and `metric=+0.02` or `metric=-0.01` as a gain; commas may separate them.

    Raises:
        ConfigError: One is not of that form, names no metric of `FLOORED`, or is out of range.
    """
    floor_of: dict[str, float] = {}
    gain_of: dict[str, float] = {}
    for setting in (each.strip() for given in fail_under for each in given.split(",")):
        metric, _, number = setting.partition("=")
        refuse_unknown(where, setting, metric, FLOORED)
        try:
            value = float(number)
        except ValueError as fault:
            why = f"{number!r} is not a number"
            raise ConfigError.at(where, setting, why, fix=f"Write {metric}=0.95") from fault
        is_gain = number.startswith(("+", "-"))
        within(where, value, -1 if is_gain else 0, 1, f"{metric} is a share")
        (gain_of if is_gain else floor_of)[metric] = value
    return Bounds(floor_of, gain_of)


def floors(fail_under: Iterable[str]) -> Mapping[str, float]:
    """Read `metric=floor` settings of one evaluation as the least value of each metric, in [0, 1].

    Raises:
        ConfigError: `bounds` refuses one, or one is a gain.
    """
    read = bounds(fail_under, "eval.fail_under")
    for metric, gain in read.gains.items():
        why = "a number with a sign is a gain, and there is no other evaluation"
        fix = "Leave the sign out, or use adhere compare"
        raise ConfigError.at("eval.fail_under", f"{metric}={gain:+g}", why, fix=fix)
    return read.floors


def refuse_unknown(where: str, given: str, metric: str, known: Sequence[str]) -> None:
    """Refuse a metric that is not one of those known."""
    if metric not in known:
        why = "it names no metric that can be asked for here"
        raise ConfigError.at(where, given, f"{why}{perhaps(metric, known)}", fix=f"Use {', '.join(known)}")
