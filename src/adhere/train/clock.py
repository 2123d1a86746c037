"""How long each phase of a step takes."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class Clock:
    """Adds up seconds by phase."""

    def __init__(self, *phases: str) -> None:
        self._seconds = dict.fromkeys(phases, 0.0)

    @property
    def seconds(self) -> Mapping[str, float]:
        """What each phase took; 0 for one that was not met."""
        return self._seconds

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the time of a block to what its phase had."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[name] += time.perf_counter() - began
