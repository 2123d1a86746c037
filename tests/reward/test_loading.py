"""A reward is found by its name, and every reward scores attempts the same way."""

import os
from pathlib import Path
from typing import get_args

import pytest

from adhere.config import JsonForm, OwnCalls, Preset, RubricScoring, Scoring
from adhere.errors import ConfigError, RewardError
from adhere.records import Example
from adhere.reward.loading import Attempt, files, load
from adhere.reward.score import Score, score
from adhere.schema import Schema

SCHEMA = Schema.of({"title": "S", "type": "object", "properties": {"a": {"type": "string"}}})
EXAMPLE = Example(
    id="e1",
    text="Acme sold a mug.",
    schema="S",
    target={"a": "mug"},
    reasoning="It says so.",
    meta={"vendor": "Acme", "rubric": [{"aspect": "accuracy", "contains": "mug"}]},
)
ANSWERS = ['{"a": "mug"}', '{"a": 1}', "{", "mug"]
ATTEMPTS = [Attempt(answer, EXAMPLE, SCHEMA) for answer in ANSWERS]


def written(directory: Path, source: str) -> str:
    (directory / "own.py").write_text(source)
    return f"{directory}/own.py:f"


@pytest.mark.parametrize("preset", ["schema", "fields", "grounded"])
@pytest.mark.parametrize("form", get_args(JsonForm))
def test_a_preset_scores_as_score_does(preset: Preset, form: JsonForm) -> None:
    scoring = Scoring(parses=0.3, obeys=0.3, matches=0.4)
    reward = load(preset, form=form, scoring=scoring)
    assert reward(ATTEMPTS) == [
        score(answer, EXAMPLE, SCHEMA, preset=preset, form=form, scoring=scoring) for answer in ANSWERS
    ]


def test_a_reward_of_the_user_s_own_has_one_part_and_our_outcome(tmp_path: Path) -> None:
    reward = load(written(tmp_path, "def f(completion, row): return 10 * len(completion) - 20"))
    fenced = Attempt('```{"a": "mug"}```', EXAMPLE, SCHEMA)
    assert reward([*ATTEMPTS, fenced]) == [
        Score(100.0, "obeys", {"own": 100.0}),  # 12 characters
        Score(60.0, "violates", {"own": 60.0}),
        Score(-10.0, "malformed", {"own": -10.0}),
        Score(10.0, "no_output", {"own": 10.0}),
        Score(160.0, "malformed", {"own": 160.0}, "fence"),
    ]


def test_its_outcome_is_that_of_the_form(tmp_path: Path) -> None:
    name = written(tmp_path, "def f(completion, row): return 1")
    thought = [Attempt(f"<think>so</think><answer>{ANSWERS[0]}</answer>", EXAMPLE, SCHEMA)]
    assert [load(name, form=form)(thought)[0].outcome for form in get_args(JsonForm)] == [
        "malformed",
        "obeys",
    ]


def test_its_row_has_the_columns_of_the_example_and_the_schema_itself(tmp_path: Path) -> None:
    row = {
        "vendor": "Acme",
        "rubric": EXAMPLE.meta["rubric"],
        "id": "e1",
        "text": "Acme sold a mug.",
        "schema": SCHEMA.source,
        "target": {"a": "mug"},
        "reasoning": "It says so.",
    }
    reward = load(
        written(tmp_path, f"def f(completion, row):\n    assert row == {row!r}, row\n    return 1\n")
    )
    assert [each.total for each in reward(ATTEMPTS)] == [1.0] * 4


@pytest.mark.parametrize(
    ("own", "is_elsewhere"),
    [
        pytest.param(OwnCalls(), False, id="by default in the run's own process"),
        pytest.param(OwnCalls(processes=1), True, id="in a process where asked for"),
        pytest.param(OwnCalls(seconds=60), True, id="in a process where there is a limit"),
    ],
)
def test_where_it_is_called(own: OwnCalls, is_elsewhere: object, tmp_path: Path) -> None:
    reward = load(written(tmp_path, "import os\ndef f(completion, row): return os.getpid()"), own=own)
    assert (reward(ATTEMPTS[:1])[0].total != os.getpid()) == is_elsewhere


def test_a_limit_is_kept(tmp_path: Path) -> None:
    slow = written(tmp_path, "import time\ndef f(completion, row): time.sleep(60)")
    with pytest.raises(RewardError, match=r"row e1 = 'no answer after 0.3 s'"):
        load(slow, own=OwnCalls(seconds=0.3))(ATTEMPTS)


def test_a_name_that_is_none_is_refused_with_what_was_meant() -> None:
    with pytest.raises(ConfigError) as caught:
        load("feilds")
    assert str(caught.value) == (
        "reward = 'feilds': there is no such preset; perhaps you meant fields. "
        f"Use one of {', '.join(get_args(Preset))}, or path/to/file.py:function."
    )


def test_the_file_of_a_user_s_reward_decides_what_it_gives(tmp_path: Path) -> None:
    assert files(written(tmp_path, "def f(completion, row): ...")) == [tmp_path / "own.py"]
    with pytest.raises(ConfigError, match="cannot be read"):
        files(f"{tmp_path}/none.py:f")


def test_so_does_the_file_of_a_rubric_and_no_file_of_another_preset() -> None:
    scoring = Scoring(rubric=RubricScoring(file=Path("checks.toml")))
    assert files("rubric", scoring) == [Path("checks.toml")]
    assert files("rubric") == files("fields", scoring) == []


def test_a_preset_that_reads_json_is_refused_where_the_answer_is_a_text() -> None:
    with pytest.raises(ConfigError, match="it judges JSON, and the form prose asks for a text"):
        load("fields", form="prose")
