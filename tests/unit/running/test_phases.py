"""How far a session at work is, as its head tells."""

import pytest

from chalicelib.events.log import SessionRef
from chalicelib.running.model import AtWork
from chalicelib.sessions.model import Head, Interrupt, RunMark
from chalicelib.storage.keys import Space


def at_work(run: str, status: str, *, interrupted: bool = False) -> AtWork:
    """A session with a run in that state."""
    head = Head("s", "a", 1, "Agent", "e", 0, 0, status=status, run=RunMark("r", state=run))  # type: ignore[arg-type]
    head.interrupt = Interrupt("i", 1, drop_queued=False) if interrupted else None
    return AtWork(SessionRef(Space("t"), "s"), head)


@pytest.mark.parametrize(
    ("one", "phase"),
    [
        (at_work("queued", "running"), "queued"),
        (at_work("running", "running"), "working"),
        (at_work("running", "rescheduling"), "retrying"),
        (at_work("queued", "running", interrupted=True), "stopping"),
    ],
)
def test_a_phase_follows_from_the_run_and_a_request_to_stop(one: AtWork, phase: str) -> None:
    assert one.phase == phase
