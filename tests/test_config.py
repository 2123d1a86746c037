"""Settings outside their range are refused before any work, by name."""

import dataclasses
import inspect
import math
import re
import typing
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.config import (
    FLOORED,
    CheckConfig,
    Config,
    EndpointSettings,
    EvalConfig,
    GrpoConfig,
    ImportConfig,
    Lora,
    OwnCalls,
    QuickstartConfig,
    ReasonConfig,
    SchemaConfig,
    ScoreConfig,
    SftConfig,
    SynthConfig,
    floors,
    is_preset,
    own_reward,
)
from adhere.config.training import Saving
from adhere.errors import ConfigError

DATA, OUT, SCHEMA = Path("data"), Path("out"), Path("schema.json")

# Settings by name are what a table of them can hold; the records themselves are typed.
synth = partial(SynthConfig, schema=SCHEMA, out=OUT)
reason = partial(ReasonConfig, data=DATA, out=OUT)
check = partial(CheckConfig, data=DATA)
sft = partial(SftConfig, data=DATA, out=OUT)
grpo = partial(GrpoConfig, data=DATA, out=OUT)
evaluation = partial(EvalConfig, data=DATA, out=OUT)
served = partial(evaluation, model="openai:qwen3@http://localhost:8000/v1")
quickstart = QuickstartConfig
score = partial(ScoreConfig, rows=DATA, schema=SCHEMA)


@pytest.mark.parametrize(
    ("make", "setting", "refused", "kept"),
    [
        (synth, "rows", 0, 1),
        (synth, "held_out", -1, 0),
        (synth, "seed", -1, 0),
        (synth, "most_leaves", 0, 1),
        (synth, "noise", 1.01, 1.0),
        (synth, "workers", 0, 1),
        (reason, "longest", 0, 1),
        (reason, "workers", 0, 1),
        (check, "near", 0.0, 0.01),
        (check, "near", 1.01, 1.0),
        (sft, "epochs", 0, 1),
        (sft, "batch_size", 0, 1),
        (sft, "lr", 0.0, 1e-9),
        (sft, "lr", math.nan, 1.0),
        (sft, "lr", math.inf, 1.0),
        (sft, "warmup", 1.01, 1.0),
        (sft, "warmup", -0.01, 0.0),
        (sft, "weight_decay", -0.1, 0.0),
        (sft, "grad_clip", 0.0, 0.1),
        (sft, "max_tokens", 1, 2),
        (sft, "seed", -1, 0),
        (grpo, "steps", 0, 1),
        (grpo, "prompts_per_step", 0, 1),
        (grpo, "group_size", 1, 2),
        (grpo, "lr", 0.0, 1e-9),
        (grpo, "warmup_steps", -1, 0),
        (grpo, "clip", 0.0, 0.1),
        (grpo, "grad_clip", 0.0, 0.1),
        (grpo, "temperature", 0.0, 0.1),
        (grpo, "max_new_tokens", 0, 1),
        (grpo, "seed", -1, 0),
        (evaluation, "temperature", -0.1, 0.0),
        (evaluation, "batch_size", 0, 1),
        (evaluation, "workers", 0, 1),
        (evaluation, "workers", -1, None),
        (evaluation, "max_new_tokens", 0, 1),
        (evaluation, "limit", 0, 1),
        (evaluation, "limit", -1, None),
        (evaluation, "samples", 0, 1),
        (partial(evaluation, temperature=0.7), "samples", -1, 4),
        (evaluation, "seed", -1, 0),
        (quickstart, "rows", 0, 1),
        (quickstart, "held_out", 0, 1),
        (quickstart, "labels", -1, 0),
        (quickstart, "steps", 0, 1),
        (quickstart, "seed", -1, 0),
    ],
)
def test_a_setting_just_outside_its_range_is_refused_by_name(
    make: typing.Callable[..., Config], setting: str, refused: float, kept: float | None
) -> None:
    assert getattr(make(**{setting: kept}), setting) == kept
    with pytest.raises(ConfigError, match=rf"^\w+\.{setting} = {refused}: .+\. Use .+\.$"):
        make(**{setting: refused})


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_number_that_is_not_finite_is_refused_as_such(number: float) -> None:
    with pytest.raises(ConfigError, match=rf"grpo\.lr = {number}: it is not a finite number\. Use one\."):
        grpo(lr=number)
    with pytest.raises(ConfigError, match=rf"grpo\.beta = {number}: it is not a finite number\. Use one\."):
        grpo(beta=number)


