import pytest

from adhere.measure.request import Request, latency, models
from adhere.records import JSON

WHOLE = Request(key="k", model="m", attempts=2, seconds=1.5, prompt_tokens=10, cost=0.25)


def replied(seconds: float, **named: object) -> Request:
    return Request(key="k", attempts=1, seconds=seconds, **named)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("request_", [WHOLE, Request(key="k", cause="timeout", message="no reply")])
def test_a_request_is_read_back_as_it_was(request_: Request) -> None:
    assert Request.of(request_.as_json()) == request_


@pytest.mark.parametrize(
    "wrong",
    [{"key": 3}, {"cause": 3}, {"attempts": "2"}, {"seconds": None}, {"model": None}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_is_none_is_not_read(wrong: dict[str, JSON]) -> None:
    assert Request.of({**WHOLE.as_json(), **wrong}) is None
    assert Request.of({}) is None


def test_latency_is_that_of_replies_that_came_now() -> None:
    others = [
        replied(90.0, cause="timeout"),
        Request(key="k", cached=True),
        Request(key="k", cause="budget"),
    ]
    # Of 200 the 100th, 190th and 198th.
    assert latency([replied(number / 100) for number in range(200, 0, -1)] + others) == {
        "p50": 1.0,
        "p95": 1.9,
        "p99": 1.98,
        "n": 200,
    }
    assert latency([replied(0.25, cause="cut")]) == {"p50": 0.25, "p95": 0.25, "p99": 0.25, "n": 1}
    assert latency(others) == {"p50": None, "p95": None, "p99": None, "n": 0}


def test_models_are_counted_by_the_name_that_the_server_gave() -> None:
    named = [replied(1.0, model=name) for name in ("b", "a", "b", "")]
    assert models(named) == {"a": 1, "b": 2}


def test_what_the_model_answered_is_not_to_be_asked_again() -> None:
    causes = (None, "cut", "empty", "filtered", "timeout", "connection", "status", "refused", "budget")
    answered = [cause for cause in causes if Request(key="k", cause=cause).is_answered]
    assert answered == [None, "cut", "empty", "filtered"]
