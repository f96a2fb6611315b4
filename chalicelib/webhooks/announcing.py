"""Decides who has to be told, and sees to it that the telling is as durable as the change."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from chalicelib.events.event import Event
from chalicelib.events.log import SessionRef
from chalicelib.storage.keys import Space
from chalicelib.storage.queue import DoorbellQueue, Errand
from chalicelib.storage.writes import Write
from chalicelib.webhooks import kinds, outbox
from chalicelib.webhooks.due import OUTBOX
from chalicelib.webhooks.happening import Happening, of_records
from chalicelib.webhooks.ringing import ring

Patterns = Callable[[Space], tuple[str, ...]]


class Announcing:
    """The announcer of a process whose changes are heard outside."""

    def __init__(self, patterns: Patterns, doorbells: Callable[[], DoorbellQueue]) -> None:
        """``patterns`` are those of all of a tenant's endpoints, as they were a moment ago."""
        self._patterns = patterns
        self._doorbells = doorbells

    def tell(self, space: Space, *happened: Happening) -> list[Write]:
        """The write that goes into the transaction of the change; none where nobody listens."""
        patterns = self._patterns(space) if happened else ()
        heard = [one for one in happened if kinds.wanted(one.type, patterns)] if patterns else []
        if not heard:
            return []
        return [replace(outbox.parcel_write(space, heard), after=lambda: self._ring(space))]

    def tell_of_records(self, ref: SessionRef, events: Sequence[Event]) -> list[Write]:
        """As ``tell``, for records that are about to be appended to a session's log."""
        return self.tell(ref.space, *of_records(ref, events)) if self._patterns(ref.space) else []

    def _ring(self, space: Space) -> None:
        ring(self._doorbells(), Errand(OUTBOX, space.tenant, space.tenant))
