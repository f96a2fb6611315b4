"""What a workspace was when a run ended is kept for a fork, so many runs long, and nothing longer than needed."""

import pytest

from chalicelib.core.ids import new_id
from chalicelib.wiring import Services
from chalicelib.workspaces import service as module
from chalicelib.workspaces.service import WorkspaceService
from chalicelib.workspaces.store import WorkspaceStore
from tests.functional.workspaces.test_service import Bench

RESTS = 3


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The time, in milliseconds; whoever writes reads it."""
    moment = [1_000]
    monkeypatch.setattr(module, "now_ms", lambda: moment[0])
    monkeypatch.setattr(module, "_COLLECT_EVERY", 1)
    monkeypatch.setattr(module, "_SETTLED_MS", -(10**15))
    return moment


@pytest.fixture
def bench(services: Services, clock: list[int]) -> Bench:
    made = Bench(WorkspaceService(WorkspaceStore(services.table), services.objects, RESTS))
    made.service.begin(made.space, made.id, made.boot)
    return made


def then(bench: Bench, at: int) -> tuple[dict[str, bytes], bool]:
    """What a fork at that moment holds, and whether it is of that moment."""
    made = bench.service.fork(bench.space, bench.id, new_id(), at)
    held = bench.content(made.id)
    bench.service.delete(bench.space, made.id)
    return held, made.at <= at


def run(bench: Bench, clock: list[int], name: str, *steps: bytes) -> int:
    """A run that writes one file again and again; when it ended."""
    for step in steps:
        clock[0] += 10
        bench.take({"f": step}, run=name)
    clock[0] += 10
    return clock[0]


def test_each_of_the_last_runs_is_there_as_it_ended(bench: Bench, clock: list[int]) -> None:
    ends = [run(bench, clock, f"run{n}", b"%d-began" % n, b"%d-ended" % n) for n in range(3)]
    for n, end in enumerate(ends):
        assert then(bench, end) == ({"f": b"%d-ended" % n}, True)
    assert then(bench, 1_000) == ({}, True)
    assert then(bench, 999) == ({}, True)


def test_what_changes_between_runs_is_a_state_of_its_own(bench: Bench, clock: list[int]) -> None:
    end = run(bench, clock, "run1", b"of the run")
    for step in (b"by a client", b"by a client again"):
        clock[0] += 10
        bench.take({"f": step})
    between = clock[0]
    run(bench, clock, "run2", b"of the next")
    assert then(bench, end) == ({"f": b"of the run"}, True)
    assert then(bench, between) == ({"f": b"by a client again"}, True)


def test_behind_what_is_kept_a_fork_is_as_of_now(bench: Bench, clock: list[int]) -> None:
    ends = [run(bench, clock, f"run{n}", b"%d" % n) for n in range(RESTS + 2)]
    assert then(bench, ends[0]) == ({"f": b"%d" % (RESTS + 1)}, False)
    assert then(bench, ends[1]) == ({"f": b"1"}, True)


def test_a_fork_has_the_past_of_its_source_up_to_its_point(bench: Bench, clock: list[int]) -> None:
    ends = [run(bench, clock, f"run{n}", b"%d" % n) for n in range(3)]
    made = bench.service.fork(bench.space, bench.id, new_id(), ends[1])
    run(bench, clock, "later", b"later")
    fork = Bench(bench.service, bench.space, made.id)
    bench.service.begin(fork.space, fork.id, fork.boot)
    bench.service.delete(bench.space, bench.id)
    run(fork, clock, "own", b"own")
    assert [then(fork, end) for end in ends] == [({"f": b"0"}, True), ({"f": b"1"}, True), ({"f": b"1"}, True)]


def test_what_nobody_can_go_back_to_is_removed(bench: Bench, clock: list[int], services: Services) -> None:
    for n in range(40):
        run(bench, clock, f"run{n}", b"%d" % n * 1000, b"%d" % n * 2000)
    kept = bench.objects(services)
    assert len(kept) <= 2 * (RESTS + 2)
    bench.service.delete(bench.space, bench.id)
    assert bench.objects(services) == []


def test_a_workspace_without_runs_has_no_past(bench: Bench, clock: list[int]) -> None:
    for n in range(5):
        clock[0] += 10
        bench.take({"f": b"%d" % n})
    assert bench.service.head(bench.space, bench.id).past == ()
