"""What is left of uploads and deletions that were broken off, found by the clock and cleared away."""

from chalicelib.core.clock import now_ms
from chalicelib.observability import apart
from chalicelib.skills.store import SkillStore
from chalicelib.storage.keys import Space
from chalicelib.storage.objects import Objects

_SWEEP = 50
UPLOAD_MS = 3_600_000
"""Longer than any upload takes: an archive without a version is litter by then."""
_DELETION_MS = 60_000


class Litter:
    """Notes what may have to be cleared away before it comes to be, and clears it away."""

    def __init__(self, store: SkillStore, objects: Objects) -> None:
        self._store = store
        self._objects = objects

    def expect(self, space: Space, skill_id: str, folder: str) -> None:
        """An archive will be stored in this folder; a version takes the note away."""
        self._store.write(self._store.note(space, skill_id, folder, now_ms() + UPLOAD_MS))

    def due_ms(self) -> int:
        """When the clock may finish a deletion that begins now."""
        return now_ms() + _DELETION_MS

    def clear(self, space: Space, skill_id: str, folder: str | None) -> None:
        """Remove a folder, or all that is left of a skill, and then the note of it."""
        if folder is not None:
            self._remove(space, skill_id, folder)
        else:
            for one in self._store.folders(space, skill_id):
                self._remove(space, skill_id, one)
            self._store.purge(space, skill_id)
        self._store.forget(space, skill_id, folder)

    def _remove(self, space: Space, skill_id: str, folder: str) -> None:
        self._objects.delete_prefix(space.object_key("skills", skill_id, folder, ""))

    def sweep(self) -> int:
        """Clear away what is due, of all tenants; how much there was."""
        due = self._store.due(now_ms(), _SWEEP)
        for space, skill_id, folder in due:
            with apart("skills", "what is left of a skill could not be cleared away"):
                if self._store.take(space, skill_id, folder):
                    self.clear(space, skill_id, folder)
        return len(due)
