"""A tool of an MCP server, as the loop runs it."""

from typing import Any

from chalicelib.core.errors import LambentError
from chalicelib.mcp.errors import McpCancelled, McpError, McpUnauthorized, McpUnreachable
from chalicelib.mcp.server import McpServer
from chalicelib.tools.base import ToolContext, ToolOutput, failure

CALL_SECONDS = 300.0
_LONGEST_DESCRIPTION = 8192


class McpTool:
    """Called at its server; its own description of itself tells whether repeating a call does harm."""

    def __init__(self, server: McpServer, told: dict[str, Any], troubles: "list[tuple[str, McpError]]") -> None:
        """``told`` is the tool in wire form; ``troubles`` takes the server's name and what keeps it from being used."""
        self._server = server
        self._troubles = troubles
        self.name = str(told["name"])
        self.description = str(told.get("description") or told.get("title") or self.name)[:_LONGEST_DESCRIPTION]
        self.input_schema = {"type": "object", "properties": {}} | dict(told.get("inputSchema") or {})
        hints = told.get("annotations") or {}
        self.safe_to_repeat = hints.get("readOnlyHint") is True or hints.get("idempotentHint") is True

    def run(self, context: ToolContext, arguments: dict[str, Any]) -> ToolOutput:
        """Call it. Whatever goes wrong is an error result."""
        try:
            return self._server.call(self.name, arguments, context.cancelled, CALL_SECONDS)
        except McpCancelled as error:
            return failure(error.message)
        except (McpUnauthorized, McpUnreachable) as error:
            self._troubles.append((self._server.name, error))
            return failure(f"the MCP server {self._server.name!r} could not be used: {error.message}.")
        except LambentError as error:
            return failure(error.message)
