"""Worker processes give the same rewards, and a call that hangs, crashes or exits stops the run."""

import gc
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from adhere.errors import RewardError
from adhere.records import JSON
from adhere.reward.function import Function
from adhere.reward.own import Own, Written
from adhere.reward.pool import Pool


def pool(directory: Path, source: str, *, processes: int = 1, seconds: float | None = None) -> Pool:
    path = directory / "own.py"
    path.write_text(source)
    return Pool(Own(Function.load(f"{path}:f")), processes=processes, seconds=seconds)


def written(*completions: str, **columns: JSON) -> list[Written]:
    return [
        Written(completion, {"id": f"r{place}", "text": "", **columns})
        for place, completion in enumerate(completions, 1)
    ]


def failure(rewards: Pool, asked: list[Written]) -> RewardError:
    with pytest.raises(RewardError) as caught:
        rewards.rewards(asked)
    assert "\n" not in str(caught.value)
    return caught.value


def state_of(process: int) -> str:
    """Return the letter of a process's state: Z where it has ended and nobody has asked how, or has."""
    status = Path(f"/proc/{process}/stat")
    return status.read_text().rpartition(")")[2].split()[0] if status.exists() else "Z"


def is_alive(process: int) -> bool:
    return state_of(process) != "Z"


def are_gone(processes: Iterable[int]) -> bool:
    """Whether all end soon: one that is killed ends in its next turn, and nobody here may wait for it."""
    left, until = list(processes), time.monotonic() + 10
    while left and time.monotonic() < until:
        left = [process for process in left if is_alive(process)]
        time.sleep(0.05)
    return not left


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("def f(completion, row): return len(completion) / 3", id="one completion"),
        pytest.param("async def f(completion, row): return len(completion) / 3", id="async"),
        pytest.param("def f(completions): return [len(c) / 3 for c in completions]", id="batch"),
    ],
)
@pytest.mark.parametrize("processes", [1, 3])
def test_rewards_are_those_of_the_run_s_own_process_in_order(
    source: str, processes: int, tmp_path: Path
) -> None:
    asked = written(*("x" * length for length in (5, 0, 7, 1, 2, 3, 4)))
    rewards = pool(tmp_path, source, processes=processes, seconds=60)
    own = Own(Function.load(f"{tmp_path}/own.py:f"))
    assert rewards.rewards(asked) == own.rewards(asked) == [5 / 3, 0, 7 / 3, 1 / 3, 2 / 3, 1.0, 4 / 3]
    assert rewards.rewards(asked[:2]) == [5 / 3, 0.0]
    assert rewards.rewards([]) == []


def test_completions_and_rows_arrive_as_they_are(tmp_path: Path) -> None:
    text = 'é\u2028"\n\\\U0001f600'
    source = (
        f"def f(completion, row): return completion == row['it'] == {text!r} and row['n'] == [1, 1.0, None]"
    )
    assert pool(tmp_path, source).rewards(written(text, it=text, n=[1, 1.0, None])) == [1.0]


def test_calls_are_made_by_as_many_other_processes_as_there_are(tmp_path: Path) -> None:
    # Neither ends before the other has begun.
    source = (
        "import os, time, pathlib\n"
        "def f(completion, row):\n"
        "    (pathlib.Path(__file__).parent / completion).touch()\n"
        "    while len(list(pathlib.Path(__file__).parent.glob('call*'))) < 2: time.sleep(0.01)\n"
        "    return os.getpid()\n"
    )
    first, second = pool(tmp_path, source, processes=2).rewards(written("call1", "call2"))
    assert len({first, second, os.getpid()}) == 3


def test_what_a_reward_prints_goes_to_standard_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert pool(tmp_path, "def f(completion, row):\n    print('seen')\n    return 1").rewards(
        written("")
    ) == [1.0]
    assert capfd.readouterr() == ("", "seen\n")


SLOW = (
    "import os, pathlib, subprocess, time\n"
    "def f(completion, row):\n"
    "    if completion == 'slow':\n"
    "        child = subprocess.Popen(['sleep', '60'])\n"
    "        pathlib.Path(__file__).with_name('pids').write_text(f'{os.getpid()} {child.pid}')\n"
    "        time.sleep(60)\n"
    "    return 1\n"
)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_call_that_takes_too_long_is_ended_with_all_that_it_started(processes: int, tmp_path: Path) -> None:
    rewards = pool(tmp_path, SLOW, processes=processes, seconds=2)
    began = time.monotonic()
    error = failure(rewards, written("fast", "slow", "fast"))
    assert time.monotonic() - began < 30
    assert str(error) == (
        f"{tmp_path}/own.py:f, row r2 = 'no answer after 2 s': that is the longest that a call may take, and "
        "it was ended. Make the function quicker, or raise own.seconds."
    )
    assert are_gone(map(int, (tmp_path / "pids").read_text().split()))


