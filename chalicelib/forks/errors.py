"""What can be wrong with the point a fork is asked for."""

from chalicelib.core.errors import InvalidRequest, NotFound


class PointNotFound(NotFound):
    """The session's log has no such event."""


class BadPoint(InvalidRequest):
    """The point is named twice, or lies beyond the log's end."""
