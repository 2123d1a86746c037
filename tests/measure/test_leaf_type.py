"""Of which type a leaf is."""

import pytest

from adhere.measure.leaf_type import leaf_type
from adhere.records import JSON
from adhere.schema import Schema

SCHEMA = Schema.of(
    {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "day": {"type": ["string", "null"], "format": "date"},
            "moment": {"type": "string", "format": "date-time"},
            "mail": {"type": "string", "format": "email"},
            "state": {"enum": ["open", "paid", 3, None]},
            "kind": {"const": True},
            "amount": {"type": "number"},
            "count": {"type": ["integer", "null"]},
            "either": {"type": ["integer", "number"]},
            "anything": {},
        },
    }
)
LEAVES = {leaf.pointer: leaf for leaf in SCHEMA.leaves}


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        pytest.param("/text", "mug", "string", id="a string"),
        pytest.param("/mail", "a@b.c", "string", id="of another format"),
        pytest.param("/day", "2024-05-03", "date", id="a date"),
        pytest.param("/day", "soon", "date", id="what should be one"),
        pytest.param("/moment", "2024-05-03T10:00:00Z", "date", id="a moment"),
        pytest.param("/text", "2024-05-03", "string", id="a date that the schema does not call one"),
        pytest.param("/state", "open", "enum", id="one of a list"),
        pytest.param("/state", 3, "enum", id="a number of a list"),
        pytest.param("/state", "lost", "enum", id="what should be of a list"),
        pytest.param("/kind", True, "enum", id="a constant"),
        pytest.param("/anything", False, "boolean", id="a boolean"),
        pytest.param("/state", None, "null", id="null, in a list too"),
        pytest.param("/day", None, "null", id="null for a date"),
        pytest.param("/text", [], "empty", id="an empty list"),
        pytest.param("/state", {}, "empty", id="an empty object"),
        pytest.param("/amount", 3, "number", id="a whole number where any is asked for"),
        pytest.param("/count", 3.0, "integer", id="a whole number with a point"),
        pytest.param("/count", 3.5, "integer", id="what should be whole"),
        pytest.param("/either", 3, "number", id="where both are asked for"),
        pytest.param("/anything", 3.0, "integer", id="whole, and the schema does not say"),
        pytest.param("/anything", 3.5, "number", id="not whole, and the schema does not say"),
        pytest.param("/text", 10**400, "integer", id="past the largest double, for a string"),
        pytest.param("/unknown", "mug", "string", id="in a field that the schema does not name"),
    ],
)
def test_a_leaf_has_a_type(field: str, value: JSON, expected: str) -> None:
    assert leaf_type(value, LEAVES.get(field)) == expected
