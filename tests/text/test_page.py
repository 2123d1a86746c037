"""Words are found whatever their case and white space, but only as whole words."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.text.page import read


@pytest.mark.parametrize(
    ("words", "text", "expected"),
    [
        pytest.param("Acme Corp", "From Acme Corp.", ["Acme Corp"], id="verbatim"),
        pytest.param("acme corp", "From ACME Corp.", ["ACME Corp"], id="in any case"),
        pytest.param("Acme Corp", "Acme \n  Corp", ["Acme \n  Corp"], id="in any white space"),
        pytest.param("Straße", "STRASSE 5", ["STRASSE"], id="one letter may fold into two"),
        pytest.param("Weg 5", "Große  Straße, Weg  5.", ["Weg  5"], id="also in the text before"),
        pytest.param("groß", "Groß, STRASSE, groẞ", ["Groß", "groẞ"], id="also in the text"),
        pytest.param("—", "a — b—c —", ["—", "—", "—"], id="a sign by itself"),
        pytest.param("mug", "mug, Mug; smug mugs mug_a", ["mug", "Mug"], id="every place, whole words only"),
        pytest.param("C++", "I like C++.", ["C++"], id="signs are no part of words"),
        pytest.param("50", "1250 50 1.50 50,5", ["50"], id="digits are not cut out of a number"),
        pytest.param("50.", "50.5 and 50.", ["50."], id="nor with their point"),
        pytest.param("東京", "私は東京に住む", ["東京"], id="scripts without blanks have no word ends"),
        pytest.param(" mug", "a mug", [], id="outer white space is not in the text"),
        pytest.param("", "a mug", [], id="nothing is nowhere"),
        pytest.param("jug", "a mug", [], id="not stated"),
    ],
)
def test_words_are_found(words: str, text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in read(text).spans(words)] == expected


def test_at_most_a_hundred_places_are_found() -> None:
    assert len(read("ab " * 300).spans("ab")) == 100


@given(st.text(alphabet="abAB \n", max_size=30), st.text(alphabet="ab ", min_size=1, max_size=4))
def test_words_are_found_where_a_regular_expression_finds_them(text: str, words: str) -> None:
    pattern = r"\s+".join(re.escape(word) for word in words.split())
    outer = words != words.strip() or not pattern
    expected = [] if outer else [m.span(1) for m in re.finditer(rf"(?i)(?=\b({pattern})\b)", text)]
    assert list(read(text).spans(words)) == expected


def test_a_page_knows_its_numbers_and_dates() -> None:
    page = read("2 mugs on 15/04/2024, 2 cups")
    assert page.numbers[2] == ((0, 1), (22, 23))
    assert page.dates == {"2024-04-15": ((10, 20),)}
