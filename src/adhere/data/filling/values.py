"""Draws a value for one leaf of a schema, with the words in which a text may state it."""

import datetime
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeAlias

from adhere.data.filling import moments, vocabulary
from adhere.data.filling.pools import Pool, family_name, given_name, pool
from adhere.data.filling.vocabulary import CURRENCIES, MONTHS
from adhere.records import JSON
from adhere.schema.canonical import spelled
from adhere.text.stated import LONGEST

Kind: TypeAlias = Literal[
    "person", "company", "city", "country", "street", "email", "phone", "job", "iban", "code", "product",
    "topic", "remark", "date", "time", "moment", "amount", "count", "share", "currency", "link", "term",
    "word",
]  # fmt: skip

OPEN = frozenset[str](
    {"person", "company", "city", "street", "email", "phone", "job", "iban", "code", "product", "topic"}
    | {"remark", "link", "word"}
)
"""Kinds of which there is no end, so that a value of theirs can belong to one side of a split."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A value and one way to write it in a text."""

    value: JSON
    surface: str
    kind: Kind | Literal["option", "flag", "fixed"]
    """`fixed` where the schema leaves no choice."""


Maker: TypeAlias = Callable[[Random], Drawn]

# ---------------------------------------------------------------------------------- names of people, firms


def coined(random: Random) -> str:
    """Draw a capitalised word that no dictionary has, of two to four syllables."""
    choice = random.choice
    syllables = [choice(vocabulary.ONSETS) + choice(vocabulary.VOWELS) for _ in range(choice((1, 2, 2, 3)))]
    end = choice(vocabulary.ONSETS) + choice(vocabulary.VOWELS) + choice(vocabulary.CODAS)
    return ("".join(syllables) + end).capitalize()


def invented(random: Random) -> str:
    """Draw a small-letter word that no dictionary has, of two or three syllables."""
    draw, syllables, ends = random.random, vocabulary.SYLLABLES, vocabulary.LAST_SYLLABLES
    first = syllables[int(draw() * len(syllables))]
    if draw() < 0.5:
        return first + ends[int(draw() * len(ends))]
    return first + syllables[int(draw() * len(syllables))] + ends[int(draw() * len(ends))]


def _surname(random: Random) -> str:
    return coined(random) if random.random() < 0.4 else family_name(random, pool(random))


def person(random: Random) -> str:
    """Draw a person's full name; one in three has a surname that nobody has."""
    names, draw = pool(random), random.random()
    if draw < 0.67:
        return f"{given_name(random, names)} {family_name(random, names)}"
    middle = f" {random.choice('ABCDEFGHJKLMNPRSTW')}." if draw > 0.95 else ""
    return f"{given_name(random, names)}{middle} {invented(random).capitalize()}"


def first_name(random: Random) -> str:
    """Draw a given name."""
    return given_name(random, pool(random))


def last_name(random: Random) -> str:
    """Draw a family name of two letters or more, now and then one that nobody has."""
    name = family_name(random, pool(random)) if random.random() < 0.6 else ""
    return name if len(name) > 1 else invented(random).capitalize()


def company(random: Random) -> str:
    """Draw a company's name from coined words, surnames and trades."""
    name = _surname(random)
    match random.randrange(6):
        case 0:
            return f"{name} {random.choice(vocabulary.SUFFIXES)}"
        case 1:
            return f"{name} & {_surname(random)}"
        case 2:
            return f"{name} {random.choice(vocabulary.SECTORS)} {random.choice(vocabulary.SUFFIXES)}"
        case 3:
            return f"{name} {_surname(random)} {random.choice(vocabulary.SECTORS)}"
        case _:
            return f"{name} {random.choice(vocabulary.SECTORS)}"


def _from_pool(pick: Callable[[Pool], Sequence[str]]) -> Callable[[Random], str]:
    return lambda random: random.choice(pick(pool(random)))


country = _from_pool(lambda names: names.countries)
state = _from_pool(lambda names: names.states)
job = _from_pool(lambda names: names.jobs)
language = _from_pool(lambda names: names.languages)
university = _from_pool(lambda names: names.universities)
food = _from_pool(lambda names: names.foods)


def city(random: Random) -> str:
    """Draw a town; two in five are on no map."""
    return invented(random).capitalize() if random.random() < 0.4 else random.choice(pool(random).cities)