def test_checkpoints_that_are_never_made_cannot_be_kept() -> None:
    with pytest.raises(ConfigError, match=r"saving\.keep = 2: no checkpoint is made that could stay"):
        Saving(every=0, keep=2)
    assert Saving(every=0).keep == 0


def test_the_error_names_the_verb_and_the_reason() -> None:
    with pytest.raises(ConfigError) as caught:
        grpo(group_size=1)
    assert str(caught.value) == (
        "grpo.group_size = 1: a group of one has advantage 0 for every completion, so nothing is learned. "
        "Use 2 or more."
    )


@pytest.mark.parametrize("config", typing.get_args(Config))
def test_every_setting_is_explained(config: type[Config]) -> None:
    classes = [each for each in config.__mro__ if dataclasses.is_dataclass(each)]
    body = "".join(map(inspect.getsource, classes))
    for field in dataclasses.fields(config):
        after = body.partition(f"    {field.name}: ")[2].splitlines()
        assert after[1].strip().startswith('"""'), field.name


@pytest.mark.parametrize("config", typing.get_args(Config))
def test_every_verb_can_print_json(config: type[Config]) -> None:
    (switch,) = (field for field in dataclasses.fields(config) if field.name == "json")
    assert switch.default is False


def test_verbs_without_numbers_take_any_path() -> None:
    assert SchemaConfig(schema=SCHEMA).schema == SCHEMA
    assert ScoreConfig(rows=Path("-"), schema=SCHEMA).preset == "fields"
    assert ImportConfig(file=DATA, schema=SCHEMA, out=OUT).target_column == "target"


def test_floors_are_read_by_metric() -> None:
    assert floors(["schema_valid=0.98", "exact=0.5"]) == {"schema_valid": 0.98, "exact": 0.5}


def test_floors_may_stand_between_commas() -> None:
    assert floors(["schema_valid=0.98,exact=0.5", "f1=0.1, match_all=0"]) == {
        "schema_valid": 0.98,
        "exact": 0.5,
        "f1": 0.1,
        "match_all": 0.0,
    }


def test_no_floors_are_none() -> None:
    assert floors([]) == {}


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        pytest.param("noise=0.1", "names no metric that can be asked for", id="less noise is better"),
        pytest.param("exactt=0.1", "names no metric", id="a typo"),
        pytest.param("", "names no metric", id="nothing"),
        pytest.param("exact", "'' is not a number", id="no floor"),
        pytest.param("exact=high", "'high' is not a number", id="a word"),
        pytest.param("exact=98", "exact is a share", id="a percentage"),
        pytest.param("exact=0.1,", "names no metric", id="nothing after a comma"),
        pytest.param("exact=-0.1", "a number with a sign is a gain", id="negative"),
        pytest.param("exact=+0.1", "a number with a sign is a gain", id="a gain over nothing"),
        pytest.param("exact=nan", "exact is a share", id="not a number"),
    ],
)
def test_a_floor_that_could_not_hold_is_refused_when_the_run_is_configured(setting: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        evaluation(fail_under=(setting,))


@given(st.sampled_from(FLOORED), st.floats(0, 1))
def test_every_share_can_be_a_floor_of_every_metric(metric: str, floor: float) -> None:
    assert floors([f"{metric}={floor}"]) == {metric: floor}


def test_a_preset_is_in_no_file_and_a_function_is_in_one() -> None:
    assert own_reward("grpo.reward", "fields") is None
    assert own_reward("grpo.reward", "rewards/own.py:length") == (Path("rewards/own.py"), "length")
    assert own_reward("grpo.reward", "c:/own.py:length") == (Path("c:/own.py"), "length")
    assert is_preset("grounded")
    assert not is_preset("own.py:length")


@pytest.mark.parametrize(("make", "setting"), [(grpo, "reward"), (score, "preset")], ids=["grpo", "score"])
@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param("feilds", "there is no such preset; perhaps you meant fields. Use one of", id="a typo"),
        pytest.param("", "there is no such preset. Use one of", id="nothing"),
        pytest.param("own.py", "it names a file and no function. Write own.py:function.", id="a file"),
        pytest.param("own.py:", "it names a file and no function. Write own.py:function.", id="and a colon"),
        pytest.param("own.py:a.b", "or path/to/file.py:function.", id="no function's name"),
        pytest.param("own:length", "or path/to/file.py:function.", id="a module"),
    ],
)
def test_a_reward_that_is_neither_is_refused_by_name(
    make: typing.Callable[..., Config], setting: str, given: str, why: str
) -> None:
    assert getattr(make(**{setting: "own.py:length"}), setting) == "own.py:length"
    with pytest.raises(ConfigError) as caught:
        make(**{setting: given})
    assert f".{setting} = {given!r}: " in str(caught.value)
    assert why in str(caught.value)


