"""Draws schemas that use much of JSON Schema, as those that people write do."""

from collections.abc import Callable
from random import Random
from typing import TypeAlias

from adhere.data.filling import vocabulary
from adhere.data.filling.values import coined, words
from adhere.records import JSON

Keywords: TypeAlias = dict[str, JSON]
Leaf: TypeAlias = tuple[str, Keywords]
"""The name of a property, and its schema."""

_TEXT_KEYS = tuple(
    """
    vendor supplier customer manufacturer author operator inspector recipient sender landlord tenant carrier
    city site venue destination street country job_title department subject reason remark comment instruction
    product article material device component sample vehicle brand title summary finding action language
    colour unit phone iban email first_name last_name company hospital publisher event skill diagnosis
    """.split()
)
_CODE_KEYS = tuple(
    """
    batch_no lot_no serial_no order_no ticket_id sample_id asset_tag contract_no claim_no policy_no part_no
    badge_no case_id form_no permit_no shelf_code voucher customer_no tracking_no reference
    """.split()
)
_NUMBER_KEYS = tuple(
    """
    amount price total net tax fee deposit balance salary weight_kg length_mm temperature humidity pressure
    score vat_rate discount_percent concentration distance_km volume_ml budget rent
    """.split()
)
_COUNT_KEYS = tuple(
    "quantity count pages seats boxes nights people rooms copies floor age year stock pallets".split()
)
_FLAG_KEYS = tuple(
    "approved urgent paid insured express gift active confidential passed fragile signed sterile".split()
)
_FORMATTED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("date", ("date", "due_date", "issued_on", "expiry_date", "birth_date", "delivery_date", "valid_until")),
    ("date-time", ("created_at", "received_at", "started_at", "measured_at", "departure_at")),
    ("email", ("email", "reply_to", "contact_email")),
    ("uri", ("website", "tracking_url", "link")),
    ("uuid", ("request_uuid", "session_uuid")),
    ("time", ("opening_time", "start_time")),
    ("ipv4", ("ip_address",)),
    ("hostname", ("server", "host")),
    ("duration", ("duration", "lead_time")),
)
_RANGES: tuple[tuple[str, Keywords], ...] = (
    ("age", {"type": "integer", "minimum": 18, "maximum": 99}),
    ("rating", {"type": "integer", "minimum": 1, "maximum": 5}),
    ("ph", {"type": "number", "minimum": 0, "maximum": 14}),
    ("confidence", {"type": "number", "minimum": 0, "maximum": 1}),
    ("discount_percent", {"type": "number", "minimum": 0, "maximum": 100}),
    ("hours", {"type": "number", "exclusiveMinimum": 0, "maximum": 24, "multipleOf": 0.25}),
    ("price", {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.01}),
    ("quantity", {"type": "integer", "minimum": 1, "maximum": 500}),
    ("pack_size", {"type": "integer", "multipleOf": 6, "minimum": 6, "maximum": 96}),
    ("temperature", {"type": "number", "minimum": -40, "maximum": 150}),
    ("year", {"type": "integer", "minimum": 1950, "maximum": 2030}),
)
_OPTIONS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("status", "state", "stage"), ("open", "paid", "overdue", "rejected", "pending", "in_progress")),
    (("priority", "severity", "urgency"), ("low", "normal", "high", "critical")),
    (("payment_method", "paid_with"), ("cash", "card", "bank_transfer", "cheque", "direct_debit")),
    (("category", "kind", "document_type"), ("invoice", "receipt", "quote", "order", "report", "contract")),
    (("result", "outcome", "decision"), ("pass", "fail", "retest", "accepted", "not_tested")),
    (("transport", "shipped_by"), ("truck", "rail", "sea_freight", "air_freight", "courier")),
    (("shift", "slot"), ("early", "late", "night", "weekend")),
    (("currency", "currency_code"), tuple(vocabulary.CURRENCIES)),
    (("grade", "class"), ("A", "B", "C", "D")),
)
_PREFIXES = tuple(
    """
    billing shipping main second previous next original final local internal external first last own
    requested confirmed
    """.split()
)
_PREFIXED = 0.2
"""How often a property is told apart from others of its kind."""
_GROUPS = tuple(
    """
    buyer seller details delivery sender header terms contact location approval origin result schedule
    equipment billing insurance sample patient
    """.split()
)
_LISTS = tuple("lines items stops readings contacts events parts tests visits payments steps entries".split())
_WORD_LISTS = tuple("tags skills products guests symptoms materials findings topics attendees".split())
_DEEPEST = 3
"""Objects and lists inside one another."""


def shape(random: Random, count: int, *, nesting: float) -> Keywords:
    """Draw an object schema.

    Args:
        random: Source of chance; the same state gives the same schema.
        count: Leaves that it has.
        nesting: How often in [0, 1] some of the leaves left go into an object or a list of their own.
    """
    source = _object(random, count, nesting, 1)
    return {**source, "title": coined(random)} if random.random() < 0.3 else source


