"""What the model card's numbers are made of: answers judged again, faults told apart, rows split."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from parts.answers import (
    Answer,
    answers,
    beyond_twice,
    exact,
    gained_exact,
    gained_f1,
    gained_valid,
    leaf_f1,
    valid,
)
from parts.faults import faults, kinds
from parts.figure import Figure, Source
from parts.rows import (
    asked,
    by_hash,
    cut,
    first,
    first_of_each_target,
    joined,
    learnable,
    narrowed,
    unlabelled,
    write,
)

from adhere.data import store
from adhere.data.store import Dataset
from adhere.measure.statistics import Mean, Rate
from adhere.model import Model, Reader
from adhere.records import JSON, Example
from adhere.schema import Schema

BILL = Schema.of(
    {
        "title": "bill",
        "type": "object",
        "properties": {
            "payee": {"type": "string"},
            "due": {"type": "string", "format": "date"},
            "sum": {"type": "number"},
            "paid": {"type": "boolean"},
            "notes": {"type": "array", "items": {"type": "string"}},
        },
        "additionalProperties": False,
    }
)
TEXT = "Acme asks 1,200.50 by 3 May 2024, not paid; 2 notes: soon, please"
GOLD: dict[str, JSON] = {
    "payee": "Acme",
    "due": "2024-05-03",
    "sum": 1200.5,
    "paid": False,
    "notes": ["soon", "please"],
}


def bill(name: str = "1", *, text: str = TEXT, target: JSON = None) -> Example:
    return Example(id=name, text=text, schema="bill", target=GOLD if target is None else target)


def answered(
    tmp_path: Path, *completions: str, examples: Sequence[Example] | None = None
) -> tuple[Answer, ...]:
    """Answers as `adhere eval` leaves them, each to an example of its own."""
    listed = examples or [bill(str(place)) for place in range(len(completions))]
    file = tmp_path / "predictions.jsonl"
    lines = [
        {"id": example.id, "completion": text, "tokens": 7}
        for example, text in zip(listed, completions, strict=False)
    ]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return answers(file, Dataset({"bill": BILL}, tuple(listed)))


RIGHT = json.dumps(GOLD)


def test_rates_and_leaf_f1_over_all_rows(tmp_path: Path) -> None:
    # Six leaves are right; then five of them are, one is wrong; then nothing is JSON, and six are missing.
    given = answered(tmp_path, RIGHT, RIGHT.replace("Acme", "Ace"), "{")
    assert (exact(given), valid(given)) == (Rate(1, 3), Rate(2, 3))
    f1 = leaf_f1(given)
    # 2 · 11 of 2 · 11 + 2 · 1 + 6.
    assert (f1.mean, f1.n) == (pytest.approx(22 / 30), 3)
    assert 0.0 <= f1.low < f1.mean < f1.high <= 1.0


def test_an_example_that_was_not_asked_is_one_without_an_answer(tmp_path: Path) -> None:
    examples = [bill("asked"), bill("left out")]
    given = answered(tmp_path, RIGHT, examples=examples)
    assert [answer.row.outcome for answer in given] == ["obeys", "no_output"]
    assert (exact(given), given[1].row.tokens) == (Rate(1, 2), 0)


def test_gains_are_paired(tmp_path: Path) -> None:
    before = answered(tmp_path, RIGHT, "{", "[]", RIGHT)
    after = answered(tmp_path, RIGHT, RIGHT, RIGHT, "{}")
    assert gained_exact(after, before).difference == pytest.approx((3 - 2) / 4)
    # All four obey after, as `{}` does; before it were two.
    assert gained_valid(after, before).difference == pytest.approx(2 / 4)
    assert gained_f1(after, before).mean == pytest.approx(leaf_f1(after).mean - leaf_f1(before).mean)
    # Three of four, less twice two of four.
    assert beyond_twice(after, before).mean == pytest.approx(3 / 4 - 2 * 2 / 4)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        pytest.param('"Acme"', '"Ace"', "other value", id="another name"),
        pytest.param('"Acme"', '"ACME"', "other spelling", id="another case"),
        pytest.param("2024-05-03", "3 May 2024", "other spelling", id="a date as the text has it"),
        pytest.param("1200.5", '"1200.5"', "other type", id="a number in quotation marks"),
        pytest.param("1200.5", '"1,200.50"', "other spelling", id="a number as the text has it"),
        pytest.param("false", '"false"', "other type", id="a truth value in quotation marks"),
        pytest.param("false", "true", "other value", id="the other truth value"),
        pytest.param('"payee": "Acme", ', "", "missing", id="a key left out"),
        pytest.param(', "please"', "", "missing", id="an item left out"),
    ],
)
def test_a_fault_is_told_from_the_others(tmp_path: Path, old: str, new: str, fault: str) -> None:
    wrong = RIGHT.replace(old, new)
    assert wrong != RIGHT
    found = faults(answered(tmp_path, wrong))
    assert {name: rate.hits for name, rate in found.items() if rate.hits} == {"right": 5, fault: 1}
    assert sum(rate.hits for rate in found.values()) == found["right"].tries == 6


def test_leaves_without_json_are_of_a_kind_of_their_own(tmp_path: Path) -> None:
    assert faults(answered(tmp_path, "sorry"))["no JSON"] == Rate(6, 6)


def test_leaves_are_told_by_what_had_to_be_done_for_them(tmp_path: Path) -> None:
    # Acme, soon and please stand in the text; date and sum do in another spelling; false is chosen.
    given = answered(tmp_path, RIGHT.replace("Acme", "Ace"), RIGHT.replace("1200.5", "1200"))
    assert kinds(given) == {
        "copied": Rate(5, 6),
        "date": Rate(2, 2),
        "number": Rate(1, 2),
        "chosen": Rate(2, 2),
    }


def test_a_number_within_another_is_not_copied(tmp_path: Path) -> None:
    given = answered(tmp_path, '{"sum": 2}', examples=[bill(text="12 bills", target={"sum": 2})])
    assert kinds(given) == {"number": Rate(1, 1)}


SOURCE = Source("snips", "sft", "adhere eval …", 1.25)


@pytest.mark.parametrize(
    ("figure", "reached"),
    [
        pytest.param(SOURCE.share("exact", Rate(8, 10), aim=0.8), True, id="at the aim"),
        pytest.param(SOURCE.share("exact", Rate(7, 10), aim=0.8), False, id="below it"),
        pytest.param(SOURCE.share("exact", Rate(7, 10)), None, id="no aim"),
        pytest.param(SOURCE.number("seconds", 60.0, "seconds", aim=600.0), True, id="quick enough"),
        pytest.param(
            SOURCE.share("ece", Mean(mean=0.06, low=0.0, high=0.1, n=9), unit="error", aim=0.05),
            False,
            id="too large an error",
        ),
    ],
)
def test_an_aim_is_reached_or_not(figure: Figure, reached: bool | None) -> None:  # noqa: FBT001 - a table
    assert figure.is_reached is reached
    assert Figure.of(figure.as_json()) == figure


def dataset(*examples: Example) -> Dataset:
    return Dataset({"bill": BILL}, examples)


def test_a_split_keeps_rows_of_one_target_together() -> None:
    targets: list[JSON] = [{"payee": name} for name in "abcdef"]
    rows = dataset(
        *(bill(f"{place}{n}", target=target) for place, target in enumerate(targets) for n in range(3))
    )
    one, other, rest = cut(by_hash(rows), 4, 5)
    # Three rows a target: the first run is full with four, and takes the sixth row of its second target too.
    assert [len(part.examples) for part in (one, other, rest)] == [6, 6, 6]
    payees = [{str(each.target) for each in part.examples} for part in (one, other, rest)]
    assert sum(map(len, payees)) == len(set().union(*payees)) == 6
    assert by_hash(rows) == by_hash(dataset(*reversed(rows.examples)))
    assert len(first_of_each_target(rows).examples) == 6
    assert first(rows, 2).examples == rows.examples[:2]


def test_rows_that_a_context_does_not_take_are_left_out(model: Model, tmp_path: Path) -> None:
    reader = Reader(model.tokenizer, 600)
    rows = dataset(bill("short"), bill("long", text=TEXT * 9))
    ready = asked(rows, tmp_path / "asked", reader, room=100)
    assert [each.id for each in ready.taken.examples] == ["short"]
    assert ready.share_taken == Rate(1, 2)
    assert store.read(ready.file).examples == ready.taken.examples
    assert [each.id for each in learnable(rows, reader).examples] == ["short"]


def test_schemas_that_no_grammar_guarantees_are_left_out_under_one(model: Model, tmp_path: Path) -> None:
    containing = Schema.of(
        {
            "type": "object",
            "properties": {"a": {"type": "array", "contains": {"type": "integer"}}},
        }
    )
    rows = Dataset(
        {"bill": BILL, "containing": containing},
        (bill(), Example(id="2", text="1 and 2", schema="containing", target={"a": [1, 2]})),
    )
    reader = Reader(model.tokenizer, 4096)
    free = asked(rows, tmp_path / "free", reader, room=10)
    bound = asked(rows, tmp_path / "bound", reader, room=10, constrain=True)
    assert [len(each.taken.examples) for each in (free, bound)] == [2, 1]


def test_data_sets_are_joined_narrowed_and_stripped_of_labels(tmp_path: Path) -> None:
    both = joined({"a": dataset(bill("1")), "b": dataset(bill("1"))})
    assert [each.id for each in both.examples] == ["a/1", "b/1"]
    assert store.read(write(both, tmp_path / "both")).examples == both.examples
    properties: JSON = {"payee": {"type": "string"}, "paid": {"type": "boolean"}}
    smaller = Schema.of({"type": "object", "properties": properties}, name="smaller")
    (narrow,) = narrowed(dataset(bill("1")), smaller, ("payee", "paid")).examples
    assert (narrow.target, narrow.schema) == ({"payee": "Acme", "paid": False}, "smaller")
    assert unlabelled(dataset(bill("1"))).examples[0].target is None
