"""Resources of sessions on the wire."""

from typing import Literal

from pydantic import ConfigDict

from chalicelib.core.schema import Schema
from chalicelib.doors.managed.schemas.lists import Page


class Resource(Schema):
    """A resource of a session, without its secrets."""

    model_config = ConfigDict(extra="allow")

    id: str
    type: Literal["file", "github_repository", "env", "memory_store"]
    session_id: str
    created_at: str
    updated_at: str


ResourcePage = Page[Resource]


class ResourceDeleted(Schema):
    """A removed resource."""

    id: str
    type: str
