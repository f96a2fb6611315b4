"""Memory stores, memories and versions as they are kept. Times are milliseconds."""

import hashlib
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Literal

MOST_MEMORIES = 2000
MOST_BYTES = 102_400
ActorKind = Literal["session", "api_key", "user"]
Operation = Literal["created", "modified", "deleted"]
_RANDOM_BYTES = 10


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changed something: a session's agent, the owner of an API key, or a person."""

    kind: ActorKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"

    @staticmethod
    def read(text: str) -> "Actor":
        """The actor behind ``str``."""
        kind, _, actor_id = text.partition(":")
        return Actor(kind, actor_id)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Store:
    """A set of memories; ``count`` is how many it holds, ``revision`` counts changes of the store itself.

    ``agent_id`` is the agent that a client said it is for.
    """

    id: str
    name: str
    created_at: int
    updated_at: int
    description: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    agent_id: str | None = None
    archived_at: int | None = None
    revision: int = 1
    count: int = 0


@dataclass(frozen=True, slots=True)
class Memory:
    """A text at a path. ``version`` is the version that holds its content; ``bare``: its writer left out the slash in
    front of the path."""

    id: str
    store_id: str
    path: str
    sha256: str
    size: int
    version: str
    created_at: int
    updated_at: int
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """One change of a memory; path, hash and size are None when it was redacted, the latter two also for a removal."""

    id: str
    store_id: str
    memory_id: str
    operation: Operation
    created_at: int
    actor: Actor
    path: str | None = None
    sha256: str | None = None
    size: int | None = None
    bare: bool = False
    redacted_at: int | None = None
    redacted_by: Actor | None = None


@dataclass(frozen=True, slots=True)
class Folder:
    """Stands in a list for all memories below a path, which ends with a slash."""

    path: str


def digest_of(content: bytes) -> str:
    """How a content is told from another: its SHA-256 in lower-case hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def new_version_id(at_ms: int) -> str:
    """An id that sorts by its moment."""
    return str(uuid.UUID(bytes=at_ms.to_bytes(6, "big") + secrets.token_bytes(_RANDOM_BYTES)))


def first_version_id(at_ms: int) -> str:
    """Where the ids of a moment begin."""
    clamped = min(max(at_ms, 0), (1 << 48) - 1)
    return str(uuid.UUID(bytes=clamped.to_bytes(6, "big") + bytes(_RANDOM_BYTES)))
