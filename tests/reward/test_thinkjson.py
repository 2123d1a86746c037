"""ThinkJSON's two rewards, as its paper prints them."""

import json
import re
import time
from typing import get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adhere.config import Length
from adhere.records import JSON
from adhere.reward.thinkjson import format_reward, json_reward

PRINTED = re.compile(r"^<think>([^<]*(?:<(?!/?think>)[^<]*)*)</think>\n<answer>([\s\S]*?)</answer>$")
GOLD: JSON = {"a": {"x": 1, "y": [1, 2]}, "b": "two", "c": True, "d": None}


def rewarded(answer: str, *, target: JSON = GOLD, length: Length = "characters") -> float:
    return json_reward(f"<think></think>\n<answer>{answer}</answer>", target, length=length)


def said(**changes: JSON) -> str:
    assert isinstance(GOLD, dict)
    return json.dumps(GOLD | changes)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(said(), 1.0, id="the gold, with blanks"),
        pytest.param('{"d": null, "c": true, "b": "two", "a": {"y": [1, 2], "x": 1.0}}', 1.0, id="by value"),
        # (3/4 + 1) / 2 = .875
        pytest.param(said(a={"x": 1, "y": [2, 1]}), 0.9, id="a section with a list in another order is lost"),
        pytest.param(said(e=1), 0.8, id="a key too many: (4/5 + 51/57) / 2 = .847"),
        pytest.param(said(c=1), 0.8, id="true is not 1: (3/4 + 48/51) / 2 = .846"),
        pytest.param("{}", 0.0, id="(0/4 + 2/51) / 2 = .020"),
        pytest.param("", 0.0, id="nothing"),
        pytest.param("{'a': 1}", 0.0, id="not JSON"),
        pytest.param('{"a": 1, "a": 1}', 0.0, id="a repeated key is not JSON"),
        pytest.param('{"a": NaN}', 0.0, id="NaN is not JSON"),
    ],
)
def test_the_json_reward_compares_keys_at_the_top_and_lengths(answer: str, expected: float) -> None:
    assert len('{"a":{"x":1,"y":[1,2]},"b":"two","c":true,"d":null}') == 51
    assert rewarded(answer) == expected


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        pytest.param("characters", 0.2, id="(1/4 + 10/51) / 2 = .223"),
        pytest.param("keys", 0.2, id="(1/4 + 1/4) / 2 = .25, and Python rounds that to even"),
        pytest.param("leaves", 0.2, id="(1/4 + 1/6) / 2 = .208"),
    ],
)
def test_length_is_a_setting(length: Length, expected: float) -> None:
    assert rewarded('{"c":true}', length=length) == expected


