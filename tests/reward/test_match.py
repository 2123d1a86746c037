"""Leaves right, wrong, missing and invented, against a slow comparison that tries every pairing."""

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.errors import EvaluationError
from adhere.records import JSON
from adhere.reward.match import Finding, Match, all_missing, by_leaf, findings, match, tally, total
from adhere.schema import Schema
from adhere.schema.leaves import leaves

ANY = Schema.of({})
FREE = Schema.of(
    {"$ref": "#/$defs/any", "$defs": {"any": {"x-order": "free", "items": {"$ref": "#/$defs/any"}}}}
)
"""Every list in a list has no order, however deep."""


def same(right: int = 0, *, wrong: int = 0, missing: int = 0, invented: int = 0) -> Match:
    return Match(right=right, wrong=wrong, missing=missing, invented=invented)


@pytest.mark.parametrize(
    ("value", "gold", "expected"),
    [
        pytest.param({"a": 1, "b": "x"}, {"b": "x", "a": 1}, same(2), id="key order does not matter"),
        pytest.param({"a": 1}, {"a": 2}, same(wrong=1), id="wrong"),
        pytest.param(
            {}, {"a": 1}, same(missing=1, invented=1), id="an empty object is a leaf that gold has not"
        ),
        pytest.param({"a": 1, "b": 2}, {"a": 1}, same(1, invented=1), id="invented"),
        pytest.param({"a": None}, {"a": None}, same(1), id="null is a value"),
        pytest.param({"b": 1}, {"a": None, "b": 1}, same(1, missing=1), id="a missing key is not null"),
        pytest.param({"a": None, "b": 1}, {"b": 1}, same(1, invented=1), id="nor is null a missing key"),
        pytest.param(1.0, 1, same(1), id="1.0 is 1"),
        pytest.param(1e0, 1, same(1), id="1e0 is 1"),
        pytest.param(True, 1, same(wrong=1), id="true is not 1"),
        pytest.param(False, 0, same(wrong=1), id="false is not 0"),
        pytest.param("1", 1, same(wrong=1), id="a string is not a number"),
        pytest.param("", None, same(wrong=1), id="an empty string is not null"),
        pytest.param(2**53 + 1, float(2**53), same(wrong=1), id="big integers are exact"),
        pytest.param("Mug", "mug", same(wrong=1), id="strings are compared exactly"),
        pytest.param([], {}, same(wrong=1), id="an empty list is not an empty object"),
        pytest.param({"a": []}, {"a": []}, same(1), id="an empty list is one leaf"),
        pytest.param(
            {"a": {"b": 1, "c": 2}}, {"a": 1}, same(missing=1, invented=2), id="an object is not its leaf"
        ),
        pytest.param({"0": "x"}, ["x"], same(missing=1, invented=1), id="an object is not a list"),
        pytest.param([1, 2, 3], [1, 2, 3], same(3), id="a list in order"),
        pytest.param([2, 1], [1, 2], same(wrong=2), id="a list out of order"),
        pytest.param([1, 2], [1], same(1, invented=1), id="a list too long"),
        pytest.param([1], [1, 2], same(1, missing=1), id="a list too short"),
    ],
)
def test_fates_of_leaves(value: JSON, gold: JSON, expected: Match) -> None:
    assert match(value, gold, schema=ANY) == expected


ITEMS: JSON = {"type": "object", "properties": {"name": {"type": "string"}, "tags": {"uniqueItems": True}}}
CART = Schema.of(
    {"type": "object", "properties": {"cart": {"type": "array", "x-order": "free", "items": ITEMS}}}
)


