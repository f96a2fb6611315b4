"""What a request names and how it wants things done, in the core's terms."""

from collections.abc import Callable

from chalicelib.agents.errors import AgentNotFound
from chalicelib.core.errors import NotFound
from chalicelib.core.ids import undress
from chalicelib.environments.errors import EnvironmentNotFound
from chalicelib.events.log import SessionRef
from chalicelib.http.route import Call
from chalicelib.memory.errors import MemoryStoreNotFound
from chalicelib.sessions.errors import SessionNotFound
from chalicelib.sessions.inputs import Manner
from chalicelib.storage.keys import Space
from chalicelib.tenants.errors import KeyNotFound, TenantNotFound
from chalicelib.vaults.errors import VaultNotFound


def path_id(call: Call, prefix: str, name: str, absent: Callable[[], NotFound]) -> str:
    """The core id that stands in the path under ``name``. Raises ``absent()`` for what cannot be an id."""
    core = undress(prefix, call.path[name])
    if core is None:
        raise absent()
    return core


def ref_of(prefix: str, name: str, absent: Callable[[], NotFound]) -> Callable[[Call], tuple[Space, str]]:
    """Reads the caller's tenant and, as ``path_id`` does, the id of its thing."""

    def ref(call: Call) -> tuple[Space, str]:
        return Space(call.principal.tenant), path_id(call, prefix, name, absent)

    return ref


agent_ref = ref_of("agent", "agent_id", lambda: AgentNotFound("no such agent"))
environment_ref = ref_of("env", "environment_id", EnvironmentNotFound)
memory_store_ref = ref_of("memstore", "memory_store_id", MemoryStoreNotFound)
vault_ref = ref_of("vlt", "vault_id", lambda: VaultNotFound("no such vault"))


def session_ref(call: Call) -> SessionRef:
    """The session of the path. Raises SessionNotFound for what cannot be an id."""
    text = call.path["session_id"]
    core = path_id(call, "sesn", "session_id", lambda: SessionNotFound(f"there is no session {text}"))
    return SessionRef(Space(call.principal.tenant), core)


def tenant_id(call: Call) -> str:
    """The tenant of the operator's path. Raises TenantNotFound for what cannot be an id."""
    text = call.path["tenant_id"]
    return path_id(call, "tn", "tenant_id", lambda: TenantNotFound(f"no tenant {text}"))


def api_key_id(call: Call) -> str:
    """The API key of the path. Raises KeyNotFound for what cannot be an id."""
    return path_id(call, "ak", "key_id", lambda: KeyNotFound("no such API key"))


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
