"""What can go wrong with agents."""

from chalicelib.core.errors import Conflict, InvalidRequest, NotFound, Unprocessable


class AgentNotFound(NotFound):
    """No such agent of this tenant."""


class AgentVersionNotFound(NotFound):
    """The agent exists, this version of it does not."""


class AgentArchived(InvalidRequest):
    """An archived agent takes no changes and no new sessions."""


class StaleVersion(Conflict):
    """The version the caller expected is not the current one."""


class BadRoster(Unprocessable):
    """``multiagent`` or ``callable_agents`` cannot be used as given."""


class UnknownSkill(InvalidRequest):
    """A skill reference names nothing that can be used."""


def invalid(field: str, reason: str) -> InvalidRequest:
    """A refused field; the message begins with its path."""
    return InvalidRequest(f"{field}: {reason}", field=field)
