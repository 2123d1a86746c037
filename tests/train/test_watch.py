"""What ends a run, or warns of it: steps that teach nothing, a decline, and updates that are not finite."""

import json
import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.config import GrpoSettings
from adhere.measure.statistics import Rate
from adhere.records import JSON, Completion
from adhere.reward.score import Score
from adhere.train.causes import Cause
from adhere.train.curriculum import Curriculum, Stage
from adhere.train.decline import (
    Decline,
    Window,
    length_explodes,
    reward_collapses,
    variety_is_lost,
)
from adhere.train.doctor import Report
from adhere.train.grpo import GrpoStep
from adhere.train.remembered import of_json, spelled
from adhere.train.rollouts import Rollout
from adhere.train.sft import SftStep
from adhere.train.watch import Skips, Watch

CONFIG = GrpoSettings(lr=1e-3)


def rollout(
    reward: float, advantage: float, *, text: str = "", tokens: int = 1, cut: bool = False
) -> Rollout:
    completion = Completion(
        example_id="mug", index=0, text=text, tokens=(2,) * tokens, logprobs=(), finished=not cut
    )
    return Rollout(completion, (1,), Score(reward, "no_output", {}), advantage)


def a_step(number: int, reward: float, *, informative: int = 8, groups: int = 8, stage: int = 1) -> GrpoStep:
    made = tuple((rollout(reward, float(place < informative)),) for place in range(groups))
    return GrpoStep(
        step=number,
        groups=made,
        reward=reward,
        parts={},
        outcomes={},
        zero_variance=1 - informative / groups,
        length=1,
        finished=1,
        loss=0,
        grad_norm=0,
        clipped=0,
        drift=0,
        lr=1,
        stage=stage,
    )


def steps(*told: tuple[int, float, int], groups: int = 8) -> Iterator[GrpoStep]:
    """Steps in runs of `(how many, reward, informative groups)`."""
    number = 0
    for count, reward, informative in told:
        for _ in range(count):
            number += 1
            yield a_step(number, reward, informative=informative, groups=groups)


def in_stages(*told: tuple[int, int, float, int]) -> Iterator[GrpoStep]:
    """Steps in runs of `(stage, how many, reward, informative groups)`."""
    number = 0
    for stage, steps_of_it, reward, informative in told:
        for _ in range(steps_of_it):
            number += 1
            yield a_step(number, reward, informative=informative, stage=stage)


def watched(*, stop: bool = True, verdict: str = "no signal", steps: int = 50) -> tuple[Watch, list[Report]]:
    warned: list[Report] = []

    def diagnosed(silent: Sequence[GrpoStep]) -> Report:
        cause = Cause("c", f"{len(silent)} steps", {}, "f")
        return Report(verdict=verdict, causes=(cause,), numbers={})  # type: ignore[arg-type]

    return Watch(diagnosed, replace(CONFIG, stop=stop, steps=steps), warn=warned.append), warned


def seen(watch: Watch, steps: Iterable[GrpoStep]) -> int:
    """Let a run step until it is over; return how many steps it made."""
    count = 0
    for step in steps:
        count += 1
        watch.after(step)
        if watch.is_over:
            break
    return count


@pytest.mark.parametrize(
    ("told", "groups", "expected"),
    [
        pytest.param([(20, 0.0, 0)], 8, 5, id="5 steps of 8 groups"),
        pytest.param([(20, 0.0, 0)], 64, 5, id="5 steps, however many groups"),
        pytest.param([(40, 0.0, 0)], 1, 35, id="35 steps of one group"),
        pytest.param([(4, 0.0, 0), (1, 0.1, 1), (20, 0.1, 0)], 8, 10, id="any 5 in a row"),
        pytest.param([(4, 0.0, 0), (1, 0.1, 1)] * 3, 8, 15, id="one informative group in 5 steps is enough"),
        pytest.param([(4, 0.0, 0)], 8, 4, id="a run that is over before"),
    ],
)
def test_a_run_ends_after_five_steps_and_35_groups_without_signal(
    told: list[tuple[int, float, int]], groups: int, expected: int
) -> None:
    watch, _ = watched()
    assert seen(watch, steps(*told, groups=groups)) == expected


