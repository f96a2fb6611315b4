"""What sessions need of the workers of self-hosted environments."""

from typing import Protocol

from chalicelib.events.log import SessionRef
from chalicelib.storage.writes import Write


class Workers(Protocol):
    """Knows whether somebody is on the way to a session. All writes are parts of the caller's transaction, which is
    refused, and has to be planned anew, when what was known has changed meanwhile."""

    def wanted(self, ref: SessionRef, environment: str) -> list[Write]:
        """The writes with which the session has an unfinished piece of work in the environment's queue."""
        ...

    def over(self, ref: SessionRef, environment: str) -> list[Write]:
        """The writes that stop the session's work, because the session is over."""
        ...
