"""What a check of examples can find, and which of it is wrong."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from adhere.records import JSON

PROBLEMS: Mapping[str, str] = {
    "unreadable_rows": "rows that lack their text or name no schema",
    "repeated_ids": "rows whose id an earlier one has",
    "empty_texts": "rows whose text is empty",
    "broken_targets": "targets that break their schema",
    "conflicting_targets": "rows whose text stands there with another target",
    "repeated_rows": "rows that stand there twice",
    "unstated_numbers": "numbers and dates that their text does not state, of fields that texts mostly state",
    "tagged_reasoning": "reasonings with a tag that ends them, or an answer, in the middle",
    "too_long": "rows that are longer than the model's context",
    "leaked_texts": "rows whose text stands in an earlier split",
    "leaked_targets": "rows whose target stands in an earlier split",
    "leaked_near": "rows whose text is nearly one of an earlier split",
}
"""Kinds of findings that mean that something is wrong."""

REMARKS: Mapping[str, str] = {
    "unlabelled": "rows without a target",
    "without_reasoning": "rows without reasoning, where others have one",
    "near_duplicates": "rows whose text is nearly that of an earlier one",
    "unstated_values": "other values that their text does not state",
    "shared_templates": "rows whose wording stands in an earlier split",
}
"""Kinds of findings that may be as they should be."""

LEAKED: Mapping[str, str] = {
    "leaked_texts": "text",
    "leaked_targets": "target",
    "leaked_near": "near",
    "shared_templates": "template",
}
"""What is shared between splits, by the kind of the finding."""


@dataclass(frozen=True, slots=True)
class Place:
    """A row, as a finding names it."""

    where: str
    """File and line: `data/examples.jsonl:3`."""
    id: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about one row, and another that it was held against."""

    kind: str
    """Of `PROBLEMS` or `REMARKS`."""
    place: Place
    what: str
    """A clause without a full stop."""
    other: Place | None = None

    def as_json(self) -> dict[str, JSON]:
        """Return it as a line of `findings.jsonl`."""
        return {
            "kind": self.kind,
            **asdict(self.place),
            "other": None if self.other is None else asdict(self.other),
            "what": self.what,
        }

    def __str__(self) -> str:
        other = "" if self.other is None else f", and {self.other.where}"
        return f"{self.place.where}{other}: {self.what}"
