"""A run that is killed, interrupted or out of room, and started again, ends as if nothing had happened."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from importlib.resources import files
from itertools import cycle
from pathlib import Path
from typing import cast

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from adhere import artifact
from adhere.cli import main
from adhere.data import store
from adhere.data.store import Dataset
from adhere.model import Model, load, save
from adhere.prompt import Tokenizer
from adhere.records import Example
from adhere.schema import Schema

SCHEMA = Schema.of(
    {"title": "S", "type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
)
REWARD = '''
def varied(completion: str, row: dict) -> float:
    """Differs from one completion to the next, so that every group teaches something."""
    return len(set(completion)) / 40 - len(completion) / 400
'''
CURRICULUM = """
[[stage]]
name = "first"
leaves = [1, 1]
most = 3
[[stage]]
name = "all"
"""
COMMON = ["--model", "../model", "--data", "../data/examples.jsonl", "--out", "out", "--seed", "3"]
LOOKS = ["--held-out", "../data/held_out.jsonl", "--evaluate-every", "3", "--saving.keep", "2"]
SFT = ["sft", *COMMON, "--epochs", "2", "--batch-size", "2", "--lr", "1e-2", "--saving.every", "2"]
GRPO = [
    "grpo", *COMMON, "--reward", "../reward.py:varied", "--steps", "8", "--prompts-per-step", "2",
    "--group-size", "3", "--max-new-tokens", "8", "--lr", "1e-2", "--saving.every", "2",
]  # fmt: skip
LORA = ["--lora.rank", "2"]
RUNS = {
    "sft": [*SFT, *LOOKS, "--patience", "3"],
    "sft lora": [*SFT, *LORA, "--lora.dropout", "0.2"],
    "sft in stages": [*SFT, "--curriculum", "../stages.toml"],
    "grpo": [*GRPO, *LOOKS],
    "grpo lora": [*GRPO, *LORA, "--beta", "0.1"],
    "grpo off policy": [
        *GRPO, "--beta", "0.1", "--sync-every", "3", "--updates-per-batch", "2", "--refill", "1",
        "--rest", "2", "--curriculum", "../stages.toml",
    ],
    "grpo under a grammar": [*GRPO, "--constrain"],
}  # fmt: skip


class Bench:
    """A directory with a model and data, and a process that runs command lines within it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.seconds: dict[str, float] = {}
        """How long the runs took that nothing disturbed."""
        self._runs = 0
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
        (place / "first").mkdir()
        self._errors = (place / "first" / "errors").open("w")
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("forked.py")), *RUNS["grpo under a grammar"]],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=place / "first", env=environment,
            stderr=self._errors,
        )  # fmt: skip

    def close(self) -> None:
        self._process.communicate()
        self._errors.close()

    def room(self) -> Path:
        """Make a directory for a run, as far from the data as any other."""
        self._runs += 1
        room = self.place / str(self._runs)
        room.mkdir()
        return room

    def start(self, words: list[str], room: Path, **how: float) -> int:
        """Start a command line, to be ended as `forked` says; return the number of its process."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps({'words': words, 'within': str(room), **how})}\n")
        self._process.stdin.flush()
        return self.wait()

    def wait(self) -> int:
        """Wait for what was started; return its exit status, the negative signal where one ended it."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"{self._process.wait()}: {Path(self._errors.name).read_text()}"
        return int(line)

    def run(self, words: list[str], room: Path, **how: float) -> int:
        self.start(words, room, **how)
        return self.wait()

    def whole(self, name: str) -> Path:
        """Return what a run leaves that nothing disturbed."""
        room = self.place / f"whole {name}"
        if not room.exists():
            room.mkdir()
            began = time.monotonic()
            finish(self, RUNS[name], room)
            self.seconds[name] = time.monotonic() - began
        return room / "out"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    place = tmp_path_factory.mktemp("bench")
    nano = str(files("adhere") / "nano")
    shape = AutoConfig.from_pretrained(
        nano, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, layer_types=["full_attention"] * 2,
    )  # fmt: skip
    torch.manual_seed(0)
    network = cast("PreTrainedModel", AutoModelForCausalLM.from_config(shape))
    save(Model("small", network, cast("Tokenizer", AutoTokenizer.from_pretrained(nano))), place / "model")
    words = ("mug", "pot", "jar", "pan", "cup", "lid", "box", "tin", "bag", "can", "keg", "urn")
    rows = [Example(id=word, text=f"One {word}.", schema="S", target={"a": word}) for word in words]
    (place / "data").mkdir()
    store.write(Dataset({"S": SCHEMA}, tuple(rows[:10])), place / "data")
    store.write(Dataset({"S": SCHEMA}, tuple(rows[10:])), place / "data", "held_out.jsonl")
    (place / "reward.py").write_text(REWARD)
    (place / "stages.toml").write_text(CURRICULUM)
    bench = Bench(place)
    yield bench
    bench.close()


