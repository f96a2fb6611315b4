"""Sessions as this family prints them."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from chalicelib.core.ids import dress
from chalicelib.doors.openai.common import event_name
from chalicelib.doors.openai.places import NONE, place_id
from chalicelib.doors.openai.render import agents as render_agents
from chalicelib.environments.networking import denied_by, rules_of
from chalicelib.events.event import Event
from chalicelib.sessions.model import Head, Session

_ENDED = "the session was ended and takes no more input"


def name(session_id: str) -> str:
    """A session's id as printed."""
    return dress("sess", session_id)


def environment_name(session_id: str) -> str:
    """The id of a session's environment, which is its own and has its id."""
    return dress("env", session_id)


def session(session: Session, uses: Iterable[Event], tenant: str) -> dict[str, Any]:
    """A session; ``uses`` are the tool uses it waits for."""
    head, spec = session.head, session.spec
    return {
        "id": name(head.id),
        "object": "agent.session",
        "agent": render_agents.pinned(spec.agent),
        "environment": environment(session, tenant),
        "status": status_of(head),
        "required_actions": required_actions(uses, head.run.id if head.run else ""),
        "vault_ids": [dress("vault", vault_id) for vault_id in spec.vault_ids],
        "metadata": head.metadata,
        "usage": usage(vars_of(head)),
        "spend_control": spend_control(head),
        "error": _ENDED if head.ended else None,
        "created_at": head.created_at // 1000,
        "last_active_at": head.updated_at // 1000,
    }


def vars_of(head: Head) -> dict[str, Any]:
    """The counted tokens of a session."""
    totals = head.totals
    return {
        "input_tokens": totals.input_tokens,
        "output_tokens": totals.output_tokens,
        "cache_read_input_tokens": totals.cache_read_input_tokens,
        "cache_creation_input_tokens": totals.cache_creation_input_tokens,
    }


def spend_control(head: Head) -> dict[str, Any]:
    """What a session may cost and has cost, in whole cents."""
    return {
        "limit": None if head.budget is None else int(head.budget),
        "consumed": int(Decimal(head.totals.cost) * 100),
    }


def status_of(head: Head) -> str:
    """The status in this family's words."""
    if head.ended:
        return "failed"
    if head.status in ("running", "rescheduling"):
        return "in_progress"
    return resting(head.stop_reason)


def resting(stop: Mapping[str, Any] | None) -> str:
    """The status of a session that does not work, by why it stopped; what a worker has to do is no client's matter."""
    kind = (stop or {}).get("type")
    if kind != "requires_action":
        return "budget_reached" if kind == "budget_reached" else "idle"
    return "in_progress" if (stop or {}).get("action_type") == "tool_result" else "requires_action"


def usage(counts: Mapping[str, Any]) -> dict[str, Any]:
    """Counted tokens."""
    read = counts.get("cache_read_input_tokens") or 0
    given = (counts.get("input_tokens") or 0) + read + (counts.get("cache_creation_input_tokens") or 0)
    said = counts.get("output_tokens") or 0
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": read},
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": given + said,
    }


def required_actions(uses: Iterable[Event], run: str) -> list[dict[str, Any]]:
    """What the client has to do about open tool uses."""
    return [_action(use, dress("turn", use.run or run)) for use in uses]


def _action(use: Event, turn: str) -> dict[str, Any]:
    called = event_name("call", use.id)
    if use.type == "agent.custom_tool_use":
        return {
            "type": "function_call",
            "turn_id": turn,
            "call_id": called,
            "name": use.data["name"],
            "arguments": use.data["input"],
        }
    tool = use.data["name"]
    request = {
        "type": "mcp_tool_call",
        "server_label": use.data.get("mcp_server_name") or "environment",
        "name": tool,
        "arguments": use.data["input"],
        "message": f"The agent asks to use {tool}.",
    }
    return {"type": "mcp_approval_request", "turn_id": turn, "request_id": called, "request": request}


def environment(session: Session, tenant: str) -> dict[str, Any]:
    """Where the agent works."""
    head, stored = session.head, session.spec.environment or {}
    if head.environment_id == place_id(tenant, NONE):
        return {"type": "none"}
    own = environment_name(head.id)
    if head.self_hosted:
        return {
            "type": "self_hosted",
            "id": own,
            "capability_directories": [],
            "remote_url": f"/v1/environments/{dress('env', head.environment_id)}/work",
            "workspace_directory": "/workspace",
        }
    config = stored.get("config") or {}
    return {
        "type": "openai_hosted",
        "id": own,
        "capability_directories": [],
        "files": files(session.spec.resources),
        "network": network(stored),
        "packages": packages(config.get("packages") or {}),
        "plugins": [],
        "skills": [],
        "container_size": None,
        "desktop": {"enabled": False},
    }


def network(stored: Mapping[str, Any]) -> dict[str, Any]:
    """What can be reached from an environment."""
    rules = rules_of(stored)
    allowed = list(rules.get("allowed_hosts") or [])
    if rules.get("type") != "limited":
        return {"access": "restricted" if denied_by(stored) else "enabled", "allowed_domains": []}
    return {"access": "restricted" if allowed else "disabled", "allowed_domains": allowed}


def packages(wanted: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is installed."""
    places = (("npm", "npm"), ("python", "pip"), ("system", "apt"))
    return {shown: list(wanted.get(manager) or []) for shown, manager in places}


def files(resources: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The files a session was given."""
    return [
        {
            "type": "file_id",
            "id": dress("file", one["file_id"]),
            "file_id": dress("file", one.get("source_file_id") or one["file_id"]),
            "path": one["mount_path"],
            "size_bytes": one.get("size") or 0,
        }
        for one in resources
        if one["type"] == "file"
    ]
