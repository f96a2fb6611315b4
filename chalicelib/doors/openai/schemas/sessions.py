"""Sessions and what goes into them: what clients send and read."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from chalicelib.core.schema import Schema
from chalicelib.doors.openai.lists import ListQuery
from chalicelib.doors.openai.schemas.agents import InlineAgent, Metadata


class InputText(Schema):
    """Text."""

    type: Literal["input_text"]
    text: str


class InputImage(Schema):
    """A picture by address, which may be a data URL."""

    type: Literal["input_image"]
    image_url: str = Field(min_length=1)


InputPart = Annotated[InputText | InputImage, Field(discriminator="type")]


class InputMessage(Schema):
    """What the user says."""

    type: Literal["message"] = "message"
    role: Literal["user"]
    content: str | list[InputPart]


class Network(Schema):
    """What can be reached from the environment."""

    access: Literal["enabled", "disabled", "restricted"]
    allowed_domains: list[str] | None = None
    blocked_domains: list[str] | None = None


class Packages(Schema):
    """What is installed before the first command."""

    npm: list[str] | None = None
    python: list[str] | None = None
    system: list[str] | None = None


class FileById(Schema):
    """An uploaded file."""

    type: Literal["file_id"]
    file_id: str
    path: str = Field(min_length=1, max_length=1024)


class FileInline(Schema):
    """A file in base64."""

    type: Literal["inline"]
    data: str
    path: str = Field(min_length=1, max_length=1024)


EnvironmentFile = Annotated[FileById | FileInline, Field(discriminator="type")]


class Desktop(Schema):
    """A screen with a browser."""

    enabled: bool = False


class NoEnvironment(Schema):
    """The agent works without one."""

    type: Literal["none"]


class HostedEnvironment(Schema):
    """A sandbox of this server."""

    type: Literal["openai_hosted"]
    environment_id: str | None = None
    environment_template_id: str | None = None
    network: Network | None = None
    packages: Packages | None = None
    env: dict[str, str] | None = None
    files: list[EnvironmentFile] | None = Field(default=None, max_length=100)
    container_size: Literal["small", "medium", "large"] | None = None
    desktop: Desktop | None = None
    capability_directories: list[str] | None = None
    plugins: list[Any] | None = None
    skills: list[Any] | None = None
    setup_commands: list[Any] | None = None


class SelfHostedEnvironment(Schema):
    """A sandbox that the application's own workers run."""

    type: Literal["self_hosted"]
    workspace_directory: str = "/workspace"
    capability_directories: list[str] | None = None


Environment = Annotated[NoEnvironment | HostedEnvironment | SelfHostedEnvironment, Field(discriminator="type")]


class SpendControl(Schema):
    """The most a session may cost, in cents."""

    limit: int | None = Field(default=None, ge=1, le=1_000_000_000)


class NewSession(Schema):
    """A session to be opened."""

    environment: Environment
    agent: InlineAgent | None = None
    agent_id: str | None = None
    input: str | list[InputMessage] | None = None
    metadata: Metadata | None = None
    stream: bool | None = None
    vault_ids: list[str] | None = Field(default=None, max_length=50)
    review: Literal["none", "auto_review"] | None = None
    spend_control: SpendControl | None = None


class SessionChange(Schema):
    """Changes to a session; ``metadata`` replaces all of it."""

    agent: InlineAgent | None = None
    metadata: Metadata | None = None
    review: Literal["none", "auto_review"] | None = None
    spend_control: SpendControl | None = None

    def sent(self, name: str) -> bool:
        """Whether the client said anything about a field."""
        return name in self.model_fields_set


class MessageInput(Schema):
    """Messages for the agent."""

    type: Literal["agent.session.input.message"]
    input: list[InputMessage] = Field(min_length=1)


class ToolResultInput(Schema):
    """The result of a function."""

    type: Literal["agent.session.input.tool_result"]
    turn_id: str
    call_id: str
    success: bool
    output: str | list[InputPart] | None = None
    error: str | None = None


class McpDecision(Schema):
    """Whether a tool may be used; ``cancel`` means no."""

    type: Literal["mcp_tool_call"]
    decision: Literal["approve", "deny", "cancel"]


class McpApprovalInput(Schema):
    """The answer to a question for approval."""

    type: Literal["agent.session.input.mcp_approval_request_result"]
    request_id: str
    response: McpDecision


class ComputerApprovalInput(Schema):
    """The answer to a question that nothing here asks."""

    type: Literal["agent.session.input.computer_use_approval_request_result"]
    request_id: str
    response: Any = None


class CancelInput(Schema):
    """Stop the turn at work."""

    type: Literal["agent.session.input.cancel"]


SessionInput = Annotated[
    MessageInput | ToolResultInput | McpApprovalInput | ComputerApprovalInput | CancelInput,
    Field(discriminator="type"),
]


class SendInputs(Schema):
    """Inputs in their order."""

    events: list[SessionInput] = Field(min_length=1, max_length=50)


class SessionListQuery(ListQuery):
    """Which sessions."""

    agent_id: str | None = None


class StreamQuery(Schema):
    """How events are streamed; nothing is padded here."""

    include_obfuscation: bool | None = None


class SessionAnswer(Schema):
    """A session."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: Literal["agent.session"]
    agent: dict[str, Any]
    environment: dict[str, Any]
    status: Literal["idle", "in_progress", "requires_action", "failed", "budget_reached"]
    required_actions: list[dict[str, Any]]
    vault_ids: list[str]
    metadata: Metadata
    usage: dict[str, Any] | None
    error: str | None
    created_at: int
    last_active_at: int


class Turn(Schema):
    """A turn of a session."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: Literal["agent.session.turn"]
    session_id: str
    agent_id: str
    status: Literal["queued", "in_progress", "waiting", "completed", "failed", "cancelled"]
    created_at: int
    started_at: int | None
    completed_at: int | None
    error: dict[str, Any] | None
    usage: dict[str, Any] | None
    subagent_id: str | None


class FileQuery(Schema):
    """Which files; ``page`` continues a list."""

    limit: int = Field(default=20, ge=1, le=100)
    order: Literal["asc", "desc"] = "desc"
    page: str | None = None
    path: str | None = None


class Subagent(Schema):
    """An agent that the session's own has called; it is closed once its thread is archived."""

    id: str
    object: Literal["agent.session.subagent"]
    session_id: str
    parent_agent_id: str
    name: str | None
    instructions: list[dict[str, Any]] | None
    status: Literal["active", "closed"]
    opened_at: int
    closed_at: int | None
