"""Rows of a session. One partition holds, in key order: the spec (A), threads at rest (C#), ids of client events (E#),
the log (L#), the head (M), the inbox (N#) and the watch mark (W); one query downwards from the end reads all that a
worker needs.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from chalicelib.core.ids import derive_id
from chalicelib.events.event import Event
from chalicelib.events.live import WATCH_SK
from chalicelib.events.log import NOUN, SEGMENT, SessionLog, SessionRef, Tail
from chalicelib.sessions.errors import SessionNotFound
from chalicelib.sessions.model import Head, QueuedInput, Session, Spec, Thread
from chalicelib.storage import writes
from chalicelib.storage.documents import Documents
from chalicelib.storage.keys import BY_DUE, Key, Space, list_sk, system_partition
from chalicelib.storage.listing import Window, read_lists
from chalicelib.storage.marshal import Row
from chalicelib.storage.objects import Objects
from chalicelib.storage.table import Slice, Table
from chalicelib.storage.writes import Write

HEAD, SPEC, INBOX, MARK, THREAD = "M", "A", "N#", "E#", "C#"
DUE_SHARDS = 4
_FOREVER = 10**13 - 1


@dataclass(slots=True)
class Loaded:
    """A session as a writer found it. ``last`` are the records of the last segment."""

    head: Head
    tail: Tail
    last: list[Event] = field(default_factory=list)
    inbox: list[QueuedInput] = field(default_factory=list)
    watched_until: int = 0


def due_partition(session_id: str) -> str:
    """The clock's list in which the session stands."""
    shard = int(derive_id("due", session_id)[:2], 16) % DUE_SHARDS
    return system_partition("due", str(shard))


def inbox_sk(seq: int) -> str:
    """Inputs in the order of their acceptance."""
    return f"{INBOX}{seq:012d}"


def mark_row(documents: Documents, ref: SessionRef, event_id: str, kind: str, data: dict[str, Any]) -> Row:
    """An input's id with what was sent, so that a client who sends it again meets it."""
    packed = documents.pack(ref.space, {"type": kind, "data": data}, *ref.folder)
    return {"pk": ref.pk, "sk": MARK + event_id, **packed}


