"""A held-out row that is trained on is refused; what a run achieves on the others is looked at on the way."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adhere.cli import main
from adhere.config import GrpoConfig, SftConfig
from adhere.data import store
from adhere.data.store import Dataset
from adhere.errors import ConfigError, DataError, SchemaError
from adhere.measure.calibration import Claim
from adhere.measure.row import Row
from adhere.measure.statistics import Rate
from adhere.model import Model
from adhere.records import Example
from adhere.reward.match import Match
from adhere.schema import Schema
from adhere.train.held_out import HELD_OUT, Answers, Look, Looks, read_apart
from adhere.train.sft import mean_loss, rendered, train, updates

SCHEMA = Schema.of(
    {"title": "S", "type": "object", "properties": {key: {"type": "integer"} for key in "abc"}}
)
TRAIN = tuple(
    Example(id=f"t{n}", text=f"Mug {n}", schema="S", target={"a": n, "b": n, "c": n}) for n in range(3)
)


def held_out(text: str, number: int) -> Example:
    return Example(id="h1", text=text, schema="S", target={"a": number, "b": number, "c": number})


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    store.write(Dataset({"S": SCHEMA}, TRAIN), tmp_path / "data")
    return tmp_path / "data"


def written(place: Path, *rows: Example) -> Path:
    store.write(Dataset({"S": SCHEMA}, rows), place, "held_out.jsonl")
    return place / "held_out.jsonl"


APART = Example(id="h0", text="Jar", schema="S", target={"a": 8, "b": 8, "c": 8})


def test_rows_that_are_apart_are_read(place: Path) -> None:
    assert read_apart(written(place, APART), TRAIN, place).examples == (APART,)


@pytest.mark.parametrize(
    ("row", "by"),
    [
        pytest.param(held_out("mug  1", 9), "text", id="a text, whatever its case and white space"),
        pytest.param(held_out("Pot", 1), "target", id="a target"),
    ],
)
def test_the_first_row_that_leaks_is_named_and_the_others_are_counted(
    place: Path, row: Example, by: str
) -> None:
    file = written(place, APART, row)
    with pytest.raises(DataError) as caught:
        read_apart(file, TRAIN, place)
    assert str(caught.value) == (
        f"{file} row = 'h1': row t1 of {place} has this {by} too, and so it is with 1 of 2 held-out rows: "
        "what a model was trained on measures nothing. Take them out of one of the two; "
        f"`adhere check {place} --against {file}` lists them."
    )


@pytest.mark.parametrize("verb", ["sft", "grpo"])
def test_a_run_is_refused_before_a_model_is_looked_for(
    place: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(place, held_out("Pot", 1))
    words = [verb, "--data", str(place), "--out", str(place / "out"), "--model", "nowhere"]
    assert main([*words, "--held-out", str(file)]) == 2
    assert "row t1 of" in capsys.readouterr().err
    assert not (place / "out").exists()


def test_the_doctor_says_that_the_run_cannot_start(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(place, held_out("Pot", 1))
    words = ["doctor", "--data", str(place), "--model", "nowhere", "--held-out", str(file), "--json"]
    assert main(words) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["verdict"] == "cannot start"
    assert said["causes"][0]["cause"] == "held-out rows leak"
    assert said["causes"][0]["evidence"] == {"held_out": 1}


def row(f1: float, *, obeys: bool = True, tokens: int = 5) -> Row:
    outcome = "obeys" if obeys else "no_output"
    leaves = {"/a": Match(right=1, wrong=0, missing=0, invented=0)}
    return Row(
        example_id="e", outcome=outcome, tokens=tokens,
        exact=f1 == 1, match_share=f1, f1=f1, noise=0.0, leaves=leaves,
    )  # fmt: skip


def look(
    f1: float, *, loss: float | None = None, reward: float | None = None, constrained: float | None = None
) -> Look:
    rewards = () if reward is None else (reward,)
    return Look(
        free=Answers((row(f1),), rewards),
        constrained=None if constrained is None else Answers((row(constrained),)),
        loss=None if loss is None else (loss, 10),
    )


def looking(*seen: Look, every: int = 1, total: int = 100, patience: int = 0) -> Looks:
    coming: Iterator[Look] = iter(seen)
    return Looks(lambda: next(coming), every=every, total=total, patience=patience)


def test_it_looks_every_few_steps_and_at_the_last() -> None:
    looks = looking(*[look(0.5)] * 3, every=2, total=5)
    assert [looks.after(step) is not None for step in range(1, 6)] == [False, True, False, True, True]
    assert [seen["step"] for seen in looks.rows] == [2, 4, 5]


def test_of_looks_that_are_to_come_at_the_end_only_none_is_best() -> None:
    looks = looking(look(0.5), every=0, total=3)
    assert [looks.after(step) is not None for step in (1, 2, 3)] == [False, False, True]
    assert not looks.is_best


def test_a_look_counts_answers_without_intervals() -> None:
    answers = Answers((row(1.0, tokens=4), row(0.0, obeys=False, tokens=8)), rewards=(1.0, 0.5))
    looks = looking(Look(free=answers, loss=(0.25, 20)))
    assert looks.after(1) == {
        "loss": 0.25, "valid_json": 0.5, "schema_valid": 0.5, "tokens": 6,
        "f1": 0.5, "exact": 0.5, "reward": 0.75,
    }  # fmt: skip


def test_at_the_end_every_number_has_its_n_and_interval() -> None:
    rows = (row(1.0), row(0.0, obeys=False))
    looks = looking(Look(free=Answers(rows, (1.0, 0.5)), constrained=Answers(rows[:1]), loss=(0.25, 20)))
    looks.after(1)
    seen: Any = looks.summary(1)
    assert (seen["step"], seen["rows"], seen["loss"]) == (1, 2, {"mean": 0.25, "n": 20})
    assert seen["schema_valid"] == Rate(1, 2).as_json()
    assert seen["f1"] == {"mean": 0.5, "low": 0.0, "high": 1.0, "n": 2}
    assert seen["reward"] == {"mean": 0.75, "low": 0.5, "high": 1.0, "n": 2}
    assert seen["constrained"]["exact"]["rate"] == 1
    assert seen["best"]["step"] == 1


@pytest.mark.parametrize(
    ("seen", "best"),
    [
        pytest.param([look(0.5), look(0.7), look(0.6)], 2, id="by leaf F1"),
        pytest.param([look(0.5, loss=1.0), look(0.5, loss=0.8), look(0.5, loss=0.9)], 2, id="then by loss"),
        pytest.param([look(0.5, reward=0.1), look(0.5, reward=0.4)], 2, id="or by reward"),
        pytest.param([look(0.5), look(0.5)], 1, id="the first of equal ones"),
        pytest.param([look(0.9, constrained=0.2), look(0.1, constrained=0.3)], 2, id="as the run samples"),
        pytest.param([look(0.5, loss=math.nan), look(0.5, loss=9.0)], 2, id="no number is no good loss"),
    ],
)
def test_the_best_look(seen: list[Look], best: int) -> None:
    looks = looking(*seen)
    was_best: list[bool] = []
    for step in range(1, len(seen) + 1):
        looks.after(step)
        was_best.append(looks.is_best)
    assert looks.best is not None
    assert looks.best["step"] == best
    # The last look that was the best when it was made is the best of all.
    assert max(step for step, was in enumerate(was_best, 1) if was) == best


@pytest.mark.parametrize(
    ("losses", "stops"),
    [
        pytest.param([3, 2, 1], [False, False, False], id="falling"),
        pytest.param([1, 2, 1], [False, False, True], id="two looks without a better one"),
        pytest.param([1, 2, 0.5, 1, 1], [False, False, False, False, True], id="one in between"),
        pytest.param([1, math.nan, math.nan], [False, False, True], id="lost"),
    ],
)
def test_a_loss_that_stays_ends_the_run(losses: list[float], stops: list[bool]) -> None:
    looks = looking(*[look(0.5, loss=loss) for loss in losses], patience=2)
    told: list[bool] = []
    for step in range(1, len(losses) + 1):
        looks.after(step)
        told.append(looks.should_stop)
    assert told == stops
    patient = looking(*[look(0.5, loss=loss) for loss in losses])
    for step in range(1, len(losses) + 1):
        patient.after(step)
    assert not patient.should_stop


def test_looks_go_on_from_what_was_kept(tmp_path: Path) -> None:
    seen = [look(0.5, loss=1.0), look(0.7, loss=math.nan), look(0.6, loss=0.9), look(0.6, loss=0.8)]
    whole, first, second = looking(*seen, patience=2), looking(*seen[:2]), looking(*seen[2:], patience=2)
    for step in (1, 2):
        first.after(step)
    second.restore(json.loads(json.dumps(first.as_json())))
    for step in (1, 2, 3, 4):
        whole.after(step)
    for step in (3, 4):
        second.after(step)
    assert second.as_json() == whole.as_json()
    assert (second.best, second.is_best, second.should_stop) == (whole.best, whole.is_best, whole.should_stop)
    second.write(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / HELD_OUT).read_text().splitlines()]
    assert [(line["step"], line["f1"], line["loss"]) for line in lines] == [
        (1, 0.5, 1.0), (2, 0.7, None), (3, 0.6, 0.9), (4, 0.6, 0.8)
    ]  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == [HELD_OUT]


def test_a_run_that_ends_between_looks_is_looked_at_once_more() -> None:
    looks = looking(look(0.5), look(0.7), every=2)
    for step in (1, 2, 3):
        looks.after(step)
    seen: Any = looks.summary(3)
    assert (seen["step"], seen["f1"]["mean"], seen["best"]["step"]) == (3, 0.7, 3)
    assert [each["step"] for each in looks.rows] == [2, 3]


def test_a_run_that_goes_on_at_its_end_is_looked_at_again_and_noted_once() -> None:
    looks = looking(look(0.5))
    looks.restore({"rows": [{"step": 7, "f1": 0.5}]})
    looks.summary(7)
    assert [each["step"] for each in looks.rows] == [7]


WORDS = Schema.of(
    {"title": "W", "type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
)


def words(*given: str) -> Dataset:
    return Dataset(
        {"W": WORDS}, tuple(Example(id=word, text=word, schema="W", target={"a": word}) for word in given)
    )


def sft(**changes: object) -> SftConfig:
    given = {"data": Path("d"), "out": Path("o"), "held_out": Path("h"), "evaluate_every": 30, "lr": 1e-2}
    return SftConfig(**{**given, **changes})  # type: ignore[arg-type]


def grpo(**changes: object) -> GrpoConfig:
    given = {
        "data": Path("d"),
        "out": Path("o"),
        "held_out": Path("h"),
        "evaluate_every": 1,
        "max_new_tokens": 40,
    }
    return GrpoConfig(**{**given, **changes})  # type: ignore[arg-type]


def test_a_model_that_learns_is_seen_learning(model: Model) -> None:
    shown = words("mug", "pot", "jar")
    config = sft(epochs=90, batch_size=3)
    # The same rows: what is tested is that a look sees what was learned.
    looks = Looks.of_sft(model, shown, config, total=updates(shown.examples, config))
    for step in train(model, shown.examples, shown.schemas, config):
        looks.after(step.step)
    assert [seen["step"] for seen in looks.rows] == [30, 60, 90]
    assert looks.rows[0]["loss"] > looks.rows[-1]["loss"]
    assert looks.rows[-1] | {"loss": 0} == {
        "step": 90, "loss": 0, "f1": 1, "exact": 1, "schema_valid": 1, "valid_json": 1, "tokens": 12
    }  # fmt: skip
    rows = list(rendered(model, shown.examples, shown.schemas, max_tokens=512).values())
    seen: Any = looks.summary(90)
    # Three answers of 11 characters and the end.
    assert seen["loss"] == {"mean": mean_loss(model, rows), "n": 36}
    assert seen["exact"]["tries"] == 3


def test_answers_have_a_quarter_more_room_than_the_longest_right_one(model: Model) -> None:
    looks = Looks.of_sft(model, words("mug", "kettle"), sft(), total=1)
    # A random model does not end. `{"a":"kettle"}` and the end are 15 tokens; 15 + 15 // 4 = 18.
    assert looks.after(1) is not None
    assert looks.rows[0]["tokens"] == 18


def test_answers_never_leave_the_model_s_context(model: Model) -> None:
    asked = len(rendered(model, words("").examples, {"W": WORDS}, max_tokens=512)[""].tokens)
    # The text and the answer both hold the word, so that the two fill all but one token.
    long = "x" * ((model.context - asked - 1) // 2)
    looks = Looks.of_sft(model, words(long), sft(), total=1)
    assert looks.after(1) is not None


@pytest.mark.parametrize("constrain", [False, True])
def test_a_run_under_a_grammar_is_measured_with_it_and_without(model: Model, *, constrain: bool) -> None:
    looks = Looks.of_grpo(model, words("mug", "pot"), grpo(constrain=constrain, reward="schema"))
    seen = looks.after(1)
    assert seen is not None
    assert (seen["schema_valid"], seen["reward"]) == (0, 0)
    under = {name: value for name, value in seen.items() if name.startswith("constrained_")}
    if constrain:
        assert (under["constrained_schema_valid"], under["constrained_reward"]) == (1, 1)
        assert under.keys() == {f"constrained_{name}" for name in seen.keys() - under.keys()}
    else:
        assert under == {}


def test_two_looks_at_equal_weights_are_equal(model: Model) -> None:
    looks = Looks.of_grpo(model, words("mug", "pot"), grpo(constrain=True))
    assert looks.after(1) == looks.after(2)


def without_target(*given: str) -> Dataset:
    return Dataset({"W": WORDS}, tuple(Example(id=word, text=word, schema="W") for word in given))


def test_without_targets_the_reward_decides(model: Model) -> None:
    seen = Looks.of_grpo(model, without_target("mug"), grpo(reward="grounded")).after(1)
    assert seen is not None
    assert seen.keys() == {"valid_json", "schema_valid", "tokens", "reward"}


@pytest.mark.parametrize(
    ("examples", "changes", "why"),
    [
        pytest.param(
            without_target("mug"), {}, r"h row mug = None: the reward 'fields' compares", id="no target"
        ),
        pytest.param(
            words("mug " * 200), {}, r"h row .*40 new ones exceed the model's context of 512", id="long"
        ),
    ],
)
def test_what_cannot_be_measured_is_refused_before_the_run(
    model: Model, examples: Dataset, changes: dict[str, object], why: str
) -> None:
    with pytest.raises(DataError, match=why):
        Looks.of_grpo(model, examples, grpo(**changes))


def test_a_schema_that_no_grammar_guarantees_is_refused_before_the_run(model: Model) -> None:
    odd = Schema.of({"title": "W", "not": {"type": "string"}})
    with pytest.raises(SchemaError):
        Looks.of_grpo(model, Dataset({"W": odd}, words("mug").examples), grpo(constrain=True))


def test_a_held_out_row_that_is_too_long_is_refused_before_the_run(model: Model) -> None:
    with pytest.raises(ConfigError, match=r"sft.max_tokens = 50"):
        Looks.of_sft(model, words("mug"), sft(max_tokens=50), total=1)


def test_held_out_examples_that_are_not_there_are_called_by_their_setting(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"held_out = .*nowhere"):
        read_apart(tmp_path / "nowhere", [], tmp_path)


def test_before_the_first_look_nothing_is_known_of_confidences() -> None:
    assert Looks(lambda: look(1.0), every=1, total=1).calibration() is None


def test_confidences_are_those_of_the_last_look_under_the_grammar_where_it_has_one() -> None:
    free, bound = [[Claim(0.9, right=True)]] * 30, [[Claim(0.9, right=False)]] * 40
    seen = [
        Look(free=Answers((row(1.0),), claims=tuple(free))),
        Look(
            free=Answers((row(1.0),), claims=tuple(free)),
            constrained=Answers((row(1.0),), claims=tuple(bound)),
        ),
    ]
    looks = Looks(iter(seen).__next__, every=1, total=2)
    for step, (rows, is_likely) in enumerate([(30, True), (40, False)], 1):
        looks.after(step)
        made = looks.calibration()
        assert made is not None
        assert made.rows == rows
        assert (made.probability(0.9) > 0.5) == is_likely
