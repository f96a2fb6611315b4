"""Model, MCP servers, skills and identity of an agent, in normal form; the classes read what clients send."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from chalicelib.core.schema import Schema

LATEST = "latest"


class Effort(Schema):
    """How hard the model may think."""

    type: Literal["low", "medium", "high", "xhigh", "max"]


def _effort(given: Any) -> Any:
    return {"type": given} if isinstance(given, str) else given


class ModelConfig(Schema):
    """Which model answers, and how."""

    id: str = Field(min_length=1, max_length=256)
    speed: Literal["standard", "fast"] = "standard"
    effort: Annotated[Effort | None, BeforeValidator(_effort)] = None
    inference_geo: str | None = Field(default=None, max_length=64)

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("speed", "") is None:
            return {key: value for key, value in given.items() if key != "speed"}
        return given


def _named_only(given: Any) -> Any:
    return {"id": given} if isinstance(given, str) else given


ModelInput = Annotated[ModelConfig, BeforeValidator(_named_only, json_schema_input_type=str | ModelConfig)]


class StdioServer(Schema):
    """How an MCP server is started in the sandbox, and the port it then answers on."""

    command: str = Field(min_length=1)
    args: list[str] = Field(default_factory=list)
    env: dict[str, str] = Field(default_factory=dict)
    port: int = Field(ge=1, le=65535)
    sse_path: str = "/sse"
    ready_timeout_ms: int = Field(default=60_000, ge=1, le=600_000)


class McpServer(Schema):
    """An MCP server by URL, or one that runs in the sandbox."""

    type: Literal["url", "stdio"] = "url"
    name: str = Field(min_length=1, max_length=256)
    url: str | None = Field(default=None, pattern=r"^https?://[^\s/]+", max_length=4096)
    stdio: StdioServer | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_inline_secret(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("authorization_token"):
            raise ValueError("authorization_token is not kept in an agent; put the credential into a vault")
        return given

    @model_validator(mode="after")
    def _reachable(self) -> "McpServer":
        if (self.url if self.type == "url" else self.stdio) is None:
            raise ValueError(f"a server of type {self.type} needs {self.type}")
        return self


class SkillRef(Schema):
    """A skill of the agent; ``latest`` is settled when a session starts."""

    type: Literal["custom", "anthropic"] = "custom"
    skill_id: str = Field(min_length=1, max_length=256)
    version: str = Field(default=LATEST, min_length=1, max_length=128)

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("version", "") is None:
            return given | {"version": LATEST}
        return given


class ServiceAccount(Schema):
    """Runs carry no principal named by the customer."""

    type: Literal["service_account"] = "service_account"


class AwsRole(Schema):
    """Runs act as an IAM role."""

    type: Literal["aws_role"]
    role_arn: str = Field(pattern=r"^arn:[a-z-]+:iam::\d{12}:role/.+$", max_length=2048)


ExecutionIdentity = Annotated[ServiceAccount | AwsRole, Field(discriminator="type")]


class RuntimeBinding(Schema):
    """A local machine that runs the agent."""

    runtime_id: str
    acp_agent_id: str
    local_skill_blocklist: list[str] = Field(default_factory=list)


class Extension(Schema):
    """Settings beyond the common ones; what is not set is None."""

    aux_model: ModelInput | None = None
    harness: str | None = Field(default=None, min_length=1, max_length=128)
    runtime_binding: RuntimeBinding | None = None
    appendable_prompts: list[str] | None = Field(default=None, max_length=64)
