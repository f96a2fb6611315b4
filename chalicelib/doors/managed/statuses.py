"""Errors that the two kinds of clients get with different statuses."""

from chalicelib.agents.errors import BadRoster
from chalicelib.core.errors import LambentError
from chalicelib.files.errors import FileNotDownloadable
from chalicelib.memory.errors import TooManyMemoryStores, VersionIsCurrent
from chalicelib.sessions.errors import SessionEnded, SessionRunning

PLAIN, SDK = 0, 1
BY_MODE: dict[type[LambentError], tuple[int, int]] = {
    BadRoster: (422, 400),
    FileNotDownloadable: (403, 400),
    SessionEnded: (409, 400),
    SessionRunning: (409, 400),
    TooManyMemoryStores: (422, 400),
    VersionIsCurrent: (409, 400),
}
"""Error class -> (status for plain clients, status for SDKs). Subclasses follow their nearest entry."""


def status_of(error: LambentError, *, sdk: bool) -> int:
    """The status of an error for a kind of client."""
    for kind in type(error).__mro__:
        if kind in BY_MODE:
            return BY_MODE[kind][SDK if sdk else PLAIN]
    return error.status
