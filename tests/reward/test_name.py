"""A name cut short is paid by the share of its words; a whole one, and what is no name, in full."""

import pytest

from adhere.reward.name import Stated, share_of_name


@pytest.mark.parametrize(
    ("value", "text", "share"),
    [
        pytest.param("Acme Corp", "by Acme Corp on", 1.0, id="a whole name"),
        pytest.param("Acme", "by Acme Corp on", 1 / 2, id="its first word"),
        pytest.param("Corp", "by Acme Corp on", 1 / 2, id="its last"),
        pytest.param("Steel", "by Acme Steel Works on", 1 / 3, id="one in the middle"),
        pytest.param("Acme", "by Acme-Corp on", 1 / 2, id="a hyphen"),
        pytest.param("Smith", "by Smith & Sons on", 1 / 2, id="an ampersand"),
        pytest.param("Éva", "by Éva Kiss on", 1 / 2, id="letters beyond ASCII"),
        pytest.param("acme", "by Acme Corp on", 1 / 2, id="whatever the case of the answer"),
        pytest.param("Acme", "by Acme, Corp on", 1.0, id="a comma ends a name"),
        pytest.param("Acme", "by Acme. Corp is", 1.0, id="a point ends it"),
        pytest.param("Acme", "by Acme\nCorp", 1.0, id="a line's end too"),
        pytest.param("Acme", "by Acme corp on", 1.0, id="a word without a capital is no part of it"),
        pytest.param("mugs", "3 mugs Acme Corp", 1.0, id="nor is one a name"),
        pytest.param("EUR", "the Total EUR 5", 1.0, id="a code is none either"),
        pytest.param("Acme Corp", "Supplier Acme Corp | 5", 1.0, id="a line's first word is a label"),
        pytest.param("Acme Corp", "Paid up. Supplier Acme Corp asks", 1.0, id="a sentence's first word too"),
        pytest.param("Acme Corp", "our Vendor Acme Corp asks", 1.0, id="a word of the key is a label"),
        pytest.param("Acme Corp", "here. By The Acme Corp", 1.0, id="stop words are no part of a name"),
        pytest.param("Corp", "Acme Corp asks", 1.0, id="so the first word of a sentence can be left out"),
    ],
)
def test_share_of_a_name(value: str, text: str, share: float) -> None:
    start = text.casefold().index(value.casefold())
    assert share_of_name((start, start + len(value)), text, key="vendorName") == pytest.approx(share)


def test_what_states_another_value_ends_a_name() -> None:
    text = "Signed by Anna Smith Monday"
    assert share_of_name((10, 14), text, key="first") == pytest.approx(1 / 3)
    assert share_of_name((10, 14), text, key="first", others=Stated([(15, 20)])) == 1.0
    assert share_of_name((10, 20), text, key="name", others=Stated([(10, 20), (21, 27)])) == 1.0
    # A longer span about this one states it, and nothing else.
    assert share_of_name((10, 14), text, key="first", others=Stated([(10, 20)])) == pytest.approx(1 / 3)
