"""Where deliveries are kept. One partition an endpoint: each delivery (D#), a row for each that waits, in the order of
their moments (P#), and the row of the queue itself."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.core.jsonio import dumps, loads
from chalicelib.storage import writes
from chalicelib.storage.errors import TransactionRefused
from chalicelib.storage.keys import Key, Space, list_sk
from chalicelib.storage.listing import Found, Window, read_lists
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write
from chalicelib.webhooks.due import QUEUE
from chalicelib.webhooks.model import Attempt, Delivery
from chalicelib.webhooks.queue_store import look_soon, queue_key
from chalicelib.webhooks.schedule import KEPT_SECONDS

_DELIVERY, _WAITING = "D#", "P#"
_LISTED = "deliveries"
_A_TRANSACTION = 33
"""Deliveries: two writes each, one for each endpoint among them, and one more are what a transaction takes."""

_MOVES = 24
_PURGED = 2000
_CHANGED = ("state", "place", "next_at", "deadline", "tries", "stage", "delivered_at", "reason")
_FIXED = ("id", "endpoint", "event_id", "event_type", "subject", "body", "created_at")


class DeliveryStore:
    """Rows of deliveries; no rule about them is here."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def share(
        self, space: Space, deliveries: Sequence[Delivery], last: Sequence[Write] = (), *, anew: bool = False
    ) -> None:
        """Put new deliveries into the queues of their endpoints; ``last`` goes with the last of them.

        ``anew``: they are to be looked at now, whatever pause the endpoint has.
        Raises TransactionRefused when one exists already or ``last`` is refused.
        """
        groups = list(_groups(deliveries, _A_TRANSACTION)) or [()]
        for number, group in enumerate(groups, 1):
            steps = [step for one in group for step in _insertion(space, one)]
            steps += [look_soon(space, endpoint, now_ms(), anew=anew) for endpoint in {one.endpoint for one in group}]
            self._table.transact([*steps, *(last if number == len(groups) else ())])

    def unknown(self, space: Space, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Those that are not stored."""
        there = self._table.get_many([_key(space, one) for one in deliveries])
        return [one for one in deliveries if _key(space, one) not in there]

    def due(self, space: Space, endpoint: str, now: int, most: int) -> list[Delivery]:
        """What is to be tried by now, the longest due first."""
        pk = space.partition(QUEUE, endpoint)
        while waiting := self._table.query(pk, low=_WAITING, high=f"{_WAITING}{now:013d}~", limit=most).rows:
            keys = [Key(pk, _DELIVERY + row["id"]) for row in waiting]
            rows = self._table.get_many(keys)
            if found := [_delivery(rows[key]) for key in keys if key in rows]:
                return found
            # Deliveries that became too old to be known while they waited: they would be looked for again and again.
            self._table.delete_many([Key(pk, row["sk"]) for row in waiting])
        return []

    def next_at(self, space: Space, endpoint: str) -> int | None:
        """The moment of the delivery that is tried next."""
        pk = space.partition(QUEUE, endpoint)
        rows = self._table.query(pk, low=_WAITING, high=_WAITING + "~", limit=1).rows
        return int(rows[0]["sk"][len(_WAITING) :].partition("#")[0]) if rows else None

    def moves(self, space: Space, before: Delivery, after: Delivery) -> list[Write]:
        """The writes that change a delivery which is as it was seen, and its place in the queue."""
        seen = writes.equals("tries", before.tries) & writes.equals("state", before.state)
        changes: Row = {name: getattr(after, name) for name in _CHANGED} | {"attempts": _packed(after)}
        steps = [writes.update(_key(space, before), changes, seen)]
        if before.state == "pending":
            steps.append(writes.delete(_place(space, before)))
        if after.state == "pending":
            steps.append(_wait(space, after))
        return steps

    def move(self, space: Space, moved: Sequence[tuple[Delivery, Delivery]], *, anew: bool = False) -> bool:
        """Change deliveries (before, after), some at a time; False when one was not as it was seen any more.

        ``anew``: they are to be looked at now, whatever pause the endpoint has.
        """
        whole = True
        for group in _groups(moved, _MOVES):
            steps = [step for before, after in group for step in self.moves(space, before, after)]
            if anew:
                steps += [look_soon(space, one, now_ms(), anew=True) for one in {after.endpoint for _, after in group}]
            try:
                self._table.transact(steps)
            except TransactionRefused:
                whole = False
        return whole

    def find(self, space: Space, endpoint: str, delivery_id: str) -> Delivery | None:
        """One delivery."""
        row = self._table.get(space.key(QUEUE, endpoint, sk=_DELIVERY + delivery_id))
        return None if row is None else _delivery(row)

    def page(self, space: Space, endpoint: str, window: Window, keep: Callable[[Delivery], bool]) -> Found:
        """Rows of an endpoint's deliveries, by creation."""
        return read_lists(self._table, [_listing(space, endpoint)], window, lambda row: keep(_delivery(row)))

    def restored(self, row: Row) -> Delivery:
        """The delivery of a row."""
        return _delivery(row)

    def purge(self, space: Space, endpoint: str) -> bool:
        """Remove what is in an endpoint's queue, so much at a time; whether all is gone. Its own row goes last."""
        rows = self._table.walk(space.partition(QUEUE, endpoint), low=_DELIVERY)
        keys = [Key(row["pk"], row["sk"]) for row in islice(rows, _PURGED)]
        self._table.delete_many(keys)
        if len(keys) == _PURGED:
            return False
        self._table.delete_many([queue_key(space, endpoint)])
        return True


def _key(space: Space, one: Delivery) -> Key:
    return space.key(QUEUE, one.endpoint, sk=_DELIVERY + one.id)


def _place(space: Space, one: Delivery) -> Key:
    return space.key(QUEUE, one.endpoint, sk=_WAITING + one.place)


def _listing(space: Space, endpoint: str) -> str:
    return space.listing(QUEUE, endpoint, _LISTED)


def _expiry(one: Delivery) -> int:
    return one.created_at // 1000 + KEPT_SECONDS


def _insertion(space: Space, one: Delivery) -> list[Write]:
    key = _key(space, one)
    row: Row = {"pk": key.pk, "sk": key.sk, **{name: getattr(one, name) for name in (*_FIXED, *_CHANGED)}}
    row |= {"attempts": _packed(one), "expires_at": _expiry(one)}
    row |= {"list_pk": _listing(space, one.endpoint), "list_sk": list_sk(one.created_at, one.id)}
    return [writes.put(row, writes.ABSENT), _wait(space, one)]


def _wait(space: Space, one: Delivery) -> Write:
    key = _place(space, one)
    return writes.put({"pk": key.pk, "sk": key.sk, "id": one.id, "expires_at": one.deadline // 1000 + KEPT_SECONDS})


def _packed(one: Delivery) -> str:
    return dumps([asdict(attempt) for attempt in one.attempts])


def _delivery(row: Row) -> Delivery:
    facts: dict[str, Any] = {name: row[name] for name in (*_FIXED, *_CHANGED) if name in row}
    return Delivery(**facts, attempts=tuple(Attempt(**one) for one in loads(row["attempts"])))


def _groups(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
