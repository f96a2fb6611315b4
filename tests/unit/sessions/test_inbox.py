"""When the clock has to look at a session."""

from chalicelib.sessions.inbox import RING_AFTER_MS, due_of
from tests.unit.sessions.planning import head, running, waiting


def test_a_resting_or_waiting_session_costs_the_clock_nothing() -> None:
    assert due_of(head(), 100) is None
    assert due_of(waiting(a="custom"), 100) is None


def test_a_session_with_work_is_looked_at_when_its_doorbell_or_lease_should_have_done() -> None:
    assert due_of(running("queued"), 100) == 100 + RING_AFTER_MS
    assert due_of(running(lease_until=90_000), 100) == 90_000


def test_a_deleted_session_is_looked_at_to_be_removed() -> None:
    assert due_of(head(deleted_at=5), 100) == 100
