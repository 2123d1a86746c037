"""What `adhere serve` does when it is asked too much, asked slowly, or killed: figures, and what must hold.

`overload`: requests come at twice the rate that the server answers, whether it has answered others or not;
replies may be 200, 429 or 503 and nothing else, and the server's memory may grow by 2 % after the first fifth
of the time.
`slow_senders`: the 99th percentile of honest requests while so many connections send a byte a second, beside
the same without them, in turn; `ratio` is the second over the first, and at least 1 / 1.2.
`compile_worker`: the processes that try schemas are killed (SIGKILL) again and again, while schemas come that
were never seen; how long until one is accepted again.
`server`: the server is killed under load and started again; how long until it answers, and how many of the
replies that were cut off looked whole to their clients, which must be none.

Everything is on this machine and shares its cores. Exit status 1 where something did not hold.
"""

import argparse
import asyncio
import json
import os
import platform
import re
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from itertools import count, cycle
from pathlib import Path
from urllib.parse import urlsplit

from adhere.records import JSON

READY = re.compile(r"answers at (http://\S+)/v1")
ALLOWED = {200, 429, 503}
GROWTH = 0.02
"""Most that the memory may grow, as a share."""
SLOWER = 1.2
"""Most that the 99th percentile may rise by slow senders, as a factor."""
RECOVERY = 2.0
"""Seconds within which a killed process must be replaced; the server's load of its model comes on top."""
CLIENTS = 16
SLOW_LINES = 500
HONEST = 4
"""Clients beside slow senders: few enough to leave the processor idle now and then, so that a rise shows."""
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back."""

    status: int
    """0 where the connection ended before the reply did."""
    body: bytes
    seconds: float


class Client:
    """A connection that is made anew whenever it was lost."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, body: JSON) -> Heard:
        """Send a chat completion, and read the reply to its end."""
        began = time.monotonic()
        text = json.dumps(body).encode()
        head = (
            "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            f"content-length: {len(text)}\r\n\r\n"
        )
        try:
            if self._line is None or self._line[0].at_eof():
                # One that lay idle was closed.
                self.close()
                self._line = await asyncio.open_connection("127.0.0.1", self._port)
            reader, writer = self._line
            writer.write(head.encode() + text)
            status, reply = await self._read(reader)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            self.close()
            return Heard(0, b"", time.monotonic() - began)
        return Heard(status, reply, time.monotonic() - began)

    async def _read(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        if headers.get("transfer-encoding") == "chunked":
            pieces: list[bytes] = []
            while size := int(await reader.readuntil(b"\r\n"), 16):
                pieces.append((await reader.readexactly(size + 2))[:-2])
            await reader.readexactly(2)
            body = b"".join(pieces)
        else:
            body = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            self.close()
        return int(lines[0].split()[1]), body

    def close(self) -> None:
        """Let the connection go."""
        if self._line is not None:
            self._line[1].close()
            self._line = None


@dataclass(frozen=True, slots=True)
class Server:
    """`adhere serve`, while it runs."""

    process: asyncio.subprocess.Process
    port: int
    load_seconds: float
    """From its start until it was ready."""

    @property
    def memory(self) -> int:
        """Bytes that the process holds."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * PAGE

    @property
    def children(self) -> list[int]:
        """Processes that it started."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(child) for task in tasks for child in task.read_text().split()]


@asynccontextmanager
async def serving(flags: list[str], *, port: int = 0) -> AsyncGenerator[Server]:
    """Run the server for the length of a block."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as told:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "adhere", "serve", "--port", str(port), *flags),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=told,
        )
        try:
            while not (found := READY.search(_all(told.fileno()))):
                if process.returncode is not None:
                    raise SystemExit(f"the server did not start: {_all(told.fileno())}")
                await asyncio.sleep(0.01)
            number = urlsplit(found[1]).port or 0
            yield Server(process, number, time.monotonic() - began)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _all(number: int) -> str:
    return os.pread(number, 1 << 16, 0).decode(errors="replace")


def request(number: int, *, streamed: bool = False, is_new: bool = False) -> JSON:
    """Return a body: an extraction under a schema; one that nobody sent before where it is new."""
    name = f"total_{number}" if is_new else "total"
    schema: JSON = {
        "type": "object",
        "properties": {"vendor": {"type": "string", "maxLength": 12}, name: {"type": "integer"}},
        "required": ["vendor", name],
        "additionalProperties": False,
    }
    wanted: JSON = {"type": "json_schema", "json_schema": {"name": "bill", "strict": True, "schema": schema}}
    content = f"Acme Ltd. sends bill {number} over {number % 997} euros."
    messages: JSON = [{"role": "user", "content": content}]
    return {
        "model": "nano",
        "messages": messages,
        "response_format": wanted,
        "max_tokens": 48,
        "stream": streamed,
    }


async def closed_loop(port: int, seconds: float, *, clients: int = CLIENTS) -> list[Heard]:
    """Ask by so many clients, each as soon as its last reply is there."""
    end, numbers = time.monotonic() + seconds, count()

    async def ask() -> list[Heard]:
        client, heard = Client(port), []
        while time.monotonic() < end:
            heard.append(await client.post(request(next(numbers))))
        client.close()
        return heard

    return [heard for each in await asyncio.gather(*(ask() for _ in range(clients))) for heard in each]


async def overload(given: argparse.Namespace) -> dict[str, JSON]:
    """Ask twice as much as the server can answer."""
    async with serving(given.flags) as server:
        await closed_loop(server.port, 2)
        calm = await closed_loop(server.port, given.calm)
        capacity = sum(heard.status == 200 for heard in calm) / given.calm
        memory: list[int] = []
        heard = await _open_loop(server, 2 * capacity, given.seconds, memory)
        alive = server.process.returncode is None
    fifth = len(memory) // 5
    before, after = statistics.median(memory[fifth : 2 * fifth]), statistics.median(memory[-fifth:])
    statuses = Counter(each.status for each in heard)
    growth = after / before - 1
    answered = sorted(each.seconds for each in heard if each.status == 200)
    return {
        "ours": round(growth, 4),
        "limit": GROWTH,
        "unit": "share by which the memory grew",
        "ratio": round((1 + GROWTH) / (1 + growth), 4),
        "seconds": given.seconds,
        "capacity": round(capacity, 2),
        "statuses": {str(status): number for status, number in sorted(statuses.items())},
        "mib": round(after / 2**20, 1),
        "p50": round(answered[len(answered) // 2], 3),
        "p99": round(answered[int(0.99 * len(answered))], 3),
        "holds": growth <= GROWTH and statuses.keys() <= ALLOWED and alive,
    }


async def _open_loop(server: Server, rate: float, seconds: float, memory: list[int]) -> list[Heard]:
    """Ask at a steady rate, whether earlier requests were answered or not; note the memory each second."""
    idle: list[Client] = []
    waiting: set[asyncio.Task[Heard]] = set()
    heard: list[Heard] = []

    async def ask(number: int) -> Heard:
        client = idle.pop() if idle else Client(server.port)
        reply = await client.post(request(number))
        idle.append(client)
        return reply

    def ended(task: asyncio.Task[Heard]) -> None:
        waiting.discard(task)
        heard.append(task.result())

    began = time.monotonic()
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        task = asyncio.create_task(ask(number))
        waiting.add(task)
        task.add_done_callback(ended)
        if time.monotonic() - began > len(memory):
            memory.append(server.memory)
    await asyncio.gather(*waiting)
    return heard


async def slow_senders(given: argparse.Namespace) -> dict[str, JSON]:
    """Ask honestly, with and without those who send a byte a second."""
    alone: list[float] = []
    beside: list[float] = []
    async with serving(given.flags) as server:
        await closed_loop(server.port, 2)
        for _ in range(given.runs):
            alone.append(_p99(await closed_loop(server.port, given.calm, clients=given.honest)))
            stop = asyncio.Event()
            slow = asyncio.create_task(_drip(server.port, given.slow, stop))
            await asyncio.sleep(3)
            beside.append(_p99(await closed_loop(server.port, given.calm, clients=given.honest)))
            stop.set()
            await slow
    ours, peer = statistics.median(beside), statistics.median(alone)
    return {
        "ours": round(ours, 4),
        "peer": round(peer, 4),
        "unit": "s, 99th percentile",
        "ratio": round(peer / ours, 3),
        "runs": given.runs,
        "connections": given.slow,
        "holds": ours <= SLOWER * peer,
    }


def _p99(heard: list[Heard]) -> float:
    if any(each.status != 200 for each in heard):
        raise SystemExit(f"an honest request was refused: {Counter(each.status for each in heard)}")
    return sorted(each.seconds for each in heard)[int(0.99 * len(heard))]


async def _drip(port: int, lines: int, stop: asyncio.Event) -> None:
    """Send a byte a second on each of so many connections, made anew where the server has had enough."""
    said = b"POST /v1/chat/completions HTTP/1.1\r\nx: " + b"y" * 10**4
    writers: list[asyncio.StreamWriter | None] = [None] * lines
    place = [0] * lines
    for number in cycle(range(lines)):
        if stop.is_set():
            break
        await asyncio.sleep(1 / lines)
        writer = writers[number]
        with suppress(OSError):
            if writer is None or writer.is_closing():
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writers[number], place[number] = writer, 0
            writer.write(said[place[number] : place[number] + 1])
            place[number] += 1
    for writer in filter(None, writers):
        writer.close()


async def compile_worker(given: argparse.Namespace) -> dict[str, JSON]:
    """Kill what tries schemas, while some come that were never seen."""
    recoveries: list[float] = []
    async with serving(given.flags) as server:
        load = asyncio.create_task(closed_loop(server.port, 3.0 * given.kills, clients=4))
        client, numbers = Client(server.port), count()
        for _ in range(given.kills):
            await asyncio.sleep(1)
            began = time.monotonic()
            for child in server.children:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            while (await client.post(request(next(numbers), is_new=True))).status != 200:
                await asyncio.sleep(0.01)
            recoveries.append(time.monotonic() - began)
        statuses = Counter(heard.status for heard in await load)
    worst = max(recoveries)
    return {
        "ours": round(worst, 3),
        "limit": RECOVERY,
        "unit": "s, longest until a new schema is accepted",
        "ratio": round(RECOVERY / worst, 3),
        "runs": given.kills,
        "others": {str(status): number for status, number in sorted(statuses.items())},
        "holds": worst <= RECOVERY and statuses.keys() == {200},
    }


async def killed(given: argparse.Namespace) -> dict[str, JSON]:
    """Kill the server under load, start it again, and look at every reply that a client took as whole."""
    recoveries: list[float] = []
    loads: list[float] = []
    halves = cut = 0
    for _ in range(given.kills):
        async with serving(given.flags) as server:
            port = server.port
            asking = [asyncio.create_task(_ask_on(port, streamed=bool(n % 2))) for n in range(CLIENTS)]
            await asyncio.sleep(2 + given.calm / 10)
            server.process.kill()
            began = time.monotonic()
        replies = [heard for each in await asyncio.gather(*asking) for heard in each]
        cut += sum(heard.status == 0 for heard in replies)
        halves += sum(heard.status == 200 and not _is_whole(heard.body) for heard in replies)
        async with serving(given.flags, port=port) as server:
            while (await Client(port).post(request(0))).status != 200:
                await asyncio.sleep(0.01)
            recoveries.append(time.monotonic() - began)
            loads.append(server.load_seconds)
    worst = max(took - load for took, load in zip(recoveries, loads, strict=True))
    return {
        "ours": round(worst, 3),
        "limit": RECOVERY,
        "unit": "s, longest until it answers again, beyond its start",
        "ratio": round(RECOVERY / max(worst, 1e-3), 3),
        "runs": given.kills,
        "start": round(statistics.median(loads), 3),
        "cut_off": cut,
        "half_taken_as_whole": halves,
        "holds": worst <= RECOVERY and not halves and cut > 0,
    }


async def _ask_on(port: int, *, streamed: bool) -> list[Heard]:
    """Ask until the server is gone."""
    client, heard = Client(port), list[Heard]()
    while not heard or heard[-1].status:
        heard.append(await client.post(request(len(heard), streamed=streamed)))
    return heard


def _is_whole(body: bytes) -> bool:
    """Say whether what a client read to its end is an answer to its end: JSON that parses, or a stream's."""
    if not body.startswith(b"data:"):
        with suppress(ValueError):
            return json.loads(body)["choices"][0]["finish_reason"] is not None
        return False
    return body.rstrip().endswith(b"data: [DONE]")


CASES: dict[str, Callable[[argparse.Namespace], Awaitable[dict[str, JSON]]]] = {
    "overload": overload,
    "slow_senders": slow_senders,
    "compile_worker": compile_worker,
    "server": killed,
}


async def run(given: argparse.Namespace) -> dict[str, JSON]:
    """Run the cases one after another."""
    return {name: await CASES[name](given) for name in given.cases}


def main() -> int:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="on one line")
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--seconds", type=float, default=600.0, help="of the overload")
    parser.add_argument("--calm", type=float, default=20.0, help="seconds of each load that is not too much")
    parser.add_argument("--slow", type=int, default=SLOW_LINES, help="connections that send slowly")
    parser.add_argument("--honest", type=int, default=HONEST, help="clients beside them")
    parser.add_argument("--runs", type=int, default=5, help="with and without slow senders")
    parser.add_argument("--kills", type=int, default=5, help="of each process")
    parser.add_argument("--flags", nargs=argparse.REMAINDER, default=[], help="of adhere serve; the last")
    given = parser.parse_args()
    cases = asyncio.run(run(given))
    versions = {name: version(name) for name in ("uvicorn", "h11", "fastapi", "torch")}
    machine = {"cores": len(os.sched_getaffinity(0)), "processor": platform.processor()}
    told = {"cases": cases, "machine": machine, "versions": versions}
    print(json.dumps(told, indent=None if given.json else 2))
    return 0 if all(case["holds"] for case in cases.values() if isinstance(case, dict)) else 1


if __name__ == "__main__":
    sys.exit(main())
