"""Requests and tokens a minute, and requests at once: when one is refused, and what is told of it."""

from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.serve.test_keys import NOW, Clock

from adhere.serve.allowance import Allowance, Allowances
from adhere.serve.keys import Key
from adhere.serve.order import Refusal


def key(**limits: Any) -> Key:
    return Key(id="0", name="billing", sha256="", scopes=("generate",), created=NOW, **limits)


def ask(allowance: Allowance, asked: Key, *, tokens: int = 0) -> Refusal | None:
    try:
        with allowance.asking(asked):
            allowance.charge(tokens)
    except Refusal as refusal:
        return refusal
    return None


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_key_without_limits_is_never_refused_and_told_of_none(clock: Clock) -> None:
    allowance = Allowance(clock)
    assert not any(ask(allowance, key(), tokens=10**9) for _ in range(1000))
    assert allowance.headers == []


def test_the_request_after_the_last_of_a_minute_is_told_when_the_next_is_there(clock: Clock) -> None:
    allowance, asked = Allowance(clock), key(requests_per_minute=2)
    assert [ask(allowance, asked) for _ in range(2)] == [None, None]
    refusal = ask(allowance, asked)
    assert refusal is not None
    # 2 a minute are 1 in 30 s.
    assert (refusal.status, refusal.code, refusal.retry_after) == (429, "rate_limit_exceeded", 30.0)
    assert refusal.message == ("This key may have 2 requests a minute, and none is left. Ask again in 30 s.")
    clock.now = 29.9
    assert ask(allowance, asked) is not None
    clock.now = 30.0
    assert ask(allowance, asked) is None


def test_tokens_are_charged_at_the_end_and_a_debt_is_paid_by_time(clock: Clock) -> None:
    allowance, asked = Allowance(clock), key(tokens_per_minute=600)
    assert ask(allowance, asked, tokens=900) is None
    refusal = ask(allowance, asked)
    assert refusal is not None
    # 300 tokens of debt and 1 to ask with, at 10 a second.
    assert refusal.retry_after == pytest.approx(30.1)
    clock.now = 30.1
    assert ask(allowance, asked) is None


def test_what_is_left_is_told_as_openai_does(clock: Clock) -> None:
    allowance, asked = Allowance(clock), key(requests_per_minute=60, tokens_per_minute=6000)
    ask(allowance, asked, tokens=6500)
    assert dict(allowance.headers) == {
        b"x-ratelimit-limit-requests": b"60",
        b"x-ratelimit-remaining-requests": b"59",
        b"x-ratelimit-reset-requests": b"1s",
        b"x-ratelimit-limit-tokens": b"6000",
        b"x-ratelimit-remaining-tokens": b"0",
        b"x-ratelimit-reset-tokens": b"1m5s",  # 6,500 tokens at 100 a second
    }
    clock.now = 0.5
    assert dict(allowance.headers)[b"x-ratelimit-reset-requests"] == b"500ms"


def test_requests_at_once_are_bounded_and_a_place_is_given_back(clock: Clock) -> None:
    allowance, asked = Allowance(clock), key(concurrency=2)
    with ExitStack() as under_way:
        for _ in range(2):
            under_way.enter_context(allowance.asking(asked))
        refusal = ask(allowance, asked)
        assert refusal is not None
        assert (refusal.status, refusal.code, refusal.retry_after) == (429, "concurrency_exceeded", 1.0)
    assert ask(allowance, asked) is None


def test_a_place_is_given_back_whatever_happens_in_it(clock: Clock) -> None:
    allowance, asked = Allowance(clock), key(concurrency=1)
    with pytest.raises(ZeroDivisionError), allowance.asking(asked):
        _ = 1 / 0
    assert ask(allowance, asked) is None


def test_a_limit_that_changes_holds_from_the_next_request_on(clock: Clock) -> None:
    allowance = Allowance(clock)
    ask(allowance, key(requests_per_minute=60))
    ask(allowance, key(requests_per_minute=1))
    assert ask(allowance, key(requests_per_minute=1)) is not None
    assert ask(allowance, key()) is None


def test_a_second_key_of_a_name_brings_no_new_minute(clock: Clock) -> None:
    allowances = Allowances(clock)
    asked = key(requests_per_minute=1)
    assert ask(allowances.of("billing"), asked) is None
    assert ask(allowances.of("billing"), asked) is not None
    assert ask(allowances.of("another"), asked) is None


@settings(max_examples=50)
@given(limit=st.integers(1, 100), waits=st.lists(st.floats(0, 30), max_size=60))
def test_no_more_is_let_through_than_the_minutes_bring(limit: int, waits: list[float]) -> None:
    clock = Clock()
    allowance, asked = Allowance(clock), key(requests_per_minute=limit)
    passed = 0
    for wait in waits:
        clock.now += wait
        passed += ask(allowance, asked) is None
    assert passed <= limit * (1 + clock.now / 60) + 1e-6