@pytest.mark.parametrize(
    ("value", "gold", "expected"),
    [
        pytest.param([{"name": "b"}, {"name": "a"}], [{"name": "a"}, {"name": "b"}], same(2), id="any order"),
        pytest.param(
            [{"name": "a", "n": 1}, {"name": "b", "n": 2}],
            [{"name": "b", "n": 1}, {"name": "b", "n": 2}],
            same(3, wrong=1),
            id="the pairing with most right leaves: 1 + 2, not 1 + 1",
        ),
        pytest.param([{"name": "b"}], [{"name": "a"}, {"name": "b"}], same(1, missing=1), id="one missing"),
        pytest.param([{"name": "c"}, {"name": "a"}], [{"name": "a"}], same(1, invented=1), id="one invented"),
        pytest.param([{"name": "c"}], [{"name": "a"}], same(wrong=1), id="what is left over is paired too"),
        pytest.param(
            [{"tags": ["y", "x"]}], [{"tags": ["x", "y"]}], same(2), id="lists inside items, by uniqueItems"
        ),
        pytest.param(
            [{"x": [2, 1]}], [{"x": [1, 2]}], same(wrong=2), id="lists of which nothing is said keep order"
        ),
        pytest.param(["b", 1, True], [True, "b", 1], same(3), id="scalars"),
        pytest.param(["b", "b"], ["b", "a"], same(1, wrong=1), id="one item pairs with one"),
    ],
)
def test_lists_without_order_are_paired_for_most_right_leaves(
    value: JSON, gold: JSON, expected: Match
) -> None:
    assert match({"cart": value}, {"cart": gold}, schema=CART) == expected


def test_a_thousand_items_are_paired_in_reasonable_time() -> None:
    cart: list[JSON] = [{"name": f"item {index}"} for index in range(60)]
    tags: list[JSON] = [f"tag {index}" for index in range(2000)]
    value: JSON = {"cart": [*reversed(cart), {"tags": list(reversed(tags))}]}
    assert match(value, {"cart": [{"tags": tags}, *cart]}, schema=CART).exact


def test_lists_nested_as_deep_as_answers_go_are_compared_in_reasonable_time() -> None:
    value: JSON = 1
    for _ in range(120):
        value = [value]
    assert match(value, value, schema=FREE) == same(1)


# ------------------------------------------------------------------------------------ what counts amount to


def test_precision_recall_and_f1_of_two_right_one_wrong_one_missing_three_invented() -> None:
    fates = same(2, wrong=1, missing=1, invented=3)
    assert fates.precision == 2 / 6
    assert fates.recall == 2 / 4
    # 2 PR / (P + R) = 2 · 1/3 · 1/2 / (5/6) = .4
    assert fates.f1 == pytest.approx(0.4)
    assert not fates.exact


def test_exact_means_that_nothing_is_wrong_missing_or_invented() -> None:
    assert same(3).exact
    assert not any(each.exact for each in (same(3, wrong=1), same(3, missing=1), same(3, invented=1), same()))


def test_a_share_of_no_leaves_is_an_error_and_not_0() -> None:
    with pytest.raises(EvaluationError, match="a share of no leaves is not defined"):
        _ = same(missing=2).precision


def test_counts_are_kept_per_field_and_add_up() -> None:
    gold: JSON = {"items": [{"price": 1}, {"price": 2}], "note": "x"}
    found = findings({"items": [{"price": 1}, {"price": 3}], "extra": 0}, gold, schema=ANY)
    fields = by_leaf(found)
    assert fields == {
        "/items/*/price": same(1, wrong=1),
        "/note": same(missing=1),
        "/extra": same(invented=1),
    }
    assert total(fields.values()) == tally(found) == same(1, wrong=1, missing=1, invented=1)


def test_without_an_answer_every_leaf_is_missing() -> None:
    assert tally(all_missing({"a": [1, 2], "b": {}})) == same(missing=3)


def test_an_invented_leaf_says_how_far_the_gold_has_its_path() -> None:
    found = findings({"a": {"b": {"c": 1}}}, {"a": {"d": 1}}, schema=ANY)
    assert set(found) == {Finding("invented", ("a", "b", "c"), 1, 1), Finding("missing", ("a", "d"), 2, 1)}


# ----------------------------------------------------------------------------------------------- invariants

