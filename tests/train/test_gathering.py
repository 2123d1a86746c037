"""Which prompts a step asks about, which rest, and what takes the place of a group that is not accepted."""

import json
from collections.abc import Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.config import GrpoConfig
from adhere.records import Completion, Example
from adhere.reward.score import Score
from adhere.train import acceptance
from adhere.train.advantage import group_advantages
from adhere.train.curriculum import EVERYTHING, Course
from adhere.train.gathering import Gathered, gather
from adhere.train.order import even, forever
from adhere.train.resting import Resting, is_done_with
from adhere.train.rollouts import Group, Rollout

NAMES = "abcdefgh"


def example(name: str) -> Example:
    return Example(id=name, text=name, schema="S")


EXAMPLES = [example(name) for name in NAMES]


def course(examples: Sequence[Example] = EXAMPLES) -> Course:
    return Course(EVERYTHING, examples, partial(even, size=1, seed=0), by="reward")


def order(count: int, examples: Sequence[Example] = EXAMPLES) -> str:
    return "".join(each.id for each in islice(forever(examples, seed=0), count))


def group(name: str, *rewards: float) -> Group:
    scores = [Score(reward, "obeys", {"own": reward}) for reward in rewards]
    rollouts = tuple(
        Rollout(
            Completion(example_id=name, index=index, text="", tokens=(2,), logprobs=(0.0,), finished=True),
            (1,),
            score,
            advantage,
        )
        for index, (score, advantage) in enumerate(zip(scores, group_advantages(rewards), strict=True))
    )
    return Group(example=example(name), rollouts=rollouts)


class Written:
    """Writes groups that earn what they are told to, and remembers how many were asked for at once."""

    def __init__(self, **rewards: tuple[float, ...]) -> None:
        self.rewards = rewards
        self.asked: list[str] = []

    def __call__(self, examples: Sequence[Example]) -> list[Group]:
        self.asked.append("".join(each.id for each in examples))
        return [group(each.id, *self.rewards.get(each.id, (0.0, 1.0))) for each in examples]


def gathered(
    written: Written,
    *,
    refill: int = 0,
    accept: str = "informative",
    resting: Resting | None = None,
    examples: Sequence[Example] = EXAMPLES,
    combine: str = "sum",
) -> Gathered:
    config = GrpoConfig(
        data=Path("d"),
        out=Path("o"),
        prompts_per_step=3,
        reward="own.py:f",
        accept=accept,
        refill=refill,
        combine=combine,  # type: ignore[arg-type]
    )
    resting = resting or Resting(None, steps=0)
    return gather(course(examples), resting, acceptance.load(accept), written, config)


def names(groups: Sequence[Group]) -> str:
    return "".join(each.example.id for each in groups)


FIRST, SECOND, THIRD, *LATER = order(8)
SILENT = (0.5, 0.5)


def test_a_step_takes_the_next_prompts() -> None:
    written = Written()
    made = gathered(written)
    assert written.asked == [order(3)]
    assert names(made.sampled) == names(made.counted) == order(3)
    assert made.resting == 0
    assert all(each.accepted for each in made.sampled)


def test_a_group_that_is_not_accepted_keeps_its_place() -> None:
    made = gathered(Written(**{SECOND: SILENT}))
    assert names(made.counted) == order(3)
    assert [each.accepted for each in made.counted] == [True, False, True]


def test_all_groups_are_accepted_where_the_run_says_so() -> None:
    made = gathered(Written(**{SECOND: SILENT}), accept="all")
    assert [each.accepted for each in made.counted] == [True, True, True]


def test_further_prompts_take_the_place_of_groups_that_are_not_accepted() -> None:
    written = Written(**{FIRST: SILENT, SECOND: SILENT, LATER[0]: SILENT})
    made = gathered(written, refill=5)
    # Two are missing, then one.
    assert written.asked == [order(3), "".join(LATER[:2]), LATER[2]]
    assert names(made.sampled) == order(6)
    assert names(made.counted) == f"{THIRD}{LATER[1]}{LATER[2]}"
    assert [each.accepted for each in made.sampled] == [False, False, True, False, True, True]


def test_rounds_are_bounded_and_the_first_of_the_refused_keep_the_places_left() -> None:
    written = Written(**{name: SILENT for name in NAMES if name != LATER[1]})
    made = gathered(written, refill=1)
    assert written.asked == [order(3), "".join(LATER[:3])]
    assert names(made.counted) == f"{FIRST}{SECOND}{LATER[1]}"


def test_no_prompt_is_asked_about_twice_in_a_step() -> None:
    written = Written(**dict.fromkeys(NAMES, SILENT))
    gathered(written, refill=9)
    assert "".join(written.asked) == order(8)


