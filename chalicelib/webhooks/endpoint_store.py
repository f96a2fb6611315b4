"""Where endpoints are kept: all of a tenant's in one partition, so that one query finds who listens."""

from dataclasses import asdict

from chalicelib.core.jsonio import dumps, loads
from chalicelib.storage import rooms, writes
from chalicelib.storage.errors import TransactionRefused
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.marshal import Row
from chalicelib.storage.rooms import Room
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write
from chalicelib.tenants.holdings import Holdings
from chalicelib.webhooks.model import MOST_ENDPOINTS, Endpoint, OldSecret

_NOUN = "webhooks"
_FACTS = ("id", "url", "created_at", "updated_at", "sealed", "secret_id", "description", "enabled", "disabled_reason")
_NUMBERS = ("failing_since", "revision")


def _key(space: Space, endpoint_id: str) -> Key:
    return space.key(_NOUN, sk=endpoint_id)


class EndpointStore:
    """Rows of endpoints; no rule about them is here."""

    def __init__(self, table: Table, holdings: Holdings) -> None:
        self._table = table
        self._holdings = holdings

    def all(self, space: Space) -> list[Endpoint]:
        """A tenant's endpoints, oldest first."""
        found = [_endpoint(row) for row in self._table.walk(space.partition(_NOUN))]
        return sorted(found, key=lambda endpoint: (endpoint.created_at, endpoint.id))

    def patterns(self, space: Space) -> tuple[str, ...]:
        """What those that are enabled want to hear of."""
        return tuple({pattern for one in self.all(space) if one.enabled for pattern in one.events})

    def find(self, space: Space, endpoint_id: str) -> Endpoint | None:
        """One endpoint."""
        row = self._table.get(_key(space, endpoint_id))
        return None if row is None else _endpoint(row)

    def insert(self, space: Space, endpoint: Endpoint) -> bool:
        """Store a new endpoint; False when its id is taken. Raises RoomFull."""
        key = _key(space, endpoint.id)
        made = writes.put({"pk": key.pk, "sk": key.sk, **_content(endpoint)}, writes.ABSENT)
        return self._moved(rooms.enter, space, made)

    def replace(self, space: Space, endpoint: Endpoint) -> bool:
        """Store the revision after the one before; False when that is not there any more."""
        changes: Row = dict.fromkeys((*_FACTS, *_NUMBERS)) | _content(endpoint)
        before = writes.equals("revision", endpoint.revision - 1)
        return self._changed(space, writes.update(_key(space, endpoint.id), changes, before))

    def remove(self, space: Space, endpoint_id: str, *also: Write) -> bool:
        """Remove one, and do something else in the same step; False when there is none."""
        return self._moved(rooms.leave, space, writes.delete(_key(space, endpoint_id), writes.PRESENT), *also)

    def set_failing(self, space: Space, endpoint: Endpoint, since: int | None) -> bool:
        """Note since when deliveries fail; False when the endpoint was changed meanwhile."""
        same = writes.equals("revision", endpoint.revision)
        return self._table.transacted([writes.update(_key(space, endpoint.id), {"failing_since": since}, same)])

    def _moved(self, move: rooms.Move, space: Space, *steps: Write) -> bool:
        room = Room(space.key(_NOUN, "room", sk="ROOM"), MOST_ENDPOINTS, lambda: len(self.all(space)))
        try:
            move(self._table, [room], [*steps, self._holdings.changed(space, "webhooks")])
        except TransactionRefused:
            return False
        return True

    def _changed(self, space: Space, *steps: Write) -> bool:
        return self._table.transacted([*steps, self._holdings.changed(space, "webhooks")])


def _content(endpoint: Endpoint) -> Row:
    old = [asdict(one) for one in endpoint.old_secrets]
    facts = {name: getattr(endpoint, name) for name in (*_FACTS, *_NUMBERS)}
    return facts | {"events": " ".join(endpoint.events), "old_secrets": dumps(old)}


def _endpoint(row: Row) -> Endpoint:
    facts = {name: row[name] for name in (*_FACTS, *_NUMBERS) if name in row}
    secrets = tuple(OldSecret(**one) for one in loads(row["old_secrets"]))
    return Endpoint(**facts, events=tuple(row["events"].split()), old_secrets=secrets)
