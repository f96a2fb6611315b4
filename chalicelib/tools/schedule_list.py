"""``list_schedules`` and ``cancel_schedule``: the wake-ups that are open, and the end of one."""

from typing import Any

from chalicelib.core.clock import iso
from chalicelib.schedules.model import Schedule
from chalicelib.tools import arguments as given
from chalicelib.tools.base import ToolContext, ToolOutput, failure, text_output
from chalicelib.tools.schedule import NOT_HERE

_SHOWN = 200


class ListSchedules:
    """Shows what ``schedule`` made and what has not come yet."""

    name = "list_schedules"
    description = "Lists the open schedules of this session with their ids, the next one first."
    input_schema: dict[str, Any] = {"type": "object", "properties": {}}
    safe_to_repeat = True

    def run(self, context: ToolContext, arguments: dict[str, Any]) -> ToolOutput:  # noqa: ARG002
        """One line each."""
        if context.schedules is None:
            return failure(NOT_HERE)
        lines = [_line(one) for one in context.schedules.open()]
        return text_output("\n".join(lines) or "No schedules are open.")


class CancelSchedule:
    """Ends one."""

    name = "cancel_schedule"
    description = "Cancels an open schedule of this session, so that it wakes it no more."
    input_schema: dict[str, Any] = {
        "type": "object",
        "properties": {"id": {"type": "string", "description": "As schedule and list_schedules tell it."}},
        "required": ["id"],
    }
    safe_to_repeat = False

    def run(self, context: ToolContext, arguments: dict[str, Any]) -> ToolOutput:
        """Whether there was such a schedule."""
        if context.schedules is None:
            return failure(NOT_HERE)
        try:
            name = given.text(arguments, "id")
        except given.Unusable as error:
            return failure(str(error))
        if not context.schedules.cancel(name):
            return failure(f"no open schedule has the id {name[:_SHOWN]!r}.")
        return text_output(f"Cancelled {name}.")


def _line(one: Schedule) -> str:
    again = f" cron {one.cron} ({one.timezone})" if one.cron else ""
    prompt = one.prompt if len(one.prompt) <= _SHOWN else f"{one.prompt[:_SHOWN]}…"
    return f"{one.name} at {iso(one.fire_at)}{again}: {prompt}"
