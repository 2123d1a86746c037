"""How much better than its group a completion is."""

from collections.abc import Sequence
from statistics import fmean, pstdev


def group_advantages(reward_G: Sequence[float]) -> list[float]:
    """Center rewards on their group's mean and divide by their standard deviation.

    Advantages are in standard deviations and sum to 0. A group whose rewards are all equal yields exact
    zeros, so that the caller can drop it: it has nothing to teach.

    Args:
        reward_G: One reward per completion of a single prompt; G is the group size.

    Returns:
        One advantage per completion, in the same order.

    Raises:
        ValueError: The group is empty.

    Source: GRPO, arXiv:2402.03300 section 4.1.2.
    """
    if not reward_G:
        raise ValueError("an empty group has no mean")
    if min(reward_G) == max(reward_G):
        return [0.0] * len(reward_G)
    mean, deviation = fmean(reward_G), pstdev(reward_G)
    return [(reward - mean) / deviation for reward in reward_G]
