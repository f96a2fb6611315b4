"""What can be wrong with a request to a session."""

from chalicelib.core.errors import Conflict, InvalidRequest, NotFound


class SessionNotFound(NotFound):
    """No such session, or it was deleted."""


class SessionEnded(Conflict):
    """The session is archived or terminated and takes no input."""


class SessionRunning(Conflict):
    """The session is at work; interrupt it first."""


class ThreadNotFound(NotFound):
    """The session has no such thread."""


class ThreadArchived(SessionEnded):
    """The thread is archived and takes no input."""


class ThreadRunning(SessionRunning):
    """The thread is at work; interrupt it first."""


class ToolsInUse(InvalidRequest):
    """The session is at work; its tools can change only while it rests."""


class AgentArchived(InvalidRequest):
    """New sessions cannot be made from an archived agent."""


class EnvironmentArchived(InvalidRequest):
    """New sessions cannot be made in an archived environment."""


class NamedFileNotFound(InvalidRequest):
    """Content names a file that there is not."""


class ResourceNotFound(NotFound):
    """The session has no such resource."""


class WaitingForAnswers(InvalidRequest):
    """Tool uses are open; only their answers or an interrupt may be sent."""


class CallNotOpen(InvalidRequest):
    """No tool use with this id waits for this kind of answer."""


class BadInput(InvalidRequest):
    """An event that cannot be sent here or now."""
