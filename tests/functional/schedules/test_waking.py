"""Wake-ups of sessions: once, whoever tries it how often and dies where; again and again by cron; bounded; gone with
their session."""

import threading
from typing import Any

import pytest

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.core.settings import Settings
from chalicelib.events.event import Event
from chalicelib.events.log import SessionRef
from chalicelib.running import orders
from chalicelib.runs import entry
from chalicelib.schedules.due import due_keys, moment, next_moment
from chalicelib.schedules.errors import BadSchedule
from chalicelib.schedules.model import MOST_OPEN, Schedule, Wanted
from chalicelib.sessions.errors import WaitingForAnswers
from chalicelib.sessions.inputs import Input, Manner
from chalicelib.sessions.model import Call
from chalicelib.sessions.service import SessionDraft
from chalicelib.storage import writes
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services
from tests.functional.deployments.site import FAR, DyingTable, Killed

MINUTE = 60_000


@pytest.fixture
def space(services: Services) -> Space:
    return Space(services.tenants.create("Test")[0].id)


@pytest.fixture
def ref(services: Services, space: Space) -> SessionRef:
    return opened(services, space)


def opened(services: Services, space: Space) -> SessionRef:
    """A session that rests."""
    ref = SessionRef(space, new_id())
    agent: dict[str, Any] = {"id": new_id(), "version": 1, "name": "Tester", "origin": "plain"}
    agent |= {"model": {"id": "claude-test"}, "system": None, "tools": []}
    services.sessions.create(space, SessionDraft(agent, new_id()), ref.id)
    return ref


def later(services: Services, ref: SessionRef, use: str = "use", **when: Any) -> Schedule:
    """A new wake-up."""
    return services.schedules.add(ref, Wanted("go on", **(when or {"delay_seconds": 60})), use)


def pass_time(services: Services) -> None:
    """Let the moment of everything that waits for one have come."""
    for key, _ in list(due_keys(services.table, FAR)):
        services.table.write(writes.update(key, dict(moment(now_ms())), writes.PRESENT))


def woken(services: Services, ref: SessionRef) -> list[Event]:
    """The records of messages that came."""
    return [event for event in services.log.walk(ref) if event.type == "input.queued"]


def test_a_wake_up_comes_once_as_a_message_of_its_own_turn(services: Services, ref: SessionRef) -> None:
    made = later(services, ref)
    assert next_moment(services.table) == made.fire_at
    entry.tick_timers(services)
    assert woken(services, ref) == []
    pass_time(services)
    entry.tick_timers(services)
    (queued,) = woken(services, ref)
    assert (queued.data["policy"], queued.data["door"]) == ("queue", "schedule")
    (item,) = services.session_store.inbox(ref)
    assert item.data["content"] == [{"type": "text", "text": "go on"}]
    assert item.data["parent_event_id"] == made.span_id
    assert item.data["metadata"]["schedule_id"] == made.name
    assert services.sessions.get(ref).head.status == "running"
    assert (services.schedules.open(ref), next_moment(services.table)) == ([], None)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_clock_killed_at_any_write_wakes_once(
    services: Services, space: Space, settings: Settings, after: bool
) -> None:
    for at in range(1, 10):
        ref = opened(services, space)
        later(services, ref)
        pass_time(services)
        dying = DyingTable(Services(settings), at, after)
        try:
            entry.tick_timers(dying.services)
        except Killed:
            done = False
        else:
            done = True
        entry.tick_timers(services)
        assert len(woken(services, ref)) == 1
        assert services.schedules.open(ref) == []
        if done:
            assert at > 2, "no write was met"
            return
    raise AssertionError("one wake-up took too many writes")


def test_clocks_side_by_side_wake_once(services: Services, other_process: Services, space: Space) -> None:
    sessions = [opened(services, space) for _ in range(5)]
    for ref in sessions:
        later(services, ref)
    pass_time(services)
    start = threading.Barrier(4)

    def beat(one: Services) -> None:
        start.wait(10)
        entry.tick_timers(one)

    clocks = [threading.Thread(target=beat, args=(one,)) for one in (services, other_process) * 2]
    for clock in clocks:
        clock.start()
    for clock in clocks:
        clock.join(30)
    assert [len(woken(services, ref)) for ref in sessions] == [1] * 5
    assert next_moment(services.table) is None


def test_cron_wakes_again_and_again_and_skips_what_was_missed(services: Services, ref: SessionRef) -> None:
    made = later(services, ref, cron="0 * * * *", timezone="Europe/Berlin")
    key = ref.space.key("schedules", ref.id, sk=f"S#{made.id}")
    for round_number in (1, 2):
        missed = now_ms() - round_number * 300 * MINUTE
        services.table.write(writes.update(key, {"fire_at": missed, **moment(missed)}, writes.PRESENT))
        entry.tick_timers(services)
        assert len(woken(services, ref)) == round_number
        (open_still,) = services.schedules.open(ref)
        assert now_ms() < open_still.fire_at <= now_ms() + 60 * MINUTE
    assert services.schedules.cancel(ref, made.id)
    assert (services.schedules.open(ref), next_moment(services.table)) == ([], None)


def test_so_many_can_be_open_and_no_more(services: Services, ref: SessionRef) -> None:
    made = [later(services, ref, f"use {number}") for number in range(MOST_OPEN)]
    with pytest.raises(BadSchedule, match="at most 20"):
        later(services, ref, "one more")
    assert later(services, ref, "use 3") == made[3]
    assert services.schedules.cancel(ref, made[0].id)
    assert not services.schedules.cancel(ref, made[0].id)
    later(services, ref, "one more")
    assert len(services.schedules.open(ref)) == MOST_OPEN


