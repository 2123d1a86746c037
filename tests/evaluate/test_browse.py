import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.evaluate.browse import INVENTED, browsed, worst
from adhere.evaluate.evaluation import Evaluation
from adhere.measure.prediction import judged
from adhere.measure.request import Request
from adhere.records import JSON, Example
from adhere.schema import Schema

Evaluated = Callable[..., Evaluation]

RIGHT = ['{"item": "mug", "count": 2}', '{"item": "pot", "count": 1}']
Told = tuple[dict[str, Any], list[dict[str, Any]]]  # Any: as json.loads returns it


def told(evaluations: dict[str, Evaluation], *, focus: str = "only", **given: Any) -> Told:  # Any: passed on
    head, rows = json.loads(browsed(evaluations, focus=focus, preset="fields", **given).script)
    return head, rows


def leaves(pieces: list[Any]) -> dict[str, dict[str, Any]]:
    return {piece["p"]: piece for piece in pieces if isinstance(piece, dict)}


def test_a_row_has_its_text_its_gold_and_each_answer(examples: list[Example], evaluated: Evaluated) -> None:
    head, rows = told({"only": evaluated(examples, RIGHT), "other": evaluated(examples, RIGHT)})
    assert head["names"] == ["only", "other"]
    assert [(row["id"], row["text"]) for row in rows] == [("mugs", "two mugs"), ("pot", "one pot")]
    assert [answer["outcome"] for row in rows for answer in row["answers"]] == ["exact"] * 4
    spelled = "".join(piece if isinstance(piece, str) else piece["t"] for piece in rows[0]["gold"])
    assert spelled == json.dumps(examples[0].target, indent=2)


def test_a_leaf_says_where_the_text_states_it(examples: list[Example], evaluated: Evaluated) -> None:
    _, (mugs, pot) = told({"only": evaluated(examples, RIGHT)})
    # `one pot`: the item stands at 4, the count at 0.
    assert leaves(pot["gold"])["/item"]["s"] == [4, 7]
    assert leaves(pot["gold"])["/count"]["s"] == [0, 3]
    assert leaves(pot["answers"][0]["pieces"])["/item"]["s"] == [4, 7]
    # `two mugs` does not say `mug`.
    assert "s" not in leaves(mugs["gold"])["/item"]


def test_a_span_that_the_row_gives_is_taken(evaluated: Evaluated) -> None:
    example = Example(
        id="row",
        text="pot, pot",
        schema="order",
        target={"item": "pot", "count": 1},
        meta={"spans": {"/item": [5, 8]}},
    )
    _, (row,) = told({"only": evaluated([example], RIGHT[1:])})
    assert leaves(row["gold"])["/item"]["s"] == [5, 8]


def test_a_wrong_leaf_says_what_is_right(examples: list[Example], evaluated: Evaluated) -> None:
    answer = '{"item": "jug", "count": 2, "sizes": [3]}'
    head, rows = told({"only": evaluated(examples[:1], [answer])})
    (made,) = rows[0]["answers"]
    assert leaves(made["pieces"])["/item"] | {"f": "wrong", "g": '"mug"'} == leaves(made["pieces"])["/item"]
    assert leaves(made["pieces"])["/count"]["f"] == "right"
    assert leaves(made["pieces"])["/sizes/0"]["f"] == "invented"
    # Fields that only answers have are one: a model can make up any number of them.
    assert [head["fields"][at] for at in made["wrong"]] == ["/item", INVENTED]
    assert (made["right"], made["leaves"]) == (1, 2)


