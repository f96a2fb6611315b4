"""Forks cut off at every write, forks of long logs, and what a fork that was never finished leaves behind."""

from collections.abc import Sequence
from typing import Any

import pytest

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.core.settings import Settings
from chalicelib.environments.draft import EnvironmentCreate
from chalicelib.environments.service import PLAIN
from chalicelib.events.event import Draft
from chalicelib.events.log import SessionRef
from chalicelib.files.model import FileDraft
from chalicelib.forks import plans
from chalicelib.forks.model import ForkWanted
from chalicelib.runs import entry
from chalicelib.sessions.errors import SessionNotFound
from chalicelib.sessions.inputs import Input, Manner
from chalicelib.sessions.model import Thread
from chalicelib.sessions.service import SessionDraft
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.storage.queue import Doorbell
from chalicelib.wiring import Services


class Died(BaseException):
    """The process ends here."""


class Mortal:
    """A client of storage whose process dies after so many writes."""

    def __init__(self, client: Any, left: int) -> None:
        self._client = client
        self.left = left

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if name not in ("put_item", "update_item", "batch_write_item", "transact_write_items"):
            return call

        def write(**given: Any) -> Any:
            if self.left == 0:
                raise Died
            self.left -= 1
            return call(**given)

        return write


def ref_of(services: Services, turns: int = 3) -> SessionRef:
    """A session with some turns in its log."""
    ref = SessionRef(Space(new_id()), new_id())
    environment = services.environments.create(ref.space, EnvironmentCreate(name="Test"), PLAIN)
    agent = {"id": new_id(), "version": 1, "name": "Tester", "origin": "plain", "model": {"id": "claude-test"}}
    services.sessions.create(ref.space, SessionDraft(agent, environment.id), ref.id)
    for number in range(turns):
        turn(services, ref, number)
    return ref


def turn(services: Services, ref: SessionRef, number: int) -> None:
    """One turn as the log has it, in several segments."""
    run = new_id()
    said = {"content": [{"type": "text", "text": f"words {number} " * 20}]}
    for records in (
        [Draft("user.message", said, run=run), Draft("session.status_running", run=run)],
        [Draft("agent.message", said, run=run)],
        [Draft("session.status_idle", {"stop_reason": {"type": "end_turn"}, "stop_details": None}, run=run)],
    ):
        loaded = services.session_store.load(ref)
        head, was = loaded.head, loaded.head.rev
        head.rev = loaded.tail.next_seq + len(records) - 1
        write = services.session_store.head_write(ref, head, was, None)
        services.log.append(ref, loaded.tail, records, [write])


def records(services: Services, ref: SessionRef) -> list[Any]:
    """The whole log."""
    return list(services.log.walk(ref))


def sessions_of(services: Services, space: Space) -> Sequence[Any]:
    """What a list of the tenant shows."""
    return services.sessions.page(space, Window(100), lambda _head: True)[0]


def test_a_fork_cut_off_at_any_write_is_not_seen_and_a_repeat_finishes_it(settings: Settings) -> None:
    services = Services(settings)
    ref = ref_of(services)
    services.files.create_from_bytes(ref.space, FileDraft("a.txt", "text/plain", session_id=ref.id), b"words")
    before = records(services, ref)
    for left in range(20):
        dying, wanted = Services(settings), ForkWanted(seed=f"key-{left}")
        mortal = Mortal(dying.table._client, left)
        dying.table._client = mortal
        try:
            dying.forks.fork(ref, wanted)
        except Died:
            assert len(sessions_of(services, ref.space)) == left + 1
            assert len(services.files.page(ref.space, Window(100)).items) == left + 1
        else:
            break
        made = services.forks.fork(ref, wanted).session.head.id
        assert records(services, SessionRef(ref.space, made)) == before
        assert services.forks.fork(ref, wanted).session.head.id == made
    else:
        pytest.fail("the fork never came to its end")
    assert left >= 4
    assert records(services, ref) == before


def test_a_repeat_keeps_the_point_of_the_first_try_though_the_source_went_on(settings: Settings) -> None:
    services, dying = Services(settings), Services(settings)
    ref, wanted = ref_of(services), ForkWanted(seed="once")
    before = records(services, ref)
    dying.table._client = Mortal(dying.table._client, 2)
    with pytest.raises(Died):
        dying.forks.fork(ref, wanted)
    turn(services, ref, 9)
    made = services.forks.fork(ref, wanted)
    assert (made.seq, made.exact) == (before[-1].seq, True)
    assert records(services, SessionRef(ref.space, made.session.head.id)) == before


