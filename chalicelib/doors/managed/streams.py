"""Event streams of this door: which records a connection sees, and how they are framed."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from chalicelib.core.jsonio import dumps
from chalicelib.doors.managed.render import fragments as render_fragments
from chalicelib.doors.managed.render.events import event_name, public
from chalicelib.doors.managed.render.threads import thread_name
from chalicelib.doors.managed.scopes import Scope
from chalicelib.events import catalogue
from chalicelib.events.event import Event
from chalicelib.events.live import Fragment
from chalicelib.events.log import SessionRef
from chalicelib.events.tail import Follower
from chalicelib.http import sse

SESSION = Scope(everything=True)
OVER = frozenset({"session.status_idle", "session.status_terminated"})
# What waits in the inbox until a run takes it; interrupts and answers pass at once.
_WAITING = frozenset({"user.message", "system.message"})


@dataclass(frozen=True, slots=True)
class View:
    """What a connection asked for. ``chunks`` adds the extension set, ``deltas`` the SDKs' fragments by event type."""

    sdk: bool
    chunks: bool = False
    typed_frames: bool = True
    deltas: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    scope: Scope = SESSION

    @property
    def wants_fragments(self) -> bool:
        """Whether anything of the live channel is to be shown."""
        return self.chunks or bool(self.deltas)

    def shows(self, event: Event) -> bool:
        """Whether a stored event is among what this connection sees."""
        if (self.types and event.type not in self.types) or not self.scope.holds(event):
            return False
        if self.chunks:
            return event.type in catalogue.PUBLIC_TYPES
        return event.type in (catalogue.SDK_TYPES if self.sdk else catalogue.PLAIN_TYPES)


@dataclass(slots=True)
class Frames:
    """Frames of one connection; keeps which fragments were announced on it."""

    view: View
    announced: set[str] = field(default_factory=set)

    def opening(self) -> bytes:
        """The first bytes."""
        return sse.comment("open") if self.view.sdk else sse.retry(1000)

    def of(self, item: Event | Fragment) -> list[bytes]:
        """The frames of a record or fragment; none when this connection does not see it."""
        if isinstance(item, Fragment):
            return self._fragment(item)
        frames = []
        if self.view.shows(item):
            frames.append(self._frame(public(item, sdk=self.view.sdk), str(item.seq)))
        if self.view.chunks:
            frames += self._about_inputs(item)
        return frames

    def _fragment(self, item: Fragment) -> list[bytes]:
        if not self.view.scope.hears(item):
            return []
        if item.phase == "start":
            self.announced.add(item.event_id)
        elif item.event_id not in self.announced:
            return []
        frames = []
        # Deltas do not tell their thread, so they stay on its own stream.
        deltas = self.view.deltas if item.thread == self.view.scope.thread else frozenset()
        if (shown := render_fragments.delta(item, deltas)) is not None:
            frames.append(self._frame(shown, None))
        if self.view.chunks:
            frames.append(self._frame(render_fragments.chunk(item), None))
        return frames

    def _about_inputs(self, item: Event) -> list[bytes]:
        about_thread = item.data.get("thread") or item.thread
        if not self.view.scope.awaits(about_thread):
            return []
        thread = {"session_thread_id": thread_name(about_thread)}
        if item.type == catalogue.INPUT_QUEUED and item.data["type"] in _WAITING:
            name = event_name(item.data["input_id"])
            event = {"type": item.data["type"], "id": name}
            about = {"event_id": name, "pending_seq": item.seq, "enqueued_at": item.at, **thread, "event": event}
            return [self._frame({"type": "system.user_message_pending", **about}, None)]
        if item.type in _WAITING:
            about = {"event_id": event_name(item.id), "seq": item.seq, "processed_at": item.at, **thread}
            return [self._frame({"type": "system.user_message_promoted", **about}, None)]
        if item.type == catalogue.INPUT_REMOVED:
            return [self.cancelled(item)]
        return []

    def cancelled(self, item: Event) -> bytes:
        """The frame that tells of an input removed before it was taken."""
        about = {
            "type": "system.user_message_cancelled",
            "event_id": event_name(item.data["input_id"]),
            "pending_seq": item.data["pending_seq"],
            "session_thread_id": thread_name(item.data.get("thread")),
            "cancelled_at": item.at,
        }
        return self._frame(about, None)

    def _frame(self, shown: dict[str, object], frame_id: str | None) -> bytes:
        name = str(shown["type"]) if self.view.typed_frames else "message"
        return sse.frame(name, dumps(shown), frame_id)


@dataclass(frozen=True, slots=True)
class Pulse:
    """When a stream says that it lives, and when it ends by itself (seconds; 0 never)."""

    ping_seconds: float
    most_seconds: float


async def open_ended(
    follower: Follower, ref: SessionRef, start: "Start", view: View, pulse: Pulse
) -> AsyncIterator[bytes]:
    """Everything after a number, until the session is deleted or the stream's time is over."""
    frames = Frames(view)
    yield frames.opening()
    beat = _Beat(pulse)
    async for item in follower.follow(ref, start.after, start.position, aligned=start.aligned):
        if item is not None:
            for frame in frames.of(item):
                beat.spoke()
                yield frame
            if isinstance(item, Event) and item.type == "session.deleted":
                return
        if beat.ended():
            return
        if beat.due():
            yield sse.comment("ping")


async def one_turn(
    follower: Follower, ref: SessionRef, start: "Start", view: View, pulse: Pulse, mine: str
) -> AsyncIterator[bytes]:
    """The turn of one message, ``mine`` being its event's id: from its echo to the next idle."""
    frames = Frames(view)
    yield frames.opening()
    taken = False
    beat = _Beat(pulse)
    async for item in follower.follow(ref, start.after, start.position, aligned=start.aligned):
        if isinstance(item, Event) and item.type == catalogue.INPUT_REMOVED and item.data["input_id"] == mine:
            yield frames.cancelled(item)
            return
        taken = taken or (isinstance(item, Event) and item.id == mine and item.type == "user.message")
        if item is not None and taken:
            for frame in frames.of(item):
                beat.spoke()
                yield frame
        if isinstance(item, Event) and (item.type == "session.deleted" or (taken and item.type in OVER)):
            return
        if beat.ended():
            return
        if beat.due():
            yield sse.comment("ping")


@dataclass(frozen=True, slots=True)
class Start:
    """Where a stream begins: after a record, and after a position of the live channel if fragments are wanted."""

    after: int
    position: str | None
    aligned: bool


class _Beat:
    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._start = self._last = time.monotonic()

    def spoke(self) -> None:
        """A frame went out."""
        self._last = time.monotonic()

    def due(self) -> bool:
        """Whether it is time for a ping; reckons that it is then sent."""
        if time.monotonic() - self._last < self._pulse.ping_seconds:
            return False
        self._last = time.monotonic()
        return True

    def ended(self) -> bool:
        """Whether the stream's time is over."""
        return 0 < self._pulse.most_seconds <= time.monotonic() - self._start
