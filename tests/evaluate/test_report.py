import base64
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from adhere.config import COMPARED
from adhere.evaluate.browse import MOST_ROWS
from adhere.evaluate.compare import Comparison, comparisons
from adhere.evaluate.evaluation import Evaluation
from adhere.evaluate.report import render
from adhere.evaluate.trust import trust
from adhere.records import JSON, Example

Evaluated = Callable[..., Evaluation]

WRONG = ['{"item": "jug", "count": 2, "sizes": [3]}', '{"item": "pot"}']
RIGHT = ['{"item": "mug", "count": 2}', '{"item": "pot", "count": 1}']
BROKEN = ['{"item": "mug", "count": oops', "no idea"]
STEPS: list[dict[str, JSON]] = [{"step": step, "loss": 1.0 / step, "lr": 1e-4} for step in (1, 2, 3)]
VOID = {"meta", "br", "link", "img", "input"}
UNREAD = {"style", "script"}


class Page(HTMLParser):
    """What stands in a page: text by enclosing class, tags with their attributes, and tags left open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[tuple[str, str]] = []
        self.marked: list[tuple[str, str]] = []
        self.text = ""
        self.scripts: list[tuple[dict[str, str], str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if tag == "script":
            self.scripts.append((given, ""))
        if tag not in VOID:
            self.open.append((tag, given.get("class", "")))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1][0] == "script":
            given, text = self.scripts.pop()
            self.scripts.append((given, text + data))
        if not any(tag in UNREAD for tag, _ in self.open):
            self.text += data
            self.marked += [(name, data) for _, name in self.open[-1:] if name]

    def of_class(self, name: str) -> list[str]:
        return [text for found, text in self.marked if found == name]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What the script is told of rows."""
        (_, told), _ = self.scripts
        return json.loads(told)[1]


def compared(evaluations: dict[str, Evaluation], *, all_pairs: bool = False) -> tuple[Comparison, ...]:
    rows = {name: [each.row for each in e.predictions] for name, e in evaluations.items()}
    return comparisons(rows, all_pairs=all_pairs)


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def page(examples: list[Example], evaluated: Evaluated) -> Page:
    """Before and after, with curves, comparisons and all the rest."""
    evaluations = {"before": evaluated(examples, WRONG), "after": evaluated(examples, RIGHT)}
    return Page(
        render(
            "Mugs & pots",
            evaluations,
            training={"grpo": STEPS},
            comparisons=compared(evaluations),
            meta={"command": "adhere quickstart"},
        )
    )


def test_the_page_is_whole_and_titled(page: Page) -> None:
    assert page.open == []
    assert ("html", {"lang": "en"}) in page.tags
    assert page.text.count("Mugs & pots") == 2


def test_the_page_needs_no_network(page: Page) -> None:
    assert not {tag for tag, _ in page.tags} & {"link", "img", "iframe", "object", "base"}
    for _, given in page.tags:
        assert not {"src", "srcset", "action", "data"} & given.keys()
        reaching = {
            name: value for name, value in given.items() if "//" in value and not name.startswith("xmlns")
        }
        assert reaching == {}
        assert given.get("href", "#").startswith("#")
        assert given.get("xlink:href", "#").startswith("#")


def test_a_browser_may_load_nothing_and_run_one_script(page: Page) -> None:
    (policy,) = (
        given["content"] for _, given in page.tags if given.get("http-equiv") == "Content-Security-Policy"
    )
    (data, _), (code, script) = page.scripts
    assert (data["type"], code) == ("application/json", {})
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    assert not any(word in script for word in ("http", "innerHTML", "fetch", "import", "eval"))


def test_the_styles_reach_for_nothing(examples: list[Example], evaluated: Evaluated) -> None:
    html = render("t", {"only": evaluated(examples, RIGHT)})
    style = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "@font-face" not in style
    assert "prefers-color-scheme: dark" in style


def test_the_first_paragraph_gives_the_main_number_with_n_interval_and_difference(page: Page) -> None:
    # 2 of 2 exactly right after, 0 of 2 before; Wilson's interval.
    said = flat("".join(page.of_class("lede")))
    assert said.startswith("“after” is exactly right on 100.0 % of 2 rows (95 % interval 34.2 to 100.0), ")
    assert "100.0 points more than “before” (" in said
    assert said.endswith("), which chance alone could give.")


def test_the_headlines_are_of_the_evaluation_that_the_page_is_about(page: Page) -> None:
    assert page.of_class("big") == ["100.0\u00a0%"] * 3
    assert "after: 34.2\u00a0to\u00a0100.0" in page.of_class("evidence")


