"""Items of lists without order are paired for most right leaves, up to a limit that keeps the time short."""

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.records import JSON
from adhere.reward.match import match
from adhere.reward.pairing import MOST_COMPARISONS, pairs, right_leaves, unpaired
from adhere.schema import Schema
from adhere.schema.expected import expected

FREE: dict[str, JSON] = {
    "x-order": "free",
    "items": {"$ref": "#/$defs/any"},
    "additionalProperties": {"$ref": "#/$defs/any"},
}
EVERYWHERE = Schema.of({"$ref": "#/$defs/any", "$defs": {"any": FREE}})
"""Every list has no order, in whatever it stands."""
TOP = Schema.of({"type": "array", "uniqueItems": True})
"""The list at the root has no order; those in it have."""


def paired(values: list[JSON], golds: list[JSON], schema: Schema = TOP) -> set[tuple[int, int]]:
    return set(pairs(values, golds, expected(schema)))


@pytest.mark.parametrize(
    ("values", "golds", "expected_pairs"),
    [
        pytest.param(["b", "a"], ["a", "b"], {(0, 1), (1, 0)}, id="equal scalars"),
        pytest.param([1.0, True], [True, 1], {(0, 1), (1, 0)}, id="1.0 is 1, and true is not"),
        pytest.param([{"x": 1, "y": [2.0]}], [[1], {"y": [2], "x": 1.0}], {(0, 1)}, id="equal objects"),
        pytest.param([[1, 2], [2, 1]], [[2, 1], [1, 2]], {(0, 1), (1, 0)}, id="equal lists, in order"),
        pytest.param([{}, []], [[], {}], {(0, 1), (1, 0)}, id="empty ones"),
        pytest.param(["a", "a"], ["a", "b"], {(0, 0), (1, 1)}, id="one item pairs with one"),
        pytest.param(["x", "a", "y"], ["a", "b"], {(1, 0), (0, 1)}, id="what is left, in order"),
        pytest.param(["x", {"k": 1}], [{"k": 1, "l": 2}, "y"], {(1, 0), (0, 1)}, id="objects with objects"),
        pytest.param([{"k": 1}, "x"], ["y", "z"], {(0, 0), (1, 1)}, id="or with what there is"),
        pytest.param(
            [{"k": 1, "l": 1}, {"k": 1, "l": 2}],
            [{"k": 1, "l": 3}, {"k": 1, "l": 1, "m": 1}],
            {(0, 1), (1, 0)},
            id="the pairing with most right leaves: 2 + 1, not 1 + 1",
        ),
    ],
)
def test_pairs_of_a_list_without_order(
    values: list[JSON], golds: list[JSON], expected_pairs: set[tuple[int, int]]
) -> None:
    assert paired(values, golds) == expected_pairs


def test_a_list_in_order_is_paired_in_order() -> None:
    assert pairs(["a", "b", "c"], ["b", "a"], None) == [(0, 0), (1, 1)]
    assert paired(["a", "b"], ["b", "a"], Schema.of({})) == {(0, 0), (1, 1)}


def test_items_with_schemas_of_their_own_are_paired_by_the_schema_of_the_right_one() -> None:
    free: JSON = {"type": "array", "x-order": "free"}
    schema = Schema.of({"x-order": "free", "prefixItems": [free, {}], "items": {}})
    # The first right item is a list without order: [2, 1, 0] has 3 of its leaves. The second has an order.
    values: list[JSON] = [[2, 1, 7], [2, 1, 0]]
    golds: list[JSON] = [[0, 1, 2], [2, 1, 8]]
    assert paired(values, golds, schema) == {(0, 1), (1, 0)}


def flat(count: int, *, off: int) -> list[JSON]:
    """Objects of two leaves; those of two lists with other offsets differ in one."""
    return [{"name": index, "off": off} for index in range(count)]


