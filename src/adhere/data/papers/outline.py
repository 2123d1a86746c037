"""The words in which a domain describes its documents: their parts, and what is written down in each.

A domain is data: no part of it draws or writes anything. Names are keys of the JSON, nouns with underscores
for blanks, so that `The {name} was {value}` reads well.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from adhere.data.prose.wording import Pieces


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody's full name; the name of the field is the role."""

    name: str


@dataclass(frozen=True, slots=True)
class Company:
    """A firm; the name of the field is the role."""

    name: str


@dataclass(frozen=True, slots=True)
class Code:
    """An identifier; in its pattern # stands for a digit and @ for a capital letter."""

    name: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Term:
    """One of many names of a thing, followed by an identifier where there is a `tag`."""

    name: str
    pool: tuple[str, ...]
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A short remark: any head, a blank, and any tail."""

    name: str
    heads: tuple[str, ...]
    tails: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """A date, so many days after the one that the document is about; both bounds are inclusive."""

    name: str
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day to the minute, from one full hour to before another."""

    name: str
    first: int = 6
    last: int = 20


@dataclass(frozen=True, slots=True)
class Number:
    """A number with a fixed count of decimals, its bounds inclusive and in units of the last decimal."""

    name: str
    low: int
    high: int
    decimals: int
    unit: str


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the document's currency, in hundredths, both bounds inclusive."""

    name: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Currency:
    """The document's currency, by its ISO 4217 code."""

    name: str = "currency"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the options that the schema lists."""

    name: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flag:
    """Yes or no."""

    name: str


@dataclass(frozen=True, slots=True)
class Step:
    """Numbers the rows of a table from 1."""

    name: str = "step"


@dataclass(frozen=True, slots=True)
class Product:
    """The product of two columns of the same row."""

    name: str
    of: tuple[str, str]


Field: TypeAlias = (
    Person | Company | Code | Term | Phrase | Day | Clock | Number | Money | Currency | Choice | Flag
)
Column: TypeAlias = Field | Step | Product


@dataclass(frozen=True, slots=True)
class Table:
    """A table with as many rows as there is something to say."""

    title: str
    columns: tuple[Column, ...]
    least: int = 2
    most: int = 4


@dataclass(frozen=True, slots=True)
class Parameter:
    """One line of a table of readings: what is measured, what comes out, and what is allowed."""

    result: Number
    allowed: tuple[int, int]
    """Lowest and highest reading that passes, in units of the last decimal."""


@dataclass(frozen=True, slots=True)
class Readings:
    """A table with one line for each parameter."""

    title: str
    parameters: tuple[Parameter, ...]
    verdicts: tuple[str, str] = ("pass", "fail")
    """Within the limits, and outside."""


@dataclass(frozen=True, slots=True)
class Confirm:
    """A box that is ticked if something was done."""

    label: str


@dataclass(frozen=True, slots=True)
class Pick:
    """Several boxes, one of them ticked."""

    label: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ticks:
    """Several boxes, each ticked or not."""

    label: str
    options: tuple[str, ...]


Box: TypeAlias = Confirm | Pick | Ticks


@dataclass(frozen=True, slots=True)
class Formula:
    """A figure that follows from others of the same part.

    percent: a share of two numbers times 100. difference: the first less the second. sum: of a column, named
    second, over the table whose title is first.
    """

    name: str
    rule: Literal["percent", "difference", "sum"]
    of: tuple[str, str]
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A section, or a part of one."""

    title: str
    fields: tuple[Field, ...] = ()
    formulas: tuple[Formula, ...] = ()
    log: Table | None = None
    tables: tuple[Table | Readings, ...] = ()
    boxes: tuple[Box, ...] = ()
    parts: "tuple[Part, ...]" = ()


@dataclass(frozen=True, slots=True)
class Paper:
    """A kind of document."""

    name: str
    titles: tuple[str, ...]
    head: tuple[Field, ...]
    """What stands at the top."""
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A field of work."""

    name: str
    papers: tuple[Paper, ...]
    fillers: Pieces[str]
    """Sentences that its documents have anyway, without names, figures or dates."""
    remarks: Pieces[str]
    """Sentences that have nothing to do with the matter, likewise."""
    distractors: tuple[Field, ...]
    """Facts that no schema asks for; no field of a paper has such a name."""
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Other words for the words of a name."""
