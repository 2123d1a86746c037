"""What the text states and an answer leaves out costs; what it does not state may be left out."""

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.data.side import EITHER
from adhere.data.source import SchemaSource
from adhere.records import JSON, Example
from adhere.reward.grounded import support
from adhere.reward.score import score
from adhere.schema import Schema

STRING: JSON = {"type": "string"}
SCHEMA = Schema.of(
    {
        "type": "object",
        "properties": {
            "vendor": STRING,
            "due": {"type": "string", "format": "date"},
            "paid_on": {"type": "string", "format": "date"},
            "currency": {"enum": ["EUR", "USD", None]},
            "status": {"enum": ["open", "in_progress", "a"]},
            "unit": {"const": "pcs"},
            "boxCount": {"type": "integer"},
            "weight": {"type": ["number", "null"]},
            "contact": STRING,
            "urgent": {"type": "boolean"},
            "tags": {"type": "array", "items": STRING},
            "nothing": {"type": "null"},
            "buyer": {"type": "object", "properties": {"city": STRING, "note": {"type": ["string", "null"]}}},
            "lines": {
                "type": "array",
                "items": {"type": "object", "properties": {"price": {"type": "number"}}},
            },
        },
        "required": ["vendor"],
        "additionalProperties": False,
    }
)


def left_out(text: str, **answer: JSON) -> list[str]:
    given: JSON = {"vendor": "Acme", **answer}
    assert SCHEMA.obeys(given)
    return list(support(given, f"By Acme. {text}", SCHEMA).omitted)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Due on May 3, 2024.", ["/due"], id="a date: the first key that asks for one"),
        pytest.param("May 3, 2024 and June 4, 2024.", ["/due", "/paid_on"], id="two dates"),
        pytest.param("In May.", [], id="no full date"),
        pytest.param("Pay in EUR.", ["/currency"], id="an option"),
        pytest.param("Pay €5.", ["/currency"], id="a currency's sign"),
        pytest.param("Work is in progress.", ["/status"], id="an option with blanks for underscores"),
        pytest.param("It is a mug, opened.", [], id="a letter or a part of a word is no option"),
        pytest.param("12 pcs", [], id="a value that leaves no choice"),
        pytest.param("Box count: 5", ["/boxCount"], id="a number after its label"),
        pytest.param("The box count has been set to 5.", ["/boxCount"], id="with a few words between"),
        pytest.param("5 as box count", ["/boxCount"], id="a number before its label"),
        pytest.param("Box count: five", ["/boxCount"], id="a number in words"),
        pytest.param("Weight is EUR 5", ["/currency", "/weight"], id="another value between"),
        pytest.param("Weight: heavy, 5 boxes", [], id="a comma between"),
        pytest.param("Weight\n5", [], id="a line's end between"),
        pytest.param("Weight of all that we have sent so far is 5", [], id="far off"),
        pytest.param("Boxes: 5", [], id="no label"),
        pytest.param("Contact: Ann", ["/contact"], id="a string after a label and a colon"),
        pytest.param("Contact = Ann", ["/contact"], id="an equals sign"),
        pytest.param("The contact is Ann", ["/contact"], id="or is"),
        pytest.param("Contact - Ann", ["/contact"], id="or a dash"),
        pytest.param("Contact Ann", [], id="but not by itself"),
        pytest.param("Contact: n/a", [], id="a word that says that there is none"),
        pytest.param("Contact: ", [], id="nothing after the label"),
        pytest.param("Urgent: yes", ["/urgent"], id="a flag"),
        pytest.param("Tags: new, blue", ["/tags"], id="a list"),
        pytest.param("Buyer: Ann", ["/buyer"], id="an object"),
        pytest.param("Nothing: 5", [], id="a key that can only be null"),
        pytest.param("City: Rome. Price: 5", [], id="keys inside of what is left out"),
    ],
)
def test_what_states_a_value_for_a_key_that_is_left_out(text: str, expected: list[str]) -> None:
    assert left_out(text) == expected


@pytest.mark.parametrize(
    ("text", "answer", "expected"),
    [
        pytest.param("Due May 3, 2024.", {"due": "2024-05-03"}, [], id="a leaf has claimed it"),
        pytest.param("Due May 3, 2024.", {"due": "2024-05-04"}, ["/paid_on"], id="a wrong one has not"),
        pytest.param("Weight: 5", {"weight": None}, ["/weight"], id="null is left out"),
        pytest.param("No weight.", {"weight": None}, [], id="for nothing, where the text has none"),
        pytest.param("Pay EUR 5.", {"currency": None}, ["/currency"], id="null among options"),
        pytest.param("City: Rome", {"buyer": {}}, ["/buyer/city"], id="in an object"),
        pytest.param("Note: new", {"buyer": {"note": None}}, ["/buyer/note"], id="null in an object"),
        pytest.param("Price: 5", {"lines": [{}]}, [], id="not in the items of a list"),
        pytest.param("Urgent: yes", {"urgent": False}, [], id="a flag that is given"),
    ],
)
def test_what_is_left_out_depends_on_what_is_given(
    text: str, answer: dict[str, JSON], expected: list[str]
) -> None:
    assert left_out(text, **answer) == expected


