"""The order in which examples are met: a function of the seed and the pass over them."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import count

from adhere.records import Example


def shuffled(examples: Sequence[Example], *, seed: int, epoch: int) -> list[Example]:
    """Return the examples in an order that their ids, the seed and the epoch decide."""

    def draw(example: Example) -> bytes:
        return hashlib.sha256(f"{seed}\x1f{epoch}\x1f{example.id}".encode()).digest()

    return sorted(examples, key=draw)


def forever(examples: Sequence[Example], *, seed: int) -> Iterator[Example]:
    """Yield examples without end, every one once before any comes again."""
    for epoch in count():
        yield from shuffled(examples, seed=seed, epoch=epoch)
