"""The built-in tools by name, and those of them that this server can run."""

from chalicelib.tools.base import Tool
from chalicelib.tools.web_fetch import WebFetch

STANDARD = ("bash", "read", "write", "edit", "glob", "grep", "web_fetch", "web_search")
EXTENSIONS = ("schedule", "cancel_schedule", "list_schedules", "browser")
NAMES = STANDARD + EXTENSIONS

# Offered only where the agent names them, whatever its origin.
OPT_IN = frozenset(("browser",))


def _by_name(*tools: Tool) -> dict[str, Tool]:
    return {tool.name: tool for tool in tools}


RUNNABLE = _by_name(WebFetch())
