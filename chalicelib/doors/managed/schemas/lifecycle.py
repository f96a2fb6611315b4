"""Forks of sessions on the wire."""

from typing import Any

from pydantic import ConfigDict, Field

from chalicelib.agents.parts import ModelInput
from chalicelib.core.schema import Schema
from chalicelib.doors.managed.schemas.events import InitialEvent
from chalicelib.doors.managed.schemas.sessions import Session, Title
from chalicelib.sessions.draft import AgentChoice


class SessionFork(Schema):
    """From which point, and what is different; without a point from where the session last rested."""

    model_config = ConfigDict(protected_namespaces=())

    event_id: str | None = Field(default=None, min_length=1, max_length=256)
    seq: int | None = Field(default=None, ge=0, le=10**11, description="The last number of the log to be kept")
    agent: str | AgentChoice | None = None
    model: ModelInput | None = None
    title: Title | None = None
    metadata: dict[str, str] | None = None
    initial_events: list[InitialEvent] | None = Field(default=None, max_length=50)


class ForkedSession(Session):
    """The new session, and how it came about."""

    fork: dict[str, Any]
