import re
from dataclasses import replace
from pathlib import Path

import pytest

from adhere.config import GrpoConfig, SftConfig
from adhere.errors import TrainingStopped
from adhere.records import JSON, Completion
from adhere.reward.score import Score
from adhere.train.causes import Cause
from adhere.train.doctor import Report
from adhere.train.live import EVERY, FIRST, SHARE, WORTH, Page, headlines
from adhere.train.rollouts import Rollout

GRPO = GrpoConfig(data=Path("data/mugs"), out=Path("runs/mugs"))
SFT = SftConfig(data=Path("data/mugs"), out=Path("runs/mugs"))


class Clock:
    """Moves when it is told to, and a little whenever it is read: all that is done takes time."""

    def __init__(self, tick: float = 0.0) -> None:
        self.now, self.tick = 0.0, tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


def line(step: int, **changes: JSON) -> dict[str, JSON]:
    made: dict[str, JSON] = {
        "step": step,
        "reward": 0.01 * step,
        "parts": {"matches": 0.005 * step},
        "outcomes": {"malformed": 0.5, "obeys": 0.5},
        "zero_variance": 0.25,
        "length": 40.0,
        "loss": 0.0,
        "held_out": None,
        "elapsed": 2.0 * step,
        "tokens_per_second": 1000.0,
    }
    return {**made, **changes}


def rollout(text: str, reward: float) -> Rollout:
    completion = Completion(
        example_id=f"row-{reward}", index=0, text=text, tokens=(1, 2), logprobs=(), finished=True
    )
    return Rollout(completion, (1,), Score(reward, "obeys", {"matches": reward}), reward - 0.5)


GROUPS = ((rollout("middling", 0.5), rollout("<b>worst</b>", 0.125)), (rollout("best", 0.875),))


