"""How evaluations differ on the same rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from adhere.config import COMPARED
from adhere.errors import EvaluationError
from adhere.measure.paired import Difference, differences
from adhere.measure.per_row import VALUES
from adhere.measure.row import Row
from adhere.measure.share import share
from adhere.measure.statistics import Floats, Rate, Summed, Undefined, Units, holm, means
from adhere.records import JSON

_RATES = frozenset({"schema_valid", "exact", "valid_json", "no_output"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """By how much one evaluation exceeds another, its baseline, in one metric."""

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


def comparisons(
    evaluations: Mapping[str, Sequence[Row]],
    *,
    metrics: Sequence[str] = COMPARED,
    all_pairs: bool = False,
    unit_N: Units | None = None,
    detect: float | None = None,
    seed: int = 0,
) -> tuple[Comparison, ...]:
    """Compare evaluations metric by metric, on the rows that both of a pair can be measured on.

    Pure: the same arguments give the same numbers.

    Args:
        evaluations: By name, the baseline first; all on the same examples in the same order.
        metrics: Of `COMPARED`; one that no row has in both of a pair is left out.
        all_pairs: Compare each with every one before it, and not only with the first.
        unit_N: The cluster of each row; `None` where rows are independent.
        detect: The true difference that `rows_needed` is about; `None` for the one observed.
        seed: Of bootstrap and permutations.

    Raises:
        EvaluationError: The examples are not the same; or there is but one cluster.
    """
    for name, rows in evaluations.items():
        _refuse_other_rows(name, rows, next(iter(evaluations.values())))
    pairs = [
        (before, after)
        for before, after in combinations(evaluations, 2)
        if all_pairs or before == next(iter(evaluations))
    ]
    value_NM = {name: _values(rows, metrics) for name, rows in evaluations.items()}
    named: list[tuple[str, str, str]] = []
    gap_KN: list[Floats] = []
    for before, after in pairs:
        for metric, gap_N in zip(metrics, (value_NM[after] - value_NM[before]).T, strict=True):
            if not np.isnan(gap_N).all():
                named.append((metric, after, before))
                gap_KN.append(gap_N)
    if not gap_KN:
        return ()
    found = differences(np.stack(gap_KN, axis=1), unit_N, detect=detect, seed=seed)
    adjusted = holm([difference.p for difference in found])
    return tuple(
        Comparison(metric=metric, evaluation=after, baseline=before, difference=difference, p_holm=p)
        for (metric, after, before), difference, p in zip(named, found, adjusted, strict=True)
    )


def numbers(
    evaluations: Mapping[str, Sequence[Row]], *, unit_N: Units | None = None, seed: int = 0
) -> dict[str, dict[str, JSON]]:
    """Return the rates and means of each evaluation, with intervals that heed how rows go together.

    Pure. Where rows are independent they are those of `metrics.summary`, up to how resamples fall. A metric
    that needs a target is absent where no row has one.

    Args:
        evaluations: By name, all on the same examples in the same order.
        unit_N: The cluster of each row; `None` where rows are independent.
        seed: Of the bootstrap.
    """
    metrics = list(VALUES)
    spelled: dict[str, dict[str, JSON]] = {name: {} for name in evaluations}
    averaged: list[tuple[str, str]] = []
    value_KN: list[Floats] = []
    for name, rows in evaluations.items():
        has_targets = any(row.match_share is not None for row in rows)
        for metric, value_N in zip(metrics, _values(rows, metrics).T, strict=True):
            if not np.isnan(value_N).all():
                averaged.append((name, metric))
                value_KN.append(value_N)
            elif has_targets:
                spelled[name][metric] = Undefined().as_json()
    value_NK = np.stack(value_KN, axis=1)
    summed = Summed.of(value_NK, unit_N)
    for k, ((name, metric), mean) in enumerate(
        zip(averaged, means(value_NK, unit_N, seed=seed), strict=True)
    ):
        if metric not in _RATES:
            spelled[name][metric] = mean.as_json()
        elif summed.is_clustered:
            spelled[name][metric] = share(summed.sum_CK[:, k], summed.count_CK[:, k]).as_json()
        else:
            spelled[name][metric] = Rate(int(summed.sum_CK[:, k].sum()), mean.n).as_json()
    return spelled


def _values(rows: Sequence[Row], metrics: Sequence[str]) -> Floats:
    """Return the metrics of each row; NaN where a row has none."""
    return np.array([[VALUES[metric](row) for metric in metrics] for row in rows], dtype=np.float64)


def _refuse_other_rows(name: str, rows: Sequence[Row], first: Sequence[Row]) -> None:
    if [row.example_id for row in rows] != [row.example_id for row in first]:
        raise EvaluationError.at(
            "comparison",
            name,
            "its examples are not those of the first evaluation, in the same order",
            fix="Evaluate both on the same data directory",
        )
