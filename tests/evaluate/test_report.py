import json
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from adhere.evaluate.compare import comparisons
from adhere.evaluate.evaluation import Evaluation
from adhere.evaluate.report import WORST, render
from adhere.evaluate.trust import trust
from adhere.records import JSON, Example

Evaluated = Callable[..., Evaluation]

WRONG = ['{"item": "jug", "count": 2, "sizes": [3]}', '{"item": "pot"}']
RIGHT = ['{"item": "mug", "count": 2}', '{"item": "pot", "count": 1}']
BROKEN = ['{"item": "mug", "count": oops', "no idea"]
STEPS: list[dict[str, JSON]] = [{"step": step, "loss": 1.0 / step, "lr": 1e-4} for step in (1, 2, 3)]
VOID = {"meta", "br", "link", "img", "input"}


class Page(HTMLParser):
    """What stands in a page: text by enclosing class, tags with their attributes, and tags left open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[tuple[str, str]] = []
        self.marked: list[tuple[str, str]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if tag not in VOID:
            self.open.append((tag, given.get("class", "")))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if not any(tag == "style" for tag, _ in self.open):
            self.text += data
            self.marked += [(name, data) for _, name in self.open[-1:] if name]

    def of_class(self, name: str) -> list[str]:
        return [text for found, text in self.marked if found == name]


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def page(examples: list[Example], evaluated: Evaluated) -> Page:
    """Before and after, with curves, comparisons and all the rest."""
    evaluations = {"before": evaluated(examples, WRONG), "after": evaluated(examples, RIGHT)}
    made = comparisons({name: [each.row for each in e.predictions] for name, e in evaluations.items()})
    return Page(
        render(
            "Mugs & pots",
            evaluations,
            training={"grpo": STEPS},
            comparisons=made,
            meta={"command": "adhere quickstart"},
        )
    )


def test_the_page_is_whole_and_titled(page: Page) -> None:
    assert page.open == []
    assert ("html", {"lang": "en"}) in page.tags
    assert page.text.count("Mugs & pots") == 2


def test_the_page_needs_no_network(page: Page) -> None:
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "base"}
    for _, given in page.tags:
        assert not {"src", "srcset", "action", "data"} & given.keys()
        reaching = {
            name: value for name, value in given.items() if "//" in value and not name.startswith("xmlns")
        }
        assert reaching == {}
        assert given.get("href", "#").startswith("#")
        assert given.get("xlink:href", "#").startswith("#")


def test_the_styles_reach_for_nothing(examples: list[Example], evaluated: Evaluated) -> None:
    html = render("t", {"only": evaluated(examples, RIGHT)})
    style = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "@font-face" not in style
    assert "prefers-color-scheme: dark" in style


def test_the_first_paragraph_gives_the_main_numbers_with_n_and_interval(page: Page) -> None:
    lede = flat("".join(page.of_class("lede")))
    assert "Measured on 2 rows" in lede
    # Exactly right 0 of 2 before, 2 of 2 after; Wilson's intervals.
    assert "(0.0 to 65.8)" in lede
    assert "(34.2 to 100.0)" in lede


def test_an_n_that_is_not_the_number_of_rows_is_given(examples: list[Example], evaluated: Evaluated) -> None:
    unlabelled = Example(id="cup", text="a cup", schema="order")
    page = Page(render("t", {"only": evaluated([*examples, unlabelled], [*RIGHT, RIGHT[0]])}))
    lede = flat("".join(page.of_class("lede")))
    # Three rows, of which two have a right answer.
    assert "n = 2" in lede
    assert "n = 3" not in lede
    assert "n = 2" in page.of_class("evidence")


def test_differences_stand_with_interval_and_p(page: Page) -> None:
    text = flat(page.text)
    # Exactly right: 0 of 2 before and 2 of 2 after. Leaves right: 1/2 in each row before, and all after.
    assert "+100.0" in text
    assert "+50.0" in text
    assert "p = 1.000" in text
    assert "adjusted by Holm for all 6 comparisons" in text


def test_only_differences_that_are_not_significant_are_faint(evaluated: Evaluated) -> None:
    many = [
        Example(id=f"row {place}", text="x", schema="order", target={"item": "mug"}) for place in range(20)
    ]
    answers = {"before": ['{"item": "jug", "count": 1}'] * 20, "after": ['{"item": "mug", "count": 1}'] * 20}
    evaluations = {name: evaluated(many, written) for name, written in answers.items()}
    made = comparisons({name: [each.row for each in e.predictions] for name, e in evaluations.items()})
    page = Page(render("t", evaluations, comparisons=made))
    # Every row's leaf is put right, so p of match_all is 2 / 2²⁰. The other five metrics do not change: the
    # answers obey before and after, and a count that is not in the gold keeps them from being exact.
    faint = [given for tag, given in page.tags if tag == "td" and given.get("class") == "faint"]
    assert (len(faint), len(made)) == (5, 6)


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


def test_every_row_is_there_with_text_gold_and_answers(page: Page) -> None:
    assert sorted(page.of_class("id")) == ["mugs", "pot"]
    assert {"two mugs", "one pot"} <= set(page.of_class("text"))
    gold = json.dumps({"item": "mug", "count": 2}, indent=2)
    assert gold in page.text
    assert [tag for tag, _ in page.tags].count("details") == 2


def test_differing_fields_are_marked(page: Page) -> None:
    assert page.of_class("wrong") == ["wrong value", '"item": "jug"']
    assert page.of_class("invented") == ["not in the right answer", "3"]
    assert "misses /count" in page.text


def test_a_missing_leaf_does_not_hide_a_wrong_one_at_its_path(evaluated: Evaluated) -> None:
    gold: JSON = {"item": "mug", "count": 3, "gifts": [{"to": "Ann", "count": 1}, {"to": "Bob", "count": 2}]}
    answer = json.dumps({"item": "mug", "count": 3, "gifts": [{"to": "Bob", "count": 9}]})
    # The answer's first gift is held against the gold's second; the gold's first is missing, at that place.
    example = Example(id="gifts", text="three mugs", schema="order", target=gold)
    page = Page(render("t", {"only": evaluated([example], [answer])}))
    assert page.of_class("wrong") == ["wrong value", '"count": 9']
    assert "misses /gifts/*/to, /gifts/*/count" in page.text


def test_a_metric_of_which_less_is_better_says_so(page: Page) -> None:
    assert "noise, less is better" in page.text
    assert "exact, less is better" not in page.text


def test_an_answer_is_shown_with_verdict_match_and_reward(page: Page) -> None:
    text = flat(page.text)
    # {"item": "pot"} parses (0.1) and lacks a required key: its content earns nothing.
    assert "breaks the schema; 50.0 % of the leaves right; reward 0." in text
    assert "exactly right; 100.0 % of the leaves right; reward 1.000" in text
    assert 'the answer: "count" is a required property' in text


def test_what_is_not_json_is_marked_from_where_it_stops(
    examples: list[Example], evaluated: Evaluated
) -> None:
    page = Page(render("t", {"only": evaluated(examples, BROKEN, finished=False)}))
    assert page.of_class("broken") == ["not JSON from here on", "oops", "no idea"]
    assert "broken JSON" in page.text
    assert "no JSON" in page.text
    assert "cut off by the token limit" in page.text


def test_the_worst_answers_come_first(examples: list[Example], evaluated: Evaluated) -> None:
    page = Page(render("t", {"only": evaluated(examples, [RIGHT[0], "no idea"])}))
    assert page.of_class("id") == ["pot", "mugs"]


def test_the_page_is_about_the_last_evaluation_without_a_grammar(
    examples: list[Example], evaluated: Evaluated
) -> None:
    evaluations = {
        "free": evaluated(examples, [RIGHT[0], "no idea"]),
        "constrained": evaluated(examples, ['{"item": "jug", "count": 9}', RIGHT[1]], constrained=True),
    }
    page = Page(render("t", evaluations))
    assert page.of_class("id") == ["pot", "mugs"]
    assert "the worst answers of “free” first" in page.text


def test_at_most_fifty_rows_are_there_to_browse(evaluated: Evaluated) -> None:
    many = [Example(id=f"row {place}", text="two mugs", schema="order") for place in range(WORST + 5)]
    page = Page(render("t", {"only": evaluated(many, [RIGHT[0]] * len(many))}))
    assert len(page.of_class("id")) == WORST
    assert f"{WORST} of {WORST + 5} rows" in page.text


def test_rows_without_a_target_have_no_reward_and_no_gold(evaluated: Evaluated) -> None:
    unlabelled = [Example(id="row", text="two mugs", schema="order")]
    page = Page(render("t", {"only": evaluated(unlabelled, RIGHT[:1])}))
    assert "Right answer" not in page.text
    assert "; reward" not in page.text
    assert "Field by field" not in page.text


def test_a_preset_without_targets_rewards_every_row(evaluated: Evaluated) -> None:
    unlabelled = [Example(id="row", text="two mugs", schema="order")]
    page = Page(render("t", {"only": evaluated(unlabelled, RIGHT[:1])}, reward="schema"))
    assert "obeys the schema; reward 1.000" in flat(page.text)


def test_only_the_first_violations_are_listed(examples: list[Example], evaluated: Evaluated) -> None:
    # Ten items that are no integers break the schema ten times.
    answer = json.dumps({"item": "mug", "count": 2, "sizes": ["x"] * 10})
    page = Page(render("t", {"only": evaluated(examples, [answer, RIGHT[1]])}))
    assert page.text.count("/sizes/") == 5
    assert "and 5 more" in page.text


def test_two_trainings_are_captioned(examples: list[Example], evaluated: Evaluated) -> None:
    page = Page(render("t", {"only": evaluated(examples, RIGHT)}, training={"sft": STEPS, "grpo": STEPS}))
    assert [tag for tag, _ in page.tags].count("figcaption") == 2
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
    assert not {tag for tag, _ in page.tags} & {"script", "img"}
    assert not any(name.startswith("on") for _, given in page.tags for name in given)
    assert page.of_class("text") == [HOSTILE]
    assert "49" not in page.of_class("text")[0]


def test_the_same_arguments_give_the_same_page(examples: list[Example], evaluated: Evaluated) -> None:
    evaluations = {"only": evaluated(examples, RIGHT)}
    assert render("t", evaluations) == render("t", evaluations)
