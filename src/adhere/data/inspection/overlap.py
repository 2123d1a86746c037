"""What two splits share and should not."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from adhere.records import JSON, Example
from adhere.schema.canonical import canonical
from adhere.schema.leaves import leaves

By: TypeAlias = Literal["text", "target"]
"""What a held-out example has in common with another."""

TELLING = 3
"""Strings and numbers from which a target belongs to one text: with fewer, such as a genre or a count, two
texts may well say the same."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A held-out example that a model has met in training."""

    held_out: str
    """Id of the held-out example."""
    train: str
    """Id of the first training example that gives it away."""
    by: By


def leaking(train: Iterable[Example], held_out: Iterable[Example]) -> list[Leak]:
    """Find the held-out examples whose text or target stands in `train` too, at most once each.

    Texts are the same whatever their case and white space; so are targets, with equal numbers and any order
    of keys. A text counts first. A target counts only if it is `telling`. Exact, by hash: 16 bytes are kept
    for each text and target of `train`, and none of `held_out`.

    Args:
        train: Read once, and first.
        held_out: Read once.

    Returns:
        Leaks in the order of `held_out`; empty where the splits are apart.
    """
    seen: dict[bytes, str] = {}
    for example in train:
        for _, hashed in _marks(example):
            seen.setdefault(hashed, example.id)
    met = (
        next((Leak(example.id, seen[hashed], by) for by, hashed in _marks(example) if hashed in seen), None)
        for example in held_out
    )
    return [leak for leak in met if leak is not None]


def _marks(example: Example) -> Iterator[tuple[By, bytes]]:
    """Yield the hash of an example's text and, if it is telling, of its target."""
    yield "text", mark("text", example.text)
    if telling(example.target):
        yield "target", mark("target", canonical(example.target))


def telling(target: JSON) -> bool:
    """Whether a target says so much that another text with the same one is no accident."""
    said = (leaf for _, leaf in leaves(target) if isinstance(leaf, str | int | float))
    return sum(not isinstance(leaf, bool) for leaf in said) >= TELLING


def mark(kind: str, spelling: str) -> bytes:
    """Hash a spelling, whatever its case and white space, so that no two kinds are taken for one another."""
    folded = " ".join(spelling.casefold().split())
    return hashlib.blake2b(
        folded.encode(errors="surrogatepass"), digest_size=16, person=kind.encode()
    ).digest()