def test_in_a_list_without_order_no_right_leaf_is_told(evaluated: Evaluated) -> None:
    gold: JSON = {"item": "mug", "count": 3, "gifts": [{"to": "Ann", "count": 1}, {"to": "Bob", "count": 2}]}
    answer = json.dumps({"item": "pot", "count": 3, "gifts": [{"to": "Bob", "count": 9}]})
    _, (row,) = told({"only": evaluated([Example(id="g", text="", schema="order", target=gold)], [answer])})
    found = leaves(row["answers"][0]["pieces"])
    # The answer's first gift is held against the gold's second; the gold's first, at its place, is missing.
    assert (found["/gifts/0/count"]["f"], found["/gifts/0/count"].get("g")) == ("wrong", None)
    assert found["/item"]["g"] == '"mug"'
    assert row["answers"][0]["notes"] == ["misses /gifts/*/to, /gifts/*/count"]


@pytest.mark.parametrize(
    ("answer", "outcome", "broken", "notes"),
    [
        pytest.param('{"item": "mug", "count": oops', "malformed", "oops", 1, id="breaks off"),
        pytest.param("no idea", "no_output", "no idea", 0, id="no JSON"),
        pytest.param('{"item": "pot"}', "violates", None, 2, id="lacks a key"),
        pytest.param('{"item": "pot", "count": 1}', "obeys", None, 0, id="obeys and is wrong"),
        pytest.param("", "no_output", None, 0, id="nothing"),
    ],
)
def test_an_answer_has_its_outcome_and_what_is_broken(
    answer: str, outcome: str, broken: str | None, notes: int, examples: list[Example], evaluated: Evaluated
) -> None:
    _, (row,) = told({"only": evaluated(examples[:1], [answer])})
    (made,) = row["answers"]
    assert (made["outcome"], made.get("broken"), len(made.get("notes", []))) == (outcome, broken, notes)


def test_only_the_first_violations_are_listed(examples: list[Example], evaluated: Evaluated) -> None:
    # Ten items that are no integers break the schema ten times.
    answer = json.dumps({"item": "mug", "count": 2, "sizes": ["x"] * 10})
    _, (row,) = told({"only": evaluated(examples[:1], [answer])})
    notes = row["answers"][0]["notes"]
    assert (len(notes), notes[-1]) == (6, "and 5 more")


def test_a_reward_stands_with_its_parts(examples: list[Example], evaluated: Evaluated) -> None:
    _, (row,) = told({"only": evaluated(examples[:1], RIGHT[:1])})
    assert row["answers"][0]["reward"] == 1.0
    assert row["answers"][0]["parts"] == {"parses": 1.0, "obeys": 1.0, "matches": 1.0}


def test_a_row_without_a_target_has_no_gold_and_no_reward_that_needs_one(evaluated: Evaluated) -> None:
    unlabelled = {"only": evaluated([Example(id="row", text="two mugs", schema="order")], RIGHT[:1])}
    _, (row,) = told(unlabelled)
    assert "gold" not in row
    assert not {"reward", "parts", "leaves", "wrong"} & row["answers"][0].keys()
    _, (row,) = json.loads(browsed(unlabelled, focus="only", preset="schema").script)
    assert row["answers"][0]["reward"] == 1.0


def test_what_stands_around_an_answer_is_kept(examples: list[Example], order: Schema) -> None:
    written = f"<think>hm</think>\n<answer>{RIGHT[0]}</answer>"
    made = Evaluation(
        {"rows": 1, "constrained": False},
        (judged(written, examples[0], order, form="think", tokens=9, finished=False),),
    )
    _, (row,) = told({"only": made})
    assert (row["answers"][0]["outcome"], row["answers"][0]["raw"]) == ("exact", written)
    assert row["answers"][0]["notes"] == ["cut off by the token limit"]


def test_a_request_that_failed_says_how(examples: list[Example], evaluated: Evaluated) -> None:
    made = evaluated(examples[:1], [""])
    request = Request(key="k", cause="timeout", message="no reply in 30 s")
    asked = replace(made.predictions[0], request=request)
    _, (row,) = told({"only": replace(made, predictions=(asked,))})
    assert row["answers"][0]["notes"] == ["request failed (timeout): no reply in 30 s"]


