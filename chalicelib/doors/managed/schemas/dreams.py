"""Dreams on the wire."""

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, field_validator

from chalicelib.agents.parts import ModelConfig
from chalicelib.core.schema import Schema
from chalicelib.doors.managed.schemas.lists import ListQuery, Page
from chalicelib.dreams.model import LONGEST_INSTRUCTIONS, MOST_SESSIONS

_Id = Annotated[str, Field(max_length=128)]


class StoreInput(Schema):
    """The memory store that is read."""

    type: Literal["memory_store"]
    memory_store_id: _Id


class SessionsInput(Schema):
    """The sessions whose transcripts are read."""

    type: Literal["sessions"]
    session_ids: list[_Id] = Field(min_length=1, max_length=MOST_SESSIONS)


DreamInput = Annotated[StoreInput | SessionsInput, Field(discriminator="type")]


class DreamModel(Schema):
    """The model that does the work."""

    id: str = Field(min_length=1, max_length=256)
    speed: Literal["standard"] | None = None

    def config(self) -> ModelConfig:
        """As agents have it."""
        return ModelConfig(id=self.id)


class CreateNew(Schema):
    """The result is a new memory store."""

    type: Literal["create_new"]


class UpdateExisting(Schema):
    """The result is written into the memory store that is read."""

    type: Literal["update_existing"]
    memory_store_id: _Id


Behavior = Annotated[CreateNew | UpdateExisting, Field(discriminator="type")]


def _named(given: Any) -> Any:
    return {"id": given} if isinstance(given, str) else given


class DreamCreate(Schema):
    """A new dream: one memory store and one list of sessions to read."""

    inputs: list[DreamInput] = Field(min_length=2, max_length=2)
    model: Annotated[DreamModel, BeforeValidator(_named, json_schema_input_type=str | DreamModel)]
    instructions: str | None = Field(default=None, min_length=1, max_length=LONGEST_INSTRUCTIONS)
    output_behavior: Behavior | None = None

    @field_validator("inputs")
    @classmethod
    def _one_of_each(cls, inputs: list[StoreInput | SessionsInput]) -> list[StoreInput | SessionsInput]:
        if {one.type for one in inputs} != {"memory_store", "sessions"}:
            raise ValueError("exactly one memory_store and one sessions entry are needed")
        return inputs

    @property
    def store(self) -> str:
        """The store that is read."""
        return next(one.memory_store_id for one in self.inputs if isinstance(one, StoreInput))

    @property
    def sessions(self) -> list[str]:
        """The sessions that are read."""
        return next(one.session_ids for one in self.inputs if isinstance(one, SessionsInput))


class DreamQuery(ListQuery):
    """Which dreams."""

    statuses: list[str] | None = Field(default=None, validation_alias=AliasChoices("statuses", "status"))
    include_archived: bool | None = None


class DreamUsage(Schema):
    """Tokens used so far."""

    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int
    cache_creation_input_tokens: int


class DreamError(Schema):
    """Why a dream failed."""

    type: str
    message: str


class DreamAnswer(Schema):
    """A dream; ``outputs`` names the store that is written, once it is settled."""

    id: str
    type: Literal["dream"]
    status: Literal["pending", "running", "completed", "failed", "canceled"]
    inputs: list[dict[str, Any]]
    model: dict[str, Any]
    output_behavior: dict[str, Any]
    outputs: list[dict[str, Any]]
    usage: DreamUsage
    instructions: str | None
    session_id: str | None
    error: DreamError | None
    created_at: str
    ended_at: str | None
    archived_at: str | None


class DreamPage(Page[DreamAnswer]):
    """A page of dreams."""
