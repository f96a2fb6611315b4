"""What may be done with wake-ups."""

from chalicelib.core.clock import iso, now_ms
from chalicelib.core.errors import LambentError
from chalicelib.core.ids import derive_id
from chalicelib.events.drafts import text_blocks
from chalicelib.events.log import SessionRef
from chalicelib.observability import logger
from chalicelib.schedules.due import is_due
from chalicelib.schedules.errors import BadSchedule
from chalicelib.schedules.model import MOST_OPEN, Schedule, Wanted
from chalicelib.schedules.store import ScheduleStore, restored
from chalicelib.sessions.errors import SessionEnded, SessionNotFound
from chalicelib.sessions.inbox import Inbox
from chalicelib.sessions.inputs import Input, Manner
from chalicelib.storage.keys import Key, Space
from chalicelib.tenants.register import TenantRegister

_MANNER = Manner("queue", while_waiting=True, door="schedule")
_LEAST_PAUSE_MS, _MOST_PAUSE_MS = 60_000, 3_600_000
_MOST_TRIES = 48


class ScheduleService:
    """Keeps wake-ups of sessions, and wakes."""

    def __init__(self, store: ScheduleStore, inbox: Inbox, tenants: TenantRegister) -> None:
        self._store = store
        self._inbox = inbox
        self._tenants = tenants

    def add(self, ref: SessionRef, wanted: Wanted, use_id: str) -> Schedule:
        """The wake-up asked for in a tool use: for the same use the same one. Raises BadSchedule."""
        now, own_id = now_ms(), derive_id("schedule", ref.id, use_id)
        made = Schedule(own_id, ref.id, wanted.prompt, wanted.first(now), now, wanted.cron or "", wanted.timezone)
        if not self._store.insert(ref.space, made):
            raise BadSchedule(f"at most {MOST_OPEN} schedules can be open; cancel one first")
        return self._store.find(ref.space, ref.id, own_id) or made

    def cancel(self, ref: SessionRef, schedule_id: str) -> bool:
        """Forget a wake-up; whether it was open."""
        found = self._store.find(ref.space, ref.id, schedule_id)
        return found is not None and self._store.remove(ref.space, found)

    def open(self, ref: SessionRef) -> list[Schedule]:
        """The wake-ups of a session, the next one first."""
        return self._store.open(ref.space, ref.id)

    def drop(self, space: Space, session_id: str) -> None:
        """The session is gone, and its wake-ups with it."""
        self._store.drop(space, session_id)

    def fire(self, space: Space, key: Key) -> None:
        """Wake the session of a wake-up that is due, once, whoever tries it how often."""
        row = self._store.row(key)
        if row is None or not is_due(row, now_ms()):
            return
        schedule, tenant = restored(row), self._tenants.recent(space.tenant)
        if tenant is None or tenant.status == "closed":
            self.drop(space, schedule.session_id)
        elif not tenant.active:
            self._try_later(space, schedule)
        else:
            self._wake(space, schedule)

    def _wake(self, space: Space, schedule: Schedule) -> None:
        ref = SessionRef(space, schedule.session_id)
        try:
            self._inbox.accept(ref, [_message(schedule)], _MANNER)
        except (SessionNotFound, SessionEnded):
            self.drop(space, schedule.session_id)
        except LambentError as refused:
            logger("schedules").warning("a session refused to be woken", extra={"reason": refused.message})
            self._try_later(space, schedule)
        else:
            self._go_on(space, schedule)

    def _try_later(self, space: Space, schedule: Schedule) -> None:
        if schedule.cron or schedule.tries >= _MOST_TRIES:
            self._go_on(space, schedule)
            return
        pause = min(_LEAST_PAUSE_MS << min(schedule.tries, 10), _MOST_PAUSE_MS)
        tries = schedule.tries + 1
        self._store.move(space, schedule, now_ms() + pause, fire_at=schedule.fire_at, tries=tries)

    def _go_on(self, space: Space, schedule: Schedule) -> None:
        """The present moment is used up."""
        following = schedule.following(now_ms())
        if following is None:
            self._store.remove(space, schedule)
        else:
            self._store.move(space, schedule, following, fire_at=following, tries=0)


def _message(schedule: Schedule) -> Input:
    cause = {
        "type": "wakeup",
        "schedule_id": schedule.name,
        "kind": schedule.kind,
        "fire_at": iso(schedule.fire_at),
        "cron": schedule.cron or None,
    }
    data = {"content": text_blocks(schedule.prompt), "parent_event_id": schedule.span_id, "metadata": cause}
    return Input("user.message", data, schedule.message_id)
