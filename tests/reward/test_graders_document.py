"""The programs of docs/graders.md run as they stand."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from adhere.data import store
from adhere.data.store import Dataset
from adhere.model import Model, save
from adhere.records import JSON, Example
from adhere.schema import Schema

DOCS = (Path(__file__).parents[2] / "docs" / "graders.md").read_text()
PYTHON, HTTP, TRL = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
SOURCE: dict[str, JSON] = {
    "title": "Bill",
    "type": "object",
    "properties": {"total": {"type": "number"}},
    "required": ["total"],
}
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


def test_the_program_of_a_few_lines_prints_a_score() -> None:
    finished = subprocess.run([sys.executable, "-c", PYTHON], capture_output=True, check=True, text=True)
    assert finished.stdout == "1.0 obeys {'parses': 1.0, 'obeys': 1.0, 'matches': 1.0}\n"


@pytest.fixture
def grader(tmp_path: Path) -> Iterator[int]:
    """The port of the document's server, which runs while the test does."""
    (tmp_path / "grader.py").write_text(HTTP)
    (tmp_path / "bill.json").write_text(json.dumps(SOURCE))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "grader.py", "bill.json", str(port)]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        while not is_listening(port):
            assert process.poll() is None
            time.sleep(0.05)
        yield port
        process.terminate()


def is_listening(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def posted(port: int, body: bytes) -> tuple[int, dict[str, object]]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", "/", body)
        answer = connection.getresponse()
        return answer.status, json.load(answer)
    finally:
        connection.close()


def test_the_server_scores_what_is_posted_and_says_what_is_wrong_with_it(grader: int) -> None:
    row = {"completion": '{"total": 12.5}', "target": {"total": 12.5}}
    full = {"parses": 1.0, "obeys": 1.0, "matches": 1.0}
    assert posted(grader, json.dumps(row).encode()) == (
        200,
        {"total": 1.0, "outcome": "obeys", "parts": full},
    )
    # 0.1 parses, 0.2 obeys, and no leaf is right.
    status, score = posted(grader, json.dumps({**row, "completion": '{"total": 1}'}).encode())
    assert (status, score["total"]) == (200, pytest.approx(0.3))
    for body, said in (
        (b"{", "Expecting property name"),
        (b"[]", "no attribute 'get'"),
        (b'{"target": 1}', "'completion'"),
        (b'{"completion": "x"}', "compares with a target"),
    ):
        status, answer = posted(grader, body)
        assert (status, said in str(answer["error"])) == (422, True), answer


@pytest.mark.slow
def test_the_program_with_trl_trains(tmp_path: Path, model: Model) -> None:
    save(model, tmp_path / "start")
    (tmp_path / "data").mkdir()
    schema = Schema.of(SOURCE)
    examples = tuple(
        Example(id=str(n), text=f"Total: {n}", schema="Bill", target={"total": n}) for n in (1, 2)
    )
    store.write(Dataset({"Bill": schema}, examples), tmp_path / "data")
    finished = subprocess.run(
        [sys.executable, "-c", TRL],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        text=True,
        env={**os.environ, **OFFLINE, "HF_HOME": str(tmp_path / "hf"), "CUDA_VISIBLE_DEVICES": ""},
    )
    assert finished.returncode == 0, finished.stderr
    assert "rewards/adhere_fields/mean" in finished.stdout
    assert "adhere_fields/matches" in finished.stdout
