"""Rows and their summary, by the worked example of docs/metrics.md and by counting in plain loops."""

import json
import random
import re
from fractions import Fraction
from pathlib import Path
from statistics import fmean

import pytest

from adhere.errors import EvaluationError
from adhere.measure.metrics import Row, row, summary
from adhere.measure.statistics import Undefined
from adhere.records import JSON, Example
from adhere.reward.match import Match
from adhere.reward.verdict import judge
from adhere.schema import Schema

DOCS = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
SOURCE, TARGET, SUMMARY = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCS, re.DOTALL))
LINES = re.findall(r"^\| `(.*?)` \| (\d+) \| (\w+) \| (.+?) \| (.+?) \| (.+?) \|$", DOCS, re.MULTILINE)
SCHEMA = Schema.of(SOURCE)


def measured(answer: str, *, target: JSON = TARGET, tokens: int = 1) -> Row:
    return row(
        judge(answer, SCHEMA), Example(id="1", text="", schema="x", target=target), SCHEMA, tokens=tokens
    )


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
    rows = [measured(answer, tokens=int(tokens)) for answer, tokens, *_ in LINES]
    assert rounded(summary(rows).as_json()) == SUMMARY


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


# ------------------------------------------------------------------------------------------------- summary


def test_rows_without_target_count_for_form_only() -> None:
    rows = [measured("{}"), measured("{}", target=None), measured("", target=None)]
    found = summary(rows)
    assert (found.rows, found.valid_json.hits, found.no_output.hits) == (3, 2, 1)
    assert found.exact is not None
    assert found.exact.tries == 1


def test_without_any_target_the_metrics_that_need_one_are_absent() -> None:
    spelled = summary([measured("{}", target=None)]).as_json()
    assert list(spelled) == ["rows", "no_output", "valid_json", "schema_valid", "tokens"]


def test_where_nothing_parses_the_match_of_parsed_rows_is_undefined_and_not_0() -> None:
    found = summary([measured("{"), measured("")])
    assert found.match_parsed == Undefined()
    spelled = found.as_json()
    assert spelled["match_parsed"] == {"mean": None, "low": None, "high": None, "n": 0}
    assert spelled["match_all"] == {"mean": 0.0, "low": 0.0, "high": 0.0, "n": 2}
    # No answer has a leaf, so precision is not defined; 0 of 8 are recalled.
    assert spelled["leaves"] == {
        "right": 0,
        "wrong": 0,
        "missing": 8,
        "invented": 0,
        "precision": None,
        "recall": 0.0,
        "f1": 0.0,
    }


def test_where_every_answer_is_empty_noise_is_undefined() -> None:
    assert summary([measured(""), measured(" ")]).noise == Undefined()


def test_a_field_that_no_target_has_has_no_rate() -> None:
    found = summary([measured('{"item": "mug", "count": 2, "size": "XL"}')])
    assert list(found.fields) == ["/count", "/item", "/tags/*"]
    assert found.leaves is not None
    assert found.leaves.invented == 1


def test_a_summary_of_no_rows_is_an_error() -> None:
    with pytest.raises(EvaluationError):
        summary([])


def test_the_seed_moves_the_intervals_and_nothing_else() -> None:
    rows = [measured(answer, tokens=int(tokens)) for answer, tokens, *_ in LINES] * 4
    one, same, other = (summary(rows, seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    assert one.match_all is not None
    assert other.match_all is not None
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
    assert found.tokens.mean == pytest.approx(fmean(map(len, answers)))
    assert found.exact is not None
    assert (found.exact.hits, found.exact.tries) == (labelled.count(LINES[0][0]), len(labelled))
    assert found.match_all is not None
    assert found.match_all.mean == pytest.approx(fmean(right[answer] or 0.0 for answer in labelled))
    assert not isinstance(found.match_parsed, Undefined)
    assert found.match_parsed is not None
    assert (found.match_parsed.n, found.match_parsed.mean) == (
        len(parsed),
        pytest.approx(fmean(right[answer] or 0.0 for answer in parsed)),
    )
