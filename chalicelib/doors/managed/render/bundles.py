"""Imported sessions as this door prints them."""

from typing import Any

from chalicelib.bundles.model import Imported, Missing
from chalicelib.core.ids import dress, is_core_id
from chalicelib.doors.managed.render import sessions
from chalicelib.doors.managed.render.threads import thread_name

_PREFIXES = {"vault": "vlt", "agent": "agent", "memory_store": "memstore", "file": "file", "workspace": "sesn"}


def imported(made: Imported) -> dict[str, Any]:
    """The session, and what came with it."""
    figures = {"events": made.events, "files": made.files, "missing": [_missing(one) for one in made.missing]}
    return sessions.session(made.session) | {"imported": figures}


def _missing(one: Missing) -> dict[str, Any]:
    if one.type == "github_repository":
        return {"type": one.type, "url": one.id, "reason": one.reason}
    return {"type": one.type, "id": _id(one), "reason": one.reason}


def _id(one: Missing) -> str:
    if not is_core_id(one.id):
        return one.id
    if one.type == "thread":
        return thread_name(one.id)
    return dress(_PREFIXES[one.type], one.id) if one.type in _PREFIXES else one.id
