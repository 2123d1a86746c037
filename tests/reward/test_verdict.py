"""What became of a completion: four kinds, told apart without forgiveness."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.reward.verdict import Malformed, NoOutput, Obeys, Violates, judge, outcome
from adhere.schema import Parsed, Schema

SCHEMA = Schema.of(
    {
        "type": "object",
        "properties": {"item": {"type": "string"}, "count": {"type": "integer"}},
        "required": ["item", "count"],
        "additionalProperties": False,
    }
)
RIGHT = '{"item": "mug", "count": 2}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(RIGHT, "obeys", id="obeys"),
        pytest.param(f"\r\n\t {RIGHT}\n", "obeys", id="white space around is allowed"),
        pytest.param('{"item": "mug"}', "violates", id="a key is missing"),
        pytest.param("[1]", "violates", id="another type"),
        pytest.param("5", "violates", id="a scalar is JSON"),
        pytest.param("null", "violates", id="null is JSON"),
        pytest.param(RIGHT[:-1], "malformed", id="cut off"),
        pytest.param('{"item": "mug", "count": 2, "count": 2}', "malformed", id="a repeated key"),
        pytest.param('{"item": "mug", "count": NaN}', "malformed", id="NaN is not JSON"),
        pytest.param(f"```json\n{RIGHT}\n```", "malformed", id="in a code fence"),
        pytest.param(f"Here it is: {RIGHT}", "malformed", id="after prose"),
        pytest.param(f"{RIGHT} Anything else?", "malformed", id="before prose"),
        pytest.param(RIGHT + RIGHT, "malformed", id="two values"),
        pytest.param(f"\u00a0{RIGHT}", "malformed", id="a no-break space is not white space to JSON"),
        pytest.param('"mug', "malformed", id="a string was begun"),
        pytest.param("2 mugs", "malformed", id="a number was begun"),
        pytest.param("-", "malformed", id="a minus was begun"),
        pytest.param("[" * 100_000, "malformed", id="nested past the parser"),
        pytest.param("", "no_output", id="empty"),
        pytest.param(" \n", "no_output", id="white space"),
        pytest.param("There are 2 mugs.", "no_output", id="prose in which nothing begins"),
    ],
)
def test_outcomes_of_plain_completions(text: str, expected: str) -> None:
    assert outcome(judge(text, SCHEMA)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"<think>two</think>\n<answer>{RIGHT}</answer>", "obeys", id="both tags"),
        pytest.param(
            f"two</think><answer>\n{RIGHT}\n</answer>", "obeys", id="the opening think was the prompt's"
        ),
        pytest.param(f"<answer>no</answer><answer>{RIGHT}</answer>", "obeys", id="the last answer counts"),
        pytest.param(f"<answer>{RIGHT}</answer> So there.", "obeys", id="what follows is not judged"),
        pytest.param(f"<answer>{RIGHT}", "no_output", id="not closed"),
        pytest.param(f"{RIGHT}</answer>", "no_output", id="not opened"),
        pytest.param(f"<answer>{RIGHT}</answer><answer>", "no_output", id="opened again and cut off"),
        pytest.param(RIGHT, "no_output", id="no tags"),
        pytest.param("<answer></answer>", "no_output", id="an empty answer"),
        pytest.param('<answer>{"item"</answer>', "malformed", id="an answer that is not JSON"),
    ],
)
def test_outcomes_of_completions_that_think_first(text: str, expected: str) -> None:
    assert outcome(judge(text, SCHEMA, form="think")) == expected


def test_a_verdict_carries_the_text_that_was_judged() -> None:
    thought = f"<think>hm</think><answer> {RIGHT} </answer>"
    assert judge(thought, SCHEMA, form="think") == Obeys({"item": "mug", "count": 2}, RIGHT)
    assert judge(" no ", SCHEMA) == NoOutput("no")


def test_a_broken_schema_comes_with_everything_that_is_broken() -> None:
    verdict = judge('{"count": "two", "size": 1}', SCHEMA)
    assert isinstance(verdict, Violates)
    assert {(found.pointer, found.keyword) for found in verdict.violations} == {
        ("", "required"),
        ("/count", "type"),
        ("", "additionalProperties"),
    }


@pytest.mark.parametrize(
    ("text", "wrapping", "inside"),
    [
        pytest.param(f"```json\n{RIGHT}\n```", "fence", RIGHT, id="fence"),
        pytest.param(f"Sure:\n```\n{RIGHT}\n```\nBye", "fence", RIGHT, id="prose around a fence"),
        pytest.param(f"{RIGHT}\n```", "fence", RIGHT, id="a fence that only closes"),
        pytest.param(f"Sure: {RIGHT}", "prose", RIGHT, id="prose before"),
        pytest.param(f"{RIGHT} Bye", "prose", RIGHT, id="prose after"),
        pytest.param('Sure: {"item": ', "prose", None, id="prose before what is cut off"),
        pytest.param('{"item": "a ``` b", ', "none", None, id="a fence inside a string is none"),
        pytest.param('{"item": "mug" "count": 2}', "none", None, id="only broken"),
        pytest.param("12 mugs", "prose", "12", id="prose after a scalar"),
    ],
)
def test_what_stands_around_the_json_is_recognised(text: str, wrapping: str, inside: str | None) -> None:
    verdict = judge(text, SCHEMA)
    assert isinstance(verdict, Malformed)
    assert verdict.wrapping == wrapping
    sound = text[verdict.embedded.start : verdict.embedded.end]
    assert (sound if isinstance(verdict.embedded.parsed, Parsed) else None) == inside


@pytest.mark.parametrize(
    ("text", "position", "sound"),
    [
        pytest.param('{"item": "mug", oops}', 16, '{"item": "mug", ', id="up to the first error"),
        pytest.param(
            'Sure: {"item": "mug", oops}', 0, '{"item": "mug", ', id="counted from the start of the JSON"
        ),
        pytest.param('{"item": "mu', 12, '{"item": "mu', id="cut off: all of it"),
    ],
)
def test_a_malformed_answer_says_up_to_where_it_is_sound(text: str, position: int, sound: str) -> None:
    verdict = judge(text, SCHEMA)
    assert isinstance(verdict, Malformed)
    assert verdict.position == position
    assert text[verdict.embedded.start : verdict.embedded.end] == sound


PROSE = Schema.of({"type": "string"}, name="prose")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(" Two mugs.\n", Obeys("Two mugs.", "Two mugs."), id="a text is its own value"),
        pytest.param('{"a": 1}', Obeys('{"a": 1}', '{"a": 1}'), id="JSON is a text too"),
        pytest.param(" \n", NoOutput(""), id="nothing"),
        pytest.param("a\ud800", Obeys("a?", "a?"), id="half a surrogate pair is no text"),
    ],
)
def test_under_prose_every_text_is_an_answer(text: str, expected: Obeys | NoOutput) -> None:
    assert judge(text, PROSE, form="prose") == expected


JSONISH = st.text(alphabet='{}[]":, \n`-0123truefalsnabi<>/wer\\u')


@given(JSONISH | st.text(), st.sampled_from(["plain", "think"]))
def test_no_text_escapes_judgement(text: str, form: str) -> None:
    verdict = judge(text, SCHEMA, form="think" if form == "think" else "plain")
    assert outcome(verdict) in {"no_output", "malformed", "violates", "obeys"}
    assert verdict.answer in text
    if isinstance(verdict, Malformed):
        assert 0 <= verdict.embedded.start <= verdict.embedded.end <= len(verdict.answer)
