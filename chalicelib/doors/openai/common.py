"""What the routes of this family share: ids in its dress, and the tenant."""

from chalicelib.core.errors import NotFound
from chalicelib.core.ids import dress, undress
from chalicelib.events.event import CLIENT_MARK
from chalicelib.events.log import SessionRef
from chalicelib.http.route import Call
from chalicelib.sessions.errors import SessionNotFound
from chalicelib.storage.keys import Space

_OTHER_DRESSES = {"sess": "sesn", "vault": "vlt", "cred": "vcrd", "tmpl": "env"}
DOOR = "openai"


def space_of(call: Call) -> Space:
    """The caller's tenant."""
    return Space(call.principal.tenant)


def core_of(prefix: str, text: str) -> str | None:
    """The core id behind an id in this family's dress, or in that of the Managed Agents API; else None."""
    other = _OTHER_DRESSES.get(prefix)
    return undress(prefix, text) or (None if other is None else undress(other, text))


def demanded(prefix: str, text: str, noun: str, field: str | None = None) -> str:
    """The core id behind an id. Raises NotFound for what cannot be one."""
    core = core_of(prefix, text)
    if core is None:
        raise NotFound(f"there is no {noun} {text}", field=field)
    return core


def session_ref(call: Call) -> SessionRef:
    """The session of the path. Raises SessionNotFound for what cannot be an id."""
    core = core_of("sess", call.path["session_id"])
    if core is None:
        raise SessionNotFound(f"there is no session {call.path['session_id']}")
    return SessionRef(space_of(call), core)


def event_name(prefix: str, event_id: str) -> str:
    """An id made of an event's; one that a client chose is printed as the client wrote it."""
    return event_id[len(CLIENT_MARK) :] if event_id.startswith(CLIENT_MARK) else dress(prefix, event_id)


def event_of(prefix: str, text: str) -> str:
    """The event's id behind a printed one."""
    return undress(prefix, text) or CLIENT_MARK + text
