"""Languages are told by script and by common words."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.data.inspection.language import UNKNOWN, language


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Please find the invoice from Acme Corp, dated April 15.", "en"),
        ("Bitte überweisen Sie den Betrag von 12 EUR bis zum 3. Mai.", "de"),
        ("Veuillez payer la facture de 12 EUR pour le mois de mai.", "fr"),
        ("La factura de la empresa es de 12 EUR y vence el 3 de mayo.", "es"),
        ("La fattura della società è di 12 EUR per il mese di maggio.", "it"),
        ("A fatura da empresa é de 12 EUR para o mês de maio.", "pt"),
        ("De factuur van het bedrijf is 12 EUR voor de maand mei.", "nl"),
        ("Proszę zapłacić 12 EUR do 3 maja za fakturę w terminie.", "pl"),
        ("Fakturan från bolaget är på 12 kr och ska betalas.", "sv"),
        ("Fakturaen fra selskabet er på 12 kr og skal betales.", "da"),
        ("Faktura je splatná do 3. května a byla zaslána na adresu.", "cs"),
        ("Fatura 12 EUR ve bu ay için ödenecek.", "tr"),
        ("ACME社から請求書をお送りします。", "Japanese"),
        ("请付款十二元", "Chinese"),
        ("Счёт на оплату от Acme Corp", "Cyrillic"),
        ("Invoice for Jürgen Müller from Зоря", "en"),
        ("INV-2041", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_the_language_of_a_text(text: str, expected: str) -> None:
    assert language(text) == expected


@settings(max_examples=40)
@given(st.text())
def test_every_text_has_one_or_is_unknown(text: str) -> None:
    assert language(text)
