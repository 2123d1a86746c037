"""`adhere compare`, from the command line to the files that it leaves."""

import io
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from adhere import artifact
from adhere.cli import main
from adhere.config import CompareConfig, bounds
from adhere.errors import ConfigError
from adhere.evaluate.comparing import compare, shortfalls, show
from adhere.evaluate.evaluation import Evaluation
from adhere.records import JSON, Example

RIGHT, WRONG, BROKEN = '{"item": "mug", "count": 2}', '{"item": "mug", "count": 3}', "no mug"
Summary = dict[str, Any]


@pytest.fixture
def asked() -> list[Example]:
    """Twenty texts about the same two mugs, two from each of ten documents."""
    return [
        Example(
            id=f"{place}",
            text=f"two mugs, {place}",
            schema="order",
            target={"item": "mug", "count": 2},
            meta={"document": place // 2},
        )
        for place in range(20)
    ]


@pytest.fixture
def place(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: list[Example],
    evaluated: Callable[..., Evaluation],
) -> Path:
    """A folder with three evaluations: 6 of 20 rows right, then 16, then 18 under a grammar."""
    monkeypatch.chdir(tmp_path)
    answers = {
        "before": [RIGHT] * 6 + [WRONG] * 8 + [BROKEN] * 6,
        "after": [RIGHT] * 16 + [WRONG] * 2 + [BROKEN] * 2,
        "constrained": [RIGHT] * 18 + [WRONG] * 2,
    }
    for name, given in answers.items():
        made = evaluated(asked, given, constrained=name == "constrained")
        (tmp_path / name).mkdir()
        made.write(tmp_path / name)
        artifact.write_json(tmp_path / name / artifact.SUMMARY, made.summary)
    return tmp_path


def printed(words: Sequence[str], capsys: pytest.CaptureFixture[str], *, status: int = 0) -> Summary:
    assert main(["compare", *words, "--json"]) == status
    made: Summary = json.loads(capsys.readouterr().out)
    return made


def by_metric(summary: Summary, evaluation: str, baseline: str) -> Mapping[str, Summary]:
    named = {"evaluation": evaluation, "baseline": baseline}
    return {each["metric"]: each for each in summary["comparisons"] if named.items() <= each.items()}


@pytest.mark.usefixtures("place")
def test_each_pair_and_metric_has_its_difference_with_what_it_is_worth(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = printed(["before", "after"], capsys)
    assert (made["rows"], made["clusters"], made["cluster"]) == (20, 20, "text")
    exact = by_metric(made, "after", "before")["exact"]
    # 10 rows became right and none wrong: p = 2 / 2¹⁰.
    assert exact["difference"] == 0.5
    assert exact["p"] == 2 / 1024
    assert exact["p_holm"] >= exact["p"]
    assert 0 < exact["low"] < 0.5 < exact["high"] < 1
    assert {"n", "detectable", "rows_needed"} <= exact.keys()
    assert by_metric(made, "after", "before").keys() == {
        "schema_valid",
        "exact",
        "match_all",
        "f1",
        "noise",
        "valid_json",
        "no_output",
    }


@pytest.mark.usefixtures("place")
def test_each_evaluation_is_told_with_its_conditions(capsys: pytest.CaptureFixture[str]) -> None:
    made = printed(["before", "free=after", "constrained"], capsys)
    assert list(made["evaluations"]) == ["before", "free", "constrained"]
    free = made["evaluations"]["free"]
    assert (free["directory"], free["model"], free["constrained"]) == ("after", "scripted", False)
    assert (free["exact"]["hits"], free["exact"]["tries"]) == (16, 20)
    assert made["evaluations"]["constrained"]["constrained"] is True


@pytest.mark.usefixtures("place")
def test_all_pairs_are_compared_where_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    few = printed(["before", "after", "constrained"], capsys)
    all_pairs = printed(["--all-pairs", "before", "after", "constrained"], capsys)
    assert (len(few["comparisons"]), len(all_pairs["comparisons"])) == (14, 21)
    assert by_metric(all_pairs, "constrained", "after")["exact"]["difference"] == pytest.approx(0.1)


@pytest.mark.usefixtures("place")
def test_rows_of_one_document_go_together_where_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    alone = printed(["before", "after"], capsys)
    together = printed(["before", "after", "--cluster", "document"], capsys)
    assert (together["rows"], together["clusters"], together["cluster"]) == (20, 10, "document")
    # The 10 rows that became right are of 5 documents: p = 2 / 2⁵.
    exact = by_metric(together, "after", "before")["exact"]
    assert (exact["difference"], exact["p"]) == (0.5, 2 / 32)
    narrow, wide = (each["evaluations"]["after"]["exact"] for each in (alone, together))
    assert wide["high"] - wide["low"] > narrow["high"] - narrow["low"]


@pytest.mark.usefixtures("place")
def test_a_toml_file_sets_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    Path("compare.toml").write_text('directories = ["before", "after"]\nmetrics = ["exact"]\ndetect = 0.02\n')
    made = printed(["compare.toml"], capsys)
    assert made == printed(["before", "after", "--metrics", "exact", "--detect", "0.02"], capsys)
    ((exact),) = made["comparisons"]
    assert exact["p_holm"] == exact["p"]
    # Half of the rows differ: 2 points take √n = (1.96 √.5 + .84 √(.5 - .02²) + …) / .02.
    assert exact["rows_needed"] == pytest.approx(9_900, rel=0.02)


@pytest.mark.usefixtures("place")
def test_the_report_the_numbers_and_the_summary_are_left_in_a_sealed_directory() -> None:
    config = CompareConfig(directories=("before", "after"), out=Path("out"), cluster="document", detect=0.1)
    summary = compare(config)
    assert {path.name for path in Path("out").iterdir()} == {
        "report.html",
        "report.md",
        "metrics.json",
        "summary.json",
        "manifest.json",
    }
    assert artifact.verify(Path("out"))["inputs"].keys() >= {"before/predictions.jsonl"}  # type: ignore[union-attr]
    assert json.loads(Path("out/summary.json").read_text()) == summary
    written = json.loads(Path("out/metrics.json").read_text())
    assert written["comparisons"] == summary["comparisons"]
    # All that `adhere eval` told, with the intervals of clusters.
    told = written["evaluations"]["after"]
    assert isinstance(told["fields"], dict)
    assert told["exact"] == summary["evaluations"]["after"]["exact"]  # type: ignore[index, call-overload]
    command = "adhere compare before after --cluster document --detect 0.1 --seed 0"
    assert command in Path("out/report.html").read_text()


def test_the_same_command_gives_the_same_bytes(place: Path) -> None:
    made = [compare(CompareConfig(directories=("before", "after"), out=place / name)) for name in "ab"]
    assert made[0] == made[1]
    for name in ("report.md", "metrics.json", "summary.json"):
        assert (place / "a" / name).read_bytes() == (place / "b" / name).read_bytes()


@pytest.mark.usefixtures("place")
def test_the_command_in_a_report_names_what_was_set() -> None:
    config = CompareConfig(
        directories=("before", "after"), out=Path("out"), all_pairs=True, metrics=("exact",), seed=3
    )
    compare(config)
    assert (
        "adhere compare before after --all-pairs --metrics exact --seed 3"
        in Path("out/report.html").read_text()
    )


# ------------------------------------------------------------------------------------------- for people


@pytest.mark.usefixtures("place")
def test_people_read_tables_of_what_was_reached_and_of_differences(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["compare", "before", "after", "constrained", "--cluster", "document"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert any(line.startswith("Exactly right before 30.0") for line in lines)
    assert any(line.startswith("constrained (constrained) 90.0") for line in lines)
    assert "after − before, in points" in lines
    assert any(line.startswith("Exactly right +50.0") for line in lines)
    assert any(line.startswith("20 rows of 10 values of document.") for line in lines)


def told(evaluations: Mapping[str, JSON], comparisons: list[JSON]) -> str:
    console = Console(width=100, file=io.StringIO())
    summary: dict[str, JSON] = {
        "rows": 4,
        "clusters": 2,
        "cluster": "text",
        "evaluations": dict(evaluations),
        "comparisons": comparisons,
    }
    show(summary, console)
    return " ".join(cast("io.StringIO", console.file).getvalue().split())


def test_conditions_failures_and_small_differences_are_told() -> None:
    rate: JSON = {"hits": 1, "tries": 4, "rate": 0.25, "low": 0.05, "high": 0.7}
    made: JSON = {
        "metric": "noise",
        "evaluation": "b",
        "baseline": "a",
        "difference": -0.0027,
        "low": -0.005,
        "high": 0.001,
        "p": 0.2,
        "p_holm": 1.0,
        "detectable": 0.0049,
        "rows_needed": 12_345,
    }
    text = told(
        {
            "a": {"exact": rate, "form": "think", "temperature": 0.7},
            "b": {"exact": rate, "failed": rate},
        },
        [made],
    )
    assert "a (think, temperature 0.7) 25.0" in text
    assert "b: 25.0 % of 4 requests failed, and count as misses." in text
    assert "Noise −0.27 −0.50 to +0.10 0.200 1.000 0.49 12,345" in text
    assert "4 rows of 2 texts." in text


# --------------------------------------------------------------------------------------------- fail under


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(["exact=0.8"], [], id="a floor is reached"),
        pytest.param(["exact=+0.5"], [], id="a gain is reached"),
        pytest.param(["exact=-0.01", "schema_valid=0.9,valid_json=0.9"], [], id="commas and blanks"),
        pytest.param(
            ["exact=0.81,exact=+0.51"],
            [
                "after: exact = 0.8000 [0.5840, 0.9193], and is to be at least 0.81.",
                "after − before: exact = +0.5000 [+0.2583, +0.7007], and is to be at least +0.51.",
            ],
            id="neither is",
        ),
        pytest.param(
            ["exact=0.6", "--decide-by", "low"],
            ["after: exact = 0.8000 [0.5840, 0.9193], and is to be at least 0.6 by the lower end."],
            id="reached by luck, perhaps",
        ),
        pytest.param(["exact=0.9,exact=+0.7", "--decide-by", "high"], [], id="missed by bad luck, perhaps"),
        pytest.param(
            ["exact=0.95", "--decide-by", "high"],
            ["after: exact = 0.8000 [0.5840, 0.9193], and is to be at least 0.95 by the upper end."],
            id="missed for certain",
        ),
    ],
)
@pytest.mark.usefixtures("place")
def test_what_the_last_evaluation_does_not_reach_is_a_line_each_and_status_1(
    words: list[str], expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "before", "after", "--json", "--fail-under", *words]) == (1 if expected else 0)
    assert capsys.readouterr().err.splitlines() == [f"adhere compare: {line}" for line in expected]


def test_what_was_not_measured_falls_short() -> None:
    summary: dict[str, JSON] = {
        "evaluations": {"a": {}, "b": {"match_parsed": {"mean": None, "low": None, "high": None, "n": 0}}},
        "comparisons": [],
    }
    config = CompareConfig(directories=("a", "b"), fail_under=("match_parsed=0,exact=-1",))
    assert list(shortfalls(summary, config)) == [
        "b: match_parsed was not measured, and is to be at least 0.",
        "b − a: exact was not measured, and is to be at least -1.",
    ]


# ------------------------------------------------------------------------------------------- wrong input


@pytest.mark.parametrize(
    ("words", "line"),
    [
        pytest.param([], "--directories: it must be given.", id="nothing"),
        pytest.param(
            ["before"],
            "compare.directories = 'before': it takes two to compare. Name another.",
            id="one",
        ),
        pytest.param(
            ["before", "before"],
            "compare.directories = 'before': this directory is named twice, and does not differ from itself. "
            "Name each once.",
            id="the same one",
        ),
        pytest.param(
            ["before", "nowhere"],
            "compare.directories = 'nowhere': it is no evaluation: it has no summary.json. Name directories "
            "written by `adhere eval`.",
            id="no evaluation",
        ),
        pytest.param(
            ["before", "fewer"],
            "compare.directories = 'fewer': it has 3 rows, and there are 20 in before. Evaluate both on the "
            "same data.",
            id="other rows",
        ),
        pytest.param(
            ["before", "after", "--cluster", "file"],
            "compare.cluster = 'file': row '0' has no such key in its meta. Use text or document.",
            id="no such key",
        ),
        pytest.param(
            ["before", "after", "--metrics", "exakt"],
            "compare.metrics = 'exakt': it names no metric that can be asked for here; perhaps you meant "
            "exact. Use schema_valid, exact, match_all, f1, noise, valid_json, no_output.",
            id="no such metric",
        ),
        pytest.param(
            ["before", "after", "--detect", "0"],
            "compare.detect = 0.0: no number of rows shows that nothing differs. Use more than 0.",
            id="nothing to detect",
        ),
        pytest.param(
            ["before", "after", "--detect", "2"],
            "compare.detect = 2.0: metrics are shares. Use 0 to 1.",
            id="more than all",
        ),
        pytest.param(
            ["before", "after", "--fail-under", "match_parsed=+0.1"],
            "compare.fail_under = 'match_parsed': rows differ in it. Name another metric, or a floor.",
            id="a gain over other rows",
        ),
        pytest.param(
            ["before", "after", "--metrics", "f1", "--fail-under", "exact=+0.1"],
            "compare.fail_under = 'exact': metrics leaves out what it is about. Name another metric, or a "
            "floor.",
            id="a gain that is not measured",
        ),
        pytest.param(
            ["before", "after", "--seed", "-1"],
            "compare.seed = -1: seeds are counted from 0. Use 0 or more.",
            id="a seed below 0",
        ),
    ],
)
def test_what_the_user_can_fix_is_one_line(
    words: list[str],
    line: str,
    place: Path,
    asked: list[Example],
    evaluated: Callable[..., Evaluation],
    capsys: pytest.CaptureFixture[str],
) -> None:
    (place / "fewer").mkdir()
    fewer = evaluated(asked[:3], [RIGHT] * 3)
    fewer.write(place / "fewer")
    artifact.write_json(place / "fewer" / artifact.SUMMARY, fewer.summary)
    assert main(["compare", *words]) == 2
    assert capsys.readouterr() == ("", f"adhere compare: {line}\n")


def test_an_output_that_stands_already_is_kept(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "out").mkdir()
    (place / "out" / "mine").write_text("kept")
    assert main(["compare", "before", "after", "--out", "out"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert (place / "out" / "mine").read_text() == "kept"


def test_a_bound_is_a_gain_where_it_has_a_sign() -> None:
    read = bounds(["schema_valid=0.98,exact=+0.02", "f1=-0.01"], "compare.fail_under")
    assert (read.floors, read.gains) == ({"schema_valid": 0.98}, {"exact": 0.02, "f1": -0.01})


@pytest.mark.parametrize("setting", ["exact=+1.5", "exact=-2", "exact=+nan", "noise=-0.1", "exact=+"])
def test_a_gain_that_could_not_be_is_refused(setting: str) -> None:
    with pytest.raises(ConfigError, match=r"compare\.fail_under"):
        CompareConfig(directories=("a", "b"), fail_under=(setting,))


def test_comparing_loads_no_torch(place: Path) -> None:
    program = (
        "import sys; from adhere.cli import main\n"
        "status = main(['compare', 'before', 'after', '--json'])\n"
        "sys.exit(status or 'torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=place, capture_output=True)
