"""The clock does everything that is due, whatever of it fails."""

from decimal import Decimal
from operator import attrgetter

import pytest

from chalicelib.core.ids import new_id
from chalicelib.events.log import SessionRef
from chalicelib.runs import entry
from chalicelib.spending.limit_draft import LimitCreate
from chalicelib.spending.limits import Limit, Spender
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services
from tests.functional.runs.test_cost import Meter


class Broken(Exception):
    """What a part of the clock's work meets."""


def fails(*_args: object, **_more: object) -> int:
    raise Broken


def owed(services: Services) -> tuple[Space, Limit]:
    """A tenant for whom the clock has something to do, and where it shows."""
    space = Space(new_id())
    sent = LimitCreate.model_validate({"scope": "tenant", "max_list_cost": {"amount": "100"}})
    made = services.limiting.limits.create(space, sent)
    services.limiting.purse.reserve(space, new_id(), Spender(()), lambda: Decimal("0.5"), for_ms=-1)
    return space, made


def is_done(services: Services, space: Space, made: Limit) -> bool:
    """Whether the clock has done it."""
    return services.limiting.limits.counted(space, [made])[made.id] == (0, 0)


@pytest.mark.parametrize(
    "part", ["files", "uploads.service", "skills", "inbox", "doorbells", "memory_removal", "memory_embedding"]
)
def test_what_fails_is_told_and_keeps_nothing_else_waiting(
    services: Services, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    space, made = owed(services)
    name = "ring" if part in ("inbox", "doorbells") else "sweep"
    monkeypatch.setattr(services.sessions, "due", lambda _before: [(space.tenant, new_id())])
    monkeypatch.setattr(attrgetter(part)(services), name, fails)
    with pytest.raises(Broken):
        entry.tick(services)
    assert is_done(services, space, made)


def test_timers_that_fail_do_not_keep_memory_waiting(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    owed(services)
    swept: list[str] = []
    monkeypatch.setattr(services.timers, "sweep", fails)
    monkeypatch.setattr(services.memory_removal, "sweep", lambda: swept.append("removal"))
    with pytest.raises(Broken):
        entry.tick(services)
    assert swept == ["removal"]


def test_a_session_whose_bell_does_not_ring_keeps_no_other_from_being_rung_for(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (SessionRef(Space(new_id()), new_id()) for _ in range(2))
    monkeypatch.setattr(
        services.sessions, "due", lambda _before: [(one.space.tenant, one.id) for one in (first, second)]
    )
    rung: list[SessionRef] = []

    def ring(ref: SessionRef) -> None:
        if ref == first:
            raise Broken
        rung.append(ref)

    monkeypatch.setattr(services.inbox, "ring", ring)
    with pytest.raises(Broken):
        entry.tick(services)
    assert rung == [second]


def test_with_nothing_due_it_asks_a_few_indexes_and_writes_nothing(services: Services) -> None:
    owed(services)
    entry.tick(services)
    meter = Meter().attach(services)
    entry.tick(services)
    assert meter.calls == ["Query"] * 15
