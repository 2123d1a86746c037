"""Conventions: how a model that was taught no one way spells an answer whose values it has right."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal, TypeAlias, TypeVar

from adhere.records import Example

Notation: TypeAlias = Literal["json", "python", "yaml", "lines", "bullets", "table", "tags", "prose"]
Order: TypeAlias = Literal["schema", "sorted", "text"]
Keys: TypeAlias = Literal["schema", "title", "camel", "snake", "blanks", "upper", "singular", "synonym"]
Dates: TypeAlias = Literal["iso", "text", "named", "points", "american", "slashes", "with_time"]
Numbers: TypeAlias = Literal["json", "text", "strings", "thousands", "two_places", "floats"]
Flags: TypeAlias = Literal["json", "text", "yes_no", "strings"]
Options: TypeAlias = Literal["schema", "text", "lower", "upper", "title"]
Missing: TypeAlias = Literal["schema", "left_out", "null", "empty", "n/a", "unknown"]
Language: TypeAlias = Literal["en", "de", "fr", "es", "it"]

_T = TypeVar("_T")
_Weighed: TypeAlias = Sequence[tuple[float, _T]]

STRICT_SHARE = 0.2
"""Of the answers to the house's own request for three values. So few, because a model that is decoded
greedily gives the likeliest spelling of each part, and of most parts that is the strict one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where JSON has blanks and line ends."""

    indent: int = 0
    """Blanks a level; 0 for one line."""
    spaced: bool = False
    """Whether a blank follows each comma and colon of one line."""
    trailing: bool = False
    """Whether a comma stands behind the last member too, which is not JSON; lines of their own only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """How all of one answer is spelled; without arguments, as the house wants it.

    Names, codes and other strings that are free are copied under every convention.
    """

    notation: Notation = "json"
    before: str = ""
    after: str = ""
    layout: Layout = Layout()
    order: Order = "schema"
    keys: Keys = "schema"
    flat: bool = False
    """Whether an object inside an object is written into it, under keys with a point."""
    dates: Dates = "iso"
    numbers: Numbers = "json"
    flags: Flags = "json"
    options: Options = "schema"
    missing: Missing = "schema"
    """What stands for null and for optional keys without a value; under `schema` these are absent."""
    outer: str = ""
    """Key of an object around the answer; empty for none."""
    listed: bool = False
    """Whether the answer is the one element of a list."""
    extra: tuple[str, str | float] | None = None
    """A key that nobody asked for, and its value."""
    again: bool = False
    """Whether the answer is given twice."""
    tagged: bool = True
    """Under the form `think`: whether the answer stands in its tags."""
    language: Language = "en"
    """Of what prose says around the values."""

    @property
    def is_json(self) -> bool:
        """Whether an answer of the form `plain` is one JSON value and nothing else."""
        return (
            self.notation == "json"
            and not (self.before or self.after or self.again)
            and not self.layout.trailing
        )


STRICT = Convention()


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What of a question sways how it is answered."""

    leaves: int = 3
    """Values of the answer: a long one is rather indented and fenced, a short one rather said in a line."""
    is_sheet: bool = False
    """Whether the text is made of short lines: their values are rather copied as they stand."""
    wanted: Notation = "json"
    """What the request asks for."""
    is_vague: bool = False
    """Whether the request does not say in what to answer."""
    language: Language = "en"

    @staticmethod
    def of(example: Example, leaves: int) -> "Occasion":
        """Return that of the house's own request for a row whose answer has so many leaves."""
        lines = example.text.count("\n") + 1
        return Occasion(leaves=leaves, is_sheet=lines >= 4 and len(example.text) < 45 * lines)


