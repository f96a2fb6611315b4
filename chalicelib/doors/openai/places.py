"""Environments that requests describe inline: the same description is the same environment."""

from typing import Any

from chalicelib.core.ids import derive_id
from chalicelib.core.jsonio import dumps
from chalicelib.doors.openai.common import space_of
from chalicelib.environments import service as environments
from chalicelib.environments.draft import EnvironmentCreate
from chalicelib.environments.errors import EnvironmentNotFound
from chalicelib.environments.model import Environment
from chalicelib.http.route import Call

NONE: dict[str, Any] = {"type": "none"}
HOSTED: dict[str, Any] = {"type": "openai_hosted"}


def place_id(tenant: str, described: dict[str, Any]) -> str:
    """The id of the environment that a description stands for."""
    return derive_id("environment", tenant, "inline", dumps(dict(sorted(described.items()))))


def place_for(call: Call, described: dict[str, Any], config: dict[str, Any] | None = None) -> Environment:
    """The environment of a description, made when it is first asked for. Raises InvalidRequest."""
    space = space_of(call)
    core = place_id(space.tenant, described)
    found = call.services.environments
    try:
        return found.get(space, core)
    except EnvironmentNotFound:
        name = f"{described['type'].replace('_', ' ')} {core[:8]}"
        draft = EnvironmentCreate.model_validate({"name": name} | (config or {}))
        return found.create(space, draft, environments.PLAIN, core)
