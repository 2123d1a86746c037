"""How much better than its group a completion is.

Axis suffixes: G a group's completions; GG groups of them.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, pstdev

from adhere.config import Advantage, Combine
from adhere.reward.score import Score


def advantages(
    groups: Sequence[Sequence[Score]],
    how: Advantage = "zscore",
    combine: Combine = "sum",
    *,
    weights: Mapping[str, float],
) -> list[list[float]]:
    """Compare each completion of a step with its group.

    A group that has nothing to teach yields exact zeros, whatever the other groups of the step: under `sum`
    one whose totals are all equal, under `each` one in which every part is. So a group can be judged alone,
    by giving it alone, before the step is complete.

    Under `each` every part is compared on its own, and the results are added up by the parts' weights: two
    completions with the same total, earned by different parts, differ. As z-scores they are then divided by
    the standard deviation over the step, because the sum of several parts has another spread than one part;
    their mean is 0 already. Centred, `each` is `sum` but for rounding.

    Args:
        groups: The scores of each prompt's completions; all groups of the step, those without signal too.
        how: See `group_advantages`.
        combine: `sum` compares totals; `each` compares parts.
        weights: What each part counts in the total, as `reward.score.weights` has it. Of parts that a group
            does not have, the weight is shared out among the others.

    Raises:
        ValueError: A group is empty.

    Source: `each` as z-scores is GDPO, arXiv:2601.05242, without its small constants in the denominators.
    """
    if combine == "sum":
        return [group_advantages([score.total for score in group], how) for group in groups]
    advantage_GG = [_each(group, how, weights) for group in groups]
    return _levelled(advantage_GG) if how == "zscore" else advantage_GG


def group_advantages(reward_G: Sequence[float], how: Advantage = "zscore") -> list[float]:
    """Compare the rewards of one group with each other.

    `zscore`: the reward less the group's mean, divided by the group's (population) standard deviation; in
    standard deviations. `centred`: less the mean alone; in units of the reward. Both sum to 0. `rank`: the
    share of the group with a lower reward, in [0, 1); it asks only which reward is larger. A rank is never
    negative: the worst are left alone, not pushed down, and all others are pushed up, the middling ones too.
    Nothing holds the mean at 0, so that the steps are noisier, and completions lose probability only because
    better ones gain it.

    Args:
        reward_G: One reward per completion of a single prompt; finite, of any size.
        how: Which comparison.

    Returns:
        One advantage per completion, in the same order; exact zeros where the rewards are all equal. Centred
        rewards further apart than the largest float give an infinity.

    Raises:
        ValueError: The group is empty.

    Source: zscore is GRPO, arXiv:2402.03300 section 4.1.2; centred is Dr. GRPO, arXiv:2503.20783; rank is
    ThinkJSON, arXiv:2502.14905.
    """
    if not reward_G:
        raise ValueError("an empty group has no mean")
    if min(reward_G) == max(reward_G):
        return [0.0] * len(reward_G)
    if how == "rank":
        return [sum(other < reward for other in reward_G) / len(reward_G) for reward in reward_G]
    # By a power of two, which rounds nothing: the sum of rewards near the largest float would overflow.
    power = math.frexp(max(map(abs, reward_G)))[1]
    small_G = [math.ldexp(reward, -power) for reward in reward_G]
    mean = fmean(small_G)
    if how == "centred":
        # In two factors, for a power of two of its own may be larger than the largest float.
        return [(small - mean) * 2.0 ** (power // 2) * 2.0 ** (power - power // 2) for small in small_G]
    deviation = pstdev(small_G)
    return [(small - mean) / deviation for small in small_G]


def _each(score_G: Sequence[Score], how: Advantage, weights: Mapping[str, float]) -> list[float]:
    """Compare a group part by part; the weighted mean."""
    if not score_G:
        raise ValueError("an empty group has no mean")
    counted = [name for name in score_G[0].parts if weights[name]]
    compared = {name: group_advantages([score.parts[name] for score in score_G], how) for name in counted}
    whole = math.fsum(weights[name] for name in counted)
    return [
        math.fsum(weights[name] * compared[name][place] for name in counted) / whole
        for place in range(len(score_G))
    ]


def _levelled(advantage_GG: Sequence[Sequence[float]]) -> list[list[float]]:
    """Divide by the standard deviation over all groups."""
    deviation = pstdev([advantage for group in advantage_GG for advantage in group] or [0.0])
    return [[advantage / (deviation or 1.0) for advantage in group] for group in advantage_GG]
