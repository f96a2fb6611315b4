"""So many runs of a tenant are at work at once; the others stand in line, and nobody else waits for them."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.core.settings import Settings
from chalicelib.events.log import SessionRef
from chalicelib.local.pump import Pump
from chalicelib.runs import entry
from chalicelib.runs.line import Line
from chalicelib.runs.worker import NO_LIMIT_MS
from chalicelib.sessions.inputs import Input, Manner
from chalicelib.sessions.seats import Seats
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services
from tests.fakes.model_server import FakeModel
from tests.functional.runs.conftest import QUEUE, Rig, said
from tests.support.api import wait_for

SEATS, WORKERS = 2, 6


@pytest.fixture
def bound(request: pytest.FixtureRequest) -> int:
    """How many seats a tenant has: fewer than there are workers."""
    return int(getattr(request, "param", SEATS))


@pytest.fixture
def settings(settings: Settings, bound: int) -> Settings:
    """Those of workers that heed the bound."""
    return replace(settings, tenant_runs=bound)


@pytest.fixture
def others(rig: Rig) -> Rig:
    """A session of another tenant."""
    return Rig(rig.services, rig.model, rig.make)


def beside(rig: Rig) -> Rig:
    """One more session of the same tenant."""
    more = Rig(rig.services, rig.model, rig.make)
    more.ref = SessionRef(rig.ref.space, new_id())
    more.create()
    return more


@pytest.fixture
def crowd(rig: Rig) -> list[Rig]:
    """Sessions of one tenant, more than it has seats."""
    return [rig, *(beside(rig) for _ in range(4))]


@pytest.fixture
def pump(rig: Rig) -> Iterator[Callable[[], None]]:
    """Starts workers on the queue."""
    started: list[Pump] = []

    def handle(body: str, receipt: str) -> None:
        entry.ring(body, receipt=receipt, remaining_ms=lambda: NO_LIMIT_MS, parts=rig.services)

    def start() -> None:
        url = rig.services.settings.queue_url
        made = Pump(rig.services.doorbells.client, url, handle, workers=WORKERS, hidden_seconds=60, name="test")
        started.append(made)
        made.start()

    yield start
    for one in started:
        one.stop()


def in_line(services: Services, space: Space) -> int:
    return len(services.table.query(space.partition("line")).rows)


def taken(services: Services, space: Space) -> int:
    return sum(row.get("taken", 0) for row in services.table.query(space.partition("seats")).rows)


def assert_over(rig: Rig) -> None:
    """Nothing is left of a crowd: every seat is free, nobody stands in line, and nobody is taken to."""
    seen = Seats(rig.services.table, SEATS).look(rig.ref.space)
    assert (seen.room, in_line(rig.services, rig.ref.space)) == (SEATS, 0)
    assert taken(rig.services, rig.ref.space) == 0
    assert len(seen.unmarked) == 8


def all_idle(crowd: list[Rig]) -> bool:
    return all(one.head.status == "idle" for one in crowd)


def most_at_once(model: FakeModel, text: str) -> int:
    """How many requests that hold the text were open at the same time."""
    moments = [(one["arrived"], 1) for one in model.requests_of(text)]
    moments += [(one["ended"], -1) for one in model.requests_of(text)]
    open_now = most = 0
    for _, change in sorted(moments):
        open_now += change
        most = max(most, open_now)
    return most


def test_runs_beyond_the_seats_wait_and_another_tenant_is_answered_at_once(
    crowd: list[Rig], others: Rig, pump: Callable[[], None]
) -> None:
    model, space = crowd[0].model, crowd[0].ref.space
    model.hold(match="slow")
    for one in crowd:
        one.send(said("slow"))
    pump()
    model.wait_held(SEATS)
    wait_for(lambda: in_line(crowd[0].services, space) == len(crowd) - SEATS, "the others to stand in line")
    others.send(said("quick"))
    wait_for(lambda: others.head.status == "idle", "the other tenant's answer")
    assert others.count("agent.message") == 1
    assert model.held() == SEATS
    assert taken(crowd[0].services, space) == SEATS

    model.release()
    wait_for(lambda: all_idle(crowd), "all to be done")
    for one in crowd:
        one.assert_whole()
        assert one.count("agent.message") == 1
    assert most_at_once(model, "slow") == SEATS
    wait_for(lambda: in_line(crowd[0].services, space) == 0, "the line to end")
    wait_for(lambda: taken(others.services, others.ref.space) == 0, "the other's seat")


def test_after_a_crowd_nothing_is_left_of_it(crowd: list[Rig], pump: Callable[[], None]) -> None:
    for turn in range(3):
        for one in crowd:
            one.send(said(f"turn {turn}"), manner=QUEUE)
    pump()
    wait_for(lambda: all_idle(crowd), "all to be done")
    assert all(one.count("agent.message") == 3 for one in crowd)
    assert most_at_once(crowd[0].model, "turn") <= SEATS
    # The last one at work finds the line empty, once it is done with everything else.
    wait_for(lambda: len(Seats(crowd[0].services.table, SEATS).look(crowd[0].ref.space).unmarked) == 8, "it")
    assert_over(crowd[0])


@pytest.mark.parametrize("bound", [1], indirect=True)
def test_those_in_line_are_called_in_the_order_they_came(crowd: list[Rig], pump: Callable[[], None]) -> None:
    first, *later = crowd
    first.model.hold(match="number")
    first.send(said("number 0"))
    pump()
    first.model.wait_held()
    for place, (number, one) in enumerate(reversed(list(enumerate(later, 1))), 1):
        one.send(said(f"number {number}"))
        wait_for(lambda: in_line(first.services, first.ref.space) == place, "it to stand in line")  # noqa: B023
    first.model.release()
    wait_for(lambda: all_idle(crowd), "all to be done")
    assert [one["text"] for one in first.model.requests_of("number")] == [f"number {n}" for n in (0, 4, 3, 2, 1)]


def test_a_run_that_waits_in_line_can_be_interrupted_and_leaves_its_turn_to_the_next(
    crowd: list[Rig], pump: Callable[[], None]
) -> None:
    first, second, third, fourth = crowd[:4]
    model, services = first.model, first.services
    model.hold(match="slow")
    for one in (first, second, third, fourth):
        one.send(said("slow"))
        if one is second:
            pump()
            model.wait_held(SEATS)
        elif one is third:
            wait_for(lambda: in_line(services, third.ref.space) == 1, "the third to stand in line")
    wait_for(lambda: in_line(services, third.ref.space) == 2, "the fourth to stand in line")
    third.send(Input("user.interrupt", {}), manner=Manner("queue", drop_queued=True))
    wait_for(lambda: third.head.status == "idle", "the interrupt")
    assert third.count("agent.message") == 0
    assert model.held() == SEATS
    model.release()
    wait_for(lambda: all_idle([first, second, fourth]), "the others")
    assert fourth.count("agent.message") == 1


def test_when_a_session_at_work_is_deleted_the_next_has_its_seat(crowd: list[Rig], pump: Callable[[], None]) -> None:
    first, second, third = crowd[:3]
    model, services = first.model, first.services
    model.hold(match="slow")
    first.send(said("slow"))
    second.send(said("slow"))
    pump()
    model.wait_held(SEATS)
    third.send(said("quick"))
    wait_for(lambda: in_line(services, third.ref.space) == 1, "the third to stand in line")
    services.sessions.delete(first.ref, even_running=True)
    wait_for(lambda: third.head.status == "idle", "the third to be called")
    model.release()
    wait_for(lambda: second.head.status == "idle", "the second")
    wait_for(lambda: taken(services, second.ref.space) == 0, "the seats")


def test_whom_nobody_calls_the_clock_finds(
    crowd: list[Rig], pump: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = crowd[:3]
    model, services = first.model, first.services
    model.hold(match="slow")
    for one in (first, second, third):
        one.send(said("slow"))
    pump()
    model.wait_held(SEATS)
    wait_for(lambda: in_line(services, third.ref.space) == 1, "one to stand in line")
    with monkeypatch.context() as patched:
        patched.setattr(Line, "call", lambda _self, _space: None)
        model.release()
        wait_for(lambda: sum(one.head.status == "idle" for one in (first, second, third)) == 2, "two")
        wait_for(lambda: taken(services, first.ref.space) == 0, "their seats")
    (waiting,) = (one for one in (first, second, third) if one.head.status != "idle")
    assert entry.tick(services) == 0
    monkeypatch.setattr("chalicelib.runs.entry.now_ms", lambda: now_ms() + 310_000)
    assert entry.tick(services) == 1
    wait_for(lambda: waiting.head.status == "idle", "the clock to ring for it")
    assert waiting.count("agent.message") == 1
    wait_for(lambda: in_line(services, first.ref.space) == 0, "the line to end")


def test_a_run_that_is_taken_over_keeps_its_one_seat(rig: Rig) -> None:
    rig.model.hold(match="slow")
    rig.send(said("slow"))
    dead = threading.Thread(target=rig.ring)
    dead.start()
    rig.model.wait_held()
    assert taken(rig.services, rig.ref.space) == 1
    heir = rig.another()
    heir.alone_since = now_ms() + 1
    rig.model.hold(match="nothing")
    taker = threading.Thread(target=rig.ring, args=(heir,))
    wait_for(lambda: now_ms() > heir.alone_since, "the moment to pass")
    taker.start()
    wait_for(lambda: rig.head.run is None or rig.head.run.attempt == 2, "the run to be taken over")
    rig.model.release()
    taker.join(20)
    dead.join(20)
    assert rig.head.status == "idle"
    assert taken(rig.services, rig.ref.space) == 0
    rig.assert_whole()


def test_without_a_bound_no_seats_are_counted(rig: Rig, settings: Settings) -> None:
    free = Services(replace(settings, tenant_runs=0))
    free.__dict__["models"] = rig.services.models
    rig.send(said("hello"))
    rig.ring(free)
    assert rig.head.status == "idle"
    assert rig.services.table.query(rig.ref.space.partition("seats")).rows == []
