"""What a step learns from: the next prompts' groups, and others in place of those that it does not accept.

Axis suffixes: G a group's completions; GG groups of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from adhere.config import GrpoSettings
from adhere.records import Example
from adhere.reward.score import weights
from adhere.train.acceptance import Accept
from adhere.train.advantage import advantages
from adhere.train.curriculum import Course
from adhere.train.resting import Resting
from adhere.train.rollouts import Group


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The groups of a step."""

    sampled: tuple[Group, ...]
    """All of them, in the order in which they were sampled."""
    counted: tuple[Group, ...]
    """As many as the step has prompts: those accepted, then the first of the others. The loss is divided by
    the tokens of all of them and learned from those accepted."""
    resting: int
    """Different prompts passed over."""


def gather(
    course: Course,
    resting: Resting,
    accept: Accept,
    written: Callable[[Sequence[Example]], list[Group]],
    config: GrpoSettings,
) -> Gathered:
    """Sample groups until as many are accepted as a step has prompts, or `refill` rounds are over.

    A group that is not accepted keeps its place where no other took it, so that a step with little signal
    moves the weights little.
    """

    def judged(examples: Sequence[Example]) -> list[Group]:
        return [
            group.judged(accepted=accept(group.rewards, [each.advantage for each in group.rollouts]))
            for group in written(examples)
        ]

    drawn = resting.draw(course, config.prompts_per_step)
    groups, passed_over = judged(drawn.examples), drawn.passed_over
    for _ in range(config.refill):
        missing = config.prompts_per_step - sum(group.accepted for group in groups)
        met = {group.example.id for group in groups}
        drawn = resting.draw_further(course, missing, met)
        passed_over |= drawn.passed_over
        if not drawn.examples:
            break
        groups += judged(drawn.examples)
    places = _counted(groups, config.prompts_per_step)
    for place, group in zip(places, _compared([groups[place] for place in places], config), strict=True):
        groups[place] = group
    return Gathered(
        sampled=tuple(groups), counted=tuple(groups[place] for place in places), resting=len(passed_over)
    )


def _counted(groups: Sequence[Group], count: int) -> list[int]:
    """Return the places of those accepted and of the first of the others, `count` of them, in order."""
    accepted = [place for place, group in enumerate(groups) if group.accepted]
    others = [place for place, group in enumerate(groups) if not group.accepted]
    return sorted(accepted + others[: count - len(accepted)])


def _compared(groups: Sequence[Group], config: GrpoSettings) -> list[Group]:
    """Return groups with the advantages that they have in one step, which those of the others may bear on."""
    score_GG = [[rollout.score for rollout in group.rollouts] for group in groups]
    counted = weights(config.reward, config.scoring)
    advantage_GG = advantages(score_GG, config.advantage, config.combine, weights=counted)
    return [
        replace(
            group,
            rollouts=tuple(
                replace(rollout, advantage=advantage)
                for rollout, advantage in zip(group.rollouts, advantage_G, strict=True)
            ),
        )
        for group, advantage_G in zip(groups, advantage_GG, strict=True)
    ]
