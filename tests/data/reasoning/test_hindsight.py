"""What is asked of a teacher, and what becomes of the replies."""

import json
from pathlib import Path

import pytest

from adhere.data.reasoning.hindsight import CASE, CORRECTION, INSTRUCTION, hindsight, trace_in
from adhere.data.reasoning.outcome import Kept, Outcome, Rejected
from adhere.endpoint import Failed, Reply, Request
from adhere.records import JSON, Example
from adhere.schema import Schema

SCHEMA = Schema.of({"properties": {"item": {"type": "string"}, "count": {"type": "integer"}}})
TARGET: JSON = {"count": 2, "item": "mug"}
ROW = Example(id="one", text="Two mug", schema="s", target=TARGET, reasoning="of old", meta={"page": 1})
GOOD = '"mug" is the item, and "Two" means a count of 2.'
DOCS = Path(__file__).parents[3] / "docs" / "reasoning.md"


def reply(text: str) -> Reply:
    return Reply(
        text=text,
        finish_reason="stop",
        prompt_tokens=1,
        completion_tokens=1,
        seconds=0.0,
        cached=False,
        attempts=1,
        cost=0.0,
    )


def held(*said: Reply | Failed, row: Example = ROW, longest: int = 200) -> tuple[list[Request], Outcome]:
    """Hold a conversation; return what was asked, and what came of it."""
    conversation = hindsight(row, SCHEMA, longest=longest)
    asked: list[Request] = []
    try:
        asked.append(next(conversation))
        for each in said:
            asked.append(conversation.send(each))
    except StopIteration as end:
        return asked, end.value
    raise AssertionError("the conversation goes on")


def test_a_teacher_is_shown_the_text_the_blank_form_and_the_filled_one() -> None:
    (asked,), _ = held(reply(GOOD))
    system, user = asked.messages
    assert (system.role, user.role) == ("system", "user")
    assert "at most 200 characters" in system.content
    assert user.content == (
        'Text:\nTwo mug\n\nBlank form:\n{"item":"string?","count":"integer?"}\n\n'
        'Filled form:\n{"item":"mug","count":2}'
    )


def test_a_good_trace_is_kept_in_place_of_the_old_one() -> None:
    _, outcome = held(reply(f"  {GOOD}\n"))
    assert isinstance(outcome, Kept)
    assert json.loads(outcome.line) == {
        "id": "one",
        "text": "Two mug",
        "schema": "s",
        "target": TARGET,
        "reasoning": GOOD,
        "meta": {"page": 1},
    }
    assert outcome.characters == len(GOOD)


def test_a_fault_is_named_and_the_trace_asked_for_once_more() -> None:
    (first, second), outcome = held(reply("It is a cup."), reply(GOOD))
    assert isinstance(outcome, Kept)
    assert second.messages[:2] == first.messages
    assert [turn.role for turn in second.messages[2:]] == ["assistant", "user"]
    assert second.messages[2].content == "It is a cup."
    fault = 'it does not quote what /count comes from, "Two"'
    assert second.messages[3].content == CORRECTION.format(fault=fault)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        pytest.param(
            [reply("A cup."), reply('{"item": "mug", "count": 2}')],
            Rejected("one", "answer_inside", "it has the answer, or a part of it, as JSON"),
            id="the second trace has a fault too",
        ),
        pytest.param(
            [Failed(cause="timeout", message="it took too long")],
            Rejected("one", "failed", "timeout: it took too long"),
            id="no reply",
        ),
        pytest.param(
            [reply("A cup."), Failed(cause="cut", message="it was cut")],
            Rejected("one", "failed", "cut: it was cut"),
            id="no second reply",
        ),
        pytest.param(
            [Failed(cause="budget", message="it is spent")],
            Rejected("one", "budget", "it is spent"),
            id="no tokens left to ask with",
        ),
    ],
)
def test_a_row_without_a_good_trace_is_left_out_with_the_cause(
    said: list[Reply | Failed], outcome: Outcome
) -> None:
    assert held(*said)[1] == outcome


def test_nothing_is_asked_of_a_row_without_a_target() -> None:
    row = Example(id="one", text="Two mug", schema="s")
    assert held(row=row) == ([], Rejected("one", "unlabelled", "the row has no target"))


@pytest.mark.parametrize(
    ("text", "trace"),
    [
        pytest.param(" So. ", "So.", id="bare"),
        pytest.param("<think>Hm.</think>\nSo.", "So.", id="after a thought"),
        pytest.param("Hm.</think>So.", "So.", id="after a thought that the prompt had begun"),
        pytest.param("<think>Hm.", "<think>Hm.", id="a thought that never ends"),
        pytest.param("So.</think>", "", id="nothing after the thought"),
    ],
)
def test_what_a_model_thought_to_itself_is_no_trace(text: str, trace: str) -> None:
    assert trace_in(text) == trace


@pytest.mark.parametrize("prompt", [INSTRUCTION, CASE, CORRECTION], ids=["instruction", "case", "correction"])
def test_the_page_shows_the_prompts_to_the_letter(prompt: str) -> None:
    assert f"```text\n{prompt}\n```" in DOCS.read_text(encoding="utf-8")