class SessionStore:
    """Reads and writes the rows of sessions; no rule about sessions is here."""

    def __init__(self, table: Table, documents: Documents, objects: Objects, log: SessionLog) -> None:
        self.table = table
        self.log = log
        self._documents = documents
        self._objects = objects

    def create_writes(self, ref: SessionRef, head: Head, spec: Spec, due: int | None) -> list[Write]:
        """The rows of a new session."""
        row = self._head_row(ref, head, due) | {
            "list_pk": ref.space.listing(NOUN),
            "list_sk": list_sk(head.created_at, ref.id),
        }
        use = self._use_key(ref.space, head.environment_id, ref.id)
        return [
            writes.put(row, writes.ABSENT),
            writes.put(self._spec_row(ref, spec)),
            writes.put({"pk": use.pk, "sk": use.sk}),
        ]

    @staticmethod
    def _use_key(space: Space, environment_id: str, session_id: str) -> Key:
        return space.key("environment-use", environment_id, sk=session_id)

    def release_environment(self, ref: SessionRef, head: Head) -> Write:
        """The write after which the session does not hold its environment any more."""
        return writes.delete(self._use_key(ref.space, head.environment_id, ref.id))

    def environment_in_use(self, space: Space, environment_id: str) -> bool:
        """Whether a session that is neither archived nor deleted has this environment."""
        return bool(self.table.query(space.partition("environment-use", environment_id), limit=1).rows)

    def _spec_row(self, ref: SessionRef, spec: Spec) -> Row:
        document = {
            "agent": spec.agent,
            "origin": spec.origin,
            "environment": spec.environment,
            "resources": spec.resources,
            "vault_ids": spec.vault_ids,
            "skills": spec.skills,
        }
        return {"pk": ref.pk, "sk": SPEC, **self._documents.pack(ref.space, document, *ref.folder)}

    def spec_write(self, ref: SessionRef, spec: Spec) -> Write:
        """The spec anew."""
        return writes.put(self._spec_row(ref, spec))

    def _head_row(self, ref: SessionRef, head: Head, due: int | None = None) -> Row:
        row = {
            "pk": ref.pk,
            "sk": HEAD,
            "rev": head.rev,
            "fence": head.fence,
            "tenant": ref.space.tenant,
            "session": ref.id,
            "lease_owner": head.lease_owner,
            "lease_at": head.lease_at,
            "lease_until": head.lease_until,
            **self._documents.pack(ref.space, head.document(), *ref.folder),
        }
        if due is not None:
            row |= {"due_pk": due_partition(ref.id), "due_sk": f"{due:013d}"}
        return row

    def head_write(self, ref: SessionRef, head: Head, was: int, due: int | None) -> Write:
        """The head anew, if nobody wrote it since revision ``was``; ``due`` is when the clock looks, None never."""
        changes: dict[str, Any] = dict.fromkeys(("doc", "docz", "docref", "due_pk", "due_sk"))
        changes |= self._head_row(ref, head, due)
        if head.deleted_at is not None:
            changes |= {"list_pk": None, "list_sk": None}
        for name in ("pk", "sk", "tenant", "session"):
            del changes[name]
        return writes.update(ref.key(HEAD), changes, writes.equals("rev", was))

    def lease_write(self, ref: SessionRef, fence: int, at: int, until: int) -> Write:
        """Prolong the lease of a fence, and with it the moment the clock looks."""
        changes: dict[str, Any] = {"lease_at": at, "lease_until": until, "due_sk": f"{until:013d}"}
        condition = writes.equals("fence", fence) & writes.compare("lease_until", ">", 0)
        return writes.update(ref.key(HEAD), changes, condition)

    def due_write(self, ref: SessionRef, head: Head, due: int) -> Write:
        """Change the moment the clock looks at a session that waits for a worker, if nobody wrote it since."""
        return writes.update(ref.key(HEAD), {"due_sk": f"{due:013d}"}, writes.equals("rev", head.rev))

    def inbox_write(self, ref: SessionRef, item: QueuedInput) -> Write:
        """A new row of the inbox."""
        document = {"data": item.data, "accepted_at": item.accepted_at, "door": item.door, "thread": item.thread}
        row = {
            "pk": ref.pk,
            "sk": item.sk,
            "id": item.id,
            "type": item.type,
            "policy": item.policy,
            "run": item.run,
            "seq": item.seq,
            **self._documents.pack(ref.space, document, *ref.folder),
        }
        return writes.put(row)

    def inbox_removal(self, ref: SessionRef, item: QueuedInput) -> Write:
        """Take a row out of the inbox, once."""
        return writes.delete(ref.key(item.sk), writes.PRESENT)

    def thread_write(self, ref: SessionRef, thread: Thread) -> Write:
        """The row of a thread at rest."""
        return writes.put(self.thread_row(ref, thread))

    def thread_row(self, ref: SessionRef, thread: Thread) -> Row:
        """A thread at rest, for those who write many rows at once."""
        return {"pk": ref.pk, "sk": THREAD + thread.id, **self._documents.pack(ref.space, asdict(thread), *ref.folder)}

    def thread(self, ref: SessionRef, thread_id: str) -> Thread | None:
        """A thread as its row has it; None when it has none, as one that was never at rest."""
        row = self.table.get(ref.key(THREAD + thread_id))
        return None if row is None else Thread.restore(self._documents.unpack(row))

    def threads(self, ref: SessionRef, after: str = "") -> Iterator[Thread]:
        """The threads that have rows, behind an id, by their creation."""
        for row in self.table.walk(ref.pk, low=THREAD + after + "!" * bool(after), high=THREAD + "~"):
            yield Thread.restore(self._documents.unpack(row))

    def mark_write(self, ref: SessionRef, event_id: str, kind: str, data: dict[str, Any]) -> Write:
        """Remember a client's event id, once."""
        return writes.put(mark_row(self._documents, ref, event_id, kind, data), writes.ABSENT)

    def marks(self, ref: SessionRef, event_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What is remembered of client event ids."""
        keys = {ref.key(MARK + event_id): event_id for event_id in event_ids}
        rows = self.table.get_many(list(keys))
        return {keys[key]: self._documents.unpack(row) for key, row in rows.items()}

    def get(self, ref: SessionRef) -> Session:
        """Head and spec in one read. Raises SessionNotFound."""
        found = self.get_many([ref])
        if not found:
            raise SessionNotFound("session not found")
        return found[0]

    def exists(self, space: Space, session_id: str) -> bool:
        """Whether there is such a session."""
        return bool(self.get_many([SessionRef(space, session_id)]))

    def get_many(self, refs: Sequence[SessionRef]) -> list[Session]:
        """Those of the sessions that exist, in the order asked for."""
        rows = self.table.get_many([ref.key(sk) for ref in refs for sk in (HEAD, SPEC)])
        found = []
        for ref in refs:
            head, spec = rows.get(ref.key(HEAD)), rows.get(ref.key(SPEC))
            if head is None or spec is None:
                continue
            session = Session(self._head(head), Spec(**self._documents.unpack(spec)))
            if session.head.deleted_at is None:
                found.append(session)
        return found

    def spec(self, ref: SessionRef) -> Spec:
        """The spec alone. Raises SessionNotFound."""
        row = self.table.get(ref.key(SPEC))
        if row is None:
            raise SessionNotFound("session not found")
        return Spec(**self._documents.unpack(row))

    def _head(self, row: Row) -> Head:
        return Head.restore(self._documents.unpack(row), row)

    def load(self, ref: SessionRef, *, inbox: bool = False, even_deleted: bool = False) -> Loaded:
        """Head and end of the log, on demand with the inbox, in one read.

        Raises SessionNotFound, for a deleted session too unless ``even_deleted``.
        """
        rows: list[Row] = []
        page = self._down(ref, inbox, None)
        rows += page.rows
        while page.more is not None and not _complete(rows):
            page = self._down(ref, inbox, page.more)
            rows += page.rows
        heads = [self._head(row) for row in rows if row["sk"] == HEAD]
        if not heads or (heads[0].deleted_at is not None and not even_deleted):
            raise SessionNotFound("session not found")
        segments = [row for row in rows if row["sk"].startswith(SEGMENT)][:1]
        last = list(self.log.unpack(segments))
        tail = Tail(last[-1].seq + 1, last[-1].at) if last else Tail()
        waiting = [self.queued(row) for row in reversed(rows) if row["sk"].startswith(INBOX)]
        watched = next((row["until"] for row in rows if row["sk"] == WATCH_SK), 0)
        return Loaded(heads[0], tail, last, waiting, watched)

    def _down(self, ref: SessionRef, inbox: bool, start: dict[str, Any] | None) -> Slice:
        return self.table.query(
            ref.pk,
            low=SEGMENT,
            high=None if inbox else HEAD,
            descending=True,
            limit=5 if inbox else 2,
            start=start,
        )

    def queued(self, row: Row) -> QueuedInput:
        """The input behind a row of the inbox."""
        document = self._documents.unpack(row)
        return QueuedInput(
            row["sk"],
            row["id"],
            row["type"],
            document["data"],
            row["policy"],
            row["run"],
            row["seq"],
            document["accepted_at"],
            document["door"],
            document.get("thread"),
        )

    def inbox(self, ref: SessionRef) -> list[QueuedInput]:
        """The inputs not yet taken, in order."""
        return [self.queued(row) for row in self.table.walk(ref.pk, low=INBOX, high=INBOX + "~")]

    def page(self, space: Space, window: Window, keep: Callable[[Head], bool]) -> tuple[list[Session], bool]:
        """The tenant's sessions of a slice that ``keep`` accepts, and whether more follow."""
        found = read_lists(self.table, [space.listing(NOUN)], window, lambda row: self._kept(row, keep))
        refs = [SessionRef(space, row["session"]) for row in found.rows]
        return self.get_many(refs), found.more

    def _kept(self, row: Row, keep: Callable[[Head], bool]) -> bool:
        head = self._head(row)
        return head.deleted_at is None and keep(head)

    def due(self, before: int) -> list[tuple[str, str]]:
        """(tenant, session) of all sessions the clock must look at by now."""
        found = []
        for shard in range(DUE_SHARDS):
            start: dict[str, Any] | None = None
            while True:
                page = self.table.query_list(
                    system_partition("due", str(shard)),
                    high=f"{before:013d}",
                    descending=False,
                    start=start,
                    index=BY_DUE,
                )
                found += [_owner(row["pk"]) for row in page.rows]
                start = page.more
                if start is None:
                    break
        return found

    def at_work(self, space: Space | None) -> list[SessionRef]:
        """The sessions of a tenant that may be at work, of all tenants without one."""
        listed = self.due(_FOREVER)
        return [SessionRef(Space(tenant), one) for tenant, one in listed if space is None or tenant == space.tenant]

    def heads(self, refs: Sequence[SessionRef]) -> list[tuple[SessionRef, Head]]:
        """The heads of those sessions that exist."""
        rows = self.table.get_many([ref.key(HEAD) for ref in refs])
        return [(ref, self._head(row)) for ref in refs if (row := rows.get(ref.key(HEAD))) is not None]

    def purge(self, ref: SessionRef, *, last: str = HEAD) -> None:
        """Remove every row and object of the session; the ``last`` of its rows goes last, for the clock finds it."""
        keys = [Key(row["pk"], row["sk"]) for row in self.table.walk(ref.pk) if row["sk"] != last]
        self.table.delete_many(keys)
        self._objects.delete_prefix(ref.space.object_key(*ref.folder, ""))
        self.table.delete_many([ref.key(last)])


def _complete(rows: list[Row]) -> bool:
    return any(row["sk"].startswith(SEGMENT) for row in rows)


def _owner(pk: str) -> tuple[str, str]:
    _, tenant, _, session = pk.split("#")
    return tenant, session
