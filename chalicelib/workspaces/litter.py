"""Objects that nobody needs any more, removed many at a time."""

from collections.abc import Iterable
from threading import Lock

from chalicelib.storage.objects import Objects

_HEAP = 64


class Litter:
    """Collects names of objects and removes them when there are enough.

    What a process leaves when it ends stays until the workspace is looked through: it costs storage and nothing else.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._heap: list[str] = []
        self._lock = Lock()

    def drop(self, keys: Iterable[str]) -> None:
        """These are not needed."""
        with self._lock:
            self._heap += keys
            full, self._heap = (self._heap, []) if len(self._heap) >= _HEAP else ([], self._heap)
        if full:
            self._objects.delete_many(full)