def test_what_is_left_of_an_unfinished_fork_is_removed_by_the_clock(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    services, dying = Services(settings), Services(settings)
    ref = ref_of(services)
    monkeypatch.setattr(plans, "PATIENCE_MS", -1)
    dying.table._client = Mortal(dying.table._client, 3)
    with pytest.raises(Died):
        dying.forks.fork(ref, ForkWanted())
    (tenant, left), *more = services.sessions.due(now_ms())
    assert not more
    target = SessionRef(Space(tenant), left)
    assert records(services, target)
    entry.ring(Doorbell(tenant, left).body(), receipt=None, remaining_ms=lambda: 60_000, parts=services)
    assert not list(services.table.walk(target.pk))
    assert services.sessions.due(now_ms()) == []
    assert len(records(services, ref)) == 12


def test_a_fork_of_a_workspace_that_was_cut_off_at_any_write_leaves_no_row_behind(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = Services(settings)
    ref = ref_of(services, 1)
    services.workspaces.ensure(ref.space, ref.id)
    monkeypatch.setattr(plans, "PATIENCE_MS", -1)
    for writes in range(20):
        dying = Services(settings)
        dying.table._client = Mortal(dying.table._client, writes)
        try:
            dying.forks.fork(ref, ForkWanted())
        except Died:
            for tenant, left in services.sessions.due(now_ms()):
                entry.ring(Doorbell(tenant, left).body(), receipt=None, remaining_ms=lambda: 60_000, parts=services)
                rows = services.table._client.scan(TableName=settings.table)["Items"]
                assert [row for row in rows if left in str(row)] == []
        else:
            break
    else:
        pytest.fail("the fork never came to its end")
    assert writes >= 5
    assert services.sessions.due(now_ms()) == []


def test_a_fork_that_is_on_its_way_is_not_given_up(settings: Settings) -> None:
    services, dying = Services(settings), Services(settings)
    ref = ref_of(services)
    dying.table._client = Mortal(dying.table._client, 3)
    with pytest.raises(Died):
        dying.forks.fork(ref, ForkWanted(seed="once"))
    target = SessionRef(ref.space, services.sessions.due(now_ms() + 2 * plans.PATIENCE_MS)[0][1])
    services.forks.give_up(target)
    assert records(services, target)
    assert services.forks.fork(ref, ForkWanted(seed="once")).session.head.id == target.id


def test_a_log_of_thousands_of_records_is_copied_in_pages_whatever_its_size(settings: Settings) -> None:
    services = Services(settings)
    ref = ref_of(services, 1)
    loaded = services.session_store.load(ref)
    for _ in range(60):
        services.log.append(ref, loaded.tail, [Draft("session.updated", {"title": "x" * 50}) for _ in range(50)])
    big = Draft("session.updated", {"title": "".join(new_id() for _ in range(20_000))})
    services.log.append(ref, loaded.tail, [big])
    calls: list[str] = []
    services.table._client.meta.events.register("before-call.dynamodb", lambda model, **_more: calls.append(model.name))
    made = services.forks.fork(ref, ForkWanted())
    target = SessionRef(ref.space, made.session.head.id)
    assert len(calls) < 40
    assert made.seq == len(records(services, ref)) == 3005
    assert records(services, target) == records(services, ref)
    services.sessions.delete(ref, even_running=True)
    services.session_store.purge(ref)
    assert records(services, target)[-1].data == big.data


def test_a_fork_of_a_removed_session_is_refused_and_leaves_nothing(settings: Settings) -> None:
    services = Services(settings)
    ref = ref_of(services)
    services.sessions.delete(ref, even_running=True)
    with pytest.raises(SessionNotFound):
        services.forks.fork(ref, ForkWanted())
    assert sessions_of(services, ref.space) == []


def test_the_context_is_rebuilt_from_where_the_last_copied_compaction_left_it(settings: Settings) -> None:
    services = Services(settings)
    ref = ref_of(services, 2)
    loaded = services.session_store.load(ref)
    folded = Draft("agent.thread_context_compacted", {"summary": "words"}, private={"kept_from": 5})
    services.log.append(ref, loaded.tail, [folded])
    turn(services, ref, 3)
    whole, early = services.forks.fork(ref, ForkWanted()), services.forks.fork(ref, ForkWanted(seq=8))
    assert (whole.session.head.context_from, early.session.head.context_from) == (5, 0)
    assert (early.seq, len(records(services, SessionRef(ref.space, early.session.head.id)))) == (8, 8)


def test_an_event_id_of_a_copied_input_is_known_in_the_fork(settings: Settings) -> None:
    services = Services(settings)
    ref = ref_of(services)
    said = next(event for event in records(services, ref) if event.type == "user.message")
    target = SessionRef(ref.space, services.forks.fork(ref, ForkWanted()).session.head.id)
    receipt = services.sessions.send(target, [Input("user.message", said.data, said.id)], Manner())
    assert [event.id for event in receipt.events] == [said.id]
    assert len(records(services, target)) == 12


def test_threads_that_had_begun_go_with_the_fork_at_rest(settings: Settings) -> None:
    services = Services(settings)
    ref = ref_of(services)
    for first in (2, 10):
        thread = Thread(new_id(), "Helper", {}, 1, 1, first=first, turns=[first, 11], status="running")
        services.table.write(services.session_store.thread_write(ref, thread))
    made = services.forks.fork(ref, ForkWanted(seq=8))
    target = SessionRef(ref.space, made.session.head.id)
    kept = list(services.session_store.threads(target))
    assert [(one.first, one.turns, one.status) for one in kept] == [(2, [2], "idle")]
    assert made.session.head.open_threads == 1
