"""The names of everything receivers can be told, and which of them a receiver asked for."""

from collections.abc import Iterable

EVERYTHING = "*"
_LIFE = ("created", "updated", "archived", "deleted")
_SESSION = (
    *_LIFE,
    "pending",
    "running",
    "idled",
    "requires_action",
    "budget_reached",
    "status_run_started",
    "status_idled",
    "status_rescheduled",
    "status_terminated",
    "thread_created",
    "thread_idled",
    "thread_terminated",
    "outcome_evaluation_ended",
)
_NOUNS = {
    "session": _SESSION,
    "agent": _LIFE,
    "environment": _LIFE,
    "vault": ("created", "archived", "deleted"),
    "vault_credential": ("created", "archived", "deleted", "refresh_failed"),
    "deployment": (*_LIFE, "paused", "unpaused"),
    "deployment_run": ("started", "succeeded", "failed"),
    "memory_store": ("created", "archived", "deleted"),
    "user_profile": ("enforcement_action_opened", "enforcement_action_resolved", "program_status_updated"),
    "external_key": ("failed", "recovered"),
}
KINDS = frozenset(f"{noun}.{what}" for noun, happens in _NOUNS.items() for what in happens)
TEST = "webhook_endpoint.test"


def known(pattern: str) -> bool:
    """Whether a receiver may ask for this: a name, ``noun.*``, or ``*``."""
    noun, _, what = pattern.partition(".")
    return pattern == EVERYTHING or pattern in KINDS or (what == EVERYTHING and noun in _NOUNS)


def wanted(kind: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns means this name."""
    every = kind.partition(".")[0] + ".*"
    return any(pattern in (EVERYTHING, kind, every) for pattern in patterns)
