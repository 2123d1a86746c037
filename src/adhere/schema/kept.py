"""What was made once and is kept for the next who asks, as long as there is room."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """Things by key, of limited size together.

    When one more would make them too large, those go first that were not asked for longest. May be shared by
    threads; two that ask for the same new thing at once may both make it, and the first is kept.

    Args:
        most: Bytes of all things together, each as large as it is said to be.
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._things: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._lock = Lock()
        self.size = 0
        """Bytes of the things that are kept."""

    def __len__(self) -> int:
        return len(self._things)

    def find(self, key: str) -> T | None:
        """Return what is kept under `key`; `None` where nothing is."""
        with self._lock:
            if key not in self._things:
                return None
            self._things.move_to_end(key)
            return self._things[key][0]

    def drop(self, key: str) -> None:
        """Keep a thing no longer, if it is kept."""
        with self._lock:
            _, size = self._things.pop(key, (None, 0))
            self.size -= size

    def get(self, key: str, make: Callable[[], tuple[T, int]]) -> T:
        """Return what is kept under `key`, or else make it and keep it.

        Args:
            key: Names what `make` would make.
            make: Returns the thing and its size in bytes; what is larger than all the room is not kept.
        """
        with self._lock:
            if key in self._things:
                self._things.move_to_end(key)
                return self._things[key][0]
        thing, size = make()
        with self._lock:
            if key in self._things:
                return self._things[key][0]
            if size <= self._most:
                self._things[key] = thing, size
                self.size += size
            while self.size > self._most:
                _, (_, gone) = self._things.popitem(last=False)
                self.size -= gone
        return thing
