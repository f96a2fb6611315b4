"""Where installations and publications are kept: each kind of a tenant's in one partition, with a row each.

Rows of no tenant tell whose account of a provider, and whose publication, a message from outside is about.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TypeVar

from chalicelib.core.ids import derive_id
from chalicelib.core.jsonio import dumps, loads
from chalicelib.integrations.errors import InstallationNotFound, PublicationNotFound
from chalicelib.integrations.model import MOST_PUBLICATIONS, Installation, Publication
from chalicelib.storage import rooms, writes
from chalicelib.storage.errors import ConditionFailed, TransactionRefused
from chalicelib.storage.keys import SEPARATOR, Key, Space, system_partition
from chalicelib.storage.rooms import Room
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

_INSTALLS, _PUBLICATIONS = "integration_installs", "integration_pubs"
_PLACE, _OWNER = "integration_place", "integration_owner"
KEPT_SECONDS = 30 * 24 * 3600
"""How long a publication that ended can be read."""
Kept = TypeVar("Kept", Installation, Publication)


class IntegrationStore:
    """Rows of installations and publications; no rule about them is here."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def installations(self, space: Space, provider: str) -> list[Installation]:
        """A tenant's, oldest first."""
        rows = self.table.walk(space.partition(_INSTALLS), low=provider + SEPARATOR, high=f"{provider}{SEPARATOR}~")
        found = [Installation(**loads(row["doc"])) for row in rows]
        return sorted(found, key=lambda one: (one.created_at, one.id))

    def installation(self, space: Space, provider: str, own_id: str) -> Installation:
        """One of a tenant's. Raises InstallationNotFound."""
        row = self.table.get(_key(space, _INSTALLS, provider, own_id))
        if row is None:
            raise InstallationNotFound
        return Installation(**loads(row["doc"]))

    def publications(self, space: Space, provider: str) -> list[Publication]:
        """A tenant's, oldest first."""
        rows = self.table.walk(space.partition(_PUBLICATIONS), low=provider + SEPARATOR, high=f"{provider}{SEPARATOR}~")
        found = [_publication(row["doc"]) for row in rows]
        return sorted(found, key=lambda one: (one.created_at, one.id))

    def publication(self, space: Space, provider: str, own_id: str) -> Publication:
        """One of a tenant's. Raises PublicationNotFound."""
        row = self.table.get(_key(space, _PUBLICATIONS, provider, own_id))
        if row is None:
            raise PublicationNotFound
        return _publication(row["doc"])

    def add(self, space: Space, made: Publication) -> bool:
        """Store a new publication; False when its id is taken. Raises RoomFull."""
        own = Key(system_partition(_OWNER, made.id), "OWNER")
        owner = {"pk": own.pk, "sk": own.sk, "tenant": space.tenant, "provider": made.provider}
        steps = [writes.put(_row(space, _PUBLICATIONS, made), writes.ABSENT), writes.put(owner, writes.ABSENT)]
        return self._moved(rooms.enter, space, made.provider, steps)

    def change(self, space: Space, after: Publication) -> bool:
        """Store the revision after the one before; False when that is not there any more."""
        return self._done([self._following(space, _PUBLICATIONS, after)])

    def end(self, space: Space, after: Publication) -> bool:
        """As ``change``, with the one revision that makes room for another publication."""
        return self._moved(rooms.leave, space, after.provider, [self._following(space, _PUBLICATIONS, after)])

    def _moved(self, move: rooms.Move, space: Space, provider: str, steps: Sequence[Write]) -> bool:
        def count() -> int:
            return sum(one.status != "unpublished" for one in self.publications(space, provider))

        try:
            move(self.table, [Room(space.key(_PUBLICATIONS, provider, sk="ROOM"), MOST_PUBLICATIONS, count)], steps)
        except TransactionRefused:
            return False
        return True

    def change_installation(self, space: Space, after: Installation) -> bool:
        """As ``change``."""
        return self._done([self._following(space, _INSTALLS, after)])

    def _following(self, space: Space, noun: str, after: Installation | Publication) -> Write:
        return writes.put(_row(space, noun, after), writes.equals("revision", after.revision - 1))

    def install(self, space: Space, made: Installation, before: Installation | None) -> bool:
        """Store an installation and whose it is; False when somebody else has it, or changed it."""
        place = _place(made.provider, made.app, made.external_id)
        mine = writes.ABSENT | writes.equals("tenant", space.tenant)
        owner = {"pk": place.pk, "sk": place.sk, "tenant": space.tenant, "installation": made.id}
        still = writes.ABSENT if before is None else writes.equals("revision", before.revision)
        return self._done([writes.put(_row(space, _INSTALLS, made), still), writes.put(owner, mine)])

    def uninstall(self, space: Space, gone: Installation) -> bool:
        """Remove an installation; False when it was changed meanwhile."""
        steps = [
            writes.delete(_key(space, _INSTALLS, gone.provider, gone.id), writes.equals("revision", gone.revision)),
            writes.delete(_place(gone.provider, gone.app, gone.external_id)),
        ]
        return self._done(steps)

    def whose_place(self, provider: str, app: str, external_id: str) -> tuple[Space, str] | None:
        """The tenant and the installation an account of a provider stands for."""
        row = self.table.get(_place(provider, app, external_id))
        return None if row is None else (Space(row["tenant"]), row["installation"])

    def whose_publication(self, provider: str, own_id: str) -> Space | None:
        """The tenant of a publication."""
        row = self.table.get(Key(system_partition(_OWNER, own_id), "OWNER"))
        return Space(row["tenant"]) if row is not None and row["provider"] == provider else None

    def _done(self, steps: Sequence[Write]) -> bool:
        try:
            if len(steps) == 1:
                self.table.write(steps[0])
            else:
                self.table.transact(steps)
        except (ConditionFailed, TransactionRefused):
            return False
        return True


def next_of(before: Kept, **changes: object) -> Kept:
    """The thing after a change, at the next revision."""
    return replace(before, **changes, revision=before.revision + 1)  # type: ignore[arg-type]


def _key(space: Space, noun: str, provider: str, own_id: str) -> Key:
    return space.key(noun, sk=f"{provider}{SEPARATOR}{own_id}")


def _row(space: Space, noun: str, one: Installation | Publication) -> dict[str, str | int | bytes]:
    key = _key(space, noun, one.provider, one.id)
    row: dict[str, str | int | bytes] = {
        "pk": key.pk,
        "sk": key.sk,
        "doc": dumps(asdict(one)),
        "revision": one.revision,
    }
    if isinstance(one, Publication) and one.unpublished_at is not None:
        row["expires_at"] = one.unpublished_at // 1000 + KEPT_SECONDS
    return row


def _place(provider: str, app: str, external_id: str) -> Key:
    return Key(system_partition(_PLACE, derive_id(provider, app, external_id)), "PLACE")


def _publication(doc: str) -> Publication:
    fields = loads(doc)
    return Publication(**fields | {"capabilities": tuple(fields["capabilities"])})
