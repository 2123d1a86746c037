"""What stands around the JSON is named, and the JSON is found; neither is forgiven."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.config import Form, Preset, Scoring
from adhere.errors import ConfigError
from adhere.records import Example
from adhere.reward.score import score
from adhere.reward.verdict import Malformed, NoOutput, Obeys, Violates, bare, judge
from adhere.reward.wrapping import after_thought, between_tags
from adhere.schema import Schema

SCHEMA = Schema.of(
    {
        "type": "object",
        "properties": {"item": {"type": "string"}, "count": {"type": "integer"}},
        "required": ["item", "count"],
        "additionalProperties": False,
    }
)
GOLD = {"item": "mug", "count": 2}
RIGHT = json.dumps(GOLD)
ROW = Example(id="1", text="We need 2 of the blue mug.", schema="mugs", target={"item": "mug", "count": 2})


@pytest.mark.parametrize(
    ("text", "wrapping", "inside"),
    [
        pytest.param(f"```json\n{RIGHT}\n```", "fence", RIGHT, id="a fence"),
        pytest.param(f"```\n{RIGHT}", "fence", RIGHT, id="a fence that never closes"),
        pytest.param(f"```json5 title=x\n{RIGHT}\n```", "fence", RIGHT, id="a fence with more on its line"),
        pytest.param(f"[note]\n```json\n{RIGHT}\n```", "fence", RIGHT, id="a bracket that is no list before"),
        pytest.param('```json\n"[x]"\n```', "fence", '"[x]"', id="a string in a fence"),
        pytest.param(f"Sure [x]: {RIGHT}", "prose", RIGHT, id="brackets in the prose"),
        pytest.param(f"Sure {{oops}}: {RIGHT}", "prose", RIGHT, id="braces in the prose"),
        pytest.param(f"- {RIGHT}", "prose", RIGHT, id="a bullet"),
        pytest.param(f"2 mugs: {RIGHT}", "prose", RIGHT, id="a number before"),
        pytest.param("12 mugs", "prose", "12", id="a scalar and prose"),
        pytest.param(RIGHT + RIGHT, "prose", RIGHT, id="twice: the first"),
        pytest.param(f"{RIGHT}\n[1]", "prose", RIGHT, id="two documents: the first"),
        pytest.param(f"{RIGHT} <think>hm", "prose", RIGHT, id="a thought after the JSON is other text"),
        pytest.param(f"Sure {RIGHT} <think>hm", "prose", RIGHT, id="also after prose"),
        pytest.param(f"<think>hm</think>\n{RIGHT}", "think", RIGHT, id="a thought"),
        pytest.param(f"<think>maybe {{}}</think>{RIGHT}", "think", RIGHT, id="a thought with braces"),
        pytest.param(f'so {{"a": 1}}</think>{RIGHT}', "think", RIGHT, id="a thought that the prompt opened"),
        pytest.param(f"<think>a</think>```json\n{RIGHT}```", "think", RIGHT, id="a thought and a fence"),
        pytest.param(f"<think>a</think><answer>{RIGHT}</answer>", "think", RIGHT, id="a thought and tags"),
        pytest.param(f"<answer>{RIGHT}</answer>", "answer", RIGHT, id="tags"),
        pytest.param(f"<answer>{RIGHT}", "answer", RIGHT, id="a tag that never closes"),
        pytest.param(f"{RIGHT}</answer>", "answer", RIGHT, id="a tag that only closes"),
        pytest.param(f"<answer>[]</answer><answer>{RIGHT}</answer>", "answer", RIGHT, id="the last tags"),
        pytest.param(f"<answer>none</answer>{RIGHT}", "answer", RIGHT, id="tags around something else"),
        pytest.param(f"<answer>```{RIGHT}```</answer>", "answer", RIGHT, id="a fence in tags"),
        pytest.param(f"<answer>{RIGHT[:-1]}</answer>", "answer", None, id="JSON that breaks off in tags"),
        pytest.param(
            f"<think>a</think>{RIGHT[:-1]}", "think", None, id="JSON that breaks off after a thought"
        ),
        pytest.param(f"Sure: {RIGHT[:-1]}", "prose", None, id="JSON that breaks off after prose"),
        pytest.param("{'item': {\"a\": 1}}", "none", None, id="quotes that JSON has not"),
        pytest.param('{"item": "<think>" oops', "none", None, id="a tag inside the JSON is none around it"),
        pytest.param("{oops}", "none", None, id="only a brace"),
        pytest.param("Sure [oops", "prose", None, id="only a bracket, after prose"),
        pytest.param('"mug', "none", None, id="a string that breaks off"),
    ],
)
def test_what_stands_around_the_json_of_a_plain_answer(text: str, wrapping: str, inside: str | None) -> None:
    verdict = judge(text, SCHEMA)
    assert isinstance(verdict, Malformed)
    assert verdict.wrapping == wrapping
    found = verdict.answer[verdict.embedded.start : verdict.embedded.end]
    assert (found if verdict.embedded.parsed else None) == inside


def test_json_inside_a_json_string_is_a_string() -> None:
    verdict = judge(json.dumps(RIGHT), SCHEMA)
    assert isinstance(verdict, Violates)
    assert (verdict.value, verdict.wrapping) == (RIGHT, "none")


@pytest.mark.parametrize(
    ("text", "form", "wrapping"),
    [
        pytest.param("<think>Two mugs, so", "plain", "think", id="a thought that was cut off"),
        pytest.param('<think>Maybe {"item": 1}', "plain", "think", id="also with JSON in it"),
        pytest.param("<think>Two mugs, so", "think", "think", id="in its own form"),
        pytest.param(f"<think>{RIGHT}", "think", "think", id="with the answer in it"),
        pytest.param(f"<think>so</think><answer>{RIGHT}", "think", "answer", id="an answer that was cut off"),
        pytest.param("<answer>Two", "plain", "answer", id="tags that were cut off, in plain form"),
        pytest.param("<think>Two mugs.</think>", "plain", "none", id="a thought and nothing else"),
        pytest.param("<think>so {}</think> No.", "plain", "none", id="a thought and prose"),
        pytest.param("<answer>No.</answer>", "think", "none", id="an answer without JSON"),
        pytest.param("<answer></answer>", "think", "none", id="an empty answer"),
        pytest.param(RIGHT, "think", "none", id="no tags"),
        pytest.param("Two mugs.", "plain", "none", id="prose"),
        pytest.param(
            "```json\n5\n```", "plain", "none", id="a number in a fence: only brackets are searched for"
        ),
        pytest.param("", "plain", "none", id="nothing"),
    ],
)
def test_output_that_was_cut_off_is_told_from_none(text: str, form: Form, wrapping: str) -> None:
    verdict = judge(text, SCHEMA, form=form)
    assert isinstance(verdict, NoOutput)
    assert verdict.wrapping == wrapping


@pytest.mark.parametrize(
    ("text", "wrapping"),
    [
        pytest.param(f"<think>two</think>\n<answer>{RIGHT}</answer>", "none", id="as asked for"),
        pytest.param(f"two</think><answer>{RIGHT}</answer>", "none", id="the prompt opened the thought"),
        pytest.param(f"<think>two<answer>{RIGHT}</answer>", "none", id="the thought never ends"),
        pytest.param(f"<answer>{RIGHT}</answer>", "none", id="no thought"),
        pytest.param(f"Well. <think>two</think><answer>{RIGHT}</answer>", "prose", id="before the thought"),
        pytest.param(f"Well, two. <answer>{RIGHT}</answer>", "prose", id="instead of a thought"),
        pytest.param(f"<think>two</think> So: <answer>{RIGHT}</answer>", "prose", id="after the thought"),
        pytest.param(f"<answer>{RIGHT}</answer> Bye.", "prose", id="after the answer"),
        pytest.param(
            f"<think>x</think>```<answer>{RIGHT}</answer>```", "fence", id="a fence around the tags"
        ),
        pytest.param(
            f"<answer>no</answer><answer>{RIGHT}</answer>", "answer", id="an answer before the last"
        ),
    ],
)
def test_what_stands_outside_the_tags_is_named_and_costs_nothing(text: str, wrapping: str) -> None:
    verdict = judge(text, SCHEMA, form="think")
    assert isinstance(verdict, Obeys)
    assert verdict.wrapping == wrapping
    scored = score(text, ROW, SCHEMA, form="think")
    assert (scored.total, scored.wrapping) == (1.0, wrapping)


def test_what_stands_inside_the_tags_is_named_before_what_stands_outside() -> None:
    fenced = judge(f"Well. <answer>```{RIGHT}```</answer>", SCHEMA, form="think")
    broken = judge(f"Well. <answer>{RIGHT[:-1]}</answer>", SCHEMA, form="think")
    assert isinstance(fenced, Malformed)
    assert isinstance(broken, Malformed)
    assert (fenced.wrapping, broken.wrapping) == ("fence", "prose")
    assert between_tags("no tags") == ("", "none")


# ---------------------------------------------------------------------------------------------- what it costs

FENCED = f"```json\n{RIGHT}\n```"


@pytest.mark.parametrize(
    ("text", "preset", "wrapped", "expected"),
    [
        pytest.param(FENCED, "fields", 0.0, 0.0, id="by default all"),
        pytest.param(FENCED, "fields", 0.5, 0.5, id="half of a whole reward"),
        pytest.param(FENCED, "fields", 1.0, 1.0, id="nothing, where that is the setting"),
        pytest.param(FENCED, "schema", 0.5, 0.5, id="of the form alone"),
        pytest.param(FENCED, "grounded", 0.5, 0.5, id="of what the text states"),
        pytest.param(FENCED, "prefix", 0.5, 0.5, id="of what comes before the first fault"),
        pytest.param(FENCED, "hierarchical", 0.5, 0.5, id="of what is paid by levels"),
        pytest.param('Sure: {"item": "jug", "count": 2}', "fields", 0.5, 0.325, id=".5 · (.3 + .7 · 2/4)"),
        pytest.param('Sure: {"item": "mug"}', "fields", 0.5, 0.1, id="a key missing: .5 · (.1 + .2 · 1/2)"),
        pytest.param('Sure: {"item": "mug"', "fields", 0.5, 0.0, id="JSON that breaks off"),
        pytest.param(RIGHT + RIGHT, "fields", 0.5, 0.5, id="JSON twice"),
        pytest.param("No mug.", "fields", 1.0, 0.0, id="no JSON"),
    ],
)
def test_the_share_that_wrapped_json_keeps_is_a_setting(
    text: str, preset: Preset, wrapped: float, expected: float
) -> None:
    scored = score(text, ROW, SCHEMA, preset=preset, scoring=Scoring(wrapped=wrapped))
    assert scored.total == pytest.approx(expected)
    assert scored.outcome in {"malformed", "no_output"}


@pytest.mark.parametrize("wrapped", [-0.1, 1.1, math.nan])
def test_a_share_is_a_share(wrapped: float) -> None:
    with pytest.raises(ConfigError, match=r"scoring.wrapped = .*: it is a share of the reward. Use 0 to 1."):
        Scoring(wrapped=wrapped)


def test_what_was_kept_shows_in_the_parts() -> None:
    scored = score(FENCED, ROW, SCHEMA, scoring=Scoring(wrapped=0.5))
    assert scored.parts == {"parses": 0.5, "obeys": 0.5, "matches": 0.5}
    assert scored.wrapping == "fence"
    assert score(RIGHT, ROW, SCHEMA).wrapping == "none"


def test_what_a_preset_pays_for_wrapped_json_by_itself_is_never_taken_away() -> None:
    # Without the setting `hierarchical` pays .1 · (.6 + .4 · 26/38); a hundredth of 1 is less.
    paid = score(FENCED, ROW, SCHEMA, preset="hierarchical").total
    assert (
        score(FENCED, ROW, SCHEMA, preset="hierarchical", scoring=Scoring(wrapped=0.01)).total == paid > 0.01
    )


@pytest.mark.parametrize("preset", ["thinkjson", "rubric"])
def test_presets_with_a_form_of_their_own_do_not_ask_for_it(preset: Preset) -> None:
    row = Example(
        id="1",
        text="",
        schema="mugs",
        target={"item": "mug", "count": 2},
        meta={"rubric": [{"aspect": "accuracy", "check": "contains", "value": "jug"}]},
    )
    assert score(FENCED, row, SCHEMA, preset=preset, scoring=Scoring(wrapped=1.0)).total == 0.0


def test_json_that_breaks_off_has_nothing_to_be_judged_alone() -> None:
    whole, broken = judge(FENCED, SCHEMA), judge(f"```{RIGHT[:-1]}", SCHEMA)
    assert isinstance(whole, Malformed)
    assert isinstance(broken, Malformed)
    assert bare(whole, SCHEMA) == Obeys({"item": "mug", "count": 2}, RIGHT, "fence")
    assert bare(broken, SCHEMA) is None


ANSWERS = st.sampled_from(
    [RIGHT, '{"item": "jug", "count": 2}', '{"item": "mug"}', "[1]", RIGHT[:-4], "5", "no"]
)
AROUND = st.sampled_from(
    ["", "```json\n", "\n```", "Sure: ", "<think>", "</think>", "<answer>", "</answer>", RIGHT, " [1] ", "{"]
)


@given(st.lists(AROUND, max_size=3), ANSWERS, st.lists(AROUND, max_size=3), st.sampled_from([0.0, 0.5, 1.0]))
def test_wrapped_json_is_never_paid_better_than_the_best_plain_answer(
    before: list[str], answer: str, after: list[str], wrapped: float
) -> None:
    text = f"{''.join(before)}{answer}{''.join(after)}"
    for preset in ("schema", "fields", "grounded", "hierarchical"):
        scored = score(text, ROW, SCHEMA, preset=preset, scoring=Scoring(wrapped=wrapped))
        assert 0.0 <= scored.total <= 1.0
        verdict = judge(text, SCHEMA)
        if isinstance(verdict, Malformed):
            alone = verdict.answer[verdict.embedded.start : verdict.embedded.end]
            assert scored.total <= max(score(alone, ROW, SCHEMA, preset=preset).total, 0.1)


@pytest.mark.parametrize(
    ("answer", "rest"),
    [
        pytest.param(RIGHT, RIGHT, id="none"),
        pytest.param(f"<think>hm</think>\n{RIGHT} ", RIGHT, id="a thought"),
        pytest.param(f"<think>{RIGHT}</think>{RIGHT}", RIGHT, id="one with JSON in it"),
        pytest.param(f"so {RIGHT}</think>{RIGHT}", RIGHT, id="one that the prompt opened"),
        pytest.param(f"Well. <think>hm</think>{RIGHT}", RIGHT, id="words before it"),
        pytest.param(f"<think>hm {RIGHT}", f"<think>hm {RIGHT}", id="one that never ends"),
        pytest.param(f"{RIGHT}<think>hm</think>[]", f"{RIGHT}<think>hm</think>[]", id="one after the JSON"),
        pytest.param(
            f"Sure {RIGHT} <think>hm</think>1", f"Sure {RIGHT} <think>hm</think>1", id="also in prose"
        ),
        pytest.param('{"item": "</think>', '{"item": "</think>', id="in a string"),
        pytest.param("<think>hm</think>", "", id="nothing else"),
    ],
)
def test_a_thought_is_left_out(answer: str, rest: str) -> None:
    assert after_thought(answer) == rest