def test_a_key_that_is_left_out_counts_as_a_leaf_that_is_not_found() -> None:
    text = "By Acme, due May 3, 2024, contact: Ann, for the mugs."
    row = Example(id="1", text=text, schema="bill")

    def total(**answer: JSON) -> float:
        return score(json.dumps({"vendor": "Acme", **answer}), row, SCHEMA, preset="grounded").total

    assert total(due="2024-05-03", contact="Ann") == 1.0
    # .3 + .7 · 2/3: one of three fields is left out, or wrong
    assert (
        total(due="2024-05-03") == total(due="2024-05-03", contact="Bob") == pytest.approx(0.3 + 0.7 * 2 / 3)
    )
    assert total() == pytest.approx(0.3 + 0.7 / 3)


def test_what_a_leaf_has_claimed_states_nothing_for_another_key() -> None:
    assert support({"vendor": "Ann"}, "Contact: Ann, 5 mugs", SCHEMA).omitted == ()
    assert support({"vendor": "Bob"}, "Contact: Ann, 5 mugs", SCHEMA).omitted == ("/contact",)
    assert support({"vendor": "Contact"}, "Contact: Ann, 5 mugs", SCHEMA).omitted == ()


def test_a_stretch_states_a_value_for_one_of_many_keys_that_ask_for_it() -> None:
    tree = Schema.of({"properties": {"contact": STRING, "inner": {"$ref": "#"}}})
    value: JSON = {"inner": {"inner": {"inner": {}}}}
    text = "Contact: Ann. Contact: Bob, and so on."
    assert support(value, text, tree).omitted == ("/contact", "/inner/contact")


def test_an_answer_that_is_no_object_leaves_nothing_out() -> None:
    assert support(["Ann"], "Contact: Ann, 5 mugs", Schema.of({"items": STRING})).omitted == ()


def test_a_key_of_which_nothing_is_said_may_be_left_out() -> None:
    schema = Schema.of({"properties": {"vendor": STRING}, "additionalProperties": True})
    assert support({"vendor": "Acme", "note": None}, "By Acme. Note: x", schema).omitted == ()


def test_an_answer_that_leaves_out_all_has_no_support() -> None:
    found = support({}, "Contact: Ann", Schema.of({"properties": {"contact": STRING}}))
    assert (found.found, found.total, found.omitted, found.share) == (0, 0, ("/contact",), 0.0)


def test_a_key_without_words_is_never_stated() -> None:
    assert support({}, "§: 5", Schema.of({"properties": {"§": STRING}})).omitted == ()


# ----------------------------------------------------------------------------------------------- invariants

TEXT = "By Acme. Contact: Ann, due May 3, 2024; box count: 5, weight: 7. City: Rome, note: new. Pay in EUR."
PARTS: dict[str, JSON] = {
    "due": "2024-05-03",
    "contact": "Ann",
    "boxCount": 5,
    "weight": 7,
    "currency": "EUR",
    "buyer": {"city": "Rome", "note": "new"},
}
ANSWERS = st.lists(st.sampled_from(list(PARTS)), unique=True).map(
    lambda keys: {"vendor": "Acme", **{key: PARTS[key] for key in keys}}
)


@given(ANSWERS, st.sampled_from(list(PARTS)))
def test_giving_what_the_text_states_never_lowers_support(answer: dict[str, JSON], key: str) -> None:
    before, after = support(answer, TEXT, SCHEMA), support({**answer, key: PARTS[key]}, TEXT, SCHEMA)
    assert before.share <= after.share
    assert after.share < 1.0 or not after.omitted


@given(ANSWERS, st.randoms(use_true_random=False))
def test_the_order_of_keys_never_matters(answer: dict[str, JSON], random: Random) -> None:
    keys = list(answer)
    random.shuffle(keys)
    shuffled: JSON = {key: answer[key] for key in keys}
    assert support(shuffled, TEXT, SCHEMA).omitted == support(answer, TEXT, SCHEMA).omitted


# ----------------------------------------------------------------------------------------------- made-up data


def drawn(schema: Schema, count: int) -> list[Example]:
    source = SchemaSource([schema], seed=0)
    return [source.example(number, EITHER) for number in range(count)]


def test_honest_answers_of_made_up_texts_leave_next_to_nothing_out() -> None:
    source: dict[str, JSON] = {
        "title": "order",
        "type": "object",
        "properties": {
            "supplier": STRING,
            "order_date": {"type": "string", "format": "date"},
            "total": {"type": "number"},
            "currency": {"type": "string", "enum": ["EUR", "USD", "GBP", "JPY", "CHF"]},
            "quantity": {"type": "integer"},
            "contact": STRING,
            "urgent": {"type": "boolean"},
        },
        "required": ["supplier", "order_date"],
        "additionalProperties": False,
    }
    schema = Schema.of(source)
    # One in a hundred may be taken for more than it says, as the number of an item is in `No 6: Total: n/a`.
    assert sum(bool(support(row.target, row.text, schema).omitted) for row in drawn(schema, 200)) <= 2


def test_most_values_that_answers_leave_out_are_missed_if_they_are_dates_options_or_counts() -> None:
    source: dict[str, JSON] = {
        "title": "order",
        "type": "object",
        "properties": {
            "supplier": STRING,
            "order_date": {"type": "string", "format": "date"},
            "status": {"type": "string", "enum": ["open", "paid", "overdue", "in_progress"]},
            "quantity": {"type": "integer"},
        },
        "required": ["supplier"],
        "additionalProperties": False,
    }
    schema = Schema.of(source)
    given = missed = 0
    for row in drawn(schema, 200):
        assert isinstance(row.target, dict)
        for key in ("order_date", "status", "quantity"):
            if key in row.target:
                rest: JSON = {name: part for name, part in row.target.items() if name != key}
                given += 1
                missed += support(rest, row.text, schema).omitted == (f"/{key}",)
    assert missed / given > 0.85
