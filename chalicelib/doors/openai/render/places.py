"""Environments, their files and templates, and artifacts as this family prints them."""

from typing import Any

from chalicelib.core.ids import dress
from chalicelib.doors.openai.render import sessions as render_sessions
from chalicelib.environments.model import Environment
from chalicelib.files.model import File

OUTPUTS = "/mnt/session/outputs/"
"""Where an agent puts what is to leave its environment."""


def environment(shown: dict[str, Any], status: str) -> dict[str, Any]:
    """The environment of a session, as the session shows it."""
    return {
        "id": shown["id"],
        "object": "agent.environment",
        "type": shown["type"],
        "status": status,
        "files": shown.get("files", []),
        "plugins": [],
        "skills": [],
    }


def template(stored: Environment) -> dict[str, Any]:
    """What environments are made from."""
    shown = stored.model_dump(mode="json")
    return {
        "id": dress("tmpl", stored.id),
        "object": "agent.environment.template",
        "name": stored.name,
        "network": render_sessions.network(shown),
        "packages": render_sessions.packages(shown["config"].get("packages") or {}),
        "files": [],
        "plugins": [],
        "skills": [],
        "capability_directories": [],
        "desktop": {"enabled": False},
        "created_at": stored.created_at // 1000,
        "updated_at": stored.updated_at // 1000,
    }


def file(session_id: str, path: str, size: int) -> dict[str, Any]:
    """A file in an environment."""
    return {
        "object": "agent.environment.file",
        "environment_id": render_sessions.environment_name(session_id),
        "path": path,
        "size_bytes": size,
    }


def artifact(stored: File, session_id: str, run: str) -> dict[str, Any]:
    """A file that a turn left."""
    return {
        "id": dress("artifact", stored.id),
        "object": "agent.session.artifact",
        "session_id": render_sessions.name(session_id),
        "environment_id": render_sessions.environment_name(session_id),
        "turn_id": dress("turn", run),
        "path": OUTPUTS + stored.filename,
        "size_bytes": stored.size,
        "created_at": stored.created_at // 1000,
    }
