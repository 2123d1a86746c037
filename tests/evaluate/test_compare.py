from collections.abc import Callable

import numpy as np
import pytest

from adhere.errors import EvaluationError
from adhere.evaluate.compare import Comparison, comparisons, numbers
from adhere.evaluate.evaluation import Evaluation
from adhere.measure.paired import Difference
from adhere.measure.row import Row
from adhere.records import Example

RIGHT = ['{"item": "mug", "count": 2}', '{"item": "pot", "count": 1}']
HALF_RIGHT = ['{"item": "mug", "count": 3}', '{"item": "pot", "count": 1}']
NOTHING = ["", "no idea"]


def rows(evaluation: Evaluation) -> list[Row]:
    return [prediction.row for prediction in evaluation.predictions]


@pytest.fixture
def of(examples: list[Example], evaluated: Callable[..., Evaluation]) -> Callable[[list[str]], list[Row]]:
    return lambda answers: rows(evaluated(examples, answers))


def by_metric(made: tuple[Comparison, ...], evaluation: str) -> dict[str, Comparison]:
    return {each.metric: each for each in made if each.evaluation == evaluation}


def test_a_difference_is_the_later_evaluation_minus_the_first(of: Callable[[list[str]], list[Row]]) -> None:
    found = by_metric(comparisons({"before": of(HALF_RIGHT), "after": of(RIGHT)}), "after")
    # Exactly right: 1 of 2 before and 2 of 2 after; leaves right: (1/2 + 2/2) / 2 before and all after.
    assert found["exact"].difference.difference == 0.5
    assert found["match_all"].difference.difference == 0.25
    assert found["schema_valid"].difference.difference == 0.0
    assert found["exact"].baseline == "before"


def test_less_output_is_a_negative_difference(of: Callable[[list[str]], list[Row]]) -> None:
    found = by_metric(comparisons({"before": of(NOTHING), "after": of(RIGHT)}), "after")
    assert found["no_output"].difference.difference == -1.0
    assert found["valid_json"].difference.difference == 1.0


def test_noise_is_compared_on_rows_that_have_it_in_both(of: Callable[[list[str]], list[Row]]) -> None:
    found = by_metric(comparisons({"before": of(NOTHING), "after": of(RIGHT)}), "after")
    # An empty answer has no noise: of two rows, one is left.
    assert (found["noise"].difference.n, found["exact"].difference.n) == (1, 2)


def test_without_targets_only_the_form_is_compared(evaluated: Callable[..., Evaluation]) -> None:
    unlabelled = [Example(id="mugs", text="two mugs", schema="order")]
    one = rows(evaluated(unlabelled, RIGHT[:1]))
    assert {each.metric for each in comparisons({"a": one, "b": one})} == {
        "schema_valid",
        "valid_json",
        "no_output",
    }


def test_every_evaluation_is_compared_with_the_first_and_all_p_values_are_adjusted_together(
    of: Callable[[list[str]], list[Row]],
) -> None:
    made = comparisons({"a": of(NOTHING), "b": of(HALF_RIGHT), "c": of(RIGHT)})
    assert {(each.evaluation, each.baseline) for each in made} == {("b", "a"), ("c", "a")}
    # Two evaluations and seven metrics: the smallest of fourteen p values is multiplied by fourteen.
    smallest = min(made, key=lambda each: each.difference.p)
    assert smallest.p_holm == min(1.0, 14 * smallest.difference.p)


def test_every_two_can_be_compared_each_with_those_before_it(of: Callable[[list[str]], list[Row]]) -> None:
    evaluations = {"a": of(NOTHING), "b": of(HALF_RIGHT), "c": of(RIGHT)}
    made = comparisons(evaluations, all_pairs=True)
    assert list(dict.fromkeys((each.evaluation, each.baseline) for each in made)) == [
        ("b", "a"),
        ("c", "a"),
        ("c", "b"),
    ]
    assert len(made) == 21
    (exact,) = [each for each in made if (each.metric, each.evaluation, each.baseline) == ("exact", "c", "b")]
    assert exact.difference.difference == 0.5


