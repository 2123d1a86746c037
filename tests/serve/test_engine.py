"""The engine with small random models: what it writes, and what becomes of orders that go another way."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.conftest import ORDER, tiny_model

from adhere.decode.constraint import Constraint, Stuck
from adhere.decode.grammar import Grammar
from adhere.decode.sample import Question, Sampling, sample
from adhere.decode.vocabulary import Vocabulary
from adhere.records import Completion
from adhere.schema import Schema
from adhere.serve.engine import Engine, Rules
from adhere.serve.order import (
    AnyText,
    Ended,
    Event,
    Obeying,
    OneOf,
    Order,
    Refusal,
    Turn,
    Wanted,
    Written,
)

Made = TypeVar("Made")
ONE = Rules(workers=1)
MODEL = tiny_model()
CONST = Schema.of({"title": "const", "const": {"a": 1}})
VOCABULARY = Vocabulary(MODEL)
GRAMMARS = {schema.hash: Grammar(schema, VOCABULARY) for schema in (ORDER, CONST)}


class Kept:
    """Keeps promises by grammars, and by what a test gives."""

    def __init__(self, given: Constraint | None = None) -> None:
        self._given = given

    async def constraint(self, wanted: Wanted) -> Constraint | None:
        if isinstance(wanted, Obeying):
            return GRAMMARS[wanted.schema.hash]
        return None if isinstance(wanted, AnyText) else self._given

    def spelled(self, token: int) -> bytes:
        return VOCABULARY.spelled[token]


def asked(order: Order) -> tuple[int, ...]:
    text = order.prompt + "".join(turn.content for turn in order.turns)
    return tuple(MODEL.tokenizer.encode(text, add_special_tokens=False))


def engine(rules: Rules = ONE, given: Constraint | None = None) -> Engine:
    return Engine(MODEL, asked, Kept(given), rules)


def order(prompt: str = "a cup of tea", *, wanted: Wanted | None = None, **settings: object) -> Order:
    made = Order(id="request", prompt=prompt, wanted=wanted or AnyText(), seed=1, max_tokens=12)
    return replace(made, **settings)


async def events(engine: Engine, order: Order) -> list[Event]:
    return [event async for event in engine.write(order)]


async def refused(engine: Engine, order: Order) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        await events(engine, order)
    return refusal.value


def run(rules: Rules, work: Callable[[Engine], Awaitable[Made]], given: Constraint | None = None) -> Made:
    async def opened() -> Made:
        async with engine(rules, given) as running:
            return await work(running)

    return asyncio.run(opened())


def ends(given: Sequence[Event]) -> list[Ended]:
    return sorted((each for each in given if isinstance(each, Ended)), key=lambda each: each.index)


def pieces(given: Sequence[Event], index: int = 0) -> list[Written]:
    return [each for each in given if isinstance(each, Written) and each.index == index]


def sampled(order: Order) -> list[Completion]:
    """What `sample` draws on the same seed."""
    constraint = GRAMMARS[order.wanted.schema.hash] if isinstance(order.wanted, Obeying) else None
    sampling = Sampling(
        samples=order.n,
        temperature=order.temperature,
        max_new_tokens=order.max_tokens or 0,
        seed=order.seed or 0,
    )
    (made,) = sample(MODEL, [Question("", asked(order), constraint)], sampling)
    return made


async def until(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not claim():
            await asyncio.sleep(0.002)


ORDERS = st.builds(
    Order,
    id=st.just("request"),
    client=st.sampled_from("ab"),
    prompt=st.sampled_from(["tea", "tea for two and two for tea", "t" * 100, "tea for two and " * 9]),
    wanted=st.sampled_from([AnyText(), Obeying(schema=ORDER)]),
    n=st.integers(1, 3),
    temperature=st.sampled_from([0.0, 0.7, 1.0]),
    max_tokens=st.integers(1, 14),
    seed=st.integers(0, 5),
    streamed=st.booleans(),
    alternatives=st.sampled_from([None, 0, 2]),
)


@given(
    st.lists(st.tuples(ORDERS, st.sampled_from([0.0, 0.0, 0.01, 0.05])), min_size=1, max_size=6),
    st.sampled_from([ONE, Rules(workers=2, rows=4), Rules(workers=1, deterministic=True)]),
)
@settings(max_examples=8)
def test_whatever_comes_when_every_order_gets_what_sample_draws(
    asked: list[tuple[Order, float]], rules: Rules
) -> None:
    async def late(engine: Engine, order: Order, wait: float) -> list[Event]:
        await asyncio.sleep(wait)
        return await events(engine, order)

    async def work(engine: Engine) -> list[list[Event]]:
        return await asyncio.gather(*(late(engine, *each) for each in asked))

    for (order, _), told in zip(asked, run(rules, work), strict=True):
        for end, completion in zip(ends(told), sampled(order), strict=True):
            assert (end.text, end.tokens) == (completion.text, len(completion.tokens))
            assert end.reason == ("stop" if completion.finished else "length")
            mine = pieces(told, end.index)
            assert "".join(piece.text for piece in mine) == completion.text
            tokens = [token for piece in mine for token in piece.tokens]
            if order.alternatives is None:
                assert not tokens
                continue
            text_tokens = len(completion.tokens) - completion.finished
            assert "".join(token.text for token in tokens) == completion.text
            raw = b"".join(token.raw or token.text.encode() for token in tokens)
            spelled = [VOCABULARY.spelled[token] for token in completion.tokens[:text_tokens]]
            assert raw == b"".join(spelled) or b"" in spelled
            sure = completion.logprobs[:text_tokens]
            assert [token.logprob for token in tokens] == pytest.approx(sure, abs=1e-4)
            assert all(len(token.alternatives) <= order.alternatives for token in tokens)


def test_who_does_not_read_along_hears_of_an_answer_once_before_its_end() -> None:
    told = run(ONE, lambda engine: events(engine, order(n=2)))
    assert [type(each) for each in told if each.index == 0] == [Written, Ended]
    assert len(told) == 4


def test_who_reads_along_hears_of_every_step() -> None:
    assert len(pieces(run(ONE, lambda engine: events(engine, order("tea", streamed=True))))) > 3


def test_an_answer_that_is_forced_whole_needs_no_network() -> None:
    (end,) = ends(run(ONE, lambda engine: events(engine, order(wanted=Obeying(schema=CONST)))))
    assert (end.text, end.reason, end.confidence) == ('{"a":1}', "stop", {"/a": 1.0})


def test_how_sure_the_model_was_does_not_depend_on_the_temperature() -> None:
    """Every token of a constrained draw at temperature 0 is the likeliest at any."""
    one = order(wanted=Obeying(schema=ORDER), max_tokens=60, temperature=0.0)

    async def work(engine: Engine) -> list[list[Event]]:
        return [await events(engine, replace(one, temperature=warm)) for warm in (0.0, 1e-6)]

    cold, warm = (ends(told)[0] for told in run(ONE, work))
    assert cold.text == warm.text
    assert cold.confidence
    assert warm.confidence == pytest.approx(cold.confidence, rel=1e-3)


def test_of_answers_without_a_promise_nothing_is_told_of_leaves() -> None:
    assert ends(run(ONE, lambda engine: events(engine, order())))[0].confidence is None


def test_a_text_to_stop_at_ends_one_answer_and_not_its_neighbours() -> None:
    one = order(n=3, max_tokens=25)
    texts = [completion.text for completion in sampled(one)]
    stop = texts[1][5:7]
    assert "\N{REPLACEMENT CHARACTER}" not in stop
    told = run(ONE, lambda engine: events(engine, replace(one, stop=(stop,), streamed=True)))
    for end, text in zip(ends(told), texts, strict=True):
        assert end.text == text.partition(stop)[0]
        assert "".join(piece.text for piece in pieces(told, end.index)) == end.text
        assert end.reason == ("stop" if stop in text else "length")
        assert (end.tokens < 25) == (stop in text)


def test_a_prompt_that_was_read_is_not_read_again() -> None:
    one = order("tea for two and two for tea", max_tokens=2)

    async def work(engine: Engine) -> list[Event]:
        await events(engine, one)
        return await events(engine, one)

    (end,) = ends(run(ONE, work))
    # 27 bytes are a whole block of 16 and 11 more.
    assert (end.prompt_tokens, end.cached_tokens) == (27, 16)
    (end,) = ends(run(replace(ONE, deterministic=True), work))
    assert end.cached_tokens == 0


@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param(order("t" * 512), "512 tokens, and the model's context of 512", id="all of the context"),
        pytest.param(order(""), "prompt has no tokens", id="nothing"),
    ],
)
def test_a_prompt_that_leaves_no_answer_is_refused(given: Order, why: str) -> None:
    async def work(engine: Engine) -> Refusal:
        return await refused(engine, given)

    refusal = run(ONE, work)
    assert why in refusal.message
    assert (refusal.status, refusal.param) == (400, "prompt")


def test_a_conversation_that_is_too_long_is_told_as_its_messages() -> None:
    long = order("", turns=(Turn(role="user", content="t" * 600),))

    async def work(engine: Engine) -> Refusal:
        return await refused(engine, long)

    refusal = run(ONE, work)
    assert (refusal.param, refusal.code) == ("messages", "context_length_exceeded")


def test_an_answer_is_no_longer_than_the_context_leaves_or_the_server_allows() -> None:
    async def work(engine: Engine) -> list[Ended]:
        full = await events(engine, order("t" * 505, max_tokens=100))
        return [*ends(full), *ends(await events(engine, order(max_tokens=None)))]

    full, free = run(Rules(workers=1, max_tokens=9), work)
    assert (full.tokens, full.reason) == (7, "length")
    assert free.tokens == 9


def test_a_long_prompt_is_counted_beside_the_event_loop() -> None:
    threads: list[str] = []

    def slow(order: Order) -> tuple[int, ...]:
        threads.append(threading.current_thread().name)
        return asked(order)[:40]

    async def work() -> None:
        async with Engine(MODEL, slow, Kept(), ONE) as running:
            await events(running, order("t" * 20_000))
            await events(running, order("t"))

    asyncio.run(work())
    assert [name == "MainThread" for name in threads] == [False, True]


def test_who_leaves_ends_the_work_and_frees_the_places() -> None:
    async def work(engine: Engine) -> None:
        async with aclosing(engine.write(order(max_tokens=400, n=3, streamed=True))) as told:
            await anext(told)
            assert engine.standing.writing == 3
        await until(lambda: engine.standing.writing == 0)
        assert len(ends(await events(engine, order()))) == 1

    run(ONE, work)


def test_who_is_cancelled_while_waiting_leaves_the_line() -> None:
    async def work(engine: Engine) -> None:
        first = asyncio.create_task(events(engine, order(max_tokens=300)))
        await until(lambda: engine.standing.writing == 1)
        second = asyncio.create_task(events(engine, order()))
        await until(lambda: engine.standing.waiting == 1)
        second.cancel()
        await until(lambda: engine.standing.waiting == 0)
        assert not first.done()
        assert len(ends(await first)) == 1

    run(replace(ONE, rows=1), work)


def test_one_key_with_many_requests_does_not_hold_up_another() -> None:
    async def work(engine: Engine) -> list[str]:
        over: list[str] = []

        async def one(client: str) -> None:
            await events(engine, order(client=client, max_tokens=3))
            over.append(client)

        await asyncio.gather(*(one("busy") for _ in range(20)), *(one("calm") for _ in range(2)))
        return over

    over = run(replace(ONE, rows=1), work)
    # Of the first five a busy one may be under way before a calm one comes.
    assert over[:5].count("calm") == 2


@pytest.mark.parametrize("rows", [1, 4], ids=["in the line", "under way"])
def test_a_deadline_ends_an_order_wherever_it_is(rows: int) -> None:
    async def work(engine: Engine) -> None:
        first = asyncio.create_task(events(engine, order(max_tokens=400)))
        await until(lambda: engine.standing.writing == 1)
        late = order(max_tokens=400, deadline=time.monotonic() + 0.03)
        refusal = await refused(engine, late)
        assert (refusal.status, refusal.code) == (504, "timeout")
        assert ("before there was a place" in refusal.message) == (rows == 1)
        first.cancel()
        await until(lambda: engine.standing.writing == 0)

    run(replace(ONE, rows=rows), work)


def test_a_full_line_refuses_with_the_time_to_wait() -> None:
    async def work(engine: Engine) -> None:
        under_way = asyncio.create_task(events(engine, order(max_tokens=400)))
        await until(lambda: engine.standing.writing == 1)
        waiting = [asyncio.create_task(events(engine, order())) for _ in range(2)]
        await until(lambda: engine.standing.waiting == 2)
        refusal = await refused(engine, order())
        assert (refusal.status, refusal.code) == (503, "overloaded")
        assert refusal.retry_after is not None
        under_way.cancel()
        assert all([ends(await each) for each in waiting])

    run(replace(ONE, rows=1, queue=2), work)


def test_in_deterministic_mode_bytes_are_the_same_whatever_else_is_written() -> None:
    one = order("tea for two", temperature=0.7, alternatives=3, n=2, max_tokens=20, streamed=True)
    others = [
        order("tea for two and " * each, max_tokens=9, wanted=Obeying(schema=ORDER)) for each in range(1, 9)
    ]

    async def alone(engine: Engine) -> list[Event]:
        return await events(engine, one)

    async def beside(engine: Engine) -> list[Event]:
        told = await asyncio.gather(*(events(engine, each) for each in [*others, one, *others, one]))
        assert _joined(told[8]) == _joined(told[-1])
        return told[8]

    for rules in (replace(ONE, deterministic=True), Rules(workers=2, deterministic=True)):
        assert _joined(run(rules, alone)) == _joined(run(rules, beside))


def _joined(told: Sequence[Event]) -> object:
    """All that was told, however it was cut into pieces."""
    return ends(told), [
        [token for piece in pieces(told, index) for token in piece.tokens] for index in (0, 1)
    ]


def test_in_deterministic_mode_an_order_without_a_seed_has_one() -> None:
    async def work(engine: Engine) -> list[Ended]:
        return ends([*await events(engine, order(seed=None)), *await events(engine, order(seed=0))])

    one, other = run(replace(ONE, deterministic=True), work)
    assert one == other


@dataclass(slots=True)
class Failing:
    """A constraint that allows all until it fails in some way."""

    fault: Exception
    after: int = 3
    at: str = "allowed"
    """Which of its methods."""
    written: list[int] = field(default_factory=list[int])

    def copy(self) -> Self:
        return replace(self, written=self.written[:])

    def forced(self, remaining: int) -> Sequence[int]:  # noqa: ARG002
        self._fail("forced")
        return ()

    def allowed(self, remaining: int) -> NDArray[np.bool_]:  # noqa: ARG002
        self._fail("allowed")
        allowed_V = np.ones(MODEL.vocabulary_size, dtype=np.bool_)
        allowed_V[2] = False
        return allowed_V

    def accept(self, token: int) -> None:
        self._fail("accept")
        self.written.append(token)

    def _fail(self, at: str) -> None:
        if at == self.at and len(self.written) >= self.after:
            raise self.fault


FAILS = OneOf(("fails",))


@pytest.fixture
def log() -> Iterator[list[MutableMapping[str, Any]]]:
    with structlog.testing.capture_logs() as entries:
        yield entries


def test_a_fault_fails_the_orders_of_its_batch_and_no_others(log: list[MutableMapping[str, Any]]) -> None:
    async def work(engine: Engine) -> None:
        neighbour = asyncio.create_task(refused(engine, order(max_tokens=400)))
        await until(lambda: engine.standing.writing == 1)
        refusal = await refused(engine, order(wanted=FAILS))
        assert (refusal.status, refusal.code) == (500, "engine_fault")
        assert (await neighbour).status == 500
        assert [end.text for end in ends(await events(engine, order()))] == [sampled(order())[0].text]
        assert (engine.standing.faults, engine.standing.is_ready) == (1, True)

    run(ONE, work, Failing(RuntimeError("broken")))
    (entry,) = log
    assert (entry["event"], entry["orders"]) == ("engine.fault", ["request", "request"])
    assert str(entry["exc_info"]) == "broken"


@pytest.mark.usefixtures("log")
def test_an_engine_that_does_nothing_but_fail_says_so() -> None:
    async def work(engine: Engine) -> None:
        assert engine.standing.is_ready
        for _ in range(3):
            await refused(engine, order(wanted=FAILS))
        await until(lambda: engine.standing.faults == 3)
        assert not engine.standing.is_ready
        await events(engine, order())
        assert engine.standing.is_ready

    run(ONE, work, Failing(RuntimeError("broken"), after=0))


@pytest.mark.parametrize("at", ["forced", "allowed", "accept"])
def test_a_constraint_that_is_stuck_fails_its_order_alone(at: str) -> None:
    async def work(engine: Engine) -> None:
        neighbour = asyncio.create_task(events(engine, order(max_tokens=100)))
        await until(lambda: engine.standing.writing == 1)
        refusal = await refused(engine, order(wanted=FAILS))
        assert (refusal.status, refusal.code) == (500, "constraint_failed")
        assert "no way on" in refusal.message
        assert len(ends(await neighbour)) == 1
        assert engine.standing.faults == 0

    run(ONE, work, Failing(Stuck("no way on"), at=at))


def test_closing_refuses_what_waits_and_what_is_under_way() -> None:
    async def work() -> list[Refusal]:
        async with engine(replace(ONE, rows=1)) as running:
            going = [asyncio.create_task(refused(running, order(max_tokens=400))) for _ in range(3)]
            await until(lambda: (running.standing.writing, running.standing.waiting) == (1, 2))
        assert not running.standing.is_ready
        return [*await asyncio.gather(*going), await refused(running, order())]

    assert [refusal.status for refusal in asyncio.run(work())] == [503] * 4


@pytest.mark.parametrize("workers", [1, 2])
def test_orders_go_to_the_thread_that_has_least(workers: int) -> None:
    async def work(engine: Engine) -> list[int]:
        going = [asyncio.create_task(events(engine, order(max_tokens=200))) for _ in range(6)]
        await until(lambda: engine.standing.writing == 6)
        loads = engine._loads[:]
        for each in going:
            each.cancel()
        await until(lambda: engine.standing.writing == 0)
        return loads

    assert run(Rules(workers=workers), work) == [6 // workers] * workers


def test_what_is_more_than_there_is_room_for_is_written_on_its_own() -> None:
    """A tiny model's token has 2 * 2 layers * 2 heads * 8 * 4 bytes: a MiB has room for 2,048."""

    one = order("t" * 400, max_tokens=112)
    expected = sampled(one)[0].text

    async def work(engine: Engine) -> list[list[Event]]:
        return await asyncio.gather(*(events(engine, one) for _ in range(5)))

    for told in run(Rules(workers=1, room_mib=1), work):
        assert [end.text for end in ends(told)] == [expected]


@pytest.mark.slow
def test_memory_does_not_grow_over_thousands_of_orders() -> None:
    async def work(engine: Engine) -> tuple[int, int]:
        async def some(first: int, count: int) -> int:
            async def one(number: int) -> None:
                text = f"{number % 100:02d} cups of tea " * (1 + number % 7)
                given = order(
                    text, seed=number, max_tokens=5, streamed=number % 2 == 0, client=f"key {number}"
                )
                if number % 5:
                    await events(engine, given)
                    return
                async with aclosing(engine.write(given)) as told:
                    await anext(told)

            for start in range(first, first + count, 20):
                await asyncio.gather(*(one(number) for number in range(start, start + 20)))
            return _resident()

        return await some(0, 2000), await some(2000, 2000)

    before, after = run(Rules(workers=2, remembered_mib=4), work)
    assert after < 1.02 * before


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
