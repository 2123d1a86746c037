import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from adhere.decode.vocabulary import BYTES
from adhere.records import JSON
from adhere.schema import Schema
from adhere.serve.compiling import Compiling
from adhere.serve.order import AnyText, Calling, Matching, OneOf, Refusal, Spelled, Tool, Wanted
from adhere.serve.trial import asked_of, wanted_of

SMALL: dict[str, JSON] = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
HANGS: dict[str, JSON] = {
    # Six to the fourth ways to read one key: the parser holds them all.
    "allOf": [
        {"anyOf": [{"type": "object", "properties": {f"a{i}{j}": {"type": "string"}}} for j in range(9)]}
        for i in range(4)
    ]
}


def nested(depth: int) -> dict[str, JSON]:
    schema: dict[str, JSON] = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


BOMBS: dict[str, tuple[dict[str, Any], str]] = {
    "a huge multiple": ({"type": "integer", "multipleOf": 9999991}, "invalid_schema"),
    "a large multiple": ({"type": "integer", "multipleOf": 9999}, "schema_too_complex"),
    "5,000 properties": (
        {"properties": {f"p{i}": {"type": "string"} for i in range(5000)}},
        "invalid_schema",
    ),
    "400 deep": (nested(400), "invalid_schema"),
    "50,000 options": ({"enum": [f"v{i}" for i in range(50_000)]}, "invalid_schema"),
    "a tree of references": (
        {
            "$defs": {
                **{f"d{i}": {"anyOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 10} for i in range(9)},
                "d9": True,
            },
            "$ref": "#/$defs/d0",
        },
        "invalid_schema",
    ),
    "itself": ({"$ref": "#"}, "schema_too_complex"),
    "itself, required": (
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        "schema_too_complex",
    ),
    "repetitions of repetitions": (
        {"type": "string", "pattern": "^(([a-z]{1,100}){1,100}){1,100}$"},
        "invalid_schema",
    ),
    # As in CVE-2025-48944 of vLLM: what is no type, and what is no regular expression.
    "no type": ({"type": "something"}, "invalid_schema"),
    "no pattern": ({"type": "string", "pattern": "\\"}, "invalid_schema"),
    "a long string": ({"type": "string", "minLength": 50_000}, "schema_too_complex"),
    "products of choices": (HANGS, "schema_too_complex"),
}


@asynccontextmanager
async def compiling(**settings: Any) -> AsyncIterator[Compiling]:
    async with Compiling(BYTES, **settings) as opened:
        yield opened


def asked(what: Callable[[Compiling], Awaitable[None]], **settings: Any) -> None:
    """Ask something of an opened service, in a loop of its own."""

    async def run() -> None:
        async with compiling(**settings) as opened:
            await what(opened)

    asyncio.run(run())


async def refused(work: Awaitable[object]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await work
    return caught.value


def workers(opened: Compiling) -> list[int]:
    return [worker._process.pid for worker in opened._alive]


def test_a_schema_is_accepted_and_a_fault_is_named() -> None:
    async def ask(opened: Compiling) -> None:
        schema = await opened.schema(SMALL, param="response_format.json_schema.schema", name="order")
        assert schema == Schema.of(SMALL)
        assert schema.name == "order"
        again = await opened.schema(SMALL, param="p")
        assert again == schema
        bad: dict[str, JSON] = {"properties": {"a": {"$dynamicRef": "#a"}}}
        found = await refused(opened.schema(bad, param="tools[0].function.parameters"))
        assert (found.status, found.code, found.param) == (
            400,
            "invalid_schema",
            "tools[0].function.parameters",
        )
        assert found.message.endswith("/properties/a: keyword '$dynamicRef' depends on who asks. Use '$ref'.")
        for given in ("text", 7, ["list"], {"a": float("nan")}):
            assert (await refused(opened.schema(cast("JSON", given), param="p"))).code == "invalid_schema"

    asked(ask)


def test_what_no_grammar_guarantees_is_refused_or_left_out_and_told() -> None:
    loose: dict[str, JSON] = {"properties": {"a": {"not": {"type": "string"}}}}

    async def ask(opened: Compiling) -> None:
        found = await refused(opened.schema(loose, param="schema"))
        assert (found.status, found.code) == (400, "schema_not_supported")
        assert found.message.startswith("schema#/properties/a: keyword 'not' cannot be guaranteed")
        schema = await opened.schema(loose, param="schema", lenient=True)
        assert opened.relaxed(schema) == [{"keyword": "not", "pointer": "/properties/a"}]
        assert opened.relaxed(Schema.of(SMALL)) == []

    asked(ask)


@pytest.mark.slow
def test_where_another_server_decodes_only_the_schema_is_read() -> None:
    async def ask() -> None:
        async with Compiling(None, workers=1) as opened:
            await opened.schema({"not": {"type": "string"}}, param="schema")
            await opened.admit(Matching("[a-z]+"), param="regex")
            assert (await refused(opened.admit(Matching("[a-z"), param="regex"))).code == "invalid_grammar"

    asyncio.run(ask())


CALL = Calling(tools=(Tool(name="f", description="", parameters=Schema.of(SMALL)),), must=False)


FORMS: list[tuple[Wanted, str | None]] = [
    (AnyText(), None),
    (Matching("[a-f]{3}"), None),
    (Matching("(a+)+"), None),
    (OneOf(("a", 'é"\n')), None),
    (Spelled('start: "a" start | "b"'), None),
    (CALL, None),
    (Matching("(?=a)a"), "invalid_grammar"),
    (Spelled("start: x"), "invalid_grammar"),
    (Spelled("start: <[5]>"), "invalid_grammar"),
    (Spelled("start: start"), "schema_too_complex"),
]


def test_other_forms_are_tried_too() -> None:
    async def ask(opened: Compiling) -> None:
        for wanted, code in FORMS:
            if code is None:
                await opened.admit(wanted, param="structured_outputs")
            else:
                found = await refused(opened.admit(wanted, param="structured_outputs"))
                assert (found.status, found.code, found.param) == (400, code, "structured_outputs"), wanted

    asked(ask, workers=1)


@pytest.mark.parametrize("wanted", [Matching("a"), OneOf(("a",)), Spelled("x"), CALL], ids=str)
def test_what_is_tried_is_what_was_wanted(wanted: Wanted) -> None:
    question = asked_of(wanted)
    assert question is not None
    read = wanted_of(question)
    assert read == wanted


@pytest.mark.slow
@pytest.mark.parametrize(("bomb", "code"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_costs_its_sender_three_seconds_and_nobody_else_anything(
    bomb: dict[str, JSON], code: str
) -> None:
    async def ask(opened: Compiling) -> None:
        began = time.monotonic()
        sender = asyncio.create_task(refused(opened.schema(bomb, param="schema", client="b")))
        await asyncio.sleep(0)
        for number in range(5):
            await opened.schema({"const": number}, param="schema", client="honest")
        honest = time.monotonic() - began
        found = await sender
        assert time.monotonic() - began < 3
        assert (found.status, found.code) == (400, code)
        assert honest < 1.5
        # What was refused once is refused at once.
        began = time.monotonic()
        await refused(opened.schema(bomb, param="schema", client="b"))
        assert time.monotonic() - began < 0.5

    asked(ask)


@pytest.mark.slow
def test_what_hangs_is_killed_and_another_process_takes_its_place() -> None:
    async def ask(opened: Compiling) -> None:
        before = workers(opened)
        found = await refused(opened.schema(HANGS, param="schema"))
        assert found.code == "schema_too_complex"
        await opened.schema(SMALL, param="schema")
        assert workers(opened) != before

    asked(ask, workers=1)


def test_a_process_that_others_kill_is_replaced_at_once() -> None:
    async def ask(opened: Compiling) -> None:
        for pid in workers(opened):
            os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        await opened.schema(SMALL, param="schema")
        assert time.monotonic() - began < 8

    asked(ask, workers=1)


@pytest.mark.slow
def test_what_was_tried_when_a_process_was_killed_is_tried_again() -> None:
    slow: dict[str, JSON] = {
        "properties": {
            f"o{j}": {"properties": {f"p{i}": {"type": "string"} for i in range(60)}} for j in range(6)
        }
    }

    async def ask(opened: Compiling) -> None:
        trial = asyncio.create_task(opened.schema(slow, param="schema"))
        await asyncio.sleep(0.02)
        os.kill(workers(opened)[0], signal.SIGKILL)
        assert await trial == Schema.of(slow)

    asked(ask, workers=1, wall=20)


@pytest.mark.slow
def test_whoever_asks_for_the_same_waits_for_one_trial() -> None:
    async def ask(opened: Compiling) -> None:
        trials = [asyncio.create_task(opened.schema(SMALL, param="schema")) for _ in range(5)]
        await asyncio.sleep(0)
        assert len(opened._trials) == 1
        trials[0].cancel()
        assert {schema.hash for schema in await asyncio.gather(*trials[1:])} == {Schema.of(SMALL).hash}

    asked(ask, workers=1)


def test_too_many_at_once_are_told_to_come_again() -> None:
    async def ask(opened: Compiling) -> None:
        for pid in workers(opened):
            os.kill(pid, signal.SIGSTOP)
        asks = [asyncio.create_task(opened.schema({"const": i}, param="schema")) for i in range(65)]
        found = await refused(asks[-1])
        assert (found.status, found.code, found.retry_after) == (503, "overloaded", 1.0)
        for pid in workers(opened):
            os.kill(pid, signal.SIGCONT)
        assert (await asks[0]).obeys(0)
        for one in asks:
            one.cancel()
        await asyncio.gather(*asks, return_exceptions=True)

    asked(ask, workers=1, wall=20)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only there is memory limited")
def test_a_process_may_grow_by_so_much_and_no_more() -> None:
    async def ask(opened: Compiling) -> None:
        (pid,) = workers(opened)
        limits = Path(f"/proc/{pid}/limits").read_text()
        (line,) = [line for line in limits.splitlines() if line.startswith("Max address space")]
        most, now = int(line.split()[3]), int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * 4096
        assert 400 * 2**20 < most - now <= 512 * 2**20

    asked(ask, workers=1)


@pytest.mark.slow
def test_the_processes_end_with_the_service() -> None:
    pids: list[int] = []

    async def ask(opened: Compiling) -> None:
        pids.extend(workers(opened))

    asked(ask)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
