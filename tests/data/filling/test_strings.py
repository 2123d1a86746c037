from random import Random

import pytest

from adhere.data.filling.drawing import Undrawable
from adhere.data.filling.kinds import Called
from adhere.data.filling.strings import Asked, text_maker
from adhere.records import JSON
from adhere.schema import Schema


def source(asked: Asked) -> dict[str, JSON]:
    patterns: JSON = [{"pattern": pattern} for pattern in asked.patterns]
    kept: dict[str, JSON] = {"type": "string", "allOf": patterns or [True], "minLength": asked.least}
    more: dict[str, JSON | None] = {"format": asked.format, "maxLength": asked.most}
    return kept | {keyword: value for keyword, value in more.items() if value is not None}


@pytest.mark.parametrize(
    ("asked", "key", "kind"),
    [
        pytest.param(Asked(), "vendor", "company", id="nothing asked"),
        pytest.param(Asked(format="uuid-v9"), "vendor", "company", id="a format that nobody knows"),
        pytest.param(Asked(least=1, most=255), "vendor", "company", id="lengths that every name has"),
        pytest.param(Asked(patterns=("^\\S.*$",)), "vendor", "company", id="a pattern that names match"),
        pytest.param(Asked(least=5, most=30), "vendor", "company", id="lengths that most names have"),
        pytest.param(Asked(patterns=("^[A-Z]{2}$",)), "country", "country", id="a pattern that codes match"),
        pytest.param(
            Asked(patterns=("^\\d{4}-\\d{2}-\\d{2}$",)), "due_date", "date", id="a pattern that days match"
        ),
        pytest.param(Asked(patterns=("^[A-Z]{3}-\\d+$",)), "vendor", "code", id="a pattern of codes"),
        pytest.param(Asked(format="date"), "anything", "date", id="a format rules over the name"),
        pytest.param(Asked(format="email"), "contact", "email", id="so it does for addresses"),
        pytest.param(Asked(least=200), "vendor", "company", id="a name filled up"),
        pytest.param(Asked(most=4), "due_date", "word", id="a part of a day says nothing"),
    ],
)
def test_strings_are_as_natural_as_what_is_asked_leaves_room_for(asked: Asked, key: str, kind: str) -> None:
    schema = Schema.of(source(asked))
    make = text_maker(asked, Called(key=key), schema.source)
    for seed in range(100):
        drawn = make(Random(seed))
        assert schema.obeys(drawn.value)
        assert drawn.kind == kind


def test_lengths_of_a_pattern_are_aimed_at() -> None:
    asked = Asked(patterns=("^[a-z]+$",), least=30, most=31)
    make = text_maker(asked, Called(key="x"), source(asked))
    assert {len(str(make(Random(seed)).value)) for seed in range(50)} == {30, 31}


def test_a_rare_string_is_found_or_given_up() -> None:
    # One address in 25,000 obeys: the thousand that are tried first have one, and the next two thousand none.
    asked = Asked(format="ipv4", patterns=("^5\\.1\\d\\.",))
    make = text_maker(asked, Called(key="x"), source(asked))
    with pytest.raises(Undrawable, match="2000 strings"):
        make(Random(2))
