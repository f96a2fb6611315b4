"""The head survives storage whole."""

from chalicelib.core.jsonio import dumps, loads
from chalicelib.sessions.model import ATTRIBUTES, Call, Head, Interrupt
from tests.unit.sessions.planning import head, running, waiting


def stored(given: Head) -> Head:
    row = {name: getattr(given, name) for name in ATTRIBUTES}
    return Head.restore(loads(dumps(given.document())), row)


def test_every_kind_of_head_is_restored_as_it_was() -> None:
    busy = running(fence=3, lease_owner="w", lease_at=4, lease_until=5, rev=9, active_since=2)
    busy.interrupt = Interrupt("i", 4, drop_queued=False)
    busy.totals.cost = "0.125"
    answered = waiting(a="custom", b="confirmation")
    answered.calls["a"] = Call("custom", "tool", "result")
    for given in (head(), busy, answered):
        assert stored(given) == given


def test_what_the_client_owes_is_told_in_order() -> None:
    given = waiting(a="custom", b="confirmation", c="custom")
    given.calls["b"].answer = "allow"
    assert given.unanswered == ["a", "c"]
    assert given.waiting


def test_active_time_adds_up_over_runs_and_never_falls() -> None:
    given = head()
    given.begin_run(now=100)
    given.rest({"type": "end_turn"}, 350)
    given.begin_run(now=1_000)
    given.rest({"type": "end_turn"}, 900)
    assert given.totals.active_ms == 250
