"""What can go wrong while a person lets a vault use an MCP server."""

from chalicelib.core.errors import InvalidRequest, LambentError, NotAvailable


class DiscoveryFailed(LambentError):
    """The server does not tell in a sound way who gives tokens for it."""

    status = 502
    kind = "outbound"


class RegistrationUnsupported(NotAvailable):
    """The authorization server registers nobody on its own, and no client was named."""


class UnknownState(InvalidRequest):
    """The state is not one that was given out, was used, or is too old."""

    def __init__(self) -> None:
        super().__init__("state: unknown, used or expired", field="state", code="unknown_state")


class AuthorizationRefused(InvalidRequest):
    """The authorization server gave no tokens."""