def test_groups_that_were_not_accepted_teach_nothing() -> None:
    watch, _ = watched()
    refused = (
        replace(step, groups=tuple((replace(group[0], accepted=False),) for group in step.groups))
        for step in steps((20, 0.1, 8))
    )
    assert seen(watch, refused) == 5


def test_a_run_that_is_not_to_stop_is_warned_once() -> None:
    watch, warned = watched(stop=False)
    assert seen(watch, steps((30, 0.0, 0))) == 30
    assert (len(warned), watch.failed) == (1, False)
    assert watch.report == warned[0]


def test_a_run_whose_reward_fell_is_told_so_first() -> None:
    watch, _ = watched()
    seen(watch, steps((3, 0.4, 2), (1, 0.6, 2), (5, 0.1, 0)))
    assert watch.report is not None
    first, second = watch.report.causes
    assert (first.name, first.fix, first.evidence) == (
        "reward fell",
        "lr = 0.0001",
        {"best": 0.6, "now": pytest.approx(0.1), "since": 5},
    )
    assert second.why == "5 steps"
    assert watch.failed


def test_a_run_that_learned_all_there_is_ends_well() -> None:
    for told, ended_well in (([(3, 0.9, 2), (5, 1.0, 0)], True), ([(5, 1.0, 0)], False)):
        watch, _ = watched(verdict="already solved")
        seen(watch, steps(*told))
        assert watch.is_over
        assert watch.has_learned_all is ended_well
        assert watch.failed is not ended_well


def test_silent_steps_are_counted_anew_in_each_stage() -> None:
    watch, _ = watched()
    assert seen(watch, in_stages((1, 4, 0.9, 0), (2, 20, 0.1, 0))) == 9
    # What the first stage earned is no measure for the second.
    assert watch.report is not None
    assert [cause.name for cause in watch.report.causes] == ["c"]


def test_steps_that_earn_what_their_stage_asks_for_are_not_silent() -> None:
    curriculum = Curriculum((Stage(name="one", reward=0.9), Stage(name="all")))
    watch = Watch(
        lambda _: Report(verdict="already solved", causes=(), numbers={}),
        CONFIG,
        warn=lambda _: None,
        learned=curriculum.is_learned,
    )
    assert seen(watch, in_stages((1, 9, 1.0, 0), (2, 20, 1.0, 0))) == 9 + 5


def run_of(rewards: Iterable[float]) -> Iterator[GrpoStep]:
    return (a_step(number, reward) for number, reward in enumerate(rewards, 1))


def noisy(levels: Iterable[float], noise: float, seed: int) -> list[float]:
    """Rewards in [0, 1] around some levels; the sum of twelve draws is near enough to a bell."""
    draw = random.Random(seed)
    return [
        min(1.0, max(0.0, level + noise * (sum(draw.random() for _ in range(12)) - 6))) for level in levels
    ]


def falling(high: float, low: float, *, after: int, over: int, then: int) -> list[float]:
    slope = [high + (low - high) * place / over for place in range(over)]
    return [high] * after + slope + [low] * then


