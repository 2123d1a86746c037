"""Answers of a model, judged again from the `predictions.jsonl` of `adhere eval`, and what they add up to."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adhere.data.store import Dataset
from adhere.measure.paired import Difference, paired_difference
from adhere.measure.row import Row, row
from adhere.measure.statistics import Floats, Mean, Rate, resampled_sums
from adhere.records import Example
from adhere.reward.match import Match, total
from adhere.reward.verdict import NoOutput, Verdict, judge
from adhere.schema import Schema


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one example."""

    example: Example
    schema: Schema
    verdict: Verdict
    row: Row


def answers(predictions: Path, dataset: Dataset, *, asked: Dataset | None = None) -> tuple[Answer, ...]:
    """Judge what a model answered.

    Args:
        predictions: The file that `adhere eval` wrote of `dataset`.
        dataset: What the model was asked.
        asked: What it should have been asked, of which `dataset` is the part that its context takes. An
            example that was left out is one without an answer. `None` for `dataset` alone.
    """
    with predictions.open(encoding="utf-8") as lines:
        written = {line["id"]: line for line in map(json.loads, lines)}
    all_of_it = dataset if asked is None else asked
    return tuple(
        _judged(example, all_of_it.schemas[example.schema], written.get(example.id))
        for example in all_of_it.examples
    )


def _judged(example: Example, schema: Schema, line: dict[str, object] | None) -> Answer:
    verdict = NoOutput("") if line is None else judge(str(line["completion"]), schema)
    tokens = 0 if line is None else int(str(line["tokens"]))
    return Answer(example, schema, verdict, row(verdict, example, schema, tokens=tokens))


def valid(given: Sequence[Answer]) -> Rate:
    """Return how many answers obey their schema."""
    return Rate(sum(answer.row.obeys for answer in given), len(given))


def exact(given: Sequence[Answer]) -> Rate:
    """Return how many answers equal the right one."""
    return Rate(sum(answer.row.exact is True for answer in given), len(given))


def leaf_f1(given: Sequence[Answer], *, seed: int = 0) -> Mean:
    """Return F1 over the leaves of all rows together; its interval is the bootstrap's over rows.

    Raises:
        EvaluationError: There is no leaf.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.
    """
    low, high = np.percentile(_drawn_f1(_counts(given), seed=seed), [2.5, 97.5])
    return Mean(mean=_all_leaves(given).f1, low=float(low), high=float(high), n=len(given))


def gained_f1(after: Sequence[Answer], before: Sequence[Answer], *, seed: int = 0) -> Mean:
    """Return by how much F1 over all leaves is higher, on the same rows.

    Every resample draws the same rows of both.
    """
    gaps = _drawn_f1(_counts(after), seed=seed) - _drawn_f1(_counts(before), seed=seed)
    low, high = np.percentile(gaps, [2.5, 97.5])
    difference = _all_leaves(after).f1 - _all_leaves(before).f1
    return Mean(mean=difference, low=float(low), high=float(high), n=len(after))


def gained_exact(after: Sequence[Answer], before: Sequence[Answer]) -> Difference:
    """Return by how much more answers are exactly right, on the same rows."""
    return paired_difference(*([float(each.row.exact is True) for each in side] for side in (after, before)))


def gained_valid(after: Sequence[Answer], before: Sequence[Answer]) -> Difference:
    """Return by how much more answers obey their schema, on the same rows."""
    return paired_difference(*([float(each.row.obeys) for each in side] for side in (after, before)))


def beyond_twice(after: Sequence[Answer], before: Sequence[Answer]) -> Mean:
    """Return by how much the share of exact answers exceeds twice what it was, on the same rows."""
    pairs = zip(after, before, strict=True)
    return Mean.of([(one.row.exact is True) - 2.0 * (other.row.exact is True) for one, other in pairs])


def _all_leaves(given: Iterable[Answer]) -> Match:
    return total(fates for answer in given for fates in answer.row.leaves.values())


def _counts(given: Sequence[Answer]) -> Floats:
    """Return twice the right leaves of each row, and the leaves of its answer and of its gold together."""
    rows = [total(answer.row.leaves.values()) for answer in given]
    return np.array(
        [(2 * row.right, 2 * row.right + 2 * row.wrong + row.missing + row.invented) for row in rows],
        dtype=np.float64,
    )


def _drawn_f1(counts: Floats, *, seed: int) -> Floats:
    """Return F1 on resamples of the rows, which are the same for all counts of as many rows."""
    sums = resampled_sums(counts, seed=seed)
    return sums[:, 0] / sums[:, 1]
