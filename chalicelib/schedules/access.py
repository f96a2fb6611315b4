"""The wake-ups of one session, as a tool use reaches them."""

from dataclasses import dataclass

from chalicelib.core.ids import undress
from chalicelib.events.log import SessionRef
from chalicelib.schedules.model import Schedule, Wanted
from chalicelib.schedules.service import ScheduleService


@dataclass(frozen=True, slots=True)
class SessionSchedules:
    """For one tool use of a session."""

    service: ScheduleService
    ref: SessionRef
    use_id: str

    def add(self, wanted: Wanted) -> Schedule:
        """A new wake-up; the same one again when the use is repeated. Raises BadSchedule."""
        return self.service.add(self.ref, wanted, self.use_id)

    def cancel(self, schedule_id: str) -> bool:
        """Forget a wake-up; whether it was open."""
        core = undress("sched", schedule_id.strip())
        return core is not None and self.service.cancel(self.ref, core)

    def open(self) -> list[Schedule]:
        """The wake-ups that are open, the next one first."""
        return self.service.open(self.ref)