def test_groups_to_learn_from_are_named_or_a_function_chooses_them() -> None:
    for kept in ("informative", "all", "own.py:wanted"):
        assert grpo(accept=kept).accept == kept
    with pytest.raises(ConfigError, match=r"grpo.accept = 'al': there is no such .* you meant all"):
        grpo(accept="al")


@pytest.mark.parametrize(("make", "setting"), [(grpo, "reward"), (score, "preset")], ids=["grpo", "score"])
def test_what_reads_json_cannot_judge_a_text(make: typing.Callable[..., Config], setting: str) -> None:
    for kept in ("rubric", "own.py:length"):
        assert getattr(make(**{setting: kept, "form": "prose"}), setting) == kept
    with pytest.raises(ConfigError, match=r"= 'fields': it judges JSON, and the form prose asks for a text"):
        make(**{setting: "fields", "form": "prose"})


@pytest.mark.parametrize(
    ("setting", "refused", "kept"), [("seconds", 0.0, 0.1), ("seconds", math.nan, None), ("processes", -1, 0)]
)
def test_how_an_own_reward_is_called_has_its_range(setting: str, refused: float, kept: float | None) -> None:
    assert getattr(OwnCalls(**{setting: kept}), setting) == kept  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=rf"^own\.{setting} = {refused}: .+\. Use .+\.$"):
        OwnCalls(**{setting: refused})  # type: ignore[arg-type]


