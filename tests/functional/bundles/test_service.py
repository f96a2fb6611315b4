"""Round trips of bundles, imports cut off at every write, and what an import that was never finished leaves behind."""

import io
import json
import tracemalloc
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.bundles import exporting
from chalicelib.bundles.errors import BadBundle, BundleDiffers, SessionTooLarge
from chalicelib.bundles.model import ImportWanted
from chalicelib.core.clock import now_ms
from chalicelib.core.ids import derive_id, dress, new_id
from chalicelib.core.settings import Settings
from chalicelib.events.event import Draft
from chalicelib.events.log import SessionRef
from chalicelib.files.model import FileDraft
from chalicelib.forks import plans
from chalicelib.runs import entry
from chalicelib.sandbox.sessions.outputs import output_id
from chalicelib.sessions.inputs import Input, Manner
from chalicelib.sessions.model import Thread
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.storage.queue import Doorbell
from chalicelib.wiring import Services
from tests.support.bundles import (
    exported,
    file_entry,
    full_session,
    idle,
    imported,
    new_session,
    said,
    stored,
    taken_apart,
    turn,
    workspace,
    write,
)
from tests.support.mortal import Died, dying

MIB = 1 << 20


def records(services: Services, ref: SessionRef) -> list[Any]:
    """The whole log."""
    return list(services.log.walk(ref))


def sessions_of(services: Services, space: Space) -> Sequence[Any]:
    """What a list of the tenant shows."""
    return services.sessions.page(space, Window(100), lambda _head: True)[0]


def test_everything_comes_back_as_it_was(services: Services) -> None:
    ref = full_session(services)
    made = imported(services, ref.space, exported(services, ref))
    target = SessionRef(ref.space, made.session.head.id)
    assert (made.events, made.files, made.missing) == (12, 1, [])
    assert records(services, target) == records(services, ref)
    head, source = made.session.head, services.sessions.get(ref).head
    assert (head.title, head.agent_id, head.environment_id) == (source.title, source.agent_id, source.environment_id)
    assert (head.status, head.stop_reason, head.rev) == ("idle", {"type": "end_turn"}, 12)
    assert made.session.spec.agent == services.sessions.get(ref).spec.agent
    old, new = (services.workspaces.tree(one.space, one.id).entries for one in (ref, target))
    assert {path: (one.kind, one.mode, one.mtime, one.size, one.digest, one.target) for path, one in old.items()} == {
        path: (one.kind, one.mode, one.mtime, one.size, one.digest, one.target) for path, one in new.items()
    }
    (file,) = services.files.of_session(target.space, target.id)
    assert (file.filename, file.media_type) == ("a.txt", "text/plain")
    assert services.files.read(target.space, file.id)[1] == b"words"
    assert [one["file_id"] for one in made.session.spec.resources] == [file.id]


def test_an_import_cut_off_at_any_write_is_not_seen_and_a_repeat_finishes_it(settings: Settings) -> None:
    services = Services(settings)
    ref = full_session(services)
    bundle, before = exported(services, ref), records(services, ref)
    for left in range(40):
        wanted = {"seed": f"key-{left}"}
        try:
            imported(dying(settings, left), ref.space, bundle, **wanted)
        except Died:
            assert len(sessions_of(services, ref.space)) == left + 1
            assert len(services.files.page(ref.space, Window(100)).items) == left + 1
        else:
            break
        made = imported(services, ref.space, bundle, **wanted)
        target = SessionRef(ref.space, made.session.head.id)
        assert records(services, target) == before
        assert len(services.workspaces.tree(ref.space, target.id).entries) == 3
        again = imported(services, ref.space, bundle, **wanted)
        assert (again.session.head.id, again.files, again.missing) == (target.id, 1, [])
    else:
        pytest.fail("the import never came to its end")
    assert left >= 6


def test_what_is_left_of_an_unfinished_import_is_removed_by_the_clock(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = Services(settings)
    ref = full_session(services)
    bundle = exported(services, ref)
    monkeypatch.setattr(plans, "PATIENCE_MS", -1)
    imported(dying(settings, 99), ref.space, bundle)
    before = stored(services)
    for left in range(1, 40):
        try:
            imported(dying(settings, left), ref.space, bundle)
        except Died:
            pass
        else:
            break
        (tenant, target), *more = services.sessions.due(now_ms())
        assert not more
        entry.ring(Doorbell(tenant, target).body(), receipt=None, remaining_ms=lambda: 60_000, parts=services)
        assert services.sessions.due(now_ms()) == []
        assert stored(services) == before, f"after {left} writes"
    assert left >= 6


def test_imports_under_one_key_at_the_same_time_meet_in_one_session(settings: Settings) -> None:
    services = Services(settings)
    ref = full_session(services)
    bundle, processes = exported(services, ref), [Services(settings) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda process: imported(process, ref.space, bundle, seed="once"), processes))
    (target_id,) = {one.session.head.id for one in made}
    target = SessionRef(ref.space, target_id)
    assert len(sessions_of(services, ref.space)) == 2
    assert records(services, target) == records(services, ref)
    (file,) = services.files.of_session(target.space, target.id)
    assert services.files.read(target.space, file.id)[1] == b"words"
    entry_of = services.workspaces.tree(target.space, target.id).file("/workspace/link")
    assert b"".join(services.workspaces.content(target.space, target.id, entry_of)) == b"#!/bin/sh\n"