@pytest.mark.parametrize(
    ("levels", "total"),
    [
        pytest.param(falling(0.5, 0.1, after=12, over=10, then=28), 50, id="from the start"),
        pytest.param(
            [*(0.2 + 0.01 * n for n in range(60)), *falling(0.8, 0.2, after=5, over=5, then=50)],
            120,
            id="after it rose",
        ),
        pytest.param(falling(0.06, 0.0, after=40, over=10, then=50), 100, id="a small one to nothing"),
    ],
)
def test_a_reward_that_fell_to_half_is_named(levels: list[float], total: int) -> None:
    watch, _ = watched(steps=total, verdict="ready")
    assert seen(watch, run_of(noisy(levels, 0.02, 1))) < total
    assert watch.report is not None
    assert (watch.report.verdict, watch.failed) == ("gets worse", True)
    cause = watch.report.causes[0]
    assert (cause.name, cause.fix) == ("reward collapsed", "lr = 0.0001")
    best, now = cause.evidence["best"], cause.evidence["now"]
    assert isinstance(best, float)
    assert isinstance(now, float)
    assert now <= best / 2
    assert f"it was {best:.3g} over steps" in cause.why


def test_a_decline_without_stop_is_warned_of_once() -> None:
    watch, warned = watched(stop=False, verdict="ready")
    assert seen(watch, run_of(falling(0.5, 0.1, after=12, over=10, then=78))) == 100
    assert [report.causes[0].name for report in warned] == ["reward collapsed"]


def declines(rewards: Sequence[float], total: int) -> bool:
    decline = Decline(replace(CONFIG, steps=total))
    return any(decline.after(step) for step in run_of(rewards))


@settings(max_examples=25, deadline=None)
@given(
    start=st.floats(0.02, 0.9),
    end=st.floats(0.0, 1.0),
    noise=st.floats(0.0, 0.06),
    total=st.integers(20, 100),
    seed=st.integers(0, 10**6),
)
def test_a_noisy_reward_that_rises_or_stays_is_no_alarm(
    start: float, end: float, noise: float, total: int, seed: int
) -> None:
    # The mean of 64 completions that earn 0 or 1 has a standard error of 0.06 at most.
    end = max(start, end)
    levels = [start + (end - start) * place / total for place in range(total)]
    assert not declines(noisy(levels, noise, seed), total)


def walk(total: int, step: float, noise: float, seed: int) -> list[float]:
    """Rewards around a level that goes its own way, from the middle and back from the ends of [0, 1]."""
    draw = random.Random(seed)
    level, levels = 0.5, list[float]()
    for _ in range(total):
        level = abs(level + step * (sum(draw.random() for _ in range(12)) - 6))
        level = 2 - level if level > 1 else level
        levels.append(level)
    return noisy(levels, noise, seed + 1)


def swinging(total: int, noise: float, seed: int) -> list[float]:
    """Rewards that swing by 0.06 around 0.4, each step nine tenths of the swing before it."""
    draw = random.Random(seed)
    swing, levels = 0.0, list[float]()
    for _ in range(total):
        swing = 0.9 * swing + 0.06 * 0.436 * (sum(draw.random() for _ in range(12)) - 6)
        levels.append(0.4 + swing)
    return noisy(levels, noise, seed + 1)


@pytest.mark.parametrize(
    ("draw", "most"),
    [
        # After 200 steps such a walk is 0.07 from where it began, one in seven of that.
        pytest.param(lambda seed: walk(200, 0.005, 0.05, seed), 0, id="a slow walk"),
        # 0.14 after 200 steps: some do lose half of what they had, and those are true.
        pytest.param(lambda seed: walk(200, 0.01, 0.05, seed), 2, id="a walk"),
        pytest.param(lambda seed: swinging(200, 0.05, seed), 1, id="swings"),
    ],
)
def test_of_twenty_that_go_nowhere_few_are_alarms(draw: Callable[[int], list[float]], most: int) -> None:
    assert sum(declines(draw(seed), 200) for seed in range(0, 200, 10)) <= most


BEFORE = Window(
    first=1, last=10, reward=0.5, error=0.01, cut=Rate(10, 640), length=40.0, alike=Rate(8, 80),
    entropy=1.0, most=1.0,
)  # fmt: skip
LONG = replace(BEFORE, first=41, last=50, cut=Rate(320, 640), length=120.0)
ALIKE = replace(BEFORE, first=41, last=50, alike=Rate(78, 80), entropy=0.05)
SLOW = "lr = 0.0001"


