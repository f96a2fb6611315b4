"""A session's sandbox on the wire."""

from typing import Literal

from pydantic import Field

from chalicelib.core.schema import Schema


class Command(Schema):
    """A command to run."""

    command: str = Field(min_length=1, max_length=100_000)
    timeout_ms: int = Field(default=60_000, ge=1, le=600_000)


class CommandResult(Schema):
    """What came of a command; its time was over when ``exit_code`` is 124."""

    exit_code: int
    output: str
    truncated: bool


class Publication(Schema):
    """A file of the sandbox to be made a file object."""

    path: str = Field(min_length=1, max_length=4096, pattern=r"^[^\x00]+$")
    filename: str | None = Field(default=None, min_length=1, max_length=1024)
    media_type: str | None = Field(default=None, min_length=1, max_length=255)
    downloadable: bool = True


class Output(Schema):
    """A file the agent left in the folder of outputs."""

    filename: str
    size_bytes: int
    media_type: str
    modified_at: str


class Outputs(Schema):
    """All outputs."""

    data: list[Output]
    has_more: Literal[False] = False
