"""The nouns that every stage shares: examples and completions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A text, the schema its answer must obey and, where it is known, that answer."""

    id: str
    text: str
    schema: str
    """Name of an entry of the data directory's `schemas.json`."""
    target: JSON = None
    """The right answer; `None` where nobody has labelled the text."""
    reasoning: str | None = None
    meta: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    """Columns of the source row that adhere does not read; a user's reward may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What a model wrote for one example."""

    example_id: str
    index: int
    """Which of the samples drawn for this example; 0 for a single answer."""
    text: str
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    """Natural log, under the policy that sampled it; one per token."""
    finished: bool
    """False when the token limit cut it off."""
