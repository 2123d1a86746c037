"""Which examples a stage has, when it ends, and what is wrong with a file of stages."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.config import GrpoConfig, SftConfig
from adhere.errors import ConfigError
from adhere.model import Model
from adhere.records import JSON, Example
from adhere.schema import Schema
from adhere.train import grpo, sft
from adhere.train.curriculum import (
    EVERYTHING,
    START,
    Course,
    Curriculum,
    Measure,
    Place,
    Stage,
    load,
    passage,
)
from adhere.train.order import even, in_passes

SCHEMA = Schema.of({"title": "S", "type": "object", "additionalProperties": {"type": "string"}})
FLAT = [Example(id=f"flat-{n}", text=f"{n}", schema="S", target={"a": f"{n}"}) for n in range(4)]
WIDE = [
    Example(id=f"wide-{n}", text=f"{n} {n}", schema="S", target={"a": f"{n}", "b": f"{n}"}) for n in range(3)
]
EXAMPLES = [*FLAT, *WIDE]
TWO_STAGES = Curriculum((Stage(name="one", leaves=(1, 1), reward=0.5, window=2), Stage(name="all")))
CONFIG = Path(__file__).parents[2] / "configs" / "curriculum.toml"


def written(folder: Path, text: str) -> Path:
    file = folder / "c.toml"
    file.write_text(text)
    return file


# ------------------------------------------------------------------------------------------ which examples


def ids(examples: Sequence[Example]) -> set[str]:
    return {example.id for example in examples}


def test_an_example_belongs_to_every_stage_whose_ranges_it_lies_in() -> None:
    first, second = TWO_STAGES.pools(EXAMPLES)
    assert ids(first) == ids(FLAT)
    assert ids(second) == ids(EXAMPLES)


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        pytest.param(Stage(name="s", leaves=(2, 2)), WIDE, id="both ends are included"),
        pytest.param(Stage(name="s", leaves=(2, math.inf)), WIDE, id="no upper end"),
        pytest.param(Stage(name="s", depth=(1, 1), characters=(0, 1)), FLAT, id="all ranges must hold"),
        pytest.param(Stage(name="s", arrays=(0, 0), distractors=(0, 0)), EXAMPLES, id="nothing of either"),
    ],
)
def test_ranges_choose_examples(stage: Stage, expected: list[Example]) -> None:
    (pool,) = Curriculum((stage,)).pools(EXAMPLES)
    assert ids(pool) == ids(expected)


def test_a_stage_that_no_example_fits_says_what_there_is() -> None:
    stages = (*TWO_STAGES.stages, Stage(name="deep", depth=(2, 9), leaves=(5, 9)))
    with pytest.raises(ConfigError) as caught:
        Curriculum(stages, "c.toml").pools(EXAMPLES)
    assert str(caught.value) == (
        "c.toml stage 3 = 'deep': no example fits it; they have 1 to 2 leaves, 1 to 1 depth. "
        "Widen its ranges, or bring examples of that kind."
    )


# -------------------------------------------------------------------------------------------- when it ends


def places(curriculum: Curriculum, achieved: Sequence[float], *, by: Measure) -> list[int]:
    """The stage of each step, from 0."""
    place, stages = START, list[int]()
    for value in achieved:
        stages.append(place.stage)
        place = curriculum.after(place, value, by=by)
    return stages


def stages(**first: object) -> Curriculum:
    return Curriculum((Stage(name="one", **first), Stage(name="two")))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("curriculum", "by", "achieved", "expected"),
    [
        pytest.param(
            stages(reward=0.5, window=2), "reward", [1, 0, 0], [0, 0, 1], id="the mean of two is 0.5"
        ),
        pytest.param(stages(reward=0.5, window=3), "reward", [1, 1, 1, 0], [0, 0, 0, 1], id="a full window"),
        pytest.param(
            stages(reward=0.6, window=2),
            "reward",
            [1, 0, 0, 1, 1, 0],
            [0] * 5 + [1],
            id="the last ones count",
        ),
        pytest.param(stages(reward=0.5, window=1, least=3), "reward", [1] * 4, [0, 0, 0, 1], id="at least"),
        pytest.param(stages(reward=0.5, window=2, most=3), "reward", [0] * 4, [0, 0, 0, 1], id="at most"),
        pytest.param(stages(loss=0.5, window=2), "loss", [1, 0, 1], [0, 0, 1], id="a loss falls to it"),
        pytest.param(
            stages(loss=0.5, window=1, most=2), "reward", [9, 9, 9], [0, 0, 1], id="loss is no reward"
        ),
        pytest.param(
            stages(reward=0.5, window=1, most=2), "loss", [0, 0, 0], [0, 0, 1], id="nor the other way"
        ),
        pytest.param(EVERYTHING, "reward", [1] * 50, [0] * 50, id="the last stage has no end"),
    ],
)
def test_a_stage_ends_when_it_is_learned_or_has_had_its_steps(
    curriculum: Curriculum, by: Measure, achieved: list[float], expected: list[int]
) -> None:
    assert places(curriculum, achieved, by=by) == expected


@given(
    st.lists(st.floats(0, 1), max_size=30),
    st.floats(0, 1),
    st.integers(1, 4),
    st.integers(1, 5),
    st.none() | st.integers(5, 9),
)
def test_a_run_never_goes_back_and_no_stage_outlasts_its_most(
    achieved: list[float], reward: float, window: int, least: int, most: int | None
) -> None:
    one = Stage(name="one", reward=reward, window=window, least=least, most=most)
    met = places(Curriculum((one, one, one)), achieved, by="reward")
    assert met == sorted(met)
    for stage in {*met} - {met[-1] if met else 0}:
        assert max(window if most is None else 1, least) <= met.count(stage) <= (most or len(met))


def test_steps_of_the_stage_before_do_not_count() -> None:
    one = Stage(name="one", reward=0.5, window=2)
    assert places(Curriculum((one, one, one)), [1, 1, 1, 1, 1], by="reward") == [0, 0, 1, 1, 2]


def test_a_stage_is_learned_by_its_own_reward_and_the_last_one_never() -> None:
    assert TWO_STAGES.is_learned(1, 0.5)
    assert not TWO_STAGES.is_learned(1, 0.49)
    assert not TWO_STAGES.is_learned(2, 1.0)
    assert not stages(most=5).is_learned(1, 1.0)


# -------------------------------------------------------------------------------------------- the way there

Batches = Callable[[Sequence[Example], int], Iterator[list[Example]]]
BATCHES: list[Batches] = [partial(even, size=2, seed=3), partial(in_passes, size=3, seed=3)]


def walked(course: Course, achieved: Sequence[float]) -> list[list[str]]:
    met: list[list[str]] = []
    for value in achieved:
        met.append([example.id for example in course.batch()])
        course.achieved(value)
    return met


@pytest.mark.parametrize("batches", BATCHES, ids=["even", "in passes"])
def test_a_stage_has_its_own_examples_each_once_a_pass(batches: Batches) -> None:
    met = walked(Course(TWO_STAGES, EXAMPLES, batches, by="reward"), [0, 1, 0, 0, 0, 0])
    first, second = met[:2], met[2:]
    assert sorted(id for batch in first for id in batch) == sorted(ids(FLAT))
    assert {id for batch in second for id in batch} == ids(EXAMPLES)


@pytest.mark.parametrize("batches", BATCHES, ids=["even", "in passes"])
def test_a_run_that_is_taken_up_meets_what_it_would_have_met(batches: Batches) -> None:
    achieved = [0.0, 0.2, 0.9, 0.9, 0.1, 0.0, 0.3]
    whole = walked(Course(TWO_STAGES, EXAMPLES, batches, by="reward"), achieved)
    for done in range(len(achieved) + 1):
        first = Course(TWO_STAGES, EXAMPLES, batches, by="reward")
        assert walked(first, achieved[:done]) == whole[:done]
        again = Course(TWO_STAGES, EXAMPLES, batches, by="reward", place=first.place)
        assert walked(again, achieved[done:]) == whole[done:]


def test_a_step_may_take_several_batches() -> None:
    course = Course(EVERYTHING, EXAMPLES, partial(even, size=1, seed=3), by="reward")
    met = [course.batch() + course.batch() for _ in range(3)]
    assert met == list(islice(even(EXAMPLES, 0, size=2, seed=3), 3))
    assert course.place == Place(steps=0, drawn=6)
    again = Course(EVERYTHING, EXAMPLES, partial(even, size=1, seed=3), by="reward", place=course.place)
    assert again.batch() == course.batch()


def test_the_order_of_a_stage_is_its_own() -> None:
    one = Curriculum((Stage(name="a", most=1), Stage(name="b")))
    first, second = walked(Course(one, EXAMPLES, partial(even, size=7, seed=0), by="reward"), [0, 0])
    assert sorted(first) == sorted(second)
    assert first != second


def test_the_summary_says_what_became_of_each_stage() -> None:
    three = Curriculum((*TWO_STAGES.stages[:1], Stage(name="wide", leaves=(2, 2), most=1), Stage(name="all")))
    assert passage(three, EXAMPLES, [0.0, 1.0, 0.0], by="reward") == {
        "stages": [
            {"name": "one", "examples": 4, "steps": 2, "ended": "reward"},
            {"name": "wide", "examples": 3, "steps": 1, "ended": "most"},
            {"name": "all", "examples": 7, "steps": 0, "ended": None},
        ],
        "examples_of_no_stage": 0,
    }
    only = Curriculum((Stage(name="wide", leaves=(2, 2)),))
    assert passage(only, EXAMPLES, [0.0], by="reward")["examples_of_no_stage"] == 4


# ------------------------------------------------------------------------------------------------ the loops


def settings(**given: object) -> GrpoConfig:
    small = {"steps": 4, "prompts_per_step": 2, "group_size": 2, "max_new_tokens": 2, "reward": "schema"}
    return GrpoConfig(data=Path("d"), out=Path("o"), **{**small, **given})  # type: ignore[arg-type]


def test_grpo_goes_on_when_the_reward_suffices(model: Model) -> None:
    # Random bytes earn 0, and 0 suffices.
    easy = Curriculum(
        (Stage(name="one", leaves=(1, 1), reward=0.0, window=2), Stage(name="wide", leaves=(2, 2)))
    )
    steps = list(grpo.train(model, EXAMPLES, {"S": SCHEMA}, settings(), curriculum=easy))
    assert [step.stage for step in steps] == [1, 1, 2, 2]
    asked = [{group[0].completion.example_id for group in step.groups} for step in steps]
    assert asked[0] | asked[1] <= ids(FLAT)
    assert asked[2] | asked[3] <= ids(WIDE)


def test_sft_goes_on_when_the_loss_suffices(model: Model) -> None:
    config = SftConfig(data=Path("d"), out=Path("o"), epochs=2, batch_size=2)
    easy = Curriculum((Stage(name="one", leaves=(1, 1), loss=100.0, window=3), Stage(name="all")))
    steps = list(sft.train(model, EXAMPLES, {"S": SCHEMA}, config, curriculum=easy))
    # Seven examples in batches of two are four updates a pass, whatever the stages.
    assert [step.stage for step in steps] == [1, 1, 1, 2, 2, 2, 2, 2]


def test_one_stage_of_everything_is_the_run_without_a_curriculum(model: Model, any_model: Model) -> None:
    everything = Curriculum((Stage(name="all", leaves=(0, math.inf)),))
    config = SftConfig(data=Path("d"), out=Path("o"), epochs=2, batch_size=2)
    weights = {name: weight.clone() for name, weight in any_model.network.state_dict().items()}
    plain = list(sft.train(any_model, EXAMPLES, {"S": SCHEMA}, config))
    any_model.network.load_state_dict(weights)
    assert list(sft.train(any_model, EXAMPLES, {"S": SCHEMA}, config, curriculum=everything)) == plain
    first = list(grpo.train(model, EXAMPLES, {"S": SCHEMA}, settings()))
    assert list(grpo.train(model, EXAMPLES, {"S": SCHEMA}, settings(), curriculum=everything)) == first


# ------------------------------------------------------------------------------------------------- the file


def test_a_file_is_read_as_it_stands(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        '[[stage]]\nname = "one"\nleaves = [1, 1]\nreward = 1\nloss = 0.5\nwindow = 3\nleast = 2\nmost = 9\n'
        '[[stage]]\nname = "rest"\nleaves = [2, inf]\n',
    )
    assert load(file, EXAMPLES, by="loss").stages == (
        Stage(name="one", leaves=(1, 1), reward=1, loss=0.5, window=3, least=2, most=9),
        Stage(name="rest", leaves=(2, math.inf)),
    )


def test_without_a_file_there_is_one_stage() -> None:
    assert load(None, EXAMPLES, by="reward") is EVERYTHING


@pytest.mark.parametrize("by", ["reward", "loss"])
def test_the_file_that_comes_with_the_project_is_one(by: Measure) -> None:
    listed: list[JSON] = ["c"] * 12
    deep = Example(id="deep", text="", schema="S", target={"a": {"b": listed}})
    assert len(load(CONFIG, [*EXAMPLES, deep], by=by).stages) == 3


ONE, LAST = '[[stage]]\nname = "one"\n', '[[stage]]\nname = "last"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "", "c.toml = '': a curriculum is a list of stages, and nothing else. Begin each", id="empty"
        ),
        pytest.param(f"lr = 1\n{ONE}", "c.toml = 'lr, stage': a curriculum is a list", id="another key"),
        pytest.param("[stage]\nname = 'a'\n", "a curriculum is a list of stages", id="one table"),
        pytest.param("stage = [1]\n", "c.toml stage 1 = 1: a stage is a table. Begin each", id="no table"),
        pytest.param("[[stage\n", "Name a TOML file.", id="no TOML"),
        pytest.param(
            f"{ONE}most = 1\n{LAST}leavs = [1, 2]\n",
            "c.toml stage 2 leavs = [1, 2]: a stage has no such key; perhaps you meant leaves. Use name, ",
            id="a typo",
        ),
        pytest.param(
            "[[stage]]\nmost = 1\n", "c.toml stage 1 name = None: the stage has none.", id="no name"
        ),
        pytest.param("[[stage]]\nname = ''\n", "stage 1 name = '': it is not a text.", id="an empty name"),
        pytest.param(f"{ONE}leaves = 3\n", "leaves = 3: a range is its least and its most", id="no range"),
        pytest.param(f"{ONE}leaves = [3]\n", "leaves = [3]: a range is", id="half a range"),
        pytest.param(f"{ONE}leaves = [3, 1]\n", "leaves = [3, 1]: a range is", id="upside down"),
        pytest.param(f"{ONE}leaves = [-1, 1]\n", "leaves = [-1, 1]: a range is", id="negative"),
        pytest.param(f"{ONE}leaves = [1.0, 2]\n", "leaves = [1.0, 2]: a range is", id="a fraction"),
        pytest.param(f"{ONE}leaves = [false, 2]\n", "leaves = [False, 2]: a range is", id="a boolean"),
        pytest.param(f"{ONE}leaves = [1, nan]\n", "leaves = [1, nan]: a range is", id="no number"),
        pytest.param(f"{ONE}reward = nan\n", "reward = nan: it is not a number.", id="reward"),
        pytest.param(f"{ONE}reward = true\n", "reward = True: it is not a number.", id="a boolean reward"),
        pytest.param(f"{ONE}loss = 0\n", "loss = 0: it is not a number above 0, in nats.", id="loss"),
        pytest.param(f"{ONE}window = 0\n", "window = 0: it is not a whole number from 1 on.", id="window"),
        pytest.param(f"{ONE}least = 1.5\n", "least = 1.5: it is not a whole number", id="least"),
        pytest.param(f"{ONE}most = true\n", "most = True: it is not a whole number", id="most"),
        pytest.param(
            f"{ONE}least = 6\nmost = 5\n",
            "stage 1 least = 6: the stage ends after 5 steps in any case. Use 5 or less, or raise most.",
            id="least above most",
        ),
        pytest.param(
            f"{ONE}reward = 1\nmost = 5\n",
            "stage 1 window = 10: the stage ends after 5 steps in any case.",
            id="a window that is never full",
        ),
        pytest.param(
            f"{ONE}loss = 1\n{LAST}",
            "c.toml stage 1 = 'one': it has neither reward nor most, so it would never end and the next one "
            "never begin. Give it reward, most, or both.",
            id="a stage without an end",
        ),
        pytest.param(
            f"{ONE}depth = [7, 9]\n", "c.toml stage 1 = 'one': no example fits it", id="no examples"
        ),
    ],
)
def test_what_is_no_stage_is_refused_by_its_number_and_key(tmp_path: Path, text: str, message: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(file, EXAMPLES, by="reward")
    line = str(caught.value).replace(f"{tmp_path}/", "")
    assert message in line
    assert "\n" not in line


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"curriculum = .*c.toml'.*No such file.*Name a TOML file"):
        load(tmp_path / "c.toml", EXAMPLES, by="reward")


def test_a_place_is_small_and_spelled_in_json() -> None:
    place = cast("Place", TWO_STAGES.after(START, 0.25, by="reward"))
    assert place == Place(stage=0, steps=1, recent=(0.25,))
