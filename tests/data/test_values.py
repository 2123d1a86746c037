import datetime
import re

import pytest
from mimesis.random import Random

from adhere.data import values


def random(seed: int) -> Random:
    source = Random()
    source.seed(seed)
    return source


SEEDS = range(300)


@pytest.mark.parametrize(
    ("name", "format_name", "kind"),
    [
        pytest.param("vendor", None, "company", id="a vendor is a company"),
        pytest.param("clientName", None, "person", id="camel case is read as words"),
        pytest.param("invoice_no", None, "code", id="a number of a document is an identifier"),
        pytest.param("due_date", None, "date", id="a date without a format is still a date"),
        pytest.param("anything", "date", "date", id="a format rules over the name"),
        pytest.param("contact", "email", "email", id="so it does for addresses"),
        pytest.param("currency_code", None, "currency", id="currency"),
        pytest.param("ship to", None, "street", id="blanks part words too"),
        pytest.param("qwxyz", None, "word", id="an unknown name gets coined words"),
    ],
)
def test_a_property_s_name_and_format_decide_what_is_drawn(
    name: str, format_name: str | None, kind: str
) -> None:
    assert {values.string(random(seed), name, format_name).kind for seed in range(5)} == {kind}


def test_dates_are_iso_and_their_surface_says_the_same_day() -> None:
    for seed in SEEDS:
        drawn = values.date(random(seed))
        day = datetime.date.fromisoformat(str(drawn.value))
        assert str(day.year) in drawn.surface
        assert str(day.day) in drawn.surface


def test_a_slashed_date_is_never_ambiguous() -> None:
    slashed = [values.date(random(seed)).surface for seed in range(2000)]
    parts = [[int(part) for part in surface.split("/")] for surface in slashed if "/" in surface]
    assert len(parts) > 50
    assert all(max(first, second) > 12 for first, second, _ in parts)


def test_an_amount_s_surface_is_its_value_with_separators() -> None:
    for seed in SEEDS:
        drawn = values.amount(random(seed))
        assert float(drawn.surface.replace(",", "")) == pytest.approx(drawn.value)


def test_amounts_without_cents_are_whole_numbers() -> None:
    drawn = [values.amount(random(seed)).value for seed in SEEDS]
    assert all(
        isinstance(value, int) or value != int(value) for value in drawn if isinstance(value, int | float)
    )
    assert {type(value) for value in drawn} == {int, float}


@pytest.mark.parametrize(("low", "high"), [(0, 10), (5, 5), (-3, 3), (1000, 1200)])
def test_numbers_keep_their_bounds(low: float, high: float) -> None:
    for seed in SEEDS:
        for integer in (True, False):
            drawn = values.number(random(seed), "score", integer=integer, low=low, high=high)
            assert isinstance(drawn.value, int | float)
            assert low <= drawn.value <= high


@pytest.mark.parametrize(("low", "high"), [(500, None), (None, -5), (None, None)])
def test_one_bound_is_enough(low: float | None, high: float | None) -> None:
    for seed in SEEDS:
        drawn = values.number(random(seed), "count", integer=True, low=low, high=high)
        assert isinstance(drawn.value, int)
        assert low is None or drawn.value >= low
        assert high is None or drawn.value <= high


def test_coined_words_are_capitalised_and_seldom_repeat() -> None:
    drawn = [values.coined(random(seed)) for seed in range(1000)]
    assert all(re.fullmatch(r"[A-Z][a-z]+", word) for word in drawn)
    assert len(set(drawn)) > 980


def test_companies_are_rarely_the_same() -> None:
    assert len({values.company(random(seed)) for seed in range(1000)}) > 950


def test_the_same_state_draws_the_same_value() -> None:
    for name in (
        "vendor",
        "customer",
        "city",
        "email",
        "phone",
        "job_title",
        "country",
        "address",
        "product",
    ):
        assert values.string(random(7), name, None) == values.string(random(7), name, None)


def test_options_lose_their_underscores_in_most_texts() -> None:
    surfaces = {values.option(random(seed), ["in_progress"]).surface for seed in range(50)}
    assert surfaces == {"in_progress", "in progress"}


def test_a_boolean_is_stated_as_yes_or_no() -> None:
    for seed in range(50):
        drawn = values.flag(random(seed))
        assert (drawn.surface.lower() in {"yes", "true"}) is drawn.value


@pytest.mark.parametrize(
    ("key", "spelled"),
    [("invoiceNo", "invoice no"), ("invoice_no", "invoice no"), ("Total Due", "total due"), ("IBAN", "iban")],
)
def test_property_names_are_spelled_as_words(key: str, spelled: str) -> None:
    assert values.words(key) == spelled


def test_a_time_has_seconds_in_its_value_and_none_in_its_surface() -> None:
    for seed in range(50):
        drawn = values.string(random(seed), "start_time", None)
        assert drawn.kind == "time"
        assert re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", drawn.surface)
        assert drawn.value == f"{drawn.surface}:00"
