"""Agents and their tools: what clients send and read."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from chalicelib.core.schema import Schema

Model = Annotated[str, Field(min_length=1, max_length=256)]
Metadata = dict[str, str]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
Tier = Literal["auto", "default", "flex", "priority", "fast", "ultrafast"]


class FunctionTool(Schema):
    """A function of the application."""

    type: Literal["function"]
    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    defer_loading: bool | None = None


class HttpTransport(Schema):
    """An MCP server by address."""

    type: Literal["http"]
    server_url: str = Field(pattern=r"^https?://[^\s/]+", max_length=4096)
    headers: dict[str, str] | None = None


class StdioTransport(Schema):
    """An MCP server started as a program."""

    type: Literal["stdio"]


class McpTool(Schema):
    """The tools of an MCP server."""

    type: Literal["mcp"]
    server_label: str = Field(min_length=1, max_length=256)
    transport: Annotated[HttpTransport | StdioTransport, Field(discriminator="type")]
    allowed_tools: list[str] | None = None
    connection_origin: Literal["service", "environment"] | None = None
    credential_id: str | None = None
    request_metadata: dict[str, Any] | None = None
    required: bool | None = None


class Location(Schema):
    """Where the user roughly is."""

    city: str | None = None
    country: str | None = None
    region: str | None = None
    timezone: str | None = None


class WebSearchTool(Schema):
    """Search of the web."""

    type: Literal["web_search"]
    allowed_domains: list[str] | None = None
    context_size: Literal["low", "medium", "high"] | None = None
    location: Location | None = None
    mode: Literal["disabled", "cached", "live"] | None = None


class OtherTool(Schema):
    """A tool that is known and not offered here."""

    type: Literal["tool_search", "programmatic_tool_calling", "computer_use", "automations"]
    enabled: bool | None = None


Tool = Annotated[FunctionTool | McpTool | WebSearchTool | OtherTool, Field(discriminator="type")]


class Reasoning(Schema):
    """How hard the model thinks."""

    effort: Effort | None = None
    summary: Literal["concise", "detailed", "auto"] | None = None


class TextFormat(Schema):
    """What the text looks like."""

    type: Literal["text", "json_schema"] = "text"


class Text(Schema):
    """The text the agent writes."""

    format: TextFormat | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class MultiAgent(Schema):
    """Whether the agent may have subagents."""

    enabled: bool = False


class Compaction(Schema):
    """How the context is shortened."""

    model_config = ConfigDict(populate_by_name=True)

    background: bool | None = Field(default=None, alias="async")


class Experimental(Schema):
    """Trials."""

    time_awareness: bool | None = None


class AgentFields(Schema):
    """What an agent consists of; None clears."""

    instructions: str | None = Field(default=None, max_length=100_000)
    tools: list[Tool] | None = Field(default=None, max_length=256)
    reasoning: Reasoning | None = None
    text: Text | None = None
    service_tier: Tier | None = None
    multi_agent: MultiAgent | None = None
    compaction: Compaction | None = None
    experimental: Experimental | None = None

    def sent(self, name: str) -> bool:
        """Whether the client said anything about a field."""
        return name in self.model_fields_set


class NewAgent(AgentFields):
    """An agent to be saved."""

    model: Model
    name: str | None = Field(default=None, max_length=256)
    metadata: Metadata | None = None


class AgentChange(AgentFields):
    """Changes to a saved agent; ``metadata`` replaces all of it."""

    model: Model | None = None
    name: str | None = Field(default=None, max_length=256)
    metadata: Metadata | None = None


class InlineAgent(AgentFields):
    """An agent described with its session, or what differs there from a saved one."""

    model: Model | None = None


class AgentAnswer(Schema):
    """A saved agent."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: Literal["agent"]
    model: str
    name: str | None
    instructions: str | None
    tools: list[dict[str, Any]]
    metadata: Metadata
    created_at: int
    updated_at: int
