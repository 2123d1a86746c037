import pytest

from adhere.data.prose.labels import described, is_lead, kinds_like, named, one_of


@pytest.mark.parametrize(
    ("path", "name"),
    [
        pytest.param(("invoiceNo",), ("invoice no", "/invoiceNo"), id="words of a key"),
        pytest.param(("items", 3, "unit_price"), ("unit price", "/items/3/unit_price"), id="the last key"),
        pytest.param(("tags", 0), ("tags", "/tags/0"), id="an item goes by its list"),
        pytest.param(("_",), ("_", "/_"), id="a key without words"),
        pytest.param(("",), ("value", "/"), id="an empty key"),
        pytest.param((), ("value", ""), id="no key"),
    ],
)
def test_a_leaf_is_named_by_its_key(path: tuple[str | int, ...], name: tuple[str, str]) -> None:
    assert named(path) == name


@pytest.mark.parametrize(
    ("words", "label"),
    [
        pytest.param("The supplier's name.", "supplier's name", id="a name"),
        pytest.param("Net amount", "net amount", id="a title"),
        pytest.param("VAT rate", "VAT rate", id="an abbreviation keeps its capitals"),
        pytest.param("The total amount to pay for all of it", "", id="too long"),
        pytest.param("date as written", "", id="how rather than what"),
        pytest.param("ISO 8601", "", id="a format"),
        pytest.param("which vendor", "", id="a question"),
    ],
)
def test_a_short_description_makes_a_label(words: str, label: str) -> None:
    assert described(words) == label


@pytest.mark.parametrize(
    ("label", "one"),
    [
        ("line items", "line item"),
        ("entries", "entry"),
        ("boxes", "box"),
        ("addresses", "address"),
        ("people", "person"),
        ("staff", "member of staff"),
        ("status", "status entry"),
        ("mass", "mass entry"),
    ],
)
def test_one_of_a_list_is_named_by_the_list(label: str, one: str) -> None:
    assert one_of(label) == one


@pytest.mark.parametrize("label", ["billed by", "approved by", "due", "valid until"])
def test_a_lead_is_no_noun(label: str) -> None:
    assert is_lead(label)


@pytest.mark.parametrize("label", ["due date", "standby", "buyer"])
def test_a_noun_is_no_lead(label: str) -> None:
    assert not is_lead(label)


@pytest.mark.parametrize(
    ("label", "kinds"),
    [
        pytest.param("contact email", {"email", "person", "phone"}, id="a contact may be a person"),
        pytest.param("due date", {"date", "amount"}, id="due may be an amount"),
        pytest.param("colour", set(), id="nothing else"),
    ],
)
def test_a_missing_value_could_be_taken_for_a_value_of_these_kinds(label: str, kinds: set[str]) -> None:
    assert kinds_like(label) == kinds