def test_a_pool_that_failed_begins_anew(tmp_path: Path) -> None:
    rewards = pool(tmp_path, SLOW, processes=2, seconds=2)
    failure(rewards, written("slow", "slow", "fast"))
    assert rewards.rewards(written("fast", "fast")) == [1.0, 1.0]


def test_the_limit_is_each_call_s_and_loading_has_none(tmp_path: Path) -> None:
    # Loading takes longer than a call may, and so do the calls together.
    source = "import time\ntime.sleep(1.2)\ndef f(completion, row):\n    time.sleep(0.4)\n    return 1\n"
    assert pool(tmp_path, source, seconds=1).rewards(written("", "", "")) == [1.0] * 3


def test_a_reward_that_raises_brings_its_traceback(tmp_path: Path) -> None:
    error = failure(pool(tmp_path, "def f(completion, row):\n    return 1 / 0\n"), written("a"))
    assert str(error).startswith(f"{tmp_path}/own.py:2, {tmp_path}/own.py:f, row r1 = ZeroDivisionError(")
    (note,) = error.__notes__
    assert note.endswith("ZeroDivisionError: division by zero\n")


def test_a_reward_that_is_no_number_is_named(tmp_path: Path) -> None:
    error = failure(pool(tmp_path, "def f(completion, row): return None"), written("a"))
    assert f"{tmp_path}/own.py:f, row r1 = None: a run has one reward" in str(error)
    assert not hasattr(error, "__notes__")


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        pytest.param("os._exit(3)", "status 3", id="it exits"),
        pytest.param("os.kill(os.getpid(), 9)", "status -9", id="it is killed, as where memory runs out"),
        pytest.param("ctypes.string_at(0)", "status -11", id="it crashes"),
    ],
)
def test_a_process_that_ends_stops_the_run(ending: str, status: str, tmp_path: Path) -> None:
    source = f"import ctypes, os\ndef f(completion, row): return {ending} if completion else 1"
    error = failure(pool(tmp_path, source), written("", "a"))
    assert str(error).startswith(f"{tmp_path}/own.py:f, row r2 = '{status}': the process that called the")


@pytest.mark.parametrize(
    ("command", "state", "status"),
    [
        pytest.param("kill -KILL $1", "Z", "status -9", id="gone before it is asked"),
        pytest.param(
            "kill -STOP $1; sleep 2; kill -KILL $1",
            "T",
            "status -9",
            id="gone before it has read the question",
        ),
    ],
)
def test_a_process_that_ends_between_two_calls_stops_the_run(
    command: str, state: str, status: str, tmp_path: Path
) -> None:
    source = (
        "import os, subprocess\n"
        "def f(completion, row):\n"
        f"    command = ['sh', '-c', 'sleep 0.3; {command}', 'sh', str(os.getpid())]\n"
        "    subprocess.Popen(command, start_new_session=True)\n"
        "    return os.getpid()\n"
    )
    rewards = pool(tmp_path, source)
    (process,) = rewards.rewards(written(""))
    while state_of(int(process)) != state:
        time.sleep(0.01)
    assert f"row r1 = '{status}'" in str(failure(rewards, written("")))


def test_a_file_that_loads_here_and_not_there_is_named(tmp_path: Path) -> None:
    source = "import sys\nassert sys.argv[0] != '-c'\ndef f(completion, row): return 1\n"
    error = failure(pool(tmp_path, source), written(""))
    assert f"{tmp_path}/own.py:2 = AssertionError(): the reward's file does not run" in str(error)


def test_a_process_that_ends_while_it_loads_is_named(tmp_path: Path) -> None:
    source = "import os, sys\nif sys.argv[0] == '-c': os._exit(5)\ndef f(completion, row): return 1\n"
    error = failure(pool(tmp_path, source), written(""))
    assert str(error).startswith(f"{tmp_path}/own.py:f, loaded anew = 'status 5': the process that called")


def test_no_process_outlives_the_pool(tmp_path: Path) -> None:
    rewards = pool(tmp_path, "import os\ndef f(completion, row): return os.getpid()", processes=2)
    processes = [int(process) for process in rewards.rewards(written("", ""))]
    assert all(map(is_alive, processes))
    del rewards
    gc.collect()
    assert are_gone(processes)


def test_modules_of_this_process_can_be_imported_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "on_the_path.py").write_text("NUMBER = 5")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "lib"), *sys.path])
    assert pool(tmp_path, "from on_the_path import NUMBER\ndef f(completion, row): return NUMBER").rewards(
        written("")
    ) == [5.0]
