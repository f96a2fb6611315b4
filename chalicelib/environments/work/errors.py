"""What can go wrong between an environment and its workers."""

from chalicelib.core.clock import iso
from chalicelib.core.errors import Conflict, InvalidRequest, NotFound, PreconditionFailed
from chalicelib.environments.work.model import Work


class WorkNotFound(NotFound):
    """No such work item in this environment."""

    def __init__(self) -> None:
        super().__init__("no such work item")


class WorkStopped(Conflict):
    """The work item is stopped, or about to be, and cannot be taken up."""


class EnvironmentKeyNotFound(NotFound):
    """No such key of this environment."""

    def __init__(self) -> None:
        super().__init__("no such environment key")


class NotSelfHosted(InvalidRequest):
    """Only self-hosted environments have workers."""

    def __init__(self) -> None:
        super().__init__("the environment is not self-hosted, so it has no workers", code="environment_not_self_hosted")


class ResourcesUnsupported(InvalidRequest):
    """Files cannot be mounted where the server has no sandbox."""


class LeaseElsewhere(PreconditionFailed):
    """The expected last heartbeat is not the stored one: another worker may hold the item."""

    def __init__(self, work: Work) -> None:
        last = None if work.heartbeat_at is None else iso(work.heartbeat_at)
        state = {"state": work.state, "ttl_seconds": work.ttl, "last_heartbeat": last, "lease_extended": False}
        super().__init__(
            "the expected last heartbeat is not the stored one; another worker may hold this work item",
            code="heartbeat_precondition_failed",
            details={"current_state": state},
        )
