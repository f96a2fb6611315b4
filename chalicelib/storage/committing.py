"""What stores have in common whose changes are transactions."""

from collections.abc import Sequence

from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write


class Committing:
    """A store that hands out writes and carries them out together."""

    _table: Table

    def commit(self, steps: Sequence[Write]) -> None:
        """All of the writes or none. Raises TransactionRefused, StorageBusy."""
        self._table.transact(steps)

    def committed(self, steps: Sequence[Write]) -> bool:
        """As ``commit``; whether it was done, or a condition refused it. Raises StorageBusy."""
        return self._table.transacted(steps)