def test_further_samples_and_confidences_are_told(examples: list[Example], evaluated: Evaluated) -> None:
    first, second = (evaluated(examples[:1], [each]).predictions[0] for each in (RIGHT[0], "no idea"))
    sure = replace(first, confidence={"/item": 0.9}, others=(second,))
    _, (row,) = told({"only": replace(evaluated(examples[:1], RIGHT[:1]), predictions=(sure,))})
    (made,) = row["answers"]
    assert made["others"] == [["no_output", "no idea"]]
    assert leaves(made["pieces"])["/item"]["c"] == 0.9
    assert "c" not in leaves(made["pieces"])["/count"]


@pytest.mark.parametrize(
    ("other", "differ"),
    [
        pytest.param('{"count": 2.0, "item": "mug"}', None, id="the same value, spelled otherwise"),
        pytest.param('{"item": "mug", "count": 3}', True, id="another value"),
        pytest.param("no idea", True, id="none"),
    ],
)
def test_models_disagree_where_their_values_do(
    other: str, differ: Literal[True] | None, examples: list[Example], evaluated: Evaluated
) -> None:
    _, (row,) = told({"only": evaluated(examples[:1], RIGHT[:1]), "b": evaluated(examples[:1], [other])})
    assert row.get("differ") == differ


ORDERED = ["no idea", '{"item": oops', '{"item": 1}', '{"item": "jug", "count": 3}', RIGHT[0]]
"""Answers to two mugs, the worst first."""


def of_five(evaluated: Evaluated, answers: list[str]) -> Evaluation:
    asked = [
        Example(id=str(at), text="two mugs", schema="order", target={"item": "mug", "count": 2})
        for at in range(5)
    ]
    return evaluated(asked, answers)


def test_the_worst_answers_come_first(evaluated: Evaluated) -> None:
    made = {"only": of_five(evaluated, ORDERED[::-1])}
    assert [row["id"] for row in told(made)[1]] == ["4", "3", "2", "1", "0"]
    assert [answers[0].example.id for answers in worst(made, "only", 2)] == ["4", "3"]


def test_rows_alike_in_the_focus_are_ranked_by_the_others(evaluated: Evaluated) -> None:
    made = {"only": of_five(evaluated, [RIGHT[0]] * 5), "other": of_five(evaluated, ORDERED[::-1])}
    assert [row["id"] for row in told(made)[1]] == ["4", "3", "2", "1", "0"]


def test_where_not_all_rows_fit_the_worst_of_each_model_are_shown(evaluated: Evaluated) -> None:
    made = {"only": of_five(evaluated, ORDERED), "other": of_five(evaluated, ORDERED[::-1])}
    found = browsed(made, focus="only", preset="fields", most_rows=3)
    # In turn: the worst of the one, that of the other, and the second worst of the one.
    assert [row["id"] for row in json.loads(found.script)[1]] == ["0", "1", "4"]
    assert (found.rows, found.total) == (3, 5)


def test_rows_take_no_more_characters_than_they_may(evaluated: Evaluated) -> None:
    made = {"only": of_five(evaluated, ORDERED)}
    assert browsed(made, focus="only", preset="fields", most_characters=10).rows == 1
    whole = len(browsed(made, focus="only", preset="fields").script)
    assert 1 < browsed(made, focus="only", preset="fields", most_characters=whole // 2).rows < 5


@settings(max_examples=40)
@given(st.text(max_size=20) | st.sampled_from(["</script><script>", "<!--", "\ud800", "\u2028", "&lt;"]))
def test_any_text_may_stand_in_a_script(evaluated: Evaluated, text: str) -> None:
    example = Example(id=text, text=text, schema="order", target={"item": text, "count": 1})
    made = {text: evaluated([example], [json.dumps({"item": text, "count": 2})])}
    script = browsed(made, focus=text, preset="fields").script
    assert not set(script) & {"<", ">", "&", "\u2028", "\u2029"}
    head, rows = json.loads(script.encode())
    assert (head["names"], rows[0]["id"], rows[0]["text"]) == ([text], text, text)
