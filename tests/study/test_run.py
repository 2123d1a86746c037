"""A whole study, with a random model of a few thousand weights."""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tests.conftest import tiny_model

from adhere import artifact
from adhere.cli import main
from adhere.config import Config, EvalConfig, GrpoConfig, SftConfig, StudyConfig, SynthConfig
from adhere.data.build import synth
from adhere.errors import ConfigError, EvaluationError, TrainingStopped
from adhere.evaluate.run import evaluate
from adhere.measure.prediction import judged
from adhere.model import save
from adhere.records import JSON, Example
from adhere.schema import Schema
from adhere.study.run import open_share, study
from adhere.train.run import grpo, sft

SCHEMA: dict[str, JSON] = {
    "title": "Order",
    "type": "object",
    "properties": {"item": {"type": "string"}, "count": {"type": "integer"}, "kind": {"const": "order"}},
    "required": ["item", "count", "kind"],
}
STUDY = """
title = "A small study"
about = "To see that it runs."
model = "{model}"
cluster = "{cluster}"
[data.made]
verb = "synth"
schema = "{schema}"
rows = 8
held_out = 6
[data.more]
verb = "synth"
schema = "{schema}"
rows = 1
held_out = 4
seed = 1
[held_out]
some = "made/held_out.jsonl"
others = "more/held_out.jsonl"
[eval]
max_new_tokens = 6
[stages.warm]
verb = "sft"
data = "made"
[stages.trained]
verb = "grpo"
from = "warm"
data = "made"
reward = "schema"
steps = 2
prompts_per_step = 1
group_size = 2
max_new_tokens = 6
stop = false
[contestants.shipped]
title = "as shipped"
constrain = false
[contestants.trained]
stage = "trained"
[questions]
"Does training help?" = ["trained", "shipped"]
[goals]
valid_json = ">= 0.99"
no_output = "<= 1"
"exact, constrained" = ">= 0.5"
[published.others]
match_all = 62.41
noise = 0.27
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a model, a schema and a study's file."""
    directory = tmp_path_factory.mktemp("study")
    save(tiny_model(), directory / "model")
    (directory / "order.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    text = STUDY.format(model=directory / "model", schema=directory / "order.json", cluster="text")
    (directory / "study.toml").write_text(text, encoding="utf-8")
    return directory


class Performing:
    """Runs steps, notes which, and is cut short before the one that it is told of."""

    def __init__(self, *, until: str | None = None) -> None:
        self.done: list[str] = []
        self._until = until

    def __call__(self, config: Config) -> Mapping[str, JSON]:
        assert isinstance(config, SynthConfig | SftConfig | GrpoConfig | EvalConfig)
        if config.out.name == self._until:
            raise KeyboardInterrupt
        self.done.append(config.out.name)
        match config:
            case SynthConfig():
                return synth(config)
            case SftConfig():
                return sft(config)
            case GrpoConfig():
                return grpo(config)
            case EvalConfig():
                return evaluate(config)


def settings(place: Path, out: Path, *set: str) -> StudyConfig:
    return StudyConfig(file=place / "study.toml", out=out, set=set)


@pytest.fixture(scope="module")
def made(place: Path) -> Path:
    """The study, done by the command line."""
    out = place / "made"
    assert main(["study", str(place / "study.toml"), "--out", str(out)]) == 0
    return out


def summary_of(directory: Path) -> dict[str, JSON]:
    return json.loads((directory / "summary.json").read_text(encoding="utf-8"))


def test_every_step_is_sealed_in_a_place_of_its_own(made: Path) -> None:
    names = ["data/made", "data/more", "stages/warm", "stages/trained"]
    names += [f"evaluations/{rows}/{each}" for rows in ("some", "others")
              for each in ("shipped", "trained", "trained-constrained")]  # fmt: skip
    for name in names:
        assert artifact.verify(made / name)["finished"] is True


def test_the_summary_has_metrics_costs_and_paired_comparisons(made: Path) -> None:
    summary = summary_of(made)
    evaluations, stages, comparisons = summary["evaluations"], summary["stages"], summary["comparisons"]
    assert isinstance(evaluations, dict)
    assert isinstance(stages, dict)
    assert isinstance(comparisons, dict)
    assert {rows: list(each) for rows, each in evaluations.items()} == {  # type: ignore[arg-type]
        "some": ["shipped", "trained", "trained, constrained"],
        "others": ["shipped", "trained", "trained, constrained"],
    }
    assert evaluations["some"]["shipped"]["exact"]["tries"] == 6  # type: ignore[index,call-overload]
    assert stages["warm"]["tokens"] > 0  # type: ignore[index,operator,call-overload]
    assert (stages["trained"]["from"], stages["trained"]["steps"]) == ("warm", 2)  # type: ignore[index,call-overload]
    for rows, n in (("some", 6), ("others", 4)):
        exact = next(each for each in comparisons[rows] if each["metric"] == "exact")  # type: ignore[index,union-attr,call-overload]
        assert (exact["evaluation"], exact["baseline"], exact["n"]) == ("trained", "shipped", n)  # type: ignore[index,call-overload]
        assert exact["p_holm"] >= exact["p"]  # type: ignore[index,operator,call-overload]
    assert evaluations["some"]["trained"]["match_open"]["n"] == 6  # type: ignore[index,call-overload]
    # item and count are asked for, and kind is fixed.
    assert summary["held_out"]["some"] | {"characters": 0} == {  # type: ignore[index,operator,call-overload]
        "rows": 6, "schemas": 1, "cluster": "text", "clusters": 6,
        "characters": 0, "leaves": 3.0, "open_leaves": 2.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        pytest.param(
            '{"item": "mug", "count": 2, "kind": "order"}', 1.0, id="item and count are open: 2 of 2"
        ),
        pytest.param(
            '{"item": "mug", "count": 9, "kind": "order"}', 0.5, id="1 of 2, though kind is right too"
        ),
        pytest.param('{"kind": "order"}', 0.0, id="what the schema fixes is worth nothing"),
        pytest.param('{"item": "mug"', 0.0, id="no JSON"),
    ],
)
def test_only_what_a_schema_leaves_open_counts_as_right(answer: str, share: float) -> None:
    target: JSON = {"item": "mug", "count": 2, "kind": "order"}
    example = Example(id="1", text="2 mugs", schema="Order", target=target)
    assert open_share(judged(answer, example, Schema.of(SCHEMA), tokens=9)) == share


