"""Tries a stranger's schema in a process that may be killed, before the server itself touches it."""

import asyncio
import contextlib
import hashlib
import json
import os
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import asdict
from types import TracebackType
from typing import Self, cast
from weakref import WeakValueDictionary

from adhere.decode.vocabulary import Spelling
from adhere.records import JSON
from adhere.schema import Schema
from adhere.schema.canonical import spelled
from adhere.serve.order import Refusal, Wanted
from adhere.serve.telemetry import Compiled
from adhere.serve.trial import asked_of

WALL = 8.0
"""Seconds that a trial may take; one that has a processor for itself is ended after `trial.SECONDS`."""
WORKERS = 2
"""Processes: while one hangs, the other goes on."""
_WAITING = 64
"""Most trials that wait for a process."""
_PATIENCE = 8.0
"""Seconds that a trial waits for a process at most."""
_REMEMBERED = 4096
"""Most outcomes that are remembered."""
_LINE = 2**20
"""Bytes of an outcome at most."""
_PAUSE = 0.2
"""Seconds before a process is started again that did not start."""
_KILLED = -9
_TRIES = 2
"""A process that someone else killed is no fault of what it tried."""
_TOO_COMPLEX: Mapping[str, JSON] = {
    "code": "schema_too_complex",
    "reason": "takes too much time or memory to compile",
    "fix": "Simplify it",
}


