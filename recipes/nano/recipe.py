"""What a training run of nano is made of: `nano.toml`, checked."""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The network."""

    vocabulary: int
    width: int
    mlp: int
    layers: int
    heads: int
    groups: int
    """Key-value heads."""
    context: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """The optimizers: Muon for the layers' matrices, AdamW for embeddings, norms and biases."""

    rate: float
    """Of both; Muon's is scaled so that its steps are as large as AdamW's (arXiv:2502.16982)."""
    warmup_steps: int
    weight_decay: float
    batch_tokens: int
    """Of one update, padding counted."""
    asked_weight: float
    """Of a prompt's token in the loss, against 1 of an answer's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Of which documents a pool of rows is drawn."""

    most: int
    """Largest number of leaves, of all but hierarchical documents."""
    wide: float
    """Share of schemas that use much of JSON Schema."""
    hierarchical: float
    """Share of hierarchical documents."""
    thinking: float
    """Share of answers that reason first."""
    tongues: float
    """Share of texts in German, French, Spanish or Italian."""
    calls: float
    """Share of the other rows, about, that ask for a call of one of several tools."""
    noise: float
    """Share of the texts that read as if scanned."""
    strange: float
    """Share of the texts of drawn schemas whose wording is made up for them; never of held-out ones."""
    nesting: float
    """Share of schemas of three or more leaves that get a nested object or an array."""
    strict: float
    """Share of house-form answers where three values are asked for; longer answers have fewer of them
    (`conventions.strict_share`)."""
    house: float
    """Share of prompts that are the house's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All of `nano.toml`."""

    shape: Shape
    learning: Learning
    stages: tuple[tuple[float, int], ...]
    """Until so many million tokens, documents have at most so many leaves: copying is learned on short
    ones."""
    plain_until: float
    """Million tokens until which documents are `plain`."""
    strange_from: float
    """Million tokens from which texts are `strange`."""
    plain: Mix
    long: Mix
    """Of the long run, which is at home in many conventions."""
    base: Mix
    """Of the last phase of nano-base."""
    strict: Mix
    """Of the last phase of nano."""


def read(path: Path) -> Recipe:
    """Read a file of settings.

    Raises:
        TypeError: A name is missing or unknown.
    """
    given: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    kinds: dict[str, Any] = {
        "shape": Shape, "learning": Learning, "plain": Mix, "long": Mix, "base": Mix, "strict": Mix
    }  # fmt: skip
    made = {name: kinds[name](**value) if name in kinds else value for name, value in given.items()}
    made["stages"] = tuple((float(until), int(most)) for until, most in made["stages"])
    missing = {field.name for field in fields(Recipe)} - made.keys()
    if missing:
        raise TypeError(f"{path} lacks {', '.join(sorted(missing))}")
    return Recipe(**made)
