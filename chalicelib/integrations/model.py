"""Installations, publications, and what came in from a provider."""

from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["pending_setup", "credentials_filled", "awaiting_install", "live", "needs_reauth", "unpublished"]
Granularity = Literal["per_issue", "per_thread", "per_channel", "per_event"]

OPERATOR = "operator"
"""In the place of a publication's id: the app that the operator set up, for all tenants."""
PENDING: tuple[Status, ...] = ("pending_setup", "credentials_filled", "awaiting_install")
"""Half-finished set-ups."""
MOST_PUBLICATIONS = 200


@dataclass(frozen=True, slots=True)
class App:
    """An app at a provider, as its owner knows it. ``key`` is a private key in PEM, ``signing`` what messages are
    signed with."""

    client_id: str
    client_secret: str = field(repr=False)
    signing: str = field(repr=False)
    id: str = ""
    slug: str = ""
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """Tokens of an installation; ``expires_at`` in milliseconds, None when they last."""

    access: str = field(repr=False)
    refresh: str = field(default="", repr=False)
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Installed:
    """What a provider tells of a fresh installation: ``account`` is who the app is there."""

    external_id: str
    name: str
    account: str
    grant: Grant


@dataclass(frozen=True, slots=True)
class Installation:
    """An account at a provider that lets an app in. ``app``: ``OPERATOR`` or the publication whose own app it is.

    ``sealed`` holds the grant, which a worker renews alone until ``renewing_until``. Times in milliseconds.
    """

    id: str
    provider: str
    external_id: str
    app: str
    name: str
    account: str
    created_at: int
    updated_at: int
    sealed: str = field(repr=False)
    active: bool = True
    renewing_until: int = 0
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Publication:
    """An agent that can be talked to at a provider. ``sealed`` holds its own app, where it has one; ``created_by`` is
    whoever made it, as printed."""

    id: str
    provider: str
    created_by: str
    agent_id: str
    environment_id: str
    created_at: int
    status: Status = "pending_setup"
    installation_id: str | None = None
    mode: str = "full"
    persona_name: str = ""
    persona_avatar: str | None = None
    capabilities: tuple[str, ...] = ()
    granularity: Granularity = "per_issue"
    own_app: bool = False
    sealed: str = field(default="", repr=False)
    unpublished_at: int | None = None
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Rule:
    """Issues a publication takes up by itself. ``filters`` by name; times in milliseconds."""

    id: str
    publication_id: str
    created_at: int
    filters: dict[str, str]
    name: str = ""
    enabled: bool = True
    max_concurrent: int = 5
    poll_interval_seconds: int = 600
    next_at: int = 0
    revision: int = 1


Kind = Literal["direct", "assigned", "comment"]


@dataclass(frozen=True, slots=True)
class Signal:
    """Something said at a provider: in ``text``, behind the first empty line. ``direct`` and ``assigned`` are meant for
    the app, a ``comment`` only if it mentions it or belongs to a conversation.

    ``keys`` tell by granularity what belongs together; ``once`` is the same however often the same thing is told;
    ``place`` is where an answer goes, ``author`` who said it, as the provider knows them.
    """

    kind: Kind
    text: str
    title: str
    keys: dict[str, str]
    once: str
    place: dict[str, str]
    author: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a message of a provider means. ``answer``: only to be answered so; ``over``: the installation has ended."""

    delivery: str = ""
    external_id: str = ""
    answer: dict[str, Any] | None = None
    over: bool = False
    signal: Signal | None = None
