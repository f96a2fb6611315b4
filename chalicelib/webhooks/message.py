"""The message a receiver gets: the same bytes at every try."""

from chalicelib.core.clock import iso
from chalicelib.core.ids import dress
from chalicelib.core.jsonio import dumps
from chalicelib.storage.keys import Space
from chalicelib.webhooks.happening import Happening

_PREFIXES = {
    "session": "sesn",
    "agent": "agent",
    "environment": "env",
    "vault": "vlt",
    "vault_credential": "vcrd",
    "deployment": "depl",
    "deployment_run": "drun",
    "memory_store": "memstore",
    "user_profile": "uprof",
    "external_key": "ekey",
    "webhook_endpoint": "whep",
    "vault_id": "vlt",
    "deployment_id": "depl",
    "session_thread_id": "sthr",
}


def event_name(event_id: str) -> str:
    """An event's id as receivers see it."""
    return dress("whevt", event_id)


def message(space: Space, happened: Happening) -> str:
    """The JSON text."""
    noun = happened.type.partition(".")[0]
    data = {
        "type": happened.type,
        "id": _name(noun, happened.thing),
        "organization_id": dress("org", space.tenant),
        "workspace_id": dress("wrkspc", space.tenant),
        **{name: _name(name, thing) for name, thing in happened.more.items()},
    }
    return dumps(
        {"type": "event", "id": event_name(happened.id), "created_at": iso(happened.at), "data": data},
    )


def _name(noun: str, thing: str) -> str:
    """An id as the API prints it; one that is dressed already stays."""
    prefix = _PREFIXES.get(noun, noun)
    return thing if thing.startswith(f"{prefix}_") else dress(prefix, thing)
