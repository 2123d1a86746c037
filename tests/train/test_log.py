import json
import random
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest

from adhere.config import GrpoConfig, SftConfig
from adhere.errors import TrainingStopped
from adhere.records import JSON, Completion
from adhere.reward.score import Score
from adhere.train.grpo import GrpoStep
from adhere.train.log import METRICS, REPORT, ROLLOUTS, Log, cut, described
from adhere.train.rollouts import Rollout
from adhere.train.sft import SftStep

DOCUMENT = Path(__file__).parents[2] / "docs" / "watching.md"


def rollout(index: int, reward: float, *, text: str = '{"a": "é\u2028"}', accepted: bool = True) -> Rollout:
    completion = Completion(
        example_id="mug", index=index, text=text, tokens=(5, 6, 2), logprobs=(), finished=index == 0
    )
    score = Score(reward, "obeys", {"parses": 1.0, "matches": reward})
    return Rollout(completion, (1,), score, reward - 0.5, accepted=accepted)


def grpo_step(number: int, **changes: object) -> GrpoStep:
    step = GrpoStep(
        step=number,
        groups=((rollout(0, 0.75), rollout(1, 0.25)), (rollout(0, 0.5, accepted=False),)),
        reward=0.5,
        parts={"parses": 1.0, "matches": 0.5},
        outcomes={"malformed": 0.25, "obeys": 0.75},
        zero_variance=0.5,
        length=3.0,
        finished=0.5,
        loss=0.125,
        grad_norm=0.25,
        clipped=0.0,
        drift=0.0,
        lr=1e-5,
        seconds={"rollout": 0.5},
    )
    return replace(step, **changes)  # type: ignore[arg-type]


def sft_step(number: int, **changes: object) -> SftStep:
    return replace(SftStep(number, 1.5, 12, 0.5, 1e-4, 1), **changes)  # type: ignore[arg-type]


def grpo(directory: Path, **changes: object) -> GrpoConfig:
    return GrpoConfig(data=Path("data"), out=directory / "out", **changes)  # type: ignore[arg-type]


def sft(directory: Path) -> SftConfig:
    return SftConfig(data=Path("data"), out=directory / "out")


def rows(path: Path) -> list[dict[str, JSON]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def logged(directory: Path, numbers: range, *, total: int = 9) -> None:
    with Log(directory, grpo(directory), total, done=numbers.start - 1) as log:
        for number in numbers:
            log.step(grpo_step(number))


def test_every_number_of_a_step_is_in_its_line(tmp_path: Path) -> None:
    with Log(tmp_path, grpo(tmp_path), 2) as log:
        told = log.step(grpo_step(1, kl=None), held_out={"loss": 0.5, "exact": 0.25})
    (line,) = rows(tmp_path / METRICS)
    assert line == told == log.lines[0]
    own = {"held_out", "elapsed", "tokens_per_second"}
    assert set(line) == {field.name for field in fields(GrpoStep)} - {"groups"} | own
    assert (line["step"], line["parts"], line["kl"]) == (1, {"parses": 1.0, "matches": 0.5}, None)
    assert line["held_out"] == {"loss": 0.5, "exact": 0.25}


def test_every_completion_is_in_a_line_of_its_own(tmp_path: Path) -> None:
    logged(tmp_path, range(1, 3))
    lines = (tmp_path / ROLLOUTS).read_text(encoding="utf-8").split("\n")[:-1]
    assert len(lines) == 2 * 3
    assert json.loads(lines[1]) == {
        "step": 1,
        "id": "mug",
        "index": 1,
        "completion": '{"a": "é\u2028"}',
        "finished": False,
        "tokens": 3,
        "outcome": "obeys",
        "reward": 0.25,
        "parts": {"parses": 1.0, "matches": 0.25},
        "wrapping": "none",
        "advantage": -0.25,
        "accepted": True,
    }
    assert [json.loads(line)["accepted"] for line in lines] == [True, True, False] * 2


def test_supervised_training_has_numbers_and_no_completions(tmp_path: Path) -> None:
    with Log(tmp_path, sft(tmp_path), 1) as log:
        log.step(sft_step(1))
    (line,) = rows(tmp_path / METRICS)
    assert set(line) >= {field.name for field in fields(SftStep)}
    assert not (tmp_path / ROLLOUTS).exists()


def test_what_is_not_finite_is_null(tmp_path: Path) -> None:
    with Log(tmp_path, sft(tmp_path), 1) as log:
        log.step(sft_step(1, loss=float("inf"), grad_norm=float("nan"), skipped=True))
    (line,) = rows(tmp_path / METRICS)
    assert (line["loss"], line["grad_norm"], line["skipped"]) == (None, None, True)


def test_a_line_can_be_read_as_soon_as_its_step_is_logged(tmp_path: Path) -> None:
    with Log(tmp_path, grpo(tmp_path), 3) as log:
        for number in (1, 2):
            log.step(grpo_step(number))
            assert [line["step"] for line in rows(tmp_path / METRICS)] == list(range(1, number + 1))
            assert len(rows_of_rollouts(tmp_path)) == 3 * number
            log.flush()


def rows_of_rollouts(directory: Path) -> list[dict[str, JSON]]:
    lines = (directory / ROLLOUTS).read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]


