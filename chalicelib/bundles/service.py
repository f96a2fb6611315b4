"""Reads bundles into new sessions. What a session is made of is written first, its head last: until then nobody can see
it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from chalicelib.bundles import archives, checking, logs, threads
from chalicelib.bundles.archives import Archive
from chalicelib.bundles.belongings import Belongings, unheld
from chalicelib.bundles.casting import Cast, Casting
from chalicelib.bundles.checking import Bundle
from chalicelib.bundles.errors import BundleDiffers, bad
from chalicelib.bundles.logs import LogFacts
from chalicelib.bundles.model import MANIFEST, MOST_MISSING, Imported, ImportWanted, Missing, SessionCard
from chalicelib.bundles.naming import renamed
from chalicelib.core.clock import now_ms
from chalicelib.core.ids import derive_id, named_id, new_id
from chalicelib.core.jsonio import dump_bytes, dumps, loads
from chalicelib.core.metadata import patched
from chalicelib.events.catalogue import INPUT_TYPES
from chalicelib.events.event import Event
from chalicelib.events.log import SessionRef, segment_sk
from chalicelib.files.service import FileService
from chalicelib.forks.finishing import LAST_WRITES, last_of
from chalicelib.forks.heads import head_of
from chalicelib.forks.plans import Plan, Plans
from chalicelib.sessions.model import Head, Spec, Thread
from chalicelib.sessions.store import SessionStore, mark_row
from chalicelib.spending.limits import MOST_END_USER
from chalicelib.storage.documents import Documents
from chalicelib.storage.keys import Space
from chalicelib.storage.marshal import Row
from chalicelib.storage.objects import Objects
from chalicelib.storage.writes import Write

_SEGMENT_RECORDS, _SEGMENT_BYTES = 50, 128 << 10
_ROWS = 100
_LONGEST_ID = 500


@dataclass(frozen=True, slots=True)
class ImportParts:
    """What importing needs of the other services."""

    store: SessionStore
    documents: Documents
    objects: Objects
    files: FileService
    casting: Casting
    belongings: Belongings
    plans: Plans


@dataclass(frozen=True, slots=True)
class _Ground:
    """What a session is made of."""

    bundle: Bundle
    facts: LogFacts
    cast: Cast
    threads: list[Thread]
    ids: dict[str, str]


class Importer:
    """Makes sessions of bundles."""

    def __init__(self, parts: ImportParts) -> None:
        self._parts = parts

    @property
    def most_bytes(self) -> int:
        """So large may a bundle be: as large as a file."""
        return self._parts.files.rules.limit_bytes

    def uploaded(self, space: Space, file: str) -> tuple[IO[bytes], str]:
        """The content of an uploaded file, read where it lies, and its checksum. Raises NotFound."""
        found = self._parts.files.get(space, named_id("file", file, "file_id", "file"))
        objects = self._parts.objects
        return archives.ranged(found.size, lambda at, size: objects.read(found.object_key, at, size)), found.sha256

    def read(self, space: Space, file: IO[bytes], sha256: str, wanted: ImportWanted) -> Imported:
        """The session that a bundle makes, at rest.

        A repeat with the same seed finds it, or goes on where the first was cut off.

        Raises BadBundle, BundleNeeds, BundleDiffers, and what the opening of a session raises.
        """
        seeded = wanted.seed is not None
        target = SessionRef(space, derive_id(space.tenant, "import", wanted.seed or "") if seeded else new_id())
        mark = _mark(sha256, wanted)
        if seeded and (kept := self._parts.plans.find(target)) is not None:
            _demand_same(kept, mark)
            if kept.done:
                return self._told(target, kept)
        with archives.opened(file, self.most_bytes) as archive:
            ground, missing = self._checked(archive, target, wanted)
            last = ground.facts.copied.seq
            kept = self._parts.plans.claim(target, Plan(mark, last, last))
            _demand_same(kept, mark)
            if not kept.done:
                self._make(target, ground, wanted, missing)
        return self._told(target, self._parts.plans.find(target))

    def _told(self, target: SessionRef, plan: Plan | None) -> Imported:
        session = self._parts.store.get(target)
        told: dict[str, Any] = {"files": 0, "missing": []}
        if plan is not None and plan.told:
            told = loads(plan.told)
        events = 0 if plan is None else plan.seq
        return Imported(session, events, told["files"], [Missing(*one) for one in told["missing"]])

    def _checked(self, archive: Archive, target: SessionRef, wanted: ImportWanted) -> tuple[_Ground, list[Missing]]:
        bundle = checking.read(archive)
        _demand_card(bundle.card)
        self._parts.belongings.check(bundle)
        cast = self._parts.casting.cast(target.space, bundle.card, wanted)
        checking.verify(bundle)
        facts = logs.check(archive)
        if facts.copied.seq != bundle.manifest.last_seq:
            raise bad(MANIFEST, f"last_seq is not {facts.copied.seq}, the number of the log's last record")
        found = threads.read(bundle.threads(), facts)
        if cast.same:
            threads.demand_callable(found, cast.agent)
        ids = self._parts.belongings.file_ids(bundle, target)
        gone = [Missing("file", one, "the bundle does not hold it") for one in sorted(facts.named - set(ids))]
        missing = [*cast.missing, *unheld(bundle, self_hosted=_is_self_hosted(cast)), *gone]
        if not cast.same:
            told = "another agent goes on, and cannot go on with the thread"
            missing += [Missing("thread", thread.id, told) for thread in found]
        return _Ground(bundle, facts, cast, found if cast.same else [], ids), missing

    def _make(self, target: SessionRef, ground: _Ground, wanted: ImportWanted, missing: list[Missing]) -> None:
        self_hosted, belongings = _is_self_hosted(ground.cast), self._parts.belongings
        resources, unhad = belongings.resources(ground.bundle, target, ground.ids, self_hosted=self_hosted)
        if not self_hosted:
            belongings.workspace(ground.bundle, target)
        files = belongings.files(ground.bundle, target, ground.ids)
        self._write_log(target, ground)
        store = self._parts.store
        store.table.put_many([store.thread_row(target, thread) for thread in ground.threads])
        cast = ground.cast
        spec = Spec(
            agent=cast.agent,
            origin=cast.agent["origin"],
            environment=cast.environment.model_dump(mode="json"),
            resources=resources,
            vault_ids=cast.vault_ids,
            skills=cast.pinned.skills,
        )
        head = _head(target, ground, spec, wanted)
        told = _told_again(len(ground.bundle.files), [*missing, *unhad])
        self._finish(target, head, spec, files, told)

    def _write_log(self, target: SessionRef, ground: _Ground) -> None:
        rows: list[Row] = []
        for events in _segments(logs.sized_records(ground.bundle.archive)):
            known = [renamed(event, ground.ids) for event in events]
            rows.append(self._segment(target, known))
            rows += [self._mark_row(target, one) for one in known if one.type in INPUT_TYPES]
            if len(rows) >= _ROWS:
                self._parts.store.table.put_many(rows)
                rows = []
        self._parts.store.table.put_many(rows)

    def _segment(self, target: SessionRef, events: list[Event]) -> Row:
        first = events[0]
        packed = self._parts.documents.pack(target.space, [event.packed() for event in events], *target.folder)
        writer = f"import/{first.seq}/{first.id}"
        return {"pk": target.pk, "sk": segment_sk(first.seq), "count": len(events), "writer": writer, **packed}

    def _mark_row(self, target: SessionRef, event: Event) -> Row:
        return mark_row(self._parts.documents, target, event.id, event.type, event.data)

    def _finish(self, target: SessionRef, head: Head, spec: Spec, files: list[list[Write]], told: str) -> None:
        """Make the session visible: the last of the files' rows and the session in one step."""
        store = self._parts.store
        together = last_of(store.table, files, LAST_WRITES)
        news = [Event(0, head.created_at, "session.created", {}, target.id)]
        created = store.create_writes(target, head, spec, None)
        steps = [self._parts.plans.done_write(target, told), *created, *together, *store.log.tell(target, news)]
        if not store.table.transacted(steps):
            # A repeat of the same request was faster, or it was given up.
            store.get(target)