def test_standard_output_holds_the_summary_or_the_lines() -> None:
    assert score(out=Path("-")).out == Path("-")
    with pytest.raises(ConfigError, match=r"score.out = '-': with --json standard output holds the summary"):
        score(out=Path("-"), json=True)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        pytest.param({}, "Give one of --schema, --domain and --shapes", id="no source"),
        pytest.param({"schema": SCHEMA, "shapes": 2}, "come from one schema, from a domain, or", id="two"),
        pytest.param(
            {"domain": "hiring", "shapes": 2, "task": "evaluate"}, "come from one schema", id="jobs"
        ),
        pytest.param({"shapes": 2, "short": True}, "only the documents of a domain have levels", id="short"),
        pytest.param(
            {"domain": "food", "short": True, "teacher": "openai:m@http://localhost/v1"},
            "synth.short = True",
            id="a teacher's documents are as long as they are",
        ),
        pytest.param({"domain": "avation"}, "perhaps you meant aviation", id="a domain misspelt"),
        pytest.param({"schema": SCHEMA, "hold_out": ("shape",)}, "one schema has one shape", id="one schema"),
        pytest.param(
            {"shapes": 1, "hold_out": ("shape",)}, "one schema has one shape", id="one drawn schema"
        ),
        pytest.param({"domain": "hiring"}, "judgements in prose are made in the domain hiring", id="hiring"),
        pytest.param({"schema": SCHEMA, "task": "evaluate"}, "Give --domain hiring", id="no judgements"),
        pytest.param(
            {"schema": SCHEMA, "task": "write", "reasoning": True},
            "the task write reads none",
            id="reasoning about nothing",
        ),
    ],
)
def test_examples_that_nothing_could_make_are_refused(settings: dict[str, typing.Any], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SynthConfig(out=OUT, **settings)
    assert says in str(caught.value)


def test_a_teacher_knows_any_domain() -> None:
    assert (
        SynthConfig(out=OUT, domain="insurance", teacher="openai:m@http://localhost/v1").domain == "insurance"
    )


def test_a_domain_may_have_as_many_structures_as_are_asked_for() -> None:
    made = SynthConfig(out=OUT, domain="food", shapes=7, short=True, hold_out=("shape",))
    assert (made.shapes, made.short) == (7, True)


def test_a_teacher_is_not_asked_to_pass_over_what_the_schema_fixes() -> None:
    assert not reason(fixed=False).fixed
    with pytest.raises(ConfigError, match=r"reason\.fixed = False: a teacher is asked to tell every value"):
        reason(fixed=False, teacher="openai:m@http://localhost/v1")


def test_adapters_of_grpo_drop_nothing() -> None:
    with pytest.raises(ConfigError, match=r"grpo.lora.dropout = 0.1: .*Leave it out; `adhere sft` knows it"):
        grpo(lora=Lora(rank=8, dropout=0.1))
    assert sft(lora=Lora(rank=8, dropout=0.1)).lora.dropout == 0.1


@pytest.mark.parametrize("settings", [{"modules": ("q_proj",)}, {"dropout": 0.1}], ids=["modules", "dropout"])
def test_what_adapters_would_be_like_is_not_said_where_there_are_none(
    settings: dict[str, typing.Any],
) -> None:
    with pytest.raises(ConfigError, match=r"without a rank there is no adapter.*Give --lora.rank too"):
        Lora(**settings)


def test_patience_without_looks_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"sft\.patience = 2: nobody looks at held-out examples on the way"):
        sft(patience=2, held_out=DATA)
    assert sft(patience=2, held_out=DATA, evaluate_every=5).patience == 2


@pytest.mark.parametrize("make", [sft, grpo])
def test_looks_at_held_out_examples_need_some(make: Callable[..., Config]) -> None:
    with pytest.raises(ConfigError, match=r"evaluate_every = 5: there are no held-out examples"):
        make(evaluate_every=5)
    make(evaluate_every=5, held_out=DATA)


@pytest.mark.parametrize(
    ("make", "given", "kept", "complaint"),
    [
        (
            evaluation,
            {"samples": 2},
            {"samples": 2, "temperature": 0.7},
            "eval.samples = 2: at temperature 0",
        ),
        (
            served,
            {"prefill": "{"},
            {"prefill": ""},
            "eval.prefill = '{': a server begins every answer itself",
        ),
        (served, {"calibrate": True}, {}, "eval.calibrate = True: a server does not say how sure"),
        (served, {"constrain": True, "form": "think"}, {"form": "think"}, "eval.form = 'think': its answers"),
        (
            served,
            {"endpoint": EndpointSettings(temperature=0.1)},
            {"endpoint": EndpointSettings(budget=9)},
            "eval.endpoint.temperature = 0.1: in an evaluation --temperature says it",
        ),
        (
            served,
            {"endpoint": EndpointSettings(max_tokens=9)},
            {"max_new_tokens": 9},
            "eval.endpoint.max_tokens = 9: in an evaluation --max-new-tokens says it",
        ),
    ],
    ids=lambda given: next(iter(given), "") if isinstance(given, dict) else "",
)
def test_what_an_evaluation_cannot_do_is_refused_before_it_begins(
    make: Callable[..., EvalConfig], given: dict[str, typing.Any], kept: dict[str, typing.Any], complaint: str
) -> None:
    make(**kept)
    with pytest.raises(ConfigError, match=f"^{re.escape(complaint)}.*[.] .*[.]$"):
        make(**given)
