import re

import pytest

from adhere.progress import progress


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_where_nobody_looks_on_a_line_is_written_after_the_first_step_and_every_tenth(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress("grpo", 40) as advance:
        for step in range(1, 41):
            advance(f"reward {step}")
    said = lines(capsys)
    assert [line.split()[1] for line in said] == ["1/40", *(f"{step}/40" for step in range(4, 41, 4))]
    assert re.fullmatch(r"grpo 40/40  0:00:00 left  reward 40", said[-1])


def test_a_run_that_goes_on_counts_from_where_it_stood(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("sft", 20, done=18) as advance:
        advance("")
        advance("")
    assert [line.split()[:2] for line in lines(capsys)] == [["sft", "19/20"], ["sft", "20/20"]]


def test_what_is_said_is_written_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("check", 1) as advance:
        advance("[bold]" + "x" * 200)
    (line,) = lines(capsys)
    assert line.endswith("[bold]" + "x" * 200)


def test_the_bar_fits_a_hundred_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    with progress("grpo", 5000) as advance:
        advance("d" * 58)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)
    line = [line for line in re.split(r"[\r\n]+", text) if "d" * 58 in line][-1]
    assert len(line.rstrip()) <= 100
