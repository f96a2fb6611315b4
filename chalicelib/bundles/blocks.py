"""What the forms of records have in common: ids, amounts, and blocks of content."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from chalicelib.core.ids import is_core_id
from chalicelib.core.schema import Schema
from chalicelib.events.catalogue import PRIMARY_THREAD
from chalicelib.events.event import CLIENT_MARK

LONGEST_ID = 129
_PRINTED = frozenset(("id", "type", "processed_at"))
"""What doors print beside the data of a record."""


def _event_id(text: str) -> str:
    if is_core_id(text) or (text.startswith(CLIENT_MARK) and 1 < len(text) <= LONGEST_ID):
        return text
    raise ValueError("is no id of a record")


def _thread(text: str) -> str:
    if text == PRIMARY_THREAD or is_core_id(text):
        return text
    raise ValueError("is no id of a thread")


def _cost(text: str) -> str:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError("is no amount") from None
    if not (amount.is_finite() and 0 <= amount < 10**9 and len(text) <= 40):
        raise ValueError("is no amount")
    return text


EventId = Annotated[str, AfterValidator(_event_id)]
ThreadName = Annotated[str, AfterValidator(_thread)]
Cost = Annotated[str, AfterValidator(_cost)]
Tokens = Annotated[int, Field(ge=0, le=10**12)]
Seq = Annotated[int, Field(ge=1, le=10**11)]
Words = Annotated[str, Field(min_length=1)]


class Free(Schema):
    """Further fields may be there."""

    model_config = ConfigDict(strict=True, extra="allow")


class Exact(Schema):
    """Nothing else may be there."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Data(Free):
    """The data of a record; what doors print beside it is not for it to say."""

    @model_validator(mode="before")
    @classmethod
    def _names(cls, given: Any) -> Any:
        taken = _PRINTED & set(given) - set(cls.model_fields) if isinstance(given, dict) else set()
        if taken:
            raise ValueError(f"holds {min(taken)!r}, which is no part of it")
        return given


class _Bytes(Free):
    type: Literal["base64"]
    media_type: str
    data: str


class _Url(Free):
    type: Literal["url"]
    url: str


class _File(Free):
    type: Literal["file"]
    file_id: str = Field(max_length=128)


class _Plain(Free):
    type: Literal["text"]
    data: str


class TextBlock(Free):
    """A text."""

    type: Literal["text"]
    text: str


class _Image(Free):
    type: Literal["image"]
    source: Annotated[_Bytes | _Url | _File, Field(discriminator="type")]


class _Document(Free):
    type: Literal["document"]
    source: Annotated[_Bytes | _Url | _File | _Plain, Field(discriminator="type")]


class _Found(Free):
    type: Literal["search_result"]
    source: str
    title: str
    content: list[TextBlock]


Block = Annotated[TextBlock | _Image | _Document | _Found, Field(discriminator="type")]
