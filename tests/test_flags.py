"""Flags and TOML files obey one set of rules, and what is wrong with them is said in one line."""

import dataclasses
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.config import (
    VERBS,
    CompareConfig,
    Config,
    EvalConfig,
    GrpoConfig,
    ImportConfig,
    SchemaConfig,
    ScoreConfig,
    Scoring,
    SynthConfig,
)
from adhere.errors import ConfigError
from adhere.flags import as_flags, parse

GRPO = ("--data", "d", "--out", "o")
EVAL = ("--data", "d", "--out", "o")


def toml(directory: Path, text: str) -> str:
    path = directory / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def fault(verb: str, *words: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(verb, words)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_flags_are_settings() -> None:
    config = parse("grpo", [*GRPO, "--group-size", "4", "--lr=1e-3", "--json", "--form", "think"])
    assert config == GrpoConfig(data=Path("d"), out=Path("o"), group_size=4, lr=1e-3, json=True, form="think")


def test_what_is_not_set_has_its_default() -> None:
    assert parse("grpo", GRPO) == GrpoConfig(data=Path("d"), out=Path("o"))


def test_an_underscore_is_as_good_as_a_hyphen() -> None:
    assert parse("grpo", [*GRPO, "--group_size", "4"]) == parse("grpo", [*GRPO, "--group-size", "4"])


def test_a_list_is_given_in_one_go() -> None:
    config = parse("eval", [*EVAL, "--fail-under", "exact=0.5", "schema_valid=0.9", "--limit", "3"])
    assert isinstance(config, EvalConfig)
    assert (config.fail_under, config.limit) == (("exact=0.5", "schema_valid=0.9"), 3)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["a", "b", "--all-pairs", "--seed", "3"], id="first"),
        pytest.param(["--seed", "3", "--all-pairs", "a", "b"], id="last"),
        pytest.param(["--all_pairs", "a", "b", "--seed", "3"], id="after a switch of two words"),
        pytest.param(["--directories", "a", "b", "--all-pairs", "--seed", "3"], id="by name"),
    ],
)
def test_several_directories_may_stand_without_their_flag(words: list[str]) -> None:
    config = parse("compare", words)
    assert config == CompareConfig(directories=("a", "b"), all_pairs=True, seed=3)


def test_two_settings_of_like_names_are_told_apart() -> None:
    config = parse("eval", [*EVAL, "--no-cache", "--endpoint.cache", "replies.sqlite"])
    assert isinstance(config, EvalConfig)
    assert (config.cache, config.endpoint.cache) == (False, Path("replies.sqlite"))


def test_a_file_says_the_same_as_flags(tmp_path: Path) -> None:
    file = toml(
        tmp_path,
        'data = "d"\nout = "o"\nmax_new_tokens = 64\nconstrain = true\ntemperature = 1\n'
        'fail_under = ["exact=0.5", "schema_valid=0.9"]\nprefill = "--{ "\nlimit = 5\n',
    )
    flags = ["--max-new-tokens", "64", "--constrain", "--temperature", "1", "--prefill=--{ ", "--limit", "5"]
    floors = ["--fail-under", "exact=0.5", "schema_valid=0.9"]
    assert parse("eval", [file]) == parse("eval", [*EVAL, *flags, *floors])


def test_a_flag_wins_over_the_file(tmp_path: Path) -> None:
    file = toml(tmp_path, 'data = "d"\nout = "o"\njson = true\nsteps = 3\nlr = 0.5\n')
    config = parse("grpo", [file, "--steps", "4", "--no-json"])
    assert config == GrpoConfig(data=Path("d"), out=Path("o"), steps=4, lr=0.5, json=False)


def test_a_verb_takes_its_own_table_of_a_recipe(tmp_path: Path) -> None:
    file = toml(tmp_path, '[synth]\nschema = "s"\nout = "o"\nrows = 5\n[grpo]\nsteps = 3\n')
    assert parse("synth", [file]) == SynthConfig(schema=Path("s"), out=Path("o"), rows=5)
    assert parse("grpo", [file, *GRPO]) == GrpoConfig(data=Path("d"), out=Path("o"), steps=3)


