"""What a study's file says, and what is refused before anything runs."""

from pathlib import Path

import pytest

from adhere.config import EvalConfig, GrpoConfig, ReasonConfig, SftConfig, StudyConfig, SynthConfig
from adhere.errors import ConfigError
from adhere.study.plan import Plan, read

STUDY = """
model = "base"
[data.made]
verb = "synth"
domain = "food"
rows = 20
held_out = 5
[data.traced]
verb = "reason"
data = "made"
[held_out]
rows = "made/held_out.jsonl"
[sft]
lr = 1e-3
[eval]
max_new_tokens = 64
[stages.warm]
verb = "sft"
data = "traced"
form = "think"
[stages.trained]
verb = "grpo"
from = "warm"
data = "made"
steps = 3
[contestants.shipped]
[contestants.trained]
stage = "trained"
title = "after both"
batch_size = 8
[questions]
"Does it help?" = ["trained, constrained", "shipped"]
[goals]
valid_json = ">= 0.99"
noise = "<= 0.0027"
[published.others]
match_all = 62.41
"""


def plan(text: str, *settings: str, directory: Path, out: Path = Path("out")) -> Plan:
    file = directory / "study.toml"
    file.write_text(text, encoding="utf-8")
    return read(StudyConfig(file=file, out=out, set=settings))


def test_steps_come_in_the_order_of_the_file_each_with_a_place_of_its_own(tmp_path: Path) -> None:
    read = plan(STUDY, directory=tmp_path)
    assert {name: str(step.out) for name, step in read.steps()} == {
        "data.made": "out/data/made",
        "data.traced": "out/data/traced",
        "stages.warm": "out/stages/warm",
        "stages.trained": "out/stages/trained",
        "evaluations.rows/shipped": "out/evaluations/rows/shipped",
        "evaluations.rows/shipped, constrained": "out/evaluations/rows/shipped-constrained",
        "evaluations.rows/trained": "out/evaluations/rows/trained",
        "evaluations.rows/trained, constrained": "out/evaluations/rows/trained-constrained",
    }


def test_names_become_places_and_shared_settings_hold_where_a_step_says_nothing_else(tmp_path: Path) -> None:
    steps = dict(plan(STUDY, directory=tmp_path).steps())
    made, traced = steps["data.made"], steps["data.traced"]
    warm, trained = steps["stages.warm"], steps["stages.trained"]
    free, bound = steps["evaluations.rows/shipped"], steps["evaluations.rows/trained, constrained"]
    assert isinstance(made, SynthConfig)
    assert isinstance(traced, ReasonConfig)
    assert isinstance(warm, SftConfig)
    assert isinstance(trained, GrpoConfig)
    assert isinstance(free, EvalConfig)
    assert isinstance(bound, EvalConfig)
    assert (made.rows, traced.data) == (20, Path("out/data/made"))
    assert (warm.model, warm.data, warm.lr, warm.form) == ("base", Path("out/data/traced"), 1e-3, "think")
    assert (trained.model, trained.steps) == ("out/stages/warm/checkpoint", 3)
    assert (free.model, free.data) == ("base", Path("out/data/made/held_out.jsonl"))
    assert (free.constrain, free.form, free.max_new_tokens) == (False, "plain", 64)
    assert (bound.model, bound.constrain, bound.batch_size) == ("out/stages/trained/checkpoint", True, 8)


def test_a_contestant_knows_all_that_it_went_through(tmp_path: Path) -> None:
    read = plan(STUDY, directory=tmp_path)
    assert read.contestants["shipped"].stages == ()
    assert read.contestants["trained"].stages == ("warm", "trained")
    assert [each.title for each in read.contestants.values()] == ["shipped", "after both"]


def test_a_contestant_answers_in_the_form_of_its_last_stage_unless_it_says_another(tmp_path: Path) -> None:
    text = STUDY.replace("[questions]", '[contestants.warm]\nstage = "warm"\n[questions]')
    steps = dict(plan(text, directory=tmp_path).steps())
    warm, trained = steps["evaluations.rows/warm"], steps["evaluations.rows/trained"]
    assert isinstance(warm, EvalConfig)
    assert isinstance(trained, EvalConfig)
    assert (warm.form, trained.form) == ("think", "plain")


def test_a_contestant_may_be_measured_in_one_way_only(tmp_path: Path) -> None:
    text = STUDY.replace('title = "after both"', "constrain = true").replace('"shipped"]', '"trained"]', 1)
    text = text.replace('["trained, constrained", "trained"]', '["trained, constrained", "shipped"]')
    names = list(plan(text, directory=tmp_path).evaluations("rows"))
    assert names == ["shipped", "shipped, constrained", "trained, constrained"]


def test_what_is_told_besides(tmp_path: Path) -> None:
    read = plan(STUDY, directory=tmp_path)
    assert read.questions == {"Does it help?": ("trained, constrained", "shipped")}
    assert read.goals == {"valid_json": ("at least", 0.99), "noise": ("at most", 0.0027)}
    assert read.published == {"others": {"match_all": 62.41}}
    assert (read.title, read.about, read.cluster) == ("A study", "", "text")
    assert read.report == ("shipped", "trained")