TIMES = frozenset({"elapsed", "seconds", "tokens_per_second"})


def timeless(value: object) -> object:
    match value:
        case dict():
            return {name: timeless(inner) for name, inner in value.items() if name not in TIMES}
        case _:
            return value


def read(path: Path) -> object:
    """Return what a file holds, times aside."""
    if path.name == artifact.SUMMARY:
        return timeless(json.loads(path.read_text()))
    if path.suffix == ".jsonl":
        return [timeless(json.loads(line)) for line in path.read_text().splitlines()]
    return path.read_bytes()


def left(out: Path) -> Mapping[str, object]:
    """Return all that a run left, but what says when: the manifest and the page."""
    artifact.verify(out)
    found = {str(path.relative_to(out)): path for path in out.rglob("*") if path.is_file()}
    return {name: read(path) for name, path in found.items() if name not in ("manifest.json", "report.html")}


def assert_equal(out: Path, whole: Path) -> None:
    assert {path.name for path in out.parent.iterdir()} == {"errors", "out"}
    assert artifact.verify(out)["finished"] is True
    found, expected = left(out), left(whole)
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []


def finish(bench: Bench, words: list[str], room: Path) -> None:
    """Run a command line again until it is done, as a user would."""
    assert bench.run(words, room) == 0, told(room)


def told(room: Path) -> str:
    return (room / "errors").read_text()


def killed(bench: Bench, name: str, room: Path, change: int) -> None:
    """Kill a run just before it changes files for the n-th time."""
    status = bench.run(RUNS[name], room, change=change, by=signal.SIGKILL)
    assert status == -signal.SIGKILL, told(room)


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_nothing_disturbs_is_the_same_every_time(bench: Bench, name: str) -> None:
    room = bench.room()
    finish(bench, RUNS[name], room)
    assert_equal(room / "out", bench.whole(name))


@pytest.mark.parametrize("name", ["sft", "grpo"])
@pytest.mark.parametrize("change", [75, *(pytest.param(n, marks=pytest.mark.slow) for n in (40, 100))])
def test_a_run_that_is_killed_between_two_changes_of_files_goes_on(
    bench: Bench, name: str, change: int
) -> None:
    room = bench.room()
    killed(bench, name, room, change)
    finish(bench, RUNS[name], room)
    assert "going on after step" in told(room)
    assert_equal(room / "out", bench.whole(name))


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["sft", "grpo"])
def test_fifty_kills_at_random_instants_are_fifty_exact_resumes(bench: Bench, verb: str) -> None:
    draw = random.Random(verb)
    names = cycle(name for name in RUNS if name.startswith(verb))
    kills = 0
    while kills < 50:
        name, room = next(names), bench.room()
        whole = bench.whole(name)
        # Up to three kills of one run, by the clock and by the count in turn, then in peace to its end.
        for _ in range(draw.randrange(1, 4)):
            at_once = {"change": draw.randrange(1, 150), "by": signal.SIGKILL}
            later = {"after": draw.random() * bench.seconds[name]}
            status = bench.run(RUNS[name], room, **(at_once if draw.random() < 0.5 else later))
            if (room / "out").exists():
                break
            assert status == -signal.SIGKILL, told(room)
            kills += 1
        else:
            finish(bench, RUNS[name], room)
        assert_equal(room / "out", whole)


@pytest.mark.parametrize("name", ["sft", pytest.param("grpo", marks=pytest.mark.slow)])
def test_a_run_that_is_interrupted_shows_a_model_and_goes_on_from_there(bench: Bench, name: str) -> None:
    room = bench.room()
    assert bench.run(RUNS[name], room, change=75, by=signal.SIGINT) == 130
    assert "interrupted. Run the same command again, and it goes on from what was saved." in told(room)
    assert artifact.verify(room / "out")["finished"] is False
    load(str(room / "out" / "checkpoint"))
    finish(bench, RUNS[name], room)
    assert_equal(room / "out", bench.whole(name))


def test_a_run_that_was_killed_before_its_first_checkpoint_says_that_it_begins_afresh(bench: Bench) -> None:
    room = bench.room()
    killed(bench, "sft", room, 12)
    assert not (room / ".out.partial" / "resume").exists()
    finish(bench, RUNS["sft"], room)
    assert "adhere sft: beginning afresh: there is no checkpoint to go on from." in told(room)
    assert_equal(room / "out", bench.whole("sft"))


