"""What clients send into sessions."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.doors.managed.schemas.lists import Page

MAX_EVENTS = 90
TEXT_LIMIT = 8 << 20


class _Sent(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Base64Source(_Sent):
    """Bytes inside the request."""

    type: Literal["base64"]
    media_type: str = Field(max_length=255)
    data: str


class UrlSource(_Sent):
    """Bytes behind an address."""

    type: Literal["url"]
    url: str = Field(max_length=8192)


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
    source: Annotated[Base64Source | UrlSource | FileSource, Field(discriminator="type")]


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


SentEvent = Annotated[
    UserMessage | UserInterrupt | UserToolConfirmation | UserCustomToolResult | UserToolResult | SystemMessage,
    Field(discriminator="type"),
]


class SendEvents(_Sent):
    """The events of one request, taken or refused as one."""

    events: Annotated[list[SentEvent], Field(min_length=1, max_length=MAX_EVENTS)]


class SendMessage(_Sent):
    """One message whose turn is streamed back."""

    content: Words | Annotated[list[MessageBlock], Field(min_length=1)]
    id: ClientId | None = None


class SessionEvent(BaseModel):
    """One event; further fields depend on its type."""

    model_config = ConfigDict(extra="allow")

    id: str
    type: str
    processed_at: str | None


class SentEvents(BaseModel):
    """The accepted events in order."""

    data: list[SessionEvent]


EventPage = Page[SessionEvent]