@pytest.mark.parametrize(
    ("verb", "words", "expected"),
    [
        pytest.param("schema", ["s.json"], SchemaConfig(schema=Path("s.json")), id="the only word"),
        pytest.param("schema", ["--schema", "s.json"], SchemaConfig(schema=Path("s.json")), id="its flag"),
        pytest.param(
            "schema", ["--json", "s"], SchemaConfig(schema=Path("s"), json=True), id="after a switch"
        ),
        pytest.param(
            "score",
            ["--schema", "s", "--preset", "schema", "rows"],
            ScoreConfig(schema=Path("s"), rows=Path("rows"), preset="schema"),
            id="after flags with values",
        ),
        pytest.param(
            "score", ["-", "--schema=s"], ScoreConfig(schema=Path("s"), rows=Path("-")), id="standard input"
        ),
        pytest.param(
            "import",
            ["--schema=s", "rows", "--out", "o"],
            ImportConfig(file=Path("rows"), schema=Path("s"), out=Path("o")),
            id="between flags",
        ),
    ],
)
def test_the_flag_of_the_file_that_a_verb_is_about_may_be_left_out(
    verb: str, words: list[str], expected: Config
) -> None:
    assert parse(verb, words) == expected


def test_a_file_may_name_the_rows_and_the_user_others(tmp_path: Path) -> None:
    file = toml(tmp_path, 'rows = "a"\nschema = "s"\n')
    assert parse("score", [file]) == ScoreConfig(rows=Path("a"), schema=Path("s"))
    assert parse("score", [file, "b"]) == ScoreConfig(rows=Path("b"), schema=Path("s"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(
            [*GRPO, "--group-sise", "4"],
            "--group-sise: adhere grpo has no such setting; perhaps you meant --group-size.",
            id="a typo",
        ),
        pytest.param(
            ["--group_sise=4"],
            "--group-sise: adhere grpo has no such setting; perhaps you meant --group-size.",
            id="a typo where a setting is missing too",
        ),
        pytest.param([*GRPO, "--zzz"], "--zzz: adhere grpo has no such setting.", id="nothing like it"),
        pytest.param([*GRPO, "stray"], "stray: adhere grpo has no such setting.", id="a stray word"),
        pytest.param(["--data", "d"], "--out: it must be given.", id="missing"),
        pytest.param([*GRPO, "--json=True"], "--json: it is a switch, and takes no value.", id="a switch"),
        pytest.param([*GRPO, "--steps"], "--steps: it needs a value.", id="no value"),
        pytest.param(
            [*GRPO, "--steps", "3", "--steps", "many"],
            "--steps: 'many' cannot be read as INT.",
            id="not a number",
        ),
        pytest.param(
            [*GRPO, "--steps=1.5"], "--steps: '1.5' cannot be read as INT.", id="not a whole number"
        ),
        pytest.param(
            [*GRPO, "--form", "thinking"],
            "--form: 'thinking' is not one of plain, think, prose; perhaps you meant think.",
            id="no such choice",
        ),
        pytest.param(
            [*GRPO, "--group-size", "1"],
            "grpo.group_size = 1: a group of one has advantage 0 for every completion, so nothing is "
            "learned. Use 2 or more.",
            id="out of range",
        ),
    ],
)
def test_a_wrong_flag_is_named_with_the_reason(words: list[str], expected: str) -> None:
    assert fault("grpo", *words) == expected


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        pytest.param(
            "group_sise = 4",
            "--group-sise: adhere grpo has no such setting; perhaps you meant --group-size.",
            id="a typo",
        ),
        pytest.param("steps = 1.5", "--steps: '1.5' cannot be read as INT.", id="not a whole number"),
        pytest.param("steps = true", "--steps: it needs a value.", id="a switch that is none"),
        pytest.param(
            'json = "yes"',
            "--json: it is a switch, and takes no value.",
            id="a switch with a value",
        ),
        pytest.param(
            'form = "thinking"',
            "--form: 'thinking' is not one of plain, think, prose; perhaps you meant think.",
            id="no such choice",
        ),
    ],
)
def test_a_wrong_line_of_a_file_is_named_with_the_same_reason_and_the_file(
    tmp_path: Path, setting: str, expected: str
) -> None:
    file = toml(tmp_path, setting)
    assert fault("grpo", file, *GRPO) == f"{file} {expected}"


def test_a_flag_that_overrides_a_file_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    assert fault("grpo", toml(tmp_path, "steps = 4"), *GRPO, "--steps", "x") == (
        "--steps: 'x' cannot be read as INT."
    )


