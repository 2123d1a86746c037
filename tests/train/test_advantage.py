from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.train.advantage import group_advantages


def test_one_right_among_four() -> None:
    # Mean 0.25; deviation sqrt((0.75² + 3 · 0.25²) / 4) = 0.433; 0.75 / 0.433 = 1.732.
    assert group_advantages([1.0, 0.0, 0.0, 0.0]) == pytest.approx(
        [1.7320508, -0.5773503, -0.5773503, -0.5773503]
    )


@pytest.mark.parametrize("reward", [0.0, 0.1, 1.0])
def test_a_group_that_agrees_has_exactly_no_advantage(reward: float) -> None:
    assert group_advantages([reward] * 8) == [0.0] * 8


def test_an_empty_group_has_no_mean() -> None:
    with pytest.raises(ValueError, match="empty"):
        group_advantages([])


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=16).filter(
        lambda rewards: max(rewards) - min(rewards) > 1e-3
    )
)
def test_advantages_sum_to_zero_and_keep_the_order(rewards: list[float]) -> None:
    advantages = group_advantages(rewards)
    assert sum(advantages) == pytest.approx(0, abs=1e-9)
    ranked = sorted(range(len(rewards)), key=lambda place: rewards[place])
    assert all(advantages[a] <= advantages[b] for a, b in pairwise(ranked))
