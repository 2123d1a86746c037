"""Draws a schema: the documents under which an embedded model learns to extract anything."""

from random import Random

from adhere.data import wide
from adhere.data.filling.values import CURRENCIES, coined
from adhere.records import JSON

_STRING_KEYS = """
    vendor supplier company seller manufacturer issuer employer merchant customer client_name contact
    patient employee author buyer manager guest operator owner approved_by city town location site venue
    destination address street ship_to email contact_email reply_to phone telephone mobile job_title
    position role country origin iban account_no invoice_no order_id batch_id sku reference ticket serial_no
    lot_no product item article device subject topic reason remark note comment instruction name brand
    organization billed_by full_name sales_contact part
""".split()
_DATE_KEYS = """
    date due_date issued_on hired_on expires start_date birth_date delivery_date invoice_date end_date
    order_date deadline valid_until visit_date created_on ship_date
""".split()
_AMOUNT_KEYS = """
    amount total price net_amount tax salary balance fee cost grand_total subtotal charge paid
""".split()
_COUNT_KEYS = """
    quantity count units age pages seats boxes nights people rooms copies floor stock items
""".split()
_SHARE_KEYS = "weight_kg discount_percent vat_rate temperature score rate ratio share".split()
_FLAG_KEYS = """
    approved urgent paid_in_full taxable fragile insured express gift active confidential
""".split()
_PLAIN_KEYS = (
    (0.80, _AMOUNT_KEYS, "number"),
    (0.86, _COUNT_KEYS, "integer"),
    (0.89, _SHARE_KEYS, "number"),
    (0.92, _FLAG_KEYS, "boolean"),
)
"""Properties whose type says all; a uniform draw below the number, and not below the one before, is one of
these."""
_OPTIONS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("currency", "pay_currency", "currency_code"), tuple(CURRENCIES)),
    (
        ("status", "state", "stage"),
        ("open", "paid", "overdue", "rejected", "pending", "shipped", "closed", "in_progress"),
    ),
    (("priority", "severity", "urgency"), ("low", "normal", "high", "critical")),
    (("payment_method", "paid_with"), ("cash", "card", "transfer", "cheque", "direct_debit")),
    (("color", "colour", "finish"), ("red", "blue", "green", "black", "white", "silver")),
    (("category", "kind", "document_type"), ("invoice", "receipt", "quote", "order", "report", "contract")),
    (("unit", "measure"), ("kg", "l", "m", "pcs", "box", "pallet")),
    (("department", "team"), ("sales", "finance", "support", "quality", "legal", "production")),
    (("language", "lang"), ("English", "German", "French", "Spanish", "Italian")),
    (("result", "outcome", "decision"), ("pass", "fail", "retest", "accepted", "refused")),
)


def _cased(random_style: float, key: str) -> str:
    """Spell a snake_case key in one of three styles; most stay as they are."""
    if random_style < 0.65:
        return key
    head, *tail = key.split("_")
    if random_style < 0.85:
        return head + "".join(part.capitalize() for part in tail)
    return key.replace("_", " ")


def _described(random: Random, key: str, leaf: dict[str, JSON]) -> dict[str, JSON]:
    if random.random() < 0.9:
        return leaf
    label = key.replace("_", " ")
    wording = random.choice(
        ("the {}", "{} as written", "{} of the document", "which {}", "{} stated in the text")
    )
    return {**leaf, "description": wording.format(label)}


def _leaf(random: Random) -> tuple[str, dict[str, JSON]]:
    """Draw a property: its snake_case name and its schema."""
    draw = random.random()
    if draw < 0.48:
        return random.choice(_STRING_KEYS), {"type": "string"}
    if draw < 0.56:
        return coined(random).lower(), {"type": "string"}
    if draw < 0.70:
        formatted: dict[str, JSON] = {"format": "date"} if random.random() < 0.8 else {}
        return random.choice(_DATE_KEYS), {"type": "string", **formatted}
    for until, keys, kind in _PLAIN_KEYS:
        if draw < until:
            return random.choice(keys), {"type": kind}
    return _enumerated(random)


def _enumerated(random: Random) -> tuple[str, dict[str, JSON]]:
    """Draw a property of which a schema lists the values; a currency is now and then any string."""
    keys, options = random.choice(_OPTIONS)
    if keys[0] == "currency" and random.random() < 0.3:
        return random.choice(keys), {"type": "string"}
    chosen = random.sample(options, random.randint(min(2, len(options)), min(5, len(options))))
    return random.choice(keys), {"type": "string", "enum": list(chosen)}


def _properties(random: Random, count: int, style: float, taken: set[str]) -> dict[str, JSON]:
    properties: dict[str, JSON] = {}
    while len(properties) < count:
        key, leaf = _leaf(random)
        if key in taken:
            continue
        taken.add(key)
        properties[_cased(style, key)] = _described(random, key, leaf)
    return properties


def _closed(random: Random, properties: dict[str, JSON]) -> dict[str, JSON]:
    """Make an object schema that admits no other keys; in one of three, some keys are optional."""
    everything = random.random() < 0.67
    required: list[JSON] = [key for key in properties if everything or random.random() < 0.5]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def shape(
    random: Random, *, least: int, most: int, nesting: float = 0.0, width: float = 0.0
) -> dict[str, JSON]:
    """Draw an object schema of `least` to `most` leaves.

    Args:
        random: Source of chance; the same state gives the same schema.
        least: Smallest number of leaves, at least 1.
        most: Largest number of leaves.
        nesting: Share in [0, 1] of schemas of three or more leaves that get a nested object or an array.
        width: Share in [0, 1] of schemas that use more of JSON Schema: patterns, formats, ranges, titles,
            what may be null, and arrays and objects inside one another.
    """
    count = random.randint(least, most)
    if width and random.random() < width:
        return wide.shape(random, count, nesting=nesting)
    style = random.random()
    taken: set[str] = set()
    if count < 3 or random.random() >= nesting:
        return _closed(random, _properties(random, count, style, taken))
    outer = _properties(random, count - 2, style, taken)
    if random.random() < 0.5:
        group = random.choice(("buyer", "seller", "details", "delivery", "sender", "header", "terms"))
        outer[group] = _closed(random, _properties(random, 2, style, taken))
    else:
        outer[random.choice(("tags", "products", "guests", "attendees", "items"))] = {
            "type": "array",
            "items": {"type": "string"},
        }
    return _closed(random, outer)
