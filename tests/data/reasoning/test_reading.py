"""How a stretch of text comes to mean a value."""

import pytest

from adhere.data.reasoning.reading import Reading, flag_of, reading
from adhere.records import JSON
from adhere.schema import Schema
from adhere.schema.expected import Expected, expected

STATUS: dict[str, JSON] = {"enum": ["in_progress", "done", "EUR"]}
YES_NO: dict[str, JSON] = {"enum": ["yes", "no"]}
TEXT: dict[str, JSON] = {"type": "string"}


def at(schema: dict[str, JSON]) -> Expected:
    return expected(Schema.of(schema))


@pytest.mark.parametrize(
    ("surface", "value", "schema", "means"),
    [
        pytest.param("Acme GmbH", "Acme GmbH", TEXT, "same", id="to the letter"),
        pytest.param("ACME\n GmbH", "Acme GmbH", TEXT, "respelled", id="case and a line break"),
        pytest.param("in-progress", "in_progress", STATUS, "option", id="an option with a hyphen"),
        pytest.param("under way", "in_progress", STATUS, "option", id="an option in other words"),
        pytest.param("–", "done", STATUS, None, id="no words are no option"),
        pytest.param("€", "EUR", STATUS, "sign", id="a sign for a currency"),
        pytest.param("€ 20", "EUR", TEXT, "sign", id="a sign beside a figure"),
        pytest.param("12", 12, TEXT, "same", id="a number to the letter"),
        pytest.param("1,234.50", 1234.5, TEXT, "number", id="a number with separators"),
        pytest.param("EUR 1.234,50", 1234.5, TEXT, "number", id="a number among words"),
        pytest.param("seven", 7, TEXT, "number", id="a number in words"),
        pytest.param("1,235.50", 1234.5, TEXT, None, id="another number"),
        pytest.param("7 %", 0.07, TEXT, "scaled", id="7 / 100"),
        pytest.param("7 %", 7, TEXT, "number", id="a share of a hundred"),
        pytest.param("1.2k", 1200, TEXT, "scaled", id="1.2 × 1,000"),
        pytest.param("2 million", 2_000_000, TEXT, "scaled", id="2 × 1,000,000"),
        pytest.param("a dozen", 12, TEXT, "scaled", id="12"),
        pytest.param("two dozen", 24, TEXT, "scaled", id="2 × 12"),
        pytest.param("2 kg", 2000, TEXT, None, id="a unit is no scale"),
        pytest.param("3 March 2024", "2024-03-03", TEXT, "date", id="a date"),
        pytest.param("3 March 2024, 10:30", "2024-03-03T10:30:00Z", TEXT, "date", id="a date and a time"),
        pytest.param("4 March 2024", "2024-03-03", TEXT, None, id="another date"),
        pytest.param("yesterday", "2024-03-03", TEXT, None, id="no date"),
        pytest.param("10:30", "10:30:00", TEXT, "time", id="a time without seconds"),
        pytest.param("lnvoice 2O24", "Invoice 2024", TEXT, "misread", id="letters misread"),
        pytest.param("2 h 30 min", "PT2H30M", TEXT, "short", id="a duration"),
        pytest.param("Bolt Ltd", "Acme GmbH", TEXT, None, id="another name"),
        pytest.param("yes", True, TEXT, "flag", id="yes is true"),
        pytest.param("no", True, TEXT, None, id="no is not true"),
        pytest.param("already settled", True, TEXT, "flag", id="other words are believed"),
        pytest.param("not at all", "no", YES_NO, "flag", id="an option that can only be yes or no"),
        pytest.param(" ", False, TEXT, None, id="a blank says nothing"),
        pytest.param("none", None, TEXT, None, id="nothing means null"),
    ],
)
def test_what_stands_in_a_text_means_a_value(
    surface: str, value: JSON, schema: dict[str, JSON], means: Reading | None
) -> None:
    assert reading(surface, value, at(schema)) == means


@pytest.mark.parametrize(
    ("value", "schema", "flag"),
    [
        pytest.param(True, {"type": "boolean"}, True, id="a boolean"),
        pytest.param("no", YES_NO, False, id="one of yes and no"),
        pytest.param("Yes", {"enum": ["Yes", "No"]}, True, id="whatever the case"),
        pytest.param("yes", {"const": "yes"}, None, id="a constant leaves no choice"),
        pytest.param("no", {"enum": ["yes", "no", "maybe"]}, None, id="one of three"),
        pytest.param("no", {"enum": ["yes", "no", 1]}, None, id="a number among them"),
        pytest.param("yes", TEXT, None, id="a text"),
        pytest.param(1, {"enum": [0, 1]}, None, id="a number is no yes"),
    ],
)
def test_a_flag_can_only_be_yes_or_no(value: JSON, schema: dict[str, JSON], flag: object) -> None:
    assert flag_of(value, at(schema)) is flag