def test_beyond_the_limit_equal_items_are_paired_and_the_rest_in_order() -> None:
    # 353 · 2 leaves · 353 items are 249,218 comparisons, 354 · 2 · 354 are 250,632.
    assert 353 * 2 * 353 <= MOST_COMPARISONS < 354 * 2 * 354
    within, beyond = flat(353, off=0), flat(354, off=0)
    assert match(within[::-1], flat(353, off=1), schema=TOP).right == 353
    assert match(beyond[::-1], flat(354, off=1), schema=TOP).right == 0
    assert match([*beyond[::-1], "x"], ["x", *flat(354, off=1)], schema=TOP).right == 1
    assert match(beyond, flat(354, off=1), schema=TOP).right == 354
    assert match(beyond[::-1], beyond, schema=TOP).exact


def test_a_long_list_against_a_short_one_is_searched() -> None:
    # 8,000 · 2 leaves against 15 items are 240,000 comparisons.
    values = [*flat(8_000, off=0), {"name": 3, "off": 1}]
    assert match(values, [*flat(3, off=2), {"name": 3, "off": 1}], schema=TOP).right == 2 + 3


def test_lists_inside_items_that_must_be_paired_first_have_a_lower_limit() -> None:
    def boxes(count: int, *, off: int) -> list[JSON]:
        return [{"box": index, "things": [{"a": index, "b": off}, {"c": 1}]} for index in range(count)]

    # Ten comparisons each: (39 · 4)² · 10 are 243,360, (40 · 4)² · 10 are 256,000.
    assert (39 * 4) ** 2 * 10 <= MOST_COMPARISONS < (40 * 4) ** 2 * 10
    assert match(boxes(39, off=0)[::-1], boxes(39, off=1), schema=EVERYWHERE).right == 39 * 3
    # In order only the thing that all boxes have is right.
    assert match(boxes(40, off=0)[::-1], boxes(40, off=1), schema=EVERYWHERE).right == 40


def test_lists_of_scalars_inside_items_are_counted_with_what_they_have_twice() -> None:
    values: list[JSON] = [{"n": 1, "tags": ["a", "a", "b"]}, {"n": 2, "tags": ["b", "c"]}]
    golds: list[JSON] = [{"n": 3, "tags": ["c", "b", "d"]}, {"n": 4, "tags": ["a", "b", "a"]}]
    assert paired(values, golds, EVERYWHERE) == {(0, 1), (1, 0)}
    assert match(values, golds, schema=EVERYWHERE).right == 3 + 2


def test_indexes_that_are_in_no_pair() -> None:
    assert unpaired(5, [3, 0]) == [1, 2, 4]
    assert unpaired(2, [0, 1]) == []


# ----------------------------------------------------------------------------------------------- invariants

SCALARS = st.sampled_from([None, True, 1, 1.0, "x", "1"])
VALUES: st.SearchStrategy[JSON] = st.recursive(
    SCALARS,
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.sampled_from("ab"), parts, max_size=2),
    max_leaves=7,
)


def most_right(value: JSON, gold: JSON) -> int:
    """Count the right leaves under the best pairing, by trying every one."""
    if isinstance(value, dict) and isinstance(gold, dict) and value and gold:
        return sum(most_right(value[key], gold[key]) for key in value if key in gold)
    if isinstance(value, list) and isinstance(gold, list) and value and gold:
        short, long = sorted((value, gold), key=len)
        return max(
            sum(most_right(one, two) for one, two in zip(short, chosen, strict=True))
            for chosen in itertools.permutations(long, len(short))
        )
    return int(spelled(value) == spelled(gold))


def spelled(leaf: JSON) -> str:
    return json.dumps(leaf).replace("1.0", "1")


@settings(max_examples=300)
@given(VALUES, VALUES)
def test_no_pairing_has_more_right_leaves(value: JSON, gold: JSON) -> None:
    assert right_leaves(value, gold, expected(EVERYWHERE)) == most_right(value, gold)
    assert match(value, gold, schema=EVERYWHERE).right == most_right(value, gold)


@given(st.lists(VALUES, max_size=4), st.lists(VALUES, max_size=4))
def test_items_are_paired_once_and_until_one_list_is_used_up(values: list[JSON], golds: list[JSON]) -> None:
    found = pairs(values, golds, expected(EVERYWHERE))
    assert len({i for i, _ in found}) == len({j for _, j in found}) == len(found)
    assert len(found) == min(len(values), len(golds))
