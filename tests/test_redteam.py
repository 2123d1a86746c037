"""`adhere doctor --attack` says which cheats a reward falls for, and fails if there are any."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from adhere.cli import main
from adhere.data import invoices, store
from adhere.data.side import EITHER
from adhere.data.source import SchemaSource
from adhere.records import JSON, Example
from adhere.schema import Schema

SCHEMA = Schema.of(invoices.SCHEMA, name="invoice")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    source = SchemaSource([SCHEMA], seed=3)
    examples = tuple(source.example(number, EITHER) for number in range(12))
    store.write(store.Dataset({"invoice": SCHEMA}, examples), tmp_path)
    return tmp_path


def printed(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, JSON]]:
    status = main(["doctor", "--attack", "--json", *words])
    return status, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("words", "status", "verdict"),
    [
        pytest.param([], 0, "holds", id="the default"),
        pytest.param(["--reward", "grounded"], 0, "holds", id="grounded, whose limits are known"),
        pytest.param(["--form", "think"], 0, "holds", id="with thinking"),
        pytest.param(["--reward", "thinkjson"], 1, "pays for cheating", id="the paper's"),
        pytest.param(["--reward", "schema"], 1, "pays for cheating", id="form alone"),
        pytest.param(["--scoring.wrapped", "0.9"], 1, "pays for cheating", id="a setting"),
    ],
)
def test_a_reward_holds_or_not(
    rows: Path, words: list[str], status: int, verdict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found, summary = printed(["--data", str(rows), *words], capsys)
    assert (found, summary["verdict"]) == (status, verdict)
    assert summary["rows"] == 12


def test_a_reward_of_the_users_own_is_attacked(rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = rows / "mine.py"
    mine.write_text("def reward(completion, row):\n    return float('vendor' in completion)\n")
    status = main(["doctor", "--attack", "--data", str(rows), "--reward", f"{mine}:reward"])
    told = capsys.readouterr()
    assert status == 1
    assert "in_a_fence" in told.err
    assert "pays for cheating: some cheats earn" in told.out
    assert "12 of 12" in told.out


def test_a_reward_that_fails_on_a_cheat_is_told(rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = rows / "mine.py"
    mine.write_text(
        "import json\n"
        "def reward(completion, row):\n"
        "    return float(json.loads(completion)['vendor'] == row['target']['vendor'])\n"
    )
    words = ["doctor", "--attack", "--data", str(rows), "--reward", f"{mine}:reward"]
    assert main(words) == 1
    assert "the reward failed" in capsys.readouterr().out


def test_what_reaches_the_bar_is_shown_with_its_reason(
    rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unlabelled = tuple(
        Example(id=str(number), text=f"Mira Holt {number} Jon Reed {number + 7} Ada Bell", schema="people")
        for number in range(5)
    )
    people = Schema.of(
        {
            "type": "object",
            "properties": {"one": {"type": "string"}, "two": {"type": "string"}},
            "required": ["one", "two"],
        }
    )
    store.write(store.Dataset({"people": people}, unlabelled), rows)
    assert main(["doctor", "--attack", "--data", str(rows), "--reward", "grounded"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert told.startswith("holds: no cheat earns what a mediocre honest answer earns")
    assert "known: without labels" in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["--rollouts", "x.jsonl"], "there are no rows to cheat on", id="no rows"),
        pytest.param(["--data", "d", "--reward", "rubric"], "this reward reads free text", id="free text"),
        pytest.param(
            ["--data", "d", "--reward", "own.py:f", "--form", "prose"],
            "this reward reads free text",
            id="prose",
        ),
        pytest.param(["--data", "no-such"], "there is no such directory or file", id="no such rows"),
    ],
)
def test_what_cannot_be_attacked_is_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--attack", *words]) == 2
    assert message in capsys.readouterr().err


def test_no_model_is_loaded(rows: Path) -> None:
    code = (
        "import sys; from adhere.cli import main; "
        f"status = main(['doctor', '--attack', '--data', {str(rows)!r}]); "
        "sys.exit(status or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0
