"""What a text calls a field: its name, another word for it, or what its schema says of it."""

import re
from collections.abc import Mapping
from functools import lru_cache

from adhere.data.filling import values
from adhere.data.prose.wording import Pieces
from adhere.schema.leaves import Path
from adhere.schema.places import pointer_of

_SYNONYMS: Mapping[str, str] = {
    "vendor": "supplier, seller, from, billed by, vendor name",
    "supplier": "vendor, seller, from, supplied by",
    "seller": "vendor, supplier, sold by, from",
    "company": "firm, organisation, company name",
    "merchant": "shop, store, merchant name",
    "manufacturer": "maker, made by, produced by",
    "issuer": "issued by, from",
    "employer": "works for, employed by",
    "brand": "make, brand name",
    "customer": "client, buyer, sold to, customer name, account",
    "client name": "client, customer, name",
    "buyer": "customer, purchaser, bought by",
    "contact": "contact person, attention, speak to",
    "patient": "patient name, name of patient",
    "employee": "staff member, worker, employee name",
    "manager": "managed by, responsible, in charge",
    "operator": "operated by, run by",
    "author": "written by, by",
    "approved by": "approver, signed off by",
    "full name": "name, person",
    "first name": "given name, forename",
    "last name": "surname, family name",
    "date": "dated, issued, day, date of issue",
    "invoice date": "date, issued, invoiced on",
    "order date": "ordered on, date of order",
    "due date": "due, payable by, deadline, due by",
    "deadline": "due, until, no later than",
    "delivery date": "delivered on, delivery, arrives",
    "ship date": "shipped on, sent on",
    "visit date": "visited on, day of visit",
    "start date": "starts, from, begins on",
    "end date": "ends, until, ends on",
    "valid until": "expires, valid to",
    "expires": "valid until, expiry, expiry date",
    "birth date": "born, date of birth",
    "amount": "total, sum, amount due, amount owed, figure",
    "total": "amount, grand total, sum, total due, total payable",
    "grand total": "total, total payable, final amount",
    "subtotal": "sum before tax, items total",
    "net amount": "net, before tax",
    "tax": "vat, tax amount",
    "price": "cost, unit price, priced at",
    "unit price": "price, price each, each",
    "salary": "pay, gross pay",
    "balance": "account balance, still owed",
    "fee": "charge, our fee",
    "quantity": "qty, pieces, number of units",
    "count": "number, how many",
    "weight kg": "weight in kg, weight (kg), kilograms",
    "discount percent": "discount in %, discount (%)",
    "vat rate": "vat, tax rate",
    "temperature": "temp, degrees",
    "currency": "paid in, currency code",
    "invoice no": "invoice number, invoice, our ref",
    "order id": "order, order number, po",
    "batch id": "batch, batch number, lot",
    "lot no": "lot, lot number, batch",
    "serial no": "serial number, s/n",
    "ticket": "ticket number, case",
    "reference": "ref, our reference, quote",
    "phone": "tel, telephone, phone number",
    "telephone": "phone, tel",
    "mobile": "mobile number, cell",
    "email": "e-mail, mail, email address",
    "address": "located at, our address, premises",
    "ship to": "deliver to, shipping address",
    "city": "town, place",
    "location": "place, located in",
    "job title": "position, works as, role",
    "position": "job, title",
    "status": "state, marked",
    "priority": "urgency, importance",
    "category": "kind, type, class",
    "department": "dept, section, unit",
    "product": "item, article, goods",
    "item": "product, article",
    "name": "called, known as, full name",
    "subject": "re, about, topic",
    "description": "details, text, wording",
    "reason": "because, cause",
    "remark": "note, comment",
    "note": "remark, p.s.",
}
SYNONYMS: Mapping[str, Pieces[str]] = {
    label: Pieces(str, *others.split(", ")) for label, others in _SYNONYMS.items()
}
"""Other words for a label."""

_MOST_CALLED = 4
"""Words of a description that still make a label."""
_NOT_A_LABEL = frozenset(
    "a an as available be by can document e.g. field given has identifier if in iso is its json may must"
    " of optional or shall should stated text that the this value when where whether which who with"
    " written".split()
)
_DESCRIBED = re.compile(r"[^\W\d_]+(?: [^\W\d_]+)*")