def ended(tmp_path: Path, lines: list[dict[str, JSON]], fault: BaseException | None = None) -> str:
    page = Page(tmp_path / "report.html", GRPO if "reward" in lines[-1] else SFT, 100)
    page.step(lines, GROUPS)
    page.end(lines, fault)
    return (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_page_is_whole_and_refers_to_nothing_outside_itself(tmp_path: Path) -> None:
    text = ended(tmp_path, [line(step) for step in range(1, 21)])
    assert text.lstrip().startswith("<!doctype html>")
    assert text.rstrip().endswith("</html>")
    assert set(re.findall(r"https?://[^\"')]+", text)) <= {
        "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
    }  # fmt: skip
    assert not re.search(r"<script|<link|<img|@import", text)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_it_reloads_itself_while_the_run_goes_on_and_no_longer(tmp_path: Path) -> None:
    lines = [line(step) for step in range(1, 4)]
    page = Page(tmp_path / "report.html", GRPO, 100)
    page.step(lines, GROUPS)
    running = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert f'<meta http-equiv="refresh" content="{EVERY:.0f}">' in running
    # 3 of 100 steps took 6 seconds; 97 are left.
    assert "0:00:06 so far, about 0:03:14 left" in running
    assert 'http-equiv="refresh"' not in ended(tmp_path, lines)


def test_the_best_and_the_worst_completion_are_shown_as_they_were_written(tmp_path: Path) -> None:
    text = ended(tmp_path, [line(1)])
    assert text.index("<pre>best</pre>") < text.index("<pre>&lt;b&gt;worst&lt;/b&gt;</pre>")
    assert "middling" not in text
    assert "reward <b>0.875</b>" in text
    assert "advantage <b>-0.38</b>" in text


@pytest.mark.parametrize(
    ("elapsed", "is_drawn"),
    [pytest.param(WORTH, True, id="long enough"), pytest.param(WORTH - 0.1, False, id="over in no time")],
)
def test_a_run_that_is_over_shows_its_curves_if_it_took_a_while(
    tmp_path: Path,
    elapsed: float,
    is_drawn: bool,  # noqa: FBT001
) -> None:
    text = ended(tmp_path, [line(1), line(2, elapsed=elapsed)])
    assert ("Training curves over 2 steps" in text) is is_drawn
    assert ("over too soon" in text) is not is_drawn


def test_headlines_are_means_of_the_latest_steps_beside_the_first() -> None:
    told = {each.label: (each.value, each.evidence) for each in headlines([line(n) for n in range(1, 21)])}
    # 0.16 to 0.20, and 0.01 to 0.05.
    assert told["Reward"] == ("0.180", "0.030 at first")
    assert told["Groups with signal"][0] == "75.0\N{NO-BREAK SPACE}%"
    assert "Without the grammar" not in told
    assert "Loss, nats" not in told


def test_nothing_that_obeys_is_none_of_all() -> None:
    told = {each.label: each.value for each in headlines([line(1, outcomes={"malformed": 1.0})])}
    assert told["Obeys the schema"] == "0.0\N{NO-BREAK SPACE}%"


def test_supervised_training_has_its_loss_at_the_head() -> None:
    lines: list[dict[str, JSON]] = [{"step": 1, "loss": 2.5, "tokens_per_second": 9.0, "elapsed": 1.0}]
    assert [each.label for each in headlines(lines)] == ["Loss, nats", "Tokens a second"]
    # A step that was left out has no loss.
    assert [each.label for each in headlines([lines[0] | {"loss": None}])] == ["Tokens a second"]


def test_looks_at_held_out_examples_are_summed_up(tmp_path: Path) -> None:
    looks = {2: (0.9, 0.1), 4: (0.5, 0.4), 6: (0.7, 0.3)}
    lines = [
        line(n, held_out={"loss": looks[n][0], "exact": looks[n][1]} if n in looks else None)
        for n in range(1, 7)
    ]
    cells = re.findall(r'<th scope="row">(\w+)</th>' + r"<td>([\d.]+)</td>" * 4, ended(tmp_path, lines))
    # First, latest, best and when: the least loss, the most that is exact.
    assert cells == [("loss", "0.900", "0.700", "0.500", "4"), ("exact", "0.100", "0.300", "0.400", "4")]


def test_what_is_wrong_is_said_with_what_to_change(tmp_path: Path) -> None:
    page = Page(tmp_path / "report.html", GRPO, 100)
    cause = Cause("reward collapsed", "it was 0.6 and is 0.2", {}, "lr = 1e-06")
    page.diagnosis = Report(verdict="gets worse", causes=(cause,), numbers={}).as_json()
    page.warnings.append("It goes on all the same.")
    page.end([line(1)], TrainingStopped("stopped", {}))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    for said in (
        "reward collapsed",
        "it was 0.6 and is 0.2",
        "lr = 1e-06",
        "goes on all the same",
        ">Stopped<",
    ):
        assert said in text


def test_a_run_without_a_step_has_no_page(tmp_path: Path) -> None:
    Page(tmp_path / "report.html", GRPO, 100).end([], KeyboardInterrupt())
    assert list(tmp_path.iterdir()) == []


def shown(path: Path) -> tuple[int, bool]:
    """The step that a page tells of, and whether it has curves."""
    text = path.read_text(encoding="utf-8")
    found = re.search(r"step (\d+) of", text)
    assert found is not None
    return int(found[1]), "Training curves" in text


def test_it_is_written_every_few_seconds_and_drawn_once_that_is_cheap(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "report.html"
    page = Page(path, GRPO, 1000, clock=clock)
    lines: list[dict[str, JSON]] = []
    seen: list[tuple[int, bool]] = []
    for step in range(1, 56):
        clock.now += 1.0
        lines.append(line(step))
        page.step(lines, ())
        seen.append(shown(path))
    # Steps of a second: the first is shown at once, then every fifth.
    assert [step for step, _ in seen[:12]] == [1] * 5 + [6] * 5 + [11] * 2
    # A drawing that is taken to cost half a second may come after 50.
    assert [is_drawn for _, is_drawn in seen].index(True) == FIRST / SHARE
    assert seen[-1][1]


def test_a_page_that_takes_long_is_written_seldom(tmp_path: Path) -> None:
    clock, path = Clock(tick=0.5), tmp_path / "report.html"
    page = Page(path, replace(GRPO, steps=1000), 1000, clock=clock)
    changes, before = 0, 0
    for step in range(1, 121):
        clock.now += 1.0
        page.step([line(step)], ())
        changes += shown(path)[0] != before
        before = shown(path)[0]
    # Half a second each, and 1 % of some 200 seconds: four, and the first.
    assert changes <= 5
