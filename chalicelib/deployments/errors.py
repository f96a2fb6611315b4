"""What can go wrong with deployments and their runs."""

from chalicelib.core.errors import Conflict, InvalidRequest, NotFound


class DeploymentNotFound(NotFound):
    """No such deployment of this tenant."""

    def __init__(self) -> None:
        super().__init__("no such deployment")


class DeploymentArchived(InvalidRequest):
    """An archived deployment takes no changes and runs no more."""

    def __init__(self) -> None:
        super().__init__("the deployment is archived", code="deployment_archived")


class RunNotFound(NotFound):
    """No such run of this tenant."""

    def __init__(self) -> None:
        super().__init__("no such deployment run")


class RunUnderWay(Conflict):
    """The same run was asked for before and is not made yet."""


class TenantDisabled(InvalidRequest):
    """The tenant may do nothing at present."""


def invalid(field: str, reason: str) -> InvalidRequest:
    """A refused field; the message begins with its path."""
    return InvalidRequest(f"{field}: {reason}", field=field)
