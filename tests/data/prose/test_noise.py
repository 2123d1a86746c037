from functools import cache
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.data.document import Document
from adhere.data.prose.noise import scanned
from adhere.text.page import Page

LETTER = (
    "Dear colleagues, please process the following information as soon as possible.\n"
    "Supplier: Acme Machine Tools of Northern Europe\n"
    "Remark: leave at the front desk before the morning shift begins, and ring the bell twice if possible\n"
    "Invoice date: 15 April 2024\n"
    "Total: 1 234,50\n"
    "Internal  comment | something else entirely | information\n"
)
VALUES = {
    "/vendor": "Acme Machine Tools of Northern Europe",
    "/remark": "leave at the front desk before the morning shift begins, and ring the bell twice if possible",
    "/date": "15 April 2024",
    "/total": "1 234,50",
}
DOCUMENT = Document(
    text=LETTER,
    spans={key: (LETTER.index(value), LETTER.index(value) + len(value)) for key, value in VALUES.items()},
    template="form:0",
    distractors=1,
)


def scans(count: int) -> list[Document]:
    return [scanned(Random(seed), DOCUMENT) for seed in range(count)]


@cache
def many_texts() -> list[str]:
    return [document.text for document in scans(800)]


@given(st.integers(0, 2**32))
def test_every_value_stands_where_its_span_says(seed: int) -> None:
    document = scanned(Random(seed), DOCUMENT)
    for pointer, value in VALUES.items():
        assert document.text[slice(*document.spans[pointer])].replace("\n", " ") == value


@given(st.integers(0, 2**32))
def test_every_value_is_still_read_from_the_text(seed: int) -> None:
    page = Page(scanned(Random(seed), DOCUMENT).text)
    assert page.spans(VALUES["/vendor"])
    assert page.spans(VALUES["/remark"])
    assert page.dates["2024-04-15"]
    assert page.numbers[1234.5]


def test_a_name_is_never_broken_before_a_capital_letter() -> None:
    for document in scans(200):
        said = document.text[slice(*document.spans["/vendor"])]
        assert not any(after[:1].isupper() for after in said.split("\n")[1:])


def test_template_and_distractors_stay() -> None:
    assert {(each.template, each.distractors) for each in scans(5)} == {("form:0", 1)}


@pytest.mark.parametrize(
    "sign",
    [
        pytest.param("rnorning|cornment|sornething", id="wrong letters"),
        pytest.param(
            "infor-\nmation|colle-\nagues|follow-\ning|follo-\nwing|poss-\nible", id="a word parted"
        ),
        pytest.param("  soon|  as|  the", id="a second blank"),
        pytest.param("2024    Total|2024 | Total", id="two lines side by side"),
        pytest.param("Page ", id="a page's head"),
        pytest.param("the\nmorning|at\nthe|front\ndesk", id="a line broken within a value"),
    ],
)
def test_scans_have(sign: str) -> None:
    assert any(part in text for part in sign.split("|") for text in many_texts())


def test_a_line_of_a_table_stays_one() -> None:
    for document in scans(200):
        assert any(line.count(" | ") >= 2 for line in document.text.split("\n"))


def test_the_same_state_gives_the_same_scan() -> None:
    assert scans(20) == scans(20)
    assert len({document.text for document in scans(50)}) > 40
