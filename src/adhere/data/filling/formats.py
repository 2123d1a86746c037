"""Strings of each format that JSON Schema asserts."""

from collections.abc import Mapping
from random import Random

from adhere.data.filling import moments, values, vocabulary
from adhere.data.filling.values import Drawn, Maker, invented, text_of

_TLDS = ("de", "fr", "se", "pl", "es")


def _ipv4(random: Random) -> str:
    return ".".join(str(int(random.random() * 254) + 1) for _ in range(4))


def _ipv6(random: Random) -> str:
    parts = [f"{int(random.random() * 65535) + 1:x}" for _ in range(8)]
    if random.random() < 0.5:
        return f"2001:db8::{parts[0]}"
    return ":".join(parts)


def _path(random: Random) -> str:
    return f"/{random.choice(vocabulary.THINGS)}/{random.randint(1, 9999)}"


def _pointer(random: Random) -> str:
    return f"/{random.choice(vocabulary.ATTRIBUTES)}/{random.randint(0, 30)}"


def _uri(random: Random) -> str:
    draw = random.random()
    if draw < 0.8:
        return values.link(random)
    return f"urn:{invented(random)}:{random.randint(1, 99999)}"


def _umlauted(random: Random) -> str:
    return f"{invented(random)}{random.choice('äöüéñ')}{random.choice('nlrs')}"


def _expression(random: Random) -> str:
    return f"^[a-z]{{{random.randint(1, 9)}}}{random.choice(vocabulary.THINGS)}$"


_TEXTS: Mapping[str, Maker] = {
    "date-time": text_of("moment", moments.moment),
    "time": text_of("time", moments.zoned),
    "duration": text_of("word", moments.duration),
    "email": text_of("email", values.email),
    "idn-email": text_of("email", lambda random: f"{_umlauted(random)}@{values.host(random)}"),
    "hostname": text_of("link", values.host),
    "idn-hostname": text_of("link", lambda random: f"{_umlauted(random)}.{random.choice(_TLDS)}"),
    "ipv4": text_of("link", _ipv4),
    "ipv6": text_of("link", _ipv6),
    "uri": text_of("link", _uri),
    "uri-reference": text_of("link", _path),
    "iri": text_of("link", lambda random: f"https://{_umlauted(random)}.de{_path(random)}"),
    "iri-reference": text_of("link", lambda random: f"{_path(random)}/{_umlauted(random)}"),
    "uri-template": text_of("link", lambda random: f"{values.link(random)}/{{id}}"),
    "uuid": text_of("code", values.uuid),
    "json-pointer": text_of("link", _pointer),
    "relative-json-pointer": text_of("link", lambda random: f"{random.randint(0, 5)}{_pointer(random)}"),
    "regex": text_of("link", _expression),
}


def _date(random: Random) -> Drawn:
    return values.day(random)


FORMATS: Mapping[str, Maker] = {"date": _date, **_TEXTS}
"""What draws a string of each format; of any other, nothing is asserted."""
