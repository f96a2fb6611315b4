"""Dreams as they are stored: jobs in which a model reads a memory store and past sessions and writes the memories anew.
Times are milliseconds, ids core ids."""

from typing import Literal

from pydantic import Field

from chalicelib.agents.parts import ModelConfig
from chalicelib.core.schema import Schema
from chalicelib.models.usage import Usage

Status = Literal["pending", "running", "completed", "failed", "canceled"]
Behavior = Literal["create_new", "update_existing"]
MOST_SESSIONS = 100
LONGEST_INSTRUCTIONS = 4096


class DreamSpec(Schema):
    """What a client asks for. ``store_id`` is the store that is read."""

    store_id: str
    session_ids: list[str] = Field(min_length=1, max_length=MOST_SESSIONS)
    model: ModelConfig
    instructions: str | None = None
    behavior: Behavior = "create_new"


class Failure(Schema):
    """Why a dream failed."""

    type: str
    message: str


class Dream(DreamSpec):
    """A dream. ``output_id`` is the store that is written, ``session_id`` the session that does the work, once they are
    settled; ``opened``: the session was made."""

    id: str
    created_at: int
    status: Status = "pending"
    started_at: int | None = None
    ended_at: int | None = None
    archived_at: int | None = None
    output_id: str | None = None
    session_id: str | None = None
    opened: bool = False
    error: Failure | None = None
    usage: Usage = Field(default_factory=Usage)
    revision: int = 1

    @property
    def active(self) -> bool:
        """Whether it is still to be carried out."""
        return self.status in ("pending", "running")
