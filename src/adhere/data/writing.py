"""The reverse task: a text that states an object, written from the object."""

import hashlib
from collections.abc import Iterator, Mapping
from random import Random

from adhere.data.side import Side
from adhere.data.source import Source
from adhere.records import JSON, Example
from adhere.schema import Schema
from adhere.schema.canonical import in_schema_order, spelled
from adhere.schema.leaves import leaves
from adhere.text.dates import is_date
from adhere.text.numerals import comparable
from adhere.text.page import Page, read

PROSE = Schema.of({"type": "string"}, name="prose")
"""What every answer in free text obeys."""

INSTRUCTIONS = (
    "Write a text that states all of this.",
    "Write down in words what these data say. Leave nothing out and add nothing.",
    "Turn this into a text for a person to read.",
    "Put all of this into a message.",
    "Write the document from which these data were taken.",
    "Say all of this in a text, with every value as it stands.",
)
_TRIES, _FAR = 4, 10**9
"""So many examples are tried for one, so far apart in number that no other number comes to them."""
_MARKS = ('{"', '":')
"""What JSON has and a text for people has not: to copy the data is no answer."""


class Reversed:
    """The examples of another source, the other way round: its JSON is the text, and its text is the answer.

    The row's `rubric` asks for every value that the text states; that text itself earns full marks.
    """

    def __init__(self, source: Source) -> None:
        """Say whose; every example of it has a target."""
        self._source = source
        self.schemas: Mapping[str, Schema] = {PROSE.name: PROSE}

    def example(self, number: int, side: Side) -> Example:
        """Make the example of a number."""
        told = self._told(number, side)
        schema = self._source.schemas[told.schema]
        random = Random(hashlib.sha256(told.id.encode()).digest())
        return Example(
            id=f"write-{told.id.rpartition('-')[0]}-{number}",
            text=spelled(in_schema_order(told.target, schema.source)),
            schema=PROSE.name,
            target=told.text,
            meta={
                "instruction": random.choice(INSTRUCTIONS),
                "rubric": list(_rubric(told)),
                "spans": {},
                "template": told.meta["template"],
                "distractors": 0,
            },
        )

    def _told(self, number: int, side: Side) -> Example:
        """Return an example whose text, where one of a few has such a text, says no more than its JSON."""
        told = self._source.example(number, side)
        for turn in range(1, _TRIES):
            if not told.meta["distractors"]:
                break
            told = self._source.example(number + turn * _FAR, side)
        return told


def _rubric(told: Example) -> Iterator[JSON]:
    """Yield what is asked of a text, all of which the text of `told` has."""
    page, words = read(told.text), len(told.text.split())
    stated = _stated(told, page)
    for kind, values in stated.items():
        yield {"aspect": "accuracy", "check": kind, "value": list(values), "weight": len(values)}
    marks = [mark for mark in _MARKS if mark not in told.text]
    if marks:
        # As heavy as all the values, which data copied as they are would have.
        weight = max(1, sum(map(len, stated.values())))
        yield {"aspect": "accuracy", "check": "absent", "value": list[JSON](marks), "weight": weight}
    if "contains" in stated:
        yield {"aspect": "completeness", "check": "contains", "value": list(stated["contains"])}
    yield {"aspect": "format", "check": "min_words", "value": max(1, words // 2)}
    yield {"aspect": "format", "check": "max_words", "value": 2 * words}


def _stated(told: Example, page: Page) -> dict[str, list[JSON]]:
    """List the values that a text states, each once, by the check that finds them whatever their spelling.

    An option in other words is asked for in those of the text; true and false are not asked for.
    """
    found: dict[str, dict[JSON, None]] = {}
    for pointer, leaf in leaves(told.target):
        for value in (leaf, "" if isinstance(leaf, bool) else _surface(told, pointer)):
            check = _check(value, page)
            if check is not None:
                found.setdefault(check, {})[value] = None
                break
    return {kind: list(values) for kind, values in found.items()}


def _check(value: JSON, page: Page) -> str | None:
    """Return the check that finds a value on a page; `None` where none does."""
    match value:
        case bool():
            return None
        case int() | float():
            return "number" if comparable(value) in page.numbers else None
        case str() if is_date(value) and value in page.dates:
            return "date"
        case str() if page.spans(value.strip(), most=1):
            return "contains"
        case _:
            return None


def _surface(told: Example, pointer: str) -> str:
    """Return the words in which a text states a leaf; none where nobody says which they are."""
    spans = told.meta.get("spans")
    match spans.get(pointer) if isinstance(spans, dict) else None:
        case [int(start), int(end)]:
            return told.text[start:end].strip()
        case _:
            return ""
