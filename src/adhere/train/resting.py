"""Prompts that are passed over for a while, because there is nothing to learn from them now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from adhere.records import JSON, Example
from adhere.train.curriculum import Course
from adhere.train.rollouts import Group

RIGHT, WORTHLESS = 1.0, 0.0
"""Rewards from which, and down to which, a group whose completions all earn the same is done with: full marks
and nothing, of every preset. Rewards of the user's own may lie beyond."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Examples that a step asks about."""

    examples: list[Example]
    passed_over: frozenset[str]
    """Ids of those that were not taken in their turn because they rest."""


class Resting:
    """Which prompts rest, and until which step."""

    def __init__(self, remembered: JSON, *, steps: int) -> None:
        """Take up what an earlier run remembered.

        Args:
            remembered: As `as_json` gave it; `None` at the start.
            steps: How many a prompt rests for; 0 lets none rest.
        """
        self._steps = steps
        self._until = dict(cast("Mapping[str, int]", remembered or {}))

    def as_json(self) -> JSON:
        """Return all of it: the last step, counted from 0, of each prompt that rests, by its example's id."""
        return dict(self._until)

    def note(self, groups: Iterable[Group], *, step: int) -> None:
        """Let prompts rest from the step after this one on; forget those that have rested."""
        self._until = {id_: until for id_, until in self._until.items() if until > step}
        if self._steps:
            done = (group.example.id for group in groups if is_done_with(group))
            self._until |= dict.fromkeys(done, step + self._steps)

    def draw(self, course: Course, count: int) -> Drawn:
        """Take the next examples that do not rest.

        Where all of the stage do, none does. No more are looked at than the stage has, or than are asked for;
        where too few of them are awake, the first of those that rest fill up, so that a step always has its
        number.
        """
        awake: list[Example] = []
        asleep: list[Example] = []
        resting = {example.id for example in course.pool if example.id in self._until}
        if all(example.id in resting for example in course.pool):
            resting = set()
        for _ in range(max(count, len(course.pool)) if resting else count):
            if len(awake) == count:
                break
            (example,) = course.batch()
            (asleep if example.id in resting else awake).append(example)
        missing = count - len(awake)
        return Drawn(awake + asleep[:missing], frozenset(example.id for example in asleep[missing:]))

    def draw_further(self, course: Course, count: int, met: set[str]) -> Drawn:
        """Take the next examples that neither rest nor are among those that the step has met.

        No more are looked at than the stage has; there may be none.
        """
        further: dict[str, Example] = {}
        passed_over: set[str] = set()
        for _ in range(len(course.pool)):
            if len(further) == count:
                break
            (example,) = course.batch()
            if example.id in met:
                continue
            if example.id in self._until:
                passed_over.add(example.id)
            else:
                further[example.id] = example
        return Drawn(list(further.values()), frozenset(passed_over))


def is_done_with(group: Group) -> bool:
    """Say whether all completions of a group were right, or all worth nothing."""
    low, high = min(group.rewards), max(group.rewards)
    return low == high and (low >= RIGHT or high <= WORTHLESS)
