"""What can go wrong with evaluation runs and their trials."""

from chalicelib.core.errors import LambentError, NotFound


class EvalRunNotFound(NotFound):
    """No such run, or it was removed."""

    def __init__(self) -> None:
        super().__init__("no such eval run")


class TrialFailed(LambentError):
    """The trial ends without a result; the message is shown with it."""


class TrialGone(LambentError):
    """Another process has the trial, or its run was removed."""