SCALARS = st.sampled_from([None, True, False, 0, 1, 1.0, "", "x", "1"])
VALUES: st.SearchStrategy[JSON] = st.recursive(
    SCALARS,
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.sampled_from("abc"), parts, max_size=3),
    max_leaves=8,
)
NESTED_LISTS: st.SearchStrategy[JSON] = st.recursive(
    SCALARS, lambda parts: st.lists(parts, max_size=3), max_leaves=7
)


def is_container(value: JSON) -> bool:
    return isinstance(value, (dict, list)) and bool(value)


def equal_leaves(one: JSON, other: JSON) -> bool:
    numeric = {type(one), type(other)} <= {int, float}
    return one == other and (type(one) is type(other) or numeric)


def most_right(value: JSON, gold: JSON, *, free: bool) -> int:
    """Count the right leaves under the best pairing, by trying every one."""
    if not is_container(value) and not is_container(gold):
        return int(equal_leaves(value, gold))
    if isinstance(value, dict) and isinstance(gold, dict):
        return sum(most_right(value[key], gold[key], free=free) for key in value if key in gold)
    if not (isinstance(value, list) and isinstance(gold, list)) or not (value and gold):
        return 0
    if not free:
        return sum(most_right(mine, theirs, free=False) for mine, theirs in zip(value, gold, strict=False))
    short, long = sorted((value, gold), key=len)
    return max(
        sum(most_right(mine, theirs, free=True) for mine, theirs in zip(short, chosen, strict=True))
        for chosen in itertools.permutations(long, len(short))
    )


@settings(max_examples=300)
@given(VALUES, VALUES)
def test_ordered_counts_agree_with_the_slow_comparison(value: JSON, gold: JSON) -> None:
    fates = match(value, gold, schema=ANY)
    assert fates.right == most_right(value, gold, free=False)
    assert fates.right + fates.wrong + fates.invented == len(list(leaves(value)))
    assert fates.right + fates.wrong + fates.missing == len(list(leaves(gold)))


@settings(max_examples=300)
@given(NESTED_LISTS, NESTED_LISTS)
def test_no_pairing_of_unordered_lists_has_more_right_leaves(value: JSON, gold: JSON) -> None:
    fates = match(value, gold, schema=FREE)
    assert fates.right == most_right(value, gold, free=True)
    assert fates.right + fates.wrong + fates.invented == len(list(leaves(value)))
    assert fates.right + fates.wrong + fates.missing == len(list(leaves(gold)))


@settings(max_examples=300)
@given(VALUES | NESTED_LISTS, VALUES | NESTED_LISTS, st.sampled_from([ANY, FREE]))
def test_a_match_counts_what_the_findings_list(value: JSON, gold: JSON, schema: Schema) -> None:
    assert match(value, gold, schema=schema) == tally(findings(value, gold, schema=schema))


@given(VALUES)
def test_a_value_matches_itself_exactly(value: JSON) -> None:
    assert match(value, value, schema=ANY).exact
    assert match(value, value, schema=FREE).exact


@given(VALUES, VALUES)
def test_only_equal_values_match_exactly(value: JSON, gold: JSON) -> None:
    def spelled(one: JSON) -> str:
        return json.dumps(one, sort_keys=True).replace("1.0", "1")

    assert match(value, gold, schema=ANY).exact == (spelled(value) == spelled(gold))


@given(st.lists(VALUES, max_size=4).flatmap(lambda items: st.tuples(st.just(items), st.permutations(items))))
def test_shuffling_a_list_without_order_changes_nothing(lists: tuple[list[JSON], list[JSON]]) -> None:
    items, shuffled = lists
    assert match(shuffled, items, schema=FREE).exact


@given(VALUES, VALUES)
def test_swapping_answer_and_gold_swaps_precision_and_recall(value: JSON, gold: JSON) -> None:
    one, other = match(value, gold, schema=ANY), match(gold, value, schema=ANY)
    assert (one.precision, one.recall) == (other.recall, other.precision)
    assert one.f1 == other.f1
    assert 0.0 <= one.f1 <= 1.0
