"""When a deployment runs next."""

from dataclasses import dataclass

from chalicelib.deployments.model import CronSchedule, Deployment
from chalicelib.schedules.jitter import jitter

_LATE_MS = 150_000
"""How late the clock may be for moments in between to be made up for; of a longer gap only the first is."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The moments of schedules; ``spread`` puts runs off by their jitter."""

    spread: bool

    def first(self, schedule: CronSchedule | None, now: int) -> int | None:
        """The first moment of a schedule that begins to count now."""
        return None if schedule is None else schedule.cron().after(now)

    def following(self, deployment: Deployment, now: int) -> int | None:
        """The moment after the one that is due."""
        if deployment.schedule is None or deployment.next_at is None:
            return None
        return deployment.schedule.cron().after(max(deployment.next_at, now - _LATE_MS))

    def fires_at(self, deployment_id: str, schedule: CronSchedule | None, at: int | None) -> int | None:
        """When the run of a moment is really made."""
        if schedule is None or at is None:
            return None
        return at + (jitter(deployment_id, at, schedule.cron().after(at)) if self.spread else 0)
