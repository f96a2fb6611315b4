"""Doorbells lost, doubled and late, and workers that race."""

import threading

import pytest

from chalicelib.runs import entry
from tests.functional.runs.conftest import QUEUE, Rig, said


def test_a_lost_doorbell_is_rung_again_by_the_clock(rig: Rig) -> None:
    rig.send(said("hello"))
    client, url = rig.services.doorbells.client, rig.services.settings.queue_url
    lost = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    for message in lost:
        client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert entry.tick(rig.services) == 0
    assert entry.tick(rig.services, everything=True) == 1
    rung = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    entry.ring(rung[0]["Body"], receipt=None, remaining_ms=lambda: 10**9, parts=rig.services)
    assert rig.head.status == "idle"


def test_doubled_and_late_doorbells_change_nothing(rig: Rig) -> None:
    rig.send(said("hello"))
    rig.ring()
    before = rig.types()
    for _ in range(3):
        rig.ring()
    assert rig.types() == before
    assert entry.tick(rig.services, everything=True) == 0


def test_two_workers_at_once_run_a_turn_once(rig: Rig) -> None:
    others = [rig.another() for _ in range(4)]
    rig.send(said("hello"))
    threads = [threading.Thread(target=rig.ring, args=(other,)) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    rig.assert_whole()
    assert rig.count("user.message") == rig.count("agent.message") == rig.count("session.status_idle") == 1
    assert len(rig.model.requests) == 1


def test_many_clients_at_once_make_one_order(rig: Rig) -> None:
    clients = [
        threading.Thread(target=lambda number=number: rig.send(said(f"message {number}"), manner=QUEUE))
        for number in range(12)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join(20)
    rig.ring()
    rig.assert_whole()
    assert rig.count("user.message") == rig.count("session.status_idle") == 12
    assert rig.head.queued == 0


def test_a_worker_whose_lease_was_taken_cannot_append(rig: Rig) -> None:
    stale, fresh = rig.services, rig.another()
    rig.model.hold(after_tokens=2)
    rig.send(said("tokens:5"))
    old = threading.Thread(target=rig.ring, args=(stale,))
    old.start()
    rig.model.wait_held()
    ref, fence = rig.ref, rig.head.fence

    def take_over() -> None:
        # The old worker lives, and may have prolonged its lease again before the new one looks.
        while rig.head.fence == fence:
            stale.session_store.table.write(stale.session_store.lease_write(ref, fence, 1, 1))
            rig.ring(fresh)

    new = threading.Thread(target=take_over)
    new.start()
    # The old one may have given up its request by then.
    rig.model.wait_requests(2)
    rig.model.release()
    old.join(20)
    new.join(20)
    rig.assert_whole()
    assert rig.count("run.claimed") == 2
    assert rig.count("agent.message") == rig.count("session.status_idle") == 1
    assert rig.head.status == "idle"


def test_a_dead_letter_ends_the_run_with_an_error(rig: Rig) -> None:
    rig.send(said("hello"))
    body = f'{{"tenant":"{rig.ref.space.tenant}","session":"{rig.ref.id}"}}'
    entry.dead_letter(body, rig.services)
    rig.assert_whole()
    assert rig.count("session.error") == 1
    assert rig.head.stop_reason == {"type": "retries_exhausted"}
    rig.send(said("again"))
    rig.ring()
    assert rig.head.stop_reason == {"type": "end_turn"}


def test_near_its_time_limit_a_worker_hands_the_run_on(rig: Rig) -> None:
    rig.send(said("hello"))
    rig.ring(remaining_ms=45_000)
    assert rig.head.status == "idle"
    rig.send(said("tokens:30 gap:40"))
    started = threading.Event()
    left = iter([60_000] * 3 + [10_000] * 10_000)

    def remaining() -> int:
        started.set()
        return next(left)

    body = f'{{"tenant":"{rig.ref.space.tenant}","session":"{rig.ref.id}"}}'
    entry.ring(body, receipt=None, remaining_ms=remaining, parts=rig.services)
    assert rig.count("run.requeued") == 1
    assert rig.head.status == "running"
    rig.ring(by=rig.another())
    rig.assert_whole()
    assert rig.count("agent.message") == 2
    assert rig.head.status == "idle"


def test_settings_of_integrations_that_cannot_be_used_keep_no_doorbell(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unusable(*_given: object) -> None:
        raise ValueError("the secret cannot be read")

    monkeypatch.setattr(rig.services, "with_secret", unusable)
    rig.send(said("hello"))
    rig.ring()
    assert rig.head.status == "idle"
    with pytest.raises(ValueError, match="cannot be read"):
        _ = rig.services.integrations
