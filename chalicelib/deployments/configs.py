"""Resources of deployments: kept without their secrets, which are sealed beside them, and made whole for a session."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr, TypeAdapter

from chalicelib.deployments.model import ResourceConfig
from chalicelib.sessions.resource_drafts import AnyResource
from chalicelib.sessions.resources import REPOSITORY, VARIABLE
from chalicelib.storage.keys import Space
from chalicelib.storage.secrets import SecretBox

_PURPOSE = "deployment-resource"
_ONE_NAME = {"github_repo": REPOSITORY, "env_secret": VARIABLE}
_RESOURCE: TypeAdapter[AnyResource] = TypeAdapter(AnyResource, config=ConfigDict(defer_build=True))


class ResourceConfigs:
    """Takes resources apart and puts them together again."""

    def __init__(self, box: SecretBox) -> None:
        self._box = box

    def kept(self, space: Space, deployment_id: str, wanted: Sequence[AnyResource]) -> list[ResourceConfig]:
        """What a deployment stores of the resources a client named."""
        return [self._kept(space, deployment_id, one) for one in wanted]

    def whole(self, space: Space, deployment_id: str, stored: Sequence[ResourceConfig]) -> list[AnyResource]:
        """The resources as the client named them. Raises SecretUnreadable."""
        return [
            _RESOURCE.validate_python(
                one.shown
                | {name: self._box.open_text(space, _PURPOSE, deployment_id, text) for name, text in one.sealed.items()}
            )
            for one in stored
        ]

    def _kept(self, space: Space, deployment_id: str, wanted: BaseModel) -> ResourceConfig:
        secrets = {name: value for name, value in wanted if isinstance(value, SecretStr)}
        sealed = {
            name: self._box.seal(space, _PURPOSE, deployment_id, secret.get_secret_value())
            for name, secret in secrets.items()
        }
        shown: dict[str, Any] = wanted.model_dump(mode="json", exclude=set(secrets), exclude_none=True)
        return ResourceConfig(shown=shown | {"type": _ONE_NAME.get(shown["type"], shown["type"])}, sealed=sealed)
