"""The share of a schema that a value obeys cannot be raised by padding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.records import JSON
from adhere.reward.shape import share_in_order
from adhere.schema import Schema, Violation

SCHEMA = Schema.of(
    {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "address": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "zip": {"type": "string"}},
                "required": ["city", "zip"],
            },
            "prices": {"type": "array", "items": {"type": "number"}, "maxItems": 3},
            'a "b"/c': {"type": "string"},
        },
        "required": ["name", "address", 'a "b"/c'],
        "additionalProperties": False,
    }
)
"""Five leaves: /name, /address/city, /address/zip, /prices/*, and one with a hard name."""
GOOD: dict[str, JSON] = {"name": "x", "address": {"city": "y", "zip": "z"}, "prices": [1], 'a "b"/c': "q"}


def share(value: JSON) -> float:
    return share_in_order(SCHEMA.violations(value), SCHEMA)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(GOOD, 1.0, id="obeys: 5 of 5"),
        pytest.param(GOOD | {"name": 1}, 4 / 5, id="a wrong type spoils one leaf"),
        pytest.param({key: GOOD[key] for key in GOOD if key != "name"}, 4 / 5, id="so does a missing key"),
        pytest.param({key: GOOD[key] for key in GOOD if key != 'a "b"/c'}, 4 / 5, id="with any name"),
        pytest.param(
            {key: GOOD[key] for key in GOOD if key != "address"}, 3 / 5, id="a missing object spoils both"
        ),
        pytest.param(GOOD | {"address": {"city": "y"}}, 4 / 5, id="an unfinished one spoils what is missing"),
        pytest.param(GOOD | {"address": "y z"}, 3 / 5, id="a string for an object spoils both"),
        pytest.param(GOOD | {"prices": ["a", 1, "b"]}, 4 / 5, id="two bad items spoil one leaf"),
        pytest.param(GOOD | {"prices": [1, 2, 3, 4]}, 4 / 5, id="a list too long spoils its items"),
        pytest.param(
            GOOD | {"extra": 1}, 5 / 6, id="a key that may not be there is a sixth leaf, out of order"
        ),
        pytest.param({}, 1 / 5, id="an empty object leaves only what is optional"),
        pytest.param(5, 0.0, id="another type at the root spoils all"),
    ],
)
def test_shares_of_a_schema(value: JSON, expected: float) -> None:
    assert share(value) == pytest.approx(expected)


def test_a_key_too_long_to_quote_spoils_all_beside_it() -> None:
    key = "k" * 300
    schema = Schema.of({"properties": {"a": {"type": "string"}, key: {"type": "string"}}, "required": [key]})
    assert share_in_order(schema.violations({"a": "x"}), schema) == 0.0


def test_a_violation_where_the_schema_has_no_leaf_is_a_stray() -> None:
    schema = Schema.of({"properties": {"a": {"type": "string"}, "b": False}})
    # /a is in order; /b may not be there: 1 / (1 + 1)
    assert share_in_order(schema.violations({"a": "x", "b": 1}), schema) == 0.5


def test_without_violations_all_is_in_order() -> None:
    assert share_in_order([], SCHEMA) == 1.0


PARTS: st.SearchStrategy[JSON] = st.sampled_from(
    ["x", 1, None, [], [1], ["a"], {}, {"city": "y"}, {"city": 1}]
)
VALUES = st.dictionaries(st.sampled_from([*GOOD, "extra"]), PARTS)


@given(VALUES, st.sampled_from(list(GOOD)))
def test_setting_one_key_right_never_lowers_the_share(value: dict[str, JSON], key: str) -> None:
    assert share(value) <= share(value | {key: GOOD[key]})


@given(VALUES, st.sampled_from(["extra", "more"]), PARTS)
def test_another_key_never_raises_the_share(value: dict[str, JSON], key: str, part: JSON) -> None:
    assert share(value | {key: part}) <= share(value)


@given(
    st.lists(
        st.builds(Violation, st.sampled_from(["", "/name", "/address", "/x"]), st.just("type"), st.just(""))
    )
)
def test_any_violation_costs_something(violations: list[Violation]) -> None:
    assert (share_in_order(violations, SCHEMA) < 1.0) == bool(violations)
