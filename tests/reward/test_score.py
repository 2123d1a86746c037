"""Rewards: what each preset pays, and what no answer can do to it."""

import json
import math
from dataclasses import dataclass
from random import Random
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.config import Form, Preset, Scoring
from adhere.errors import ConfigError, DataError
from adhere.records import JSON, Example
from adhere.reward.score import needs_target, score, score_verdict
from adhere.reward.verdict import judge
from adhere.schema import Schema

PRESETS: tuple[Preset, ...] = get_args(Preset)
FORMS: tuple[Form, ...] = get_args(Form)
SOURCE: dict[str, JSON] = {
    "type": "object",
    "properties": {
        "item": {"type": "string"},
        "count": {"type": "integer"},
        "price": {"type": "number"},
        "tags": {"type": "array", "items": {"type": "string"}, "x-order": "free"},
    },
    "required": ["item", "count", "price"],
    "additionalProperties": False,
}
SCHEMA = Schema.of(SOURCE)
GOLD: dict[str, JSON] = {"item": "blue mug", "count": 2, "price": 7.5, "tags": ["sale", "gift"]}
EXAMPLE = Example(
    id="1", text="We sold two of blue mug at 7.50, as a gift; it was on sale.", schema="mugs", target=GOLD
)
UNLABELLED = Example(id="7", text=EXAMPLE.text, schema="mugs")


def said(**changes: JSON) -> str:
    return json.dumps(GOLD | changes)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(said(), 1.0, id="the gold"),
        pytest.param(said(tags=["gift", "sale"]), 1.0, id="a list without order"),
        pytest.param(said(count=2.0), 1.0, id="2.0 is 2"),
        pytest.param(said(count=3), 0.86, id="4 of 5 leaves right: .3 + .7 · 8/10"),
        pytest.param(said(tags=[]), 0.3 + 0.7 * 6 / 9, id="3 right of 5 and 4: .3 + .7 · 6/9"),
        pytest.param(
            said(tags=["sale", "gift", "new"]), 0.3 + 0.7 * 10 / 11, id="1 invented: .3 + .7 · 10/11"
        ),
        pytest.param('{"item": "x", "count": 0, "price": 0}', 0.3, id="obeys, and nothing is right"),
        pytest.param(said(count="2"), 0.25, id="1 of the schema's 4 leaves spoilt: .1 + .2 · 3/4"),
        pytest.param(said(size=1), 0.26, id="a key too many: .1 + .2 · 4/5"),
        pytest.param("{}", 0.15, id="three keys missing: .1 + .2 · 1/4"),
        pytest.param("[]", 0.1, id="another type parses: .1"),
        pytest.param(said()[:-1], 0.0, id="cut off"),
        pytest.param('{"count": 2, "count": 2}', 0.0, id="a repeated key is not JSON"),
        pytest.param(f"```json\n{said()}\n```", 0.0, id="fences are not forgiven"),
        pytest.param("", 0.0, id="nothing"),
    ],
)
def test_fields_pays_for_form_and_then_for_values(answer: str, expected: float) -> None:
    assert score(answer, EXAMPLE, SCHEMA).total == pytest.approx(expected)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param('{"item": "x", "count": 0, "price": 0}', 1.0, id="obeys, whatever the values"),
        pytest.param(said(count="2"), 0.5, id="parses"),
        pytest.param("blue mug", 0.0, id="does not parse"),
        pytest.param('{"item"', 0.0, id="breaks off"),
    ],
)
def test_schema_pays_for_form_alone(answer: str, expected: float) -> None:
    assert score(answer, UNLABELLED, SCHEMA, preset="schema").total == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(said(), 1.0, id="all in the text"),
        pytest.param(said(count=3), 0.3 + 0.7 * 3 / 4, id="three fields of four: .3 + .7 · 3/4"),
        pytest.param(said(tags=["sale", "new"]), 0.3 + 0.7 * 3.5 / 4, id="half a list: .3 + .7 · 3.5/4"),
        pytest.param('{"item": "the", "count": 0, "price": 0}', 0.3, id="nothing found"),
        pytest.param(said(count="2"), 0.25, id="a broken schema, as in fields: .1 + .2 · 3/4"),
        pytest.param("", 0.0, id="nothing"),
    ],
)
def test_grounded_pays_for_form_and_then_for_what_the_text_states(answer: str, expected: float) -> None:
    assert score(answer, UNLABELLED, SCHEMA, preset="grounded").total == pytest.approx(expected)