def _mark(sha256: str, wanted: ImportWanted) -> str:
    """What must be equal for two requests to be the same one."""
    agent = None if wanted.agent is None else wanted.agent.model_dump(mode="json")
    asked = [sha256, agent, wanted.environment_id, wanted.title, wanted.metadata, wanted.vault_ids]
    return hashlib.sha256(dump_bytes(asked)).hexdigest()


def _demand_same(kept: Plan, mark: str) -> None:
    if kept.source != mark:
        raise BundleDiffers


def _demand_card(card: SessionCard) -> None:
    patched({}, card.metadata, blank_removes=False)


def _is_self_hosted(cast: Cast) -> bool:
    return cast.environment.config.type == "self_hosted"


def _segments(records: Iterator[tuple[Event, int]]) -> Iterator[list[Event]]:
    held: list[Event] = []
    weight = 0
    for event, size in records:
        if held and (len(held) >= _SEGMENT_RECORDS or weight + size > _SEGMENT_BYTES):
            yield held
            held, weight = [], 0
        held.append(event)
        weight += size
    if held:
        yield held


def _head(target: SessionRef, ground: _Ground, spec: Spec, wanted: ImportWanted) -> Head:
    card, agent, now = ground.bundle.card, spec.agent, now_ms()
    metadata = card.metadata if wanted.metadata is None else wanted.metadata
    source = Head(
        id=card.id,
        agent_id=agent["id"],
        agent_version=agent["version"],
        agent_name=agent["name"],
        environment_id=ground.cast.environment.id,
        created_at=now,
        updated_at=now,
        title=wanted.title or card.title,
        metadata=patched({}, metadata, blank_removes=False),
        notices=ground.cast.pinned.notices(),
        self_hosted=_is_self_hosted(ground.cast),
        outcomes=ground.facts.outcomes,
        budget=card.budget,
        max_running_seconds=card.max_running_seconds,
        end_user=(metadata.get("user_id") or "")[:MOST_END_USER] or card.end_user,
        fence=ground.facts.fence,
    )
    head = head_of(source, target.id, ground.facts.copied, ground.facts.rested, spec)
    head.imported_from = {"session_id": card.id, "seq": ground.facts.copied.seq}
    head.open_threads = sum(thread.counted and thread.archived_at is None for thread in ground.threads)
    return head


def _told_again(files: int, missing: list[Missing]) -> str:
    apart = list({(one.type, one.id): one for one in reversed(missing)}.values())[::-1]
    shown = [[one.type, one.id[:_LONGEST_ID], one.reason[:_LONGEST_ID]] for one in apart[:MOST_MISSING]]
    return dumps({"files": files, "missing": shown})