def test_a_repeat_with_another_bundle_or_another_wish_is_refused(services: Services) -> None:
    ref = full_session(services)
    bundle = exported(services, ref)
    imported(services, ref.space, bundle, seed="once")
    turn(services, ref, 2)
    with pytest.raises(BundleDiffers):
        imported(services, ref.space, exported(services, ref), seed="once")
    with pytest.raises(BundleDiffers):
        imported(services, ref.space, bundle, seed="once", title="Other")
    assert len(sessions_of(services, ref.space)) == 2


def test_a_log_of_thousands_of_records_with_large_ones_comes_through_whole(services: Services) -> None:
    ref = new_session(services)
    loaded = services.session_store.load(ref)
    for _ in range(60):
        services.log.append(ref, loaded.tail, [Draft("session.updated", {"title": "x" * 50}) for _ in range(50)])
    big = Draft("session.updated", {"title": "".join(new_id() for _ in range(20_000))})
    services.log.append(ref, loaded.tail, [big])
    made = imported(services, ref.space, exported(services, ref))
    target = SessionRef(ref.space, made.session.head.id)
    assert made.events == 3001
    assert records(services, target) == records(services, ref)
    services.sessions.delete(ref, even_running=True)
    services.session_store.purge(ref)
    assert records(services, target)[-1].data == big.data


def test_the_context_is_rebuilt_from_where_the_last_compaction_left_it(services: Services) -> None:
    ref = new_session(services)
    turn(services, ref)
    folded = Draft("agent.thread_context_compacted", {"summary": "words"}, private={"kept_from": 4})
    write(services, ref, Draft("user.message", said("more")), folded, idle())
    made = imported(services, ref.space, exported(services, ref))
    assert made.session.head.context_from == 4


def test_a_client_that_sends_an_event_again_meets_it(services: Services) -> None:
    ref = new_session(services)
    message = Draft("user.message", said("hello"), id="=mine")
    write(services, ref, message, Draft("agent.message", said("yes")), idle())
    made = imported(services, ref.space, exported(services, ref))
    target = SessionRef(ref.space, made.session.head.id)
    receipt = services.sessions.send(target, [Input("user.message", message.data, "=mine")], Manner())
    assert [event.id for event in receipt.events] == ["=mine"]
    assert len(records(services, target)) == 3


def test_outcomes_are_those_of_the_log_and_what_was_not_decided_has_not_begun(services: Services) -> None:
    ref = new_session(services)
    first, second = new_id(), new_id()
    goal = {"description": "a", "rubric": {"type": "text", "content": "b"}, "max_iterations": 3}
    usage = {"input_tokens": 1, "output_tokens": 1}
    verdict = {"iteration": 1, "result": "satisfied", "explanation": "well done", "usage": usage}
    started = Draft("span.outcome_evaluation_start", {"outcome_id": first, "iteration": 1})
    ended = verdict | {"outcome_id": first, "outcome_evaluation_start_id": started.id}
    write(
        services,
        ref,
        Draft("user.define_outcome", goal | {"outcome_id": first}, private={"starts": True}),
        started,
        Draft("span.outcome_evaluation_end", ended, private={"cost": "0.5"}),
        idle(),
        Draft("user.define_outcome", goal | {"outcome_id": second}, private={"starts": False}),
    )
    made = imported(services, ref.space, exported(services, ref))
    assert [(one.id, one.seq, one.iteration, one.result) for one in made.session.head.outcomes] == [
        (first, 1, 1, "satisfied"),
        (second, 5, 0, "pending"),
    ]


def test_threads_come_along_at_rest(services: Services) -> None:
    ref = new_session(services)
    thread = new_id()
    facts = {"session_thread_id": thread, "agent_name": "Helper"}
    write(
        services,
        ref,
        Draft("user.message", said("hello")),
        Draft("session.thread_created", facts | {"agent_id": None, "parent_thread_id": "sthr_primary"}),
        Draft("session.thread_status_running", facts, thread=thread),
        Draft("session.thread_status_idle", facts | {"stop_reason": {"type": "end_turn"}}, thread=thread),
        idle(),
    )
    kept = Thread(thread, "Helper", {"type": "general"}, 1, 1, first=2, turns=[2], counted=True)
    services.table.write(services.session_store.thread_write(ref, kept))
    made = imported(services, ref.space, exported(services, ref))
    (found,) = services.session_store.threads(SessionRef(ref.space, made.session.head.id))
    assert (found.id, found.first, found.turns, found.status) == (thread, 2, [2], "idle")
    assert made.session.head.open_threads == 1