def test_the_parts_say_where_the_total_came_from() -> None:
    scored = score(said(count=3), EXAMPLE, SCHEMA)
    assert scored.outcome == "obeys"
    assert scored.parts == {"parses": 1.0, "obeys": 1.0, "matches": 0.8}
    assert score(said(count="2"), EXAMPLE, SCHEMA).parts == {"parses": 1.0, "obeys": 0.75, "matches": 0.0}
    assert score(said(size=1), EXAMPLE, SCHEMA, preset="schema").parts == {"parses": 1.0, "obeys": 0.0}


def test_an_answer_after_thinking_scores_like_one_without() -> None:
    thought = f"<think>two mugs</think>\n<answer>{said()}</answer>"
    assert score(thought, EXAMPLE, SCHEMA, form="think").total == 1.0
    assert score(thought, EXAMPLE, SCHEMA).total == 0.0


def test_a_verdict_scores_like_its_text() -> None:
    verdict = judge(said(count=3), SCHEMA)
    for preset in PRESETS:
        assert score_verdict(verdict, EXAMPLE, SCHEMA, preset=preset) == score(
            said(count=3), EXAMPLE, SCHEMA, preset=preset
        )


def test_the_longest_string_that_grounded_finds_is_a_setting() -> None:
    text = f"We sold 2 of {'very ' * 12}blue mugs at 7.50 each."
    answer = said(item=f"{'very ' * 12}blue mugs", tags=[])
    row = Example(id="1", text=text, schema="mugs")
    assert score(answer, row, SCHEMA, preset="grounded").total < 1.0
    assert score(answer, row, SCHEMA, preset="grounded", scoring=Scoring(longest=80)).total == 1.0


# ------------------------------------------------------------------------------------- targets and weights


def test_only_fields_needs_a_target() -> None:
    assert [preset for preset in PRESETS if needs_target(preset)] == ["fields"]
    with pytest.raises(DataError, match="example 7 = None: the reward `fields` compares with a target"):
        score(said(), UNLABELLED, SCHEMA)


def test_weights_are_a_setting() -> None:
    weights = Scoring(parses=0.0, obeys=0.5, matches=0.5)
    # .5 · 1 + .5 · 8/10
    assert score(said(count=3), EXAMPLE, SCHEMA, scoring=weights).total == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("parses", "obeys", "matches"), [(0.1, 0.2, 0.6), (-0.1, 0.4, 0.7), (1.0, 1.0, 1.0), (math.nan, 0.5, 0.5)]
)
def test_weights_that_do_not_make_up_1_are_refused(parses: float, obeys: float, matches: float) -> None:
    with pytest.raises(ConfigError, match="scoring parses"):
        Scoring(parses=parses, obeys=obeys, matches=matches)


@given(st.lists(st.integers(0, 1000), min_size=3, max_size=3).filter(any))
def test_full_marks_are_exactly_1_under_any_weights(shares: list[int]) -> None:
    parses, obeys, matches = (share / sum(shares) for share in shares)
    weights = Scoring(parses=parses, obeys=obeys, matches=matches)
    for preset in PRESETS:
        assert score(said(), EXAMPLE, SCHEMA, preset=preset, scoring=weights).total == 1.0


# ----------------------------------------------------------------------------------------------- invariants


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A schema, a gold that obeys it, the gold's text, and an answer that went wrong somewhere."""

    schema: Schema
    gold: dict[str, JSON]
    answer: dict[str, JSON]

    @property
    def example(self) -> Example:
        """Every value of the gold stands between commas, at a place of its own."""
        parts = [f"{name} is {value}" for name, value in flat(self.gold)]
        return Example(id="1", text=f"Note: {', '.join(parts)}, and so on.", schema="any", target=self.gold)

    def total(self, answer: JSON, preset: Preset) -> float:
        return score(json.dumps(answer), self.example, self.schema, preset=preset).total