def test_a_step_is_compared_as_a_whole_where_parts_are_compared_each() -> None:
    # One part, z-scores ±1 in two groups and 0 in the third: over the step their deviation is sqrt(4/6).
    made = gathered(Written(**{SECOND: SILENT}), combine="each")
    first, second, third = ([each.advantage for each in one.rollouts] for one in made.counted)
    assert first == third == pytest.approx([-((6 / 4) ** 0.5), (6 / 4) ** 0.5])
    assert second == [0.0, 0.0]


# ------------------------------------------------------------------------------------------------ resting


@pytest.mark.parametrize(
    ("rewards", "done"),
    [
        pytest.param((1.0, 1.0), True, id="all right"),
        pytest.param((0.0, 0.0), True, id="all worth nothing"),
        pytest.param((2.0, 2.0), True, id="a reward of one's own beyond 1"),
        pytest.param((-1.0, -1.0), True, id="and below 0"),
        pytest.param((0.5, 0.5), False, id="neither"),
        pytest.param((0.0, 1.0), False, id="differing"),
        pytest.param((1.0, 2.0), False, id="differing beyond 1"),
    ],
)
def test_a_prompt_is_done_with_when_all_earn_full_marks_or_nothing(
    rewards: tuple[float, ...], *, done: bool
) -> None:
    assert is_done_with(group("a", *rewards)) is done


def rested(*steps: tuple[int, str], rest: int) -> Resting:
    resting = Resting(None, steps=rest)
    for step, solved in steps:
        resting.note([group(name, 1.0, 1.0) for name in solved], step=step)
    return resting


def test_a_prompt_is_passed_over_for_as_many_steps_as_it_rests() -> None:
    resting = rested((4, FIRST), rest=2)
    for step, met in [(5, False), (6, False), (7, True)]:
        drawn = resting.draw(course(), 3)
        assert (FIRST in {each.id for each in drawn.examples}) is met
        assert drawn.passed_over == (frozenset() if met else {FIRST})
        resting.note([], step=step)


def test_where_none_rests_the_order_is_that_of_the_run() -> None:
    assert [each.id for each in rested((0, NAMES), rest=0).draw(course(), 3).examples] == [*order(3)]


def test_where_all_rest_none_does() -> None:
    everyone = course()
    resting = rested((0, NAMES), rest=9)
    drawn = [resting.draw(everyone, 3) for _ in range(4)]
    assert [example.id for each in drawn for example in each.examples] == [*order(12)]
    assert [each.passed_over for each in drawn] == [frozenset()] * 4


def test_those_that_rest_fill_a_step_up_that_would_be_too_small() -> None:
    awake = NAMES[2:4]
    drawn = rested((0, NAMES.replace(awake, "")), rest=9).draw(course(), 3)
    assert len(drawn.examples) == 3
    assert {each.id for each in drawn.examples} > {*awake}


def test_a_few_examples_come_as_often_as_a_step_needs_them() -> None:
    few = EXAMPLES[:2]
    assert [each.id for each in Resting(None, steps=0).draw(course(few), 5).examples] == [*order(5, few)]
    assert [each.id for each in rested((0, "ab"), rest=9).draw(course(few), 5).examples] == [*order(5, few)]


def test_refills_pass_over_what_rests_and_what_the_step_has_met() -> None:
    written = Written(**dict.fromkeys(NAMES, SILENT))
    resting = rested((0, LATER[0]), rest=9)
    made = gathered(written, refill=9, resting=resting)
    assert "".join(written.asked) == order(8).replace(LATER[0], "")
    assert made.resting == 1, "each prompt counts once, however often its turn comes in the refills"


def test_a_run_remembers_who_rests() -> None:
    resting = rested((3, FIRST), (4, SECOND), rest=2)
    kept = json.loads(json.dumps(resting.as_json()))
    assert kept == {FIRST: 5, SECOND: 6}
    again = Resting(kept, steps=2)
    assert again.draw(course(), 3) == resting.draw(course(), 3)


@settings(max_examples=40)
@given(st.lists(st.sampled_from([*NAMES]), unique=True), st.integers(1, 12), st.integers(1, 8))
def test_a_step_always_has_its_prompts_and_takes_those_awake_first(
    asleep: list[str], count: int, pool: int
) -> None:
    examples = EXAMPLES[:pool]
    resting = rested((0, "".join(asleep)), rest=1)
    drawn = resting.draw(course(examples), count)
    met = [each.id for each in drawn.examples]
    assert len(met) == count
    awake = {each.id for each in examples} - {*asleep}
    assert awake <= {*met} or {*met} <= awake
