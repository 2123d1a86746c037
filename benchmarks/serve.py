"""Answers over HTTP: `adhere serve` beside `transformers serve`, with the same weights, rows and clients.

Each of 16 clients sends its next request when the last is answered. Rows are of 16 drawn schemas, prompts are
of 150 to 250 tokens. Both servers are sent the same conversations, so that they read the same tokens, and
write up to so many by the most probable token, in float32. Ours promises the row's schema, the peer promises
nothing. `throughput` is in requests/s, `p99` in seconds from the first byte sent to the last one read.

Servers are started anew for each run, on all cores, and take turns; each answers some rows before it is
measured. The peer is the fastest of its ways on some rows: with continuous batching or without, by all cores
or by one. Clients are threads of this process and share the cores.

`first_piece` is the time to the first piece of a stream at 1, 4 and 16 clients. `constrained` is ours under
each row's schema beside the same conversations free, in characters/s of those answers that obey the schema.
`deterministic` is what the mode of that name keeps of our requests/s.
"""

import argparse
import json
import os
import platform
import queue
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from importlib.metadata import version
from importlib.resources import files
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile

from predict import HERE, Case, guaranteed, rows

from adhere import model as models
from adhere.config import SynthConfig
from adhere.data.store import Dataset
from adhere.prompt import messages, prompt
from adhere.records import JSON
from adhere.reward.verdict import Obeys, judge

RUNS = 3
REQUESTS = 192
"""Of a run."""
TRIED = 32
"""Before it, and to find the peer's best way."""
CLIENTS = 16
FEW = (1, 4, 16)
"""Clients that first pieces are timed at."""
SHAPES = 16
"""Schemas that rows are of: a server is asked for the same few again and again."""
LENGTHS = range(150, 251)
"""Tokens of a prompt."""
LONGEST = 256
"""Tokens of an answer."""
WAYS: dict[str, tuple[list[str], bool]] = {
    "plain": ([], False),
    "plain, one core": ([], True),
    "continuous batching": (["--continuous-batching"], False),
    "continuous batching, one core": (["--continuous-batching"], True),
}
"""Of the peer: flags, and whether torch is given a single core."""
START = 120.0
"""Seconds that a server may take until it is ready."""


class Failed(Exception):
    """A server did not start, or did not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A row as a request."""

    id: str
    schema: str
    conversation: Sequence[Mapping[str, str]]
    text: str


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer as its client heard it, in seconds from when it was asked for."""

    asked: Asked
    answer: str
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Load:
    """What came of some requests."""

    heard: Sequence[Heard]
    seconds: float

    @property
    def rate(self) -> float:
        """Requests/s."""
        return len(self.heard) / self.seconds

    def within(self, share: float) -> float:
        """Return in how many seconds so many of the answers were whole."""
        return _percentile([each.last for each in self.heard], share)


@dataclass(frozen=True, slots=True)
class Side:
    """A server, and how it is asked."""

    command: list[str]
    port: int
    model: str
    schemas: Mapping[str, JSON] | None = None
    """What is promised to a row, by its schema; `None` promises nothing."""
    has_one_core: bool = False

    def body(self, asked: Asked, *, streamed: bool) -> JSON:
        """Return a request."""
        body: dict[str, JSON] = {
            "model": self.model,
            "messages": [dict(message) for message in asked.conversation],
            "max_tokens": LONGEST,
            "temperature": 0,
            "stream": streamed,
        }
        if self.schemas is None:
            return body
        wanted: dict[str, JSON] = {"name": "row", "strict": True, "schema": self.schemas[asked.schema]}
        return {
            **body,
            # The server writes the form above the text itself.
            "messages": [{"role": "user", "content": asked.text}],
            "response_format": {"type": "json_schema", "json_schema": wanted},
        }

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it for the length of a block; it is ready when that begins."""
        one = {"OMP_NUM_THREADS": "1"} if self.has_one_core else {}
        offline = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
        with TemporaryFile() as told:
            process = subprocess.Popen(  # noqa: S603  (ours and the peer's, as given here)
                self.command, stdout=told, stderr=told, env={**os.environ, **offline, **one}
            )
            try:
                self._wait(process)
                yield
            finally:
                process.kill()
                process.wait()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + START
        while process.poll() is None and time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise Failed(f"{' '.join(self.command)} did not start")


