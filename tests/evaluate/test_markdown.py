import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from adhere.evaluate.compare import comparisons
from adhere.evaluate.evaluation import Evaluation
from adhere.evaluate.markdown import WORST, markdown
from adhere.evaluate.trust import trust
from adhere.records import JSON, Example

Evaluated = Callable[..., Evaluation]

WRONG = ['{"item": "jug", "count": 2, "sizes": [3]}', '{"item": "pot"}']
RIGHT = ['{"item": "mug", "count": 2}', '{"item": "pot", "count": 1}']


@pytest.fixture(scope="module")
def report(examples: list[Example], evaluated: Evaluated) -> str:
    """Before and after, with a run, comparisons and all the rest; blanks that do not break are blanks."""
    evaluations = {"before": evaluated(examples, WRONG), "after": evaluated(examples, RIGHT)}
    made = comparisons({name: [each.row for each in e.predictions] for name, e in evaluations.items()})
    steps: list[dict[str, JSON]] = [{"loss": 1.0 / step} for step in range(1, 5)]
    training = {"sft": steps}
    text = markdown("Mugs", evaluations, training=training, comparisons=made, meta={"command": "adhere x"})
    return text.replace("\u00a0", " ")


def table(report: str, title: str) -> list[list[str]]:
    """Cells of the first table under a title, its head first."""
    part = report.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [re.split(r" \| ", line.strip("| ")) for line in lines if ":--" not in line]


def test_the_first_lines_say_what_was_measured(report: str) -> None:
    title, sentence = report.split("\n\n")[:2]
    assert title == "# Mugs"
    assert sentence.startswith(
        "“after” is exactly right on 100.0 % of 2 rows (95 % interval 34.2 to 100.0), "
    )


def test_every_metric_has_its_interval(report: str) -> None:
    head, before, after = table(report, "Results")
    assert head[:2] == ["Obeys the schema", "Exactly right"]
    # `{"item": "pot"}` lacks a required key: 1 of 2 obey before.
    assert before[:2] == ["before", "50.0 % (9.5 to 90.5)"]
    assert after[:2] == ["after", "100.0 % (34.2 to 100.0)"]


def test_differences_have_interval_and_p(report: str) -> None:
    _, (pair, first, *_) = table(report, "Differences")
    assert pair == "after − before"
    assert re.fullmatch(r"≈ \+50\.0 \(.* to .*, p = 1\.000(, [\d,]+ rows)?\)", first)


def test_fields_kinds_of_leaves_and_keywords_are_told(report: str) -> None:
    # /item: mug answered jug, pot answered pot.
    assert ["`/item`", "50.0 % (9.5 to 90.5, n = 2)", "100.0 % (34.2 to 100.0, n = 2)"] in table(
        report, "Field by field"
    )
    assert table(report, "By type")[1][0] == "`integer`"
    # After, none of two breaks it, which an interval goes with too.
    assert table(report, "Schemas broken")[1] == [
        "`required`",
        "50.0 % (9.5 to 90.5, n = 2)",
        "0.0 % (0.0 to 65.8, n = 2)",
    ]


def test_a_run_is_told_by_its_ends(report: str) -> None:
    assert table(report, "Training")[1] == ["sft", "4", "loss", "1", "0.25"]


def test_the_worst_rows_are_listed(report: str) -> None:
    assert table(report, "Worst rows")[1:] == [
        ["`pot`", "breaks the schema, 50 % of leaves right", "exactly right"],
        ["`mugs`", "obeys the schema, 50 % of leaves right", "exactly right"],
    ]
    assert WORST >= 2


def test_how_it_was_made_stands_last(report: str) -> None:
    assert report.endswith("## How it was made\n\n- command: `adhere x`\n")


def test_what_was_not_measured_has_no_table(examples: list[Example], evaluated: Evaluated) -> None:
    text = markdown("t", {"only": evaluated([replace(examples[0], target=None)], RIGHT[:1])})
    titles = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert titles == ["Results", "Worst rows"]


def test_confidences_are_told(examples: list[Example], evaluated: Evaluated) -> None:
    made = evaluated(examples, RIGHT)
    sure = tuple(replace(each, confidence={"/item": 0.9, "/count": 0.6}) for each in made.predictions)
    text = markdown("t", {"only": replace(made, trust=trust(sure))})
    assert "Gap between confidence and share right `ece` | 25.0" in text


HOSTILE = "<b>*a*|b</b>\n# [x](y) `c`"


def test_hostile_text_is_no_markup(evaluated: Evaluated) -> None:
    example = Example(id=HOSTILE, text="x", schema="order", target={"item": "a|b", "count": 1, HOSTILE: 2})
    evaluation = evaluated([example], [json.dumps({"item": HOSTILE, "count": 2})])
    text = markdown(HOSTILE, {HOSTILE: evaluation, "b|c": evaluation}, meta={HOSTILE: HOSTILE, "a": "x|y"})
    assert not re.search(r"(?<!\\)[<>`]b", text)
    assert "\\<b\\>\\*a\\*\\|b\\</b\\> \\# \\[x\\](y) \\`c\\`" in text
    assert "- a: `x\\|y`" in text
    # Every line of a table has as many cells as its head.
    for _, lines in re.findall(r"(^|\n\n)((?:\|.*\n)+)", text):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines.splitlines()}) == 1


def test_the_same_arguments_give_the_same_text(examples: list[Example], evaluated: Evaluated) -> None:
    evaluations = {"only": evaluated(examples, RIGHT)}
    assert markdown("t", evaluations) == markdown("t", evaluations)
