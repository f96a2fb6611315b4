"""Which inputs join the run in hand, and what their taking writes."""

from chalicelib.engine.loop import steered, taken
from tests.unit.sessions.planning import head, queued


def test_only_steered_inputs_at_the_front_join_a_run() -> None:
    a, b, c, d = queued(1, "steer"), queued(2, "steer"), queued(3, "queue"), queued(4, "steer")
    assert steered([a, b, c, d]) == [a, b]
    assert steered([c, d]) == []
    assert steered([]) == []


def test_a_taken_input_is_echoed_under_its_own_id() -> None:
    given = head(queued=2)
    written = taken(given, [queued(1), queued(2)], "run-1")
    assert [(record.type, record.run) for record in written] == [
        ("input.taken", "run-1"),
        ("user.message", "run-1"),
    ] * 2
    assert [record.id for record in written if record.type == "user.message"] == ["input-1", "input-2"]
    assert given.queued == 0
