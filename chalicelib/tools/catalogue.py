"""The built-in tools by name, and those of them that this server can run."""

from chalicelib.tools.base import Tool
from chalicelib.tools.bash import Bash
from chalicelib.tools.edit import Edit
from chalicelib.tools.glob import Glob
from chalicelib.tools.grep import Grep
from chalicelib.tools.read import Read
from chalicelib.tools.schedule import Schedule
from chalicelib.tools.schedule_list import CancelSchedule, ListSchedules
from chalicelib.tools.web_fetch import WebFetch
from chalicelib.tools.web_search import WebSearch
from chalicelib.tools.write import Write

STANDARD = ("bash", "read", "write", "edit", "glob", "grep", "web_fetch", "web_search")
EXTENSIONS = ("schedule", "cancel_schedule", "list_schedules", "browser")
NAMES = STANDARD + EXTENSIONS

# Offered only where the agent names them, whatever its origin.
OPT_IN = frozenset(("browser",))


def _by_name(*tools: Tool) -> dict[str, Tool]:
    return {tool.name: tool for tool in tools}


SCHEDULING: tuple[Tool, ...] = (Schedule(), CancelSchedule(), ListSchedules())
RUNNABLE = _by_name(Bash(), Read(), Write(), Edit(), Glob(), Grep(), WebFetch(), WebSearch(), *SCHEDULING)
