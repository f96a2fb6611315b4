"""What a request names and how it wants things done, in the core's terms."""

from chalicelib.core.errors import NotFound
from chalicelib.core.ids import undress
from chalicelib.events.log import SessionRef
from chalicelib.http.route import Call
from chalicelib.memory.errors import MemoryStoreNotFound
from chalicelib.sessions.errors import SessionNotFound
from chalicelib.sessions.inputs import Manner
from chalicelib.storage.keys import Space
from chalicelib.vaults.errors import VaultNotFound


def session_ref(call: Call) -> SessionRef:
    """The session of the path. Raises SessionNotFound for what cannot be an id."""
    core = undress("sesn", call.path["session_id"])
    if core is None:
        raise SessionNotFound(f"there is no session {call.path['session_id']}")
    return SessionRef(Space(call.principal.tenant), core)


def vault_ref(call: Call) -> tuple[Space, str]:
    """The vault of the path. Raises VaultNotFound for what cannot be an id."""
    core = undress("vlt", call.path["vault_id"])
    if core is None:
        raise VaultNotFound("no such vault")
    return Space(call.principal.tenant), core


def memory_store_ref(call: Call) -> tuple[Space, str]:
    """The memory store of the path. Raises MemoryStoreNotFound for what cannot be an id."""
    core = undress("memstore", call.path["memory_store_id"])
    if core is None:
        raise MemoryStoreNotFound
    return Space(call.principal.tenant), core


def core_id(prefix: str, text: str, field: str, noun: str) -> str:
    """The core id a body names. Raises NotFound."""
    core = undress(prefix, text)
    if core is None:
        raise NotFound(f"{field}: there is no {noun} {text}", field=field)
    return core


def manner(call: Call, *, sdk: bool, queue: bool = False) -> Manner:
    """How the request's inputs are taken up: SDKs steer and keep what waits, plain clients queue and drop it."""
    asked = getattr(call.query, "input", None)
    steers = asked == "steer" or (asked is None and sdk and not queue)
    return Manner(
        policy="steer" if steers else "queue",
        echo_idle_interrupt=sdk,
        drop_queued=not sdk,
        starts_outcomes=sdk,
    )
