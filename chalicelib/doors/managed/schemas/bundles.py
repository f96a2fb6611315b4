"""Bundles of sessions on the wire."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import from_json

from chalicelib.core.schema import Schema
from chalicelib.doors.managed.schemas.sessions import Session, Title
from chalicelib.sessions.draft import AgentChoice

_STRUCTURED = ("{", "[")


def _structured(given: Any) -> Any:
    """A form has nothing but texts: what is to be more than one stands there as JSON."""
    if not isinstance(given, str) or not given.lstrip().startswith(_STRUCTURED):
        return given
    return from_json(given)


class ImportOptions(Schema):
    """What an import takes from elsewhere than the bundle."""

    agent: Annotated[str | AgentChoice | None, BeforeValidator(_structured)] = None
    environment_id: str | None = None
    title: Title | None = None
    metadata: Annotated[dict[str, str] | None, BeforeValidator(_structured)] = None
    vault_ids: Annotated[list[str] | None, BeforeValidator(_structured), Field(max_length=50)] = None


class SessionImport(ImportOptions):
    """The bundle as an uploaded file. In a form it is the part ``file``, beside the same fields."""

    file_id: str = Field(min_length=1, max_length=128)


class MissingThing(Schema):
    """Something the bundle names that the session does not have."""

    type: str
    id: str | None = None
    url: str | None = None
    reason: str


class ImportFigures(Schema):
    """What came with the bundle, and what did not."""

    events: int
    files: int
    missing: list[MissingThing]


class ImportedSession(Session):
    """The new session, and how it came about."""

    imported: ImportFigures