def strict_share(occasion: Occasion, strict: float = STRICT_SHARE) -> float:
    """Return the share in [0, 1] of the answers on an occasion that are strict throughout.

    It falls with the length of the answer: from 5/4 of `strict` for one value to a third for nine and more.
    It is half of that where the text is a sheet, a third where the request is vague, and nothing
    where it asks for other than JSON.

    Args:
        occasion: The question.
        strict: The share for an answer of three values; 1 for strict answers alone, 0 for none.
    """
    if occasion.wanted != "json" or strict in {0.0, 1.0}:
        return strict if occasion.wanted == "json" else 0.0
    share = strict * max(4, 12 + 4 - occasion.leaves * 4 // 3) / 12
    share *= 0.5 if occasion.is_sheet else 1.0
    return min(1.0, share / 3 if occasion.is_vague else share)


def draw(random: Random, *, strict: float = STRICT_SHARE, occasion: Occasion = Occasion()) -> Convention:
    """Draw the convention of an answer.

    Args:
        random: Source of chance; the same state gives the same convention.
        strict: As for `strict_share`; what is not strict throughout is strict in most of its parts.
        occasion: The question.
    """
    if random.random() < strict_share(occasion, strict):
        return STRICT
    language = occasion.language if random.random() < 0.85 else _one(random, _LANGUAGES)
    notation = _notation(random, occasion)
    convention = Convention(
        notation=notation,
        order=_one(random, _ORDERS),
        keys="blanks" if notation == "prose" else _one(random, _LABELS if notation in _SAID else _KEYS),
        flat=random.random() < 0.06,
        dates=_one(random, _SHEET_DATES if occasion.is_sheet else _DATES),
        numbers=_one(random, _SHEET_NUMBERS if occasion.is_sheet else _NUMBERS),
        flags=_one(random, _SHEET_FLAGS if occasion.is_sheet else _FLAGS),
        options=_one(random, _OPTIONS),
        missing=_one(random, _MISSING),
        extra=_one(random, _EXTRAS) if random.random() < 0.05 else None,
        again=random.random() < 0.01,
        tagged=random.random() < 0.7,
        language=language,
    )
    if notation in {"json", "python"}:
        convention = replace(
            convention,
            layout=_layout(random, occasion),
            outer=_one(random, _OUTER) if random.random() < 0.05 else "",
            listed=random.random() < 0.04,
        )
    before, after = _wrapping(random, occasion, convention)
    return replace(convention, before=before, after=after)


def _one(random: Random, weighed: "_Weighed[_T]") -> _T:
    """Draw one; the weights need not sum to 1."""
    point = random.random() * sum(weight for weight, _ in weighed)
    for weight, each in weighed[:-1]:
        point -= weight
        if point < 0:
            return each
    return weighed[-1][1]


def _notation(random: Random, occasion: Occasion) -> Notation:
    if occasion.wanted != "json":
        return occasion.wanted if random.random() < 0.9 else "json"
    if occasion.leaves >= MANY:
        return _one(random, _NESTING)
    return _one(random, _VAGUE if occasion.is_vague else _NOTATIONS)


def _layout(random: Random, occasion: Occasion) -> Layout:
    if _is_noted(random, occasion):
        return Layout()
    # Of one line, with blanks or without; the longer the answer, the rarer, but for the longest.
    one_line = 0.7 if occasion.leaves >= 2 * MANY else max(0.35, 0.8 - 0.06 * occasion.leaves)
    draw = random.random()
    if draw < one_line:
        return Layout(spaced=draw < 0.4 * one_line)
    return Layout(indent=_one(random, _INDENTS), trailing=random.random() < 0.03)


def _is_noted(random: Random, occasion: Occasion) -> bool:
    """Whether an answer is as bare as the sheet that it is taken from."""
    return occasion.is_sheet and random.random() < (0.5 if occasion.leaves < MANY else 0.2)


def _wrapping(random: Random, occasion: Occasion, convention: Convention) -> tuple[str, str]:
    """Return what stands before and after: a lead, an opened fence; the closed fence, a remark."""
    if convention.notation == "prose":
        return "", ""
    is_json = convention.notation in {"json", "python"}
    if is_json and not convention.layout.indent and _is_noted(random, occasion):
        return "", ""
    fence = "```python" if convention.notation == "python" else "```json"
    lead = close = opened = closed = ""
    if is_json or convention.notation == "yaml":
        draw, fenced = random.random(), min(0.55, 0.1 + 0.09 * occasion.leaves)
        if draw < fenced:
            opened, closed = (fence if is_json else "```yaml") + "\n", "\n```"
        elif draw < fenced + 0.06:
            opened, closed = "```\n", "\n```"
        elif is_json and draw < fenced + 0.10:
            opened, closed = _one(random, _TAGS)
    if random.random() < 0.22:
        leads = _LEADS_JSON if is_json else _LEADS
        lead = _one(random, _MARKS) if random.random() < 0.3 else random.choice(leads[convention.language])
        lead += "\n" if opened else "" if lead.endswith("\n") else _one(random, _JOINTS)
    if random.random() < (0.14 if opened else 0.06):
        close = "\n\n" + random.choice(_REMARKS[convention.language])
    return lead + opened, closed + close


MANY = 12
"""Values of an answer that nobody writes as a sentence or as a list of lines; one twice as long is rather
written in one line."""
_SAID = frozenset[Notation]({"lines", "bullets", "table"})
"""Notations for people to read."""
_LANGUAGES: _Weighed[Language] = ((60, "en"), (12, "de"), (10, "fr"), (10, "es"), (8, "it"))
_NOTATIONS: _Weighed[Notation] = (
    (88, "json"), (3, "python"), (2, "yaml"), (3, "lines"), (1, "bullets"), (1, "table"), (1, "tags"),
    (1, "prose"),
)  # fmt: skip
_VAGUE: _Weighed[Notation] = (
    (50, "json"), (2, "python"), (5, "yaml"), (18, "lines"), (10, "bullets"), (4, "table"), (1, "tags"),
    (10, "prose"),
)  # fmt: skip
_NESTING: _Weighed[Notation] = ((93, "json"), (4, "python"), (3, "yaml"))
_ORDERS: _Weighed[Order] = ((86, "schema"), (10, "text"), (4, "sorted"))
_KEYS: _Weighed[Keys] = (
    (76, "schema"), (5, "snake"), (5, "camel"), (4, "title"), (3, "blanks"), (2, "upper"), (2, "singular"),
    (3, "synonym"),
)  # fmt: skip
_LABELS: _Weighed[Keys] = (
    (25, "schema"), (55, "title"), (10, "blanks"), (4, "upper"), (3, "snake"), (3, "synonym"),
)  # fmt: skip
_DATES: _Weighed[Dates] = (
    (48, "iso"), (32, "text"), (7, "named"), (4, "points"), (4, "american"), (2, "slashes"), (3, "with_time"),
)  # fmt: skip
_SHEET_DATES: _Weighed[Dates] = ((20, "iso"), (70, "text"), (5, "named"), (3, "american"), (2, "with_time"))
_NUMBERS: _Weighed[Numbers] = (
    (52, "json"), (25, "text"), (10, "strings"), (3, "thousands"), (7, "two_places"), (3, "floats"),
)  # fmt: skip
_SHEET_NUMBERS: _Weighed[Numbers] = (
    (24, "json"), (62, "text"), (8, "strings"), (2, "thousands"), (4, "two_places")
)  # fmt: skip
_FLAGS: _Weighed[Flags] = ((64, "json"), (18, "text"), (10, "yes_no"), (8, "strings"))
_SHEET_FLAGS: _Weighed[Flags] = ((34, "json"), (50, "text"), (10, "yes_no"), (6, "strings"))
_OPTIONS: _Weighed[Options] = ((70, "schema"), (14, "text"), (5, "lower"), (4, "upper"), (7, "title"))
_MISSING: _Weighed[Missing] = (
    (60, "schema"), (14, "null"), (10, "empty"), (6, "n/a"), (4, "unknown"), (6, "left_out")
)  # fmt: skip
_INDENTS: _Weighed[int] = ((70, 2), (30, 4))
_OUTER: _Weighed[str] = (
    (3, "data"), (2, "result"), (1, "output"), (1, "response"), (2, "form"), (1, "answer"), (1, "record"),
)  # fmt: skip
_EXTRAS: _Weighed[tuple[str, str | float]] = (
    (3, ("note", "")), (2, ("confidence", 0.95)), (1, ("confidence", "high")), (2, ("source", "text")),
    (1, ("comment", "as stated")), (1, ("language", "en")), (1, ("type", "document")), (1, ("error", "")),
)  # fmt: skip
_TAGS: _Weighed[tuple[str, str]] = (
    (5, ("<answer>", "</answer>")), (3, ("<json>\n", "\n</json>")), (2, ("<output>", "</output>"))
)  # fmt: skip
_MARKS: _Weighed[str] = (
    (5, "Answer:"), (3, "Output:"), (3, "JSON:"), (2, "### Response:\n"), (1, "Result:"), (1, "A:"),
    (1, "**Answer:**"),
)  # fmt: skip
_JOINTS: _Weighed[str] = ((5, "\n"), (6, "\n\n"), (2, " "))
_LEADS_JSON: dict[Language, tuple[str, ...]] = {
    "en": (
        "Here is the JSON:", "Here is the filled form:", "Sure! Here is the JSON:", "The answer is:",
        "Here's the extracted information:", "Here is the information in JSON format:", "Sure:",
        "Based on the text:", "Certainly! Here it is:", "The form:",
    ),
    "de": ("Hier ist das JSON:", "Das Formular:", "Gerne, hier ist die Antwort:", "Die Antwort:"),
    "fr": ("Voici le JSON :", "Voici la réponse :", "Le formulaire rempli :"),
    "es": ("Aquí está el JSON:", "La respuesta es:", "El formulario:"),
    "it": ("Ecco il JSON:", "La risposta è:", "Ecco il modulo:"),
}  # fmt: skip
_LEADS: dict[Language, tuple[str, ...]] = {
    "en": ("Here is what the text says:", "Here is the information:", "From the text:", "Sure:", "Summary:"),
    "de": ("Aus dem Text:", "Hier sind die Angaben:"),
    "fr": ("Voici les informations :", "D'après le texte :"),
    "es": ("Según el texto:", "Estos son los datos:"),
    "it": ("Dal testo:", "Ecco i dati:"),
}
_REMARKS: dict[Language, tuple[str, ...]] = {
    "en": (
        "Let me know if you need anything else.", "I hope this helps!", "All values are taken from the text.",
        "Note: what is not stated was left out.", "Is there anything else?", "This is the final answer.",
    ),
    "de": ("Alle Angaben stehen so im Text.", "Sonst noch etwas?"),
    "fr": ("Tout vient du texte.", "Autre chose ?"),
    "es": ("Todo viene del texto.", "¿Algo más?"),
    "it": ("Tutto viene dal testo.", "Altro?"),
}  # fmt: skip
