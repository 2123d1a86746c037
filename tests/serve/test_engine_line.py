import threading
import time
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.serve.line import Line
from adhere.serve.order import Refusal


@dataclass(frozen=True)
class Asked:
    client: str
    tokens: int
    number: int = 0


def everything(line: Line[Asked]) -> list[Asked]:
    return [order for _ in range(len(line)) if (order := line.take(lambda _: True, patient=False))]


def test_a_client_with_a_thousand_orders_does_not_starve_another() -> None:
    line: Line[Asked] = Line(4000)
    for number in range(1000):
        line.put(Asked("busy", 300, number))
    for number in range(3):
        line.put(Asked("calm", 300, number))
    assert [order.client for order in everything(line)[:6]] == ["busy", "calm"] * 3


def test_turns_are_given_by_tokens_and_within_a_client_by_arrival() -> None:
    """What costs 300 lets three of 100 go past."""
    line: Line[Asked] = Line(100)
    for number in range(2):
        line.put(Asked("long", 300, number))
    for number in range(5):
        line.put(Asked("short", 100, number))
    assert [(order.client, order.number) for order in everything(line)] == [
        ("long", 0),
        *(("short", number) for number in range(3)),
        ("long", 1),
        *(("short", number) for number in range(3, 5)),
    ]


def test_who_comes_late_has_no_claim_to_what_others_had_before() -> None:
    line: Line[Asked] = Line(100)
    for number in range(10):
        line.put(Asked("early", 100, number))
    for _ in range(5):
        line.take(lambda _: True, patient=False)
    for number in range(5):
        line.put(Asked("late", 100, number))
    # The early one has had 500 and the clock stands at 400, where the late one begins.
    assert [order.client for order in everything(line)[:4]] == ["late", "early", "late", "early"]


def test_who_comes_back_has_had_what_it_had() -> None:
    line: Line[Asked] = Line(100)
    line.put(Asked("back", 1000))
    line.put(Asked("other", 10))
    line.take(lambda _: True, patient=False)
    line.put(Asked("back", 1000, 1))
    for number in range(1, 4):
        line.put(Asked("other", 10, number))
    assert [order.client for order in everything(line)] == ["other"] * 4 + ["back"]


@given(
    st.lists(
        st.builds(Asked, st.sampled_from("abc"), st.integers(1, 50), st.integers(0, 1000)),
        max_size=40,
    )
)
def test_no_client_gets_more_ahead_of_another_that_waits_than_its_longest_order(orders: list[Asked]) -> None:
    line: Line[Asked] = Line(1000)
    for order in orders:
        line.put(order)
    left = {name: [order for order in orders if order.client == name] for name in "abc"}
    had = dict.fromkeys("abc", 0)
    longest = max((order.tokens for order in orders), default=0)
    while (order := line.take(lambda _: True, patient=False)) is not None:
        assert order is left[order.client].pop(0)
        had[order.client] += order.tokens
        waiting = [had[name] for name in "abc" if left[name]]
        assert not waiting or max(had[order.client] - each for each in waiting) <= longest
    assert not any(left.values())


def test_a_full_line_turns_away_with_the_time_to_wait() -> None:
    line: Line[Asked] = Line(2)
    line.put(Asked("", 1))
    line.put(Asked("", 1, 1))
    with pytest.raises(Refusal, match="2 requests are waiting") as refused:
        line.put(Asked("", 1, 2))
    assert (refused.value.status, refused.value.retry_after) == (503, 1.0)


def test_a_named_client_has_half_of_the_line() -> None:
    line: Line[Asked] = Line(4)
    for number in range(2):
        line.put(Asked("key", 1, number))
    with pytest.raises(Refusal, match="2 requests of this key") as refused:
        line.put(Asked("key", 1, 2))
    assert refused.value.status == 429
    line.put(Asked("other", 1))
    line.put(Asked("", 1))


def test_the_wait_is_told_by_the_pace_of_those_who_went() -> None:
    line: Line[Asked] = Line(30)
    for number in range(30):
        line.put(Asked("", 1, number))
    for _ in range(2):
        line.take(lambda _: True, patient=False)
        time.sleep(0.1)
    for number in range(2):
        line.put(Asked("", 1, 30 + number))
    with pytest.raises(Refusal) as refused:
        line.put(Asked("", 1))
    # Two went, 0.1 s apart and the last 0.1 s ago: 30 that wait take 30 * 0.2 s, or more on a slow machine.
    assert refused.value.retry_after is not None
    assert 6 <= refused.value.retry_after <= 60


def test_who_does_not_fit_holds_up_the_line() -> None:
    line: Line[Asked] = Line(10)
    line.put(Asked("", 100))
    line.put(Asked("", 1))
    assert line.take(lambda order: order.tokens < 50, patient=False) is None
    assert len(line) == 2


def test_an_order_is_taken_out_once() -> None:
    line: Line[Asked] = Line(10)
    order = Asked("", 1)
    line.put(order)
    assert [line.remove(order), line.remove(order)] == [True, False]
    assert line.take(lambda _: True, patient=False) is None
    line.put(replace(order, number=1))
    assert not line.remove(order)


def test_closing_wakes_who_waits_and_turns_others_away() -> None:
    line: Line[Asked] = Line(10)
    taken: list[Asked | None] = []
    thread = threading.Thread(target=lambda: taken.append(line.take(lambda _: True, patient=True)))
    thread.start()
    assert line.close() == []
    thread.join()
    assert taken == [None]
    with pytest.raises(Refusal, match="shutting down"):
        line.put(Asked("", 1))


def test_those_who_waited_are_named_when_it_closes() -> None:
    line: Line[Asked] = Line(10)
    orders = [Asked("a", 1), Asked("b", 2)]
    for order in orders:
        line.put(order)
    assert line.close() == orders


def test_of_clients_that_left_no_more_is_remembered_than_counts() -> None:
    line: Line[Asked] = Line(10)
    for number in range(3):
        line.put(Asked("patient", 10_000, number))
    line.take(lambda _: True, patient=False)
    for number in range(3000):
        line.put(Asked(f"key-{number}", 1))
        line.take(lambda _: True, patient=False)
    assert len(line._gone) <= 1024
    everything(line)
    assert not line._gone
