"""Forks whose process dies at any write to table or bucket: neither they nor their removal leave anything for good."""

import pytest

from chalicelib.core.clock import now_ms
from chalicelib.core.settings import Settings
from chalicelib.events.log import SessionRef
from chalicelib.forks import plans
from chalicelib.forks.model import ForkWanted
from chalicelib.runs import entry
from chalicelib.storage.errors import StorageBusy
from chalicelib.storage.keys import Space
from chalicelib.storage.queue import Doorbell
from chalicelib.wiring import Services
from tests.support.bundles import file_entry, full_session, stored, workspace
from tests.support.mortal import Died, dying

OUTPUT = "/mnt/session/outputs/table.csv"
MOST = 60


@pytest.fixture
def source(services: Services) -> SessionRef:
    """A session with a log, an uploaded file, a workspace, and an output that is known there alone."""
    ref = full_session(services)
    workspace(services, ref, file_entry(OUTPUT, b"a,b\n"))
    return ref


def fork(by: Services, source: SessionRef, key: str | None = None) -> bool:
    """Whether a process lives to see a fork made."""
    try:
        by.forks.fork(source, ForkWanted(seed=key))
    except Died:
        return False
    return True


def look(by: Services, bell: tuple[str, str]) -> bool:
    """Whether a worker that the clock rings for lives to see the end of what it does."""
    try:
        entry.ring(Doorbell(*bell).body(), receipt=None, remaining_ms=lambda: 60_000, parts=by)
    except Died:
        return False
    return True


def test_whatever_write_a_fork_dies_at_the_clock_removes_what_is_left_of_it(
    services: Services, settings: Settings, source: SessionRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "PATIENCE_MS", -1)
    # From the first fork on the source notes that its files are shared.
    assert fork(services, source)
    before, left = stored(services), 1
    while not fork(dying(settings, left), source):
        (bell,) = services.sessions.due(now_ms())
        assert look(services, bell)
        assert services.sessions.due(now_ms()) == []
        assert stored(services) == before, f"after {left} writes"
        left += 1
    assert 8 <= left < MOST


def test_whatever_write_the_removal_dies_at_the_next_goes_on_with_it(
    services: Services, settings: Settings, source: SessionRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "PATIENCE_MS", -1)
    assert fork(services, source)
    before, whole = stored(services), 1
    while not fork(dying(settings, whole), source):
        (bell,) = services.sessions.due(now_ms())
        assert look(services, bell)
        whole += 1
    before = stored(services)
    for writes in range(MOST):
        # The last write but one: everything is there, and nobody sees it.
        assert not fork(dying(settings, whole - 1), source)
        (bell,) = services.sessions.due(now_ms())
        removed = look(dying(settings, writes), bell)
        assert removed or services.sessions.due(now_ms()) == [bell], f"after {writes} writes"
        assert look(services, bell)
        assert stored(services) == before, f"after {writes} writes"
        if removed:
            break
    assert 5 <= writes < MOST - 1


def test_a_repeat_stores_its_files_where_the_first_try_did(
    services: Services, settings: Settings, source: SessionRef
) -> None:
    assert fork(services, source, "whole")
    _, before = stored(services)
    assert fork(services, source, "as a whole one")
    _, after = stored(services)
    each, left = after - before, 1
    assert each >= 2
    while not fork(dying(settings, left), source, f"dies after {left}"):
        assert fork(services, source, f"dies after {left}")
        _, now = stored(services)
        assert now == after + left * each, f"after {left} writes"
        left += 1
    assert left >= 8


def test_a_repeat_has_its_time_from_when_it_began(
    services: Services, settings: Settings, source: SessionRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(plans, "PATIENCE_MS", -1)
        assert not fork(dying(settings, 3), source, "once")
    ((tenant, target),) = services.sessions.due(now_ms())
    assert not fork(dying(settings, 4), source, "once")
    assert services.sessions.due(now_ms()) == []
    services.forks.give_up(SessionRef(Space(tenant), target))
    assert fork(services, source, "once")
    assert services.forks.fork(source, ForkWanted(seed="once")).session.head.id == target


def test_while_the_rest_of_a_fork_is_removed_a_repeat_is_told_to_come_again(
    services: Services, settings: Settings, source: SessionRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(plans, "PATIENCE_MS", -1)
        assert not fork(dying(settings, 5), source, "once")
        (bell,) = services.sessions.due(now_ms())
        assert not look(dying(settings, 1), bell)
    with pytest.raises(StorageBusy):
        services.forks.fork(source, ForkWanted(seed="once"))
    assert look(services, bell)
    assert fork(services, source, "once")
