from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from itertools import count, islice
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.endpoint import Cause, Conversation, Failed, Message, Reply, Request
from adhere.endpoint.held import Held
from adhere.errors import ModelError


def asks(text: str) -> Request:
    return Request(messages=(Message("user", text),))


def replied(text: str) -> Reply:
    return Reply(
        text=text,
        finish_reason="stop",
        prompt_tokens=1,
        completion_tokens=1,
        seconds=0.1,
        cached=False,
        attempts=1,
        cost=0.0,
    )


class Script:
    """Stands where the network is: replies come in an order of their own, or fail."""

    def __init__(self, *, seed: int = 0, patience: int = 1, cause: Cause | None = None) -> None:
        self.random = Random(seed)
        self.patience = patience
        self.cause: Cause | None = cause
        self.waiting: deque[tuple[Request, Future[Reply | Failed]]] = deque()
        self.most_waiting = 0
        self.asked = 0

    def ask(self, request: Request) -> "Future[Reply | Failed]":
        future: Future[Reply | Failed] = Future()
        self.waiting.append((request, future))
        self.asked += 1
        self.most_waiting = max(self.most_waiting, len(self.waiting))
        while len(self.waiting) >= self.patience:
            self.answer()
        return future

    def answer(self) -> None:
        self.waiting.rotate(self.random.randrange(len(self.waiting)))
        request, future = self.waiting.popleft()
        text = request.messages[-1].content
        future.set_result(replied(text) if self.cause is None else Failed(cause=self.cause, message=text))


def given_up(failed: Failed, number: int) -> Exception:
    return ModelError(f"{number} by {failed.cause}")


def telling(number: int, turns: int) -> Conversation[list[int]]:
    heard: list[int] = []
    for turn in range(turns):
        reply = yield asks(f"{number}.{turn}")
        assert isinstance(reply, Reply)
        assert reply.text == f"{number}.{turn}", "each conversation hears what it asked"
        heard.append(turn)
    return heard


@settings(max_examples=40)
@given(
    turns=st.lists(st.integers(0, 4), max_size=30),
    width=st.integers(1, 5),
    ordered=st.booleans(),
    seed=st.integers(0, 9),
)
def test_every_conversation_ends_once_with_what_it_heard(
    turns: list[int],
    width: int,
    ordered: bool,  # noqa: FBT001  # drawn
    seed: int,
) -> None:
    script = Script(seed=seed)
    held = Held[list[int]](script.ask, given_up, width=width, ordered=ordered)
    outcomes = list(held.run(telling(number, each) for number, each in enumerate(turns)))
    assert sorted(number for number, _ in outcomes) == list(range(len(turns)))
    assert not ordered or [number for number, _ in outcomes] == list(range(len(turns)))
    assert all(heard == list(range(turns[number])) for number, heard in outcomes)
    assert script.asked == sum(turns)


def test_nothing_stands_empty_while_there_is_something_to_ask() -> None:
    script = Script(patience=2)  # nothing is answered before two are asked
    held = Held[list[int]](script.ask, given_up, width=2, ordered=False)
    endless = (telling(number, 1) for number in count())
    assert len(list(islice(held.run(endless), 50))) == 50


def test_none_waits_for_what_is_under_way_and_then_ends() -> None:
    open_now = 0
    most_open = 0
    done: list[int] = []

    def one_after_the_other() -> Iterator[Conversation[list[int]] | None]:
        nonlocal open_now, most_open
        for number in range(3):
            while open_now:
                yield None
            open_now += 1
            most_open = max(most_open, open_now)
            yield telling(number, 2)

    held = Held[list[int]](Script().ask, given_up, width=4, ordered=True)
    for number, _ in held.run(one_after_the_other()):
        open_now -= 1
        done.append(number)
    assert (done, most_open) == ([0, 1, 2], 1)
    assert list(Held[int](Script().ask, given_up, width=4, ordered=True).run(iter([None]))) == []


def failing(turns: int) -> Conversation[str]:
    said: Reply | Failed | None = None
    for _ in range(turns):
        said = yield asks("x")
    return said.cause if isinstance(said, Failed) else "fine"


@pytest.mark.parametrize("cause", ["timeout", "connection", "status", "malformed"])
def test_a_server_that_fails_again_and_again_is_given_up(cause: Cause) -> None:
    held = Held[str](Script(cause=cause).ask, given_up, width=3, ordered=True)
    with pytest.raises(ModelError, match=f"6 by {cause}"):
        list(held.run(failing(1) for _ in count()))


@pytest.mark.parametrize("cause", ["cut", "empty", "filtered", "budget", "oversize"])
def test_a_server_is_not_given_up_for_what_its_model_writes(cause: Cause) -> None:
    held = Held[str](Script(cause=cause).ask, given_up, width=1, ordered=True)
    assert list(held.run(failing(1) for _ in range(20))) == [(number, cause) for number in range(20)]


def test_leaving_closes_what_is_under_way() -> None:
    closed: list[int] = []

    def guarded(number: int) -> Conversation[int]:
        try:
            yield asks(str(number))
        finally:
            closed.append(number)
        return number

    script = Script(patience=4)
    running = Held[int](script.ask, given_up, width=4, ordered=False).run(
        guarded(number) for number in count()
    )
    next(running)
    running.close()
    assert sorted(closed) == [0, 1, 2, 3, 4], "one had ended, and another begun in its place"
    assert all(future.cancelled() for _, future in script.waiting)
