"""Runs by the clock: one a moment, whoever is quicker and whoever dies on the way; late clocks, pauses, jitter."""

import threading
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.clock import now_ms
from chalicelib.core.settings import Settings
from chalicelib.deployments.model import CronSchedule
from chalicelib.schedules.due import due_keys
from chalicelib.storage.errors import StorageBusy
from chalicelib.wiring import Services
from tests.functional.deployments.site import FAR, HOURLY, MINUTELY, DyingTable, Killed, Site, tick

DAY, MINUTE = 86_400_000, 60_000


def test_a_due_deployment_becomes_one_running_session(site: Site) -> None:
    deployment = site.deploy(HOURLY)
    moment = site.make_due(deployment)
    tick(site.services)
    (run,) = site.runs()
    assert (run.deployment_id, run.scheduled_at, run.error) == (deployment.id, moment, None)
    session = site.session(run)
    assert (session.head.status, session.head.deployment_id) == ("running", deployment.id)
    after = site.now(deployment)
    assert after.next_at is not None
    assert now_ms() < after.next_at <= now_ms() + 60 * MINUTE
    assert after.last_run_at is not None
    tick(site.services)
    assert len(site.runs()) == len(site.sessions()) == 1


def test_what_is_not_due_is_left_alone(site: Site) -> None:
    site.deploy(HOURLY)
    tick(site.services)
    assert (site.runs(), site.sessions()) == ([], [])


def test_clocks_side_by_side_make_each_run_once(site: Site, other_process: Services) -> None:
    made = [site.deploy() for _ in range(6)]
    for deployment in made:
        site.make_due(deployment)
    start = threading.Barrier(4)

    def beat(services: Services) -> None:
        start.wait(10)
        tick(services)

    clocks = [threading.Thread(target=beat, args=(one,)) for one in (site.services, other_process) * 2]
    for clock in clocks:
        clock.start()
    for clock in clocks:
        clock.join(30)
    assert Counter(run.deployment_id for run in site.runs()) == {deployment.id: 1 for deployment in made}
    assert Counter(session.head.deployment_id for session in site.sessions()) == {one.id: 1 for one in made}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_clock_killed_at_any_write_is_finished_by_another(
    site: Site, settings: Settings, other_process: Services, after: bool
) -> None:
    for at in range(1, 30):
        deployment = site.deploy()
        moment = site.make_due(deployment)
        dying = DyingTable(Services(settings), at, after)
        try:
            tick(dying.services)
        except Killed:
            done = False
        else:
            done = True
        if not done:
            site.pass_time_of(deployment)
            tick(other_process)
        (run,) = site.runs(deployment)
        assert (run.scheduled_at, run.error) == (moment, None)
        mine = [one for one in site.sessions() if one.head.deployment_id == deployment.id]
        assert [one.head.id for one in mine] == [run.session_id]
        assert site.now(deployment).next_at not in (None, moment)
        if done:
            assert at > 2, "no write was met"
            return
    raise AssertionError("one run took too many writes")


def test_a_moment_missed_for_hours_is_made_up_for_once(site: Site) -> None:
    deployment = site.deploy("0 3 * * *")
    missed = site.make_due(deployment, now_ms() - 3 * DAY)
    tick(site.services)
    assert [run.scheduled_at for run in site.runs()] == [missed]
    following = site.now(deployment).next_at
    assert following is not None
    assert following > now_ms()


def test_a_clock_late_by_a_minute_makes_up_for_every_minute(site: Site) -> None:
    deployment = site.deploy(MINUTELY)
    first = now_ms() - now_ms() % MINUTE - 2 * MINUTE
    site.make_due(deployment, first)
    tick(site.services)
    assert [run.scheduled_at for run in reversed(site.runs())][:3] == [first, first + MINUTE, first + 2 * MINUTE]


def test_after_a_pause_nothing_is_made_up_for(site: Site) -> None:
    deployment = site.deploy(HOURLY)
    paused = site.services.deployments.pause(site.space, deployment.id)
    assert (paused.paused, paused.next_at, site.waiting()) == ("manual", None, [])
    resumed = site.services.deployments.unpause(site.space, deployment.id)
    assert resumed.next_at == deployment.next_at
    tick(site.services)
    assert site.runs() == []


