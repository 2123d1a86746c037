import math
from collections.abc import Sequence
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.config import Advantage, Combine
from adhere.reward.score import Score
from adhere.train.advantage import advantages, group_advantages

WAYS: tuple[Advantage, ...] = get_args(Advantage)
REWARDS = st.lists(st.floats(0, 1), min_size=2, max_size=16).filter(
    lambda rewards: max(rewards) - min(rewards) > 1e-3
)
WEIGHTS = {"form": 0.3, "values": 0.7}


def scores(*parts: tuple[float, float]) -> list[Score]:
    """Scores by what form and values earned, with the total that their weights make."""
    return [
        Score(0.3 * form + 0.7 * values, "obeys", {"form": form, "values": values}) for form, values in parts
    ]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        # Mean 0.25; deviation sqrt((0.75² + 3 · 0.25²) / 4) = 0.433; 0.75 / 0.433 = 1.732.
        pytest.param("zscore", [1.7320508, -0.5773503, -0.5773503, -0.5773503], id="zscore"),
        pytest.param("centred", [0.75, -0.25, -0.25, -0.25], id="centred"),
        pytest.param("rank", [0.75, 0.0, 0.0, 0.0], id="rank: three of four earned less"),
    ],
)
def test_one_right_among_four(how: Advantage, expected: list[float]) -> None:
    assert group_advantages([1.0, 0.0, 0.0, 0.0], how) == pytest.approx(expected)


def test_ranks_count_those_that_earned_less() -> None:
    assert group_advantages([0.2, 0.9, 0.2, 0.5, 0.0], "rank") == [1 / 5, 4 / 5, 1 / 5, 3 / 5, 0.0]


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("reward", [0.0, 0.1, 1.0, -1e308])
def test_a_group_that_agrees_has_exactly_no_advantage(reward: float, how: Advantage) -> None:
    assert group_advantages([reward] * 8, how) == [0.0] * 8


@pytest.mark.parametrize("combine", get_args(Combine))
def test_an_empty_group_has_no_mean(combine: Combine) -> None:
    with pytest.raises(ValueError, match="empty"):
        advantages([[]], "zscore", combine, weights=WEIGHTS)


@given(REWARDS, st.sampled_from(["zscore", "centred"]))
def test_advantages_sum_to_zero(rewards: list[float], how: Advantage) -> None:
    assert sum(group_advantages(rewards, how)) == pytest.approx(0, abs=1e-9)


@given(REWARDS, st.sampled_from(WAYS))
def test_advantages_keep_the_order(rewards: list[float], how: Advantage) -> None:
    made = group_advantages(rewards, how)
    ranked = sorted(range(len(rewards)), key=lambda place: rewards[place])
    assert all(made[a] <= made[b] for a, b in pairwise(ranked))


@given(REWARDS)
def test_a_rank_is_never_negative_and_the_worst_is_left_alone(rewards: list[float]) -> None:
    made = group_advantages(rewards, "rank")
    assert min(made) == made[rewards.index(min(rewards))] == 0
    assert max(made) < 1


@given(REWARDS, st.sampled_from([-1000, -1, 1, 1000]))
def test_a_power_of_two_on_all_rewards_changes_no_bit_of_a_z_score(rewards: list[float], power: int) -> None:
    coarse = [round(reward, 3) for reward in rewards]
    assert group_advantages([math.ldexp(reward, power) for reward in coarse]) == group_advantages(coarse)


@pytest.mark.parametrize(
    ("rewards", "expected"),
    [
        pytest.param([1e308, 1e308, -1e308, -1e308], [1.0, 1.0, -1.0, -1.0], id="their sum overflows"),
        pytest.param([1.7e308, -1.7e308], [1.0, -1.0], id="their difference overflows"),
        pytest.param([5e-324, 0.0], [1.0, -1.0], id="their deviation underflows"),
    ],
)
def test_rewards_may_be_as_large_and_as_small_as_floats(rewards: list[float], expected: list[float]) -> None:
    assert group_advantages(rewards) == expected


