"""What can go wrong with environments."""

from chalicelib.core.errors import Conflict, InvalidRequest, NotFound


class EnvironmentNotFound(NotFound):
    """No such environment of this tenant."""

    def __init__(self) -> None:
        super().__init__("no such environment", code="environment_not_found")


class EnvironmentArchived(InvalidRequest):
    """An archived environment takes no changes and no new sessions."""

    def __init__(self) -> None:
        super().__init__("the environment is archived", code="environment_archived")


class NameTaken(Conflict):
    """Another environment of the tenant has this name."""


class EnvironmentInUse(Conflict):
    """A session or an agent still needs the environment."""


class ConfigTypeFixed(InvalidRequest):
    """The kind of an environment cannot change."""


def invalid(field: str, reason: str) -> InvalidRequest:
    """A refused field; the message begins with its path."""
    return InvalidRequest(f"{field}: {reason}", field=field)
