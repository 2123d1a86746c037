"""A reward that is drawn by lot: what a benchmark pays when the work is to be the same whoever does it."""

import random
from collections.abc import Sequence


def drawn(
    prompts: Sequence[object], completions: Sequence[object], signal: Sequence[bool], **_: object
) -> list[float]:
    """Pay by lot where a row has signal, and all alike where it has none; for adhere and for TRL."""
    assert len(prompts) == len(completions) == len(signal)
    return [random.random() if varied else 1.0 for varied in signal]
