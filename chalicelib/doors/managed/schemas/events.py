"""What clients send into sessions."""

import base64
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from chalicelib.core.schema import Schema
from chalicelib.doors.managed.schemas.lists import Page
from chalicelib.sessions.outcomes import MAX_ITERATIONS

MAX_EVENTS = 90
TEXT_LIMIT = 8 << 20


def _coded(text: str) -> str:
    # A model refuses what cannot be decoded, and would in every later turn of the session.
    try:
        base64.b64decode(text, validate=True)
    except ValueError as wrong:
        raise ValueError("not valid base64") from wrong
    return text


class _Sent(Schema):
    model_config = ConfigDict(extra="ignore")


class Base64Source(_Sent):
    """Bytes inside the request."""

    type: Literal["base64"]
    media_type: str = Field(max_length=255)
    data: Annotated[str, Field(min_length=1), AfterValidator(_coded)]


class Base64Image(Base64Source):
    """The bytes of a picture."""

    media_type: str = Field(max_length=255, pattern="^image/")


class UrlSource(_Sent):
    """Bytes behind an address."""

    type: Literal["url"]
    url: str = Field(max_length=8192, pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://[^/\s]\S*$")


class FileSource(_Sent):
    """An uploaded file."""

    type: Literal["file"]
    file_id: str = Field(max_length=128)


class PlainTextSource(_Sent):
    """Text as a document."""

    type: Literal["text"]
    media_type: Literal["text/plain"] = "text/plain"
    data: str


class TextBlock(_Sent):
    """Text."""

    type: Literal["text"]
    text: str = Field(min_length=1, max_length=TEXT_LIMIT)


class ImageBlock(_Sent):
    """A picture."""

    type: Literal["image"]
    source: Annotated[Base64Image | UrlSource | FileSource, Field(discriminator="type")]


class DocumentBlock(_Sent):
    """A document."""

    type: Literal["document"]
    source: Annotated[Base64Source | UrlSource | FileSource | PlainTextSource, Field(discriminator="type")]
    title: str | None = None
    context: str | None = None
    citations: dict[str, Any] | None = None


class SearchResultBlock(_Sent):
    """A search result."""

    type: Literal["search_result"]
    source: str
    title: str
    content: list[TextBlock]
    citations: dict[str, Any] | None = None


MessageBlock = Annotated[TextBlock | ImageBlock | DocumentBlock, Field(discriminator="type")]
ResultBlock = Annotated[TextBlock | ImageBlock | DocumentBlock | SearchResultBlock, Field(discriminator="type")]
ClientId = Annotated[str, Field(min_length=1, max_length=128)]
Words = Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT)]


class UserMessage(_Sent):
    """Something the user says."""

    type: Literal["user.message"]
    id: ClientId | None = None
    content: Words | Annotated[list[MessageBlock], Field(min_length=1)]
    session_thread_id: str | None = None


class UserInterrupt(_Sent):
    """Stop what is under way."""

    type: Literal["user.interrupt"]
    id: ClientId | None = None
    session_thread_id: str | None = None


class UserToolConfirmation(_Sent):
    """Yes or no to a tool call."""

    type: Literal["user.tool_confirmation"]
    id: ClientId | None = None
    tool_use_id: str
    result: Literal["allow", "deny"]
    deny_message: str | None = Field(default=None, max_length=100_000)


class UserCustomToolResult(_Sent):
    """The result of a tool the client runs."""

    type: Literal["user.custom_tool_result"]
    id: ClientId | None = None
    custom_tool_use_id: str
    content: str | list[ResultBlock] = Field(default_factory=list)
    is_error: bool | None = None


class UserToolResult(_Sent):
    """The result of a built-in tool run by a self-hosted environment."""

    type: Literal["user.tool_result"]
    id: ClientId | None = None
    tool_use_id: str
    content: str | list[ResultBlock] = Field(default_factory=list)
    is_error: bool | None = None


