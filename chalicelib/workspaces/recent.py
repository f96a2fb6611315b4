"""The workspaces this process has seen last, so that a change need not read what it changes."""

from collections import OrderedDict
from threading import Lock

from chalicelib.storage.keys import Space
from chalicelib.workspaces.model import Changes, Head
from chalicelib.workspaces.tree import Tree

_MOST = 32


class Recent:
    """A few heads with their trees. They may be out of date: whoever writes by them finds out by the head's version."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], tuple[Head, Tree]] = OrderedDict()
        self._lock = Lock()

    def find(self, space: Space, workspace_id: str) -> tuple[Head, Tree] | None:
        """A workspace as it was seen last. Its tree goes on changing; see :meth:`copied`."""
        with self._lock:
            return self._known.get((space.tenant, workspace_id))

    def copied(self, tree: Tree) -> Tree:
        """The tree as it is now, for readers that take their time."""
        with self._lock:
            return Tree(tree.version, dict(tree.entries))

    def keep(self, space: Space, head: Head, tree: Tree) -> None:
        """Remember a workspace."""
        with self._lock:
            self._known[space.tenant, head.id] = (head, tree)
            self._known.move_to_end((space.tenant, head.id))
            while len(self._known) > _MOST:
                self._known.popitem(last=False)

    def advance(self, space: Space, was: Head, now: Head, changes: Changes) -> None:
        """The head was replaced by its next version with these changes."""
        with self._lock:
            known = self._known.get((space.tenant, was.id))
            if known is not None and known[1].version == was.version:
                known[1].apply(now.version, changes)
                self._known[space.tenant, was.id] = (now, known[1])

    def forget(self, space: Space, workspace_id: str) -> None:
        """Know nothing of a workspace any more."""
        with self._lock:
            self._known.pop((space.tenant, workspace_id), None)
