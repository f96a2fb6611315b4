"""Sessions at work, and which of them are meant."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from chalicelib.events.log import SessionRef
from chalicelib.running.progress import Progress
from chalicelib.sessions.model import Head

Phase = Literal["queued", "working", "retrying", "stopping"]


@dataclass(frozen=True, slots=True)
class AtWork:
    """A session at work; ``progress`` is what came of it since it last rested, where that was asked for."""

    ref: SessionRef
    head: Head
    progress: Progress = field(default_factory=Progress)

    @property
    def phase(self) -> Phase:
        """Whether a worker has it yet, waits to try again, or is to leave it."""
        if self.head.interrupt is not None:
            return "stopping"
        if self.head.run is not None and self.head.run.state == "queued":
            return "queued"
        return "retrying" if self.head.status == "rescheduling" else "working"

    @property
    def cost(self) -> Decimal:
        """What its finished model calls cost, in US dollars."""
        return Decimal(self.head.totals.cost) + self.progress.cost


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which sessions at work: all that fit everything given. ``before``: at work since then or longer (milliseconds).

    ``agent_id``: those of the agent, and those in which it works for another one. ``any_user``: those that have an end
    user, whoever it is.
    """

    agent_id: str | None = None
    end_user: str | None = None
    session_ids: tuple[str, ...] | None = None
    any_user: bool = False
    before: int | None = None

    def fits(self, head: Head) -> bool:
        """Whether a session is meant."""
        return (
            (self._whole(head) or bool(self.threads(head)))
            and self.end_user in (None, head.end_user)
            and (self.session_ids is None or head.id in self.session_ids)
            and not (self.any_user and head.end_user is None)
            and (self.before is None or (head.active_since or 0) <= self.before)
        )

    def _whole(self, head: Head) -> bool:
        return self.agent_id in (None, head.agent_id)

    def threads(self, head: Head) -> list[str]:
        """The threads on which the agent is at work for another one; none where the whole session is meant."""
        if self._whole(head):
            return []
        return [one.id for one in head.threads.values() if one.working and one.agent.get("id") == self.agent_id]


@dataclass(slots=True)
class Stopped:
    """What came of a stop: how many were at work, and which were asked to stop; the clock sees to the others."""

    matched: int = 0
    stopped: list[SessionRef] = field(default_factory=list)

    @property
    def remaining(self) -> int:
        """How many are still to be asked."""
        return self.matched - len(self.stopped)