class SystemMessage(_Sent):
    """Instructions between two turns."""

    type: Literal["system.message"]
    id: ClientId | None = None
    content: Annotated[list[TextBlock], Field(min_length=1, max_length=1000)]


class TextRubric(_Sent):
    """Criteria in words."""

    type: Literal["text"] = "text"
    content: str = Field(min_length=1, max_length=262_144)


class FileRubric(_Sent):
    """Criteria in an uploaded text file."""

    type: Literal["file"]
    file_id: str = Field(max_length=128)


class ScriptVerifier(_Sent):
    """A script in the session's sandbox: exit code 0 is success."""

    type: Literal["script"]
    verify_script: str = Field(min_length=1, max_length=100_000)
    timeout_ms: int | None = Field(default=None, ge=1, le=600_000)


class ScorerOptions(_Sent):
    """What the last answer is compared with."""

    expected: str | float
    tolerance: float | None = Field(default=None, ge=0)


class ScorerVerifier(_Sent):
    """A comparison of the last answer with ``expected``; of its last number, within ``tolerance``."""

    type: Literal["verifiable"]
    scorer: Literal["exact_match", "contains", "number"]
    opts: ScorerOptions


class EndpointVerifier(_Sent):
    """An endpoint that gives the last answer a score; from ``threshold`` on it is success."""

    type: Literal["reward_model"]
    endpoint: str = Field(max_length=4096, pattern=r"^https?://[^\s/]+")
    threshold: float | None = None


SimpleVerifier = Annotated[ScriptVerifier | ScorerVerifier | EndpointVerifier, Field(discriminator="type")]


class CompositeVerifier(_Sent):
    """Several verifiers; all of them or any of them decide."""

    type: Literal["composite"]
    mode: Literal["all", "any"] = "all"
    verifiers: list[SimpleVerifier] = Field(min_length=1, max_length=10)


Verifier = Annotated[
    ScriptVerifier | ScorerVerifier | EndpointVerifier | CompositeVerifier, Field(discriminator="type")
]


def _words_only(given: Any) -> Any:
    return {"type": "text", "content": given} if isinstance(given, str) else given


class UserDefineOutcome(_Sent):
    """What the session is to achieve, and who judges that."""

    type: Literal["user.define_outcome"]
    id: ClientId | None = None
    description: str = Field(min_length=1, max_length=100_000)
    rubric: Annotated[
        Annotated[TextRubric | FileRubric, Field(discriminator="type")] | None,
        BeforeValidator(_words_only, json_schema_input_type=str | TextRubric | FileRubric | None),
    ] = None
    verifier: Verifier | None = None
    max_iterations: int | None = Field(default=None, ge=1, le=MAX_ITERATIONS)

    @model_validator(mode="after")
    def _judged(self) -> "UserDefineOutcome":
        if self.rubric is None and self.verifier is None:
            raise ValueError("a rubric or a verifier is needed")
        return self


InitialEvent = Annotated[UserMessage | UserDefineOutcome, Field(discriminator="type")]
SentEvent = Annotated[
    UserMessage
    | UserInterrupt
    | UserToolConfirmation
    | UserCustomToolResult
    | UserToolResult
    | UserDefineOutcome
    | SystemMessage,
    Field(discriminator="type"),
]


class SendEvents(_Sent):
    """The events of one request, taken or refused as one."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"events": [{"type": "user.message", "content": "Good morning"}]}]}
    )

    events: Annotated[list[SentEvent], Field(min_length=1, max_length=MAX_EVENTS)]


class SendMessage(_Sent):
    """One message whose turn is streamed back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"content": "What is the capital of France?"}]})

    content: Words | Annotated[list[MessageBlock], Field(min_length=1)]
    id: ClientId | None = None


class SessionEvent(Schema):
    """One event; further fields depend on its type."""

    model_config = ConfigDict(extra="allow")

    id: str
    type: str
    processed_at: str | None


class SentEvents(Schema):
    """The accepted events in order."""

    data: list[SessionEvent]


EventPage = Page[SessionEvent]
