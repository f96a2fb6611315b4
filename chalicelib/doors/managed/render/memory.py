"""Memory stores, memories and their versions as this door prints them.

SDKs get every key, with null where there is nothing; plain clients do without the empty ones, and see a path as its
writer spelled it.
"""

from collections.abc import Mapping
from typing import Any

from chalicelib.core.clock import iso, optional_iso
from chalicelib.core.ids import dress
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.render.sessions import name as session_name
from chalicelib.doors.managed.render.tenants import key_name, user_name
from chalicelib.memory.model import Actor, Folder, Memory, Store, Version
from chalicelib.memory.searching import LEXICAL, Hit

Shown = dict[str, Any]


def store_name(store_id: str) -> str:
    """A store's id as printed."""
    return dress("memstore", store_id)


def memory_name(memory_id: str) -> str:
    """A memory's id as printed."""
    return dress("mem", memory_id)


def version_name(version_id: str) -> str:
    """A version's id as printed."""
    return dress("memver", version_id)


class Printer:
    """Prints for one kind of client. ``model`` is what ranks the results of searches."""

    def __init__(self, headers: Mapping[str, str], model: str = LEXICAL) -> None:
        self._sdk = is_sdk(headers)
        self._model = model

    def store(self, stored: Store) -> Shown:
        """A store."""
        optional = {
            "description": stored.description or ("" if self._sdk else None),
            "agent_id": stored.agent_id,
            "archived_at": optional_iso(stored.archived_at),
        }
        return {
            "id": store_name(stored.id),
            "type": "memory_store",
            "name": stored.name,
            "metadata": stored.metadata,
            "embedding_model": self._model,
            "vector_index": "none" if self._model == LEXICAL else "exact",
            "created_at": iso(stored.created_at),
            "updated_at": iso(stored.updated_at),
            **self._optional(optional),
        }

    def memory(self, stored: Memory, content: str | None) -> Shown:
        """A memory, with what it holds unless that is None."""
        return {
            "id": memory_name(stored.id),
            "type": "memory",
            "memory_store_id": store_name(stored.store_id),
            "store_id": store_name(stored.store_id),
            "memory_version_id": version_name(stored.version),
            "path": self._path(stored.path, bare=stored.bare),
            "content_sha256": stored.sha256,
            "content_size_bytes": stored.size,
            "size_bytes": stored.size,
            "etag": stored.sha256,
            "created_at": iso(stored.created_at),
            "updated_at": iso(stored.updated_at),
            **self._optional({"content": content}),
        }

    @staticmethod
    def folder(found: Folder) -> Shown:
        """What stands for the memories of a folder."""
        return {"type": "memory_prefix", "path": found.path}

    def entry(self, stored: Memory, content: str) -> Shown:
        """A memory in the list of latest changes."""
        return {
            "id": memory_name(stored.id),
            "path": self._path(stored.path, bare=stored.bare),
            "content": content,
            "created_at": iso(stored.created_at),
            "updated_at": iso(stored.updated_at),
        }

    def hit(self, found: Hit) -> Shown:
        """A result of a search."""
        return {
            "id": memory_name(found.memory.id),
            "path": self._path(found.memory.path, bare=found.memory.bare),
            "content": found.content,
            "score": round(found.score, 6),
        }

    def version(self, stored: Version, content: str | None) -> Shown:
        """A version, with what it holds unless that is None."""
        optional = {
            "path": None if stored.path is None else self._path(stored.path, bare=stored.bare),
            "content": content,
            "content_sha256": stored.sha256,
            "content_size_bytes": stored.size,
            "size_bytes": stored.size,
            "redacted_at": optional_iso(stored.redacted_at),
            "redacted_by": None if stored.redacted_by is None else _actor(stored.redacted_by),
            "redacted": True if stored.redacted_at is not None else (False if self._sdk else None),
        }
        return {
            "id": version_name(stored.id),
            "type": "memory_version",
            "memory_store_id": store_name(stored.store_id),
            "store_id": store_name(stored.store_id),
            "memory_id": memory_name(stored.memory_id),
            "operation": stored.operation,
            "created_at": iso(stored.created_at),
            "created_by": _actor(stored.actor),
            "actor": {"type": stored.actor.kind, "id": _named(stored.actor)},
            **self._optional(optional),
        }

    def _path(self, path: str, *, bare: bool) -> str:
        return path[1:] if bare and not self._sdk else path

    def _optional(self, fields: Shown) -> Shown:
        return fields if self._sdk else {name: value for name, value in fields.items() if value is not None}


def _actor(actor: Actor) -> dict[str, str]:
    kind, field = {
        "session": ("session_actor", "session_id"),
        "api_key": ("api_actor", "api_key_id"),
        "user": ("user_actor", "user_id"),
    }[actor.kind]
    return {"type": kind, field: _named(actor)}


def _named(actor: Actor) -> str:
    if actor.kind == "session":
        return session_name(actor.id)
    return key_name(actor.id) if actor.kind == "api_key" else user_name(actor.id)
