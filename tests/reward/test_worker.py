"""The process that calls a user's reward answers line by line."""

import io
import json
import socket
import threading
from pathlib import Path

import pytest

from adhere.reward.worker import main, serve

SOURCE = "def f(completion, row):\n    return 1 / row['n']\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "own.py"
    path.write_text(SOURCE)
    return path


def question(number: int) -> str:
    return json.dumps([["a", {"id": "r1", "n": number}]])


def answers(written: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in written.splitlines()]


def test_a_file_that_runs_is_announced_and_every_question_answered(file: Path) -> None:
    written = io.StringIO()
    serve(f"{file}:f", [question(4), question(3)], written)
    assert answers(written.getvalue()) == [{"rewards": []}, {"rewards": [0.25]}, {"rewards": [1 / 3]}]


def test_what_the_function_raises_is_an_answer_and_the_next_question_is_answered(file: Path) -> None:
    written = io.StringIO()
    serve(f"{file}:f", [question(0), question(1)], written)
    _, failed, fine = answers(written.getvalue())
    assert set(failed) == {"error", "trace"}
    assert str(failed["error"]).startswith(f"{file}:2, {file}:f, row r1 = ZeroDivisionError(")
    assert str(failed["trace"]).startswith("Traceback (most recent call last):\n")
    assert fine == {"rewards": [1.0]}


def test_a_file_that_does_not_run_is_all_that_is_said(file: Path) -> None:
    written = io.StringIO()
    serve(f"{file}:g", [question(1)], written)
    (failed,) = answers(written.getvalue())
    assert str(failed["error"]).startswith(f"reward = '{file}:g': the file has no function 'g'")
    assert failed["trace"] == ""


def test_it_speaks_on_a_socket_until_that_is_closed(file: Path) -> None:
    here, there = socket.socketpair()
    thread = threading.Thread(target=main, args=([str(there.detach()), f"{file}:f"],))
    thread.start()
    with here, here.makefile("r", encoding="utf-8") as lines:
        assert json.loads(lines.readline()) == {"rewards": []}
        here.sendall(f"{question(2)}\n".encode())
        assert json.loads(lines.readline()) == {"rewards": [0.5]}
        here.shutdown(socket.SHUT_WR)
        thread.join(10)
    assert not thread.is_alive()
