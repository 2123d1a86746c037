"""How near an answer comes to one that can be compared."""

import pytest

from adhere.config import Form
from adhere.records import JSON
from adhere.reward.hierarchical import attempt, share_of_keys
from adhere.reward.verdict import Malformed, NoOutput, judge
from adhere.schema import Schema

SCHEMA = Schema.of({"type": "object"})
TARGET: JSON = {"a": 1, "b": {"x": 1, "y": [1, 2]}}
"""Three fields: /a, /b/x and /b/y/*."""


def attempted(completion: str, *, form: Form = "plain") -> float:
    verdict = judge(completion, SCHEMA, form=form)
    assert isinstance(verdict, NoOutput | Malformed)
    return attempt(verdict, completion, form=form)


@pytest.mark.parametrize(
    ("completion", "form", "expected"),
    [
        pytest.param("Acme Corp", "plain", 0.0, id="nothing like JSON"),
        pytest.param("</think><answer></answer>", "plain", 0.0, id="tags that nobody asked for"),
        pytest.param("<think>", "think", 0.0, id="what the prompt wrote"),
        pytest.param("<think>hm</think>", "think", 0.05, id="one tag of three"),
        pytest.param("<think>hm</think><answer>", "think", 0.1, id="two tags"),
        pytest.param("<think>hm</think><answer>no</answer>", "think", 0.15, id="all tags, and prose"),
        pytest.param("<answer></think>", "think", 0.05, id="an order that is none"),
        pytest.param("{", "plain", 0.6, id="cut off: 0.2 + 0.4"),
        pytest.param('{"a": 1 "b"}', "plain", 0.2 + 0.4 * 8 / 12, id="8 of 12 characters are sound"),
        pytest.param('It is {"a": 1 "b"}', "plain", 0.2 + 0.4 * 8 / 18, id="8 of 18"),
        pytest.param("-", "plain", 0.2, id="begun, and no character is sound"),
        pytest.param('It is {"a": 1}', "plain", 0.6 + 0.4 * 8 / 14, id="whole, 8 of 14 characters"),
        pytest.param("<answer>{} ok</answer>", "think", 0.6 + 0.4 * 2 / 5, id="whole, 2 of 5, in its tags"),
    ],
)
def test_an_attempt_earns_by_how_far_it_got(completion: str, form: Form, expected: float) -> None:
    assert attempted(completion, form=form) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(TARGET, 1.0, id="the target"),
        pytest.param({"a": "no", "b": {"x": None, "y": ["q"]}}, 1.0, id="values may be anything"),
        pytest.param({"a": 1, "c": 1}, 2 / 4, id="the container and one field; another key is nothing"),
        pytest.param({"b": {"y": [1, 2, 3, 4]}}, 2 / 4, id="a list is one field"),
        pytest.param({"a": 1, "b": "x y"}, 2 / 4, id="a string does not stand for what an object holds"),
        pytest.param({}, 1 / 4, id="the container alone"),
        pytest.param([], 0.0, id="another container"),
        pytest.param("a", 0.0, id="none"),
    ],
)
def test_the_share_of_keys_counts_fields_and_the_container(answer: JSON, expected: float) -> None:
    assert share_of_keys(answer, TARGET) == expected


@pytest.mark.parametrize(
    ("answer", "target", "expected"),
    [
        pytest.param("a", 5, 1.0, id="neither is a container"),
        pytest.param([7], [1, 2], 1.0, id="two lists"),
        pytest.param([], [1], 0.5, id="an empty list has no items"),
        pytest.param([{"x": 1}], [{"x": 2, "y": 3}], 2 / 3, id="objects in lists"),
    ],
)
def test_the_share_of_keys_takes_any_target(answer: JSON, target: JSON, expected: float) -> None:
    assert share_of_keys(answer, target) == pytest.approx(expected)
