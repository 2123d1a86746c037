"""Where in a text each leaf of a target comes from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.data.reasoning.origins import Origin, holders, label, origins
from adhere.records import JSON, Example
from adhere.schema import Schema

ORDER: dict[str, JSON] = {
    "title": "Order",
    "type": "object",
    "properties": {
        "invoice_date": {"type": "string", "format": "date"},
        "dueDate": {"type": "string", "format": "date"},
        "vendor": {"type": "string"},
        "net": {"type": "number"},
        "gross": {"type": "number"},
        "grade": {"enum": ["A", "B"]},
        "kind": {"const": "order"},
        "is_paid": {"type": "boolean"},
        "familyFriendly": {"enum": ["yes", "no"]},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "count": {"type": "integer"}},
            },
        },
        "tags": {"type": "array", "items": {"type": "string"}},
        "!": {"type": "string"},
    },
}
SCHEMA = Schema.of(ORDER)


def found(text: str, target: JSON, **meta: JSON) -> dict[str, Origin]:
    example = Example(id="one", text=text, schema="Order", target=target, meta=meta)
    return dict(origins(example, tuple(holders(target, SCHEMA))))


def surfaces(text: str, target: JSON, **meta: JSON) -> dict[str, tuple[str, int]]:
    """Return what each leaf comes from, and at which character it begins."""
    return {
        pointer: (origin.surface, origin.span[0]) for pointer, origin in found(text, target, **meta).items()
    }


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        pytest.param("From Acme.", {"vendor": "Acme"}, {"/vendor": ("Acme", 5)}, id="a name"),
        pytest.param(
            "Due date: 3 May 2024. Invoice date: 2024-05-03.",
            {"invoice_date": "2024-05-03"},
            {"/invoice_date": ("2024-05-03", 36)},
            id="of two spellings, the one by its label",
        ),
        pytest.param(
            "Net 20, gross 20.",
            {"gross": 20, "net": 20},
            {"/net": ("20", 4), "/gross": ("20", 14)},
            id="the same value twice, each by its label",
        ),
        pytest.param(
            "A total of 20 is due.",
            {"gross": 20, "net": 20},
            {"/net": ("20", 11), "/gross": ("20", 11)},
            id="one place for two, where there is no other",
        ),
        pytest.param(
            "Acme GmbH, Acme",
            {"vendor": "Acme", "tags": ["Acme GmbH"]},
            {"/vendor": ("Acme", 11), "/tags/0": ("Acme GmbH", 0)},
            id="a longer value goes before one that it holds",
        ),
        pytest.param(
            "2 of mug, 3 of cup, 2 of jar",
            {"items": [{"name": "jar", "count": 2}, {"name": "mug", "count": 2}]},
            {
                "/items/0/name": ("jar", 25),
                "/items/0/count": ("2", 20),
                "/items/1/name": ("mug", 5),
                "/items/1/count": ("2", 0),
            },
            id="the items of a row stand together",
        ),
        pytest.param("A grade A.", {"grade": "A"}, {"/grade": ("A", 8)}, id="the letter by its label"),
        pytest.param("Order.", {"kind": "order"}, {}, id="a constant needs no origin"),
        pytest.param("Order.", {"vendor": "", "tags": [], "!": None}, {}, id="nothing needs no origin"),
        pytest.param("Nothing.", {"vendor": "Acme", "net": 3}, {}, id="what is not stated is not found"),
        pytest.param(
            "Acme GmbH", {"vendor": " Acme GmbH "}, {"/vendor": ("Acme GmbH", 0)}, id="blanks around"
        ),
        pytest.param(
            "The late order was sent.",
            {"vendor": "The late order was sent"},
            {"/vendor": ("The late order was sent", 0)},
            id="a whole sentence",
        ),
        pytest.param("x y", {"!": "y"}, {"/!": ("y", 2)}, id="a key without words"),
        pytest.param("Is paid: yes.", {"is_paid": True}, {"/is_paid": ("yes", 9)}, id="yes behind a label"),
        pytest.param("Paid: no", {"is_paid": False}, {"/is_paid": ("no", 6)}, id="no behind a label"),
        pytest.param(
            "It was paid.", {"is_paid": True}, {"/is_paid": ("paid", 7)}, id="a label that is a claim"
        ),
        pytest.param("It was not paid.", {"is_paid": False}, {"/is_paid": ("not paid", 7)}, id="denied"),
        pytest.param(
            "It wasn't paid.", {"is_paid": False}, {"/is_paid": ("wasn't paid", 3)}, id="denied by n't"
        ),
        pytest.param("It was not paid.", {"is_paid": True}, {}, id="the text says the opposite"),
        pytest.param("Paid. Not paid.", {"is_paid": True}, {}, id="the text says both"),
        pytest.param("It was settled.", {"is_paid": True}, {}, id="implied in other words"),
        pytest.param(
            "This is not a family-friendly pub.",
            {"familyFriendly": "no"},
            {"/familyFriendly": ("not a family-friendly", 8)},
            id="an option that can only be yes or no",
        ),
    ],
)
def test_each_leaf_comes_from_the_place_nearest_to_its_label(
    text: str, target: JSON, expected: dict[str, tuple[str, int]]
) -> None:
    assert surfaces(text, target) == expected


@pytest.mark.parametrize(
    ("spans", "start"),
    [
        pytest.param({"/vendor": [9, 13]}, 9, id="taken where it means the value"),
        pytest.param({"/vendor": [0, 3]}, 4, id="looked for where it does not"),
        pytest.param({"/vendor": [9, 99]}, 4, id="looked for where it runs past the text"),
        pytest.param({"/vendor": [13, 9]}, 4, id="looked for where it runs backwards"),
        pytest.param({"/vendor": "Acme"}, 4, id="looked for where it is no span"),
        pytest.param({}, 4, id="looked for where none is given"),
        pytest.param([], 4, id="looked for where there are no spans"),
    ],
)
def test_a_span_that_is_given_is_taken_if_it_is_right(spans: JSON, start: int) -> None:
    #          0   4    9
    assert surfaces("Our Acme Acme.", {"vendor": "Acme"}, spans=spans) == {"/vendor": ("Acme", start)}


def test_a_place_that_is_given_to_one_leaf_is_not_looked_for_by_another() -> None:
    given: JSON = {"/net": [4, 6]}
    assert surfaces("Net 20, gross: 20", {"net": 20, "gross": 20}, spans=given)["/gross"] == ("20", 15)


def test_a_target_that_is_a_leaf_has_a_source() -> None:
    word = Schema.of({"type": "string"})
    example = Example(id="one", text="Say cheese", schema="word", target="cheese")
    assert origins(example, tuple(holders("cheese", word)))[""].surface == "cheese"


def test_holders_come_in_the_order_of_the_target() -> None:
    target: JSON = {"items": [{"name": "mug"}, {"name": "cup"}], "vendor": "Acme", "tags": ["a"]}
    assert [holder.path for holder in holders(target, SCHEMA)] == [
        (),
        ("items",),
        ("items", 0),
        ("items", 1),
        ("tags",),
    ]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        pytest.param("invoiceNo", "invoice no", id="camel case"),
        pytest.param("invoice_no", "invoice no", id="underscore"),
        pytest.param("!", "!", id="no words"),
    ],
)
def test_a_label_is_the_words_of_a_key(key: str, words: str) -> None:
    assert label(key) == words


@given(st.text(), st.text(), st.text(max_size=3))
def test_whatever_is_found_stands_in_the_text(before: str, value: str, after: str) -> None:
    text = f"{before} {value} {after}"
    for origin in found(text, {"vendor": value}).values():
        assert text[slice(*origin.span)] == origin.surface
