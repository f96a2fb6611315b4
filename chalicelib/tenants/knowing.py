"""What a process knows of the things that tenants have of their own, so that it need not ask for them each time."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

from chalicelib.storage.keys import Space
from chalicelib.tenants.holdings import NONE_KNOWN_MS, Counts, Holdings, Kind

T = TypeVar("T")

SOME_KNOWN_MS = 1_000
"""So long it goes by knowing what there is, unless it changes it itself."""
_TENANTS = 4096


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    """What was loaded at a moment, under a count. Not ``sure``: the count may have been seen before what it counts."""

    value: T
    count: int | None
    at: int
    sure: bool


class Known(Generic[T]):
    """All that a tenant has of one kind, as it was a moment ago. Safe for threads.

    What was loaded is used for as long as the tenant's count of its changes stays the same. Time decides alone how old
    that count may be, and for a while after a change how long what was loaded is used.
    """

    def __init__(
        self,
        holdings: Holdings,
        kind: Kind,
        load: Callable[[Space], T],
        nothing: T,
        some_known_ms: int = SOME_KNOWN_MS,
    ) -> None:
        """``nothing`` is what ``load`` gives for a tenant that has nothing of the kind."""
        self._holdings = holdings
        self._kind = kind
        self._load = load
        self._nothing = _Kept(nothing, 0, 0, sure=True)
        self._some_known_ms = some_known_ms
        self._lock = Lock()
        self._kept: OrderedDict[str, _Kept[T]] = OrderedDict()

    def of(self, space: Space) -> T:
        """What the tenant has."""
        counts = self._holdings.known(space, NONE_KNOWN_MS) or self._holdings.read(space)
        kept = self._under(space, counts)
        if kept is not None and not self._holdings.fresh(counts.at, self._good_for(kept)):
            counts = self._holdings.read(space)
            kept = self._under(space, counts)
        return self._loaded(space, counts) if kept is None else kept.value

    def _under(self, space: Space, counts: Counts) -> _Kept[T] | None:
        """What is kept and still stands under these counts."""
        count = counts.changes.get(self._kind)
        if count == 0:
            return self._nothing
        kept = self._kept.get(space.tenant)
        if kept is None or kept.count != count:
            return None
        return kept if kept.sure or self._holdings.fresh(kept.at, self._good_for(kept)) else None

    def _good_for(self, kept: _Kept[T]) -> int:
        return NONE_KNOWN_MS if kept.value == self._nothing.value else self._some_known_ms

    def _loaded(self, space: Space, counts: Counts) -> T:
        at = self._holdings.clock()
        kept = _Kept(self._load(space), counts.changes.get(self._kind), at, sure=counts.settled(at))
        with self._lock:
            self._kept[space.tenant] = kept
            self._kept.move_to_end(space.tenant)
            while len(self._kept) > _TENANTS:
                self._kept.popitem(last=False)
        return kept.value