def test_an_n_that_is_not_the_number_of_rows_is_given(examples: list[Example], evaluated: Evaluated) -> None:
    unlabelled = Example(id="cup", text="a cup", schema="order")
    page = Page(render("t", {"only": evaluated([*examples, unlabelled], [*RIGHT, RIGHT[0]])}))
    assert "100.0 % of the 2 of 3 rows that have a right answer" in flat("".join(page.of_class("lede")))
    assert "n = 2" in page.of_class("evidence")


def test_differences_stand_with_interval_and_p(page: Page) -> None:
    text = flat(page.text)
    # Exactly right: 0 of 2 before and 2 of 2 after. Leaves right: 1/2 in each row before, and all after.
    assert "+100.0" in text
    assert "+50.0" in text
    assert "p = 1.000" in text
    assert f"adjusted by Holm for all {len(COMPARED)} comparisons" in text


def test_a_difference_that_is_not_significant_says_how_many_rows_would_show_it(
    examples: list[Example], evaluated: Evaluated
) -> None:
    evaluations = {"before": evaluated(examples, WRONG), "after": evaluated(examples, RIGHT)}
    (first, *_) = compared(evaluations)
    needed = replace(first, difference=replace(first.difference, rows_needed=1240))
    assert "1,240 rows" in Page(render("t", evaluations, comparisons=[needed])).of_class("evidence")
    shown = replace(needed, p_holm=0.01)
    assert "1,240 rows" not in Page(render("t", evaluations, comparisons=[shown])).of_class("evidence")


def test_only_differences_that_are_not_significant_are_faint(evaluated: Evaluated) -> None:
    many = [
        Example(id=f"row {place}", text="x", schema="order", target={"item": "mug"}) for place in range(20)
    ]
    answers = {"before": ['{"item": "jug", "count": 1}'] * 20, "after": ['{"item": "mug", "count": 1}'] * 20}
    evaluations = {name: evaluated(many, written) for name, written in answers.items()}
    page = Page(render("t", evaluations, comparisons=compared(evaluations)))
    # Every row's leaf is put right. Rates do not change: the answers obey before and after, and a count that
    # is not in the gold keeps them from being exact.
    faint = [given for tag, given in page.tags if tag == "td" and given.get("class") == "faint"]
    signs = [text for text in page.of_class("value") if "≈" in text]
    assert len(faint) == len(signs) > 0
    assert "+100.0" in page.of_class("value")


def test_without_comparisons_there_is_no_talk_of_them(examples: list[Example], evaluated: Evaluated) -> None:
    page = Page(render("t", {"only": evaluated(examples, RIGHT)}))
    assert "Holm" not in page.text
    assert "Training" not in page.text
    assert "How it was made" not in page.text


def test_every_field_has_its_rate(page: Page) -> None:
    keys = page.of_class("key")
    assert {"/item", "/count"} <= set(keys)
    # /item: mug answered jug, pot answered pot: 1 of 2 before, 2 of 2 after.
    assert "width:50.0%" in {given.get("style") for tag, given in page.tags if tag == "i"}


def test_every_row_is_there_to_browse(page: Page) -> None:
    assert sorted(row["id"] for row in page.rows) == ["mugs", "pot"]
    assert "All 2 rows, the worst answers of “after” first." in flat(page.text)


def test_the_page_is_about_the_last_evaluation_without_a_grammar(
    examples: list[Example], evaluated: Evaluated
) -> None:
    evaluations = {
        "free": evaluated(examples, [RIGHT[0], "no idea"]),
        "constrained": evaluated(examples, ['{"item": "jug", "count": 9}', RIGHT[1]], constrained=True),
    }
    page = Page(render("t", evaluations))
    assert [row["id"] for row in page.rows] == ["pot", "mugs"]
    assert "the worst answers of “free” first" in page.text


def test_rows_that_are_left_out_are_counted(evaluated: Evaluated) -> None:
    many = [Example(id=f"row {place}", text="two mugs", schema="order") for place in range(MOST_ROWS + 5)]
    page = Page(render("t", {"only": evaluated(many, [RIGHT[0]] * len(many))}))
    assert len(page.rows) == MOST_ROWS
    assert f"{MOST_ROWS} of {MOST_ROWS + 5} rows: the worst of “only” first." in flat(page.text)
    assert "The other 5 are not on this page." in flat(page.text)


def test_all_pairs_have_a_line(examples: list[Example], evaluated: Evaluated) -> None:
    evaluations = {name: evaluated(examples, RIGHT) for name in ("a", "b", "c")}
    page = Page(render("t", evaluations, comparisons=compared(evaluations, all_pairs=True)))
    assert page.of_class("minus") == ["− a", "− a", "− b"]
    assert "as often as “a”" in page.text


