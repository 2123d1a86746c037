import math
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.errors import EvaluationError
from adhere.measure.prediction import Prediction, judged
from adhere.measure.repeated import consistent, pass_at, repeated
from adhere.records import Example
from adhere.schema import Schema

ORDER = Schema.of(
    {
        "type": "object",
        "properties": {"item": {"type": "string"}, "count": {"type": "number"}},
        "required": ["item", "count"],
    }
)
ROW = Example(id="1", text="two mugs", schema="order", target={"item": "mug", "count": 2})
RIGHT, NINE, POT = ('{"item":"mug","count":2}', '{"item":"mug","count":9}', '{"item":"pot","count":9}')
BROKEN, BREAKS = '{"item":', '{"item":"mug"}'


def answered(*answers: str, example: Example = ROW) -> Prediction:
    first, *others = (judged(answer, example, ORDER, tokens=1) for answer in answers)
    return replace(first, others=tuple(others))


@pytest.mark.parametrize(
    ("k", "exact", "samples", "expected"),
    [
        pytest.param(1, 0, 4, 0.0, id="none is right"),
        pytest.param(1, 1, 4, 1 / 4, id="one of four, and one is taken"),
        pytest.param(2, 1, 4, 1 / 2, id="1 - (3 over 2) / (4 over 2) = 1 - 3/6"),
        pytest.param(2, 3, 4, 1.0, id="two cannot both be the wrong one"),
        pytest.param(100, 5, 200, 1 - math.comb(195, 100) / math.comb(200, 100), id="numbers past a double"),
    ],
)
def test_pass_at_k(k: int, exact: int, samples: int, expected: float) -> None:
    assert pass_at(k, exact=exact, samples=samples) == pytest.approx(expected, abs=1e-15)


@given(st.integers(1, 7).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_the_share_of_all_choices_that_hold_a_right_one(drawn: tuple[int, int, int]) -> None:
    samples, exact, k = drawn
    choices = list(combinations(range(samples), k))
    share = sum(any(place < exact for place in choice) for choice in choices) / len(choices)
    assert pass_at(k, exact=exact, samples=samples) == pytest.approx(share)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param([NINE, RIGHT, RIGHT], RIGHT, id="most agree"),
        pytest.param([NINE, RIGHT], NINE, id="as many: the first"),
        pytest.param([NINE, RIGHT, NINE, RIGHT, POT], NINE, id="as many among others: the first"),
        pytest.param([NINE, RIGHT, '{"count": 2.0, "item": "mug"}'], RIGHT, id="in another spelling"),
        pytest.param([BROKEN, BREAKS, BREAKS, POT], POT, id="only what obeys has a vote"),
    ],
)
def test_the_answer_that_most_agree_on(answers: list[str], expected: str) -> None:
    chosen = consistent(answered(*answers).samples)
    assert chosen is not None
    assert chosen.answer == expected


def test_where_no_answer_obeys_there_is_none() -> None:
    assert consistent(answered(BROKEN, BREAKS).samples) is None


def test_rows_are_averaged_and_those_where_nothing_obeys_count() -> None:
    rows = [
        answered(NINE, RIGHT, RIGHT, BROKEN),  # two are right, and most agree on that
        answered(RIGHT, POT, POT, NINE),  # one is right, and most agree on what has neither leaf right
        answered(BROKEN, BREAKS, BROKEN, BREAKS),
        answered(RIGHT, RIGHT, RIGHT, RIGHT, example=replace(ROW, target=None)),  # has no target
    ]
    found = repeated(rows)
    assert found is not None
    # c = 2, 1 and 0 of n = 4; at k = 2: 1 - 1/6, 1 - 3/6 and 0.
    assert {k: mean.mean for k, mean in found.pass_at.items()} == {
        1: pytest.approx((2 / 4 + 1 / 4 + 0) / 3),
        2: pytest.approx((5 / 6 + 1 / 2 + 0) / 3),
        4: pytest.approx((1 + 1 + 0) / 3),
    }
    assert (found.samples, found.exact.hits, found.exact.tries) == (4, 1, 3)
    assert (found.match_all.mean, found.match_all.n) == (pytest.approx((1 + 0 + 0) / 3), 3)
    assert list(found.as_json()) == ["pass_at", "consistent"]


@pytest.mark.parametrize(
    ("count", "powers"), [(1, [1]), (2, [1, 2]), (3, [1, 2]), (4, [1, 2, 4]), (9, [1, 2, 4, 8])]
)
def test_k_goes_up_by_twos(count: int, powers: list[int]) -> None:
    found = repeated([answered(*[RIGHT] * count)])
    assert found is not None
    assert list(found.pass_at) == powers


def test_without_targets_there_is_nothing_to_measure() -> None:
    assert repeated([answered(RIGHT, NINE, example=replace(ROW, target=None))]) is None


def test_rows_with_more_answers_than_others_are_refused() -> None:
    with pytest.raises(EvaluationError, match=r"samples = \[1, 2\]"):
        repeated([answered(RIGHT, NINE), answered(RIGHT)])
