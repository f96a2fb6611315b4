"""What others may be told of: something that happened to a thing of a tenant."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import derive_id, new_id
from chalicelib.events.event import Event
from chalicelib.events.log import SessionRef
from chalicelib.storage.keys import Space
from chalicelib.storage.writes import Write

CREATED = "session.created"
_OF_RECORDS = {
    CREATED: (CREATED,),
    "run.queued": ("session.pending",),
    "session.status_running": ("session.running", "session.status_run_started"),
    "session.status_idle": ("session.idled", "session.status_idled"),
    "session.status_rescheduled": ("session.status_rescheduled",),
    "session.status_terminated": ("session.status_terminated",),
    "session.updated": ("session.updated",),
    "session.deleted": ("session.deleted",),
    "session.thread_created": ("session.thread_created",),
    "session.thread_status_idle": ("session.thread_idled",),
    "session.thread_status_terminated": ("session.thread_terminated",),
    "span.outcome_evaluation_end": ("session.outcome_evaluation_ended",),
}
_OF_STOPS = {"requires_action": "session.requires_action", "budget_reached": "session.budget_reached"}
_THREADS = "session.thread_"
THREAD = "session_thread_id"


@dataclass(frozen=True, slots=True)
class Happening:
    """``type`` is the name receivers know; ``thing`` the core id it happened to, ``more`` further core ids by the name
    they have in the message. ``at`` in milliseconds; ``id`` is the same however often it is told."""

    type: str
    thing: str
    more: dict[str, str] = field(default_factory=dict)
    at: int = field(default_factory=now_ms)
    id: str = field(default_factory=new_id)


class Announcer(Protocol):
    """Tells those who listen."""

    def tell(self, space: Space, *happened: Happening) -> list[Write]:
        """The writes, for the transaction of the change itself, after which everybody who listens will be told.

        None at all where nobody does.
        """
        ...


class Silent:
    """Tells nobody."""

    def tell(self, space: Space, *happened: Happening) -> list[Write]:  # noqa: ARG002 - the interface
        """Nothing is to be written."""
        return []


SILENT = Silent()


def of_records(ref: SessionRef, events: Sequence[Event]) -> list[Happening]:
    """What records of a session's log mean to those outside."""
    return [
        Happening(kind, ref.id, _more(kind, event.data), event.at, _id(ref, event, kind))
        for event in events
        for kind in _kinds(event)
    ]


def _kinds(event: Event) -> Iterator[str]:
    yield from _OF_RECORDS.get(event.type, ())
    if event.type == "session.status_idle":
        stop = (event.data.get("stop_reason") or {}).get("type")
        if stop in _OF_STOPS:
            yield _OF_STOPS[stop]
    if event.type == "session.status_terminated" and event.data.get("reason") == "archived":
        yield "session.archived"


def _more(kind: str, data: dict[str, Any]) -> dict[str, str]:
    thread = data.get(THREAD)
    return {THREAD: str(thread)} if kind.startswith(_THREADS) and thread else {}


def _id(ref: SessionRef, event: Event, kind: str) -> str:
    return derive_id("happening", ref.space.tenant, ref.id, event.id, kind)
