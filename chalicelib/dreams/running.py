"""Moves dreams: settles the store that is written, opens the session that does the work, and looks how that ends.

The ids of both follow from the dream's, so whoever goes on after a crash makes what is missing and nothing twice.
"""

from chalicelib.core.clock import now_ms
from chalicelib.core.errors import LambentError
from chalicelib.core.ids import derive_id
from chalicelib.dreams.model import Dream, Failure
from chalicelib.dreams.prompting import agent_of, task_of
from chalicelib.dreams.service import DreamService
from chalicelib.dreams.store import DreamStore
from chalicelib.events.log import SessionLog, SessionRef
from chalicelib.memory.draft import StoreCreate
from chalicelib.memory.service import MemoryStoreService
from chalicelib.schedules.due import is_due
from chalicelib.sessions.errors import SessionNotFound
from chalicelib.sessions.inputs import Input, Manner
from chalicelib.sessions.model import Head
from chalicelib.sessions.service import SessionDraft, SessionService
from chalicelib.sessions.trajectory import interrupted
from chalicelib.storage.keys import Key, Space

_LOOK_MS, _LONGEST_LOOK_MS = 200, 10_000
_LONGEST_MS = 2 * 3600 * 1000
_LONGEST_NAME = 240
_SERVER_FAULT = 500


class DreamRuns:
    """What the clock calls for dreams."""

    def __init__(
        self,
        store: DreamStore,
        dreams: DreamService,
        memory: MemoryStoreService,
        sessions: SessionService,
        log: SessionLog,
    ) -> None:
        self._store = store
        self._dreams = dreams
        self._memory = memory
        self._sessions = sessions
        self._log = log

    def fire(self, space: Space, key: Key) -> None:
        """Look after a dream that is due."""
        row = self._store.row(key)
        if row is None or not is_due(row, now_ms()):
            return
        dream = self._store.restored(row)
        try:
            self._move(space, dream)
        except LambentError as error:
            if error.status >= _SERVER_FAULT:
                raise
            self._fail(space, dream, "input_error", error.message)

    def _move(self, space: Space, dream: Dream) -> None:
        if dream.status == "pending":
            self._start(space, dream)
        elif not dream.opened:
            self._open(space, dream)
        else:
            self._look(space, dream)

    def _start(self, space: Space, dream: Dream) -> None:
        output = dream.store_id
        if dream.behavior == "create_new":
            name = self._memory.get(space, dream.store_id).name[:_LONGEST_NAME]
            wanted = StoreCreate(name=f"{name} (dream)", description="Written by a dream")
            output = derive_id("dream-store", space.tenant, dream.id)
            self._memory.create(space, wanted, output)
        session = self._sessions.new_id(space, f"dream {dream.id}")
        changes = {"status": "running", "started_at": now_ms(), "output_id": output, "session_id": session}
        after = dream.model_copy(update=changes)
        if self._store.start(space, dream, after, now_ms()):
            self._open(space, after.model_copy(update={"revision": dream.revision + 1}))

    def _open(self, space: Space, dream: Dream) -> None:
        said = Input("user.message", {"content": [{"type": "text", "text": task_of(dream)}]})
        draft = SessionDraft(
            agent_of(dream, space.tenant),
            derive_id("dream-environment", space.tenant),
            title="Dream",
            initial=[said],
            manner=Manner(door="dreams"),
        )
        self._sessions.create(space, draft, str(dream.session_id))
        if self._store.move(space, dream, dream.model_copy(update={"opened": True}), now_ms() + _LOOK_MS):
            return
        # Another process was faster, unless it was canceled before there was anything to interrupt.
        now = self._store.find(space, dream.id)
        if now is not None and now.status == "canceled":
            self._dreams.stop(space, dream)

    def _look(self, space: Space, dream: Dream) -> None:
        try:
            head = self._sessions.get(SessionRef(space, str(dream.session_id))).head
        except SessionNotFound:
            self._fail(space, dream, "session_deleted", "the session of the dream was deleted")
            return
        age = now_ms() - (dream.started_at or dream.created_at)
        if age > _LONGEST_MS:
            self._fail(space, dream, "timeout", "the dream took too long")
            self._dreams.stop(space, dream)
        elif _busy(head):
            self._store.postpone(space, dream, now_ms() + min(max(age // 20, _LOOK_MS), _LONGEST_LOOK_MS))
        else:
            self._conclude(space, dream, head)

    def _conclude(self, space: Space, dream: Dream, head: Head) -> None:
        stop = (head.stop_reason or {}).get("type", "end_turn")
        if head.ended or stop != "end_turn":
            told = (head.last_error or {}).get("message") or f"its session stopped with {stop}"
            self._fail(space, dream, "session_failed", str(told))
            return
        ref = SessionRef(space, head.id)
        if interrupted(self._log.read_back(ref, head.rev + 1)):
            self._fail(space, dream, "session_interrupted", "its session was interrupted")
            return
        changes = {"status": "completed", "ended_at": now_ms()}
        self._store.end(space, dream, self._dreams.with_usage(space, dream).model_copy(update=changes))

    def _fail(self, space: Space, dream: Dream, kind: str, message: str) -> None:
        changes = {"status": "failed", "ended_at": now_ms(), "error": Failure(type=kind, message=message)}
        self._store.end(space, dream, self._dreams.with_usage(space, dream).model_copy(update=changes))


def _busy(head: Head) -> bool:
    return not head.ended and not head.waiting and (head.queued > 0 or head.run is not None)
