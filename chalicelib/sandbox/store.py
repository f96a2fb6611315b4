"""Rows of sandboxes, and the directory that leads from an id to its tenant."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

from chalicelib.core.jsonio import dumps, loads
from chalicelib.sandbox.due import DUE, due_rows
from chalicelib.sandbox.errors import SandboxContended, SandboxNotFound
from chalicelib.sandbox.model import Change, Sandbox, document, restored
from chalicelib.storage import writes
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.keys import SEPARATOR, Key, Space, list_sk, system_partition
from chalicelib.storage.listing import Window, read_lists
from chalicelib.storage.marshal import Row
from chalicelib.storage.secrets import SecretBox
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

_NOUN = "sandbox"
_HEAD = "HEAD"
_EVERYONE = system_partition("sandboxes", "everyone")
_PURPOSE = "sandbox-env"
_TRIES = 10
_PAGE = 100
# So many idle times a computer is kept frozen before it is ended.
_FROZEN_TIMES = 6
# So long after it began the clock goes on with what somebody may have died over.
_LEFT_MS = 60_000


def _key(space: Space, sandbox_id: str) -> Key:
    return space.key(_NOUN, sandbox_id, sk=_HEAD)


def _directory_key(sandbox_id: str) -> Key:
    return Key(system_partition(_NOUN, sandbox_id), _HEAD)


class SandboxStore:
    """Reads and writes the rows of sandboxes. ``idle_ms`` is how long one may be unused before the clock looks."""

    def __init__(self, table: Table, secrets: SecretBox, idle_ms: int) -> None:
        self._table = table
        self._secrets = secrets
        self._idle_ms = idle_ms

    def get(self, space: Space, sandbox_id: str) -> Sandbox:
        """One sandbox. Raises SandboxNotFound, also for one that is being removed."""
        found = self.find(space, sandbox_id)
        if found is None or found.removed_at is not None:
            raise SandboxNotFound("there is no such sandbox")
        return found

    def find(self, space: Space, sandbox_id: str) -> Sandbox | None:
        """One sandbox, or what is left of one that is being removed."""
        row = self._table.get(_key(space, sandbox_id))
        return None if row is None else self._sandbox(space, row)

    def insert(self, space: Space, sandbox: Sandbox) -> bool:
        """A new sandbox; False when its id is taken."""
        return self._table.transacted(self.insert_writes(space, sandbox))

    def insert_writes(self, space: Space, sandbox: Sandbox) -> list[Write]:
        """The writes that make a new sandbox, refused when its id is taken."""
        directory = _directory_key(sandbox.id)
        entry: Row = {"pk": directory.pk, "sk": directory.sk, "tenant": space.tenant, "sandbox": sandbox.id}
        if sandbox.origin == "e2b":
            place = SEPARATOR.join((list_sk(sandbox.created_at, sandbox.id), space.tenant))
            entry |= {"list_pk": _EVERYONE, "list_sk": place}
        return [writes.put(self._row(space, sandbox), writes.ABSENT), writes.put(entry)]

    def change(self, space: Space, sandbox_id: str, change: Change) -> Sandbox:
        """Apply a change to what is stored, however many try at once. Raises SandboxNotFound, SandboxContended."""
        for _ in range(_TRIES):
            was = self.get(space, sandbox_id)
            now = change(was)
            if now is None:
                return was
            now = replace(now, version=was.version + 1)
            try:
                self._table.write(writes.put(self._row(space, now), writes.equals("version", was.version)))
            except ConditionFailed:
                continue
            return now
        raise SandboxContended("the sandbox was changed by others again and again")

    def retire(self, space: Space, sandbox_id: str, now_ms: int) -> Sandbox | None:
        """From now on nobody finds it but the clock, until it is forgotten; what it was, None when it was gone.

        Raises SandboxContended.
        """
        for _ in range(_TRIES):
            was = self.find(space, sandbox_id)
            if was is None or was.removed_at is not None:
                return None
            gone = replace(was, removed_at=now_ms, env={}, version=was.version + 1)
            left = writes.put(self._row(space, gone), writes.equals("version", was.version))
            if self._table.transacted([left, writes.delete(_directory_key(sandbox_id))]):
                return gone
        raise SandboxContended("the sandbox was changed by others again and again")

    def forget(self, space: Space, gone: Sandbox) -> None:
        """Nothing is left of a retired sandbox; another may have its id."""
        with suppress(ConditionFailed):
            self._table.write(writes.delete(_key(space, gone.id), writes.equals("version", gone.version)))

    def locate(self, sandbox_id: str) -> Space | None:
        """Whose sandbox it is."""
        row = self._table.get(_directory_key(sandbox_id))
        return None if row is None else Space(row["tenant"])

    def everyone(self, since_ms: int, most: int) -> tuple[list[tuple[Space, str, int]], bool]:
        """(tenant, id, creation) of the sandboxes made by themselves since then, of all tenants, newest first, and
        whether these are all of them; one read."""
        page = self._table.query_list(_EVERYONE, low=f"{max(since_ms, 0):013d}", limit=most)
        found = (row["list_sk"].split(SEPARATOR) for row in page.rows)
        return [(Space(tenant), sandbox_id, int(created)) for created, sandbox_id, tenant in found], page.more is None

    def page(self, space: Space, window: Window, keep: Callable[[Sandbox], bool]) -> tuple[list[Sandbox], bool]:
        """The tenant's sandboxes of a slice that ``keep`` accepts (``env`` left out), and whether more follow."""

        def wanted(row: Row) -> bool:
            # The index may still show what was retired a moment ago.
            sandbox = _without_env(row)
            return sandbox.removed_at is None and keep(sandbox)

        found = read_lists(self._table, [space.listing(_NOUN)], window, wanted)
        return [_without_env(row) for row in found.rows], found.more

    def at_work(self, space: Space) -> Iterator[str]:
        """Ids of the tenant's sandboxes made by themselves that have a computer which is not frozen."""
        after: str | None = None
        while True:
            found, more = self.page(space, Window(_PAGE, after), _works)
            yield from (sandbox.id for sandbox in found)
            if not (found and more):
                return
            after = list_sk(found[-1].created_at, found[-1].id)

    def due(self, now_ms: int, most: int) -> list[tuple[Space, str]]:
        """(tenant, id) of sandboxes the clock must look at by now."""
        return [_owner(row["pk"]) for row in due_rows(self._table, now_ms, most)]

    def _row(self, space: Space, sandbox: Sandbox) -> Row:
        key = _key(space, sandbox.id)
        row: Row = {"pk": key.pk, "sk": key.sk, "version": sandbox.version, "doc": dumps(document(sandbox))}
        if sandbox.env:
            row["env"] = self._secrets.seal(space, _PURPOSE, sandbox.id, dumps(sandbox.env))
        if sandbox.origin == "e2b" and sandbox.removed_at is None:
            row |= {"list_pk": space.listing(_NOUN), "list_sk": list_sk(sandbox.created_at, sandbox.id)}
        if (due := self._due(sandbox)) is not None:
            row |= {"due_pk": DUE, "due_sk": list_sk(due, sandbox.id)}
        return row

    def _due(self, sandbox: Sandbox) -> int | None:
        started = sandbox.starting
        if sandbox.removed_at is not None:
            # Whoever starts a computer for it may put files back until then.
            return max(sandbox.removed_at + _LEFT_MS, 0 if started is None else started.until)
        moments = [] if started is None or started.data is None else [started.until]
        if sandbox.state == "paused":
            return min([*moments, sandbox.used_at + _LEFT_MS] if sandbox.pausing else moments, default=None)
        if sandbox.end_at is not None:
            moments.append(sandbox.end_at)
        if sandbox.computer is not None and sandbox.origin == "session":
            moments.append(sandbox.used_at + self._idle_ms * (_FROZEN_TIMES if sandbox.computer.frozen else 1))
        return min(moments, default=None)

    def _sandbox(self, space: Space, row: Row) -> Sandbox:
        found, sealed = _without_env(row), row.get("env")
        return replace(found, env=loads(self._secrets.open(space, _PURPOSE, found.id, sealed))) if sealed else found


def _without_env(row: Row) -> Sandbox:
    return restored(loads(row["doc"]), {}, row["version"])


def _works(sandbox: Sandbox) -> bool:
    return sandbox.computer is not None and not sandbox.computer.frozen


def _owner(pk: str) -> tuple[Space, str]:
    _, tenant, _, sandbox_id = pk.split("#")
    return Space(tenant), sandbox_id
