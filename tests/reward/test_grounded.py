"""Support in the text: honest answers have all of it, and degenerate ones cannot buy it."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.records import JSON
from adhere.reward.grounded import Support, support
from adhere.schema import Schema

INVOICE = Schema.of(
    {
        "title": "Invoice",
        "type": "object",
        "properties": {
            "vendor": {"type": "string"},
            "date": {"type": "string"},
            "amount": {"type": "number"},
            "currency": {"type": "string"},
        },
        "required": ["vendor", "date", "amount", "currency"],
        "additionalProperties": False,
    }
)
TEXT = "Please find invoice from Acme Corp dated April 15, 2024. Grand total: £1,654.00 for 3 mugs."
HONEST: dict[str, JSON] = {"vendor": "Acme Corp", "date": "2024-04-15", "amount": 1654, "currency": "GBP"}


def places(found: Support, text: str) -> dict[str, str | None]:
    return {pointer: span and text[slice(*span)] for pointer, span in found.spans.items()}


def test_an_honest_answer_is_found_leaf_by_leaf() -> None:
    found = support(HONEST, TEXT, INVOICE)
    assert places(found, TEXT) == {
        "/vendor": "Acme Corp",
        "/date": "April 15, 2024",
        "/amount": "1,654.00",
        "/currency": "£",
    }
    assert (found.found, found.total, found.share) == (4, 4, 1.0)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        pytest.param({"vendor": "", "date": "", "amount": 0, "currency": ""}, 0, id="empty strings"),
        pytest.param(
            {"vendor": "string", "date": "string", "amount": 0, "currency": "string"}, 0, id="type names"
        ),
        pytest.param({"vendor": "the", "date": "for", "amount": 0, "currency": "from"}, 0, id="stop words"),
        pytest.param({"vendor": "P", "date": ".", "amount": 0, "currency": ":"}, 0, id="single characters"),
        pytest.param({"vendor": TEXT, "date": TEXT, "amount": 0, "currency": TEXT}, 0, id="the text, echoed"),
        pytest.param(
            {"vendor": TEXT[:60], "date": TEXT[:60], "amount": 0, "currency": TEXT[:60]},
            0,
            id="its beginning, echoed",
        ),
        pytest.param(
            {"vendor": "Please", "date": "Please", "amount": 0, "currency": "Please"}, 1, id="the first word"
        ),
        pytest.param(
            {**HONEST, "date": "Acme Corp", "currency": "Acme Corp"}, 2, id="one right value everywhere"
        ),
        pytest.param(
            {"vendor": "1,654.00", "date": "1,654.00", "amount": 1654, "currency": "1,654.00"},
            1,
            id="one number",
        ),
        pytest.param({**HONEST, "amount": 165}, 3, id="a part of a number"),
        pytest.param({**HONEST, "amount": 15}, 3, id="a part of a date that is claimed"),
        pytest.param(
            {**HONEST, "vendor": "Acme Corp dated April 15, 2024"}, 3, id="a string that swallows the date"
        ),
        pytest.param(
            {**HONEST, "vendor": "£1,654.00 for 3 mugs"}, 3, id="one that swallows two others loses"
        ),
        pytest.param({**HONEST, "date": "April"}, 4, id="a plain string may be a part of a date"),
        pytest.param(
            {**HONEST, "vendor": "mugs"}, 4, id="a wrong word of the text is paid: no label says otherwise"
        ),
        pytest.param(
            {**HONEST, "vendor": "GBP", "currency": "Acme Corp"}, 4, id="so are values in each other's place"
        ),
    ],
)
def test_degenerate_answers(answer: dict[str, JSON], found: int) -> None:
    assert INVOICE.obeys(answer)
    assert support(answer, TEXT, INVOICE).found == found


LIST = Schema.of(
    {
        "properties": {
            "name": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "paid": {"type": "boolean"},
            "unit": {"const": "EUR"},
            "city": {"type": ["string", "null"]},
        }
    }
)


def test_a_long_list_weighs_no_more_than_one_value() -> None:
    text = "one two-way alpha beta gamma delta"
    found = support({"name": "nobody", "tags": ["alpha", "beta", "gamma", "delta"]}, text, LIST)
    # /name 0 of 1, /tags/* 4 of 4: (0 + 1) / 2
    assert (found.found, found.total, found.share) == (4, 5, 0.5)


def test_equal_items_need_a_place_each() -> None:
    found = support({"tags": ["alpha", "alpha", "alpha"]}, "alpha and Alpha", LIST)
    assert (found.found, found.share) == (2, pytest.approx(2 / 3))


def test_what_a_text_cannot_show_is_not_counted() -> None:
    found = support(
        {"name": "Ann", "paid": True, "unit": "EUR", "city": None, "tags": []}, "It is Ann.", LIST
    )
    assert (found.found, found.total, found.share) == (1, 1, 1.0)


def test_an_answer_with_nothing_to_find_has_no_support() -> None:
    assert support({"paid": True}, "It is paid.", LIST) == Support(found=0, total=0, spans={}, share=0.0)
    assert support({}, "", LIST).share == 0.0


def test_a_key_that_the_schema_does_not_name_is_never_found() -> None:
    found = support({"name": "Ann", "who": "Bob", "really": None}, "Ann and Bob", LIST)
    assert (found.found, found.total, found.share) == (1, 3, pytest.approx(1 / 3))


def test_a_schema_within_itself_is_followed_all_the_way() -> None:
    tree = Schema.of(
        {"properties": {"title": {"type": "string"}, "children": {"items": {"$ref": "#"}, "type": "array"}}}
    )
    value: JSON = {"title": "Alpha", "children": [{"title": "Beta", "children": [{"title": "Gamma"}]}]}
    assert support(value, "Alpha, Beta and Gamma", tree).share == 1.0


# ----------------------------------------------------------------------------------------------- invariants

WORDS = st.sampled_from(
    ["Acme Corp", "Acme", "2024-04-15", "April", "GBP", "mugs", "nowhere", "", "Corp dated April"]
)
ANSWERS = st.fixed_dictionaries(
    {"vendor": WORDS, "date": WORDS, "amount": st.sampled_from([1654, 3, 15, 2024, 7]), "currency": WORDS}
)
OPEN = Schema.of({**INVOICE.source, "additionalProperties": True})


@given(ANSWERS, st.sampled_from(["extra", "more"]), WORDS | st.none() | st.integers(3, 3))
def test_a_key_that_the_schema_does_not_name_never_raises_support(
    answer: dict[str, JSON], key: str, value: JSON
) -> None:
    assert support({**answer, key: value}, TEXT, OPEN).share <= support(answer, TEXT, OPEN).share


@given(ANSWERS, st.sampled_from(list(HONEST)))
def test_finding_a_leaf_that_was_not_to_be_found_never_lowers_support(
    answer: dict[str, JSON], key: str
) -> None:
    before = support({**answer, key: "nowhere"}, TEXT, OPEN)
    after = support({**answer, key: HONEST[key]}, TEXT, OPEN)
    assert before.share <= after.share


@given(ANSWERS, st.permutations(list(HONEST)))
def test_key_order_never_matters(answer: dict[str, JSON], order: list[str]) -> None:
    shuffled: JSON = {key: answer[key] for key in order}
    assert support(shuffled, TEXT, INVOICE).share == support(answer, TEXT, INVOICE).share


@given(ANSWERS)
def test_no_two_leaves_are_paid_by_the_same_text(answer: dict[str, JSON]) -> None:
    spans = sorted(span for span in support(answer, TEXT, INVOICE).spans.values() if span is not None)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


# ------------------------------------------------------------------------------------------------ real data


def test_the_golds_of_the_invoices_are_found_but_for_those_that_their_texts_do_not_state(
    shared_data: Path,
) -> None:
    # 6 amounts disagree with their texts, as the data's README says, and 10 texts name no currency.
    schema = Schema.read(shared_data / "invoices" / "schema.json")
    lost: list[str] = []
    for line in (shared_data / "invoices" / "eval.jsonl").read_text().splitlines():
        row = json.loads(line)
        found = support(row["ground_truth"], row["messages"][1]["content"], schema)
        lost += [pointer for pointer, span in found.spans.items() if span is None]
    assert sorted(lost) == ["/amount"] * 6 + ["/currency"] * 10


def test_nearly_all_golds_that_people_marked_in_their_requests_are_found(shared_data: Path) -> None:
    # 700 rows: 25 name only "this" for a value, 5 are misspelled or made of stop words.
    named = json.loads((shared_data / "snips" / "schemas.json").read_text())
    schemas = {name: Schema.of(source) for name, source in named.items()}
    rows = [json.loads(line) for line in (shared_data / "snips" / "validate.jsonl").read_text().splitlines()]
    shares = [support(row["target"], row["text"], schemas[row["schema"]]).share for row in rows]
    assert (len(shares), sum(share == 1.0 for share in shares)) == (700, 670)
