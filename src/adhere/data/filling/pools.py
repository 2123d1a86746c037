"""Names of people and places in several languages, read once and drawn from without further work."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any, cast

from mimesis.constants import DATADIR

LOCALES = ("en", "en-gb", "de", "fr", "es", "it", "nl", "sv", "pl")
_CLEAN = re.compile(r"\w[\w '’.\-]*\w")
_LONGEST = 28
"""Characters of a name: two of them and a number are still within what is looked for in a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The names of one language."""

    first: tuple[tuple[str, ...], tuple[str, ...]]
    """Given names of men, and of women."""
    last: tuple[tuple[str, ...], ...]
    """Family names; of men and of women apart where they differ."""
    cities: tuple[str, ...]
    countries: tuple[str, ...]
    states: tuple[str, ...]
    streets: tuple[str, ...]
    street_form: str
    """With `{name}`, `{number}` and `{suffix}`."""
    street_suffixes: tuple[str, ...]
    postcode: str
    """With `#` for a digit and `@` for a letter."""
    jobs: tuple[str, ...]
    languages: tuple[str, ...]
    universities: tuple[str, ...]
    foods: tuple[str, ...]


def pool(random: Random) -> Pool:
    """Draw a language."""
    return _pool(random.choice(LOCALES))


def given_name(random: Random, names: Pool) -> str:
    """Draw the first name of a person."""
    return random.choice(random.choice(names.first))


def family_name(random: Random, names: Pool) -> str:
    """Draw the last name of a person."""
    return random.choice(names.last[0] if len(names.last) == 1 else random.choice(names.last))


@cache
def _pool(locale: str) -> Pool:
    person, address, food = (_read(locale, file) for file in ("person", "address", "food"))
    last: Any = person["surnames"]
    form = str(address["address_fmt"])
    street = address["street"]
    return Pool(
        first=(tuple(person["names"]["male"]), tuple(person["names"]["female"])),
        last=tuple(tuple(names) for names in ([last["male"], last["female"]] if "male" in last else [last])),
        cities=_clean(address["city"]),
        countries=_clean(address["country"]["name"]),
        states=_clean(address["state"]["name"]),
        streets=_clean(street["name"]),
        street_form=form.replace("st_num", "number").replace("st_name", "name").replace("st_sfx", "suffix"),
        street_suffixes=_clean(street["suffix"]),
        postcode=str(address["postal_code_fmt"]),
        jobs=_clean(person["occupation"]),
        languages=_clean(person["language"]),
        universities=_clean(person["university"]),
        foods=_clean(each for kind in ("dishes", "fruits", "vegetables") for each in food[kind]),
    )


def _clean(names: Iterable[str]) -> tuple[str, ...]:
    """Keep what is made of words, of two forms the first: a bracket or a stroke would cut it in a text."""
    firsts = (re.split(r" ?[/(]", name)[0] for name in names)
    return tuple(name for name in dict.fromkeys(firsts) if len(name) <= _LONGEST and _CLEAN.fullmatch(name))


def _read(locale: str, file: str) -> dict[str, Any]:  # Any: JSON of mimesis, whose layout it documents
    """Read a file of mimesis; that of a region is written over its language's."""
    language = locale.partition("-")[0]
    read = [
        cast("dict[str, Any]", json.loads((DATADIR / part / f"{file}.json").read_text(encoding="utf-8")))
        for part in dict.fromkeys((language, locale))
    ]
    merged = dict(read[0])
    for key, value in read[-1].items():
        merged[key] = {**merged[key], **value} if isinstance(value, dict) else value
    return merged
