"""The made-up documents that nano learns from: any number of them, each a function of its number."""

import hashlib
from dataclasses import dataclass, replace
from functools import cache
from random import Random

from adhere.config import DOMAINS, Form
from adhere.data.papers.hierarchy import Hierarchy
from adhere.data.reasoning.reasoning import reasoning
from adhere.data.shapes import shape
from adhere.data.side import EITHER
from adhere.data.source import SchemaSource
from adhere.records import Example
from adhere.schema import Schema

STAGES = ((800_000, 2), (2_000_000, 3), (11_000_000, 4), (34_000_000, 6))
"""Until so many tokens, documents have at most so many leaves: short first, for copying is learned on short
texts."""
MOST_LEAVES = 8
FLAT_UNTIL = 11_000_000
"""Tokens until which schemas are narrow, texts clean and answers plain."""
_WIDE_SHARE, _HIERARCHICAL_SHARE, _THINKING_SHARE = 0.45, 0.10, 0.12
_NOISE = 0.1
_PAPERS = tuple(domain for domain in DOMAINS if domain != "hiring")


@dataclass(frozen=True, slots=True)
class Row:
    """A document, the schema of its answer, and the form of that."""

    example: Example
    schema: Schema
    form: Form = "plain"


def most_leaves(tokens: int) -> int:
    """Return how many leaves a document may have once nano has read `tokens`."""
    return next((leaves for until, leaves in STAGES if tokens < until), MOST_LEAVES)


def row(seed: int, number: int, *, most: int, flat: bool = False) -> Row:
    """Return the document of this number.

    Args:
        seed: Another one gives other documents.
        number: From 0.
        most: Largest number of leaves, of all but hierarchical documents.
        flat: Whether it is a short one under a narrow schema, with a plain answer.
    """
    random = Random(int.from_bytes(hashlib.sha256(f"{seed}:{number}".encode()).digest()[:8], "big"))
    draw, thinks = random.random(), random.random() < _THINKING_SHARE and not flat
    if draw < _HIERARCHICAL_SHARE and not flat:
        source = _papers(random.choice(_PAPERS), seed)
    else:
        wide = draw < _HIERARCHICAL_SHARE + _WIDE_SHARE and not flat
        drawn = shape(random, least=1, most=most, nesting=0.3 if wide else 0.12, width=float(wide))
        schema = Schema.of(drawn, name=f"shape-{number}")
        source = SchemaSource([schema], seed=seed, noise=0.0 if flat else _NOISE)
    example = source.example(number, EITHER)
    schema = source.schemas[example.schema]
    told = reasoning(example, schema) if thinks else None
    if not isinstance(told, str):
        return Row(example, schema)
    return Row(replace(example, reasoning=told), schema, "think")


@cache
def _papers(domain: str, seed: int) -> Hierarchy:
    return Hierarchy.of(domain, seed=seed, noise=_NOISE)
