"""Rows and their summary, by the worked example of docs/metrics.md and by counting in plain loops."""

import json
import random
import re
from fractions import Fraction
from pathlib import Path
from statistics import fmean

import pytest

from adhere.errors import EvaluationError
from adhere.measure.metrics import summary
from adhere.measure.row import Row, row
from adhere.measure.statistics import Mean, Undefined
from adhere.measure.tally import Tally
from adhere.records import JSON, Example
from adhere.reward.match import Match
from adhere.reward.verdict import judge
from adhere.schema import Schema

DOCS = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
SOURCE, TARGET, SUMMARY = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCS, re.DOTALL))
LINES = re.findall(r"^\| `(.*?)` \| (\d+) \| (\w+) \| (.+?) \| (.+?) \| (.+?) \|$", DOCS, re.MULTILINE)
SCHEMA = Schema.of(SOURCE)


def measured(answer: str, *, target: JSON = TARGET, tokens: int = 1, name: str = "1") -> Row:
    example = Example(id=name, text="", schema="x", target=target)
    return row(judge(answer, SCHEMA), example, SCHEMA, tokens=tokens)


def share(spelled: str) -> float | None:
    return None if spelled == "–" else float(Fraction(spelled))


def rounded(value: JSON) -> JSON:
    match value:
        case float():
            return round(value, 4)
        case dict():
            return {key: rounded(part) for key, part in value.items()}
        case _:
            return value


# -------------------------------------------------------------------------------------- the worked example


def test_the_documentation_shows_seven_answers() -> None:
    assert len(LINES) == 7


@pytest.mark.parametrize(("answer", "tokens", "outcome", "match_share", "f1", "noise"), LINES)
def test_each_answer_of_the_documentation_measures_as_it_says(
    answer: str, tokens: str, outcome: str, match_share: str, f1: str, noise: str
) -> None:
    found = measured(answer, tokens=int(tokens))
    assert (found.outcome, found.tokens) == (outcome, int(tokens))
    assert (found.match_share, found.f1, found.noise) == (share(match_share), share(f1), share(noise))


def test_the_answers_of_the_documentation_sum_up_as_it_says() -> None:
    rows = [
        measured(answer, tokens=int(tokens), name=str(number))
        for number, (answer, tokens, *_) in enumerate(LINES, 1)
    ]
    found = rounded(summary(rows).as_json())
    assert isinstance(found, dict)
    difficulties = found["difficulties"]
    assert isinstance(difficulties, dict)
    # All rows have the same target, so the other measures say the same.
    assert list(difficulties) == ["leaves", "depth", "arrays", "distractors", "characters"]
    assert found | {"difficulties": {"leaves": difficulties["leaves"]}} == SUMMARY


def test_the_documentation_names_every_number_of_a_summary() -> None:
    defined = set(re.findall(r"`(\w+)`", DOCS.split("## Example")[0]))
    assert set(SUMMARY) - {"rows"} <= defined


# ------------------------------------------------------------------------------------------------- one row


def test_an_answer_equal_to_the_target_is_exact() -> None:
    found = measured('{"tags": ["blue", "new"], "count": 2.0, "item": "mug"}')
    assert (found.exact, found.match_share, found.f1, found.noise) == (True, 1.0, 1.0, 0.0)
    assert (found.parses, found.obeys) == (True, True)


def test_an_answer_that_breaks_its_schema_still_has_its_right_leaves_counted() -> None:
    found = measured('{"item": "mug", "count": "2"}')
    assert (found.parses, found.obeys, found.exact) == (True, False, False)
    assert found.match_share == 1 / 4
    assert found.leaves["/count"] == Match(right=0, wrong=1, missing=0, invented=0)


def test_an_answer_in_a_fence_has_no_leaves_at_all() -> None:
    found = measured(f"```json\n{json.dumps(TARGET)}\n```")
    assert (found.parses, found.match_share) == (False, 0.0)
    assert found.leaves["/tags/*"] == Match(right=0, wrong=0, missing=2, invented=0)
    assert found.right == {}


def test_a_row_says_what_came_of_leaves_by_type_and_depth() -> None:
    answer = '{"item": "jug", "count": 2, "tags": ["new", "old", "x"], "size": {"a": {"b": {"c": {"d": 1}}}}}'
    found = measured(answer)
    assert found.types == {
        "string": Match(right=1, wrong=2, missing=0, invented=1),
        "integer": Match(right=1, wrong=0, missing=0, invented=1),
    }
    assert found.depths == {
        "1": Match(right=2, wrong=2, missing=0, invented=1),
        "4+": Match(right=0, wrong=0, missing=0, invented=1),
    }
    assert found.right == {
        "/item": False,
        "/count": True,
        "/tags/0": True,
        "/tags/1": False,
        "/tags/2": False,
        "/size/a/b/c/d": False,
    }


def test_a_row_says_how_hard_its_example_is_and_how_its_answer_breaks_the_schema() -> None:
    found = measured('{"item": "mug", "count": "2"}')
    assert (found.difficulty["leaves"], found.difficulty["depth"]) == ("4-9", "2")
    assert [(each.keyword, each.pointer) for each in found.violations] == [("type", "/count")]


def test_a_row_without_target_says_nothing_of_content() -> None:
    found = measured('{"item": "mug", "count": 2}', target=None, tokens=9)
    assert found == Row(
        example_id="1",
        outcome="obeys",
        tokens=9,
        exact=None,
        match_share=None,
        f1=None,
        noise=None,
        leaves={},
    )