def flat(value: JSON, name: str = "it") -> list[tuple[str, JSON]]:
    if isinstance(value, dict):
        return [pair for key, part in value.items() for pair in flat(part, key)]
    if isinstance(value, list):
        return [pair for part in value for pair in flat(part, name)]
    return [(name, value)]


TYPES: dict[str, dict[str, JSON]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "list": {"type": "array", "items": {"type": "string"}},
    "unordered": {"type": "array", "items": {"type": "integer"}, "x-order": "free"},
    "object": {
        "type": "object",
        "properties": {"x": {"type": "string"}, "y": {"type": "integer"}},
        "required": ["x", "y"],
        "additionalProperties": False,
    },
}
NAMES = st.sampled_from(["Ann Lee", "Bo", "blue mug", "INV-7", "zinc"])
COUNTS = st.integers(30, 60)
GOLDS: dict[str, st.SearchStrategy[Any]] = {  # Any: list[str] is not list[JSON] to a type checker
    "string": NAMES,
    "integer": COUNTS,
    "list": st.lists(NAMES, min_size=1, max_size=3),
    "unordered": st.lists(COUNTS, min_size=1, max_size=3),
    "object": st.fixed_dictionaries({"x": NAMES, "y": COUNTS}),
}
WRONGS: st.SearchStrategy[Any] = (
    NAMES | COUNTS | st.none() | st.booleans() | st.lists(NAMES | COUNTS, max_size=3)
) | st.dictionaries(st.sampled_from("xyz"), NAMES | COUNTS, max_size=3)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    kinds = draw(st.dictionaries(st.sampled_from("abcde"), st.sampled_from(list(TYPES)), min_size=1))
    source: dict[str, JSON] = {
        "type": "object",
        "properties": {key: TYPES[kind] for key, kind in kinds.items()},
        "required": [key for key in kinds if draw(st.booleans())],
        "additionalProperties": draw(st.booleans()),
    }
    gold = {key: draw(GOLDS[kind]) for key, kind in kinds.items()}
    answer = {
        key: draw(st.just(gold[key]) | GOLDS[kinds[key]] | WRONGS) for key in kinds if draw(st.integers(0, 3))
    }
    return Case(schema=Schema.of(source), gold=gold, answer=answer)


@given(cases(), st.sampled_from(PRESETS))
def test_the_gold_scores_exactly_1(case: Case, preset: Preset) -> None:
    assert case.total(case.gold, preset) == 1.0


@settings(max_examples=150)
@given(cases(), st.sampled_from(PRESETS), st.data())
def test_making_one_key_right_never_lowers_the_reward(
    case: Case, preset: Preset, data: st.DataObject
) -> None:
    # `grounded` knows no gold: there, a wrong value that the text has may be paid as well.
    key = data.draw(st.sampled_from(list(case.gold)))
    before = {**case.answer, key: "nowhere" if preset == "grounded" else case.answer.get(key)}
    before = before if key in case.answer else {each: before[each] for each in before if each != key}
    assert case.total(before, preset) <= case.total({**before, key: case.gold[key]}, preset)


@given(cases(), st.sampled_from(PRESETS), st.data())
def test_making_one_leaf_of_an_object_right_never_lowers_the_reward(
    case: Case, preset: Preset, data: st.DataObject
) -> None:
    whole = [key for key, part in case.gold.items() if isinstance(part, dict)]
    if not whole:
        return
    key = data.draw(st.sampled_from(whole))
    gold = case.gold[key]
    assert isinstance(gold, dict)
    part: dict[str, JSON] = {
        "x": "nowhere",
        "y": 7,
        **data.draw(st.sampled_from([{}, {"x": gold["x"]}, {"y": 8}])),
    }
    for leaf in gold:
        better = {**case.answer, key: {**part, leaf: gold[leaf]}}
        assert case.total({**case.answer, key: part}, preset) <= case.total(better, preset)


@settings(max_examples=150)
@given(cases(), st.sampled_from(PRESETS), st.sampled_from(["more", "else"]), WRONGS)
def test_an_invented_key_never_raises_the_reward(case: Case, preset: Preset, key: str, value: JSON) -> None:
    assert case.total({**case.answer, key: value}, preset) <= case.total(case.answer, preset)


