"""Resources of sessions as this door prints them: never with what is secret in them."""

from typing import Any

from chalicelib.core.clock import iso
from chalicelib.core.ids import dress
from chalicelib.memory.attaching import MEMORY_STORE
from chalicelib.sessions.resources import FILE, REPOSITORY, Resource


def resource(stored: Resource, session_id: str) -> dict[str, Any]:
    """A resource without secrets."""
    return {
        "id": dress("sesrsc", stored["id"]),
        "type": stored["type"],
        "session_id": dress("sesn", session_id),
        **_facts(stored),
        "created_at": iso(stored["created_at"]),
        "updated_at": iso(stored["updated_at"] if "updated_at" in stored else stored["created_at"]),
    }


def _facts(stored: Resource) -> dict[str, Any]:
    if stored["type"] == FILE:
        return {"file_id": dress("file", stored["file_id"]), "mount_path": stored["mount_path"]}
    if stored["type"] == MEMORY_STORE:
        shown = {name: stored[name] for name in ("access", "instructions", "name", "description", "mount_path")}
        return {"memory_store_id": dress("memstore", stored["memory_store_id"]), **shown}
    if stored["type"] == REPOSITORY:
        checkout = _checkout(stored["checkout"])
        return {"url": stored["url"], "mount_path": stored["mount_path"], "checkout": checkout}
    return {"name": stored["name"]}


def _checkout(stored: dict[str, str] | None) -> dict[str, str] | None:
    if stored is None:
        return None
    field = "sha" if stored["type"] == "commit" else "name"
    return {"type": stored["type"], field: stored["name"]}
