"""What clients may ask of webhooks."""

from typing import Annotated

from pydantic import Field

from chalicelib.core.schema import Schema

MAX_URL = 2048
Patterns = Annotated[list[str], Field(min_length=1, max_length=100)]


class EndpointCreate(Schema):
    """A receiver; ``events`` are types, ``noun.*``, or ``*``."""

    url: str = Field(min_length=1, max_length=MAX_URL)
    events: Patterns = Field(default=["*"])
    description: str | None = Field(default=None, max_length=1000)
    enabled: bool = True


class EndpointUpdate(Schema):
    """What to change; what is absent stays. Only a description can be null."""

    url: str | None = Field(default=None, min_length=1, max_length=MAX_URL)
    events: Patterns | None = None
    description: str | None = Field(default=None, max_length=1000)
    enabled: bool | None = None


class Redrive(Schema):
    """From when on failed deliveries are tried anew, RFC 3339."""

    since: str