def test_fewer_metrics_leave_each_more_power(of: Callable[[list[str]], list[Row]]) -> None:
    (made,) = comparisons({"a": of(NOTHING), "b": of(RIGHT)}, metrics=("exact",))
    assert made.p_holm == made.difference.p


def test_a_metric_that_no_row_has_in_both_is_left_out(of: Callable[[list[str]], list[Row]]) -> None:
    # Empty answers have no noise.
    assert comparisons({"a": of(["", ""]), "b": of(RIGHT)}, metrics=("noise",)) == ()


def test_rows_that_go_together_are_compared_as_one(of: Callable[[list[str]], list[Row]]) -> None:
    with pytest.raises(EvaluationError, match="all rows go together"):
        comparisons({"a": of(NOTHING), "b": of(RIGHT)}, unit_N=np.array([0, 0]))


def test_one_evaluation_alone_has_nothing_to_be_compared_with(of: Callable[[list[str]], list[Row]]) -> None:
    assert comparisons({"only": of(RIGHT)}) == ()


def test_other_rows_cannot_be_compared(of: Callable[[list[str]], list[Row]]) -> None:
    with pytest.raises(EvaluationError, match="comparison = 'after': its examples are not those"):
        comparisons({"before": of(RIGHT), "after": of(RIGHT)[::-1]})


def test_a_comparison_is_spelled_flat() -> None:
    difference = Difference(difference=0.5, low=0.1, high=0.9, n=4, p=0.2)
    made = Comparison(
        metric="exact", evaluation="after", baseline="before", difference=difference, p_holm=0.4
    )
    assert made.as_json() == {
        "metric": "exact",
        "evaluation": "after",
        "baseline": "before",
        "difference": 0.5,
        "low": 0.1,
        "high": 0.9,
        "n": 4,
        "p": 0.2,
        "detectable": None,
        "rows_needed": None,
        "p_holm": 0.4,
    }


# -------------------------------------------------------------------------------------- of each evaluation


def test_what_an_evaluation_reached_is_what_its_summary_says(
    examples: list[Example], evaluated: Callable[..., Evaluation]
) -> None:
    evaluation = evaluated(examples, HALF_RIGHT)
    (spelled,) = numbers({"it": rows(evaluation)}).values()
    assert spelled == {name: evaluation.summary[name] for name in spelled}
    assert {"schema_valid", "exact", "match_all", "match_parsed", "f1", "noise"} <= spelled.keys()


def test_without_targets_what_needs_one_is_absent(evaluated: Callable[..., Evaluation]) -> None:
    unlabelled = [Example(id="mugs", text="two mugs", schema="order")]
    (spelled,) = numbers({"it": rows(evaluated(unlabelled, RIGHT[:1]))}).values()
    assert spelled.keys() == {"schema_valid", "valid_json", "no_output"}


def test_a_mean_over_no_rows_is_undefined(of: Callable[[list[str]], list[Row]]) -> None:
    (spelled,) = numbers({"it": of(["", ""])}).values()
    assert spelled["noise"] == spelled["match_parsed"] == {"mean": None, "low": None, "high": None, "n": 0}


def test_rows_that_go_together_are_worth_less(evaluated: Callable[..., Evaluation]) -> None:
    # Ten texts, each asked about twice and answered alike: half of the rows, worth no more than ten.
    asked = [
        Example(id=f"{place}", text=f"{place // 2}", schema="order", target={"item": "mug", "count": 2})
        for place in range(20)
    ]
    answers = [answer for place in range(10) for answer in [RIGHT[0] if place % 2 else "{}"] * 2]
    measured = rows(evaluated(asked, answers))
    together = numbers({"it": measured}, unit_N=np.arange(20) // 2)["it"]
    alone = numbers({"it": measured})["it"]
    for metric, number in (("exact", "rate"), ("match_all", "mean")):
        wide, narrow = together[metric], alone[metric]
        assert isinstance(wide, dict)
        assert isinstance(narrow, dict)
        assert wide[number] == narrow[number] == 0.5
        assert float(str(wide["low"])) < float(str(narrow["low"]))
        assert float(str(wide["high"])) > float(str(narrow["high"]))
