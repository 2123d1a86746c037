"""The command line's contract: what it prints where, and how it exits."""

import io
import json
import runpy
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest

from adhere import __version__
from adhere.cli import main
from adhere.config import VERBS, Config
from adhere.errors import TrainingError
from adhere.records import JSON

ORDER: dict[str, JSON] = {
    "title": "Order",
    "type": "object",
    "properties": {"item": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["item", "count"],
    "additionalProperties": False,
}
MUGS = '{"item": "mug", "count": 2}'


@pytest.fixture
def schema(tmp_path: Path) -> str:
    path = tmp_path / "order.json"
    path.write_text(json.dumps(ORDER))
    return str(path)


def jsonl(path: Path, *rows: Mapping[str, JSON]) -> str:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(path)


@dataclass
class Stage:
    """A stage that remembers what it was asked, and answers what it is told."""

    answer: Callable[[], Mapping[str, JSON]]
    asked: list[Config] = field(default_factory=list[Config])

    def __call__(self, config: Config) -> Mapping[str, JSON]:
        self.asked.append(config)
        return self.answer()


def install(monkeypatch: pytest.MonkeyPatch, name: str, answer: Callable[[], Mapping[str, JSON]]) -> Stage:
    """Put a stage in the place of `module:function`, so that no weights are loaded."""
    module, _, function = name.partition(":")
    fake, stage = ModuleType(module), Stage(answer)
    setattr(fake, function, stage)
    monkeypatch.setitem(sys.modules, module, fake)
    return stage


EVAL = ("eval", "--data", "d", "--out", "o")


@pytest.mark.parametrize("words", [["--help"], ["-h"], []], ids=["--help", "-h", "nothing"])
def test_help_names_every_verb_with_what_it_does(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    printed = capsys.readouterr().out
    for verb, config in VERBS.items():
        purpose = str(config.__doc__).splitlines()[0]
        assert any(line.split(maxsplit=1) == [verb, purpose] for line in printed.splitlines())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"adhere {__version__}\n"


@pytest.mark.parametrize(
    ("words", "status"),
    [pytest.param(["--help"], 0, id="help"), pytest.param(["grop"], 2, id="no such verb")],
)
def test_the_module_is_the_command(words: list[str], status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["adhere", *words])
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("adhere", run_name="__main__")
    assert caught.value.code == status


@pytest.mark.parametrize("verb", [(), ("grpo",), ("schema",)], ids=["adhere", "adhere grpo", "adhere schema"])
def test_help_loads_nothing_heavy(verb: tuple[str, ...]) -> None:
    heavy = {"torch", "transformers", "jsonschema_rs", "numpy", "matplotlib", "pydantic"}
    program = (
        "import sys, contextlib, io; from adhere.cli import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        f"    main([*{verb}, '--help'])\n"
        "print(*sys.modules)"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert "adhere.config" in finished.stdout.split()
    assert heavy & set(finished.stdout.split()) == set()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(
            ["grop", "--data", "d"],
            "adhere grop: there is no such verb; perhaps you meant grpo. See adhere --help.",
            id="no such verb",
        ),
        pytest.param(
            ["grpo", "--data", "d", "--out", "o", "--group-sise", "4"],
            "adhere grpo: --group-sise: adhere grpo has no such setting; perhaps you meant --group-size.",
            id="no such setting",
        ),
        pytest.param(
            ["grpo", "--data", "d", "--out", "o", "--group-size", "1"],
            "adhere grpo: grpo.group_size = 1: a group of one has advantage 0 for every completion, so "
            "nothing is learned. Use 2 or more.",
            id="out of range",
        ),
        pytest.param(
            ["schema", "absent.json"],
            "adhere schema: absent.json = 'no such file': it should hold JSON. Name a file that exists.",
            id="no such file",
        ),
    ],
)
def test_what_the_user_can_fix_is_one_line_on_stderr(
    words: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert capsys.readouterr() == ("", f"{expected}\n")


def test_an_error_of_several_lines_is_printed_as_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> Mapping[str, JSON]:
        raise TrainingError("loss is not finite\nat step 3")

    install(monkeypatch, "adhere.train.run:sft", fail)
    assert main(["sft", "--data", "d", "--out", "o"]) == 2
    assert capsys.readouterr().err == "adhere sft: loss is not finite at step 3\n"


def test_a_bug_is_not_dressed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Mapping[str, JSON]:
        raise ZeroDivisionError

    install(monkeypatch, "adhere.train.run:sft", fail)
    with pytest.raises(ZeroDivisionError):
        main(["sft", "--data", "d", "--out", "o"])


def test_an_interrupt_has_a_status_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> Mapping[str, JSON]:
        raise KeyboardInterrupt

    install(monkeypatch, "adhere.train.run:grpo", interrupt)
    assert main(["grpo", "--data", "d", "--out", "o"]) == 130
    assert capsys.readouterr() == ("", "adhere grpo: interrupted.\n")


@pytest.mark.parametrize(
    ("words", "stage"),
    [
        (["synth", "--schema", "s", "--out", "o"], "adhere.data.build:synth"),
        (["sft", "--data", "d", "--out", "o"], "adhere.train.run:sft"),
        (["grpo", "--data", "d", "--out", "o"], "adhere.train.run:grpo"),
        (["eval", "--data", "d", "--out", "o"], "adhere.evaluate.run:evaluate"),
        (
            ["eval", "--model", "openai:m@http://h/v1", "--data", "d", "--out", "o"],
            "adhere.evaluate.served:evaluate",
        ),
        (["quickstart", "--out", "o"], "adhere.quickstart:quickstart"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else value,
)
def test_a_verb_runs_its_stage_and_prints_its_summary(
    words: list[str], stage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = install(monkeypatch, stage, lambda: {"seconds": 1.5, "who": "Zoë"}).asked
    assert main([*words, "--json"]) == 0
    assert capsys.readouterr().out == '{"seconds": 1.5, "who": "Zoë"}\n'
    assert [type(config) for config in asked] == [VERBS[words[0]]]


def test_stdout_is_the_summary_s_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def chatter() -> Mapping[str, JSON]:
        sys.stdout.write("downloading\n")
        return {"rows": 1}

    install(monkeypatch, "adhere.data.build:synth", chatter)
    assert main(["synth", "--schema", "s", "--out", "o", "--json"]) == 0
    assert capsys.readouterr() == ('{"rows": 1}\n', "downloading\n")


def test_without_json_a_number_stands_on_a_line_with_its_evidence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    summary: dict[str, JSON] = {
        "rows": 4,
        "seconds": 1.23456,
        "before": {
            "exact": {"rate": 0.5, "hits": 2, "tries": 4, "low": 0.15, "high": 0.85},
            "match_all": {"mean": 0.75, "low": 0.5, "high": 1.0, "n": 4},
            "noise": {"mean": None, "low": None, "high": None, "n": 0},
        },
        "refused": [{"keyword": "not", "pointer": "/a"}, {"keyword": "not", "pointer": "/b"}],
        "causes": [],
        "report": "x" * 100,
    }
    install(monkeypatch, "adhere.evaluate.run:evaluate", lambda: summary)
    assert main(EVAL) == 0
    assert capsys.readouterr().out.splitlines() == [
        "rows              4",
        "seconds           1.235",
        "before.exact      0.500  [0.150, 0.850]  2 of 4",
        "before.match_all  0.750  [0.500, 1.000]  n = 4",
        "before.noise      no rows",
        "refused           keyword not  pointer /a",
        "                  keyword not  pointer /b",
        "causes            none",
        f"report            {'x' * 100}",
    ]


@pytest.mark.parametrize(
    ("floors", "status", "shortfalls"),
    [
        pytest.param(["exact=0.5", "match_all=0.75"], 0, [], id="at the floor is enough"),
        pytest.param(["exact=0.51"], 1, ["exact = 0.5000, below its floor of 0.51."], id="a rate below"),
        pytest.param(
            ["match_all=0.8"], 1, ["match_all = 0.7500, below its floor of 0.8."], id="a mean below"
        ),
        pytest.param(
            ["match_parsed=0", "valid_json=0"],
            1,
            [
                "match_parsed was not measured, and its floor is 0.0.",
                "valid_json was not measured, and its floor is 0.0.",
            ],
            id="not measured",
        ),
    ],
)
def test_an_evaluation_below_its_floor_exits_with_1_and_still_prints(
    floors: list[str],
    status: int,
    shortfalls: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    summary: dict[str, JSON] = {
        "exact": {"rate": 0.5, "hits": 2, "tries": 4, "low": 0.15, "high": 0.85},
        "match_all": {"mean": 0.75, "low": 0.5, "high": 1.0, "n": 4},
        "match_parsed": {"mean": None, "low": None, "high": None, "n": 0},
    }
    install(monkeypatch, "adhere.evaluate.run:evaluate", lambda: summary)
    assert main([*EVAL, "--json", "--fail-under", *floors]) == status
    printed = capsys.readouterr()
    assert json.loads(printed.out) == summary
    assert printed.err.splitlines() == [f"adhere eval: {line}" for line in shortfalls]


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, JSON]:
    return json.loads(capsys.readouterr().out)


def test_schema_says_what_is_validated_and_guaranteed(
    schema: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schema", schema, "--json"]) == 0
    described = answer(capsys)
    assert len(str(described.pop("hash"))) == 64
    assert described == {
        "validates": True,
        "constrains": True,
        "refused": [],
        "leaves": [{"pointer": "/item", "type": "string"}, {"pointer": "/count", "type": "integer"}],
    }


def refused(described: dict[str, JSON]) -> list[tuple[JSON, JSON]]:
    assert isinstance(described["refused"], list)
    return [(each["keyword"], each["pointer"]) for each in described["refused"] if isinstance(each, dict)]


def test_schema_names_what_cannot_be_guaranteed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "not.json"
    path.write_text(json.dumps({**ORDER, "not": {"required": ["gift"]}}))
    assert main(["schema", str(path), "--json"]) == 0
    described = answer(capsys)
    assert (described["validates"], described["constrains"]) == (True, False)
    assert refused(described) == [("not", "")]


def test_schema_names_what_cannot_be_validated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "remote.json"
    path.write_text('{"properties": {"a": {"$ref": "https://example.org/a.json"}}}')
    assert main(["schema", str(path), "--json"]) == 0
    described = answer(capsys)
    assert (described["validates"], described["constrains"], described["leaves"]) == (False, False, [])
    assert refused(described) == [("$ref", "/properties/a")]


def test_schema_takes_a_pydantic_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "models.py"
    path.write_text("from pydantic import BaseModel\nclass Order(BaseModel):\n    item: str\n")
    assert main(["schema", f"{path}:Order", "--json"]) == 0
    assert answer(capsys)["leaves"] == [{"pointer": "/item", "type": "string"}]


def test_import_writes_a_directory_and_prints_its_summary(
    tmp_path: Path, schema: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = jsonl(tmp_path / "rows.jsonl", {"text": "Two mugs."})
    out = tmp_path / "out"
    assert main(["import", rows, "--schema", schema, "--out", str(out), "--json"]) == 0
    summary = answer(capsys)
    assert summary == {"rows": 1, "problems": {"unlabelled": 1, "empty_texts": 0, "repeated_texts": 0}}
    assert json.loads((out / "summary.json").read_text()) == summary


TARGET: JSON = {"item": "mug", "count": 2}
WRONG = '{"item": "mug", "count": 3}'


def test_score_rewards_every_row_and_counts_what_became_of_it(
    tmp_path: Path, schema: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = jsonl(
        tmp_path / "rows.jsonl",
        {"id": "right", "completion": MUGS, "target": TARGET},
        {"id": "right", "completion": "Two mugs, I think.", "target": TARGET},
        {"completion": '{"item": "mug"}', "target": TARGET},
    )
    out = tmp_path / "scores.jsonl"
    assert main(["score", rows, "--schema", schema, "--preset", "schema", "--out", str(out), "--json"]) == 0
    summary = answer(capsys)
    assert (summary["rows"], summary["preset"]) == (3, "schema")
    assert isinstance(summary["total"], dict)
    # 1 obeys, 0 is no JSON, 0.5 lacks a key: (1 + 0 + 0.5) / 3.
    assert (summary["total"]["mean"], summary["total"]["n"]) == (0.5, 3)
    assert isinstance(summary["outcomes"], dict)
    assert set(summary["outcomes"]) == {"no_output", "obeys", "violates"}
    assert isinstance(summary["parts"], dict)
    assert set(summary["parts"]) == {"parses", "obeys"}
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(line["id"], line["total"], line["outcome"]) for line in lines] == [
        ("right", 1.0, "obeys"),
        ("right", 0.0, "no_output"),
        ("rows-3", 0.5, "violates"),
    ]
    assert lines[0]["parts"] == {"parses": 1.0, "obeys": 1.0}


def test_score_compares_with_targets(tmp_path: Path, schema: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = jsonl(tmp_path / "rows.jsonl", {"completion": WRONG, "target": TARGET})
    assert main(["score", rows, "--schema", schema, "--json"]) == 0
    total = answer(capsys)["total"]
    assert isinstance(total, dict)
    # 0.1 parses, 0.2 obeys, and 0.7 times an F1 of one leaf in two: 0.1 + 0.2 + 0.7 * 0.5.
    assert total["mean"] == pytest.approx(0.65)


def test_score_reads_standard_input_and_the_text_where_there_are_no_labels(
    schema: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = json.dumps({"completion": MUGS, "text": "2 of the mug, please"}).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(row)))
    assert main(["score", "-", "--schema", schema, "--preset", "grounded", "--json"]) == 0
    total = answer(capsys)["total"]
    assert isinstance(total, dict)
    assert total["mean"] == 1.0


def test_score_finds_the_answer_after_the_thinking(
    tmp_path: Path, schema: str, capsys: pytest.CaptureFixture[str]
) -> None:
    completion = f"<think>two</think>\n<answer>{MUGS}</answer>"
    rows = jsonl(tmp_path / "rows.jsonl", {"completion": completion, "target": TARGET})
    assert main(["score", rows, "--schema", schema, "--form", "think", "--json"]) == 0
    total = answer(capsys)["total"]
    assert isinstance(total, dict)
    assert total["mean"] == 1.0


@pytest.mark.parametrize(
    ("preset", "row", "expected"),
    [
        pytest.param(
            "schema", {"text": "t"}, " completion = None: the row has no such column", id="no completion"
        ),
        pytest.param(
            "fields", {"completion": MUGS}, " target = None: the preset fields compares", id="no target"
        ),
        pytest.param(
            "grounded", {"completion": MUGS}, " text = None: the row has no such column", id="no text"
        ),
        pytest.param(
            "fields",
            {"completion": MUGS, "target": {"item": "mug"}},
            " target = {'item': 'mug'}: required",
            id="bad",
        ),
    ],
)
def test_a_row_that_cannot_be_scored_is_named(
    preset: str,
    row: dict[str, JSON],
    expected: str,
    tmp_path: Path,
    schema: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = jsonl(tmp_path / "rows.jsonl", row)
    assert main(["score", rows, "--schema", schema, "--preset", preset]) == 2
    assert f"adhere score: {rows}:1{expected}" in capsys.readouterr().err


def test_scores_are_not_written_over(tmp_path: Path, schema: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = jsonl(tmp_path / "rows.jsonl", {"completion": MUGS, "target": TARGET})
    (tmp_path / "scores.jsonl").write_text("mine")
    assert main(["score", rows, "--schema", schema, "--out", str(tmp_path / "scores.jsonl")]) == 2
    assert "it stands already" in capsys.readouterr().err
    assert (tmp_path / "scores.jsonl").read_text() == "mine"
