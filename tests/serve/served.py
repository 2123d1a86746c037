"""`adhere serve` in a process of its own, as users run it."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from openai import AsyncOpenAI, OpenAI

_READY = re.compile(r"answers at (http://\S+?)/v1\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The server, while it runs."""

    process: subprocess.Popen[bytes]
    log: Path
    url: str
    """Without `/v1`."""

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def told(self) -> str:
        """What it has written to standard error."""
        return self.log.read_text(encoding="utf-8")

    def get(self, path: str) -> bytes:
        """Return what a route says."""
        with urllib.request.urlopen(f"{self.url}{path}") as reply:  # noqa: S310  (the address is ours)
            return reply.read()

    def client(self, *, retries: int = 0) -> OpenAI:
        return OpenAI(base_url=f"{self.url}/v1", api_key="none", max_retries=retries, timeout=60)

    def async_client(self) -> AsyncOpenAI:
        return AsyncOpenAI(base_url=f"{self.url}/v1", api_key="none", max_retries=0, timeout=60)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to end, and return its exit status."""
        self.process.send_signal(how)
        return self.process.wait(30)


@contextmanager
def served(*flags: str, seconds: float = 60) -> Iterator[Served]:
    """Run the server for the length of a block; it has loaded its model when the block begins."""
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory, "log")
        with log.open("wb") as told:
            process = subprocess.Popen(
                [sys.executable, "-m", "adhere", "serve", "--port", "0", *flags],
                stdout=subprocess.DEVNULL,
                stderr=told,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
            try:
                yield Served(process=process, log=log, url=_url(process, log, seconds))
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait(30)


def _url(process: subprocess.Popen[bytes], log: Path, seconds: float) -> str:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        found = _READY.search(log.read_text(encoding="utf-8"))
        if found:
            return found[1]
        time.sleep(0.02)
    raise AssertionError(f"it did not start: {log.read_text(encoding='utf-8')}")
