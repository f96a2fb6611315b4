"""Integrations, installations, publications and dispatch rules as this door prints them."""

from collections.abc import Sequence
from typing import Any

from chalicelib.core.clock import iso, optional_iso
from chalicelib.core.ids import dress
from chalicelib.integrations.drafts import FILTERS
from chalicelib.integrations.model import Installation, Publication, Rule
from chalicelib.integrations.provider import PROVIDERS


def publication_name(own_id: str) -> str:
    """A publication's id as printed."""
    return dress("pub", own_id)


def installation_name(own_id: str) -> str:
    """An installation's id as printed."""
    return dress("inst", own_id)


def integration(provider: str, *, configured: bool, installations: Sequence[Installation]) -> dict[str, Any]:
    """A provider, and how it stands with a tenant."""
    return {
        "id": provider,
        "type": "integration",
        "name": PROVIDERS[provider],
        "configured": configured,
        "installed": any(one.active for one in installations),
        "installations": [installation(one) for one in installations],
    }


def installation(stored: Installation) -> dict[str, Any]:
    """An installation, without its tokens."""
    return {
        "id": installation_name(stored.id),
        "type": "integration_installation",
        "provider": stored.provider,
        "workspace_id": stored.external_id,
        "workspace_name": stored.name,
        "status": "active" if stored.active else "needs_reauth",
        "created_at": iso(stored.created_at),
        "updated_at": iso(stored.updated_at),
    }


def publication(stored: Publication) -> dict[str, Any]:
    """A publication, without secrets."""
    return {
        "id": publication_name(stored.id),
        "type": "integration_publication",
        "provider": stored.provider,
        "user_id": stored.created_by,
        "agent_id": dress("agent", stored.agent_id),
        "environment_id": dress("env", stored.environment_id),
        "installation_id": None if stored.installation_id is None else installation_name(stored.installation_id),
        "mode": stored.mode,
        "status": stored.status,
        "persona": {"name": stored.persona_name, "avatarUrl": stored.persona_avatar},
        "capabilities": list(stored.capabilities),
        "session_granularity": stored.granularity,
        "created_at": iso(stored.created_at),
        "unpublished_at": optional_iso(stored.unpublished_at),
    }


def set_up(stored: Publication, address: str) -> dict[str, Any]:
    """A publication with what its app has to be told at the provider."""
    own = publication_name(stored.id)
    return publication(stored) | {
        "callback_url": f"{address}/{stored.provider}/oauth/callback",
        "webhook_url": f"{address}/{stored.provider}/webhook/pub/{own}",
    }


def rule(stored: Rule) -> dict[str, Any]:
    """A dispatch rule."""
    return {
        "id": dress("rule", stored.id),
        "type": "integration_dispatch_rule",
        "publication_id": publication_name(stored.publication_id),
        "name": stored.name,
        **{name: stored.filters.get(name) for name in FILTERS},
        "enabled": stored.enabled,
        "max_concurrent": stored.max_concurrent,
        "poll_interval_seconds": stored.poll_interval_seconds,
        "created_at": iso(stored.created_at),
    }
