"""The values of rows add up to the metrics of an evaluation."""

import math
from statistics import fmean

import pytest

from adhere.measure import metrics, per_row
from adhere.measure.prediction import judged
from adhere.measure.row import Row
from adhere.records import Example
from adhere.schema import Schema

ANSWERS = (
    '{"item":"mug","count":2}',
    '{"item":"mug","count":"2"}',
    '{"item":"mug"}',
    '{"item":"mug"',
    "none",
    "",
)


@pytest.fixture(scope="module")
def rows(order: Schema) -> list[Row]:
    """One row for each thing that may become of an answer."""
    example = Example(id="mugs", text="two mugs", schema="order", target={"item": "mug", "count": 2})
    return [judged(answer, example, order, tokens=2).row for answer in ANSWERS]


def test_the_mean_of_the_values_is_the_metric(rows: list[Row]) -> None:
    summary = metrics.summary(rows).as_json()
    for metric, value in per_row.VALUES.items():
        counted = [each for each in map(value, rows) if each is not None]
        number = summary[metric]
        assert isinstance(number, dict)
        measured, over = number.get("rate", number.get("mean")), number.get("tries", number.get("n"))
        assert over == len(counted), metric
        assert isinstance(measured, float)
        assert math.isclose(measured, fmean(counted), rel_tol=1e-12), metric


def test_a_row_has_no_value_in_a_metric_that_it_is_not_counted_for(rows: list[Row]) -> None:
    *_, empty = map(per_row.values, rows)
    assert "noise" not in empty  # no characters
    assert "match_parsed" not in empty  # nothing parsed
    assert (empty["match_all"], empty["no_output"], empty["exact"]) == (0.0, 1.0, 0.0)


def test_a_row_without_a_target_counts_for_what_needs_none(order: Schema) -> None:
    row = judged('{"item":"mug","count":2}', Example(id="a", text="t", schema="order"), order, tokens=2).row
    assert per_row.values(row).keys() == per_row.WITHOUT_TARGET