@pytest.mark.parametrize(
    ("now", "config", "expected"),
    [
        pytest.param(LONG, CONFIG, SLOW, id="half are cut off, at thrice the length"),
        pytest.param(LONG, replace(CONFIG, loss="grpo"), 'loss = "dr_grpo"', id="the loss favours length"),
        pytest.param(replace(LONG, reward=0.51), CONFIG, None, id="the reward rises: it learns to think"),
        pytest.param(replace(LONG, length=59.0), CONFIG, None, id="hardly longer: below 1.5 × 40"),
        pytest.param(replace(LONG, cut=Rate(150, 640)), CONFIG, None, id="under a quarter is cut off"),
        pytest.param(BEFORE, CONFIG, None, id="nothing changed"),
    ],
)
def test_length_that_explodes(now: Window, config: GrpoSettings, expected: str | None) -> None:
    cause = length_explodes(BEFORE, now, config)
    assert (cause and cause.fix) == expected
    assert cause is None or (cause.name, cause.evidence["cut"]) == ("length exploded", now.cut.as_json())


@pytest.mark.parametrize(
    ("now", "config", "expected"),
    [
        pytest.param(ALIKE, CONFIG, SLOW, id="on-policy: slower"),
        pytest.param(ALIKE, replace(CONFIG, updates_per_batch=2), "clip_high = 0.28", id="held by the clip"),
        pytest.param(
            ALIKE, replace(CONFIG, updates_per_batch=2, clip_high=0.3), SLOW, id="a clip wide enough"
        ),
        pytest.param(ALIKE, replace(CONFIG, temperature=0.7), "temperature = 1.0", id="sampled too cold"),
        pytest.param(replace(ALIKE, entropy=None), CONFIG, None, id="nothing was trained"),
        pytest.param(replace(ALIKE, entropy=0.11), CONFIG, None, id="more than a tenth is left"),
        pytest.param(replace(ALIKE, alike=Rate(71, 80)), CONFIG, None, id="some groups still differ"),
        pytest.param(replace(ALIKE, reward=0.55), CONFIG, None, id="the reward rises"),
        pytest.param(replace(ALIKE, most=0.5), CONFIG, None, id="all that can be earned is earned"),
    ],
)
def test_entropy_that_collapses(now: Window, config: GrpoSettings, expected: str | None) -> None:
    cause = variety_is_lost(BEFORE, BEFORE, now, config)
    assert (cause and cause.fix) == expected
    assert cause is None or (cause.name, cause.evidence["before"]) == ("entropy collapsed", 1.0)


@pytest.mark.parametrize(
    ("now", "is_named"),
    [
        pytest.param(replace(BEFORE, reward=0.25), True, id="half: 0.25 is 17 errors of 0.014 away"),
        pytest.param(replace(BEFORE, reward=0.26), False, id="more than half is left"),
        pytest.param(replace(BEFORE, reward=0.25, error=0.05), False, id="by chance: 0.25 < 8 × 0.051"),
        pytest.param(replace(BEFORE, reward=-0.5), True, id="below nothing"),
    ],
)
def test_both_sides_of_a_collapse(now: Window, is_named: bool) -> None:  # noqa: FBT001
    assert (reward_collapses(BEFORE, now, CONFIG) is not None) is is_named


def test_a_window_sums_up_its_steps() -> None:
    decline = Decline(replace(CONFIG, steps=10))
    told = [0.1] * 4 + [0.3] * 6
    for number, reward in enumerate(told + told, 1):
        made = (rollout(reward, 1, text="a", tokens=3), rollout(reward, 1, text="b", tokens=5, cut=True))
        alone = (rollout(reward, 1, text="c", tokens=4),)
        decline.after(replace(a_step(number, reward), groups=(made, alone), entropy=0.5))
    kept = decline.as_json()["best"]
    assert isinstance(kept, dict)
    window = Window.of_json(kept)
    # Means of the fifths: 0.1, 0.1, 0.3, 0.3, 0.3; their variance is 0.012, over 5 its root is 0.049.
    assert (window.reward, window.error) == (pytest.approx(0.22), pytest.approx(math.sqrt(0.012 / 5)))
    assert (window.cut, window.alike) == (Rate(10, 30), Rate(10, 20))
    assert (window.length, window.entropy, window.most) == (4.0, 0.5, 0.3)
    assert (window.first, window.last) == (1, 10)