def test_a_large_workspace_passes_through_little_memory(services: Services) -> None:
    ref = new_session(services)
    turn(services, ref)
    for number in range(4):
        content = number.to_bytes(4, "big") * (6 * MIB)
        workspace(services, ref, file_entry(f"/workspace/{number}.bin", content))
    del content
    largest, size = 0, 0
    pieces = services.exporter.export(ref, "0.0.0")
    next(pieces)
    tracemalloc.start()
    try:
        for piece in pieces:
            largest, size = max(largest, len(piece)), size + len(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 96 * MIB
    assert largest < 2 * MIB
    assert peak < 24 * MIB, peak


def test_a_bundle_is_read_where_it_lies_and_never_held(services: Services) -> None:
    ref = new_session(services)
    turn(services, ref)
    workspace(services, ref, file_entry("/workspace/big.bin", bytes(range(256)) * (128 << 10)))
    upload = services.files.begin(ref.space, "application/zip")
    for piece in services.exporter.export(ref, "0.0.0"):
        upload.incoming.write(piece)

    stored_file = services.files.commit(upload, FileDraft("bundle.zip", "application/zip"))
    file, digest = services.importer.uploaded(ref.space, stored_file.id)
    assert digest == stored_file.sha256
    tracemalloc.start()
    try:
        made = services.importer.read(ref.space, file, digest, ImportWanted())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    (path,) = services.workspaces.tree(ref.space, made.session.head.id).entries
    assert path == "/workspace/big.bin"
    assert stored_file.size > 32 * MIB
    assert peak < 30 * MIB, peak


def test_the_id_of_an_output_is_the_one_its_own_sandbox_gives_it(services: Services) -> None:

    ref = new_session(services)
    turn(services, ref)
    path = "/mnt/session/outputs/o.txt"
    workspace(services, ref, file_entry(path, b"out"))

    def own_id(one: SessionRef) -> str:
        return output_id(one.space, one.id, path, services.workspaces.tree(one.space, one.id).entries[path])

    draft = FileDraft("o.txt", "text/plain", maker="agent", session_id=ref.id)
    services.files.create_from_bytes(ref.space, draft, b"out", own_id(ref))
    made = imported(services, ref.space, exported(services, ref))
    target = SessionRef(ref.space, made.session.head.id)
    assert [file.id for file in services.files.of_session(target.space, target.id)] == [own_id(target)]
    assert made.session.spec.resources == []


def test_a_file_that_only_a_message_names_gets_a_new_id_there(services: Services) -> None:

    ref = new_session(services)
    shown = services.files.create_from_bytes(ref.space, FileDraft("b.txt", "text/plain"), b"shown")
    gone = new_id()
    blocks = [
        {"type": "document", "source": {"type": "file", "file_id": dress("file", one)}} for one in (shown.id, gone)
    ]
    write(services, ref, Draft("user.message", {"content": blocks}), Draft("agent.message", said("yes")), idle())
    made = imported(services, ref.space, exported(services, ref))
    target = SessionRef(ref.space, made.session.head.id)
    (file,) = services.files.of_session(target.space, target.id)
    assert file.id == derive_id("import", target.id, shown.id)
    named = [block["source"]["file_id"] for block in records(services, target)[0].data["content"]]
    assert named == [dress("file", file.id), dress("file", gone)]
    assert [(one.type, one.id) for one in made.missing] == [("file", gone)]


def test_a_session_at_work_is_exported_with_the_files_of_its_last_rest(services: Services) -> None:
    ref = new_session(services)
    workspace(services, ref, file_entry("/workspace/a", b"one"), run="first")
    turn(services, ref)
    before = exported(services, ref)
    services.sessions.send(ref, [Input("user.message", said("go on"))], Manner())
    workspace(services, ref, file_entry("/workspace/a", b"two"), file_entry("/workspace/b", b"new"), run="second")
    known = {part.name: part.content for part in taken_apart(exported(services, ref))}
    assert known["workspace/a"] == b"one"
    assert "workspace/b" not in known
    told = json.loads(known["manifest.json"])
    assert (told["files"], told["last_seq"]) == ("at_point", 6)
    assert {part.name for part in taken_apart(before)} == set(known)


def test_a_session_with_more_files_than_a_bundle_holds_is_not_begun_to_be_exported(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = full_session(services)
    monkeypatch.setattr(exporting, "MOST_ENTRIES", 503)
    with pytest.raises(SessionTooLarge):
        services.exporter.export(ref, "0.0.0")


def test_a_bundle_larger_than_a_file_may_be_is_refused(settings: Settings) -> None:
    services = Services(settings)
    ref = full_session(services)
    bundle = exported(services, ref)
    services.files.rules = type(services.files.rules)(len(bundle) - 1, uploads_readable=True)

    with pytest.raises(BadBundle, match="at most"):
        services.importer.read(ref.space, io.BytesIO(bundle), "0" * 64, ImportWanted())