def ask(side: Side, asked: Sequence[Asked], clients: int, *, streamed: bool = False) -> Load:
    """Ask for all, by so many clients at once."""
    left: queue.SimpleQueue[Asked] = queue.SimpleQueue()
    for each in asked:
        left.put(each)
    heard: list[Heard] = []
    refused: list[str] = []

    def client() -> None:
        line = HTTPConnection("127.0.0.1", side.port, timeout=600)
        while True:
            try:
                each = left.get_nowait()
            except queue.Empty:
                line.close()
                return
            answered = _answered(line, side, each, streamed=streamed)
            if isinstance(answered, str):
                refused.append(answered)
            else:
                heard.append(answered)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    if len(heard) < len(asked):
        lost = len(asked) - len(heard)
        raise Failed(f"{' '.join(side.command)}: {lost} requests failed: {refused[:1]}")
    return Load(heard, seconds)


def _answered(line: HTTPConnection, side: Side, asked: Asked, *, streamed: bool) -> Heard | str:
    """Return an answer, or what was said instead of one."""
    body = json.dumps(side.body(asked, streamed=streamed))
    began = time.perf_counter()
    try:
        line.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
        reply = line.getresponse()
    except (HTTPException, OSError) as fault:
        return repr(fault)
    if reply.status != 200:
        return reply.read().decode()
    if not streamed:
        answer = json.loads(reply.read())["choices"][0]["message"]["content"] or ""
        last = time.perf_counter() - began
        return Heard(asked, answer, last, last)
    first, pieces = 0.0, list[str]()
    for told in reply:
        if told.startswith(b"data: {"):
            choices = json.loads(told[6:]).get("choices") or [{}]
            if piece := (choices[0].get("delta") or {}).get("content"):
                first = first or time.perf_counter() - began
                pieces.append(piece)
    return Heard(asked, "".join(pieces), first, time.perf_counter() - began)


class Bench:
    """The two servers and the rows."""

    def __init__(self, given: argparse.Namespace) -> None:
        self._given = given
        model = models.load(given.model, precision="float32")
        made_up = Case(
            made=SynthConfig(shapes=SHAPES, out=HERE), longest=max(LENGTHS), max_new_tokens=LONGEST
        )
        made = guaranteed(rows(made_up, model, 4 * given.requests), model)
        fitting = (
            each
            for each in made.examples
            if len(prompt(each, made.schemas[each.schema], model.tokenizer)) in LENGTHS
        )
        self._dataset = Dataset(made.schemas, tuple(islice(fitting, given.requests + given.tried)))
        asked = [
            Asked(
                id=each.id,
                schema=each.schema,
                conversation=messages(each, made.schemas[each.schema]),
                text=each.text,
            )
            for each in self._dataset.examples
        ]
        self._tried, self._asked = asked[: given.tried], asked[given.tried :]
        self._schemas: dict[str, JSON] = {name: dict(schema.source) for name, schema in made.schemas.items()}
        self._where = str(files("adhere") / "nano") if given.model == models.NANO else given.model
        self._way = ""

    def ours(self, *flags: str, free: bool = False) -> Side:
        """Return our server."""
        port = _free_port()
        command = [sys.executable, "-m", "adhere", "serve", "--model", self._given.model]
        return Side(
            [*command, "--port", str(port), "--name", "served", *flags],
            port,
            "served",
            None if free else self._schemas,
        )

    def peer(self, way: str | None = None) -> Side:
        """Return the peer's server, in its best way unless one is named."""
        flags, has_one_core = WAYS[way or self.way]
        port = _free_port()
        command = [str(Path(sys.executable).with_name("transformers")), "serve", self._where]
        settings = ["--device", "cpu", "--dtype", "float32", "--port", str(port), "--host", "127.0.0.1"]
        return Side([*command, *settings, *flags], port, self._where, has_one_core=has_one_core)

    @property
    def way(self) -> str:
        """The peer's best way."""
        if not self._way:
            rates: dict[str, float] = {}
            for way in self._given.ways:
                # Continuous batching does not run everywhere.
                with suppress(Failed):
                    rates[way] = self._run(self.peer(way), self._tried).rate
            if not rates:
                raise Failed("the peer answers in none of its ways")
            self._way = max(rates, key=lambda way: rates[way])
        return self._way

    def _run(self, side: Side, asked: Sequence[Asked] | None = None) -> Load:
        with side.running():
            ask(side, self._tried[:CLIENTS], CLIENTS)
            return ask(side, self._asked if asked is None else asked, CLIENTS)

    def loads(self) -> dict[str, JSON]:
        """Return requests/s, and how long an answer took at most for most."""
        pairs = [(self._run(self.ours()), self._run(self.peer())) for _ in range(self._given.runs)]
        rates = [(mine.rate, theirs.rate) for mine, theirs in pairs]
        lates = [(mine.within(0.99), theirs.within(0.99)) for mine, theirs in pairs]
        others: dict[str, JSON] = {
            name: [round(statistics.median(pair[side].within(share) for pair in pairs), 3) for side in (0, 1)]
            for name, share in (("p50", 0.5), ("p95", 0.95))
        }
        counted: dict[str, JSON] = {"requests": len(self._asked), "clients": CLIENTS}
        obeys: dict[str, JSON] = {
            "obey": [sum(map(self._obeys, pairs[-1][side].heard)) / len(self._asked) for side in (0, 1)]
        }
        return {
            "throughput": _case(rates, "requests/s", counted | obeys | {"peer_way": self.way}),
            "p99": _case(lates, "s", counted | others, less_is_better=True),
        }

    def first_piece(self) -> dict[str, JSON]:
        """Return the time to the first piece of a stream, by how many clients ask."""
        found: dict[str, JSON] = {}
        times: dict[int, list[tuple[float, float]]] = {clients: [] for clients in FEW}
        for _ in range(self._given.runs):
            ours, peer = (self._first_pieces(side) for side in (self.ours(), self.peer()))
            for clients in FEW:
                times[clients].append((ours[clients], peer[clients]))
        for clients, pairs in times.items():
            found[f"first_piece_{clients}"] = _case(pairs, "s", {"clients": clients}, less_is_better=True)
        return found

    def _first_pieces(self, side: Side) -> dict[int, float]:
        with side.running():
            ask(side, self._tried[:CLIENTS], CLIENTS)
            return {
                clients: _percentile(
                    [
                        each.first
                        for each in ask(side, self._asked[: 4 * clients + 8], clients, streamed=True).heard
                    ],
                    0.5,
                )
                for clients in FEW
            }

    def constrained(self) -> dict[str, JSON]:
        """Return the useful characters/s of answers under a promise and without one."""
        pairs = [
            (self._useful(self._run(self.ours())), self._useful(self._run(self.ours(free=True))))
            for _ in range(self._given.runs)
        ]
        return {"constrained": _case(pairs, "useful characters/s", {"requests": len(self._asked)})}

    def deterministic(self) -> dict[str, JSON]:
        """Return our requests/s in deterministic mode, beside those in the usual one."""
        pairs = [
            (self._run(self.ours("--deterministic")).rate, self._run(self.ours()).rate)
            for _ in range(self._given.runs)
        ]
        return {"deterministic": _case(pairs, "requests/s", {"requests": len(self._asked)})}

    def _useful(self, load: Load) -> float:
        return sum(len(each.answer) for each in load.heard if self._obeys(each)) / load.seconds

    def _obeys(self, heard: Heard) -> bool:
        return isinstance(judge(heard.answer, self._dataset.schemas[heard.asked.schema]), Obeys)


