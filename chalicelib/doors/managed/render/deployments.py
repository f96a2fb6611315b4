"""Deployments and their runs as this door prints them."""

from typing import Any

from chalicelib.core.clock import iso, now_ms, optional_iso
from chalicelib.core.ids import dress
from chalicelib.deployments.model import MANUAL, Deployment, Run
from chalicelib.sessions.budgets import CURRENCY

_UPCOMING = 5
_ALWAYS_SHOWN = {
    "file": ("mount_path",),
    "github_repository": ("mount_path", "checkout"),
    "memory_store": ("access", "instructions"),
}


def name(deployment_id: str) -> str:
    """A deployment's id as printed."""
    return dress("depl", deployment_id)


def deployment(stored: Deployment) -> dict[str, Any]:
    """A deployment."""
    return {
        "id": name(stored.id),
        "type": "deployment",
        "name": stored.name,
        "description": stored.description,
        "agent": _agent(stored),
        "environment_id": dress("env", stored.environment_id),
        "initial_events": [{"type": one.type, **one.data} for one in stored.initial],
        "resources": [_resource(one.shown) for one in stored.resources],
        "vault_ids": [dress("vlt", vault_id) for vault_id in stored.vault_ids],
        "metadata": stored.metadata,
        "status": "active" if stored.paused is None else "paused",
        "schedule": _schedule(stored),
        "paused_reason": _reason(stored.paused),
        "budget": _budget(stored.budget),
        "created_at": iso(stored.created_at),
        "updated_at": iso(stored.updated_at),
        "archived_at": optional_iso(stored.archived_at),
    }


def run(stored: Run) -> dict[str, Any]:
    """A run."""
    trigger = {"type": "manual"}
    if stored.scheduled_at is not None:
        trigger = {"type": "schedule", "scheduled_at": iso(stored.scheduled_at)}
    return {
        "id": dress("drun", stored.id),
        "type": "deployment_run",
        "deployment_id": name(stored.deployment_id),
        "agent": _agent(stored),
        "trigger_context": trigger,
        "session_id": None if stored.session_id is None else dress("sesn", stored.session_id),
        "error": None if stored.error is None else stored.error.model_dump(),
        "created_at": iso(stored.created_at),
    }


def _agent(stored: Deployment | Run) -> dict[str, Any]:
    return {"type": "agent", "id": dress("agent", stored.agent_id), "version": stored.agent_version}


def _schedule(stored: Deployment) -> dict[str, Any] | None:
    if stored.schedule is None:
        return None
    coming = [] if stored.archived_at is not None else stored.schedule.cron().upcoming(now_ms(), _UPCOMING)
    return {
        **stored.schedule.model_dump(),
        "last_run_at": optional_iso(stored.last_run_at),
        "upcoming_runs_at": [iso(at) for at in coming],
    }


def _reason(paused: str | None) -> dict[str, Any] | None:
    if paused is None:
        return None
    return {"type": MANUAL} if paused == MANUAL else {"type": "error", "error": {"type": paused}}


def _budget(cents: str | None) -> dict[str, Any] | None:
    if cents is None:
        return None
    return {"type": "limit", "max_list_cost": {"amount": cents, "currency": CURRENCY}}


def _resource(shown: dict[str, Any]) -> dict[str, Any]:
    return dict.fromkeys(_ALWAYS_SHOWN.get(shown["type"], ())) | shown
