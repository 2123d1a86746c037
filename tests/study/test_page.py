"""A study's report: what is in the summary, in words, and nothing else."""

from typing import cast

import pytest

from adhere.records import JSON
from adhere.study.page import in_short, page


def rate(hits: int, tries: int) -> dict[str, JSON]:
    return {"hits": hits, "tries": tries, "rate": hits / tries, "low": 0.1, "high": 0.9}


def evaluation(*, exact: int, noise: float = 0.01) -> dict[str, JSON]:
    mean: dict[str, JSON] = {"mean": noise, "low": 0.0, "high": 0.02, "n": 100}
    return {"valid_json": rate(90, 100), "exact": rate(exact, 100), "noise": mean, "seconds": 60.0}


def compared(metric: str, difference: float, p: float, *, detectable: float | None = 0.05) -> dict[str, JSON]:
    return {
        "metric": metric, "evaluation": "trained", "baseline": "shipped", "difference": difference,
        "low": difference - 0.1, "high": difference + 0.1, "n": 100, "p": p / 2, "p_holm": p,
        "detectable": detectable, "rows_needed": 10,
    }  # fmt: skip


def stage(**settings: JSON) -> dict[str, JSON]:
    told: dict[str, JSON] = {"verb": "sft", "from": "nano", "data": "d", "form": "plain", "steps": 5}
    return {**told, "seconds": 90.0, "tokens": 1200, "stopped": False, "final": {}, **settings}


def summary(**settings: JSON) -> dict[str, JSON]:
    facts: dict[str, JSON] = {
        "rows": 100, "schemas": 7, "cluster": "text", "clusters": 100, "characters": 330.5, "leaves": 22.0,
        "open_leaves": 5.0,
    }  # fmt: skip
    told: dict[str, JSON] = {
        "title": "A study",
        "about": "About it.\n",
        "command": "adhere study s.toml --out o",
        "data": {
            "made": {"verb": "synth", "rows": 2000, "held_out": 100, "seconds": 3.0},
            "traced": {"verb": "reason", "kept": 150, "held_out": 50, "seconds": 1.0},
        },
        "stages": {
            "warm": stage(),
            "trained": stage(verb="grpo", reward="fields", constrain=True, form="think", **{"from": "warm"}),
        },
        "contestants": {
            "shipped": {"title": "as shipped", "stages": [], "form": "plain"},
            "trained": {"title": "after | both", "stages": ["warm", "trained"], "form": "think"},
        },
        "held_out": {"rows": facts},
        "evaluations": {
            "rows": {
                "shipped": evaluation(exact=40, noise=0.002),
                "trained": evaluation(exact=60),
                "trained, constrained": evaluation(exact=70),
            }
        },
        "questions": {"Does it help?": ["trained", "shipped"]},
        "comparisons": {
            "rows": [compared("exact", 0.2, 0.01), compared("noise", 0.01, 0.2, detectable=None)]
        },
        "goals": {
            "valid_json": ["at least", 0.99],
            "noise": ["at most", 0.0027],
            "exact, constrained": ["at least", 0.7],
        },
        "published": {"others": {"match_all": 62.41, "noise": 0.27}},
        "seconds": 240.0,
        "versions": {"adhere": "1"},
        "report": "o/report.md",
    }
    return told | settings


