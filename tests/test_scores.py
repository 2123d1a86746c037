"""`adhere score` as a filter: a line out for a line in, with a preset or with a reward of the user's own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from adhere.cli import main
from adhere.records import JSON

SCHEMA = {"title": "Cup", "type": "object", "properties": {"item": {"type": "string"}}, "required": ["item"]}
GOOD: dict[str, JSON] = {"completion": '{"item": "mug"}', "target": {"item": "mug"}}
BAD: dict[str, JSON] = {"completion": "a mug", "target": {"item": "mug"}}
OWN = "def length(completion, row):\n    return len(completion) / row['unit']\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with a schema, two rows and a reward of the user's own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))
    (tmp_path / "own.py").write_text(OWN)
    rows(tmp_path, {**GOOD, "unit": 5}, {**BAD, "unit": 5})
    return tmp_path


def rows(place: Path, *given: Mapping[str, JSON]) -> None:
    (place / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in given))


SCORE = ["score", "rows.jsonl", "--schema", "schema.json"]


def lines(printed: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in printed.splitlines()]


def test_with_a_dash_lines_go_to_standard_output_and_the_table_to_standard_error(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*SCORE, "--out", "-"]) == 0
    printed = capsys.readouterr()
    told = [{name: line[name] for name in ("id", "total", "outcome", "parts")} for line in lines(printed.out)]
    assert told == [
        {
            "id": "rows-1",
            "total": 1.0,
            "outcome": "obeys",
            "parts": {"parses": 1.0, "obeys": 1.0, "matches": 1.0},
        },
        {
            "id": "rows-2",
            "total": 0.0,
            "outcome": "no_output",
            "parts": {"parses": 0.0, "obeys": 0.0, "matches": 0.0},
        },
    ]
    assert "total" in printed.err
    assert "n = 2" in printed.err
    assert sorted(file.name for file in place.iterdir()) == ["own.py", "rows.jsonl", "schema.json"]


@pytest.mark.usefixtures("place")
def test_lines_and_summary_cannot_both_have_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SCORE, "--out", "-", "--json"]) == 2
    assert capsys.readouterr() == (
        "",
        "adhere score: score.out = '-': with --json standard output holds the summary and nothing else. "
        "Name a file, or leave one of the two out.\n",
    )


def filtering(place: Path, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "adhere", "score", "-", "--schema", "schema.json", "--out", "-", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=place, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_a_row_is_answered_before_the_next_one_comes(place: Path) -> None:
    with filtering(place) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for row, total in ((GOOD, 1.0), (BAD, 0.0), (GOOD, 1.0)):
            process.stdin.write(f"{json.dumps(row)}\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["total"] == total
        _, told = process.communicate()
    assert process.returncode == 0
    assert "n = 3" in told


def test_a_reader_that_has_had_enough_is_no_error(place: Path) -> None:
    with filtering(place) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{json.dumps(GOOD)}\n")
        process.stdin.flush()
        process.stdout.readline()
        process.stdout.close()
        process.stdin.write(f"{json.dumps(GOOD)}\n" * 3)
        process.stdin.close()
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_memory_does_not_grow_with_the_rows(place: Path) -> None:
    # A megabyte a row: 200 of them would show.
    program = (
        "import resource, sys; from adhere.cli import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )

    def peak(count: int) -> int:
        rows(place, *[{**BAD, "padding": "x" * 1_000_000}] * count)
        command = [sys.executable, "-c", program, *SCORE, "--out", f"scores-{count}.jsonl"]
        finished = subprocess.run(command, cwd=place, capture_output=True, check=True, text=True)
        return int(finished.stdout.split()[-1])

    # In KiB; a garbage collector's slack, and nothing like 190 MB.
    assert peak(200) - peak(10) < 30_000


def test_a_bad_row_is_named_by_file_and_line_after_the_lines_before_it(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows(place, GOOD, {"completion": "x"}, GOOD)
    assert main([*SCORE, "--out", "-"]) == 2
    printed = capsys.readouterr()
    assert len(lines(printed.out)) == 1
    assert printed.err.startswith(
        "adhere score: rows.jsonl:2 target = None: the preset fields compares with it"
    )
    assert len(printed.err.splitlines()) == 1


def test_a_bad_row_leaves_no_file(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows(place, GOOD, {"completion": "x"})
    assert main([*SCORE, "--out", "deep/scores.jsonl"]) == 2
    assert "rows.jsonl:2" in capsys.readouterr().err
    assert list((place / "deep").iterdir()) == []


def test_a_file_of_scores_appears_with_its_folder(place: Path) -> None:
    assert main([*SCORE, "--out", "deep/scores.jsonl"]) == 0
    assert [each.name for each in (place / "deep").iterdir()] == ["scores.jsonl"]
    assert len((place / "deep" / "scores.jsonl").read_text().splitlines()) == 2


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("own", [[], ["--own.seconds", "60"], ["--own.processes", "2"]], ids=" ".join)
def test_a_reward_of_the_user_s_own_scores_rows(own: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SCORE, "--preset", "own.py:length", "--out", "-", *own]) == 0
    # 15 and 5 characters, in units of 5.
    told = [
        (line["id"], line["total"], line["outcome"], line["parts"]) for line in lines(capsys.readouterr().out)
    ]
    assert told == [("rows-1", 3.0, "obeys", {"own": 3.0}), ("rows-2", 1.0, "no_output", {"own": 1.0})]


@pytest.mark.usefixtures("place")
def test_the_summary_of_a_reward_of_the_user_s_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SCORE, "--preset", "own.py:length", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["preset"], summary["total"]["mean"]) == ("own.py:length", 2.0)
    assert summary["parts"] == {"own": summary["total"]}


def test_a_file_of_settings_may_name_it(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "score.toml").write_text(
        'preset = "own.py:length"\nschema = "schema.json"\n[own]\nprocesses = 1\n'
    )
    assert main(["score", "score.toml", "rows.jsonl", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"]["mean"] == 2.0


def test_its_text_is_empty_where_a_row_has_none(place: Path) -> None:
    (place / "own.py").write_text(
        "def f(completion, row):\n"
        "    assert (row['text'], row['target'], row['unit']) == ('', None, 1)\n"
        "    return 1\n"
    )
    rows(place, {"completion": "x", "unit": 1})
    assert main([*SCORE, "--preset", "own.py:f"]) == 0


@pytest.mark.parametrize(
    ("source", "said"),
    [
        pytest.param(
            OWN.replace("'unit'", "'units'"),
            "own.py:2, own.py:length, row rows-1 = KeyError('units'): the function raised it, and a reward "
            "that fails is not taken for 0. Mend the function.",
            id="it raises",
        ),
        pytest.param(
            "def length(completion, row): ...",
            "own.py:length, row rows-1 = None: a run has one reward, so a completion without a number cannot "
            "be compared with others. Return a number for each, or leave out the rows that it does not apply "
            "to.",
            id="it returns nothing",
        ),
        pytest.param(
            "def long(completion, row): ...",
            "reward = 'own.py:length': the file has no function 'length'; perhaps you meant long. Name a "
            "function of the file.",
            id="it is not there",
        ),
        pytest.param(
            "def length(text): ...",
            "own.py:length = '(text)': a reward takes (completion, row) or (prompts, completions, "
            "**columns). Name its parameters so.",
            id="it has neither form",
        ),
        pytest.param(
            "import nowhere_at_all",
            "own.py:1 = ModuleNotFoundError(\"No module named 'nowhere_at_all'\"): the reward's file does "
            "not run. Mend it.",
            id="its file does not run",
        ),
    ],
)
@pytest.mark.parametrize("own", [[], ["--own.seconds", "60"]], ids=["in process", "elsewhere"])
def test_what_is_wrong_with_it_is_one_line_after_its_own_traceback(
    own: list[str], source: str, said: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "own.py").write_text(source)
    assert main([*SCORE, "--preset", "own.py:length", "--out", "scores.jsonl", *own]) == 2
    printed = capsys.readouterr()
    *trace, line = printed.err.splitlines()
    assert line == f"adhere score: {said}"
    assert printed.out == ""
    assert not (place / "scores.jsonl").exists()
    if "raised" in said:
        assert trace[0] == "Traceback (most recent call last):"
        assert any("row['units']" in each for each in trace)
    else:
        assert trace == []


def test_a_row_that_takes_too_long_stops_it(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "own.py").write_text("import time\ndef slow(completion, row): time.sleep(60)\n")
    assert main([*SCORE, "--preset", "own.py:slow", "--own.seconds", "0.5"]) == 2
    assert capsys.readouterr().err == (
        "adhere score: own.py:slow, row rows-1 = 'no answer after 0.5 s': that is the longest that a call "
        "may take, and it was ended. Make the function quicker, or raise own.seconds.\n"
    )


def test_an_interrupt_ends_the_processes_too(place: Path) -> None:
    (place / "own.py").write_text(
        "import os, pathlib, time\n"
        "def slow(completion, row):\n"
        "    pathlib.Path('pid').write_text(str(os.getpid()))\n"
        "    time.sleep(60)\n"
    )
    with filtering(place, "--preset", "own.py:slow", "--own.processes", "1") as process:
        assert process.stdin is not None
        process.stdin.write(f"{json.dumps(GOOD)}\n")
        process.stdin.flush()
        while not (place / "pid").exists() or not (place / "pid").read_text():
            assert process.poll() is None
        process.send_signal(2)
        assert process.wait(60) == 130
    with pytest.raises(ProcessLookupError):
        os.kill(int((place / "pid").read_text()), 0)


def test_a_line_says_what_stands_around_the_json_and_a_setting_what_that_costs(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows(place, {**GOOD, "completion": 'Here: {"item": "MUG"}'})
    loose = ["--scoring.wrapped", "0.5", "--scoring.normalise", "/item=case"]
    assert main([*SCORE, *loose, "--out", "-"]) == 0
    (line,) = lines(capsys.readouterr().out)
    assert (line["total"], line["outcome"], line["wrapping"]) == (0.5, "malformed", "prose")


@pytest.mark.usefixtures("place")
def test_a_path_that_the_schema_has_not_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SCORE, "--scoring.normalise", "/itm=case"]) == 2
    assert capsys.readouterr().err == (
        "adhere score: scoring.normalise = '/itm': no value of the schema has this path; perhaps you meant "
        "/item. Name a leaf as adhere schema lists them, or * for every string.\n"
    )