def test_what_is_set_wins_over_the_file(tmp_path: Path) -> None:
    settings = ("data.made.rows=7", "model=other", "grpo.lr=0.5", "stages.trained.reward=grounded")
    steps = dict(plan(STUDY, *settings, directory=tmp_path).steps())
    made, warm, trained = steps["data.made"], steps["stages.warm"], steps["stages.trained"]
    assert isinstance(made, SynthConfig)
    assert isinstance(warm, SftConfig)
    assert isinstance(trained, GrpoConfig)
    assert (made.rows, warm.model, trained.lr, trained.reward) == (7, "other", 0.5, "grounded")


def test_data_that_no_step_makes_is_a_place_of_the_users(tmp_path: Path) -> None:
    read = plan(STUDY, "held_out.rows=real/rows.jsonl", "stages.trained.data=real", directory=tmp_path)
    assert read.held_out == {"rows": Path("real/rows.jsonl")}
    assert read.stages["trained"].data == Path("real")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        pytest.param(["stages.warm.lr=0"], "study.stages.warm.lr = 0.0: the weights would not", id="range"),
        pytest.param(["stages.warm.lr=fast"], "study.stages.warm.lr: 'fast' cannot be read as", id="type"),
        pytest.param(
            ["stages.warm.epoch=2"], "study.stages.warm.epoch: adhere sft has no such setting", id="a typo"
        ),
        pytest.param(["stages.warm.epoch=2"], "perhaps you meant --epochs", id="a typo's mending"),
        pytest.param(["grpo.clip=0"], "study.stages.trained.clip = 0.0", id="a shared setting"),
        pytest.param(["data.made.noise=2"], "study.data.made.noise = 2.0", id="of data"),
        pytest.param(["contestants.shipped.batch_size=0"], "study.contestants.shipped.batch_size", id="eval"),
        pytest.param(
            ["stages.warm.data=1", "stages.warm.verb=ftt"], "study.stages.warm.verb = 'ftt'", id="verb"
        ),
        pytest.param(["stages.warm.verb=eval"], "Use one of sft, grpo", id="a verb that trains nothing"),
        pytest.param(["stages.trained.from=wram"], "has this name; perhaps you meant warm", id="from"),
        pytest.param(["stages.warm.from=trained"], "study.stages.warm.from = 'trained'", id="a stage below"),
        pytest.param(["contestants.trained.stage=x"], "no stage has this name", id="stage"),
        pytest.param(["contestants.trained.title=3"], "study.contestants.trained.title = 3", id="title"),
        pytest.param(["questions.Why=shipped"], "study.questions.Why = 'shipped': it takes two", id="one"),
        pytest.param(
            ['questions.Why=["shipped", "traind"]'],
            "'traind': it is none of those that there are",
            id="nobody",
        ),
        pytest.param(["goals.noise=low"], "study.goals.noise = 'low': it is no bound", id="goal"),
        pytest.param(["published.others.noise=low"], "study.published.others.noise = 'low'", id="figure"),
        pytest.param(['report=["nobody"]'], "study.report = 'nobody'", id="report"),
        pytest.param(["stage.warm.lr=1"], "no such setting; perhaps you meant stages", id="table"),
        pytest.param(["title=3"], "study.title = 3: it must be a text", id="no text"),
        pytest.param(["stages.warm=3"], "study.stages.warm = 3: it must be a table", id="no table"),
        pytest.param(["held_out.rows=3"], "study.held_out.rows = 3: it must be a text", id="no place"),
        pytest.param(["rows"], "study.set = 'rows': it sets nothing of the file", id="no value"),
        pytest.param(["model.x=1"], "study.set = 'model.x=1': it sets nothing", id="no table to set in"),
    ],
)
def test_what_cannot_work_is_named_by_its_place(settings: list[str], says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        plan(STUDY, *settings, directory=tmp_path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("[contestants.shipped]", "study.held_out = {}: there is nothing", id="no rows"),
        pytest.param('[held_out]\nrows = "x"', "study.contestants = {}: there is nothing to", id="nobody"),
        pytest.param("[[", "study.file", id="no TOML"),
    ],
)
def test_a_file_that_is_no_study_is_refused(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        plan(text, directory=tmp_path)
    assert says in str(caught.value)


ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"


def test_the_study_in_the_documentation_is_read(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "study.md").read_text(encoding="utf-8")
    shown = plan(text.partition("```toml\n")[2].partition("```")[0], directory=tmp_path)
    assert list(shown.contestants) == ["shipped", "warm", "trained"]
    assert len(shown.questions) == 2


@pytest.mark.parametrize("name", ["thinkjson", "invoices"])
def test_the_studies_in_configs_are_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CONFIGS.parent)
    read_plan = read(StudyConfig(file=CONFIGS / f"{name}.toml", out=Path("out")))
    assert read_plan.questions
    assert all(read_plan.evaluations(held_out) for held_out in read_plan.held_out)
