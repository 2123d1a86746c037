"""The made-up documents that nano learns from: any number of them, each a function of its number."""

import hashlib

from mimesis.random import Random

from adhere.data import prose, shapes
from adhere.data.fill import fill
from adhere.records import Example
from adhere.schema import Schema

STAGES = ((800_000, 2), (2_000_000, 3), (11_000_000, 4))
"""Until so many tokens, documents have at most so many leaves: short first, for copying is learned on short
texts."""
MOST_LEAVES = 6


def most_leaves(tokens: int) -> int:
    """Return how many leaves a document may have once nano has read `tokens`."""
    return next((leaves for until, leaves in STAGES if tokens < until), MOST_LEAVES)


def row(seed: int, number: int, *, most: int) -> tuple[Example, Schema]:
    """Return the document of this number, under a schema of its own with up to `most` leaves."""
    random = Random()
    random.seed(int.from_bytes(hashlib.sha256(f"{seed}:{number}".encode()).digest()[:8], "big"))
    source = shapes.shape(random, least=1, most=most, nesting=0.12)
    filled = fill(random, source)
    text = prose.document(random, filled.stated)
    schema = Schema.of(source, name=f"shape-{number}")
    return Example(id=f"nano-{seed}-{number}", text=text, schema=schema.name, target=filled.target), schema
