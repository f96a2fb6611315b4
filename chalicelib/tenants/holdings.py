"""How often what a tenant has of its own was changed: one row, read with the tenant, that spares reading all the rest.

Each kind of thing has a count, and every change of one is a transaction with its count. What is read after a count is
as new as the count, and good for as long as the count stays the same. But for one case: reads are not parts of
transactions, so whoever reads in the moment of a change may find the count changed and the rest not yet. What is read
soon after a change is therefore not relied on for long.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, Literal, get_args

from chalicelib.core.clock import now_ms
from chalicelib.storage import writes
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

Kind = Literal["cards", "limits", "webhooks"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SETTLED_MS = 300_000
"""After this long nobody finds a change half done any more, however often its transaction was tried."""
NONE_KNOWN_MS = 10_000
"""So long a process goes by knowing that a tenant has nothing of a kind, unless it makes something itself."""
_TENANTS = 4096


def key_of(space: Space) -> Key:
    """Where a tenant's counts stand."""
    return space.key("holdings", sk="COUNTS")


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts as they were ``at`` (milliseconds), and when the last one changed.

    A count of 0 tells that there never was anything, a missing one tells nothing.
    """

    at: int
    changed_at: int = 0
    changes: Mapping[str, int] = field(default_factory=dict)

    @staticmethod
    def of_row(row: Row | None, at: int) -> "Counts":
        """From their row, which was read not before ``at``."""
        found = row or {}
        return Counts(at, found.get("changed_at", 0), {kind: found[kind] for kind in KINDS if kind in found})

    @staticmethod
    def heard(told: Any) -> "Counts | None":
        """From what ``told`` gave, perhaps in another process; None for anything else."""
        if not isinstance(told, dict) or not all(type(value) is int for value in told.values()) or "at" not in told:
            return None
        return Counts.of_row(told, told["at"])

    def told(self) -> dict[str, int]:
        """For ``heard``."""
        return {"at": self.at, "changed_at": self.changed_at, **self.changes}

    def settled(self, now: int) -> bool:
        """Whether what is read from ``now`` on is as new as the counts."""
        return now - self.changed_at > SETTLED_MS


class Holdings:
    """The counts of tenants as this process knows them. Safe for threads."""

    def __init__(self, table: Table, clock: Callable[[], int] = now_ms) -> None:
        self._table = table
        self.clock = clock
        self._lock = Lock()
        # What is known, and the moment before which nothing counts that anybody read.
        self._known: OrderedDict[str, tuple[Counts | None, int]] = OrderedDict()

    @staticmethod
    def begun(space: Space) -> Write:
        """The write that belongs to the making of a tenant: it has nothing yet."""
        key = key_of(space)
        return writes.put({"pk": key.pk, "sk": key.sk, **dict.fromkeys(KINDS, 0)})

    def changed(self, space: Space, kind: Kind) -> Write:
        """The write that belongs into the transaction of every change of a kind; this process goes by it at once."""
        counted = writes.update(key_of(space), {"changed_at": self.clock()}, add={kind: 1})
        return replace(counted, after=lambda: self._forget(space))

    def known(self, space: Space, within_ms: int) -> Counts | None:
        """The counts, if they were read or heard of so lately."""
        counts, _ = self._known.get(space.tenant, (None, 0))
        return counts if counts is not None and self.fresh(counts.at, within_ms) else None

    def fresh(self, at: int, within_ms: int) -> bool:
        """Whether a moment is no longer ago; not when the clock was set back since."""
        return 0 <= self.clock() - at < within_ms

    def read(self, space: Space) -> Counts:
        """The counts as they are."""
        at = self.clock()
        return self.learn(space, self._table.get(key_of(space)), at)

    def learn(self, space: Space, row: Row | None, at: int) -> Counts:
        """Their row was read, not before ``at``."""
        counts = Counts.of_row(row, at)
        self._keep(space, counts)
        return counts

    def told(self, space: Space) -> dict[str, int] | None:
        """What is known, for another process."""
        counts = self.known(space, NONE_KNOWN_MS)
        return None if counts is None else counts.told()

    def hear(self, space: Space, told: Any) -> None:
        """Another process told what it knows, which is not believed if its clock is ahead of this one's."""
        counts = Counts.heard(told)
        if counts is not None and counts.at <= self.clock():
            self._keep(space, counts)

    def _keep(self, space: Space, counts: Counts) -> None:
        with self._lock:
            before, after = self._known.get(space.tenant, (None, 0))
            if counts.at > (after if before is None else max(after, before.at)):
                self._set(space, (counts, after))

    def _forget(self, space: Space) -> None:
        with self._lock:
            self._set(space, (None, self.clock()))

    def _set(self, space: Space, known: tuple[Counts | None, int]) -> None:
        self._known[space.tenant] = known
        self._known.move_to_end(space.tenant)
        while len(self._known) > _TENANTS:
            self._known.popitem(last=False)
