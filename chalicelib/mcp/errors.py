"""What can go wrong with an MCP server. Messages hold no credential, no query of a URL and no address."""

from chalicelib.core.errors import LambentError


class McpError(LambentError):
    """The server's tools cannot be used."""

    status = 502
    kind = "outbound"


class McpUnreachable(McpError):
    """No connection, or one over which nothing sensible comes."""


class McpUnauthorized(McpError):
    """The server refuses the credential, or wants one where there is none."""


class McpToolFailed(McpError):
    """The server answered a call with an error of its own."""


class McpCancelled(McpError):
    """The caller does not want the answer any more."""