_LEAD = re.compile(
    r"(?:^|\b)(?:about|as|at|arrives|attention|because|begins|born|by|called|dated|delivered|due|each|ends"
    r"|expires|for|from|how many|in|issued|made|marked|no later than|of|on|p\.s\.|re|shipped|sent|starts"
    r"|still owed|than|to|until|with|works)$"
)

_LOOKS: Mapping[str, str] = {
    "person": "name|person|contact|customer|client|patient|employee|author|buyer|manager|guest|operator|owner"
    "|by|sender|from|sign|agent|recipient|to|attn|attention|user|clerk",
    "company": "name|vendor|supplier|company|seller|manufacturer|issuer|employer|firm|merchant|brand"
    "|organi[sz]ation|bill|customer|client|buyer|sender|from|carrier|by",
    "city": "city|town|location|site|place|venue|destination|address|origin|port|from|to",
    "country": "country|origin|nation|nationality|location",
    "street": "address|street|ship|road|location|to",
    "email": "e?mail|contact|reply|address|sender|from|to|user|login",
    "phone": "phone|telephone|mobile|fax|tel|contact|hotline|number|call",
    "code": "no|id|nr|number|code|ref|reference|batch|lot|ticket|order|key|serial|sku|file|case|version|tag",
    "iban": "iban|account|bank",
    "product": "product|item|article|goods|part|device|equipment|name|title|material|description",
    "topic": "subject|topic|reason|issue|problem|title|summary|description|re|about|purpose|message",
    "job": "job|position|role|occupation|profession|title",
    "date": "date|day|on|at|expir\\w*|deadline|birth|born|issued|due|valid|until|since|start|end|from|to"
    "|created|updated|time|timestamp|when|period|year|month",
    "time": "time|hour|at|start|end|from|to|timestamp|when",
    "amount": "amount|total|price|cost|net|gross|tax|salary|balance|fee|sum|paid|due|value|budget|charge"
    "|rate|number|figure|subtotal",
    "count": "count|quantity|number|age|units|pages|no|size|year",
    "currency": "currency|money|paid|price",
}
_LIKE = {kind: re.compile(rf"(?:^| )(?:{pattern})s?(?: |$)") for kind, pattern in _LOOKS.items()}


@lru_cache(maxsize=8192)
def named(path: Path) -> tuple[str, str]:
    """Return the words of a path's last key, which are never none, and the path as a JSON pointer."""
    key = next((step for step in reversed(path) if isinstance(step, str)), "")
    return values.words(key) or key.strip() or "value", pointer_of(path)


@lru_cache(maxsize=4096)
def kinds_like(label: str) -> frozenset[str]:
    """Return the kinds of value that a reader could take for the value of this label."""
    return frozenset(kind for kind, pattern in _LIKE.items() if pattern.search(label))


@lru_cache(maxsize=4096)
def is_lead(label: str) -> bool:
    """Whether a value follows a label without more words: `billed by` is no noun, nor is `due`."""
    return _LEAD.search(label) is not None


@lru_cache(maxsize=4096)
def described(words: str) -> str:
    """Return what a schema's words on a field make as a label: `The supplier's name.` of a name.

    Empty where they are a sentence, or more than four words, or say how to write it rather than what it is.
    """
    label = words.strip().rstrip(".").removeprefix("The ").removeprefix("the ")
    spelled = label.casefold().split()
    if not _DESCRIBED.fullmatch(label.replace("'s ", " ").replace("’s ", " ")):
        return ""
    if len(spelled) > _MOST_CALLED or not _NOT_A_LABEL.isdisjoint(spelled):
        return ""
    return label[:1].lower() + label[1:] if label[1:2].islower() else label


@lru_cache(maxsize=1024)
def one_of(label: str) -> str:
    """Name one item of a list by the list's name: `line items` of line item."""
    if label.endswith("ies"):
        return label[:-3] + "y"
    if label.endswith(("sses", "xes", "ches", "shes")):
        return label[:-2]
    if label.endswith("s") and not label.endswith(("ss", "us")):
        return label[:-1]
    return {"people": "person", "children": "child", "staff": "member of staff"}.get(label, f"{label} entry")