def test_a_row_without_target_still_says_how_its_answer_breaks_the_schema() -> None:
    assert [each.keyword for each in measured('{"item": "mug"}', target=None).violations] == ["required"]


# ------------------------------------------------------------------------------------------------- summary


def test_rows_without_target_count_for_form_only() -> None:
    rows = [measured("{}"), measured("{}", target=None), measured("", target=None)]
    found = summary(rows)
    assert (found.rows, found.valid_json.hits, found.no_output.hits) == (3, 2, 1)
    assert found.exact is not None
    assert found.exact.tries == 1


def test_without_any_target_the_metrics_that_need_one_are_absent() -> None:
    spelled = summary([measured("{}", target=None)]).as_json()
    assert list(spelled) == ["rows", "no_output", "valid_json", "schema_valid", "tokens", "violations"]


def test_rows_without_target_count_among_those_that_break_a_keyword() -> None:
    found = summary([measured("{}"), measured("{}", target=None), measured("{")]).violations["required"]
    # Both lack both keys; the third is no JSON.
    assert (found.rows.hits, found.rows.tries, found.times) == (2, 2, 4)


def test_where_nothing_parses_the_match_of_parsed_rows_is_undefined_and_not_0() -> None:
    found = summary([measured("{"), measured("")])
    assert found.match_parsed == Undefined()
    spelled = found.as_json()
    assert spelled["match_parsed"] == {"mean": None, "low": None, "high": None, "n": 0}
    assert spelled["match_all"] == {"mean": 0.0, "low": 0.0, "high": 0.0, "n": 2}
    # No answer has a leaf, so precision is not defined; 0 of 8 are recalled.
    nothing = {"hits": 0, "tries": 0, "rate": None, "low": None, "high": None}
    assert spelled["precision"] == spelled["invented"] == nothing
    assert isinstance(found.leaves, Tally)
    assert (found.leaves.recall.hits, found.leaves.recall.tries) == (0, 8)
    assert spelled["violations"] == {}


def test_where_every_answer_is_empty_noise_is_undefined() -> None:
    assert summary([measured(""), measured(" ")]).noise == Undefined()


def test_a_field_that_no_target_has_has_no_rate() -> None:
    found = summary([measured('{"item": "mug", "count": 2, "size": "XL"}')])
    assert list(found.fields) == ["/count", "/item", "/tags/*"]
    assert found.leaves is not None
    assert (found.leaves.invented.hits, found.leaves.invented.tries) == (1, 3)
    assert found.invented_fields == {"/size": 1}


def test_of_the_fields_that_no_target_has_those_with_most_leaves_are_told() -> None:
    many = {f"x{number:02}": [0] * (2 if number == 21 else 1) for number in range(22)}
    found = summary([measured(json.dumps(many))]).invented_fields
    assert len(found) == 20
    assert list(found.items())[:2] == [("/x21/*", 2), ("/x00/*", 1)]


def test_rows_of_like_difficulty_are_told_apart() -> None:
    easy: JSON = {"item": "mug"}
    hard: JSON = {"item": "mug", "tags": [str(number) for number in range(12)]}
    rows = [measured(json.dumps(target), target=target) for target in (hard, easy, easy)]
    found = summary([*rows, measured("{", target=easy), measured("{}", target=None)]).difficulties["leaves"]
    assert list(found) == ["1-3", "10-19"]
    assert (found["1-3"].exact.hits, found["1-3"].exact.tries) == (2, 3)
    assert (found["1-3"].leaf_f1.hits, found["1-3"].leaf_f1.tries) == (4, 5)
    # 13 leaves on both sides.
    assert (found["10-19"].leaf_f1.hits, found["10-19"].leaf_f1.tries) == (26, 26)


def test_a_summary_of_no_rows_is_an_error() -> None:
    with pytest.raises(EvaluationError):
        summary([])


def test_the_seed_moves_the_intervals_and_nothing_else() -> None:
    rows = [measured(answer, tokens=int(tokens)) for answer, tokens, *_ in LINES] * 4
    one, same, other = (summary(rows, seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    assert isinstance(one.match_all, Mean)
    assert isinstance(other.match_all, Mean)
    assert one.match_all.mean == other.match_all.mean


def test_a_summary_agrees_with_counting_in_plain_loops() -> None:
    draw = random.Random(4)
    answers = [draw.choice([line[0] for line in LINES]) for _ in range(200)]
    targets: list[JSON] = [draw.choice([TARGET, TARGET, None]) for _ in answers]
    pairs = list(zip(answers, targets, strict=True))
    found = summary([measured(answer, target=target, tokens=len(answer)) for answer, target in pairs])
    right = {line[0]: share(line[3]) for line in LINES}
    labelled = [answer for answer, target in pairs if target is not None]
    parsed = [answer for answer in labelled if answer.endswith("}") and answer.startswith("{")]
    assert found.valid_json.hits == sum(answer.endswith("}") and answer.startswith("{") for answer in answers)
    assert found.no_output.hits == sum("{" not in answer for answer in answers)
    assert isinstance(found.tokens, Mean)
    assert found.tokens.mean == pytest.approx(fmean(map(len, answers)))
    assert found.exact is not None
    assert (found.exact.hits, found.exact.tries) == (labelled.count(LINES[0][0]), len(labelled))
    assert isinstance(found.match_all, Mean)
    assert found.match_all.mean == pytest.approx(fmean(right[answer] or 0.0 for answer in labelled))
    assert isinstance(found.match_parsed, Mean)
    assert (found.match_parsed.n, found.match_parsed.mean) == (
        len(parsed),
        pytest.approx(fmean(right[answer] or 0.0 for answer in parsed)),
    )