def test_centred_rewards_keep_their_unit_at_any_size() -> None:
    assert group_advantages([1e308, 1e308, 0.0, 0.0], "centred") == [5e307, 5e307, -5e307, -5e307]
    assert group_advantages([5e-300, 0.0], "centred") == [2.5e-300, -2.5e-300]


def test_a_total_can_be_compared_and_so_can_each_part() -> None:
    # Both earn 0.3 · 1 + 0 and 0 + 0.7 · 3/7, that is 0.3: as totals they are alike.
    group = scores((1.0, 0.0), (0.0, 3 / 7))
    group = [Score(0.3, each.outcome, each.parts) for each in group]
    assert advantages([group], "zscore", "sum", weights=WEIGHTS) == [[0.0, 0.0]]
    # In each part the z-scores are 1 and -1: 0.3 - 0.7 and -0.3 + 0.7, then divided by their deviation, 0.4.
    assert advantages([group], "zscore", "each", weights=WEIGHTS)[0] == pytest.approx([-1.0, 1.0])


def test_parts_compared_each_are_divided_by_their_deviation_over_the_step() -> None:
    one, other = scores((1.0, 1.0), (0.0, 0.0)), scores((1.0, 0.0), (0.0, 1.0))
    # 0.3 + 0.7 = 1 and -1; 0.3 - 0.7 = -0.4 and 0.4: deviation sqrt((2 · 1² + 2 · 0.4²) / 4) = 0.7616.
    made = advantages([one, other], "zscore", "each", weights=WEIGHTS)
    assert made[0] == pytest.approx([1 / 0.7615773, -1 / 0.7615773])
    assert made[1] == pytest.approx([-0.4 / 0.7615773, 0.4 / 0.7615773])


def test_a_group_without_signal_is_exactly_0_among_others_and_alone() -> None:
    silent, telling = scores((0.5, 0.5), (0.5, 0.5)), scores((1.0, 0.0), (0.0, 0.5))
    assert advantages([silent, telling], "zscore", "each", weights=WEIGHTS)[0] == [0.0, 0.0]
    assert advantages([silent], "zscore", "each", weights=WEIGHTS) == [[0.0, 0.0]]


def test_a_part_that_weighs_nothing_is_not_compared() -> None:
    group = scores((1.0, 0.0), (0.0, 0.5))
    assert advantages([group], "rank", "each", weights={"form": 0.0, "values": 0.7}) == [[0.0, 0.5]]


def test_parts_may_differ_from_group_to_group() -> None:
    spoken = [Score(0.1, "obeys", {"form": 0.1}), Score(0.4, "obeys", {"form": 0.4})]
    made = advantages([scores((1.0, 0.0), (0.0, 1.0)), spoken], "rank", "each", weights=WEIGHTS)
    # 0.3 · 1/2 and 0.7 · 1/2 of a whole weight of 1; then form alone, which has all the weight.
    assert made[0] == pytest.approx([0.15, 0.35])
    assert made[1] == [0.0, 0.5]


def totals(groups: Sequence[Sequence[Score]]) -> list[list[float]]:
    return [[score.total for score in group] for group in groups]


@given(
    st.lists(st.lists(st.tuples(*[st.floats(0, 1)] * 2), min_size=2, max_size=6), min_size=1, max_size=4),
)
def test_parts_centred_each_are_the_total_centred(parts: list[list[tuple[float, float]]]) -> None:
    groups = [scores(*group) for group in parts]
    made = advantages(groups, "centred", "each", weights=WEIGHTS)
    for of_parts, of_total in zip(made, totals(groups), strict=True):
        assert of_parts == pytest.approx(group_advantages(of_total, "centred"), abs=1e-12)


@given(REWARDS, st.sampled_from(WAYS))
def test_a_reward_of_one_part_is_compared_alike_either_way(rewards: list[float], how: Advantage) -> None:
    group = [Score(reward, "obeys", {"own": reward}) for reward in rewards]
    one, other = (advantages([group], how, combine, weights={"own": 1.0})[0] for combine in get_args(Combine))
    assert one == pytest.approx(other)
