"""Chat completions: what clients send and read."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from chalicelib.core.schema import Schema
from chalicelib.spending.limits import MOST_END_USER

ToolName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")]


class TextPart(Schema):
    """Text."""

    type: Literal["text"]
    text: str


class ImageAddress(Schema):
    """An address, which may be a data URL."""

    url: str = Field(min_length=1)


class ImagePart(Schema):
    """A picture."""

    type: Literal["image_url"]
    image_url: ImageAddress


class FileContent(Schema):
    """A document as a data URL."""

    file_data: str | None = None
    filename: str | None = None
    file_id: str | None = None


class FilePart(Schema):
    """A document."""

    type: Literal["file"]
    file: FileContent


class RefusalPart(Schema):
    """What the model said when it refused."""

    type: Literal["refusal"]
    refusal: str


UserPart = Annotated[TextPart | ImagePart | FilePart, Field(discriminator="type")]
AssistantPart = Annotated[TextPart | RefusalPart, Field(discriminator="type")]


class SystemMessage(Schema):
    """Instructions."""

    role: Literal["system", "developer"]
    content: str | list[TextPart]


class UserMessage(Schema):
    """What the user says."""

    role: Literal["user"]
    content: str | list[UserPart]


class CalledFunction(Schema):
    """Name, and arguments as JSON text."""

    name: str
    arguments: str = "{}"


class ToolCall(Schema):
    """A call the model made earlier."""

    id: str = Field(min_length=1)
    type: Literal["function"] = "function"
    function: CalledFunction


class AssistantMessage(Schema):
    """What the model said earlier."""

    role: Literal["assistant"]
    content: str | list[AssistantPart] | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None


class ToolMessage(Schema):
    """The result of a call."""

    role: Literal["tool"]
    tool_call_id: str = Field(min_length=1)
    content: str | list[TextPart]


ChatMessage = Annotated[SystemMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")]


class FunctionSpec(Schema):
    """A function the model may call."""

    name: ToolName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class FunctionTool(Schema):
    """A tool of the client."""

    type: Literal["function"]
    function: FunctionSpec


class NamedFunction(Schema):
    """A function by name."""

    name: str


class NamedTool(Schema):
    """The one tool to call."""

    type: Literal["function"]
    function: NamedFunction


class AllowedTools(Schema):
    """Those of the tools that count, and whether one of them must be called."""

    mode: Literal["auto", "required"]
    tools: list[NamedTool] = Field(min_length=1)


class SomeTools(Schema):
    """A choice among some of the tools."""

    type: Literal["allowed_tools"]
    allowed_tools: AllowedTools


class AnswerSchema(Schema):
    """A JSON schema the answer follows."""

    model_config = ConfigDict(populate_by_name=True)

    name: str = "answer"
    schema_: dict[str, Any] = Field(default_factory=lambda: {"type": "object"}, alias="schema")
    strict: bool | None = None


class TextFormat(Schema):
    """Plain text."""

    type: Literal["text"]


class JsonFormat(Schema):
    """Any JSON object."""

    type: Literal["json_object"]


class SchemaFormat(Schema):
    """JSON of a schema."""

    type: Literal["json_schema"]
    json_schema: AnswerSchema


ResponseFormat = Annotated[TextFormat | JsonFormat | SchemaFormat, Field(discriminator="type")]


class StreamOptions(Schema):
    """What a stream carries besides the answer."""

    include_usage: bool = False


class ChatCompletionCreate(Schema):
    """A request. ``model`` is a model's id, ``agent_<id>``, ``agent_<id>@<version>`` or ``agents/<name>``."""

    model: str = Field(min_length=1, max_length=512)
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[FunctionTool] | None = Field(default=None, max_length=256)
    tool_choice: Literal["none", "auto", "required"] | NamedTool | SomeTools | None = None
    parallel_tool_calls: bool | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    stop: str | Annotated[list[str], Field(max_length=16)] | None = None
    n: int | None = None
    response_format: ResponseFormat | None = None
    seed: int | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    modalities: list[str] | None = None
    audio: Any = None
    prediction: Any = None
    functions: Any = None
    function_call: Any = None
    web_search_options: Any = None

    @property
    def end_user(self) -> str | None:
        """For whom the client asks."""
        return (self.user or self.safety_identifier or "")[:MOST_END_USER] or None


class FunctionCall(Schema):
    """Name, and arguments as JSON text."""

    name: str
    arguments: str


class MessageToolCall(Schema):
    """A call of a client's tool."""

    id: str
    type: Literal["function"]
    function: FunctionCall


class AnswerMessage(Schema):
    """What was said; ``content`` is null when it is a call."""

    role: Literal["assistant"]
    content: str | None
    refusal: str | None
    tool_calls: list[MessageToolCall] | None = None


class Choice(Schema):
    """The one answer."""

    index: int
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter"]
    message: AnswerMessage
    logprobs: None


class CompletionUsage(Schema):
    """Counted tokens; cached ones are among the prompt's."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: dict[str, int]


class ChatCompletion(Schema):
    """An answer; those of agents name their session."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: CompletionUsage
    session_id: str | None = None
    metadata: dict[str, str] | None = None