def _case(
    pairs: Sequence[tuple[float, float]],
    unit: str,
    more: Mapping[str, JSON],
    *,
    less_is_better: bool = False,
) -> JSON:
    ours, peer = (statistics.median(each) for each in zip(*pairs, strict=True))
    ratios = [theirs / mine if less_is_better else mine / theirs for mine, theirs in pairs]
    return {
        "ours": round(ours, 4),
        "peer": round(peer, 4),
        "unit": unit,
        "ratio": round(statistics.median(ratios), 2),
        "runs": len(pairs),
        **more,
    }


def _percentile(values: Sequence[float], share: float) -> float:
    """Return the value that so many are at or below, by the nearest rank."""
    return sorted(values)[max(0, -int(-share * len(values) // 1) - 1)]


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def main() -> None:
    """Print one JSON object."""
    every = {
        "throughput": Bench.loads,
        "p99": Bench.loads,
        "first_piece": Bench.first_piece,
        "constrained": Bench.constrained,
        "deterministic": Bench.deterministic,
    }
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="on one line")
    parser.add_argument("--model", default=models.NANO, help="nano or a directory")
    parser.add_argument("--case", nargs="+", choices=[*every], default=[*every], help="all, if not given")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="of each run")
    parser.add_argument("--tried", type=int, default=TRIED, help="before each run")
    parser.add_argument("--runs", type=int, default=RUNS, help="of each side, in turn")
    parser.add_argument(
        "--ways", nargs="+", choices=[*WAYS], default=[*WAYS], help="that the peer is tried in"
    )
    given = parser.parse_args()
    bench = Bench(given)
    cases: dict[str, JSON] = {}
    for measured in dict.fromkeys(every[name] for name in given.case):
        cases |= measured(bench)
    cores = len(os.sched_getaffinity(0))
    result = {
        "cases": cases,
        "machine": f"{platform.machine()}, {cores} cores, Python {platform.python_version()}",
        "versions": {name: version(name) for name in ("adhere", "torch", "transformers")},
    }
    sys.stdout.write(f"{json.dumps(result, indent=None if given.json else 2)}\n")


if __name__ == "__main__":
    main()
