"""Conversations, held without a server: replies are handed in."""

from dataclasses import replace

import pytest

from adhere.data.teaching.checks import Written
from adhere.data.teaching.lesson import Assignment, Rejected, document_kind, lesson
from adhere.endpoint import Cause, Conversation, Failed, Reply, Request
from adhere.records import Example
from adhere.schema import Schema

ORDER = Schema.of(
    {
        "title": "Order",
        "type": "object",
        "properties": {"item": {"type": "string"}, "count": {"type": "integer"}},
        "required": ["item", "count"],
    }
)
TASK = Assignment(id="order-1", schema=ORDER, case="It rains.", layout="An e-mail.", data=None)
DATA = '{"item": "blue mug", "count": 12}'
TEXT = "<text>We need 12 of the blue mug.</text>"


def held(conversation: Conversation[object], *said: str | Failed) -> tuple[list[Request], object]:
    """Hold a conversation to its end; return what it asked, and what it came to."""
    asked: list[Request] = [next(conversation)]
    for each in said:
        reply = each if isinstance(each, Failed) else replied(each)
        try:
            asked.append(conversation.send(reply))
        except StopIteration as end:
            return asked, end.value
    raise AssertionError("it asks on")


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


def test_first_the_data_are_asked_for_and_then_a_text() -> None:
    asked, made = held(lesson(TASK), DATA, TEXT)
    assert isinstance(made, Example)
    assert (made.text, made.target) == ("We need 12 of the blue mug.", {"item": "blue mug", "count": 12})
    first, second = (request.messages[0].content for request in asked)
    assert "It rains." in first
    assert '"required":["item","count"]' in first
    assert "An e-mail." in second
    assert '{"item":"blue mug","count":12}' in second
    assert all(len(request.messages) == 1 for request in asked)


def test_data_that_are_there_are_not_asked_for() -> None:
    given = replace(TASK, data=Written({"item": "cup", "count": 3}))
    asked, made = held(lesson(given), "<text>There were three cups: cup, 3 of them.</text>")
    assert isinstance(made, Example)
    assert len(asked) == 1


def test_a_fault_is_told_and_may_be_mended_once() -> None:
    asked, made = held(lesson(TASK), "no", DATA, "<text>We need the blue mug.</text>", TEXT)
    assert isinstance(made, Example)
    assert [len(request.messages) for request in asked] == [1, 3, 1, 3]
    prompt, reply, correction = asked[3].messages
    assert (prompt.role, reply.role, correction.role) == ("user", "assistant", "user")
    assert reply.content == "<text>We need the blue mug.</text>"
    assert "the text does not say /count (12)" in correction.content


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        pytest.param(["no", "no"], "not_json", id="no data, twice"),
        pytest.param(["no", DATA, "no", "no"], "no_text", id="no text, twice"),
    ],
)
def test_a_fault_that_stays_is_why_there_is_nothing(said: list[str], reason: str) -> None:
    _, outcome = held(lesson(TASK), *said)
    assert isinstance(outcome, Rejected)
    assert outcome.reason == reason


@pytest.mark.parametrize("cause", ["timeout", "cut", "empty", "budget", "filtered"])
def test_what_was_not_answered_is_not_corrected(cause: Cause) -> None:
    failed = Failed(cause=cause, message="so it goes")
    for said in ([failed], [DATA, failed], ["no", failed], [DATA, "no", failed]):
        asked, outcome = held(lesson(TASK), *said)
        assert outcome == Rejected(cause, "so it goes")
        assert len(asked) == len(said)


def test_a_kind_is_asked_for_by_its_domain() -> None:
    asked, outcome = held(document_kind("bee {keeping}", "It snows."), "no", "no")
    assert isinstance(outcome, Rejected)
    assert "this field of work: bee {keeping}." in asked[0].messages[0].content
    assert "It snows." in asked[0].messages[0].content
    assert '{"schema": …, "data": …}' in asked[0].messages[0].content