def _object(random: Random, count: int, nesting: float, depth: int) -> Keywords:
    properties: Keywords = {}
    left = count
    while left > 0:
        if left >= 2 and depth < _DEEPEST and random.random() < nesting:
            some = random.randint(2, min(left, 5))
            key, inner = _nested(random, some, nesting, depth)
        else:
            some = 1
            key, inner = _leaf(random)
        if key not in properties:
            properties[key] = inner
            left -= some
    everything = random.random() < 0.5
    required: list[JSON] = [key for key in properties if everything or random.random() < 0.6]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _nested(random: Random, count: int, nesting: float, depth: int) -> Leaf:
    inner = _object(random, count, nesting, depth + 1)
    if random.random() < 0.5:
        return random.choice(_GROUPS), inner
    bounds: Keywords = {"minItems": 1, "maxItems": random.randint(2, 4)} if random.random() < 0.4 else {}
    return random.choice(_LISTS), {"type": "array", "items": inner, **bounds}


def _leaf(random: Random) -> Leaf:
    key, leaf = random.choices(_MAKERS, _WEIGHTS)[0](random)
    if random.random() < _PREFIXED:
        key = f"{random.choice(_PREFIXES)}_{key}"
    if random.random() < 0.15:
        leaf = _described(random, key, leaf)
    return key, leaf


def _described(random: Random, key: str, leaf: Keywords) -> Keywords:
    label = words(key)
    if random.random() < 0.4:
        return {**leaf, "title": label.capitalize()}
    wording = random.choice(("the {}", "{} as written", "{} of the document", "which {}", "{}, if stated"))
    return {**leaf, "description": wording.format(label)}


def _nullable(random: Random, leaf: Keywords) -> Keywords:
    """Let three in twenty values be null, in one of the two common ways."""
    if random.random() >= 0.15:
        return leaf
    if random.random() < 0.5 and isinstance(leaf.get("type"), str):
        return {**leaf, "type": [leaf["type"], "null"]}
    return {"anyOf": [leaf, {"type": "null"}]}


def _text(random: Random) -> Leaf:
    leaf: Keywords = {"type": "string"}
    if random.random() < 0.12:
        leaf |= {"minLength": random.randint(1, 3), "maxLength": random.choice((30, 40, 60, 80))}
    return random.choice(_TEXT_KEYS), _nullable(random, leaf)


def _invented(random: Random) -> Leaf:
    return coined(random).lower(), {"type": "string"}


def _code(random: Random) -> Leaf:
    letters = "".join(random.choice("ABCDEFGHKLMNPRSTW") for _ in range(random.randint(2, 3)))
    digits = random.randint(3, 7)
    pattern = random.choice(
        (
            f"^{letters}-[0-9]{{{digits}}}$",
            f"^[A-Z]{{2}}[0-9]{{{digits}}}$",
            f"^[0-9]{{3}}-[0-9]{{{digits}}}$",
            f"^{letters}[0-9]{{2}}/[0-9]{{{digits}}}$",
            f"^[A-Z][0-9]{{{digits}}}[A-Z]?$",
        )
    )
    return random.choice(_CODE_KEYS), _nullable(random, {"type": "string", "pattern": pattern})


def _formatted(random: Random) -> Leaf:
    name, keys = random.choice(_FORMATTED) if random.random() < 0.5 else _FORMATTED[0]
    return random.choice(keys), _nullable(random, {"type": "string", "format": name})


def _number(random: Random) -> Leaf:
    return random.choice(_NUMBER_KEYS), _nullable(random, {"type": "number"})


def _count(random: Random) -> Leaf:
    return random.choice(_COUNT_KEYS), _nullable(random, {"type": "integer", "minimum": 0})


def _ranged(random: Random) -> Leaf:
    key, leaf = random.choice(_RANGES)
    return key, dict(leaf)


def _option(random: Random) -> Leaf:
    keys, options = random.choice(_OPTIONS)
    chosen: list[JSON] = [*random.sample(options, random.randint(2, min(5, len(options))))]
    return random.choice(keys), _nullable(random, {"type": "string", "enum": chosen})


def _flag(random: Random) -> Leaf:
    return random.choice(_FLAG_KEYS), {"type": "boolean"}


def _list(random: Random) -> Leaf:
    items: Keywords = {"type": "string"}
    key = random.choice(_WORD_LISTS)
    if random.random() < 0.25:
        named, option = _option(random)
        key, items = f"{named}_list", option if "enum" in option else items
    more: Keywords = {"uniqueItems": True} if random.random() < 0.4 else {}
    if random.random() < 0.3:
        more |= {"minItems": 1, "maxItems": random.randint(2, 5)}
    return key, {"type": "array", "items": items, **more}


_MAKERS: tuple[Callable[[Random], Leaf], ...] = (
    _text, _invented, _code, _formatted, _number, _count, _ranged, _option, _flag, _list,
)  # fmt: skip
_WEIGHTS = (30, 5, 12, 14, 10, 7, 8, 10, 3, 6)
"""How often each is drawn, of 105 times."""
