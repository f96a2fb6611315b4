"""One worker at a time: who lost the run cannot write anything, who keeps it beats, and who is dead is replaced."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.ids import new_id
from chalicelib.core.settings import Settings
from chalicelib.engine import endings, loop, model_step, retrying
from chalicelib.engine.job import Job
from chalicelib.events.event import Draft
from chalicelib.models.errors import ModelError
from chalicelib.runs import entry
from chalicelib.runs.claim import HeldElsewhere, NothingToDo, Owner, claim
from chalicelib.runs.errors import LeaseLost
from chalicelib.runs.pulse import Held, Pulse
from chalicelib.runs.worker import NO_LIMIT_MS, Limits
from chalicelib.sessions.inputs import Input
from chalicelib.sessions.model import Call
from chalicelib.wiring import Services
from tests.functional.runs.conftest import QUEUE, STEER, Rig, said

STOPPED_SECONDS = 5


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, lease_seconds=1, heartbeat_seconds=1)


def claimed(rig: Rig, by: Services | None = None, *, force: bool = False, lease_ms: int = 60_000) -> Job:
    """A worker that has claimed the run and does nothing more."""
    job = (by or rig.services).worker._job(rig.ref, Limits(lambda: NO_LIMIT_MS, lambda: None))
    claim(job, Owner(new_id(), lease_ms, force=force))
    return job


STALE_WRITES: dict[str, Callable[[Job], Any]] = {
    "a record": lambda job: job.pen.append([Draft("session.warning")]),
    "a model call": model_step.begin,
    "the end of the run": lambda job: endings.finish(job, [], finish_reason="stop"),
    "its failure": lambda job: endings.fail(job, [], "unknown_error", "no", terminal=True),
    "an interrupt": lambda job: endings.interrupt(job, []),
    "waiting": lambda job: endings.wait(job, [], {"call": Call("custom", "tool")}),
    "handing on": lambda job: endings.hand_on(job, [], "time limit"),
    "taking input": loop.take_steered,
    "another try": lambda job: retrying.reschedule(job, [], ModelError("busy")),
    "looking": lambda job: job.pen.catch_up(),
}


@pytest.mark.parametrize("kind", STALE_WRITES)
def test_who_lost_the_run_cannot_write(rig: Rig, kind: str) -> None:
    rig.send(said("hello"))
    stale = claimed(rig)
    rig.send(said("steered"))
    stale.pen.catch_up()
    claimed(rig, rig.another(), force=True)
    before = rig.types()
    with pytest.raises(LeaseLost):
        STALE_WRITES[kind](stale)
    assert rig.types() == before


@pytest.mark.parametrize("kind", STALE_WRITES)
def test_nobody_writes_to_a_deleted_session(rig: Rig, kind: str) -> None:
    rig.send(said("hello"))
    job = claimed(rig)
    rig.send(said("steered"))
    job.pen.catch_up()
    rig.services.sessions.delete(rig.ref, even_running=True)
    before = rig.types()
    with pytest.raises(LeaseLost):
        STALE_WRITES[kind](job)
    assert rig.types() == before


def test_a_held_run_is_not_claimed_and_a_resting_session_has_none(rig: Rig) -> None:
    with pytest.raises(NothingToDo):
        claimed(rig)
    rig.send(said("hello"))
    claimed(rig)
    with pytest.raises(HeldElsewhere):
        claimed(rig, rig.another())


def test_heartbeats_keep_a_run_longer_than_its_lease(rig: Rig) -> None:
    fast = replace(rig.services.settings, heartbeat_seconds=0.2)  # type: ignore[arg-type]
    worker = rig.another()
    worker.settings = fast
    rig.model.hold(after_tokens=1)
    rig.send(said("tokens:3"))
    busy = threading.Thread(target=rig.ring, args=(worker,))
    busy.start()
    rig.model.wait_held()
    until = time.monotonic() + 2.2
    while time.monotonic() < until:
        rig.ring()
        time.sleep(0.1)
    rig.model.release()
    busy.join(10)
    rig.assert_whole()
    assert rig.count("run.claimed") == 1
    assert rig.head.stop_reason == {"type": "end_turn"}


def test_a_beat_that_finds_another_fence_tells_its_worker(rig: Rig) -> None:
    rig.send(said("hello"))
    stale = claimed(rig)
    claimed(rig, rig.another(), force=True)
    pulse = Pulse(rig.services.session_store, 0.02, 60)
    held = Held(rig.ref, stale.pen.fence, lambda: None)
    pulse.hold(held)
    assert held.lost.wait(5)
    pulse.release(held)


def test_a_dead_worker_is_replaced_when_its_lease_has_run_out(rig: Rig) -> None:
    rig.send(said("hello"))
    until = time.monotonic() + 2
    claimed(rig, lease_ms=2000)
    rig.ring(rig.another())
    assert rig.count("run.claimed") == 1
    time.sleep(max(until - time.monotonic(), 0) + 0.1)
    rig.ring(rig.another())
    rig.assert_whole()
    assert rig.count("run.claimed") == 2
    assert rig.count("agent.message") == rig.count("session.status_idle") == 1


def test_a_run_that_kills_its_workers_is_given_up(rig: Rig) -> None:
    rig.send(said("hello"))
    for _ in range(rig.services.settings.max_attempts):
        claimed(rig, lease_ms=0)
    rig.ring()
    rig.assert_whole()
    assert rig.count("session.error") == 1
    assert rig.head.stop_reason == {"type": "retries_exhausted"}


@pytest.mark.parametrize("alive", [True, False])
@pytest.mark.parametrize("manner", [STEER, QUEUE])
def test_an_interrupt_is_carried_out_though_no_worker_heeds_it(rig: Rig, alive: bool, manner: Any) -> None:
    rig.send(said("hello"))
    if alive:
        stale = claimed(rig)
    began = time.monotonic()
    receipt = rig.send(Input("user.interrupt", {}), manner=manner)
    assert receipt.interrupt is not None
    entry.wait_until_stopped(rig.ref, receipt.interrupt, rig.another())
    assert time.monotonic() - began < STOPPED_SECONDS
    rig.assert_whole()
    if alive:
        assert rig.head.status == "idle"
        with pytest.raises(LeaseLost):
            endings.finish(stale, [], finish_reason="stop")
    rig.ring()
    rig.assert_whole()
    assert rig.head.status == "idle"
    assert rig.count("user.interrupt") == 1


def test_a_plan_with_nothing_to_write_leaves_all_as_it_is(rig: Rig) -> None:
    rig.send(said("hello"))
    job = claimed(rig)
    before, tail = rig.types(), job.pen.tail.next_seq
    assert job.pen.commit(lambda head, _inbox: setattr(head, "title", "no") or None) == []
    assert (rig.types(), job.pen.tail.next_seq) == (before, tail)
    assert endings.pause(job) is False
    assert rig.types() == before
    endings.finish(job, [], finish_reason="stop")
    assert rig.types()[-1] == "session.status_idle"
