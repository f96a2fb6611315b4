"""The queue on real storage: one worker gets an item, keeps it while it beats, and loses it when it is silent."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.core.principal import Bound
from chalicelib.environments.work.errors import LeaseElsewhere, WorkNotFound, WorkStopped
from chalicelib.environments.work.model import NO_HEARTBEAT, Work
from chalicelib.environments.work.service import last_heartbeat
from chalicelib.events.log import SessionRef
from chalicelib.sessions.inputs import Input
from chalicelib.sessions.model import Call, RunMark
from chalicelib.wiring import Services
from tests.functional.environments.work.conftest import STEER, Desk, desk_of, said


def park(desk: Desk, ref: SessionRef) -> None:
    """Leave the session waiting for the result of a tool that a worker runs."""
    store = desk.services.session_store
    head = store.load(ref).head
    was = head.rev
    head.run, head.status, head.rev = RunMark("run", "waiting"), "idle", was + 1000
    head.calls = {"call": Call("worker", "bash", worker=True)}
    store.table.write(store.head_write(ref, head, was, None))


def beat(desk: Desk, work: Work, expected: str | None = NO_HEARTBEAT, ttl: int | None = None) -> Work:
    """Beat for an item; the item."""
    return desk.work.heartbeat(desk.space, desk.env, work.id, None, expected, ttl).work


def stop(desk: Desk, work: Work, *, force: bool = True) -> Work:
    """Stop an item."""
    return desk.work.stop(desk.space, desk.env, work.id, None, force=force)


class TestQueueing:
    def test_a_session_without_work_is_not_queued(self, desk: Desk) -> None:
        desk.session()
        assert desk.poll() is None
        assert desk.items() == []

    def test_a_message_queues_the_session_once(self, desk: Desk) -> None:
        ref = desk.session(said())
        desk.services.sessions.send(ref, [said("more")], STEER)
        assert [(item.session, item.state) for item in desk.items()] == [(ref.id, "queued")]

    def test_a_message_to_an_idle_session_queues_it(self, desk: Desk) -> None:
        ref = desk.session()
        desk.services.sessions.send(ref, [said()], STEER)
        assert desk.offered().session == ref.id

    def test_the_session_that_waits_longest_comes_first(self, desk: Desk) -> None:
        refs = []
        for _ in range(3):
            refs.append(desk.session(said()))
            time.sleep(0.002)
        assert [desk.offered().session for _ in refs] == [ref.id for ref in refs]
        assert desk.poll() is None

    def test_tenants_and_environments_have_queues_of_their_own(self, desk: Desk, services: Services) -> None:
        desk.session(said())
        stranger = desk_of(services)
        assert stranger.poll() is None
        with pytest.raises(WorkNotFound):
            stranger.get(desk.items()[0])

    def test_exactly_one_of_many_pollers_gets_an_item(self, desk: Desk) -> None:
        wanted = {desk.session(said()).id for _ in range(6)}
        ready = threading.Barrier(12)

        def ask() -> list[str]:
            ready.wait()
            got = [desk.poll() for _ in range(3)]
            return [offer.work.session for offer in got if offer is not None]

        with ThreadPoolExecutor(12) as pool:
            tasks = [pool.submit(ask) for _ in range(12)]
            taken = [session for task in tasks for session in task.result()]
        assert sorted(taken) == sorted(wanted)

    def test_many_writers_at_once_queue_a_session_once(self, desk: Desk) -> None:
        ref = desk.session()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: desk.services.sessions.send(ref, [said(str(n))], STEER), range(8)))
        assert len(desk.items()) == 1


class TestLease:
    def test_states_and_times_follow_the_worker(self, desk: Desk) -> None:
        desk.session(said())
        work = desk.offered()
        assert (work.state, work.acknowledged_at) == ("queued", None)
        acked = desk.work.ack(desk.space, desk.env, work.id, None)
        assert (acked.state, acked.started_at) == ("starting", None)
        active = beat(desk, work)
        assert active.state == "active"
        assert active.started_at == active.heartbeat_at
        assert stop(desk, work, force=False).state == "stopping"
        ended = stop(desk, work)
        assert ended.state == "stopped"
        assert (ended.acknowledged_at, ended.started_at) == (acked.acknowledged_at, active.started_at)
        assert desk.get(work) == ended

    def test_an_acknowledgement_may_be_repeated(self, desk: Desk) -> None:
        desk.session(said())
        work = desk.offered()
        first = desk.work.ack(desk.space, desk.env, work.id, None)
        assert desk.work.ack(desk.space, desk.env, work.id, None) == first

    def test_an_offer_nobody_acknowledged_is_made_again_with_another_token(self, desk: Desk) -> None:
        desk.session(said())
        first = desk.poll()
        assert first is not None
        assert desk.poll() is None
        time.sleep(0.02)
        again = desk.poll(reclaim_ms=10)
        assert again is not None
        assert again.work.id == first.work.id
        assert again.token != first.token

    def test_what_was_acknowledged_is_not_reclaimed_so_soon(self, desk: Desk) -> None:
        desk.session(said())
        desk.work.ack(desk.space, desk.env, desk.offered().id, None)
        time.sleep(0.02)
        assert desk.poll(reclaim_ms=1) is None

    def test_a_silent_worker_loses_the_item_and_its_next_heartbeat_is_refused(self, hasty: Callable[[], Desk]) -> None:
        desk = hasty()
        desk.session(said())
        mine = beat(desk, desk.offered())
        assert desk.poll() is None
        time.sleep(1.05)
        theirs = desk.offered()
        assert theirs.id == mine.id
        with pytest.raises(LeaseElsewhere) as refused:
            beat(desk, mine, last_heartbeat(mine, ""))
        state = {"state": "queued", "ttl_seconds": 1, "last_heartbeat": None, "lease_extended": False}
        assert refused.value.details == {"current_state": state}
        taken = beat(desk, theirs)
        with pytest.raises(LeaseElsewhere) as refused:
            beat(desk, mine, last_heartbeat(mine, ""))
        state |= {"state": "active", "last_heartbeat": last_heartbeat(taken, "")}
        assert refused.value.details == {"current_state": state}

    def test_a_late_heartbeat_still_counts_while_nobody_took_over(self, hasty: Callable[[], Desk]) -> None:
        desk = hasty()
        desk.session(said())
        mine = beat(desk, desk.offered())
        time.sleep(1.05)
        beat(desk, mine, last_heartbeat(mine, ""))
        assert desk.poll() is None

    def test_a_token_of_an_earlier_offer_neither_beats_nor_stops(self, desk: Desk) -> None:
        desk.session(said())
        work = desk.offered()
        old = Bound(desk.env, work.id, work.session, claim=work.claim)
        time.sleep(0.01)
        desk.offered(reclaim_ms=1)
        with pytest.raises(LeaseElsewhere):
            desk.work.heartbeat(desk.space, desk.env, work.id, old, NO_HEARTBEAT, None)
        with pytest.raises(WorkStopped):
            desk.work.stop(desk.space, desk.env, work.id, old, force=True)
        assert desk.get(work).state == "queued"

    def test_one_of_two_first_heartbeats_wins(self, desk: Desk) -> None:
        desk.session(said())
        work = desk.offered()
        ready = threading.Barrier(2)

        def first() -> bool:
            ready.wait()
            try:
                beat(desk, work)
            except LeaseElsewhere:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            outcomes = [pool.submit(first) for _ in range(2)]
            assert sorted(one.result() for one in outcomes) == [False, True]

    def test_heartbeats_in_one_millisecond_differ(self, desk: Desk) -> None:
        desk.session(said())
        work, seen = desk.offered(), [NO_HEARTBEAT]
        for _ in range(5):
            seen.append(last_heartbeat(beat(desk, work, seen[-1]), ""))
        assert len(set(seen)) == 6

    def test_the_worker_chooses_its_lease_within_bounds(self, desk: Desk) -> None:
        desk.session(said())
        work = desk.offered()
        assert [beat(desk, work, None, ttl).ttl for ttl in (None, 7, 10**6)] == [60, 7, 3600]

    def test_a_stopping_or_stopped_item_answers_any_heartbeat(self, desk: Desk) -> None:
        desk.session(said())
        work = desk.offered()
        beat(desk, work)
        for force, state in ((False, "stopping"), (True, "stopped")):
            stop(desk, work, force=force)
            outcome = desk.work.heartbeat(desk.space, desk.env, work.id, None, "something else", None)
            assert (outcome.work.state, outcome.extended) == (state, False)


class TestStopping:
    def test_without_force_only_a_beating_worker_is_waited_for(self, desk: Desk) -> None:
        desk.session(said())
        work = desk.offered()
        desk.work.ack(desk.space, desk.env, work.id, None)
        assert stop(desk, work, force=False).state == "stopped"

    def test_what_is_stopped_cannot_be_stopped_or_acknowledged(self, desk: Desk) -> None:
        desk.session(said())
        work = desk.offered()
        stop(desk, work)
        with pytest.raises(WorkStopped):
            stop(desk, work)
        with pytest.raises(WorkStopped):
            desk.work.ack(desk.space, desk.env, work.id, None)
        assert desk.poll() is None

    def test_new_work_after_the_stop_makes_a_new_item(self, desk: Desk) -> None:
        ref = desk.session(said())
        first = desk.offered()
        stop(desk, first)
        desk.services.sessions.send(ref, [Input("user.interrupt", {})], STEER)
        desk.services.worker.stop_now(ref)
        desk.services.sessions.send(ref, [said()], STEER)
        second = desk.offered()
        assert second.session == ref.id
        assert second.id != first.id

    def test_a_session_that_still_waits_for_a_worker_gets_another_item_after_a_pause(self, desk: Desk) -> None:
        ref = desk.session(said())
        park(desk, ref)
        first = desk.offered()
        stop(desk, first)
        assert desk.poll() is None
        another = desk.items()[0]
        assert (another.session, another.state, another.tries) == (ref.id, "queued", 1)
        time.sleep(1.05)
        assert desk.offered().id == another.id

    def test_the_item_of_a_worker_that_died_while_stopping_ends_at_the_next_poll(
        self, hasty: Callable[[], Desk]
    ) -> None:
        desk = hasty()
        desk.session(said())
        work = desk.offered()
        beat(desk, work)
        stop(desk, work, force=False)
        time.sleep(1.05)
        assert desk.poll() is None
        assert desk.get(work).state == "stopped"

    def test_many_stops_at_once_end_an_item_once(self, desk: Desk) -> None:
        ref = desk.session(said())
        park(desk, ref)
        work = desk.offered()

        def end(_: int) -> bool:
            try:
                stop(desk, work)
            except WorkStopped:
                return False
            return True

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(end, range(6))) == 1
        assert [item.state for item in desk.items()] == ["queued", "stopped"]


class TestEnds:
    def test_an_archived_or_deleted_session_ends_its_item(self, desk: Desk) -> None:
        archived, deleted = desk.session(said()), desk.session(said())
        for ref in (archived, deleted):
            park(desk, ref)
        desk.services.sessions.archive(archived)
        desk.services.sessions.delete(deleted, even_running=True)
        assert {item.state for item in desk.items()} == {"stopped"}
        assert desk.poll() is None

    def test_an_environment_that_is_deleted_leaves_neither_items_nor_keys(self, desk: Desk) -> None:
        ref = desk.session(said())
        park(desk, ref)
        _, secret = desk.services.worker_credentials.keys.mint(desk.space, desk.env, "w")
        assert desk.services.worker_credentials.authenticate(secret) is not None
        desk.services.sessions.archive(ref)
        desk.services.environments.delete(desk.space, desk.env)
        assert desk.items() == []
        assert desk.services.worker_credentials.authenticate(secret) is None

    def test_an_archived_environment_goes_on_serving_its_sessions(self, desk: Desk) -> None:
        ref = desk.session(said())
        desk.services.environments.archive(desk.space, desk.env)
        assert desk.offered().session == ref.id


def test_metadata_is_patched_also_beside_heartbeats(desk: Desk) -> None:
    desk.session(said())
    work = desk.offered()
    desk.work.update(desk.space, desk.env, work.id, {"a": "1", "b": "2"}, blank_removes=False)
    beat(desk, work)
    patched = desk.work.update(desk.space, desk.env, work.id, {"a": None, "c": ""}, blank_removes=False)
    assert patched.metadata == {"b": "2", "c": ""}
    assert desk.get(work).state == "active"


def test_the_figures_of_the_queue(desk: Desk) -> None:
    for _ in range(3):
        desk.session(said())
    first, second = desk.offered(), desk.offered()
    desk.work.ack(desk.space, desk.env, first.id, None)
    for worker in ("one", "two", "one"):
        desk.work.note_worker(desk.space, desk.env, worker)
    stats = desk.work.stats(desk.space, desk.env)
    assert (stats.depth, stats.pending, stats.workers_polling) == (1, 1, 2)
    assert stats.oldest_queued_at == second.created_at
