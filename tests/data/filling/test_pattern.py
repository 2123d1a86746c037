from random import Random

import pytest

from adhere.data.filling.drawing import Undrawable
from adhere.data.filling.goal import matches
from adhere.data.filling.pattern import pattern_maker
from adhere.schema import Schema

PATTERNS = [
    r"^[A-Z]{2}[0-9]{6}$",
    r"^(foo|bar|b[ae]z)?-\d+$",
    r"^(?:[a-z]+\.)+[a-z]{2,6}$",
    r"^(?P<year>\d{4})-(?P<month>0[1-9]|1[0-2])$",
    r"^(?<word>\w+) (?<other>\S+)$",
    r"^[^a-z0-9]{3}$",
    r"^[^x]$",
    r"^\D\s\W\.$",
    r"^.{3,5}?\z",
    r"^\p{Lu}\p{L}+ [\p{L}\d]{2}\pN$",
    r"^\p{Script=Greek}{2}$",
    r"^\u0041\u{42}\x43$",
    r"^a{2,}b*c+?$",
    r"^[\w.+-]+@[\w-]+\.[\w.-]+$",
    r"(?i)^abc$",
    r"\d",
    "^\\s*$",
    r"^[\s\S]{2}$",
    r"^\*\[\]\\\/$",
    r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    r"^[ -~]+$",
    r"^[一-龥]{2,4}$",
    "",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_string_that_is_drawn_for_a_pattern_matches_it(pattern: str) -> None:
    Schema.of({"pattern": pattern})  # it is one of the dialect
    draw, _ = pattern_maker(pattern)
    for seed in range(60):
        text = draw(Random(seed), 6)
        assert matches(pattern, text), text


def test_the_same_state_draws_the_same_string() -> None:
    draw, _ = pattern_maker(r"^[^x]{20}\w+$")
    assert draw(Random(3), 9) == draw(Random(3), 9)
    assert draw(Random(3), 9) != draw(Random(4), 9)


def test_endless_repetitions_are_bounded_and_can_be_aimed() -> None:
    draw, shortest = pattern_maker("^a{2}b*$")
    assert shortest == 2
    assert {len(draw(Random(seed), 3)) for seed in range(50)} == {2, 3, 4, 5}
    assert {len(draw(Random(seed), -7)) for seed in range(50)} == {9}


def test_letters_in_a_row_can_be_spoken() -> None:
    draw, _ = pattern_maker("^[a-z]{30}$")
    text = draw(Random(0), 6)
    assert len(text) == 30
    assert sum(letter in "aeiou" for letter in text) > 8


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        pytest.param(r"\x{41}", "written in a way", id="a code point as only Rust writes it"),
        pytest.param("(a{1000}){2000}", "more than 1048576 characters", id="two million letters"),
        pytest.param("(?=a)b", "has what no string is drawn for", id="looking ahead"),
    ],
)
def test_what_no_string_is_drawn_for_is_refused(pattern: str, why: str) -> None:
    with pytest.raises(Undrawable, match="pattern") as refused:
        pattern_maker(pattern)
    assert why in refused.value.why