def test_a_metric_of_which_less_is_better_says_so(page: Page) -> None:
    marked = [text for text in page.of_class("unseen") if text == ", less is better"]
    # Noise and no output, among results and among differences.
    assert len(marked) == 4


def test_rows_without_a_target_have_no_fields(evaluated: Evaluated) -> None:
    unlabelled = [Example(id="row", text="two mugs", schema="order")]
    page = Page(render("t", {"only": evaluated(unlabelled, RIGHT[:1])}))
    assert "“only” obeys the schema on 100.0 % of 1 rows" in flat(page.text)
    assert "Field by field" not in page.text


def test_what_answers_break_and_what_leaves_are_like_is_broken_down(page: Page) -> None:
    text = flat(page.text)
    # Before, one of two answers lacks a required key; after, none.
    assert "Schemas broken" in text
    assert "required 50.0 %" in text
    assert "By type" in text
    assert "string 50.0 %" in text
    assert "1-3 leaves" in text


def test_two_trainings_are_captioned(examples: list[Example], evaluated: Evaluated) -> None:
    page = Page(render("t", {"only": evaluated(examples, RIGHT)}, training={"sft": STEPS, "grpo": STEPS}))
    # One is that of the bars.
    assert [tag for tag, _ in page.tags].count("figcaption") == 3
    assert "sft" in page.text


def test_a_metric_over_no_rows_is_not_measured(examples: list[Example], evaluated: Evaluated) -> None:
    evaluations = {"before": evaluated(examples, BROKEN), "after": evaluated(examples, RIGHT)}
    assert "not measured" in Page(render("t", evaluations)).text


def test_confidences_that_were_measured_have_a_section(examples: list[Example], evaluated: Evaluated) -> None:
    made = evaluated(examples, RIGHT)
    sure = tuple(replace(each, confidence={"/item": 0.9, "/count": 0.6}) for each in made.predictions)
    trusted = trust(sure)
    evaluations = {"before": evaluated(examples, BROKEN), "after": replace(made, trust=trusted)}
    text = flat(Page(render("t", evaluations)).text)
    assert "How often a leaf is right, by how sure the model was of it" in text
    # All four leaves are right: off by 0.1 and 0.4 in turn; and none is wrong to be told from them.
    assert "ece not measured 25.0 %" in text
    assert "auroc not measured not measured" in text


def test_confidences_that_were_not_measured_have_none(page: Page) -> None:
    assert "how sure the model was" not in flat(page.text)


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7 * 7 }}</pre>"


def test_hostile_text_stays_text(evaluated: Evaluated) -> None:
    example = Example(id=HOSTILE, text=HOSTILE, schema="order", target={"item": HOSTILE, "count": 1})
    answers = [json.dumps({"item": HOSTILE, "count": 2})]
    evaluations = {HOSTILE: evaluated([example], answers), "after": evaluated([example], [HOSTILE])}
    html = render(HOSTILE, evaluations, training={HOSTILE: STEPS, "b": STEPS}, meta={HOSTILE: HOSTILE})
    page = Page(html)
    assert page.open == []
    assert [given for given, _ in page.scripts] == [{"type": "application/json", "id": "row-data"}, {}]
    assert "img" not in {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") for _, given in page.tags for name in given)
    assert [(row["id"], row["text"]) for row in page.rows] == [(HOSTILE, HOSTILE)]
    assert [tag for tag, _ in page.open] == []


def test_half_a_surrogate_pair_can_be_written(evaluated: Evaluated) -> None:
    example = Example(id="row", text="x", schema="order", target={"item": "\ud800", "count": 1, "\udc00": 1})
    evaluation = evaluated([example], [json.dumps({"item": "\ud800", "count": 2})])
    assert b"/?" in render("\ud800", {"only": evaluation}).encode()


@pytest.mark.slow
def test_a_report_of_five_models_on_6500_rows_is_made_in_seconds(
    examples: list[Example], evaluated: Evaluated
) -> None:
    few = evaluated(examples, WRONG)
    answers = [replace(few.predictions[place % 2]) for place in range(6500)]
    many = replace(few, summary=few.summary | {"rows": 6500}, predictions=tuple(answers))
    began = time.process_time()
    html = render("t", {f"model {place}": many for place in range(5)})
    assert time.process_time() - began < 20
    assert len(html) < 10_000_000


def test_the_same_arguments_give_the_same_page(examples: list[Example], evaluated: Evaluated) -> None:
    evaluations = {"only": evaluated(examples, RIGHT)}
    assert render("t", evaluations) == render("t", evaluations)
