"""Texts in German, French, Spanish and Italian, of which the form's keys stay English."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from adhere.data.filling import values
from adhere.data.side import Side
from adhere.records import JSON, Example
from adhere.schema import Schema
from adhere.schema.canonical import content_hash

_WORDS = Path(__file__).with_name("tongues.txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tongue:
    """How a language writes what a text states."""

    name: str
    column: int
    """Of `tongues.txt`."""
    months: tuple[str, ...]
    day: str
    """A date in words, of `d`, `m` and `y`."""
    digits: str
    """The same in digits."""
    thousands: str
    """Between groups of three digits; the decimal mark is a comma in all of them."""
    yes: str
    no: str
    sentences: tuple[str, ...]
    """What states a value, of `k` and `v`."""
    openings: tuple[str, ...]
    closings: tuple[str, ...]


TONGUES = (
    Tongue(
        name="de",
        column=0,
        months=tuple(
            "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()
        ),
        day="{d}. {m} {y}",
        digits="{d:02d}.{m:02d}.{y}",
        thousands=".",
        yes="ja",
        no="nein",
        sentences=("{k}: {v}.", "{k} ist {v}.", "Als {k} ist {v} angegeben.", "Unter {k} steht {v}."),
        openings=(
            "",
            "Sehr geehrte Damen und Herren,",
            "Guten Tag,",
            "Zur Kenntnis:",
            "Vermerk vom Empfang.",
        ),
        closings=("", "Mit freundlichen Grüßen", "Bitte prüfen.", "Rückfragen jederzeit gern."),
    ),
    Tongue(
        name="fr",
        column=1,
        months=tuple(
            "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
        ),
        day="{d} {m} {y}",
        digits="{d:02d}/{m:02d}/{y}",
        thousands=" ",
        yes="oui",
        no="non",
        sentences=("{k} : {v}.", "{k} est {v}.", "Pour {k}, on lit {v}.", "Il est noté {v} comme {k}."),
        openings=("", "Madame, Monsieur,", "Bonjour,", "Pour information :", "Note de service."),
        closings=("", "Cordialement", "Merci de vérifier.", "Bien à vous"),
    ),
    Tongue(
        name="es",
        column=2,
        months=tuple(
            "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split()
        ),
        day="{d} de {m} de {y}",
        digits="{d:02d}/{m:02d}/{y}",
        thousands=".",
        yes="sí",
        no="no",
        sentences=("{k}: {v}.", "{k} es {v}.", "Como {k} figura {v}.", "En {k} se indica {v}."),
        openings=("", "Estimados señores:", "Hola,", "Para su información:", "Nota interna."),
        closings=("", "Saludos cordiales", "Por favor, revisar.", "Gracias de antemano"),
    ),
    Tongue(
        name="it",
        column=3,
        months=tuple(
            "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre "
            "novembre dicembre".split()
        ),
        day="{d} {m} {y}",
        digits="{d:02d}/{m:02d}/{y}",
        thousands=".",
        yes="sì",
        no="no",
        sentences=("{k}: {v}.", "{k} è {v}.", "Come {k} risulta {v}.", "Alla voce {k} si legge {v}."),
        openings=("", "Gentili signori,", "Buongiorno,", "Per conoscenza:", "Nota interna."),
        closings=("", "Cordiali saluti", "Si prega di verificare.", "Grazie in anticipo"),
    ),
)


@dataclass(frozen=True, slots=True)
class _Word:
    """A property, and what other languages call it."""

    key: str
    kind: str
    called: tuple[str, ...]


def told(random: Random, number: int, most: int, side: Side) -> tuple[Example, Schema]:
    """Draw a flat schema, values, and a text that states them in one of four languages.

    A value that has no end of others belongs to one side; wordings belong to both.

    Args:
        random: Source of chance; the same state gives the same row.
        number: Of the row, for its id.
        most: Largest number of leaves.
        side: The split it belongs to.
    """
    tongue = random.choice(TONGUES)
    chosen = random.sample(_words(), random.randint(1, most))
    schema = Schema.of(_source(random, chosen))
    target: dict[str, JSON] = {}
    lines: list[tuple[str, str]] = []
    for word in chosen:
        value, stated = _value(random, word.kind, tongue, side)
        required = word.key in schema.source["required"]  # type: ignore[operator]  # a list, by `_source`
        if required or random.random() < 0.6:
            target[word.key] = value
            lines.append((word.called[tongue.column], stated))
    if not target:
        word = chosen[0]
        target[word.key], stated = _value(random, word.kind, tongue, side)
        lines.append((word.called[tongue.column], stated))
    random.shuffle(lines)
    text = _laid_out(random, tongue, lines)
    return Example(id=f"tongue-{number}", text=text, schema=schema.name, target=target), schema


@cache
def _words() -> Sequence[_Word]:
    words: list[_Word] = []
    for line in _WORDS.read_text(encoding="utf-8").splitlines():
        head, *called = line.split("|")
        key, kind = head.split()
        words.append(_Word(key, kind, tuple(called)))
    return words


def _source(random: Random, chosen: Sequence[_Word]) -> dict[str, JSON]:
    everything = random.random() < 0.6
    required: list[JSON] = [word.key for word in chosen if everything or random.random() < 0.6]
    source: dict[str, JSON] = {
        "type": "object",
        "properties": {word.key: dict(_TYPES.get(word.kind, {"type": "string"})) for word in chosen},
        "required": required,
        "additionalProperties": False,
    }
    return {**source, "title": f"t{content_hash(source)[:8]}"}


_TYPES: Mapping[str, dict[str, JSON]] = {
    "date": {"type": "string", "format": "date"},
    "email": {"type": "string", "format": "email"},
    "amount": {"type": "number"},
    "decimal": {"type": "number"},
    "count": {"type": "integer", "minimum": 0},
    "flag": {"type": "boolean"},
}
_NAMES: Mapping[str, Callable[[Random], str]] = {
    "person": values.person,
    "company": values.company,
    "first": values.first_name,
    "last": values.last_name,
    "city": values.city,
    "street": values.street,
    "address": values.address,
    "email": values.email,
    "phone": values.phone,
    "product": values.product,
    "topic": values.topic,
    "code": values.code,
}


def _value(random: Random, kind: str, tongue: Tongue, side: Side) -> tuple[JSON, str]:
    """Draw a value; return it with what the text says."""
    match kind:
        case "date":
            return _date(random, tongue)
        case "amount":
            value = random.randint(100, 2_000_000) / 100
            mark = random.choice((" €", " EUR", ""))
            return value, f"{_grouped(value, tongue, 2)}{mark}"
        case "decimal":
            value = random.randint(1, 2000) / 10
            return value, _grouped(value, tongue, 1)
        case "count":
            count = random.randint(1, 120)
            return count, str(count)
        case "flag":
            is_so = random.random() < 0.5
            return is_so, tongue.yes if is_so else tongue.no
        case _:
            return _name(random, _NAMES[kind], side)


def _name(random: Random, draw: Callable[[Random], str], side: Side) -> tuple[str, str]:
    while True:
        name = draw(random)
        if side.admits("value", name):
            return name, name


def _date(random: Random, tongue: Tongue) -> tuple[str, str]:
    year, month, day = random.randint(1995, 2029), random.randint(1, 12), random.randint(1, 28)
    in_words = random.random() < 0.5
    stated = (
        tongue.day.format(d=day, m=tongue.months[month - 1], y=year)
        if in_words
        else tongue.digits.format(d=day, m=month, y=year)
    )
    return f"{year}-{month:02d}-{day:02d}", stated


def _grouped(value: float, tongue: Tongue, decimals: int) -> str:
    whole, part = f"{value:,.{decimals}f}".split(".")
    return f"{whole.replace(',', tongue.thousands)},{part}"


def _laid_out(random: Random, tongue: Tongue, lines: Sequence[tuple[str, str]]) -> str:
    """Write a form, a list or sentences around what is stated."""
    draw = random.random()
    opening, closing = random.choice(tongue.openings), random.choice(tongue.closings)
    if draw < 0.3:
        body = "\n".join(f"{key}: {value}" for key, value in lines)
    elif draw < 0.45:
        body = "\n".join(f"- {key}: {value}" for key, value in lines)
    elif draw < 0.6:
        body = "; ".join(f"{key} {value}" for key, value in lines)
    else:
        body = " ".join(random.choice(tongue.sentences).format(k=key, v=value) for key, value in lines)
    return "\n".join(part for part in (opening, body, closing) if part)
