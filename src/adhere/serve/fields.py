"""What is known of each leaf of an answer: how sure the model was, and where in the prompt it stands."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from adhere.data.reasoning.origins import Origin, holders, origins
from adhere.measure.calibration import Calibration, spelled
from adhere.records import JSON, Example
from adhere.schema import Parsed, Schema, parse_json
from adhere.schema.leaves import leaves
from adhere.serve.kept import call_of
from adhere.serve.order import (
    AnyObject,
    AnyText,
    Calling,
    Ended,
    Matching,
    Obeying,
    OneOf,
    Order,
    Role,
    Spelled,
)
from adhere.serve.visit import Promise
from adhere.text.numerals import Span

MOST_CHARACTERS = 2**16
"""Characters of a prompt in which leaves are looked for: some 0.2 seconds."""
MOST_WORK = 2**22
"""Characters times leaves: an answer of more leaves is looked for in fewer characters."""
_BETWEEN = "\n\0\n"
"""Parts messages, so that nothing is found across them."""
_SAID: tuple[Role, ...] = ("user", "tool")
"""Who says what answers are taken from; what a system message states comes after."""
_ANY = Schema.of({"type": "object"}, name="any")
_TEXT = Schema.of({"type": "string"}, name="text")


def told(
    order: Order, ended: Ended, *, promise: Promise, calibration: Calibration | None, below: float | None
) -> dict[str, JSON]:
    """Return the `adhere` block of an answer; `docs/fields.md` says what stands in it.

    Pure. Time is bounded, whatever the lengths of prompt and answer.

    Args:
        order: What was asked.
        ended: The answer.
        promise: What became of what was promised of it.
        calibration: Of the model's confidences.
        below: Confidence, calibrated where there is a calibration, under which a leaf is undecided; `None`
            where nobody set one.
    """
    parts = [] if ended.reason == "length" else list(_parts(order, ended.text))
    every = [(under + pointer, leaf) for under, value, _ in parts for pointer, leaf in leaves(value)]
    found = _Found.of(order, parts, max(1, len(every)))
    sure = {pointer: _sure(ended.confidence, pointer, calibration) for pointer, _ in every}
    doubtful = [] if below is None else [pointer for pointer, _ in every if _doubted(sure[pointer], below)]
    block: dict[str, JSON] = {
        "promise": promise,
        "undecided": promise == "cut" or bool(doubtful),
        "below": below,
        "doubtful": list[JSON](doubtful),
        "leaves": [
            {"pointer": pointer, "value": leaf, "confidence": sure[pointer], **found.source(pointer)}
            for pointer, leaf in every
        ],
    }
    if found.unsearched:
        block["unsearched"] = found.unsearched
    return {**block, **(ended.note or {})}


def _sure(
    confidence: Mapping[str, float] | None, pointer: str, calibration: Calibration | None
) -> dict[str, JSON] | None:
    raw = None if confidence is None else confidence.get(pointer)
    return None if raw is None else spelled(raw, calibration)


def _doubted(sure: Mapping[str, JSON] | None, below: float) -> bool:
    """Say whether a leaf is undecided; one of which nothing is known is."""
    if sure is None:
        return True
    confidence = sure.get("calibrated", sure["raw"])
    return not isinstance(confidence, float | int) or confidence < below


def _parts(order: Order, text: str) -> Iterator[tuple[str, JSON, Schema]]:
    """Yield the values of an answer, each with its pointer and what it obeys."""
    match order.wanted:
        case AnyText():
            return
        case Matching() | OneOf() | Spelled():
            yield "", text, _TEXT
        case Calling(tools=tools):
            made = call_of(text)
            tool = next((tool for tool in tools if made is not None and tool.name == made.name), None)
            if made is not None and tool is not None:
                yield "/name", made.name, Schema.of({"const": made.name})
                yield "/arguments", made.arguments, tool.parameters
        case AnyObject() | Obeying() as wanted:
            read = parse_json(text)
            if isinstance(read, Parsed):
                yield "", read.value, wanted.schema if isinstance(wanted, Obeying) else _ANY


@dataclass(frozen=True, slots=True)
class _Told:
    """Messages joined to one text."""

    text: str
    begins: Sequence[tuple[int, int]]
    """Where in it each begins, ascending, and which message it is."""
    unsearched: int
    """Characters that are left out."""

    @classmethod
    def of(cls, messages: Sequence[tuple[int, str]], most: int) -> "_Told":
        """Join messages; of more than `most` characters the last ones, and of each what it begins with."""
        kept: list[tuple[int, str]] = []
        left = most
        for index, text in reversed(messages):
            kept.append((index, text[: max(0, left)]))
            left -= len(text)
        begins: list[tuple[int, int]] = []
        at = 0
        for index, text in reversed(kept):
            begins.append((at, index))
            at += len(text) + len(_BETWEEN)
        return cls(_BETWEEN.join(text for _, text in reversed(kept)), begins, max(0, -left))

    def place(self, span: Span) -> dict[str, JSON]:
        """Return where a span lies in the message that holds it."""
        at, message = next(begin for begin in reversed(self.begins) if begin[0] <= span[0])
        return {
            "message": message,
            "start": span[0] - at,
            "end": span[1] - at,
            "text": self.text[slice(*span)],
        }


@dataclass(frozen=True, slots=True)
class _Found:
    """Where leaves were found."""

    places: Mapping[str, dict[str, JSON]]
    sought: frozenset[str]
    """Pointers of the leaves that a text could state."""
    unsearched: int

    @classmethod
    def of(cls, order: Order, parts: Sequence[tuple[str, JSON, Schema]], count: int) -> "_Found":
        """Look the leaves of an answer up in what was said, and then in what the system was told."""
        most = min(MOST_CHARACTERS, MOST_WORK // count)
        messages = [(index, turn.role, turn.content) for index, turn in enumerate(order.turns)]
        said = [(index, text) for index, role, text in messages if role in _SAID]
        system = [(index, text) for index, role, text in messages if role == "system"]
        sought: set[str] = set()
        places: dict[str, dict[str, JSON]] = {}
        unsearched = 0
        for group in (said if order.turns else [(0, order.prompt)], system):
            told = _Told.of(group, most)
            unsearched += told.unsearched
            for under, value, schema in parts:
                held = list(holders(value, schema))
                sought |= {under + leaf.pointer for each in held for leaf in each.leaves if leaf.needs_origin}
                for pointer, origin in origins(_example(told.text), held).items():
                    places.setdefault(under + pointer, _source(origin, told))
            if sought <= places.keys():
                break
        return cls(places, frozenset(sought), unsearched)

    def source(self, pointer: str) -> dict[str, JSON]:
        """Return how a text says a leaf, and where."""
        if pointer in self.places:
            return self.places[pointer]
        if pointer not in self.sought:
            return {"reading": "not needed", "source": None}
        return {"reading": "not found" if self.unsearched else "not in the text", "source": None}


def _example(text: str) -> Example:
    return Example(id="", text=text, schema="")


def _source(origin: Origin, told: _Told) -> dict[str, JSON]:
    return {"reading": origin.means, "source": told.place(origin.span)}
