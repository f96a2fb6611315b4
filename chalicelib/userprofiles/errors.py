"""What can go wrong with user profiles."""

from chalicelib.core.errors import Conflict, InvalidRequest, NotFound


class ProfileNotFound(NotFound):
    """No such user profile of this tenant."""

    def __init__(self) -> None:
        super().__init__("no such user profile")


class ExternalIdTaken(Conflict):
    """Another profile stands for the same external user."""


class LinkNotValid(NotFound):
    """A link to enrol is not one of this server's, its time is over, or its tenant is not served now."""

    def __init__(self) -> None:
        super().__init__("this link is not valid any more")


def invalid(field: str, reason: str) -> InvalidRequest:
    """A refused field; the message begins with its path."""
    return InvalidRequest(f"{field}: {reason}", field=field)
