"""How evaluations differ on the same rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from adhere.errors import EvaluationError
from adhere.measure.metrics import Row
from adhere.measure.statistics import Difference, holm, paired_difference
from adhere.records import JSON

_VALUES: Mapping[str, Callable[[Row], float | None]] = {
    "schema_valid": lambda row: float(row.obeys),
    "exact": lambda row: None if row.exact is None else float(row.exact),
    "match_all": lambda row: row.match_share,
    "valid_json": lambda row: float(row.parses),
    "no_output": lambda row: float(row.outcome == "no_output"),
    "noise": lambda row: row.noise,
}
"""What each metric is the mean of; not `match_parsed`, as its rows differ from one evaluation to another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """By how much one evaluation exceeds the first in one metric."""

    metric: str
    evaluation: str
    baseline: str
    difference: Difference
    p_holm: float
    """The p value, adjusted for all comparisons that were made together."""

    def as_json(self) -> dict[str, JSON]:
        """Spell the comparison flat."""
        named: dict[str, JSON] = {
            "metric": self.metric,
            "evaluation": self.evaluation,
            "baseline": self.baseline,
        }
        return named | self.difference.as_json() | {"p_holm": self.p_holm}


def comparisons(evaluations: Mapping[str, Sequence[Row]], *, seed: int = 0) -> tuple[Comparison, ...]:
    """Compare every evaluation with the first, metric by metric, on the rows that both can be measured on.

    Pure: the same rows and seed give the same numbers.

    Args:
        evaluations: By name, the baseline first; all on the same examples in the same order.
        seed: Of bootstrap and permutations.

    Raises:
        EvaluationError: The examples are not the same.
    """
    (baseline, first), *others = evaluations.items()
    found: list[tuple[str, str, Difference]] = []
    for name, rows in others:
        _refuse_other_rows(name, rows, first)
        for metric, value in _VALUES.items():
            pairs = [(value(after), value(before)) for after, before in zip(rows, first, strict=True)]
            both = [(after, before) for after, before in pairs if after is not None and before is not None]
            if both:
                after, before = zip(*both, strict=True)
                found.append((name, metric, paired_difference(after, before, seed=seed)))
    adjusted = holm([difference.p for _, _, difference in found])
    return tuple(
        Comparison(metric=metric, evaluation=name, baseline=baseline, difference=difference, p_holm=p)
        for (name, metric, difference), p in zip(found, adjusted, strict=True)
    )


def _refuse_other_rows(name: str, rows: Sequence[Row], first: Sequence[Row]) -> None:
    if [row.example_id for row in rows] != [row.example_id for row in first]:
        raise EvaluationError.at(
            "comparison",
            name,
            "its examples are not those of the first evaluation, in the same order",
            fix="Evaluate both on the same data directory",
        )
