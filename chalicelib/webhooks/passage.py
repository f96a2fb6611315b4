"""The stations of a delivery: made, tried, given up, begun anew."""

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import derive_id
from chalicelib.storage.keys import Space
from chalicelib.webhooks import schedule
from chalicelib.webhooks.happening import Happening
from chalicelib.webhooks.message import message
from chalicelib.webhooks.model import Attempt, Delivery, Endpoint


def shared_out(space: Space, endpoints: Sequence[Endpoint], happened: Sequence[Happening]) -> list[Delivery]:
    """One delivery for each event and each endpoint that wants it; made again they have the same ids."""
    pairs = [(one, endpoint.id) for one in happened for endpoint in endpoints if endpoint.wants(one.type)]
    return [fresh(space, endpoint_id, one, place) for place, (one, endpoint_id) in enumerate(pairs)]


def fresh(space: Space, endpoint_id: str, happened: Happening, place: int = 0) -> Delivery:
    """A delivery that waits for its first try, behind others of the same moment with a lower ``place``."""
    now, own = now_ms(), derive_id("delivery", endpoint_id, happened.id)
    return Delivery(
        id=own,
        endpoint=endpoint_id,
        event_id=happened.id,
        event_type=happened.type,
        subject=happened.thing,
        body=message(space, happened),
        created_at=now,
        deadline=now + schedule.LIFE_MS,
        place=_placed(happened.at, place, own),
        next_at=now,
    )


def tried(before: Delivery, attempt: Attempt) -> Delivery:
    """The delivery after a try."""
    now = now_ms()
    attempts = (*before.attempts, attempt)[-schedule.KEPT_ATTEMPTS :]
    after = replace(before, tries=before.tries + 1, stage=before.stage + 1, attempts=attempts)
    if attempt.error is None:
        return replace(after, state="delivered", delivered_at=now, next_at=None, place="", reason=None)
    again = schedule.next_try(after.stage, now, before.deadline)
    if again is None:
        return over(after, "given_up")
    return replace(after, next_at=again, place=_placed(again, 0, before.id))


def over(one: Delivery, reason: str) -> Delivery:
    """The delivery as one that is not tried any more."""
    return replace(one, state="failed", next_at=None, place="", reason=reason)


def anew(before: Delivery) -> Delivery:
    """The delivery as it is tried again from the start."""
    now = now_ms()
    return replace(
        before,
        state="pending",
        stage=0,
        next_at=now,
        deadline=now + schedule.LIFE_MS,
        place=_placed(now, 0, before.id),
        reason=None,
    )


def _placed(at: int, place: int, own: str) -> str:
    return f"{at:013d}#{place:04d}#{own}"
