"""Work items and environment keys as this door prints them."""

import base64
from typing import Any

from chalicelib.core.clock import iso, optional_iso
from chalicelib.core.ids import dress
from chalicelib.core.jsonio import dump_bytes
from chalicelib.doors.managed.render import environments, sessions
from chalicelib.environments.work.keys import EnvironmentKey
from chalicelib.environments.work.model import Beat, Offer, Stats, Work
from chalicelib.environments.work.service import last_heartbeat


def work(item: Work) -> dict[str, Any]:
    """An item without its secret."""
    return {
        "id": dress("work", item.id),
        "type": "work",
        "environment_id": environments.name(item.environment),
        "data": {"type": "session", "id": sessions.name(item.session)},
        "state": item.state,
        "metadata": item.metadata,
        "created_at": iso(item.created_at),
        "acknowledged_at": optional_iso(item.acknowledged_at),
        "started_at": optional_iso(item.started_at),
        "latest_heartbeat_at": optional_iso(item.heartbeat_at),
        "stop_requested_at": optional_iso(item.stop_requested_at),
        "stopped_at": optional_iso(item.stopped_at),
        "secret": None,
    }


def offer(made: Offer) -> dict[str, Any]:
    """An item for the worker that asked."""
    payload = dump_bytes({"sessions_token": made.token})
    return work(made.work) | {"secret": base64.urlsafe_b64encode(payload).decode().rstrip("=")}


def beat(outcome: Beat) -> dict[str, Any]:
    """The lease after a heartbeat."""
    return {
        "type": "work_heartbeat",
        "last_heartbeat": last_heartbeat(outcome.work, ""),
        "lease_extended": outcome.extended,
        "state": outcome.work.state,
        "ttl_seconds": outcome.work.ttl,
    }


def stats(found: Stats) -> dict[str, Any]:
    """How full a queue is."""
    return {
        "type": "work_queue_stats",
        "depth": found.depth,
        "pending": found.pending,
        "oldest_queued_at": optional_iso(found.oldest_queued_at),
        "workers_polling": found.workers_polling,
    }


def key_name(key_id: str) -> str:
    """An environment key's id as printed."""
    return dress("envkey", key_id)


def key(stored: EnvironmentKey) -> dict[str, Any]:
    """A key without its secret."""
    return {
        "id": key_name(stored.id),
        "type": "environment_key",
        "environment_id": environments.name(stored.environment),
        "name": stored.name,
        "prefix": stored.prefix,
        "created_at": iso(stored.created_at),
        "last_used_at": optional_iso(stored.last_used_at),
    }
