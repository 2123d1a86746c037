"""What one answer adds to each rate and mean of an evaluation."""

from collections.abc import Callable, Mapping

from adhere.measure.row import Row

VALUES: Mapping[str, Callable[[Row], float | None]] = {
    "schema_valid": lambda row: float(row.obeys),
    "exact": lambda row: None if row.exact is None else float(row.exact),
    "match_all": lambda row: row.match_share,
    "f1": lambda row: row.f1,
    "match_parsed": lambda row: row.match_share if row.parses else None,
    "noise": lambda row: row.noise,
    "valid_json": lambda row: float(row.parses),
    "no_output": lambda row: float(row.outcome == "no_output"),
}
"""By metric, the value of a row, in [0, 1]; `None` where the row is none of those that the metric is over.

The mean of the values of all rows that have one is the metric's rate or mean.
"""
WITHOUT_TARGET = frozenset({"schema_valid", "valid_json", "no_output"})
"""Metrics that are over all rows; the others are over rows with a target."""


def values(row: Row) -> dict[str, float]:
    """Return the values of a row, by metric, of the metrics that it counts for."""
    found = ((metric, value(row)) for metric, value in VALUES.items())
    return {metric: value for metric, value in found if value is not None}