@given(cases(), st.sampled_from(PRESETS), st.randoms(use_true_random=False))
def test_key_order_never_matters(case: Case, preset: Preset, random: Random) -> None:
    keys = list(case.answer)
    random.shuffle(keys)
    assert case.total({key: case.answer[key] for key in keys}, preset) == case.total(case.answer, preset)


@given(cases(), st.sampled_from(PRESETS))
def test_the_total_is_the_weighted_sum_of_the_parts(case: Case, preset: Preset) -> None:
    scored = score(json.dumps(case.answer), case.example, case.schema, preset=preset)
    weights = (
        {"parses": 0.5, "obeys": 0.5} if preset == "schema" else {"parses": 0.1, "obeys": 0.2, "matches": 0.7}
    )
    assert scored.total == pytest.approx(sum(weights[name] * part for name, part in scored.parts.items()))
    assert all(0.0 <= part <= 1.0 for part in scored.parts.values())


TEXTS = (
    st.text()
    | st.text(alphabet='{}[]":,item count\\ul0123.-e<>/answer')
    | cases().map(lambda case: said(**case.answer))
)


@settings(max_examples=150)
@given(TEXTS, st.sampled_from(PRESETS), st.sampled_from(FORMS))
def test_no_text_escapes_the_unit_interval(text: str, preset: Preset, form: Form) -> None:
    assert 0.0 <= score(text, EXAMPLE, SCHEMA, preset=preset, form=form).total <= 1.0


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 5000 + "]" * 5000, id="nested past the parser"),
        pytest.param("[" * 120 + "]" * 120, id="nested as far as the parser goes"),
        pytest.param('{"item": "\ud800"}', id="half a surrogate pair"),
        pytest.param('{"count": 1e999}', id="a number past the largest double"),
        pytest.param(f'{{"count": {"9" * 5000}}}', id="an integer past what Python reads"),
        pytest.param("\x00", id="a control character"),
    ],
)
@pytest.mark.parametrize("preset", PRESETS)
def test_hostile_texts_are_scored_and_raise_nothing(text: str, preset: Preset) -> None:
    assert 0.0 <= score(text, EXAMPLE, SCHEMA, preset=preset).total <= 0.5


# ------------------------------------------------------------------------------- what degenerate answers earn

INVOICE = Schema.of(
    {
        "properties": {
            "vendor": {"type": "string"},
            "date": {"type": "string"},
            "amount": {"type": "number"},
            "currency": {"type": "string"},
        },
        "required": ["vendor", "date", "amount", "currency"],
        "additionalProperties": False,
    }
)
TEXT = "Please find invoice from Acme Corp dated April 15, 2024. Grand total: £1,654.00 for 3 mugs."


@pytest.mark.parametrize(
    ("vendor", "date", "amount", "currency", "expected"),
    [
        pytest.param("Acme Corp", "2024-04-15", 1654, "GBP", 1.0, id="honest"),
        pytest.param("", "", 0, "", 0.3, id="empty"),
        pytest.param("the", "the", 1, "the", 0.3, id="a stop word"),
        pytest.param(TEXT, TEXT, 0, TEXT, 0.3, id="the text in every string"),
        pytest.param("Please", "Please", 0, "Please", 0.475, id="the first word: one of four"),
        pytest.param("Acme Corp", "Acme Corp", 0, "Acme Corp", 0.475, id="one value everywhere: one of four"),
        pytest.param(
            "1,654.00", "1,654.00", 1654, "1,654.00", 0.475, id="one number everywhere: one of four"
        ),
        pytest.param("Acme Corp", "Acme Corp", 1654, "Acme Corp", 0.65, id="two of four"),
        pytest.param("USD", "2024-01-01", 100, "USD", 0.3, id="a constant answer"),
    ],
)
def test_grounded_pays_degenerate_answers_well_below_the_honest_one(
    vendor: str, date: str, amount: float, currency: str, expected: float
) -> None:
    answer = json.dumps({"vendor": vendor, "date": date, "amount": amount, "currency": currency})
    row = Example(id="1", text=TEXT, schema="invoice")
    assert score(answer, row, INVOICE, preset="grounded").total == pytest.approx(expected)