def test_a_repeated_use_makes_nothing_new_even_after_it_has_woken(services: Services, ref: SessionRef) -> None:
    later(services, ref)
    assert later(services, ref) == services.schedules.open(ref)[0]
    pass_time(services)
    entry.tick_timers(services)
    later(services, ref)
    pass_time(services)
    entry.tick_timers(services)
    assert len(woken(services, ref)) == 1


@pytest.mark.parametrize("end", ["archive", "delete"])
def test_a_session_that_is_over_is_not_woken(services: Services, ref: SessionRef, end: str) -> None:
    later(services, ref)
    later(services, ref, "other", cron="* * * * *")
    if end == "archive":
        services.sessions.archive(ref)
    else:
        services.sessions.delete(ref, even_running=False)
    pass_time(services)
    entry.tick_timers(services)
    assert (services.schedules.open(ref), next_moment(services.table)) == ([], None)
    assert woken(services, ref) == []


def test_a_deleted_session_leaves_no_wake_up_behind(services: Services, ref: SessionRef) -> None:
    later(services, ref)
    services.sessions.delete(ref, even_running=False)
    assert next_moment(services.table) is None
    assert list(services.table.walk(ref.space.partition("schedules", ref.id))) == []


def test_a_session_that_waits_for_answers_is_woken_after_them(services: Services, ref: SessionRef) -> None:
    said = Input("user.message", {"content": [{"type": "text", "text": "hello"}]})
    services.sessions.send(ref, [said], Manner("queue"))
    head = services.session_store.load(ref).head
    assert head.run is not None
    head.run.state = "waiting"
    head.calls = {new_id(): Call("custom", "ask")}
    services.table.write(services.session_store.head_write(ref, head, head.rev, None))
    with pytest.raises(WaitingForAnswers):
        services.sessions.send(ref, [said], Manner("queue"))
    later(services, ref)
    pass_time(services)
    entry.tick_timers(services)
    assert [item.data.get("metadata", {}).get("type") for item in services.session_store.inbox(ref)][-1] == "wakeup"
    assert services.sessions.get(ref).head.unanswered == list(head.calls)


def test_a_suspended_tenants_session_is_woken_once_the_tenant_is_back(services: Services, ref: SessionRef) -> None:
    later(services, ref)
    pass_time(services)
    services.tenants.change(ref.space.tenant, status="suspended")
    entry.tick_timers(services)
    assert woken(services, ref) == []
    assert [key for key, _ in due_keys(services.table, now_ms() + 50_000) if orders.NOUN not in key.pk] == []
    services.tenants.change(ref.space.tenant, status="active")
    pass_time(services)
    entry.tick_timers(services)
    assert len(woken(services, ref)) == 1


def test_a_fault_leaves_the_wake_up_and_does_not_hold_up_others(
    services: Services, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = opened(services, space), opened(services, space)
    later(services, first)
    later(services, second)
    pass_time(services)
    real = services.inbox.accept

    def broken(ref: SessionRef, *given: Any) -> Any:
        if ref == first:
            raise RuntimeError("out of order")
        return real(ref, *given)

    with monkeypatch.context() as patched:
        patched.setattr(services.inbox, "accept", broken)
        entry.tick_timers(services)
    assert (len(woken(services, first)), len(woken(services, second))) == (0, 1)
    entry.tick_timers(services)
    assert len(woken(services, first)) == 1


def test_tenants_wake_only_their_own(services: Services, ref: SessionRef) -> None:
    other = SessionRef(Space(services.tenants.create("Other")[0].id), ref.id)
    made = later(services, ref)
    assert services.schedules.open(other) == []
    assert not services.schedules.cancel(other, made.id)
    assert services.schedules.open(ref) == [made]


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (Wanted("x"), "exactly one"),
        (Wanted("x", delay_seconds=5, at="2030-01-01T00:00:00Z"), "exactly one"),
        (Wanted("x", delay_seconds=4), "between 5 and 604800"),
        (Wanted("x", delay_seconds=604_801), "between 5 and 604800"),
        (Wanted("x", at="2020-01-01T00:00:00Z"), "in the future"),
        (Wanted("x", at="2999-01-01T00:00:00Z"), "within a year"),
        (Wanted("x", at="tomorrow"), "date and time"),
        (Wanted("x", cron="@daily"), "five fields"),
        (Wanted("x", cron="* * * * *", timezone="Mars/Base"), "time zone"),
        (Wanted("", delay_seconds=5), "prompt"),
        (Wanted("x" * 4_001, delay_seconds=5), "prompt"),
    ],
)
def test_what_cannot_be_scheduled_is_refused(services: Services, ref: SessionRef, wanted: Wanted, reason: str) -> None:
    with pytest.raises(BadSchedule, match=reason):
        services.schedules.add(ref, wanted, "use")
    assert next_moment(services.table) is None


def test_the_bounds_themselves_are_possible(services: Services, ref: SessionRef) -> None:
    now = now_ms()
    for use, seconds in enumerate((5, 604_800)):
        made = services.schedules.add(ref, Wanted("x" * 4_000, delay_seconds=seconds), str(use))
        assert 0 <= made.fire_at - now - seconds * 1000 < 5_000