def street(random: Random) -> str:
    """Draw a street with a number, in the order of its country."""
    if random.random() < 0.5:
        names = pool(random)
        return names.street_form.format(
            number=random.randint(1, 240),
            name=random.choice(names.streets),
            suffix=random.choice(names.street_suffixes or ("Street",)),
        )
    road = f"{invented(random).capitalize()} {random.choice(('Street', 'Road', 'Lane', 'Avenue', 'Square'))}"
    return f"{random.randint(1, 240)} {road}"


def address(random: Random) -> str:
    """Draw a street with a number, one in three with its town."""
    return f"{street(random)}, {city(random)}" if random.random() < 0.33 else street(random)


def postcode(random: Random) -> str:
    """Draw a postal code in the form of some country."""
    return masked(random, pool(random).postcode)


# ------------------------------------------------------------------------------------- codes and addresses


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


def masked(random: Random, mask: str) -> str:
    """Draw a code: `#` in a mask is a digit, `@` a capital letter, `*` a hexadecimal digit."""
    draw = random.random
    return "".join(
        "0123456789"[int(draw() * 10)]
        if mark == "#"
        else "ABCDEFGHJKLMNPQRSTUVWXYZ"[int(draw() * 24)]
        if mark == "@"
        else "0123456789abcdef"[int(draw() * 16)]
        if mark == "*"
        else mark
        for mark in mask
    )


def of_masks(*masks: str) -> Callable[[Random], str]:
    """Return what draws a code from one of several masks."""
    return lambda random: masked(random, random.choice(masks))


batch = of_masks("@######", "LOT-####", "B##-####", "@@##@###", "########", "L######@", "####-@@-##")
serial = of_masks("SN########", "@@######", "@##-#####", "###-###-###", "@@@#####@")
equipment = of_masks("EQ-####", "@@-###", "BR-##", "TK-###", "@@@-##")
phone = of_masks("+49 ### ######", "0### ######", "(###) ###-####", "+44 ## ### ## ##", "###-###-####",
                 "+1 ###-###-####", "+33 # ## ## ## ##")  # fmt: skip
iban = of_masks(
    "DE####################", "FR##############", "NL##@@@@##########", "ES######################"
)
bic = of_masks("@@@@DE@@", "@@@@FR##", "@@@@NL#@@@@", "@@@@GB@@")
tax_number = of_masks("DE#########", "FR###########", "GB#########", "##-#######", "IT###########")
plate = of_masks("@-@@ ####", "@@## @@@", "@@-###-@@", "@@@ ####")
isbn = of_masks("978-#-##-######-#", "978-##-####-###-#")
version = of_masks("#.#.#", "#.##", "##.#.#", "v#.#.##")
hash_text = of_masks("*" * 40, "*" * 32, "*" * 12)
uuid = of_masks("********-****-4***-8***-************", "********-****-4***-a***-************")


def email(random: Random) -> str:
    """Draw an e-mail address of a name that nobody has."""
    name = f"{invented(random)}.{invented(random)}" if random.random() < 0.5 else invented(random)
    return f"{name}@{invented(random)}.{random.choice(vocabulary.TOP_LEVEL)}"


def host(random: Random) -> str:
    """Draw the name of a machine."""
    first = random.choice(("www", "api", "mail", "files", "app", "db-1", "node7"))
    return f"{first}.{invented(random)}.{random.choice(vocabulary.TOP_LEVEL)}"


def link(random: Random) -> str:
    """Draw a web address."""
    name = f"https://{host(random)}/{random.choice(vocabulary.THINGS)}"
    return f"{name}/{random.randint(1, 9999)}" if random.random() < 0.5 else name


def file_name(random: Random) -> str:
    """Draw the name of a file."""
    end = random.choice(("pdf", "csv", "txt", "png", "docx", "json", "xml"))
    return f"{random.choice(vocabulary.THINGS)}_{random.randint(1, 9999)}.{end}"


def slug(random: Random) -> str:
    """Draw a name as programs have it: small letters, parts joined by a hyphen."""
    return f"{invented(random)}-{random.choice(vocabulary.THINGS)}"


# ----------------------------------------------------------------------------------------- things and words


def product(random: Random) -> str:
    """Draw a product such as `blue lamp`, now and then one of a brand or a size."""
    draw = random.random()
    if draw < 0.25:
        return f"{invented(random).capitalize()} {random.choice(vocabulary.THINGS)}"
    named = f"{random.choice(vocabulary.ADJECTIVES)} {random.choice(vocabulary.THINGS)}"
    return f"{named} {random.choice('ABCDEFKMRSTX')}{random.randint(10, 999)}" if draw > 0.85 else named


