"""The last step of a session that is made over a log which is there already: until then nobody can see it."""

from collections.abc import Sequence

from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

LAST_WRITES = 90
"""So many writes of files go with the head; a transaction holds a hundred."""


def last_of(table: Table, files: Sequence[list[Write]], most: int) -> list[Write]:
    """Write what does not fit into the last step; gives the rest."""
    left = list(files)
    while sum(map(len, left)) > most:
        batch, left = left[: LAST_WRITES // 2], left[LAST_WRITES // 2 :]
        # Refused is what a first try has written already.
        table.transacted(step for steps in batch for step in steps)
    return [step for steps in left for step in steps]