def unsound(number: int, *, skipped: bool = True) -> SftStep:
    norm = math.nan if skipped else 1.0
    return SftStep(number, 2.0, 9, norm, 1e-3, 1, skipped=skipped)


def test_three_updates_in_a_row_that_are_not_finite_end_a_run() -> None:
    skips = Skips(lr=1e-3)
    for number, skipped in enumerate([True, True, False, True, True], 1):
        skips.after(unsound(number, skipped=skipped))
        assert not skips.is_over
    skips.after(unsound(6))
    assert skips.failed
    assert skips.line == (
        "not finite: 3 updates in a row, to step 6, were left out because the loss (2) or the norm of the "
        "gradient (nan) was not finite. Change: lr = 0.0001"
    )


def test_updates_that_are_not_finite_end_a_run_that_is_not_to_stop() -> None:
    watch, warned = watched(stop=False)
    bad = (replace(step, skipped=True, grad_norm=math.inf) for step in steps((9, 0.5, 4)))
    assert seen(watch, bad) == 3
    assert watch.report is not None
    assert (watch.report.verdict, watch.failed, warned) == ("diverged", True, [])
    json.dumps(watch.report.as_json(), allow_nan=False)


def through_json(kept: dict[str, JSON]) -> dict[str, JSON]:
    return json.loads(json.dumps(kept))


RUNS = {
    "silence": [*steps((3, 0.4, 2), (4, 0.1, 0), (1, 0.2, 1), (9, 0.1, 0))],
    "all learned": [*steps((6, 0.9, 2), (9, 1.0, 0))],
    "a collapse": [*run_of(noisy(falling(0.5, 0.1, after=12, over=10, then=28), 0.02, 3))],
    "skips": [replace(step, skipped=step.step in (2, 4, 5, 6)) for step in steps((9, 0.5, 4))],
    "stages": [*in_stages((1, 12, 0.9, 4), (2, 4, 0.1, 0), (2, 9, 0.1, 0))],
}


@pytest.mark.parametrize("stop", [True, False])
@pytest.mark.parametrize("name", RUNS)
def test_a_resumed_run_decides_the_same_wherever_it_was_cut(name: str, stop: bool) -> None:  # noqa: FBT001
    verdict = "already solved" if name == "all learned" else "no signal"
    whole, warned = watched(stop=stop, verdict=verdict)
    count = seen(whole, RUNS[name])
    for cut in range(count + 1):
        first, warned_first = watched(stop=stop, verdict=verdict)
        seen(first, RUNS[name][:cut])
        second, warned_later = watched(stop=stop, verdict=verdict)
        second.restore(through_json(first.as_json()))
        rest = 0 if second.is_over else seen(second, RUNS[name][cut:])
        assert cut + rest == count
        assert (second.report, second.is_over, second.failed) == (whole.report, whole.is_over, whole.failed)
        assert warned_first + warned_later == warned
        assert second.as_json() == whole.as_json()


def test_a_step_is_remembered_but_for_its_log_probabilities() -> None:
    step = a_step(3, 0.5)
    assert of_json(through_json(spelled(step))) == step


def test_what_ends_supervised_training_is_remembered() -> None:
    skips, later = Skips(lr=1e-3), Skips(lr=1e-3)
    for number in (1, 2, 3):
        skips.after(unsound(number))
    later.restore(through_json(skips.as_json()))
    assert later.line == skips.line
