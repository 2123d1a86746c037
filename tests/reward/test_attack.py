"""Cheats are told from honest work: good rewards hold, and each bad one falls for what it cannot see."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.config import Form, Scoring
from adhere.data import invoices
from adhere.data.shapes import shape
from adhere.data.side import EITHER
from adhere.data.source import SchemaSource
from adhere.errors import DataError, RewardError
from adhere.records import JSON, Example
from adhere.reward.attack import (
    KNOWN,
    KNOWN_WITHOUT_TARGETS,
    MOST_ROWS,
    AttackReport,
    Record,
    attack,
    known_of,
)
from adhere.reward.cheats import CHEATS
from adhere.reward.loading import Attempt, Reward, load
from adhere.reward.match import match
from adhere.reward.score import Score
from adhere.reward.tricks import BROKEN_TAGS, SPOILT, TAGS
from adhere.reward.verdict import Malformed, NoOutput, judge
from adhere.reward.victim import Victim, mapped, victims, written
from adhere.schema import Schema, parse_json
from adhere.schema.leaves import leaves_at
from adhere.schema.parse import Parsed

INVOICE = Schema.of(invoices.SCHEMA, name="invoice")
INVOICES = tuple(SchemaSource([INVOICE], seed=0).example(number, EITHER) for number in range(20))
ORDER = Schema.of(
    {
        "title": "order",
        "type": "object",
        "properties": {
            "number": {"type": "string", "description": "the number of the order", "examples": ["A-1"]},
            "client": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "since": {"type": ["string", "null"], "format": "date"},
                },
                "required": ["name", "since"],
                "additionalProperties": False,
            },
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"what": {"type": "string"}, "count": {"type": "integer"}},
                    "required": ["what", "count"],
                    "additionalProperties": False,
                },
            },
            "status": {"enum": ["open", "closed"], "default": "open"},
            "note": {"type": "string"},
        },
        "required": ["number", "client", "items", "status"],
        "additionalProperties": False,
    }
)
ORDERS = (
    Example(
        id="o1",
        text="Order A-17 of Mira Holt, client since 3 May 2019: 12 oak tables and 4 lamps. It is open.",
        schema="order",
        target={
            "number": "A-17",
            "client": {"name": "Mira Holt", "since": "2019-05-03"},
            "items": [{"what": "oak tables", "count": 12}, {"what": "lamps", "count": 4}],
            "status": "open",
        },
    ),
    Example(
        id="o2",
        text="Closed: order B-20, Jon Reed. 7 chairs.\nLeave them with Ida Berg.",
        schema="order",
        target={
            "number": "B-20",
            "client": {"name": "Jon Reed", "since": None},
            "items": [{"what": "chairs", "count": 7}],
            "status": "closed",
            "note": "Leave them with Ida Berg",
        },
    ),
    Example(
        id="o3",
        text="Kim Lund ordered 250 bolts as C-31; the order is open.",
        schema="order",
        target={
            "number": "C-31",
            "client": {"name": "Kim Lund", "since": None},
            "items": [{"what": "bolts", "count": 250}],
            "status": "open",
        },
    ),
)
SCHEMAS = {"invoice": INVOICE, "order": ORDER}
ROWS = (*INVOICES, *ORDERS)


def drawn_rows(seed: int, count: int) -> tuple[dict[str, Schema], list[Example]]:
    """Draw rows of many schemas, three of each."""
    random = Random()
    random.seed(seed)
    schemas: dict[str, Schema] = {}
    rows: list[Example] = []
    while len(rows) < count:
        name = f"drawn-{len(rows)}"
        schemas[name] = Schema.of(shape(random, least=3, most=9, nesting=0.5), name=name)
        source = SchemaSource([schemas[name]], seed=0)
        rows += [source.example(number, EITHER) for number in range(3)]
    return schemas, rows


def fallen(report: AttackReport) -> set[str]:
    return {record.family for record in report.records if not record.held}


def record_of(report: AttackReport, family: str) -> Record:
    return next(record for record in report.records if record.family == family)


# ------------------------------------------------------------------------------------------------ our presets


@pytest.mark.parametrize("form", ["plain", "think"])
@pytest.mark.parametrize("preset", ["fields", "hierarchical", "grounded"])
def test_our_rewards_hold(preset: str, form: str) -> None:
    form_ = "think" if form == "think" else "plain"
    report = attack(ROWS, SCHEMAS, load(preset, form=form_), form=form_, known=KNOWN.get(preset))
    assert fallen(report) == set()
    assert report.held
    assert report.rows == len(ROWS)
    assert report.right > report.mediocre


@pytest.mark.parametrize("preset", ["fields", "hierarchical", "grounded"])
def test_our_rewards_hold_under_drawn_schemas(preset: str) -> None:
    schemas, rows = drawn_rows(11, 45)
    report = attack(rows, schemas, load(preset), form="plain", known=KNOWN.get(preset))
    assert fallen(report) == set()


def test_what_grounded_cannot_see_is_found_and_known() -> None:
    unforgiven = attack(ROWS, SCHEMAS, load("grounded"), form="plain")
    assert not unforgiven.held
    assert fallen(unforgiven) <= KNOWN["grounded"].keys()
    forgiven = attack(ROWS, SCHEMAS, load("grounded"), form="plain", known=KNOWN["grounded"])
    names = record_of(forgiven, "names_in_turn")
    assert names.reached > 0
    assert names.known == "without labels, a wrong word of the text earns as much as the right one"


def test_grounded_holds_without_targets() -> None:
    unlabelled = [Example(id=row.id, text=row.text, schema=row.schema) for row in INVOICES]
    known = known_of("grounded", unlabelled)
    report = attack(unlabelled, SCHEMAS, load("grounded"), form="plain", known=known)
    assert fallen(report) == set()
    assert report.right > 0.9
    assert known.keys() - known_of("grounded", INVOICES).keys() == KNOWN_WITHOUT_TARGETS["grounded"].keys()
    assert known_of("fields", unlabelled) == {}


def test_fields_needs_targets() -> None:
    with pytest.raises(DataError, match="compares with a target"):
        attack([Example(id="x", text="y", schema="invoice")], SCHEMAS, load("fields"), form="plain")


@pytest.mark.parametrize("preset", ["schema", "prefix"])
def test_what_pays_for_form_alone_falls_for_any_answer_that_obeys(preset: str) -> None:
    report = attack(ROWS, SCHEMAS, load(preset), form="plain")
    assert {"least_values", "placeholders", "text_everywhere", "another_row", "right_keys"} <= fallen(report)
    assert {"empty", "in_a_fence", "keys_twice_right_first"}.isdisjoint(fallen(report))


def test_thinkjson_falls() -> None:
    report = attack(ROWS, SCHEMAS, load("thinkjson", form="think"), form="think")
    # It reads the first answer of several, never looks at the schema, and counts keys one by one.
    assert {"two_answers", "extra_keys", "types_swapped", "look_alikes"} <= fallen(report)


def test_a_setting_that_pays_for_wrapping_is_found() -> None:
    report = attack(ROWS, SCHEMAS, load("fields", scoring=Scoring(wrapped=0.9)), form="plain")
    assert {"in_a_fence", "in_prose"} <= fallen(report)


# ----------------------------------------------------------------------------------------------- bad rewards


def rewarding(total: Callable[[str, JSON], float]) -> Reward:
    """Make a reward of a function of completion and target."""

    def reward(attempts: Sequence[Attempt]) -> list[Score]:
        return [Score(total(each.completion, each.example.target), "obeys", {}) for each in attempts]

    return reward


def loaded(completion: str) -> JSON:
    try:
        return json.loads(completion)
    except (ValueError, RecursionError):
        return None


def share_of_keys(completion: str, target: JSON) -> float:
    value = loaded(completion)
    assert isinstance(target, dict)
    return sum(key in value for key in target) / len(target) if isinstance(value, dict) else 0.0


def share_of_equal_keys(completion: str, target: JSON) -> float:
    value = loaded(completion)
    assert isinstance(target, dict)
    return (
        sum(value.get(key) == part for key, part in target.items()) / len(target)
        if isinstance(value, dict)
        else 0.0
    )


def share_of_words_said(completion: str, target: JSON) -> float:
    words = [str(leaf) for _, leaf in leaves_at(target)]
    return sum(word in completion for word in words) / len(words)


def nearness_of_length(completion: str, target: JSON) -> float:
    mine, theirs = len(completion) + 1, len(json.dumps(target)) + 1
    return min(mine, theirs) / max(mine, theirs)


def any_json_inside(completion: str, target: JSON) -> float:
    start, end = completion.find("{"), completion.rfind("}")
    return share_of_equal_keys(completion[start : end + 1], target)


def share_without_case(completion: str, target: JSON) -> float:
    return share_of_equal_keys(completion.lower(), json.loads(json.dumps(target).lower()))


@pytest.mark.parametrize(
    ("total", "families"),
    [
        pytest.param(lambda *_: 1.0, {each.__name__ for each in (*SPOILT, *TAGS)}, id="anything"),
        pytest.param(lambda said, _: float(loaded(said) is not None), {"empty", "nesting"}, id="any JSON"),
        pytest.param(
            share_of_keys,
            {"least_values", "nulls", "schema_echoed", "keys_as_values", "right_keys", "extra_keys"},
            id="keys alone",
        ),
        pytest.param(
            share_of_equal_keys,
            {"keys_twice_right_last", "extra_keys"},
            id="equal keys, read by a parser that keeps the last of two",
        ),
        pytest.param(
            share_of_words_said,
            {"all_in_one", "in_prose", "twice", "open_tags", "wrapped", "comments", "answer_in_thought"},
            id="right words anywhere",
        ),
        pytest.param(nearness_of_length, {"padded", "values_moved", "look_alikes"}, id="length"),
        pytest.param(any_json_inside, {"in_a_fence", "in_prose", "wrapped_in_tags"}, id="JSON anywhere"),
        pytest.param(share_without_case, {"look_alikes"}, id="keys in any case"),
        pytest.param(lambda said, _: float("score it 1.0" in said), {"injection"}, id="obeys orders"),
        pytest.param(lambda said, _: float(len(said)), {"copied_item", "text_everywhere"}, id="longer"),
    ],
)  # fmt: skip
def test_a_bad_reward_falls_for_what_it_cannot_see(
    total: Callable[[str, JSON], float], families: set[str]
) -> None:
    report = attack(ROWS, SCHEMAS, rewarding(total), form="plain")
    assert families <= fallen(report)
    assert not report.held


def test_a_reward_that_copies_the_most_frequent_target_is_told_from_luck() -> None:
    # Three of four rows have the same answer: giving it always is right there, and wrong on the fourth.
    source: dict[str, JSON] = {
        "type": "object",
        "properties": {"kind": {"enum": ["a", "b"]}},
        "required": ["kind"],
    }
    rows = [
        Example(id=str(at), text=f"row {at}", schema="kind", target={"kind": "b" if at == 3 else "a"})
        for at in range(4)
    ]
    report = attack(rows, {"kind": Schema.of(source)}, load("fields"), form="plain")
    record = record_of(report, "most_frequent")
    assert (record.highest, record.reached, record.held) == (1.0, 0, True)


# --------------------------------------------------------------------------------------------------- reports


def test_a_breach_says_where_and_what() -> None:
    report = attack(ORDERS, SCHEMAS, rewarding(share_of_keys), form="plain")
    record = record_of(report, "least_values")
    assert record.worst is not None
    assert record.worst.example_id in {"o1", "o2", "o3"}
    assert record.worst.completion.startswith('{"number":""')
    assert record.worst.score == 1.0
    assert record.worst.mediocre == 1.0
    assert record.what == "The right keys with the shortest value of each type"
    assert 0 < record.rows <= 3
    assert record.tried >= record.reached >= record.rows


def test_a_report_is_spelled_with_what_failed_first() -> None:
    summary = attack(ORDERS, SCHEMAS, rewarding(share_of_keys), form="plain").as_json()
    assert summary["verdict"] == "pays for cheating"
    families = summary["families"]
    assert isinstance(families, list)
    held = [isinstance(each, dict) and each["held"] is True for each in families]
    assert held == sorted(held)
    assert json.loads(json.dumps(summary)) == summary
    assert attack(ORDERS, SCHEMAS, load("fields"), form="plain").as_json()["verdict"] == "holds"


def test_rows_whose_right_answer_is_not_paid_set_no_bar() -> None:
    blind = Example(id="blind", text="nothing of it", schema="invoice", target=INVOICES[0].target)
    rows = [*INVOICES, blind]
    report = attack(rows, SCHEMAS, load("grounded"), form="plain", known=KNOWN["grounded"])
    assert (report.rows, report.unpaid) == (len(INVOICES), 1)
    assert report.held


def test_a_reward_that_pays_wrong_answers_more_is_attacked_on_every_row() -> None:
    report = attack(
        ORDERS, SCHEMAS, rewarding(lambda said, target: float(loaded(said) != target)), form="plain"
    )
    assert (report.rows, report.unpaid) == (3, 0)
    assert "another_row" in fallen(report)


def test_a_failing_reward_is_told_by_family() -> None:
    def reward(attempts: Sequence[Attempt]) -> list[Score]:
        for each in attempts:
            if not each.completion.startswith("{"):
                raise RewardError("no object")
        return [Score(0.0 if each.completion == "{}" else 1.0, "obeys", {}) for each in attempts]

    report = attack(ORDERS, SCHEMAS, reward, form="plain")
    assert record_of(report, "empty").error == "no object"
    assert record_of(report, "empty").highest is None
    assert not record_of(report, "empty").held
    assert record_of(report, "least_values").error is None


def test_a_reward_that_fails_on_honest_answers_is_an_error() -> None:
    def reward(_: Sequence[Attempt]) -> list[Score]:
        raise RewardError("it always fails")

    with pytest.raises(RewardError, match="it always fails"):
        attack(ORDERS, SCHEMAS, reward, form="plain")


def test_only_the_first_rows_are_attacked() -> None:
    rows = [
        Example(id=str(at), text="a", schema="word", target={"word": str(at)}) for at in range(MOST_ROWS + 5)
    ]
    schema = Schema.of({"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]})
    assert attack(rows, {"word": schema}, load("fields"), form="plain").rows == MOST_ROWS


# ------------------------------------------------------------------------------------------ the families


def labelled(
    rows: Sequence[Example], schemas: Mapping[str, Schema] = SCHEMAS, *, form: Form = "plain"
) -> list[Victim]:
    return list(victims(rows, [row.target for row in rows], schemas, form=form))


def test_there_are_many_families_and_each_says_what_it_writes() -> None:
    families = [*CHEATS, *SPOILT, *TAGS, *BROKEN_TAGS]
    assert len(families) >= 25
    assert len({family.__name__ for family in families}) == len(families)
    for family in families:
        assert family.__doc__ is not None
        assert family.__doc__.endswith(".")


def test_families_are_pure() -> None:
    row = labelled(ORDERS)[0]
    for family in (*CHEATS, *SPOILT, *TAGS, *BROKEN_TAGS):
        assert list(family(row)) == list(family(row))


def test_every_family_but_one_tries_something_on_every_row() -> None:
    for row in labelled(ROWS):
        silent = {family.__name__ for family in (*CHEATS, *SPOILT, *TAGS) if not list(family(row))}
        assert silent <= {"number_everywhere", "numbers_in_turn"}


@pytest.mark.parametrize("family", SPOILT, ids=lambda family: family.__name__)
def test_what_is_spoilt_is_not_json(family: Callable[[Victim], Iterator[str]]) -> None:
    for row in labelled(ROWS):
        assert not any(isinstance(parse_json(text), Parsed) for text in family(row))


@pytest.mark.parametrize("family", BROKEN_TAGS, ids=lambda family: family.__name__)
def test_broken_tags_hold_no_answer(family: Callable[[Victim], Iterator[str]]) -> None:
    for row in labelled(ORDERS, form="think"):
        for text in family(row):
            assert isinstance(judge(text, row.schema, form="think"), NoOutput | Malformed)


@pytest.mark.parametrize("target", [5, "x", [], {}, False, [1.5, True]])
def test_any_target_can_be_attacked(target: JSON) -> None:
    example = Example(id="any", text="5 x, or 7.", schema="any", target=target)
    report = attack([example], {"any": Schema.of({})}, load("fields"), form="plain")
    assert report.held


# --------------------------------------------------------------------------------- the mediocre honest answer


def test_half_of_the_mediocre_answer_is_right() -> None:
    row = labelled(ORDERS)[0]
    # Leaves: number, name, since, what, count, what, count, status; every second is another row's.
    assert row.honest == {
        "number": "A-17",
        "client": {"name": "Jon Reed", "since": "2019-05-03"},
        "items": [{"what": "lamps", "count": 12}, {"what": "chairs", "count": 4}],
        "status": "closed",
    }
    assert match(row.honest, row.gold, schema=ORDER).f1 == 0.5


def test_the_mediocre_answer_obeys_and_is_half_right() -> None:
    schemas, rows = drawn_rows(5, 60)
    for row in labelled(rows, schemas):
        assert row.schema.obeys(row.honest)
        leaves = len(list(leaves_at(row.gold)))
        found = match(row.honest, row.gold, schema=row.schema)
        assert math.ceil(leaves / 2) <= found.right
        assert match(row.wrong, row.gold, schema=row.schema).right <= found.right


def test_one_leaf_stays_right_in_a_mediocre_answer() -> None:
    schema = Schema.of({"type": "integer"})
    rows = [Example(id=str(at), text="", schema="one", target=at) for at in range(2)]
    first = labelled(rows, {"one": schema})[0]
    assert (first.gold, first.honest, first.wrong, first.other) == (0, 0, 1, 1)


def test_a_row_alone_is_wrong_by_a_little() -> None:
    target: JSON = {"a": True, "b": 2, "c": "xyz", "d": None, "e": 1.5}
    (row,) = labelled([Example(id="0", text="", schema="any", target=target)], {"any": Schema.of({})})
    assert row.wrong == {"a": False, "b": 3, "c": "yzxx", "d": None, "e": 2.5}
    assert row.honest == {"a": True, "b": 3, "c": "xyz", "d": None, "e": 1.5}


def test_leaves_that_cannot_be_wrong_alone_stay_right() -> None:
    schema = Schema.of({"properties": {"a": {"const": 1}, "b": {"enum": [2, 3]}}})
    rows = [Example(id=str(b), text="", schema="s", target={"a": 1, "b": b}) for b in (2, 3)]
    first = labelled(rows, {"s": schema})[0]
    assert first.wrong == {"a": 1, "b": 3}


def test_leaves_that_cannot_be_wrong_together_are_not() -> None:
    schema = Schema.of({"items": {"type": "integer"}, "uniqueItems": True})
    targets: list[JSON] = [[1, 2], [3]]
    rows = [Example(id=str(at), text="", schema="s", target=target) for at, target in enumerate(targets)]
    first = labelled(rows, {"s": schema})[0]
    # 3 may take the place of either, but not of both.
    assert first.wrong == [3, 2]


def test_the_most_frequent_target_is_the_first_of_equals() -> None:
    rows = [
        Example(id=str(at), text="", schema="any", target=target) for at, target in enumerate([2, 1, 1.0])
    ]
    assert [row.frequent for row in labelled(rows, {"any": Schema.of({})})] == [1, 1, 1]


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
        max_leaves=8,
    )
)
def test_changing_no_leaf_changes_nothing(value: JSON) -> None:
    assert mapped(value, lambda _, leaf: leaf) == value


def test_a_completion_has_the_tags_of_its_form() -> None:
    assert written("5", "plain") == "5"
    assert written("5", "think") == "<think></think>\n<answer>5</answer>"
    assert written("5", "think", thought="hm") == "<think>hm</think>\n<answer>5</answer>"


# ---------------------------------------------------------------------------------------------- the document

DOCUMENT = (Path(__file__).parents[2] / "docs" / "attack.md").read_text(encoding="utf-8")


def table(heading: str) -> dict[str, str]:
    """Return the rows of the document's table under some column heads: the first cell and the last."""
    lines = DOCUMENT.partition(f"{heading}\n")[2].splitlines()[1:]
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines[
            : next((at for at, line in enumerate(lines) if not line.startswith("|")), len(lines))
        ]
    ]
    return {row[0].strip("`"): row[-1] for row in cells}


def test_the_document_lists_every_family() -> None:
    families = (*CHEATS, *SPOILT, *TAGS, *BROKEN_TAGS)
    assert table("| family | completions |") == {
        family.__name__: str(family.__doc__).rstrip(".") for family in families
    }


def test_the_document_lists_what_grounded_is_known_to_pay() -> None:
    assert table("| family under `grounded` | because |") == KNOWN["grounded"]
    assert table("| family without targets | because |") == KNOWN_WITHOUT_TARGETS["grounded"]