def test_a_table_within_a_table_is_no_setting(tmp_path: Path) -> None:
    file = toml(tmp_path, "[grpo.reward]\nparses = 0.1\n")
    assert fault("grpo", file, *GRPO).startswith(f"{file} --reward.parses: adhere grpo has no such setting")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(
            "steps = 3\n[grpo]\nlr = 0.1\n", "= 'steps': a recipe has one table for each verb", id="mixed"
        ),
        pytest.param(
            "[grop]\nlr = 0.1\n", "= 'grop': .*; perhaps you meant grpo. Move it", id="no such verb"
        ),
        pytest.param(
            "[synth]\nrows = 3\n[sft]\n", "= 'synth, sft': this recipe has no table for grpo", id="no table"
        ),
        pytest.param("steps = ", "Invalid value .* Name a TOML file", id="not TOML"),
    ],
)
def test_a_recipe_that_could_be_misread_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        parse("grpo", [toml(tmp_path, text), *GRPO])


def test_a_file_that_is_not_there_is_named() -> None:
    assert "absent.toml" in fault("grpo", "absent.toml")


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    assert "binary.toml" in fault("grpo", str(tmp_path / "binary.toml"))


def test_help_explains_every_setting_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse("grpo", ["--help"])
    assert caught.value.code == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    for field in dataclasses.fields(GrpoConfig):
        assert f"--{field.name.replace('_', '-')}" in printed.out
    assert "Completions sampled per example." in printed.out


def test_tables_and_lists_are_spelled_out() -> None:
    spelled = as_flags({"a_b": {"c": 1}, "d": [1, "x"], "e": True, "f": False, "g": "h i"})
    assert list(spelled) == ["--a-b.c=1", "--d", "1", "x", "--e", "--no-f", "--g=h i"]


@given(st.floats(1e-9, 1e9), st.text())
def test_a_value_comes_through_a_file_exactly(lr: float, prefill: str) -> None:
    config = parse("grpo", [*GRPO, *as_flags({"lr": lr, "prefill": prefill})])
    assert isinstance(config, GrpoConfig)
    # None is the one word that a text cannot be: it stands for no text.
    assert (config.lr, config.prefill) == (lr, None if prefill == "None" else prefill)


CONFIGS = Path(__file__).parents[1] / "configs"
OTHERWISE = frozenset({"curriculum", "invoices", "thinkjson"})
"""No settings of a verb: tests/train/test_curriculum.py and tests/study/test_plan.py read them."""


def tables(file: Path) -> list[str]:
    """The verbs that a file sets: those of its tables or, of a flat one, the verb it is called after."""
    settings = tomllib.loads(file.read_text(encoding="utf-8"))
    return [key for key, value in settings.items() if isinstance(value, dict)] or [file.stem]


@pytest.mark.parametrize(
    ("file", "verb"),
    [
        pytest.param(file, verb, id=f"{file.name} {verb}")
        for file in sorted(CONFIGS.glob("*.toml"))
        if file.stem not in OTHERWISE
        for verb in tables(file)
    ],
)
def test_every_file_in_configs_is_read(file: Path, verb: str) -> None:
    required = [
        field.name
        for field in dataclasses.fields(VERBS[verb])
        if field.default is field.default_factory is dataclasses.MISSING
    ]
    required += ["schema"] if verb == "synth" else []  # or a domain or shapes, of which one is required
    # The user's paths, which a file cannot know; its own settings stand before them and would fail first.
    paths = as_flags(dict.fromkeys(required, "x"))
    assert isinstance(parse(verb, [str(file), *paths]), VERBS[verb])


def test_a_group_of_settings_is_a_table_or_dotted_flags(tmp_path: Path) -> None:
    file = tmp_path / "grpo.toml"
    file.write_text('data = "d"\nout = "o"\n[scoring]\nparses = 0.0\nobeys = 0.3\n')
    config = parse("grpo", [str(file), "--scoring.longest", "80"])
    assert isinstance(config, GrpoConfig)
    assert config.scoring == Scoring(parses=0.0, obeys=0.3, matches=0.7, longest=80)
    with pytest.raises(ConfigError, match=r"no such setting; perhaps you meant --scoring.parses"):
        parse("grpo", [str(file), "--scoring.pases", "0.3"])


def test_there_is_a_file_for_every_stage() -> None:
    assert {"synth", "sft", "grpo", "eval"} <= {file.stem for file in CONFIGS.glob("*.toml")}