def test_a_run_by_hand_works_while_paused(site: Site) -> None:
    deployment = site.deploy(HOURLY)
    site.services.deployments.pause(site.space, deployment.id)
    run = site.services.deployment_runs.start(site.space, deployment.id)
    assert (run.scheduled_at, run.error) == (None, None)
    assert site.session(run).head.status == "running"
    assert (site.now(deployment).paused, site.now(deployment).last_run_at) == ("manual", None)
    assert site.waiting() == []


def test_a_pause_that_comes_between_wins(site: Site, other_process: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = site.deploy()
    site.make_due(deployment)
    services = site.services
    store = services.deployment_runs._store
    real = store.restored

    def slow(row: Any) -> Any:
        other_process.deployments.pause(site.space, deployment.id)
        return real(row)

    monkeypatch.setattr(store, "restored", slow)
    tick(services)
    assert site.runs() == []
    assert site.now(deployment).paused == "manual"


def test_another_schedule_counts_from_now_on(site: Site) -> None:
    deployment = site.deploy(HOURLY)
    monthly = CronSchedule(type="cron", expression="0 0 1 * *", timezone="Asia/Tokyo")
    wanted = replace(site.draft(), given=frozenset({"schedule"}), schedule=monthly)
    changed = site.services.deployments.update(site.space, deployment.id, wanted)
    assert changed.next_at == monthly.cron().after(now_ms())
    assert [due for _, due in due_keys(site.services.table, FAR)] == [f"{changed.next_at:013d}"]
    none = replace(wanted, schedule=None)
    assert site.services.deployments.update(site.space, deployment.id, none).next_at is None
    assert site.waiting() == []


def test_a_change_of_the_name_leaves_the_next_moment(site: Site) -> None:
    deployment = site.deploy(HOURLY)
    due = list(due_keys(site.services.table, FAR))
    wanted = replace(site.draft(), given=frozenset({"name"}), name="Other")
    changed = site.services.deployments.update(site.space, deployment.id, wanted)
    assert (changed.name, changed.next_at) == ("Other", deployment.next_at)
    assert list(due_keys(site.services.table, FAR)) == due


def test_a_moment_that_had_its_run_is_passed_over(site: Site) -> None:
    deployment = site.deploy(HOURLY)
    moment = site.make_due(deployment)
    tick(site.services)
    site.make_due(deployment, moment)
    tick(site.services)
    assert len(site.runs()) == len(site.sessions()) == 1
    assert (site.now(deployment).next_at or 0) > now_ms()


def test_a_fault_of_the_server_is_tried_again_and_then_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, sound = site.deploy(), site.deploy()
    real = site.services.opener.open

    def busy(space: Any, wanted: Any) -> Any:
        if wanted.deployment_id == broken.id:
            raise StorageBusy("too much at once")
        return real(space, wanted)

    monkeypatch.setattr(site.services.opener, "open", busy)
    for deployment in (broken, sound):
        site.make_due(deployment)
    tick(site.services)
    assert [run.deployment_id for run in site.runs()] == [sound.id]
    for _ in range(5):
        assert site.runs(broken) == []
        site.pass_time_of(broken)
        tick(site.services)
    (given_up,) = site.runs(broken)
    assert given_up.error is not None
    assert given_up.error.type == "unknown_error"
    assert site.now(broken).paused == "unknown_error"


def test_a_run_by_hand_that_met_a_fault_is_not_made_later(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = site.deploy(None)

    def busy(*_: object) -> None:
        raise StorageBusy("too much at once")

    with monkeypatch.context() as patched:
        patched.setattr(site.services.opener, "open", busy)
        with pytest.raises(StorageBusy):
            site.services.deployment_runs.start(site.space, deployment.id)
    assert site.waiting() == []
    assert (site.runs(), site.sessions()) == ([], [])


def test_jitter_delays_a_run_and_not_its_moment(site: Site, settings: Settings) -> None:
    spread = Services(replace(settings, schedule_jitter=True))
    deployment = spread.deployments.create(site.space, site.draft(HOURLY))
    ((_, due),) = due_keys(spread.table, FAR)
    assert deployment.next_at is not None
    assert deployment.next_at % (60 * MINUTE) == 0
    assert 5_000 <= int(due) - deployment.next_at <= 9 * MINUTE