class _Worker:
    """A process that tries one thing at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        # Both are pipes; the types cannot say so.
        self._questions = cast("asyncio.StreamWriter", process.stdin)
        self._answers = cast("asyncio.StreamReader", process.stdout)

    @classmethod
    async def start(cls) -> Self:
        return cls(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "adhere.serve.trial"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=_LINE,
                env={**os.environ, "OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"},
            )
        )

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    async def ask(self, question: JSON) -> Mapping[str, JSON] | None:
        """Put a question; return `None` where the process ended before it answered."""
        with contextlib.suppress(ConnectionError):
            self._questions.write(json.dumps(question).encode() + b"\n")
            await self._questions.drain()
        line = await self._answers.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def ended(self) -> int:
        """Wait for the end of the process; return how it came about."""
        return await self._process.wait()


class Compiling:
    """Tries schemas and grammars in processes of their own, and refuses what they fail at.

    What passed or failed is remembered by its content. Open it by `async with`, in the loop that it is
    used in.

    Args:
        spelling: Of the model that is to write; `None` where another server decodes: then it is only tried
            whether a schema can be read.
        wall: Seconds that a trial may take.
        workers: Processes.
        told: Is given the seconds that each outcome took, and what it was.
    """

    def __init__(
        self,
        spelling: Spelling | None,
        *,
        wall: float = WALL,
        workers: int = WORKERS,
        told: Callable[[float, Compiled], None] = lambda _seconds, _outcome: None,
    ) -> None:
        self._spelling, self._wall, self._workers, self._told = spelling, wall, workers, told
        self._idle: asyncio.Queue[_Worker] = asyncio.Queue()
        self._alive: list[_Worker] = []
        self._watches: set[asyncio.Task[None]] = set()
        self._outcomes: OrderedDict[str, Mapping[str, JSON]] = OrderedDict()
        self._trials: dict[str, asyncio.Task[Mapping[str, JSON]]] = {}
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def __aenter__(self) -> Self:
        for _ in range(self._workers):
            self._watches.add(asyncio.create_task(self._keep_one(), name="schema trials"))
        # One that is ready is enough to begin.
        self._idle.put_nowait(await self._idle.get())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = [*self._watches, *self._trials.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for worker in self._alive:
            worker.kill()
        await asyncio.gather(*(worker.ended() for worker in self._alive))

    async def schema(
        self, given: JSON, *, param: str, client: str = "", name: str | None = None, lenient: bool = False
    ) -> Schema:
        """Accept a schema.

        Args:
            given: As it stood in the body.
            param: The field that it stood in.
            client: Who gave it; trials of one client leave a process to others.
            name: Otherwise its title, or `schema`.
            lenient: Whether it is used although a grammar cannot guarantee all of it.

        Raises:
            Refusal: 400 with the code `invalid_schema` where it is none or says what is not supported at
                all, `schema_not_supported` where a grammar cannot guarantee it, `schema_too_complex` where it
                takes too much time or memory; 503 `overloaded` where too many wait.
        """
        try:
            text = spelled(given)
        except (ValueError, RecursionError) as fault:
            raise Refusal(
                400, f"{param}: it is not a JSON Schema.", param=param, code="invalid_schema"
            ) from fault
        is_known = _key(_question(text, lenient=lenient)) in self._outcomes
        await self._admitted(_question(text, lenient=lenient), param, client)
        if is_known:
            return Schema.of(text, name=name)
        return await asyncio.to_thread(Schema.of, text, name=name)

    async def admit(self, wanted: Wanted, *, param: str, client: str = "") -> None:
        """Accept a pattern, some texts, a grammar or calls of tools; anything else is accepted as it is.

        Raises:
            Refusal: As `schema` does, with `invalid_grammar` where it does not compile.
        """
        question = asked_of(wanted)
        if question is not None:
            await self._admitted(question, param, client)

    def relaxed(self, schema: Schema) -> list[JSON]:
        """Return what was left out of a schema accepted with `lenient`: keywords with their pointers."""
        outcome = self._outcomes.get(_key(_question(spelled(schema.source), lenient=True)), {})
        gaps = outcome.get("gaps", [])
        return gaps if isinstance(gaps, list) else []

    async def _admitted(self, question: dict[str, JSON], param: str, client: str) -> None:
        key = _key(question)
        outcome = self._outcomes.get(key)
        if outcome is None:
            trial = self._trials.get(key)
            if trial is None:
                trial = self._begun(key, question, client)
            # Whoever gives up must not take it from those who wait for the same.
            outcome = await asyncio.shield(trial)
        else:
            self._outcomes.move_to_end(key)
            self._told(0.0, "known")
        if "code" in outcome:
            raise _refusal(outcome, param)

    def _begun(self, key: str, question: dict[str, JSON], client: str) -> asyncio.Task[Mapping[str, JSON]]:
        if len(self._trials) >= _WAITING:
            raise _overloaded()
        trial = self._trials[key] = asyncio.create_task(self._tried(key, question, client))

        def end(ended: asyncio.Task[Mapping[str, JSON]]) -> None:
            del self._trials[key]
            # Those who waited may all have left; then nobody else asks what became of it.
            if not ended.cancelled():
                ended.exception()

        trial.add_done_callback(end)
        return trial

    async def _tried(self, key: str, question: dict[str, JSON], client: str) -> Mapping[str, JSON]:
        turns = self._turns.get(client)
        if turns is None:
            turns = self._turns[client] = asyncio.Semaphore(max(1, self._workers - 1) if client else _WAITING)
        try:
            await asyncio.wait_for(turns.acquire(), _PATIENCE)
        except TimeoutError as fault:
            raise _overloaded() from fault
        began = time.monotonic()
        try:
            outcome = await self._outcome(question)
        finally:
            turns.release()
        failed: Compiled = "too_complex" if outcome is _TOO_COMPLEX else "refused"
        self._told(time.monotonic() - began, failed if "code" in outcome else "passed")
        self._outcomes[key] = outcome
        while len(self._outcomes) > _REMEMBERED:
            self._outcomes.popitem(last=False)
        return outcome

    async def _outcome(self, question: dict[str, JSON]) -> Mapping[str, JSON]:
        for _ in range(_TRIES):
            worker = await self._taken()
            try:
                outcome = await asyncio.wait_for(worker.ask(question), self._wall)
            except TimeoutError as fault:
                worker.kill()
                raise _overloaded() from fault
            if outcome is not None:
                self._idle.put_nowait(worker)
                return outcome
            if await worker.ended() != _KILLED:
                return _TOO_COMPLEX
        return _TOO_COMPLEX

    async def _taken(self) -> _Worker:
        try:
            async with asyncio.timeout(_PATIENCE):
                while True:
                    worker = await self._idle.get()
                    if worker.is_alive:
                        return worker
        except TimeoutError as fault:
            raise _overloaded() from fault

    async def _keep_one(self) -> None:
        """Keep a process running: start another as soon as one has ended."""
        while True:
            worker = await _Worker.start()
            self._alive.append(worker)
            spelling = None if self._spelling is None else asdict(self._spelling)
            if await worker.ask(spelling) is None:
                await asyncio.sleep(_PAUSE)
            else:
                self._idle.put_nowait(worker)
            await worker.ended()
            self._alive.remove(worker)


def _question(text: str, *, lenient: bool) -> dict[str, JSON]:
    return {"schema": text, "lenient": lenient}


def _key(question: dict[str, JSON]) -> str:
    return hashlib.sha256(json.dumps(question).encode()).hexdigest()


def _overloaded() -> Refusal:
    message = "Too many schemas are being compiled. Ask again in a second."
    return Refusal(503, message, code="overloaded", retry_after=1.0)


def _refusal(outcome: Mapping[str, JSON], param: str) -> Refusal:
    """Tell why a schema is refused: the request's field, the keyword and the pointer inside the schema."""
    keyword, pointer = outcome.get("keyword"), outcome.get("pointer")
    at = f"{param}#{pointer}" if pointer else param
    what = f"keyword {keyword!r}" if keyword else "it"
    message = f"{at}: {what} {outcome['reason']}. {outcome['fix']}."
    return Refusal(400, message, param=param, code=str(outcome["code"]))
