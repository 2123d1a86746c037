"""Violations by keyword."""

from adhere.measure.broken import UNEXPLAINED, Broken, broken
from adhere.measure.statistics import Rate
from adhere.schema import Violation


def breaks(keyword: str, pointer: str) -> Violation:
    return Violation(pointer, keyword, "no")


def test_a_keyword_counts_once_an_answer_and_every_time() -> None:
    answers = [
        ("a", (breaks("type", "/x"), breaks("type", "/y"), breaks("required", ""))),
        ("b", (breaks("type", "/z"),)),
    ]
    assert broken(answers, 5) == {
        "type": Broken(rows=Rate(2, 5), times=3, example_id="a", pointer="/x"),
        "required": Broken(rows=Rate(1, 5), times=1, example_id="a", pointer=""),
    }


def test_keywords_stand_by_how_many_answers_break_them_and_then_by_name() -> None:
    answers = [("a", (breaks("type", ""), breaks("enum", ""))), ("b", (breaks("required", ""),) * 9)]
    answers.append(("c", (breaks("required", ""),)))
    assert list(broken(answers, 3)) == ["required", "enum", "type"]


def test_an_answer_that_is_too_large_to_explain_is_counted_as_such() -> None:
    assert broken([("a", (breaks("", ""),))], 1)[UNEXPLAINED].rows == Rate(1, 1)


def test_where_no_answer_breaks_a_keyword_there_is_nothing_to_say() -> None:
    assert broken([], 0) == {}


def test_it_is_spelled_as_a_rate_with_an_example() -> None:
    spelled = Broken(rows=Rate(1, 1), times=2, example_id="a", pointer="/x").as_json()
    assert spelled == Rate(1, 1).as_json() | {"times": 2, "example": {"id": "a", "pointer": "/x"}}
