"""The tool entries of an agent in normal form.

The same classes read what clients send: whatever they left out is filled in, so reading a normal form changes nothing.
"""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from chalicelib.agents.webtools import Site, UrlSources, UserLocation
from chalicelib.core.schema import Schema

BUILT_IN = ("bash", "read", "write", "edit", "glob", "grep", "web_fetch", "web_search")
EXTENSIONS = ("schedule", "cancel_schedule", "list_schedules", "browser")
BuiltInName = Literal[
    "bash",
    "read",
    "write",
    "edit",
    "glob",
    "grep",
    "web_fetch",
    "web_search",
    "schedule",
    "cancel_schedule",
    "list_schedules",
    "browser",
]
ToolName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
_MOST_CONFIGS = 256


class PermissionPolicy(Schema):
    """Whether a call runs at once, waits for a person, or is judged by the server."""

    type: Literal["always_allow", "always_ask", "auto"]


class ToolDefaults(Schema):
    """What holds for the tools of a set that are not named."""

    enabled: bool
    permission_policy: PermissionPolicy


class BuiltInConfig(Schema):
    """One built-in tool; the web settings belong to ``web_fetch`` and ``web_search`` only."""

    type: BuiltInName
    name: BuiltInName
    enabled: bool
    permission_policy: PermissionPolicy
    allowed_domains: list[Site] | None = Field(default=None, min_length=1, max_length=64)
    blocked_domains: list[Site] | None = Field(default=None, min_length=1, max_length=64)
    max_content_tokens: int | None = Field(default=None, ge=1)
    url_sources: UrlSources | None = None
    user_location: UserLocation | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        name = given.get("name")
        filled = {"type": name} | {key: value for key, value in given.items() if value is not None}
        return {key: value for key, value in filled.items() if _belongs(key, name)}

    @model_validator(mode="after")
    def _check(self) -> "BuiltInConfig":
        if self.type != self.name:
            raise ValueError("type must equal name")
        if self.allowed_domains is not None and self.blocked_domains is not None:
            raise ValueError("allowed_domains and blocked_domains exclude each other")
        if self.name == "web_fetch" and any("/" in one for one in self.allowed_domains or self.blocked_domains or ()):
            raise ValueError("web_fetch takes hosts without a path")
        return self


_WEB_SETTINGS = {
    "allowed_domains": ("web_fetch", "web_search"),
    "blocked_domains": ("web_fetch", "web_search"),
    "max_content_tokens": ("web_fetch",),
    "url_sources": ("web_fetch",),
    "user_location": ("web_search",),
}


def _belongs(key: str, tool: Any) -> bool:
    return key not in _WEB_SETTINGS or tool in _WEB_SETTINGS[key]


class McpConfig(Schema):
    """One tool of an MCP server."""

    name: str = Field(min_length=1, max_length=256)
    enabled: bool
    permission_policy: PermissionPolicy


def _filled(given: Any, policy: str) -> Any:
    """A set with its defaults, and with the named tools inheriting what they leave out."""
    if not isinstance(given, dict):
        return given
    stated = given.get("default_config")
    if stated is not None and not isinstance(stated, dict):
        return given
    basis = {"enabled": True, "permission_policy": {"type": policy}} | _stated(stated or {})
    configs = given.get("configs")
    if isinstance(configs, list):
        configs = [basis | _stated(entry) if isinstance(entry, dict) else entry for entry in configs]
    return given | {"default_config": basis, "configs": [] if configs is None else configs}


Config = TypeVar("Config", BuiltInConfig, McpConfig)


def _stated(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if value is not None}


def _once_each(configs: list[Config]) -> list[Config]:
    names = [config.name for config in configs]
    if len(set(names)) < len(names):
        raise ValueError("a tool is configured more than once")
    return configs


class Toolset(Schema):
    """The built-in tools; without statement all are enabled and allowed."""

    type: Literal["agent_toolset_20260401"]
    default_config: ToolDefaults
    configs: Annotated[list[BuiltInConfig], Field(max_length=_MOST_CONFIGS), AfterValidator(_once_each)]

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        return _filled(given, "always_allow")

    def setting(self, name: str) -> BuiltInConfig | ToolDefaults:
        """What holds for a tool of the set."""
        return next((config for config in self.configs if config.name == name), self.default_config)


class McpToolset(Schema):
    """The tools of one declared MCP server; without statement all are enabled and ask."""

    type: Literal["mcp_toolset"]
    mcp_server_name: str = Field(min_length=1, max_length=256)
    default_config: ToolDefaults
    configs: Annotated[list[McpConfig], Field(max_length=_MOST_CONFIGS), AfterValidator(_once_each)]

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        return _filled(given, "always_ask")


class HttpExecution(Schema):
    """The server calls an endpoint and takes its answer as the tool's result."""

    type: Literal["http"]
    endpoint: str = Field(pattern=r"^https?://[^\s]+$", max_length=2048)
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    idempotent: bool = Field(default=False, description="Whether a call cut off by a crash may simply be repeated")


class SandboxExecution(Schema):
    """The server runs a command in the session's sandbox."""

    type: Literal["sandbox"]
    command: str = Field(min_length=1, max_length=100_000)


class CustomTool(Schema):
    """A tool the client answers, or the server where ``execution`` says how."""

    type: Literal["custom"]
    name: ToolName
    description: str = Field(min_length=1)
    input_schema: dict[str, Any]
    execution: Annotated[HttpExecution | SandboxExecution, Field(discriminator="type")] | None = None

    @field_validator("input_schema")
    @classmethod
    def _object_schema(cls, schema: dict[str, Any]) -> dict[str, Any]:
        if schema.get("type", "object") != "object":
            raise ValueError("the schema's type must be object")
        if not isinstance(schema.get("properties", {}), dict | None):
            raise ValueError("properties must be an object")
        required = schema.get("required") or []
        if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
            raise ValueError("required must be a list of names")
        return {"type": "object"} | schema


class WebSearchTool(Schema):
    """Web search through a named backend."""

    type: Literal["web_search_20250305", "web_search_ddg", "web_search_tavily"]
    name: str = "web_search"
    allowed_domains: list[Site] | None = None
    blocked_domains: list[Site] | None = None
    max_uses: int | None = Field(default=None, ge=1)
    user_location: UserLocation | None = None


Tool = Annotated[Toolset | McpToolset | CustomTool | WebSearchTool, Field(discriminator="type")]


def built_in_set() -> Toolset:
    """The built-in tools with nothing said about them."""
    return Toolset.model_validate({"type": "agent_toolset_20260401"})


def allowed_mcp_set(server: str) -> McpToolset:
    """All tools of a server, allowed."""
    defaults = {"enabled": True, "permission_policy": {"type": "always_allow"}}
    return McpToolset.model_validate({"type": "mcp_toolset", "mcp_server_name": server, "default_config": defaults})
