"""Dates as people write them, and what is not one."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.text.dates import dates, is_date

DAY = "2024-04-15"
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2024-04-15", {DAY}, id="ISO 8601"),
        pytest.param("2024-04-15T10:30:00Z", {DAY}, id="with a time"),
        pytest.param("April 15, 2024", {DAY}, id="month first"),
        pytest.param("Apr 15 2024", {DAY}, id="month first, short"),
        pytest.param("apr. 15th, 2024", {DAY}, id="ordinal"),
        pytest.param("15 April 2024", {DAY}, id="day first"),
        pytest.param("15th of April, 2024", {DAY}, id="day first, ordinal"),
        pytest.param("15. April 2024", {DAY}, id="day first, with a point"),
        pytest.param("Sept 5 2024", {"2024-09-05"}, id="Sept"),
        pytest.param("15.04.2024", {DAY}, id="points"),
        pytest.param("15/04/2024", {DAY}, id="slashes, only one reading is a date"),
        pytest.param("04/15/2024", {DAY}, id="slashes, American"),
        pytest.param("4-5-2024", {"2024-04-05", "2024-05-04"}, id="either reading"),
        pytest.param("05/05/2024", {"2024-05-05"}, id="both readings are one day"),
        pytest.param("from 2024-04-15 to 16 April 2024.", {DAY, "2024-04-16"}, id="two"),
        pytest.param("April\n15, 2024", {DAY}, id="over a line's end"),
        pytest.param("April 2024", set(), id="no day"),
        pytest.param("15 April", set(), id="no year"),
        pytest.param("30 February 2024", set(), id="not in the calendar"),
        pytest.param("13/13/2024", set(), id="no reading is a date"),
        pytest.param("15.04/2024", set(), id="mixed signs"),
        pytest.param("115/04/2024", set(), id="part of a longer number"),
        pytest.param("Maypril 15, 2024", set(), id="not a month"),
        pytest.param("15/04/24", set(), id="two digits are no year"),
    ],
)
def test_dates_of_a_text(text: str, expected: set[str]) -> None:
    assert {date for date, _ in dates(text)} == expected


def test_a_date_says_where_it_stands() -> None:
    text = "Due on April 15, 2024."
    ((_, (start, end)),) = dates(text)
    assert text[start:end] == "April 15, 2024"


@given(st.dates(datetime.date(1000, 1, 1)))
def test_a_day_is_found_in_every_way_of_writing_it(day: datetime.date) -> None:
    month = MONTHS[day.month - 1]
    for spelling in (
        f"{day}",
        f"{month} {day.day}, {day.year}",
        f"{month[:3]} {day.day} {day.year}",
        f"{day.day} {month} {day.year}",
        f"{day.day:02d}.{day.month:02d}.{day.year}",
        f"{day.day}/{day.month}/{day.year}",
        f"{day.month:02d}/{day.day:02d}/{day.year}",
    ):
        assert day.isoformat() in {date for date, _ in dates(f"({spelling})")}, spelling


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (DAY, True),
        ("2024-02-30", False),
        ("2024-4-15", False),
        ("15/04/2024", False),
        (f"{DAY} ", False),
        ("", False),
    ],
)
def test_only_a_full_iso_date_is_one(value: str, *, expected: bool) -> None:
    assert is_date(value) is expected
