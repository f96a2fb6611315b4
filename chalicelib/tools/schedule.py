"""``schedule``: the agent has itself woken later."""

from typing import TYPE_CHECKING, Any

from chalicelib.core.clock import iso
from chalicelib.events.event import Draft
from chalicelib.schedules.errors import BadSchedule
from chalicelib.schedules.model import LEAST_SECONDS, LONGEST_PROMPT, MOST_OPEN, MOST_SECONDS, Wanted
from chalicelib.tools import arguments as given
from chalicelib.tools.base import ToolContext, ToolOutput, failure

if TYPE_CHECKING:
    from chalicelib.schedules.model import Schedule as Made

NOT_HERE = "schedules cannot be used here."


class Schedule:
    """Stores a wake-up; it survives the end of the turn and of the server."""

    name = "schedule"
    description = (
        "Has this session woken later: the prompt comes back as a message from the user, once (delay_seconds or at) or "
        f"again and again (cron). Give exactly one of the three. At most {MOST_OPEN} schedules can be open. "
        "After scheduling, end your turn; do not wait."
    )
    input_schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "prompt": {"type": "string", "maxLength": LONGEST_PROMPT, "description": "What you will be told then."},
            "delay_seconds": {"type": "integer", "minimum": LEAST_SECONDS, "maximum": MOST_SECONDS},
            "at": {"type": "string", "description": "A date and time such as 2030-01-31T09:00:00Z."},
            "cron": {"type": "string", "description": "Five fields: minute, hour, day of month, month, day of week."},
            "timezone": {"type": "string", "description": "IANA name of the zone cron is read in; UTC if left out."},
        },
        "required": ["prompt"],
    }
    safe_to_repeat = True

    def run(self, context: ToolContext, arguments: dict[str, Any]) -> ToolOutput:
        """When the session will be woken, and the id to cancel it by."""
        if context.schedules is None:
            return failure(NOT_HERE)
        try:
            made = context.schedules.add(_wanted(arguments))
        except (given.Unusable, BadSchedule) as error:
            return failure(f"{str(error).rstrip('.')}.")
        again = f", and then by cron {made.cron} ({made.timezone})" if made.cron else ""
        text = f"Scheduled {made.name}: this session will be woken at {iso(made.fire_at)}{again}."
        return ToolOutput([{"type": "text", "text": text}], records=(_span(made, context.tool_use_id),))


def _wanted(arguments: dict[str, Any]) -> Wanted:
    return Wanted(
        prompt=given.text(arguments, "prompt"),
        delay_seconds=given.number(arguments, "delay_seconds"),
        at=given.optional_text(arguments, "at"),
        cron=given.optional_text(arguments, "cron"),
        timezone=given.optional_text(arguments, "timezone") or "UTC",
    )


def _span(made: "Made", use_id: str) -> Draft:
    data = {
        "schedule_id": made.name,
        "fire_at": iso(made.fire_at),
        "kind": made.kind,
        "parent_event_id": use_id,
    }
    return Draft("span.wakeup_scheduled", data | ({"cron": made.cron} if made.cron else {}), id=made.span_id)