@pytest.mark.parametrize(
    ("schema", "target"),
    [
        pytest.param(SCHEMA, None, id="no right answer"),
        pytest.param({"properties": {"kind": {"const": "order"}}}, {"kind": "order"}, id="nothing open"),
    ],
)
def test_where_nothing_is_open_there_is_no_share(schema: dict[str, JSON], target: JSON) -> None:
    example = Example(id="1", text="2 mugs", schema="Order", target=target)
    assert math.isnan(open_share(judged("{}", example, Schema.of(schema), tokens=9)))


def test_the_pages_and_figures_are_there(made: Path) -> None:
    assert {each.name for each in (made / "figures").iterdir()} == {
        "comparison.svg",
        "warm.svg",
        "trained.svg",
    }
    page = (made / "report.md").read_text(encoding="utf-8")
    assert "### Does training help?" in page
    assert "as shipped" in page
    assert "62.41" in page
    assert "trained" in (made / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_what_is_done_is_not_done_again_and_gives_the_same_page(place: Path, made: Path) -> None:
    page = (made / "report.md").read_text(encoding="utf-8")
    performing = Performing()
    study(settings(place, made), performing)
    assert performing.done == []
    assert (made / "report.md").read_text(encoding="utf-8") == page


@pytest.mark.slow
@pytest.mark.parametrize("until", ["more", "trained", "trained-constrained"])
def test_a_study_that_is_cut_short_goes_on_and_ends_with_the_same_numbers(
    until: str, place: Path, made: Path, tmp_path: Path
) -> None:
    first, second = Performing(until=until), Performing()
    with pytest.raises(KeyboardInterrupt):
        study(settings(place, tmp_path / "out"), first)
    study(settings(place, tmp_path / "out"), second)
    every = ["made", "more", "warm", "trained", *["shipped", "shipped"]]
    every += ["trained", "trained-constrained", "trained", "trained-constrained"]
    assert first.done + second.done == every
    whole, resumed = summary_of(made)["comparisons"], summary_of(tmp_path / "out")["comparisons"]
    assert whole == resumed


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        pytest.param("stages.warm.lr=0.5", r"stages/warm.*differs in config\.lr\.", id="a stage"),
        pytest.param("data.made.seed=5", r"data/made.*differs in config\.seed", id="data"),
        pytest.param("eval.max_new_tokens=5", r"differs in config\.max_new_tokens", id="an evaluation"),
    ],
)
def test_a_step_of_other_settings_is_refused_before_anything_runs(
    setting: str, says: str, place: Path, made: Path
) -> None:
    performing = Performing()
    with pytest.raises(ConfigError, match=says):
        study(settings(place, made, setting), performing)
    assert performing.done == []


def test_a_step_whose_input_has_changed_is_refused(place: Path, made: Path) -> None:
    rows = made / "data" / "made" / "held_out.jsonl"
    before = rows.read_bytes()
    rows.write_bytes(before + b"\n")
    try:
        with pytest.raises(ConfigError, match=r"stages/warm.*differs in inputs\..*held_out"):
            study(settings(place, made), Performing())
    finally:
        rows.write_bytes(before)


@pytest.mark.slow
def test_only_how_the_work_is_done_may_change(place: Path, made: Path) -> None:
    performing = Performing()
    study(settings(place, made, "data.made.workers=2", "stages.warm.saving.every=1"), performing)
    assert performing.done == []


def stopping(perform: Callable[[Config], Mapping[str, JSON]]) -> Callable[[Config], Mapping[str, JSON]]:
    def performed(config: Config) -> Mapping[str, JSON]:
        summary = perform(config)
        if isinstance(config, GrpoConfig):
            manifest = config.out / artifact.MANIFEST
            sealed = json.loads(manifest.read_text(encoding="utf-8"))
            manifest.write_text(json.dumps(sealed | {"finished": False}), encoding="utf-8")
            raise TrainingStopped("stopped after 2 of 2 steps: nothing was learned.", summary)
        return summary

    return performed


@pytest.mark.slow
def test_a_stage_that_ends_itself_takes_part_and_is_told_of(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = settings(place, tmp_path / "out")
    summary = study(config, stopping(Performing()))
    assert "nothing was learned. The study goes on with these weights." in capsys.readouterr().err
    assert summary["stages"]["trained"]["stopped"] is True  # type: ignore[index,call-overload]
    assert "The stage trained ended itself after 2 steps" in (tmp_path / "out" / "report.md").read_text()
    again = Performing()
    study(config, again)
    assert again.done == []


@pytest.mark.slow
def test_rows_of_one_schema_can_count_as_one(place: Path, made: Path) -> None:
    with pytest.raises(EvaluationError, match="all rows go together"):
        study(settings(place, made, "cluster=schema"), Performing())
