"""Environments as this door prints them."""

from typing import Any

from chalicelib.core.clock import iso, optional_iso
from chalicelib.core.ids import dress
from chalicelib.environments.model import Environment


def name(env_id: str) -> str:
    """An environment's id as printed."""
    return dress("env", env_id)


def environment(stored: Environment) -> dict[str, Any]:
    """An environment, with the flat fields that were set."""
    config = stored.config.model_dump(mode="json")
    if config.get("dockerfile", "") is None:
        del config["dockerfile"]
    return {
        "id": name(stored.id),
        "type": "environment",
        "name": stored.name,
        "description": stored.description,
        "config": config,
        "metadata": stored.metadata,
        "scope": stored.scope,
        "state": "active" if stored.archived_at is None else "archived",
        "created_at": iso(stored.created_at),
        "updated_at": iso(stored.updated_at),
        "archived_at": optional_iso(stored.archived_at),
        **stored.flat.model_dump(mode="json", exclude_none=True),
    }
