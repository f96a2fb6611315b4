"""What requests hold and answers show, by the names clients use."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from chalicelib.core.jsonio import dump_bytes
from chalicelib.core.schema import Schema

MOST_SECONDS = 366 * 86_400
_MOST_FORKS = 100


def _small(most: int) -> AfterValidator:
    def check(value: Any) -> Any:
        if value is not None and len(dump_bytes(value)) > most:
            raise ValueError(f"at most {most} bytes")
        return value

    return AfterValidator(check)


def _names(env: dict[str, str]) -> dict[str, str]:
    if any(not name or "=" in name or "\0" in name for name in env):
        raise ValueError("a name may not be empty or hold '='")
    return env


Seconds = Annotated[int, Field(ge=0, le=MOST_SECONDS)]
Pairs = Annotated[dict[str, str], _small(32 << 10)]
Environment = Annotated[dict[str, str], AfterValidator(_names), _small(128 << 10)]
NetworkRules = Annotated[dict[str, Any], _small(64 << 10)]


class _Model(Schema):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class AutoResume(_Model):
    """Whether traffic wakes a paused sandbox."""

    enabled: bool = False


class NewSandbox(_Model):
    """A sandbox that is wanted. ``timeout`` is in seconds."""

    template_id: Annotated[str, Field(alias="templateID", min_length=1, max_length=512)] = "base"
    timeout: Seconds | None = None
    metadata: Pairs | None = None
    env_vars: Environment | None = None
    auto_pause: bool | None = None
    auto_pause_memory: bool | None = None
    auto_resume: AutoResume | None = None
    allow_internet_access: Annotated[bool | None, Field(alias="allow_internet_access")] = None
    network: NetworkRules | None = None
    volume_mounts: list[dict[str, Any]] | None = None
    iam: dict[str, Any] | None = None
    mcp: dict[str, Any] | None = None


class NetworkBody(_Model):
    """Rules for what a sandbox reaches, as ``network`` of a new one has them; what is left out is as if never said."""

    model_config = ConfigDict(extra="allow")

    allow_internet_access: Annotated[bool | None, Field(alias="allow_internet_access")] = None


class TimeoutBody(_Model):
    """How many seconds from now a sandbox lasts."""

    timeout: Seconds


class RefreshBody(_Model):
    """How many seconds from now a sandbox lasts at least."""

    duration: Seconds = 0


class PauseBody(_Model):
    """Whether processes are kept with the files."""

    memory: bool | None = None


class ConnectBody(_Model):
    """How many seconds from now a sandbox lasts at least; without ``memory`` a paused one starts anew."""

    timeout: Seconds | None = None
    memory: bool | None = None


class SnapshotBody(_Model):
    """A snapshot that is wanted."""

    name: Annotated[str | None, Field(max_length=128)] = None


class ForkBody(_Model):
    """How many sandboxes with the same files are wanted, and how many seconds they last."""

    timeout: Seconds | None = None
    count: Annotated[int | None, Field(ge=1, le=_MOST_FORKS)] = None


class ListQuery(_Model):
    """Part of the list of sandboxes. ``metadata`` holds pairs in the form of a query, percent-encoded once more."""

    limit: Annotated[int | None, Field(ge=1)] = None
    next_token: str | None = None
    state: list[Literal["running", "paused"]] | None = None
    metadata: str | None = None
    order: Literal["asc", "desc"] = "desc"
    started_after: str | None = None
    template: str | None = None


class RunningQuery(_Model):
    """Part of the list of running sandboxes."""

    metadata: str | None = None


class MetricsQuery(_Model):
    """From when to when, in Unix seconds."""

    start: int | None = None
    end: int | None = None


class FileQuery(Schema):
    """A file of a sandbox, and what a signed URL adds."""

    path: str = ""
    username: str = ""
    signature: str = ""
    signature_expiration: str = ""

    def inward(self) -> dict[str, str]:
        """What the guest is told."""
        return {name: value for name, value in (("path", self.path), ("username", self.username)) if value}


class SandboxAnswer(_Model):
    """A sandbox and how to speak with it."""

    template_id: Annotated[str, Field(alias="templateID")]
    sandbox_id: Annotated[str, Field(alias="sandboxID")]
    client_id: Annotated[str, Field(alias="clientID")]
    envd_version: str
    envd_access_token: str | None
    traffic_access_token: str | None = None
    domain: str | None = None


class Lifecycle(_Model):
    """What becomes of a sandbox whose time is over."""

    auto_resume: bool
    on_timeout: Literal["kill", "pause"]


class ListedSandbox(_Model):
    """A sandbox in a list."""

    template_id: Annotated[str, Field(alias="templateID")]
    sandbox_id: Annotated[str, Field(alias="sandboxID")]
    client_id: Annotated[str, Field(alias="clientID")]
    started_at: str
    end_at: str
    envd_version: str
    cpu_count: int
    memory_mb: Annotated[int, Field(alias="memoryMB")]
    disk_size_mb: Annotated[int, Field(alias="diskSizeMB")]
    state: Literal["running", "paused"]
    metadata: dict[str, str]


class DetailedSandbox(ListedSandbox):
    """All about a sandbox."""

    envd_access_token: str | None
    domain: str | None = None
    allow_internet_access: bool | None = None
    network: dict[str, Any] | None = None
    lifecycle: Lifecycle


class Metric(_Model):
    """What a sandbox uses, in bytes."""

    timestamp: str
    timestamp_unix: int
    cpu_count: int
    cpu_used_pct: float
    mem_used: int
    mem_total: int
    mem_cache: int
    disk_used: int
    disk_total: int


class SnapshotAnswer(_Model):
    """A snapshot: a template for other sandboxes."""

    snapshot_id: Annotated[str, Field(alias="snapshotID")]
    names: list[str]
