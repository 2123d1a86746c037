"""Which spellings of a leaf's value in a text support it."""

import pytest

from adhere.records import JSON
from adhere.schema import Schema
from adhere.schema.expected import expected
from adhere.text.page import read
from adhere.text.stated import is_countable, spans

SCHEMA = Schema.of(
    {
        "properties": {
            "vendorName": {"type": "string"},
            "note": {"type": "string"},
            "day": {"type": "string", "format": "date"},
            "currency": {"enum": ["EUR", "USD", "GBP", "JPY", "INR", "CHF"]},
            "state": {"enum": ["in_progress", "done"]},
            "grade": {"enum": ["A", "B"]},
            "amount": {"type": "number"},
            "always": {"const": "x"},
        }
    }
)


def found(key: str, value: JSON, text: str) -> list[str]:
    return [text[start:end] for start, end in spans(value, expected(SCHEMA).key(key), read(text), key=key)]


@pytest.mark.parametrize(
    ("key", "value", "text", "expected_places"),
    [
        pytest.param(
            "note",
            "Acme Corp",
            "from ACME\n corp",
            ["ACME\n corp"],
            id="a string, whatever its case and blanks",
        ),
        pytest.param("note", "Acme", "Acmes", [], id="not within a word"),
        pytest.param("note", "5", "5 of 15", ["5"], id="one digit as a string"),
        pytest.param("note", "10:30:00", "at 10:30", ["10:30"], id="a time without its seconds"),
        pytest.param("note", "10:30:05", "at 10:30", [], id="unless they matter"),
        pytest.param(
            "note", "2024-04-15", "on April 15, 2024", ["April 15, 2024"], id="a date, whatever the schema"
        ),
        pytest.param("note", "EUR", "€5 or 5 EUR", ["EUR", "€"], id="a currency, by code or sign"),
        pytest.param("note", "€", "€5", [], id="a sign alone says nothing"),
        pytest.param("day", "2024-04-15", "15/04/2024", ["15/04/2024"], id="a date by its figures"),
        pytest.param("day", "April", "April 15, 2024", [], id="a date must be a full one"),
        pytest.param("currency", "GBP", "£5", ["£"], id="pound"),
        pytest.param("currency", "USD", "$5", ["$"], id="dollar"),
        pytest.param("currency", "JPY", "¥5", ["¥"], id="yen"),
        pytest.param("currency", "INR", "₹5", ["₹"], id="rupee"),
        pytest.param("currency", "CHF", "5 chf", ["chf"], id="no sign of its own"),
        pytest.param(
            "state", "in_progress", "it is in progress", ["in progress"], id="blanks for underscores"
        ),
        pytest.param("state", "in_progress", "in_progress", ["in_progress"], id="or verbatim"),
        pytest.param("grade", "A", "a grade A", ["A"], id="a single letter in its own case"),
        pytest.param(
            "amount", 1234.5, "1.234,50 or 1,234.5", ["1.234,50", "1,234.5"], id="a number in any spelling"
        ),
        pytest.param("amount", 5, "1250", [], id="not a part of one"),
        pytest.param("amount", 3, "three", ["three"], id="a number in words"),
        pytest.param("amount", True, "true", [], id="a boolean is stated nowhere"),
    ],
)
def test_spellings(key: str, value: JSON, text: str, expected_places: list[str]) -> None:
    assert found(key, value, text) == expected_places


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("", "Acme", id="empty"),
        pytest.param("a", "a mug", id="one letter"),
        pytest.param("--", "a -- b", id="no letter or digit"),
        pytest.param("the", "the mug", id="a stop word"),
        pytest.param("of the", "one of the mugs", id="several"),
        pytest.param("Vendor name", "Vendor name: Acme", id="the name of its own key"),
        pytest.param(" Acme", "by Acme", id="white space around"),
        pytest.param("Acme Corp", "Acme Corp.", id="the whole text"),
        pytest.param("mugs. We", "Two mugs. We pay.", id="over a sentence's end"),
        pytest.param("paid! Thanks", "All paid! Thanks, A.", id="over an exclamation"),
        pytest.param("5. We", "No 5. We pay.", id="over a point after a digit"),
        pytest.param("Acme\nTotal", "By Acme\nTotal 5", id="over a line's end, with a capital after it"),
        pytest.param("We owe you two mugs", "Hello. We owe you two mugs. Bye.", id="a whole sentence"),
        pytest.param("We owe you two mugs.", "Hello. We owe you two mugs. Bye.", id="with its point"),
        pytest.param("a" * 61, f"x {'a' * 61} y", id="61 characters"),
    ],
)
def test_strings_that_earn_nothing_though_the_text_has_them(value: str, text: str) -> None:
    assert found("vendorName", value, text) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(
            "Nexus Pvt. Ltd", "by Nexus Pvt. Ltd on", id="a point after a short word ends no sentence"
        ),
        pytest.param("long\nline", "one long\nline here", id="a line's end within running text"),
        pytest.param("Acme Corp", "Who? Acme Corp. Why?", id="a name that stands as a sentence"),
        pytest.param("vendor", "the vendor, Acme", id="a part of the key's name"),
        pytest.param("a" * 60, f"x {'a' * 60} y", id="60 characters"),
    ],
)
def test_strings_that_are_found_though_they_look_suspicious(value: str, text: str) -> None:
    assert found("vendorName", value, text) == [value]


def test_the_longest_string_that_can_be_found_is_a_setting() -> None:
    text = f"x {'a' * 61} y"
    assert spans("a" * 61, expected(SCHEMA).key("note"), read(text), key="note", longest=61) == ((2, 63),)


@pytest.mark.parametrize(
    ("key", "value", "counts"),
    [
        ("note", "x", True),
        ("amount", 0, True),
        ("currency", "EUR", True),
        ("note", None, False),
        ("note", False, False),
        ("note", [], False),
        ("note", {}, False),
        ("always", "x", False),
    ],
)
def test_leaves_count_where_a_text_could_show_them(key: str, value: JSON, *, counts: bool) -> None:
    assert is_countable(value, expected(SCHEMA).key(key)) is counts
