"""What a client may ask of memory stores. In an update a field that was not sent stays as it is."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from chalicelib.core.schema import Schema

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def _plain_name(name: str) -> str:
    if _CONTROL.search(name):
        raise ValueError("control characters are not possible in a name")
    return name


Name = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_plain_name)]
Description = Annotated[str, StringConstraints(max_length=1024)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$", to_lower=True)]


class StoreCreate(Schema):
    """A new store; one that is for an agent may go without a name of its own."""

    name: Name | None = None
    description: Description | None = None
    metadata: dict[str, str] | None = None
    agent_id: str | None = Field(default=None, max_length=256)

    @model_validator(mode="after")
    def _named(self) -> "StoreCreate":
        if self.name is None and not self.agent_id:
            raise ValueError("name: field required")
        return self


class StoreUpdate(Schema):
    """Changes to a store."""

    name: Name | None = None
    description: Description | None = None
    metadata: dict[str, str | None] | None = None


class Precondition(Schema):
    """What must be so for a change to happen: no memory there yet, or one with a certain content."""

    type: Literal["not_exists", "content_sha256"]
    content_sha256: Digest | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Precondition":
        if self.type == "content_sha256" and self.content_sha256 is None:
            raise ValueError("content_sha256: field required")
        return self


class MemoryCreate(Schema):
    """A new memory."""

    path: str
    content: str | None
    precondition: Precondition | None = None


class MemoryUpdate(Schema):
    """Changes to a memory."""

    path: str | None = None
    content: str | None = None
    precondition: Precondition | None = None


class SearchInput(Schema):
    """What to look for, and how many results are wanted at most."""

    query: str = Field(min_length=1, max_length=8192)
    limit: int = Field(default=10)

    @model_validator(mode="after")
    def _asks(self) -> "SearchInput":
        if not self.query.strip():
            raise ValueError("query: must not be empty")
        return self
