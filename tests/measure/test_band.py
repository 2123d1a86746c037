"""Bands of like difficulty."""

import pytest

from adhere.measure.band import BANDS, bands
from adhere.records import JSON, Example


def example(target: JSON, text: str = "", **meta: JSON) -> Example:
    return Example(id="1", text=text, schema="x", target=target, meta=meta)


def test_bands_are_named_by_what_they_hold() -> None:
    assert BANDS == {
        "leaves": ("1-3", "4-9", "10-19", "20-39", "40+"),
        "depth": ("0", "1", "2", "3", "4+"),
        "arrays": ("0", "1", "2-3", "4+"),
        "distractors": ("0", "1-2", "3+"),
        "characters": ("0-299", "300-999", "1000-2999", "3000+"),
    }


@pytest.mark.parametrize(
    ("count", "band"),
    [(1, "1-3"), (3, "1-3"), (4, "4-9"), (9, "4-9"), (10, "10-19"), (39, "20-39"), (40, "40+"), (900, "40+")],
)
def test_the_first_and_the_last_of_a_band_are_in_it(count: int, band: str) -> None:
    assert bands(example(list(range(count))))["leaves"] == band


def test_an_example_is_in_a_band_of_every_measure() -> None:
    hard = example({"a": [{"b": []}], "c": 1}, "x" * 300, distractors=2)
    assert bands(hard) == {
        "leaves": "1-3",
        "depth": "4+",
        "arrays": "2-3",
        "distractors": "1-2",
        "characters": "300-999",
    }


@pytest.mark.parametrize(
    ("given", "band"),
    [
        pytest.param("hard", "hard", id="a text"),
        pytest.param(3, "3", id="a whole number"),
        pytest.param({"leaves": 1}, None, id="what adhere synth writes says the same as the other measures"),
    ],
)
def test_a_difficulty_of_ones_own_is_a_measure_too(given: JSON, band: str | None) -> None:
    assert bands(example(1, difficulty=given)).get("given") == band
