"""One-line invoices in varied wording: the rows of the quickstart.

The wordings and the vendors of held-out rows occur in no training row.
"""

import hashlib
from collections.abc import Iterator
from typing import Literal, TypeAlias

from mimesis.random import Random

from adhere.data.filling import values
from adhere.records import JSON, Example

Split: TypeAlias = Literal["train", "held_out"]

SCHEMA: dict[str, JSON] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Invoice",
    "type": "object",
    "properties": {
        "vendor": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "amount": {"type": "number"},
        "currency": {"type": "string", "enum": ["EUR", "USD", "GBP", "JPY", "CHF"]},
    },
    "required": ["vendor", "date", "amount", "currency"],
    "additionalProperties": False,
}
CURRENCIES = ("EUR", "USD", "GBP", "JPY", "CHF")

WORDINGS: dict[Split, tuple[str, ...]] = {
    "train": (
        "Invoice from {vendor}, dated {date}: {money}.",
        "{vendor} billed us {money} on {date}.",
        "On {date} {vendor} invoiced {money}.",
        "Please pay {money} to {vendor}. The invoice is of {date}.",
        "Vendor: {vendor}\nInvoice date: {date}\nAmount: {money}",
        "Supplier {vendor} | {date} | {money}",
        "We owe {vendor} {money} for the delivery of {date}.",
        "{vendor}, invoice of {date}, total {money}.",
        "Amount due to {vendor}: {money}. Date of invoice: {date}.",
        "A bill over {money} arrived from {vendor}; it was issued on {date}.",
        "Total: {money}\nDate: {date}\nSupplier: {vendor}",
        "{date} - {vendor} - {money}",
        "Our supplier {vendor} charges {money} (invoice dated {date}).",
        "Invoice no. {code} by {vendor} of {date}: please transfer {money}.",
        "{vendor} has sent a bill dated {date}. It comes to {money}.",
        "To be paid: {money}. Billed by {vendor} on {date}.",
        "FROM: {vendor}\nDATE: {date}\nTOTAL DUE: {money}",
        "For goods received on {date} we were charged {money} by {vendor}.",
        "Invoice date {date}, vendor {vendor}, amount {money}.",
        "{money} to {vendor}, as invoiced on {date}, ref {code}.",
        "{vendor} asks for {money}. The invoice was written on {date}.",
        "Bill {code}: {vendor}, {date}, {money}.",
        "Dated {date}, this invoice of {vendor} amounts to {money}.",
        "Please book the invoice of {vendor} ({date}) with {money}.",
    ),
    "held_out": (
        "Payment request by {vendor}, issued {date}, totalling {money}.",
        "Billing party: {vendor}\nIssued: {date}\nGrand total: {money}",
        "An invoice of {money} came in from {vendor} on {date}.",
        "Kindly settle {money} with {vendor}; their invoice carries the date {date}.",
        "{vendor} ({date}): {money} payable.",
        "Accounts payable, {date}: {vendor} wants {money}.",
        "Seller {vendor}; invoiced {date}; sum {money}.",
        "Document {code}. Issuer: {vendor}. Issue date: {date}. Total payable: {money}.",
        "The sum of {money} is due to {vendor} under the invoice of {date}.",
        "We got billed by {vendor} on {date}, {money} in all.",
        "{money} | {vendor} | {date}",
        "Received on {date} from {vendor}: invoice, total amount {money}.",
    ),
}
_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}


def schema_name() -> str:
    """Return the name under which a data directory keeps `SCHEMA`."""
    return "Invoice"


def _is_held_out(vendor: str) -> bool:
    """Give every vendor to one split for good."""
    return hashlib.sha256(vendor.encode()).digest()[0] < 64


def _vendor(random: Random, split: Split) -> str:
    while True:
        vendor = values.company(random)
        if _is_held_out(vendor) == (split == "held_out"):
            return vendor


def _money(random: Random, figure: str, currency: str) -> str:
    forms = [f"{currency} {figure}", f"{figure} {currency}"]
    if currency in _SIGNS:
        forms.append(f"{_SIGNS[currency]}{figure}")
    return random.choice(forms)


def invoice(seed: int, number: int, split: Split) -> Example:
    """Return the invoice of this number; the same arguments give the same one on any machine."""
    random = Random()
    digest = hashlib.sha256(f"invoices:{seed}:{split}:{number}".encode()).digest()
    random.seed(int.from_bytes(digest[:8], "big"))
    vendor, date, amount = _vendor(random, split), values.date(random), values.amount(random)
    currency = random.choice(CURRENCIES)
    text = random.choice(WORDINGS[split]).format(
        vendor=vendor,
        date=date.surface,
        money=_money(random, amount.surface, currency),
        code=values.code(random),
    )
    target: JSON = {"vendor": vendor, "date": date.value, "amount": amount.value, "currency": currency}
    return Example(id=f"invoice-{split}-{seed}-{number}", text=text, schema=schema_name(), target=target)


def invoices(seed: int, split: Split) -> Iterator[Example]:
    """Yield invoices without end, no text twice."""
    seen: set[str] = set()
    number = 0
    while True:
        example = invoice(seed, number, split)
        number += 1
        if example.text not in seen:
            seen.add(example.text)
            yield example
