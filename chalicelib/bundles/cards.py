"""What a bundle tells of a session, without what is secret and what only its server can use."""

from dataclasses import asdict
from typing import Any

from chalicelib.bundles.model import ResourceCard, SessionCard
from chalicelib.memory.attaching import MEMORY_STORE
from chalicelib.sessions.model import Session
from chalicelib.sessions.resources import FILE, REPOSITORY, Resource

_FACTS = {
    FILE: ("file_id", "mount_path"),
    REPOSITORY: ("url", "mount_path", "checkout"),
    MEMORY_STORE: ("memory_store_id", "access", "instructions", "name", "mount_path"),
}
_PIN = ("id", "version", "name", "folder")


def card_of(session: Session, until: int | None = None) -> SessionCard:
    """The card of a session, without the resources that came after a moment (milliseconds)."""
    head, spec = session.head, session.spec
    return SessionCard(
        id=head.id,
        title=head.title,
        metadata=head.metadata,
        created_at=head.created_at,
        archived_at=head.archived_at,
        end_user=head.end_user,
        budget=head.budget,
        max_running_seconds=head.max_running_seconds,
        environment_id=head.environment_id,
        environment=spec.environment,
        agent=spec.agent,
        skills=[{name: skill[name] for name in _PIN if name in skill} for skill in spec.skills],
        resources=[_resource(one) for one in spec.resources if until is None or one["created_at"] <= until],
        vault_ids=spec.vault_ids,
        usage=asdict(head.totals),
    )


def _resource(stored: Resource) -> ResourceCard:
    names = _FACTS.get(stored["type"], ("name",))
    facts: dict[str, Any] = {name: stored[name] for name in names}
    return ResourceCard(type=stored["type"], id=stored["id"], secret=stored.get("sealed") is not None, **facts)
