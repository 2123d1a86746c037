"""Draws a value for one leaf of a schema, with the words in which a text may state it."""

import datetime
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

from mimesis import Generic, Locale
from mimesis.random import Random

from adhere.records import JSON

Kind: TypeAlias = Literal[
    "person", "company", "city", "country", "street", "email", "phone", "job", "iban", "code", "product",
    "topic", "remark", "date", "time", "amount", "count", "share", "currency", "word",
]  # fmt: skip

LOCALES = (
    Locale.EN,
    Locale.EN_GB,
    Locale.DE,
    Locale.FR,
    Locale.ES,
    Locale.IT,
    Locale.NL,
    Locale.SV,
    Locale.PL,
)
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
CURRENCIES = {
    "EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹",
    "CHF": "CHF", "SEK": "SEK", "CAD": "CAD", "PLN": "PLN",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drawn:
    """A value and one way to write it in a text."""

    value: JSON
    surface: str
    kind: Kind | Literal["option", "flag"]


# ---------------------------------------------------------------------------------------------- strings

_ONSETS = """
    b br c ch d dr f fl g gr h j k kl l m n p pr qu r s sh st t th tr v w z
""".split()
_VOWELS = "a e i o u ai ea ou ia o a e".split()
_CODAS = ["n", "r", "l", "s", "m", "t", "x", "nd", "rn", "ck", "", "lt", "", "", ""]
_SECTORS = """
    Logistics Foods Systems Trading Energy Textiles Media Motors Optics Chemicals Consulting Software Studio
    Labs Supplies Printing Freight Partners Tools Materials Security Health Packaging Robotics Farms
    Outfitters Telecom Hardware Services Rentals Engineering Staffing Holdings Works Utilities
""".split()
_SUFFIXES = "Ltd Inc LLC GmbH AG SA BV Corp Co Group plc Oy KG SpA AB Pty".split()
_THINGS = """
    lamp pump valve chair bracket sensor cable drill filter monitor printer keyboard desk bottle helmet
    battery router tray ladder mixer scale heater panel hose gasket motor switch camera tripod crate blanket
    jacket kettle notebook
""".split()
_ADJECTIVES = """
    steel blue heavy portable digital wooden large small foldable cordless industrial green wireless thermal
    compact double outdoor red insulated hydraulic adjustable spare black white
""".split()
_TOPICS = (
    "late delivery", "broken screen", "annual audit", "login failure", "water damage", "price increase",
    "site visit", "contract renewal", "missing parts", "password reset", "safety training", "budget review",
    "leaking valve", "road closure", "new uniforms", "stock count", "noise complaint", "software update",
    "holiday schedule", "power outage", "refund request", "paint shortage", "lost luggage", "door lock",
)  # fmt: skip
_REMARKS = (
    "leave at the front desk", "call before delivery", "handle with care", "payable within thirty days",
    "second reminder", "do not stack", "replaces the earlier order", "approved by the board",
    "keep refrigerated", "gate code required", "discount already applied", "partial shipment",
    "customer will collect", "urgent repair", "sample only", "no signature needed",
)  # fmt: skip


@cache
def _providers(locale: Locale) -> Generic:
    return Generic(locale=locale)


def _provider(random: Random) -> Generic:
    """Return a provider of some locale that draws from `random` alone."""
    provider = _providers(random.choice(LOCALES))
    for part in (provider.person, provider.address, provider.food, provider.text):
        part.random = random
    return provider


def coined(random: Random) -> str:
    """Draw a capitalised word that no dictionary has, of two to four syllables."""
    syllables = [random.choice(_ONSETS) + random.choice(_VOWELS) for _ in range(random.choice((1, 2, 2, 3)))]
    return (
        "".join(syllables) + random.choice(_ONSETS) + random.choice(_VOWELS) + random.choice(_CODAS)
    ).capitalize()


def _surname(random: Random) -> str:
    return coined(random) if random.random() < 0.4 else _provider(random).person.last_name()


def person(random: Random) -> str:
    """Draw a person's full name; one in three has a coined surname."""
    if random.random() < 0.67:
        return _provider(random).person.full_name()
    first = _provider(random).person.first_name()
    middle = f" {random.choice('ABCDEFGHJKLMNPRSTW')}." if random.random() < 0.15 else ""
    return f"{first}{middle} {coined(random)}"


def company(random: Random) -> str:
    """Draw a company's name from coined words, surnames and trades."""
    name = _surname(random)
    match random.randrange(6):
        case 0:
            return f"{name} {random.choice(_SUFFIXES)}"
        case 1:
            return f"{name} & {_surname(random)}"
        case 2:
            return f"{name} {random.choice(_SECTORS)} {random.choice(_SUFFIXES)}"
        case 3:
            return f"{name} {_surname(random)} {random.choice(_SECTORS)}"
        case _:
            return f"{name} {random.choice(_SECTORS)}"


def _product(random: Random) -> str:
    if random.random() < 0.25:
        return f"{coined(random)} {random.choice(_THINGS)}"
    return f"{random.choice(_ADJECTIVES)} {random.choice(_THINGS)}"


def _digits(random: Random, count: int) -> str:
    return "".join(random.choice("0123456789") for _ in range(count))


def _letters(random: Random, count: int) -> str:
    return "".join(random.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(count))


def code(random: Random) -> str:
    """Draw an identifier such as `INV-20417`, `B4471` or `2024/118`."""
    match random.randrange(5):
        case 0:
            return f"{_letters(random, random.randint(1, 3))}{_digits(random, random.randint(3, 5))}"
        case 1:
            return f"{_digits(random, 4)}/{_digits(random, 3)}"
        case 2:
            return f"{_letters(random, 2)}-{_digits(random, 2)}-{_letters(random, 1)}{_digits(random, 2)}"
        case _:
            return f"{_letters(random, random.randint(2, 3))}-{_digits(random, random.randint(3, 6))}"


def _iban(random: Random) -> str:
    return f"{_letters(random, 2)}{_digits(random, random.choice((14, 16, 18)))}"


def _phone(random: Random) -> str:
    form = random.choice(
        ("+## ### ######", "0### ######", "(###) ###-####", "+## ## ### ## ##", "###-###-####")
    )
    return "".join(random.choice("123456789") if mark == "#" else mark for mark in form)


def _email(random: Random) -> str:
    name = coined(random).lower()
    if random.random() < 0.5:
        name += f".{coined(random).lower()}"
    return f"{name}@{coined(random).lower()}.{random.choice(('com', 'org', 'net', 'de', 'fr', 'eu', 'io'))}"


def _street(random: Random) -> str:
    if random.random() < 0.5:
        return _provider(random).address.address()
    road = f"{coined(random)} {random.choice(('Street', 'Road', 'Lane', 'Avenue', 'Square'))}"
    return f"{random.randint(1, 240)} {road}"


def _words(random: Random) -> str:
    return " ".join(coined(random).lower() for _ in range(random.choice((1, 1, 2))))


_STRINGS: dict[Kind, Callable[[Random], str]] = {
    "person": person,
    "company": company,
    "city": lambda random: coined(random) if random.random() < 0.4 else _provider(random).address.city(),
    "country": lambda random: _provider(random).address.country(),
    "street": _street,
    "email": _email,
    "phone": _phone,
    "job": lambda random: _provider(random).person.occupation(),
    "iban": _iban,
    "code": code,
    "product": _product,
    "topic": lambda random: random.choice(_TOPICS),
    "remark": lambda random: random.choice(_REMARKS),
    "currency": lambda random: random.choice(tuple(CURRENCIES)),
    "word": _words,
}

# ------------------------------------------------------------------------------------- dates and numbers


def date(random: Random) -> Drawn:
    """Draw a day; the value is ISO 8601, the surface any common spelling.

    Slashed dates are drawn only where day and month cannot be taken for one another.
    """
    year, month, day = random.randint(1995, 2029), random.randint(1, 12), random.randint(1, 28)
    name = MONTHS[month - 1]
    surfaces = [
        f"{year}-{month:02d}-{day:02d}",
        f"{day} {name} {year}",
        f"{name} {day}, {year}",
        f"{name[:3]} {day} {year}",
        f"{day} {name[:3]} {year}",
        f"{day:02d}.{month:02d}.{year}",
    ]
    if day > 12:
        surfaces += [f"{month:02d}/{day:02d}/{year}", f"{day:02d}/{month:02d}/{year}"]
    return Drawn(datetime.date(year, month, day).isoformat(), random.choice(surfaces), "date")


def _time(random: Random) -> Drawn:
    hour, minute = random.randrange(24), random.randrange(60)
    return Drawn(f"{hour:02d}:{minute:02d}:00", f"{hour:02d}:{minute:02d}", "time")


def amount(random: Random) -> Drawn:
    """Draw money; the surface may group thousands and always keeps two decimals or none."""
    whole = int(10 ** random.uniform(1, 5.3))
    cents = random.choice((0, 0, 50, 25, 75, 99, random.randrange(100)))
    value = whole + cents / 100 if cents else whole
    plain = random.random() < 0.35
    if not cents and random.random() < 0.5:
        return Drawn(value, f"{whole}" if plain else f"{whole:,}", "amount")
    return Drawn(value, f"{value:.2f}" if plain else f"{value:,.2f}", "amount")


def _count(random: Random, low: float, high: float) -> Drawn:
    # Small numbers are commoner than large ones in real documents.
    value = min(int(low + (high - low + 1) * random.random() ** 3), int(high))
    return Drawn(value, f"{value:,}" if random.random() < 0.5 else f"{value}", "count")


def _share(random: Random, low: float, high: float) -> Drawn:
    value = round(random.uniform(low, high), random.choice((0, 1, 1, 2)))
    value = int(value) if value == int(value) else value
    return Drawn(value, f"{value}", "share")


def option(random: Random, options: Sequence[JSON]) -> Drawn:
    """Draw one of the values of an `enum`; the text spells it with spaces for underscores."""
    value = random.choice(options)
    surface = str(value)
    return Drawn(value, surface.replace("_", " ") if random.random() < 0.8 else surface, "option")


def flag(random: Random) -> Drawn:
    """Draw a boolean, which a text states as yes or no."""
    value = random.random() < 0.5
    return Drawn(value, random.choice(("yes", "true", "Yes") if value else ("no", "false", "No")), "flag")


# ------------------------------------------------------------------------- which kind does a leaf ask for

_KINDS_BY_WORD: tuple[tuple[Kind, str], ...] = (
    ("email", r"e?mail|reply.?to"),
    ("iban", r"iban|account.?(no|number)?$|bank"),
    ("phone", r"phone|mobile|fax|tel$|hotline"),
    ("currency", r"currency"),
    ("date", r"date|day$|_on$|_at$|expir|deadline|birth|issued|due$|valid"),
    ("time", r"time$|hour"),
    ("code", r"(^|_)(no|id|nr|number|code|ref|reference|sku|batch|lot|ticket|order|key|serial)$"),
    ("country", r"country|origin|nation"),
    ("city", r"city|town|location|site|place|venue|destination"),
    ("street", r"address|street|ship|road"),
    ("job", r"job|position|role|occupation|profession|title"),
    (
        "company",
        r"vendor|supplier|company|seller|manufactur|issuer|employer|firm|merchant|brand|organi[sz]ation|bill",
    ),
    ("product", r"product|item|article|goods|part$|device|equipment"),
    ("topic", r"subject|topic|reason|issue|problem|title|summary"),
    ("remark", r"remark|note|comment|instruction|message"),
    (
        "person",
        r"name|customer|client|contact|patient|employee|author|buyer|manager|person|guest|operator|owner|by$",
    ),
)
_NUMBERS_BY_WORD: tuple[tuple[Kind, str], ...] = (
    ("share", r"percent|rate|share|score|ratio|weight|temperature|discount|vat"),
    ("amount", r"amount|total|price|cost|net|gross|tax|salary|balance|fee|sum|paid|due|value|budget|charge"),
)


def words(key: str) -> str:
    """Spell a property name as lower-case words: `invoiceNo`, `invoice_no` → `invoice no`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", key)
    return " ".join(re.split(r"[\s_\-.]+", spaced)).strip().lower()


def _kind_by_name(name: str, table: Sequence[tuple[Kind, str]], otherwise: Kind) -> Kind:
    spelled = words(name).replace(" ", "_")
    for kind, pattern in table:
        if re.search(pattern, spelled):
            return kind
    return otherwise


_FORMATS: dict[str, Kind] = {"date": "date", "time": "time", "email": "email"}


def string(random: Random, name: str, format_name: str | None) -> Drawn:
    """Draw a string that suits a property's name and format."""
    kind = _FORMATS.get(format_name or "") or _kind_by_name(name, _KINDS_BY_WORD, "word")
    return string_of(random, kind)


def string_of(random: Random, kind: Kind) -> Drawn:
    """Draw a string of a known kind."""
    match kind:
        case "date":
            return date(random)
        case "time":
            return _time(random)
        case _:
            value = _STRINGS[kind](random)
            return Drawn(value, value, kind)


def number(random: Random, name: str, *, integer: bool, low: float | None, high: float | None) -> Drawn:
    """Draw a number that suits a property's name and lies within its bounds, both inclusive."""
    bounded = low is not None or high is not None
    floor = low if low is not None else min(0.0, high or 0.0)
    ceiling = high if high is not None else max(999.0, floor + 999.0)
    if integer:
        return _count(random, floor, ceiling)
    kind = _kind_by_name(name, _NUMBERS_BY_WORD, "amount")
    if kind == "share" or bounded:
        return _share(random, floor, min(ceiling, 100.0) if not bounded else ceiling)
    return amount(random)