def test_a_full_disk_costs_nothing_but_the_steps_since_the_last_checkpoint(bench: Bench) -> None:
    room = bench.room()
    killed(bench, "sft", room, 75)
    saved = {path.name for path in (room / ".out.partial" / "resume").iterdir() if path.name[0] != "."}
    # The weights have 0.4 MB, and the optimizer keeps two numbers for each.
    assert bench.run(RUNS["sft"], room, most=600_000) == 2
    assert told(room).splitlines()[-1] == (
        "adhere sft: out = 'out': it cannot be written on (File too large). "
        "Make room and run the same command again, which goes on from the last checkpoint."
    )
    assert {path.name for path in (room / ".out.partial" / "resume").iterdir()} <= saved
    finish(bench, RUNS["sft"], room)
    assert_equal(room / "out", bench.whole("sft"))


@pytest.mark.slow
@pytest.mark.parametrize("most", [100, 2_000, 4_000, 20_000, 150_000, 420_000, 600_000])
@pytest.mark.parametrize("name", ["sft", "grpo"])
def test_wherever_a_disk_is_full_one_line_says_so(bench: Bench, name: str, most: int) -> None:
    room = bench.room()
    assert bench.run(RUNS[name], room, most=most) == 2
    assert "Traceback" not in told(room)
    assert "it cannot be written on (File too large)" in told(room).splitlines()[-1]
    finish(bench, RUNS[name], room)
    assert_equal(room / "out", bench.whole(name))


def test_a_second_trainer_is_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    room = bench.room()
    pid = bench.start(RUNS["sft"], room)
    while not (room / ".out.partial" / "metrics.jsonl").exists():
        time.sleep(0.001)
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.chdir(room)
    assert main(RUNS["sft"]) == 2
    assert f"process {pid} on {os.uname().nodename} is writing it" in capsys.readouterr().err
    os.kill(pid, signal.SIGCONT)
    assert bench.wait() == 0
    assert_equal(room / "out", bench.whole("sft"))


def test_a_run_that_was_stopped_goes_on_when_told_not_to_stop(bench: Bench) -> None:
    stopped, whole = bench.room(), bench.room()
    small = ["--prompts-per-step", "7", "--group-size", "2", "--max-new-tokens", "2", "--saving.every", "3"]
    # Nothing that untrained weights write obeys, so every step of 7 groups is silent; 5 of them are enough.
    words = [*RUNS["grpo"], *small, "--reward", "schema"]
    assert [bench.run(words, stopped) for _ in range(2)] == [1, 1]
    assert artifact.verify(stopped / "out")["finished"] is False
    assert len((stopped / "out" / "metrics.jsonl").read_text().splitlines()) == 5
    load(str(stopped / "out" / "checkpoint"))
    for room in (stopped, whole):
        finish(bench, [*words, "--no-stop"], room)
    assert_equal(stopped / "out", whole / "out")


def test_the_last_checkpoints_and_the_best_weights_stay_as_models(bench: Bench) -> None:
    out = bench.whole("sft")
    assert {path.name for path in (out / "checkpoints").iterdir()} == {"step-8", "step-10"}
    assert not (out / "resume").exists()
    summary = json.loads((out / "summary.json").read_text())
    weights = {
        path.parent.name: load(str(path.parent)).network.state_dict()
        for path in out.rglob("model.safetensors")
    }
    assert weights.keys() == {"best", "checkpoint", "step-8", "step-10"}
    # Ten updates, and one of the looks after the third, sixth, ninth and tenth is the best.
    best = summary["held_out"]["best"]["step"]
    same = {"checkpoint", "step-10"} | ({"best"} if best == 10 else set())
    for name, tensors in weights.items():
        is_last = all(torch.equal(tensors[key], weights["checkpoint"][key]) for key in tensors)
        assert is_last == (name in same), name


def test_a_run_that_was_killed_when_it_was_done_is_put_in_its_place(bench: Bench) -> None:
    room, whole = bench.room(), bench.whole("sft")
    shutil.copytree(whole, room / ".out.partial")
    finish(bench, RUNS["sft"], room)
    assert_equal(room / "out", whole)
    assert told(room) == ""


def test_work_outlasts_a_model_that_cannot_be_reached(bench: Bench) -> None:
    room = bench.room()
    killed(bench, "sft", room, 75)
    model = bench.place / "model"
    model.rename(bench.place / "elsewhere")
    assert bench.run(RUNS["sft"], room) == 2
    (bench.place / "elsewhere").rename(model)
    finish(bench, RUNS["sft"], room)
    assert "going on after step" in told(room)
    assert_equal(room / "out", bench.whole("sft"))