def topic(random: Random) -> str:
    """Draw what a letter or a ticket may be about."""
    named = f"{random.choice(vocabulary.TOPIC_STATES)} {random.choice(vocabulary.TOPIC_OBJECTS)}"
    return f"{named} {random.choice(vocabulary.TOPIC_ENDINGS)}" if random.random() < 0.4 else named


def remark(random: Random) -> str:
    """Draw a free remark of a few words."""
    said, draw = random.choice(vocabulary.REMARK_STARTS), random.random()
    if draw < 0.2:
        return f"{said}, ask for {last_name(random)}"
    return f"{said} {random.choice(vocabulary.REMARK_ENDS)}" if draw < 0.75 else said


def _words(random: Random) -> str:
    return " ".join(invented(random) for _ in range(random.choice((1, 1, 2))))


def cents(random: Random) -> str:
    """Return an amount with two decimals, as a schema keeps it that takes no number."""
    return f"{random.randint(1, 2000)}.{random.randrange(100):02d}"


def text_of(kind: Kind, draw: Callable[[Random], str]) -> Maker:
    """Return what draws a string that a text states as it is, short enough to be found there."""

    def drawn(random: Random) -> Drawn:
        value = draw(random)
        while len(value) > LONGEST:
            value = draw(random)
        return Drawn(value, value, kind)

    return drawn


def one_of(kind: Kind, options: Sequence[str]) -> Maker:
    """Return what draws one of a few strings."""
    return text_of(kind, lambda random: random.choice(options))


def day(random: Random) -> Drawn:
    """Draw a day of the last and next years, in any common spelling."""
    return Drawn(*moments.day(random, 1995, 2030), "date")


def born(random: Random) -> Drawn:
    """Draw a day on which somebody may be born."""
    return Drawn(*moments.day(random, 1940, 2012), "date")


def month(random: Random) -> str:
    """Draw a month of a year, as ISO 8601 has it."""
    return f"{random.randint(2010, 2029)}-{random.randint(1, 12):02d}"


def clock(random: Random) -> Drawn:
    """Draw a time of day; the value has seconds, the surface may leave them out."""
    return Drawn(*moments.clock(random), "time")


_TEXTS: dict[Kind, Callable[[Random], str]] = {
    "person": person, "company": company, "city": city, "street": address, "email": email, "phone": phone,
    "job": job, "iban": iban, "code": code, "product": product, "topic": topic, "remark": remark,
    "link": link, "word": _words, "moment": moments.moment, "country": country, "term": language,
}  # fmt: skip
MAKERS: dict[Kind, Maker] = {
    "date": day,
    "time": clock,
    "currency": one_of("currency", tuple(CURRENCIES)),
    **{kind: text_of(kind, draw) for kind, draw in _TEXTS.items()},
}
"""What draws a string of each kind of strings."""


def string_of(random: Random, kind: Kind) -> Drawn:
    """Draw a string of a known kind."""
    return MAKERS[kind](random)


# ---------------------------------------------------------------- the quickstart's dates, amounts and others


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


def amount(random: Random) -> Drawn:
    """Draw money; the surface may group thousands and always keeps two decimals or none."""
    whole = int(10 ** random.uniform(1, 5.3))
    cents = random.choice((0, 0, 50, 25, 75, 99, random.randrange(100)))
    value = whole + cents / 100 if cents else whole
    plain = random.random() < 0.35
    if not cents and random.random() < 0.5:
        return Drawn(value, f"{whole}" if plain else f"{whole:,}", "amount")
    return Drawn(value, f"{value:.2f}" if plain else f"{value:,.2f}", "amount")


def option(random: Random, options: Sequence[JSON]) -> Drawn:
    """Draw one of the values of an `enum`; the text spells it with spaces for underscores."""
    value = random.choice(options)
    surface = value if isinstance(value, str) else spelled(value)
    is_spaced = "_" in surface and random.random() < 0.8
    return Drawn(value, surface.replace("_", " ") if is_spaced else surface, "option")


def flag(random: Random) -> Drawn:
    """Draw a boolean, which a text states as yes or no."""
    value = random.random() < 0.5
    return Drawn(value, random.choice(("yes", "true", "Yes") if value else ("no", "false", "No")), "flag")


def words(key: str) -> str:
    """Spell a property name as lower-case words: `invoiceNo`, `invoice_no` → `invoice no`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", key)
    return " ".join(re.split(r"[\s_\-.]+", spaced)).strip().lower()
