"""Rewards: what each preset pays, and what no answer can do to it."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.config import HierarchicalScoring, JsonForm, Length, Preset, RubricScoring, Scoring
from adhere.errors import ConfigError, DataError
from adhere.records import JSON, Example
from adhere.reward.score import Score, by_part, needs_target, score, score_verdict, weights
from adhere.reward.verdict import Malformed, NoOutput, Obeys, Violates, judge
from adhere.schema import Schema

PRESETS: tuple[Preset, ...] = get_args(Preset)
STEADY: tuple[Preset, ...] = ("schema", "fields", "grounded", "hierarchical")
"""Presets under which a right leaf never costs, and an invented key never pays."""
FORMS: tuple[JsonForm, ...] = get_args(JsonForm)
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
    id="1",
    text="We sold two of blue mug at 7.50, as a gift; it was on sale.",
    schema="mugs",
    target=GOLD,
    meta={
        "rubric": [
            {"aspect": "accuracy", "check": "number", "value": [2, 7.5]},
            {"aspect": "completeness", "check": "contains", "value": ["blue mug", "gift"]},
            {"aspect": "reasoning", "check": "min_words", "value": 4},
        ]
    },
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


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(said(), 1.0, id="all right"),
        pytest.param(said(count=3), 0.5 + 0.5 * 8 / 10, id="obeys: .5 + .5 · 8/10"),
        pytest.param('{"item": "x", "count": 0, "price": 0}', 0.5, id="obeys, and nothing is right"),
        pytest.param(said(count="2"), 0.35 + 0.15 * 3 / 4, id="all keys, a leaf spoilt: .35 + .15 · 3/4"),
        pytest.param('{"count": "2"}', 0.2 + 0.15 * 2 / 5 + 0.15 * 1 / 4, id="the container and 1 of 4 keys"),
        pytest.param("{}", 0.2 + 0.15 * 1 / 5 + 0.15 * 1 / 4, id="the container alone"),
        pytest.param("[]", 0.2, id="another container parses: .1 + .1"),
        pytest.param(f"```json\n{said()}\n```", 0.1 * (0.6 + 0.4 * 72 / 84), id="whole, 72 of 84 characters"),
        pytest.param('{"item": "blue', 0.1 * 0.6, id="cut off: sound to its end"),
        pytest.param('{"item" "blue"}', 0.1 * (0.2 + 0.4 * 8 / 15), id="sound for 8 of 15 characters"),
        pytest.param("blue mug", 0.0, id="nothing like JSON"),
    ],
)
def test_hierarchical_pays_by_levels(answer: str, expected: float) -> None:
    assert score(answer, EXAMPLE, SCHEMA, preset="hierarchical").total == pytest.approx(expected)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param('{"item": "x", "count": 0, "price": 0}', 1.0, id="obeys, whatever the values"),
        pytest.param('{"item": "x", "count": "0", "price": 0}', 0.3 * 23 / 39, id="up to the wrong value"),
        pytest.param('{"item": "x"}', 0.3 * 12 / 13, id="up to the bracket that closes too early"),
        pytest.param('{"item": "x" "count"', 0.3 * 13 / 20, id="up to the syntax error"),
        pytest.param("blue mug", 0.0, id="nothing"),
    ],
)
def test_prefix_pays_for_what_stands_before_the_first_fault(answer: str, expected: float) -> None:
    assert score(answer, UNLABELLED, SCHEMA, preset="prefix").total == pytest.approx(expected)


def test_thinkjson_pays_the_mean_of_its_two_rewards() -> None:
    thought = f"<think>two mugs</think>\n<answer>{said()}</answer>"
    tagless = score(f"<answer>{said()}</answer>", EXAMPLE, SCHEMA, preset="thinkjson")
    assert score(thought, EXAMPLE, SCHEMA, preset="thinkjson").total == 1.0
    assert (tagless.total, tagless.parts, tagless.outcome) == (0.5, {"json": 1.0, "format": 0.0}, "obeys")


def test_rubric_pays_for_checks_and_raises_accuracy_to_a_power() -> None:
    scored = score("2 for a gift, I think", EXAMPLE, SCHEMA, preset="rubric")
    # One number of two, (1/2)⁴; one text of two; words enough. (.4 · .0625 + .2 · .5 + .15) / .75
    assert scored.parts == {"accuracy": 0.0625, "completeness": 0.5, "reasoning": 1.0}
    assert scored.total == pytest.approx(0.275 / 0.75)
    assert scored.outcome == "malformed"
    linear = Scoring(rubric=RubricScoring(power=1.0))
    assert score("2", EXAMPLE, SCHEMA, preset="rubric", scoring=linear).parts["accuracy"] == 0.5


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
    for preset in STEADY:
        assert score_verdict(verdict, EXAMPLE, SCHEMA, preset=preset) == score(
            said(count=3), EXAMPLE, SCHEMA, preset=preset
        )


def test_a_verdict_of_a_thought_scores_like_its_text() -> None:
    thought = f"<think>two mugs</think>\n<answer>{said(count=3)}</answer>"
    verdict = judge(thought, SCHEMA, form="think")
    for preset in PRESETS:
        assert score_verdict(
            verdict, EXAMPLE, SCHEMA, completion=thought, preset=preset, form="think"
        ) == score(thought, EXAMPLE, SCHEMA, preset=preset, form="think")


def test_parts_are_gathered_from_the_scores_that_have_them() -> None:
    one, two = Score(0.0, "obeys", {"a": 0.0, "b": 1.0}), Score(1.0, "obeys", {"b": 0.5})
    assert by_part([one, two]) == {"a": [0.0], "b": [1.0, 0.5]}


def test_the_longest_string_that_grounded_finds_is_a_setting() -> None:
    text = f"We sold 2 of {'very ' * 12}blue mugs at 7.50 each."
    answer = said(item=f"{'very ' * 12}blue mugs", tags=[])
    row = Example(id="1", text=text, schema="mugs")
    assert score(answer, row, SCHEMA, preset="grounded").total < 1.0
    assert score(answer, row, SCHEMA, preset="grounded", scoring=Scoring(longest=80)).total == 1.0


# ------------------------------------------------------------------------------------- targets and weights


def test_three_presets_need_a_target() -> None:
    needy: list[Preset] = [preset for preset in PRESETS if needs_target(preset)]
    assert needy == ["fields", "hierarchical", "thinkjson"]
    for preset in needy:
        with pytest.raises(
            DataError, match=f"example 7 = None: the reward `{preset}` compares with a target"
        ):
            score(said(), UNLABELLED, SCHEMA, preset=preset)


def test_a_rubric_whose_aspects_have_no_weight_is_refused() -> None:
    weights = RubricScoring(accuracy=0, relevance=1, completeness=0, reasoning=0, format=0)
    with pytest.raises(
        DataError, match=r"example 1 rubric = .*: none of the aspects that it checks has a weight"
    ):
        score("2 mugs", EXAMPLE, SCHEMA, preset="rubric", scoring=Scoring(rubric=weights))


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


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: HierarchicalScoring(begun=0.2),
            r"scoring.hierarchical begun, .* = \(0.2, 0.1, .*add up to 1",
        ),
        (lambda: HierarchicalScoring(begun=-0.1, matches=0.7), "scoring.hierarchical begun"),
        (lambda: RubricScoring(accuracy=0.5), "scoring.rubric accuracy, .*add up to 1"),
        (lambda: RubricScoring(power=0.0), "scoring.rubric.power = 0.0: accuracy would count for nothing"),
        (lambda: Scoring(prefix=1.1), "scoring.prefix = 1.1: .*Use 0 to 1"),
        (lambda: Scoring(longest=0), "scoring.longest = 0: no string would be found"),
    ],
)
def test_what_is_paid_for_has_a_range(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()


@given(st.lists(st.integers(0, 1000), min_size=5, max_size=5).filter(lambda shares: any(shares[:3])))
def test_full_marks_are_exactly_1_under_any_weights(shares: list[int]) -> None:
    parses, obeys, matches = (share / sum(shares[:3]) for share in shares[:3])
    five = [share / sum(shares) for share in shares]
    weights = Scoring(
        parses=parses,
        obeys=obeys,
        matches=matches,
        prefix=matches,
        hierarchical=HierarchicalScoring(
            begun=five[0], parses=five[1], keys=five[2], obeys=five[3], matches=five[4]
        ),
    )
    for preset in (*STEADY, "prefix"):
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


@given(cases(), st.sampled_from((*STEADY, "prefix")))
def test_the_gold_scores_exactly_1(case: Case, preset: Preset) -> None:
    assert case.total(case.gold, preset) == 1.0


@given(cases(), st.sampled_from(get_args(Length)), st.text().filter(lambda text: "think>" not in text))
def test_the_gold_in_its_tags_scores_exactly_1_under_thinkjson(
    case: Case, length: Length, thought: str
) -> None:
    completion = f"<think>{thought}</think>\n<answer>{json.dumps(case.gold)}</answer>"
    weights = Scoring(thinkjson_length=length)
    assert score(completion, case.example, case.schema, preset="thinkjson", scoring=weights).total == 1.0


@settings(max_examples=150)
@given(cases(), st.sampled_from(STEADY), st.data())
def test_making_one_key_right_never_lowers_the_reward(
    case: Case, preset: Preset, data: st.DataObject
) -> None:
    # `grounded` knows no gold: there, a wrong value that the text has may be paid as well.
    key = data.draw(st.sampled_from(list(case.gold)))
    before = {**case.answer, key: "nowhere" if preset == "grounded" else case.answer.get(key)}
    before = before if key in case.answer else {each: before[each] for each in before if each != key}
    assert case.total(before, preset) <= case.total({**before, key: case.gold[key]}, preset)


@given(cases(), st.sampled_from(STEADY), st.data())
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
@given(cases(), st.sampled_from(STEADY), st.sampled_from(["more", "else"]), WRONGS)
def test_an_invented_key_never_raises_the_reward(case: Case, preset: Preset, key: str, value: JSON) -> None:
    assert case.total({**case.answer, key: value}, preset) <= case.total(case.answer, preset)


@given(cases(), st.sampled_from((*STEADY, "thinkjson")), st.randoms(use_true_random=False))
def test_key_order_never_matters(case: Case, preset: Preset, random: Random) -> None:
    keys = list(case.answer)
    random.shuffle(keys)
    shuffled = {key: case.answer[key] for key in keys}
    tagged = "<answer>{}</answer>" if preset == "thinkjson" else "{}"
    one, other = (
        score(tagged.format(json.dumps(answer)), case.example, case.schema, preset=preset)
        for answer in (case.answer, shuffled)
    )
    assert one == other


WEIGHTS: dict[Preset, dict[str, float]] = {
    "schema": {"parses": 0.5, "obeys": 0.5},
    "fields": {"parses": 0.1, "obeys": 0.2, "matches": 0.7},
    "grounded": {"parses": 0.1, "obeys": 0.2, "matches": 0.7},
    "hierarchical": {"begun": 0.1, "parses": 0.1, "keys": 0.15, "obeys": 0.15, "matches": 0.5},
    "prefix": {"obeys": 0.7, "sound": 0.3},
    "thinkjson": {"json": 0.5, "format": 0.5},
}


@given(cases(), st.sampled_from(list(WEIGHTS)))
def test_the_total_is_the_weighted_sum_of_the_parts(case: Case, preset: Preset) -> None:
    scored = score(json.dumps(case.answer), case.example, case.schema, preset=preset)
    assert scored.parts.keys() == WEIGHTS[preset].keys()
    assert scored.total == pytest.approx(
        sum(WEIGHTS[preset][name] * part for name, part in scored.parts.items())
    )
    assert all(0.0 <= part <= 1.0 for part in scored.parts.values())


@pytest.mark.parametrize("preset", WEIGHTS)
def test_what_each_part_counts_can_be_asked(preset: Preset) -> None:
    assert weights(preset) == WEIGHTS[preset]


def test_what_each_part_counts_is_what_the_settings_say() -> None:
    scoring = Scoring(prefix=0.25, rubric=RubricScoring(accuracy=0.6, relevance=0.0, completeness=0.15))
    assert weights("prefix", scoring) == {"obeys": 0.75, "sound": 0.25}
    scored = score("Two blue mugs as a gift.", EXAMPLE, SCHEMA, preset="rubric", scoring=scoring)
    weighed = weights("rubric", scoring)
    assert scored.parts.keys() < weighed.keys()
    assert scored.total == pytest.approx(
        sum(weighed[name] * part for name, part in scored.parts.items())
        / sum(weighed[name] for name in scored.parts)
    )


def test_a_reward_of_one_s_own_is_its_only_part() -> None:
    assert weights("mine.py:reward") == {"own": 1.0}


TEXTS = (
    st.text()
    | st.text(alphabet='{}[]":,item count\\ul0123.-e<>/answer')
    | cases().map(lambda case: said(**case.answer))
    | cases().map(lambda case: f"<think>two</think>\n<answer>{said(**case.answer)}</answer>")
)


@settings(max_examples=150)
@given(TEXTS, st.sampled_from(PRESETS), st.sampled_from(FORMS))
def test_no_text_escapes_the_unit_interval(text: str, preset: Preset, form: JsonForm) -> None:
    scored = score(text, EXAMPLE, SCHEMA, preset=preset, form=form)
    assert 0.0 <= scored.total <= 1.0
    assert all(0.0 <= part <= 1.0 for part in scored.parts.values())


@given(TEXTS, st.sampled_from(PRESETS), st.sampled_from(FORMS))
def test_the_same_arguments_give_the_same_score(text: str, preset: Preset, form: JsonForm) -> None:
    one, other = (score(text, EXAMPLE, SCHEMA, preset=preset, form=form) for _ in range(2))
    assert one == other


def level(text: str) -> int:
    """Rank a completion by how far it got."""
    match judge(text, SCHEMA):
        case NoOutput():
            return 0
        case Malformed(embedded=inside):
            return 2 if inside.parsed else 1
        case Violates(value=dict()):
            return 4
        case Violates():
            return 3
        case Obeys():
            return 5


@settings(max_examples=300)
@given(TEXTS, TEXTS)
def test_a_higher_level_of_hierarchical_always_earns_more(one: str, other: str) -> None:
    if level(one) == level(other):
        return
    lower, higher = sorted((one, other), key=level)
    totals = [score(text, EXAMPLE, SCHEMA, preset="hierarchical").total for text in (lower, higher)]
    assert totals[0] < totals[1]


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
