"""What a bundle is made of, and how large it may be."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from chalicelib.agents.policy import PLAIN, Policy
from chalicelib.core.ids import is_core_id
from chalicelib.core.schema import Schema
from chalicelib.sessions.draft import AgentChoice
from chalicelib.sessions.model import Session

FORMAT: Literal["lambent.session"] = "lambent.session"
VERSION: Literal[1] = 1
MANIFEST, EVENTS, SESSION, THREADS = "manifest.json", "events.jsonl", "session.json", "threads.json"
FILES = "files/"

MIB = 1 << 20
MOST_ENTRIES = 65_000
MOST_BYTES = 8 << 30
"""So many bytes may all entries have in all when they are unpacked."""
MOST_RECORDS = 250_000
MOST_RECORD_BYTES = 36 * MIB
MOST_EVENTS_BYTES = 2 << 30
MOST_SESSION_BYTES = 8 * MIB
MOST_THREADS_BYTES = 8 * MIB
MOST_MANIFEST_BYTES = 24 * MIB
MOST_RESOURCES = 600
MOST_LEFT_OUT = 1000
MOST_MISSING = 200


def _core(text: str) -> str:
    if not is_core_id(text):
        raise ValueError("is no id")
    return text


CoreId = Annotated[str, AfterValidator(_core)]
Moment = Annotated[int, Field(ge=0, le=253_402_300_799_999)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Part(Schema):
    model_config = ConfigDict(strict=True, extra="ignore")


class FileFacts(_Part):
    """What is known of a file. ``attached``: it belongs to the session, not only to a message. ``output``: the path of
    the agent's output that it is."""

    filename: str = Field(max_length=255)
    media_type: str = Field(max_length=255)
    maker: Literal["client", "agent"]
    downloadable: bool | None = None
    attached: bool = True
    output: str | None = Field(default=None, max_length=4096)


class EntryFacts(_Part):
    """One entry: its name, checksum and size, and what an archive cannot say of it."""

    name: str = Field(min_length=1, max_length=4200)
    sha256: Digest
    size: int = Field(ge=0)
    mode: int | None = Field(default=None, ge=0, le=0o7777)
    mtime: int | None = Field(default=None, ge=0, le=253_402_300_799 * 1_000_000_000)
    labels: dict[str, str] | None = None
    file: FileFacts | None = None


class LeftOut(_Part):
    """Something of the session that the bundle does not hold."""

    type: str = Field(max_length=64)
    id: str = Field(max_length=4200)
    reason: str = Field(max_length=500)


class Source(_Part):
    """Where the bundle comes from."""

    session_id: CoreId
    agent_id: CoreId
    agent_version: int = Field(ge=1)
    environment_id: CoreId


class Manifest(_Part):
    """The last entry. ``last_seq`` is the number of the log's last record in the bundle; ``files`` tells whether
    workspace and files are those of that moment or of the moment of the export."""

    format: Literal["lambent.session"]
    version: Literal[1]
    product: str = Field(max_length=64)
    exported_at: str = Field(max_length=64)
    source: Source
    last_seq: int = Field(ge=0)
    files: Literal["at_point", "current"]
    entries: list[EntryFacts] = Field(max_length=MOST_ENTRIES)
    left_out: list[LeftOut] = Field(default_factory=list, max_length=MOST_LEFT_OUT)


class ResourceCard(_Part):
    """A resource without its secret; ``secret`` tells that there was one. Further fields depend on the type."""

    model_config = ConfigDict(strict=True, extra="allow")

    type: Literal["file", "github_repository", "env", "memory_store"]
    id: CoreId
    secret: bool = False

    def fact(self, name: str) -> Any:
        """One of the further fields."""
        return (self.model_extra or {}).get(name)


class SessionCard(_Part):
    """What the head and the spec of the session say, without what only its server can use."""

    id: CoreId
    title: str | None = Field(default=None, max_length=1024)
    metadata: dict[str, str] = Field(default_factory=dict)
    created_at: Moment
    archived_at: Moment | None = None
    end_user: str | None = Field(default=None, max_length=256)
    budget: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,11}$")] | None = None
    max_running_seconds: int | None = Field(default=None, ge=1, le=604_800)
    environment_id: CoreId
    environment: dict[str, Any] | None = None
    agent: dict[str, Any]
    skills: list[dict[str, Any]] = Field(default_factory=list)
    resources: list[ResourceCard] = Field(default_factory=list, max_length=MOST_RESOURCES)
    vault_ids: list[CoreId] = Field(default_factory=list, max_length=50)
    usage: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImportWanted:
    """What is to be made of a bundle; None takes what the bundle says. ``seed`` makes repeated requests meet."""

    agent: AgentChoice | None = None
    environment_id: str | None = None
    title: str | None = None
    metadata: dict[str, str] | None = None
    vault_ids: list[str] | None = None
    policy: Policy = PLAIN
    seed: str | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """Something the bundle names that the new session does not have; ``id`` is a core id, a URL, a path or a name."""

    type: str
    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Imported:
    """The new session, how many records and files came with it, and what did not."""

    session: Session
    events: int
    files: int
    missing: list[Missing] = field(default_factory=list)
