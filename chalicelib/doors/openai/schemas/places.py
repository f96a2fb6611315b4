"""Environments, their files and templates, and the files sessions put out."""

from typing import Any, Literal

from chalicelib.core.schema import RootSchema, Schema
from chalicelib.doors.openai.lists import ListQuery
from chalicelib.doors.openai.schemas.sessions import EnvironmentFile


class EnvironmentListQuery(ListQuery):
    """Which environments: those of this server."""

    type: Literal["openai_hosted"] | None = None


class EnvironmentAnswer(Schema):
    """The environment of a session."""

    id: str
    object: Literal["agent.environment"]
    type: Literal["openai_hosted", "self_hosted"]
    status: Literal["pending", "ready", "connected", "disconnected", "suspended", "expired", "failed"]
    files: list[dict[str, Any]]
    plugins: list[dict[str, Any]]
    skills: list[dict[str, Any]]


class TemplateAnswer(Schema):
    """What environments are made from."""

    id: str
    object: Literal["agent.environment.template"]
    name: str | None
    network: dict[str, Any]
    packages: dict[str, list[str]]
    files: list[dict[str, Any]]
    plugins: list[dict[str, Any]]
    skills: list[dict[str, Any]]
    capability_directories: list[str]
    created_at: int
    updated_at: int


class FileAnswer(Schema):
    """A file in an environment."""

    object: Literal["agent.environment.file"]
    environment_id: str
    path: str
    size_bytes: int


class FilePage(Schema):
    """Files; ``next`` continues the list."""

    object: Literal["list"]
    data: list[FileAnswer]
    has_more: bool
    next: str | None


class ArtifactListQuery(ListQuery):
    """Which artifacts."""

    environment_id: str | None = None


class Artifact(Schema):
    """A file that a turn left."""

    id: str
    object: Literal["agent.session.artifact"]
    session_id: str
    environment_id: str
    turn_id: str
    path: str
    size_bytes: int
    created_at: int


class NewFile(RootSchema[EnvironmentFile]):
    """A file for an environment: an uploaded one, or its content in base64."""
