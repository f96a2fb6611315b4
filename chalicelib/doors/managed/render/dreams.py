"""Dreams as this door prints them."""

from dataclasses import asdict
from typing import Any

from chalicelib.core.clock import iso, optional_iso
from chalicelib.core.ids import dress
from chalicelib.dreams.model import Dream


def dream(stored: Dream) -> dict[str, Any]:
    """A dream."""
    return {
        "id": dress("drm", stored.id),
        "type": "dream",
        "status": stored.status,
        "inputs": [
            _store(stored.store_id),
            {"type": "sessions", "session_ids": sorted(dress("sesn", one) for one in stored.session_ids)},
        ],
        "model": {"id": stored.model.id, "speed": stored.model.speed},
        "output_behavior": _behavior(stored),
        "outputs": [] if stored.output_id is None else [_store(stored.output_id)],
        "usage": asdict(stored.usage),
        "instructions": stored.instructions,
        "session_id": dress("sesn", stored.session_id) if stored.session_id is not None and stored.opened else None,
        "error": None if stored.error is None else stored.error.model_dump(),
        "created_at": iso(stored.created_at),
        "ended_at": optional_iso(stored.ended_at),
        "archived_at": optional_iso(stored.archived_at),
    }


def _store(store_id: str) -> dict[str, Any]:
    return {"type": "memory_store", "memory_store_id": dress("memstore", store_id)}


def _behavior(stored: Dream) -> dict[str, Any]:
    if stored.behavior == "create_new":
        return {"type": "create_new"}
    return {"type": "update_existing", "memory_store_id": dress("memstore", stored.store_id)}