def text(**settings: JSON) -> str:
    return page(summary(**settings), figures="figures")


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("# A study\n\nAbout it.\n\n```sh\nadhere study s.toml --out o\n```", id="head"),
        pytest.param("100 held-out rows; schemas: 7. On average a text has 330.5 characters", id="rows"),
        pytest.param("of which the schema leaves 5 open", id="what is fixed"),
        pytest.param("| after \\| both, constrained |", id="a bar in a cell"),
        pytest.param("40.0\u00a0% [10.0\u00a0to\u00a090.0]", id="a number with its interval"),
        pytest.param("| others (published) | 62.41 | 0.27 |", id="others"),
        pytest.param("of other rows and of other models", id="what others' figures are"),
        pytest.param("adjusted for all 2 comparisons", id="Holm"),
        pytest.param("**Yes, by +20.0 points of rows exactly right.**", id="the answer"),
        pytest.param("| Exactly right | +20.0 | +10.0 to +30.0 | 0.010 | 5.0 |", id="its evidence"),
        pytest.param("| Noise | +1.0 | −9.0 to +11.0 | 0.200 | – |", id="nothing could be found"),
        pytest.param("| Is JSON | at least 99 % | 90.00 % | as shipped | **missed** |", id="a goal missed"),
        pytest.param("| Noise | at most 0.27 % | 0.20 % | as shipped | reached |", id="the least of noise"),
        pytest.param("| Exactly right, constrained | at least 70 % | 70.00 % | after", id="bound"),
        pytest.param("- Is JSON: 90.00 % (as shipped), and not at least 99 %.", id="what failed"),
        pytest.param("4.0 minutes in all, of which 3.0 went into the answers of 3 evaluations", id="cost"),
        pytest.param("| warm | sft | nano | 5 | 1,200 | 1.5 |", id="a stage"),
        pytest.param("| trained | grpo (fields, think, under the grammar) | warm |", id="how it was trained"),
        pytest.param("| made | synth | 2,000 | 100 | 3.0 |", id="data"),
        pytest.param("| traced | reason | 100 | 50 | 1.0 |", id="150 were kept, and 50 of them are held out"),
        pytest.param("![Training of warm](figures/warm.svg)", id="curves"),
        pytest.param("adhere 1.", id="versions"),
    ],
)
def test_the_page_has(line: str) -> None:
    assert line in text()


@pytest.mark.parametrize(
    ("made", "says"),
    [
        pytest.param([compared("exact", -0.2, 0.01)], "The contrary, by −20.0 points", id="worse"),
        pytest.param([compared("exact", 0.2, 0.06)], "100 rows do not decide it.", id="undecided"),
        pytest.param([], "No row has a right answer to compare with.", id="without gold"),
    ],
)
def test_a_question_that_is_not_answered_with_yes_is_among_what_failed(made: list[JSON], says: str) -> None:
    told = text(comparisons={"rows": made})
    assert f"**{says}" in told
    assert f"- Does it help? {says}" in told


def test_where_nothing_failed_it_says_so() -> None:
    assert "Nothing that was asked for." in text(goals={})


def test_a_goal_that_was_not_measured_is_missed() -> None:
    assert "| Leaves, F1 | at least 50 % | not measured | – | **missed** |" in text(
        goals={"f1": ["at least", 0.5]}
    )


def test_a_stage_that_ended_itself_is_told_of() -> None:
    told = text(stages={"warm": stage(stopped=True)})
    assert "- The stage warm ended itself after 5 steps, since they taught nothing" in told


def test_rows_that_go_together_are_told_of() -> None:
    facts = cast("dict[str, JSON]", summary()["held_out"])["rows"]
    told = text(held_out={"rows": {**cast("dict[str, JSON]", facts), "cluster": "schema", "clusters": 7}})
    assert "take the 7 values of schema as what was drawn" in told


def test_several_sets_of_rows_are_told_apart() -> None:
    one = summary()
    both = {
        key: {
            "few": cast("dict[str, JSON]", one[key])["rows"],
            "many": cast("dict[str, JSON]", one[key])["rows"],
        }
        for key in ("held_out", "evaluations", "comparisons")
    }
    told = page({**one, **both}, figures="figures")
    assert "few: 100 held-out rows" in told
    assert "many: **Yes, by" in told


def test_a_study_that_asks_and_trains_nothing_has_a_page_too() -> None:
    told = text(questions={}, comparisons={"rows": []}, goals={}, published={}, stages={}, about="")
    assert "## Questions" not in told
    assert "| stage |" not in told
    assert "## Results" in told


def test_what_is_read_on_the_terminal_is_the_answers_and_where_the_report_is() -> None:
    assert in_short(summary()) == (
        "Does it help? Yes, by +20.0 points of rows exactly right.\nReport  o/report.md\n"
    )