@pytest.mark.parametrize(
    ("answer", "target", "length", "expected"),
    [
        pytest.param("[1, 2]", [1, 2], "keys", 1.0, id="an equal list counts as one equal key"),
        pytest.param("[1, 2]", [1, 3], "keys", 0.5, id="another list: (0/1 + 1/1) / 2"),
        pytest.param(
            "[1, 2]", {"a": 1}, "keys", 0.5, id="a list and an object share no key: (0/2 + 1/1) / 2"
        ),
        pytest.param("5", "5", "leaves", 0.5, id="a number and a string: (0/1 + 1/1) / 2"),
        pytest.param("{}", {}, "keys", 0.5, id="no keys: 0 as printed, and lengths of at least 1"),
        pytest.param("{}", {"a": 1, "b": 2}, "keys", 0.2, id="(0/2 + 1/2) / 2 = .25 is rounded to even"),
        pytest.param('{"a": 1}', {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}, "keys", 0.2, id="1/5"),
    ],
)
def test_what_the_paper_leaves_open(answer: str, target: JSON, length: Length, expected: float) -> None:
    assert rewarded(answer, target=target, length=length) == expected


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        pytest.param('<answer>{"a":1}</answer><answer>{}</answer>', 1.0, id="the first answer"),
        pytest.param('{"a":1}', 0.0, id="no tags"),
        pytest.param('<answer>{"a":1}', 0.0, id="an answer that does not end"),
        pytest.param('</answer><answer>{"a":1}</answer>', 1.0, id="an end before the start"),
    ],
)
def test_the_answer_stands_in_the_first_tags(completion: str, expected: float) -> None:
    assert json_reward(completion, {"a": 1}, length="characters") == expected


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        pytest.param("<think>hm</think>\n<answer>1</answer>", 1.0, id="with the tag that the prompt wrote"),
        pytest.param("hm</think>\n<answer>1</answer>", 1.0, id="without it"),
        pytest.param("<think>a < b</think>\n<answer></answer>", 1.0, id="an empty answer, and a less-than"),
        pytest.param("hm</think>\n<answer>1</answer>\n", 1.0, id="$ stands before a last line break"),
        pytest.param("hm</think>\n<answer>1</answer></answer>", 1.0, id="an answer goes on to the last tag"),
        pytest.param("hm</think>\n<answer>1</answer>\n\n", 0.0, id="two line breaks"),
        pytest.param("hm</think><answer>1</answer>", 0.0, id="no line break between"),
        pytest.param("<think><think>hm</think>\n<answer>1</answer>", 0.0, id="a thought in a thought"),
        pytest.param(
            " <think>hm</think>\n<answer>1</answer>", 0.0, id="a blank before: the tag is put twice"
        ),
        pytest.param("hm</think></think>\n<answer>1</answer>", 0.0, id="a thought that ends twice"),
        pytest.param("hm</think>\n<answer>1", 0.0, id="an answer that does not end"),
        pytest.param("", 0.0, id="nothing"),
    ],
)
def test_the_format_reward_goes_by_the_tags(completion: str, expected: float) -> None:
    assert format_reward(completion) == expected


PIECES = ["<think>", "</think>", "\n", "<answer>", "</answer>", "<", ">", "/", "think>", "a", " "]


@settings(max_examples=400)
@given(
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
    | st.builds(
        "{}<think>{}</think>{}<answer>{}</answer>{}".format,
        *[st.lists(st.sampled_from(PIECES), max_size=3).map("".join) for _ in range(5)],
    )
)
@example("</think>\n<answer></answer>")
def test_the_format_reward_is_that_of_the_printed_expression(completion: str) -> None:
    opened = completion if completion.startswith("<think>") else f"<think>{completion}"
    assert format_reward(completion) == float(PRINTED.search(opened) is not None)


@pytest.mark.parametrize(
    "completion",
    [
        pytest.param("<" * 1_000_000, id="less-than signs"),
        pytest.param("<think>" * 140_000, id="thoughts that never end"),
        pytest.param("<a" * 500_000 + "</think>\n<answer>" + "</answer>" * 1_000 + "x", id="no end"),
        pytest.param("</think>\n<answer>" + "\n" * 1_000_000, id="line breaks"),
        pytest.param("<answer>" * 125_000, id="answers that never end"),
    ],
)
def test_a_megabyte_takes_less_than_50_milliseconds(completion: str) -> None:
    seconds: list[float] = []
    for _ in range(3):
        began = time.process_time()
        assert format_reward(completion) == 0.0
        assert json_reward(completion, GOLD, length="characters") == 0.0
        seconds.append(time.process_time() - began)
    assert min(seconds) < 0.05


ANSWERS: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=6,
)


@given(ANSWERS, ANSWERS, st.sampled_from(get_args(Length)))
def test_the_json_reward_is_a_tenth_and_symmetric(one: JSON, other: JSON, length: Length) -> None:
    found = rewarded(json.dumps(one), target=other, length=length)
    assert found in {tenths / 10 for tenths in range(11)}
    assert found == rewarded(json.dumps(other), target=one, length=length)
