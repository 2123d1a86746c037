"""Numbers as people write them, and what is not one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.text.numerals import Number, comparable, numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("654", {654}, id="whole"),
        pytest.param("1,234.50", {1234.5}, id="comma groups, point decimal"),
        pytest.param("1.234,50", {1234.5}, id="point groups, comma decimal"),
        pytest.param("1 234,50", {1234.5}, id="blank groups, comma decimal"),
        pytest.param("1\u202f234\u202f567", {1234567}, id="narrow blanks"),
        pytest.param("1'234'567.25", {1234567.25}, id="apostrophes"),
        pytest.param("12,34,567.00", {1234567}, id="Indian groups"),
        pytest.param("1234.50", {1234.5}, id="no groups"),
        pytest.param(".5", {0.5}, id="no whole part"),
        pytest.param("1,234", {1234, 1.234}, id="two readings"),
        pytest.param("1.234", {1234, 1.234}, id="two readings, by a point"),
        pytest.param("1,5", {1.5}, id="groups have three digits, so this is a fraction"),
        pytest.param("-5", {-5}, id="minus"),
        pytest.param("\u22125", {-5}, id="typographic minus"),
        pytest.param("1.5e3", {1500}, id="exponent"),
        pytest.param("1e999999999", {1}, id="an exponent past any number is not read"),
        pytest.param("pages 3-5", {3, 5}, id="a hyphen between numbers is no minus"),
        pytest.param("Apr 6 2023. Total $1,043.75.", {6, 2023, 1043.75}, id="in a sentence"),
        pytest.param("€7,999.00, due", {7999}, id="beside a currency sign"),
        pytest.param("5kg", {5}, id="a unit may follow"),
        pytest.param("12, 13", {12, 13}, id="in a list"),
        pytest.param("No.5", {5}, id="after a point that is not its own"),
        pytest.param("Twenty mugs and three cups", {20, 3}, id="words"),
        pytest.param("someone", set(), id="words stand alone"),
        pytest.param("A4 x12 é7", set(), id="glued to a letter"),
        pytest.param("15.04.2024", set(), id="a dotted date is not a number"),
        pytest.param("1.2.3", set(), id="a version is not a number"),
        pytest.param("1,2,3", set(), id="nor is a list without blanks"),
        pytest.param("1250", {1250}, id="longest run: neither 125 nor 50"),
        pytest.param("9" * 640, {int("9" * 640)}, id="big integers are exact"),
        pytest.param("9" * 1281, set(), id="up to what an answer can hold"),
        pytest.param("", set(), id="nothing"),
    ],
)
def test_numbers_of_a_text(text: str, expected: set[Number]) -> None:
    assert {number for number, _ in numbers(text)} == expected


def test_a_number_says_where_it_stands() -> None:
    text = "Total: -1,234.50 EUR"
    ((number, (start, end)),) = numbers(text)
    assert (number, text[start:end]) == (-1234.5, "-1,234.50")


@given(st.integers(-(10**9), 10**9), st.integers(0, 99))
def test_a_number_is_found_in_every_way_of_writing_it(whole: int, cents: int) -> None:
    value = comparable(float(f"{whole}.{cents:02d}"))
    english = f"{whole:,}.{cents:02d}"
    spellings = [english, f"{whole}.{cents:02d}"]
    spellings += [english.translate(str.maketrans({",": group, ".": ","})) for group in (".", " ", "\u00a0")]
    for spelling in spellings:
        assert value in {number for number, _ in numbers(f"It is {spelling} in all.")}, spelling


@given(st.text(alphabet="0123456789.,'-+e \u00a0aB€"))
def test_every_number_spans_digits_that_nothing_continues(text: str) -> None:
    for _, (start, end) in numbers(text):
        assert text[start:end].strip() == text[start:end]
        assert not text[:start][-1:].isdigit()
        assert not text[end:][:1].isdigit()


@pytest.mark.parametrize(
    ("number", "expected"),
    [(1.0, 1), (-0.0, 0), (2**70, 2**70), (1e22, 10**22), (0.1, 0.1)],
)
def test_equal_numbers_are_spelled_equally(number: Number, expected: Number) -> None:
    assert (comparable(number), type(comparable(number))) == (expected, type(expected))
