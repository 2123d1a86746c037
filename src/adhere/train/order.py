"""The order in which examples are met: a function of the seed, the stage and the pass over them."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import count, islice

from adhere.records import Example


def shuffled(examples: Sequence[Example], *, seed: int, epoch: int, stage: int = 0) -> list[Example]:
    """Return the examples in an order that their ids, the seed, the stage and the epoch decide."""
    drawn = f"{seed}.{stage}" if stage else f"{seed}"

    def draw(example: Example) -> bytes:
        return hashlib.sha256(f"{drawn}\x1f{epoch}\x1f{example.id}".encode()).digest()

    return sorted(examples, key=draw)


def forever(examples: Sequence[Example], *, seed: int, stage: int = 0) -> Iterator[Example]:
    """Yield examples without end, every one once before any comes again."""
    for epoch in count():
        yield from shuffled(examples, seed=seed, epoch=epoch, stage=stage)


def even(examples: Sequence[Example], stage: int, *, size: int, seed: int) -> Iterator[list[Example]]:
    """Yield batches of one size without end; one may hold the end of a pass and the start of the next."""
    stream = forever(examples, seed=seed, stage=stage)
    while True:
        yield list(islice(stream, size))


def in_passes(examples: Sequence[Example], stage: int, *, size: int, seed: int) -> Iterator[list[Example]]:
    """Yield batches without end; each belongs to one pass, and the last of a pass may be smaller."""
    for epoch in count():
        order = shuffled(examples, seed=seed, epoch=epoch, stage=stage)
        for start in range(0, len(order), size):
            yield order[start : start + size]
