"""Messages written together with the change they tell of, until they are shared out among the endpoints."""

from collections.abc import Sequence
from itertools import count

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.core.jsonio import dumps, loads
from chalicelib.storage import writes
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write
from chalicelib.webhooks.due import OUTBOX, RING_AFTER_MS, due_fields
from chalicelib.webhooks.happening import Happening
from chalicelib.webhooks.schedule import KEPT_SECONDS

_serial = count()


class Parcel:
    """What one change had to tell."""

    def __init__(self, row: Row) -> None:
        self.key = Key(row["pk"], row["sk"])
        self.happened = [Happening(*packed) for packed in loads(row["doc"])]

    def removal(self) -> Write:
        """The write that takes it out of the outbox, once."""
        return writes.delete(self.key, writes.PRESENT)


def parcel_write(space: Space, happened: Sequence[Happening]) -> Write:
    """The write that puts it into the outbox; parcels of one process stand in the order they were made."""
    now, own = now_ms(), new_id()
    row: Row = {
        "pk": space.partition(OUTBOX),
        "sk": f"{now:013d}#{next(_serial):012d}#{own}",
        "doc": dumps([[one.type, one.thing, one.more, one.at, one.id] for one in happened]),
        "expires_at": now // 1000 + KEPT_SECONDS,
        **due_fields(own, now + RING_AFTER_MS),
    }
    return writes.put(row)


def waiting(table: Table, space: Space, most: int) -> list[Parcel]:
    """The oldest parcels of a tenant."""
    return [Parcel(row) for row in table.query(space.partition(OUTBOX), limit=most).rows]


def still_there(table: Table, parcel: Parcel) -> bool:
    """Whether nobody else has shared it out meanwhile."""
    return table.get(parcel.key) is not None
