"""What of a session's log belongs into a list or stream: all of it, the primary thread's part, or another thread's."""

from dataclasses import dataclass

from chalicelib.core.ids import undress
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.refs import session_ref
from chalicelib.doors.managed.render.threads import PREFIX
from chalicelib.events.catalogue import PRIMARY_THREAD
from chalicelib.events.event import Event
from chalicelib.events.live import Fragment
from chalicelib.http.route import Call
from chalicelib.sessions.errors import ThreadNotFound

_ANSWERS = frozenset({"user.tool_confirmation", "user.custom_tool_result", "user.tool_result"})


def thread_id(text: str) -> str | None:
    """The core id behind a printed one, None for the primary thread. Raises ThreadNotFound for what cannot be an id."""
    if text == PRIMARY_THREAD:
        return None
    core = undress(PREFIX, text)
    if core is None:
        raise ThreadNotFound(f"there is no thread {text}")
    return core


@dataclass(frozen=True, slots=True)
class Scope:
    """``everything``: the records of all threads; else those of one, None being the primary one, whose part holds what
    the others ask of the client and how they stand. ``first``: the thread's first record."""

    everything: bool = False
    thread: str | None = None
    first: int = 1

    def holds(self, event: Event) -> bool:
        """Whether a record belongs here."""
        if self.everything or event.thread == self.thread:
            return True
        return self.thread is None and _shown_beside(event)

    def hears(self, fragment: Fragment) -> bool:
        """Whether a fragment belongs here."""
        return self.everything or fragment.thread == self.thread

    def awaits(self, thread: str | None) -> bool:
        """Whether an input for a thread belongs here."""
        return self.everything or thread == self.thread


def _shown_beside(event: Event) -> bool:
    if event.type.startswith("session.thread_status_") or event.type in _ANSWERS:
        return True
    return bool((event.private or {}).get("asks"))


def scope_of(call: Call) -> Scope:
    """What a request's path names. Raises SessionNotFound, ThreadNotFound."""
    named = call.path.get("thread_id")
    if named is None:
        return Scope(everything=not is_sdk(call.headers))
    core = thread_id(named)
    if core is None:
        return Scope()
    _, thread = call.services.threads.get(session_ref(call), core)
    return Scope(thread=core, first=thread.first)
