"""A real model on a real server that is not ours: nano under `transformers serve`."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

import adhere

NANO = Path(adhere.__file__).parent / "nano"
COMMAND = Path(sys.executable).with_name("transformers")
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
NEEDED = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which(COMMAND) is None, reason="there is no `transformers serve` here"),
]
"""Marks of tests that run it."""


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


@contextmanager
def transformers_serve(log: Path) -> Iterator[str]:
    """Run it; yield its base URL."""
    port = free_port()
    where = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    with log.open("wb") as file:
        served = subprocess.Popen(
            [str(COMMAND), "serve", str(NANO), *where],
            env={**os.environ, **OFFLINE},
            stdout=file,
            stderr=file,
        )
        try:
            _wait(served, port, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            served.terminate()
            served.wait(30)


def _wait(served: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if served.poll() is not None and "pip install" in log.read_text():
            pytest.skip("`transformers serve` lacks a package")
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    raise AssertionError(log.read_text())
