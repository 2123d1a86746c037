"""The random numbers of a sample: a function of who it is, not of when it was drawn."""

import hashlib

import numpy as np
from numpy.typing import NDArray


def uniforms(*, seed: int, step: int, example_id: str, index: int, count: int) -> NDArray[np.float64]:
    """Return `count` numbers in [0, 1) that depend on the arguments alone.

    A sample drawn again, in another batch, after a restart or on another machine, meets the same chance.

    Args:
        seed: The run's.
        step: The training step, 0 in evaluation.
        example_id: Whose prompt is continued.
        index: Which sample of its group.
        count: How many numbers; a longer draw begins with the shorter one.

    Source: counter-based generators, Salmon et al., SC'11 (Philox), keyed by a hash as counters need no
    state.
    """
    key = hashlib.sha256(f"{seed}\x1f{step}\x1f{example_id}\x1f{index}".encode()).digest()[:16]
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little"))).random(count)
