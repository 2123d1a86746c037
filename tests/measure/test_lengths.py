"""Tokens are counted as a model reads and writes them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere import prompt
from adhere.measure.lengths import Lengths, bins_of
from adhere.model import Model
from adhere.records import JSON, Example
from adhere.schema import Schema

SCHEMA = Schema.of({"type": "object", "properties": {"item": {"type": "string"}}}, name="Order")
PROSE = Schema.of({"type": "string"}, name="Prose")


def row(text: str, target: JSON = None, *, reasoning: str | None = None, **meta: JSON) -> Example:
    return Example(id="1", text=text, schema="Order", target=target, reasoning=reasoning, meta=meta)


def test_an_example_takes_its_prompt_and_its_answer(model: Model) -> None:
    lengths = Lengths(model.tokenizer, context=10_000)
    example = row("a mug", {"item": "mug"})
    assert lengths.excess(example, SCHEMA) == 0
    assert lengths.counted == [len(prompt.render(example, SCHEMA, model.tokenizer).tokens)]


def test_without_a_target_it_takes_its_prompt(model: Model) -> None:
    lengths = Lengths(model.tokenizer, context=10_000)
    lengths.excess(row("a mug"), SCHEMA)
    assert lengths.counted == [len(prompt.prompt(row("a mug"), SCHEMA, model.tokenizer))]


def test_reasoning_is_part_of_the_answer(model: Model) -> None:
    lengths = Lengths(model.tokenizer, context=10_000)
    example = row("a mug", {"item": "mug"}, reasoning="It says mug.")
    lengths.excess(example, SCHEMA)
    assert lengths.counted == [len(prompt.render(example, SCHEMA, model.tokenizer, form="think").tokens)]


def test_a_row_that_asks_for_prose_shows_its_instruction(model: Model) -> None:
    lengths = Lengths(model.tokenizer, context=10_000)
    example = row("a mug", "There is a mug.", instruction="Say it in a sentence.")
    lengths.excess(example, PROSE)
    assert lengths.counted == [len(prompt.render(example, PROSE, model.tokenizer, form="prose").tokens)]


@pytest.mark.parametrize("every", [1, 1000], ids=["counted", "not counted for the quantiles"])
def test_an_example_that_does_not_fit_is_longer_by_so_many_tokens(model: Model, every: int) -> None:
    long = row("a mug " * 200, {"item": "mug"})
    tokens = len(prompt.render(long, SCHEMA, model.tokenizer).tokens)
    lengths = Lengths(model.tokenizer, context=600, every=every)
    assert [lengths.excess(row("a"), SCHEMA), lengths.excess(long, SCHEMA)] == [0, tokens - 600]
    assert len(lengths.counted) == (2 if every == 1 else 1)


def test_one_row_of_so_many_is_counted(model: Model) -> None:
    lengths = Lengths(model.tokenizer, context=10_000, every=3)
    for size in range(7):
        lengths.excess(row("x" * size), SCHEMA)
    # The tokenizer's tokens are bytes: rows 0, 3 and 6.
    shortest = lengths.counted[0]
    assert lengths.counted == [shortest, shortest + 3, shortest + 6]


def test_quantiles_are_of_what_was_counted(model: Model) -> None:
    lengths = Lengths(model.tokenizer, context=512)
    lengths.counted += range(1, 101)
    summary = lengths.as_json()
    assert {name: value for name, value in summary.items() if name != "bins"} == {
        "context": 512,
        "n": 100,
        "mean": 50.5,
        "p5": 5,
        "p50": 50,
        "p95": 95,
        "p99": 99,
        "max": 100,
    }
    # Ten is the least round width with at most 16 bins; the first has 1 to 9, the last 100 alone.
    assert summary["bins"] == [
        {"from": low, "below": low + 10, "rows": 9 if low == 0 else 1 if low == 100 else 10}
        for low in range(0, 101, 10)
    ]


def test_of_few_rows_a_high_quantile_is_the_longest(model: Model) -> None:
    lengths = Lengths(model.tokenizer, context=512)
    lengths.counted += [5, 9, 400]
    summary = lengths.as_json()
    # Two of three are only 67 % of them.
    assert (summary["p5"], summary["p50"], summary["p95"], summary["p99"]) == (5, 9, 400, 400)


def test_nothing_counted_has_no_quantiles(model: Model) -> None:
    summary = Lengths(model.tokenizer, context=512).as_json()
    assert (summary["n"], summary["p50"], summary["bins"]) == (0, None, [])


@settings(max_examples=50)
@given(st.lists(st.integers(0, 10**6)))
def test_bins_are_few_of_one_width_and_hold_every_count(counts: list[int]) -> None:
    bins = bins_of(counts)
    assert len(bins) <= 16
    assert sum(rows for _, _, rows in bins) == len(counts)
    assert len({below - low for low, below, _ in bins}) <= 1
    for low, below, rows in bins:
        assert rows == sum(low <= count < below for count in counts)
