"""Memories in the order of their paths, and in the order of their last change."""

from dataclasses import dataclass

from chalicelib.core.paging import Page
from chalicelib.memory import rows
from chalicelib.memory.errors import MemoryStoreNotFound
from chalicelib.memory.memories import Held
from chalicelib.memory.model import Folder, Memory
from chalicelib.memory.store import MemoryRows
from chalicelib.storage.keys import Space

_BEHIND_SLASH = "0"
_HIGHEST = "\U0010fffd"
_BATCH = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which memories: those whose path begins with ``prefix``; ``flat``: folders below it instead of what they hold."""

    prefix: str = "/"
    flat: bool = False
    limit: int = 50
    after: str | None = None
    full: bool = False


Item = Held | Folder


class MemoryLists:
    """Pages of a store. A position is a path, or the id of a version."""

    def __init__(self, store: MemoryRows) -> None:
        self._store = store

    def by_path(self, space: Space, store_id: str, wanted: Wanted) -> Page[Item]:
        """A page by path; ``next`` is the place to go on after. Raises MemoryStoreNotFound."""
        self._demand(space, store_id)
        found = self._walk(space, store_id, wanted)
        more, found = len(found) > wanted.limit, found[: wanted.limit]
        memories = self._store.memories(space, store_id, [one for one, _ in found if one])
        contents = self._contents(space, store_id, list(memories.values())) if wanted.full else {}
        items: list[Item] = []
        for memory_id, path in found:
            if not memory_id:
                items.append(Folder(path))
            elif (memory := memories.get(memory_id)) is not None:
                items.append(Held(memory, contents.get(memory.version)))
        return Page(items, found[-1][1] if more else None)

    def _walk(self, space: Space, store_id: str, wanted: Wanted) -> list[tuple[str, str]]:
        """(memory, path) in order, one more than the limit; a folder has no memory."""
        found: list[tuple[str, str]] = []
        low, high = rows.first_path_sk(wanted.prefix), rows.first_path_sk(wanted.prefix) + _HIGHEST
        passed = wanted.after or ""
        if wanted.after is not None:
            low = max(low, self._behind(wanted.after))
        # A position may lie behind all that begins with the prefix: it can be one of a page with another prefix.
        while len(found) <= wanted.limit and low <= high:
            page = self._store.paths(space, store_id, low, high, _BATCH)
            jump = None
            for row in page:
                path = str(row["path"])
                if not path.startswith(wanted.prefix) or (passed.endswith("/") and path.startswith(passed)):
                    continue
                folder = _folder(path, wanted.prefix) if wanted.flat else None
                passed = folder or path
                found.append(("" if folder else row["memory"], passed))
                if len(found) > wanted.limit:
                    return found
                if folder is not None and rows.is_whole(folder):
                    jump = self._behind(folder)
                    break
            if jump is None and len(page) < _BATCH:
                return found
            low = jump or str(page[-1]["sk"]) + "\x01"
        return found

    @staticmethod
    def _behind(passed: str) -> str:
        """Where what follows a path or a folder begins."""
        if passed.endswith("/") and rows.is_whole(passed):
            return rows.path_sk(passed[:-1] + _BEHIND_SLASH)
        return rows.first_path_sk(passed) if passed.endswith("/") else rows.path_sk(passed) + "\x01"

    def by_change(self, space: Space, store_id: str, limit: int, after: str | None) -> Page[Held]:
        """A page with the latest change first, contents included. Raises MemoryStoreNotFound."""
        self._demand(space, store_id)
        memories = sorted(self._store.all_memories(space, store_id), key=lambda one: one.version, reverse=True)
        rest = [one for one in memories if after is None or one.version < after]
        shown = rest[:limit]
        contents = self._contents(space, store_id, shown)
        held = [Held(one, contents.get(one.version)) for one in shown]
        return Page(held, shown[-1].version if len(rest) > limit else None)

    def _contents(self, space: Space, store_id: str, memories: list[Memory]) -> dict[str, str]:
        return self._store.contents(space, store_id, [one.version for one in memories])

    def _demand(self, space: Space, store_id: str) -> None:
        if not self._store.find_stores(space, [store_id]):
            raise MemoryStoreNotFound


def _folder(path: str, prefix: str) -> str | None:
    """The folder a path lies in below a prefix; None for what lies right there."""
    inside, slash, _ = path[len(prefix) :].partition("/")
    return f"{prefix}{inside}/" if slash else None
