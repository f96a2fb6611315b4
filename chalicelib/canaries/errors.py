"""What can be wrong with a canary."""

from chalicelib.core.errors import Conflict, InvalidRequest, NotFound


class NoCanary(NotFound):
    """The agent has no canary."""


class CanaryRunning(Conflict):
    """A canary of other versions is running."""


class CanaryOver(Conflict):
    """The canary came to another end before."""


class BadCanary(InvalidRequest):
    """The versions cannot be tried against each other."""
