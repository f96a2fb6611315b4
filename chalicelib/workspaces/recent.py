"""The trees this process has seen last, so that a change need not read the tree it changes."""

from collections import OrderedDict
from threading import Lock

from chalicelib.storage.keys import Space
from chalicelib.workspaces.model import Changes, Head
from chalicelib.workspaces.tree import Tree

_TREES = 32


class Recent:
    """A few trees by workspace."""

    def __init__(self) -> None:
        self._trees: OrderedDict[tuple[str, str], Tree] = OrderedDict()
        self._lock = Lock()

    def find(self, space: Space, head: Head) -> Tree | None:
        """The tree of that very head."""
        with self._lock:
            tree = self._trees.get((space.tenant, head.id))
            return tree if tree is not None and tree.version == head.version else None

    def keep(self, space: Space, workspace_id: str, tree: Tree) -> None:
        """Remember a tree."""
        with self._lock:
            self._trees[space.tenant, workspace_id] = tree
            self._trees.move_to_end((space.tenant, workspace_id))
            while len(self._trees) > _TREES:
                self._trees.popitem(last=False)

    def advance(self, space: Space, head: Head, changes: Changes) -> None:
        """The head was replaced by its next version with these changes."""
        with self._lock:
            tree = self._trees.get((space.tenant, head.id))
            if tree is not None and tree.version == head.version:
                tree.apply(head.version + 1, changes)

    def forget(self, space: Space, workspace_id: str) -> None:
        """Know nothing of a workspace any more."""
        with self._lock:
            self._trees.pop((space.tenant, workspace_id), None)