@pytest.mark.parametrize("done", [0, 1, 3, 5])
def test_a_run_that_goes_on_drops_the_lines_after_its_checkpoint(tmp_path: Path, done: int) -> None:
    logged(tmp_path, range(1, 6))
    before = {name: (tmp_path / name).read_bytes() for name in (METRICS, ROLLOUTS)}
    logged(tmp_path, range(done + 1, 8))
    assert [line["step"] for line in rows(tmp_path / METRICS)] == list(range(1, 8))
    assert [line["step"] for line in rows_of_rollouts(tmp_path)] == [n for n in range(1, 8) for _ in range(3)]
    for name, lines_each in ((METRICS, 1), (ROLLOUTS, 3)):
        kept = b"".join(before[name].splitlines(keepends=True)[: done * lines_each])
        assert (tmp_path / name).read_bytes().startswith(kept)


def test_a_log_cut_anywhere_keeps_its_whole_lines_byte_for_byte(tmp_path: Path) -> None:
    logged(tmp_path, range(1, 4))
    whole = (tmp_path / ROLLOUTS).read_bytes()
    draw = random.Random(0)
    for end in [0, 1, len(whole) - 1, len(whole), *(draw.randrange(len(whole)) for _ in range(50))]:
        path = tmp_path / "torn.jsonl"
        path.write_bytes(whole[:end])
        cut(path, 2)
        lines = [line for line in whole[:end].splitlines(keepends=True) if line.endswith(b"\n")]
        assert path.read_bytes() == b"".join(lines[:6])


def test_time_goes_on_where_it_stood(tmp_path: Path) -> None:
    logged(tmp_path, range(1, 3))
    line = rows(tmp_path / METRICS)[0] | {"elapsed": 1000.0}
    (tmp_path / METRICS).write_text(json.dumps(line) + "\n")
    logged(tmp_path, range(2, 3))
    (_, second) = rows(tmp_path / METRICS)
    assert isinstance(second["elapsed"], float)
    assert 1000 <= second["elapsed"] < 1060


TOLD = "reward 0.500  valid 75%  9 tokens/s"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, f"{TOLD}  matches 0.50", id="a part that all earn is left out"),
        pytest.param({"stage": 2}, f"stage 2  {TOLD}  matches 0.50", id="a stage"),
        pytest.param({"skipped": True}, f"skipped  {TOLD}", id="what fits"),
    ],
)
def test_a_step_is_described_in_one_line(tmp_path: Path, changes: dict[str, JSON], expected: str) -> None:
    with Log(tmp_path, grpo(tmp_path), 1) as log:
        numbers = log.step(grpo_step(1))
    told = numbers | changes | {"tokens_per_second": 9.0}
    assert described(told, 50 if changes.get("skipped") else 58) == expected


def test_supervised_steps_are_described_by_their_loss(tmp_path: Path) -> None:
    with Log(tmp_path, sft(tmp_path), 1) as log:
        numbers = log.step(sft_step(1)) | {"tokens_per_second": 1234.5}
    assert described(numbers) == "loss 1.500  1,234 tokens/s"
    assert described(numbers | {"loss": None}) == "loss –  1,234 tokens/s"


def test_a_warning_is_on_stderr_and_on_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Log(tmp_path, grpo(tmp_path), 2) as log:
        log.step(grpo_step(1))
        log.warn("The reward fell. Going on, as --no-stop asks.")
    assert "adhere grpo: The reward fell. Going on, as --no-stop asks.\n" in capsys.readouterr().err
    assert "The reward fell. Going on, as --no-stop asks." in (tmp_path / REPORT).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        pytest.param(None, "Done", id="done"),
        pytest.param(KeyboardInterrupt(), "Interrupted", id="interrupted"),
        pytest.param(TrainingStopped("It taught nothing", {}), "Stopped", id="stopped"),
    ],
)
def test_the_page_says_how_the_run_ended(tmp_path: Path, fault: BaseException | None, state: str) -> None:
    def through() -> Iterator[None]:
        with Log(tmp_path, grpo(tmp_path), 1) as log:
            log.step(grpo_step(1))
            yield
            if fault is not None:
                raise fault

    if fault is None:
        list(through())
    else:
        with pytest.raises(type(fault)):
            list(through())
    page = (tmp_path / REPORT).read_text(encoding="utf-8")
    assert f'">{state}</span>' in page
    assert 'http-equiv="refresh"' not in page
    assert ("It taught nothing" in page) is (state == "Stopped")


def documented(title: str) -> set[str]:
    """The names in the first column of a table of the document."""
    section = DOCUMENT.read_text(encoding="utf-8").partition(f"## {title}\n")[2].partition("\n## ")[0]
    named = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {name.strip(" `") for cell in named for name in cell.split(",")}


def test_the_document_has_every_column_and_no_other(tmp_path: Path) -> None:
    for each in ("grpo", "sft"):
        (tmp_path / each).mkdir()
    with Log(tmp_path / "grpo", grpo(tmp_path), 1) as log:
        reinforced = log.step(grpo_step(1))
    with Log(tmp_path / "sft", sft(tmp_path), 1) as log:
        supervised = log.step(sft_step(1))
    assert documented("metrics.jsonl of adhere grpo") == set(reinforced)
    assert documented("metrics.jsonl of adhere sft") == set(supervised)
    assert documented("rollouts.jsonl") == set(rows_of_rollouts(tmp_path / "grpo")[0])
