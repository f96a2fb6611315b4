"""Bundles that nobody should have made: each is refused with a sentence that names the entry, and leaves nothing."""

import json
import re
import stat
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from chalicelib.bundles.errors import BadBundle
from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services
from tests.support.bundles import (
    FOLDER,
    LINK,
    Part,
    exported,
    full_session,
    imported,
    put_together,
    resealed,
    stored,
    taken_apart,
    with_document,
    with_records,
)

Json = dict[str, Any]
Change = Callable[[bytes], bytes]


def adding(*parts: Part) -> Change:
    """The bundle with more entries, which the manifest knows."""
    return lambda bundle: resealed([*taken_apart(bundle), *parts])


def without(name: str) -> Change:
    """The bundle without an entry, which the manifest does not know either."""
    return lambda bundle: resealed([part for part in taken_apart(bundle) if part.name != name])


def manifest(change: Callable[[Json], Any]) -> Change:
    """The bundle with another manifest."""
    return lambda bundle: resealed(taken_apart(bundle), change)


def records(change: Callable[[list[Json]], Any]) -> Change:
    """The bundle with other records."""
    return lambda bundle: with_records(bundle, change)


def record(place: int, **fields: Any) -> Change:
    """The bundle with some fields of one record changed."""
    return records(lambda known: known[place].update(fields))


def inserted(**fields: Any) -> Change:
    """The bundle with one more record in front of the last one."""

    def change(known: list[Json]) -> None:
        last = known.pop()
        made = {"seq": last["seq"], "at": last["at"], "id": new_id(), "run": None, "private": None, "thread": None}
        known += [made | {"data": {}} | fields, last | {"seq": last["seq"] + 1}]

    return records(change)


def session(change: Callable[[Json], Any]) -> Change:
    """The bundle with another session.json."""
    return lambda bundle: with_document(bundle, "session.json", change)


def threads(*made: Json) -> Change:
    """The bundle with threads."""
    return lambda bundle: with_document(bundle, "threads.json", lambda _: list(made))


def doubled(bundle: bytes) -> bytes:
    """An entry stands there twice."""
    parts = taken_apart(bundle)
    with pytest.warns(UserWarning, match="Duplicate"):
        return put_together([*parts, parts[0]])


def encrypted(bundle: bytes) -> bytes:
    """An entry says that it is encrypted."""
    raw = bytearray(bundle)
    at = raw.index(b"PK\x01\x02")
    raw[at + 8] |= 1
    return bytes(raw)


def other_checksum(bundle: bytes) -> bytes:
    """The content is not the one of the manifest."""
    parts = taken_apart(bundle)
    parts[0].content = parts[0].content.replace(b"question", b"Question")
    return put_together(parts)


def other_content(bundle: bytes) -> bytes:
    """The content is not the one of the archive's own checksum."""
    raw = bytearray(bundle)
    at = raw.index(b"events.jsonl") + len("events.jsonl") + 40
    raw[at] ^= 0xFF
    return bytes(raw)


def lying(bundle: bytes) -> bytes:
    """An entry, and the manifest with it, announces less than there is."""
    real, told = 70_001, 8
    part = Part("workspace/a", bytes(range(256)) * 273 + bytes(113))
    assert len(part.content) == real
    raw = resealed([*taken_apart(bundle), part], lambda known: known["entries"][-1].update(size=told))
    return raw.replace(real.to_bytes(4, "little"), told.to_bytes(4, "little"))


def many(bundle: bytes) -> bytes:
    """More entries than a bundle has."""
    return put_together([*taken_apart(bundle), *(Part(f"workspace/{number}", b"") for number in range(65_001))])


def called(**fields: Any) -> Json:
    """A thread as a bundle tells of it."""
    usual: Json = {
        "id": new_id(),
        "name": "x",
        "agent": {"type": "general"},
        "created_at": 1,
        "updated_at": 1,
        "first": 1,
        "turns": [1],
    }
    return usual | fields


THREAD = new_id()
ABOUT = {"session_thread_id": THREAD, "agent_name": "x"}


def threaded(*made: Json) -> Change:
    """The bundle with a thread in its log that began at the record before the last, and these in threads.json."""

    def change(bundle: bytes) -> bytes:
        for kind, more in (
            ("session.thread_created", {}),
            ("session.thread_status_running", {"thread": THREAD}),
            ("session.thread_status_idle", {"thread": THREAD}),
        ):
            data = ABOUT | ({"stop_reason": {"type": "end_turn"}} if kind.endswith("idle") else {})
            bundle = inserted(type=kind, data=data, **more)(bundle)
        return threads(*made)(bundle)

    return change


FIRST_USE = "agent.tool_use"
USER, ASSISTANT, IDLE = 0, 4, 5
HOSTILE: dict[str, tuple[Change, str]] = {
    # The archive
    "no zip": (lambda _: b"x" * 1000, "is no zip file"),
    "cut off": (lambda bundle: bundle[:-30], "is no zip file"),
    "encrypted": (encrypted, "events.jsonl: is encrypted"),
    "too many entries": (many, "at most 65000 entries"),
    "a bomb": (adding(Part("workspace/a", bytes(40 << 20))), "workspace/a: is packed more than 200 to one"),
    "more than it announces": (lying, "workspace/a: is damaged"),
    "another method": (adding(Part("workspace/a", b"x", method=zipfile.ZIP_BZIP2)), "workspace/a: is packed in a way"),
    "damaged": (other_content, "events.jsonl: is damaged"),
    "a device": (adding(Part("workspace/a", b"", stat.S_IFCHR | 0o644)), "workspace/a: is neither a file"),
    "a folder that is a file": (adding(Part("workspace/a/", b"x", stat.S_IFREG)), "workspace/a/: is neither a file"),
    "an entry twice": (doubled, "events.jsonl: is there more than once"),
    # Names
    "climbing": (adding(Part("workspace/../a", b"x")), r"workspace/\.\./a: the name has an empty part or climbs"),
    "absolute": (adding(Part("/etc/passwd", b"x")), "/etc/passwd: is no part of a bundle"),
    "double slash": (adding(Part("workspace//a", b"x")), "workspace//a: the name has an empty part"),
    "a backslash": (adding(Part("workspace/a\\b", b"x")), "the name holds a control character or a backslash"),
    "a control character": (adding(Part("workspace/a\nb", b"x")), "the name holds a control character"),
    "overlong": (adding(Part("workspace/" + "a" * 256, b"x")), "the name is too long"),
    "too deep": (adding(Part("workspace/" + "a/" * 130 + "a", b"x")), "the name is too long or too deep"),
    "another case": (adding(Part("Manifest.json", b"x")), "Manifest.json: is no part of a bundle"),
    "another case of a folder": (adding(Part("WORKSPACE/a", b"x")), "WORKSPACE/a: is no part of a bundle"),
    "a strange folder": (adding(Part("lib/a", b"x")), "lib/a: is no part of a bundle"),
    "below a file": (
        adding(Part("workspace/a", b"x"), Part("workspace/a/b", b"x")),
        "workspace/a/b: lies below something that is no folder",
    ),
    "below a link": (
        adding(Part("workspace/a", b"d", LINK), Part("workspace/a/b", b"x")),
        "workspace/a/b: lies below something that is no folder",
    ),
    "a file and a folder": (
        adding(Part("workspace/a", b"x"), Part("workspace/a/", b"", FOLDER)),
        "workspace/a/: is there more than once",
    ),
    "a file that is none": (adding(Part("files/" + new_id(), b"x")), "files/.*: is no file of a session"),
    "a file of a strange id": (adding(Part("files/../a", b"x")), r"files/\.\./a: is no file of a session"),
    # Links
    "a link out": (adding(Part("workspace/a", b"/etc/passwd", LINK)), "workspace/a: is a link that leads out"),
    "a link up": (adding(Part("workspace/a", b"../../etc", LINK)), "workspace/a: is a link that leads out"),
    "links around": (
        adding(Part("workspace/a", b"b", LINK), Part("workspace/b", b"a", LINK)),
        "workspace/a: is a link that leads out",
    ),
    "a link over a link": (
        adding(Part("workspace/e", b".", LINK), Part("workspace/f", b"e/../../etc", LINK)),
        "workspace/f: is a link that leads out",
    ),
    "a link to nothing": (adding(Part("workspace/a", b"", LINK)), "workspace/a: is a link that leads out"),
    "a link of no text": (adding(Part("workspace/a", b"\xff", LINK)), "workspace/a: is a link to a name"),
    "events as a link": (
        lambda bundle: resealed(
            [
                Part(part.name, part.content, LINK if part.name == "events.jsonl" else part.mode)
                for part in taken_apart(bundle)
            ]
        ),
        "events.jsonl: is no file",
    ),
    # The manifest
    "no manifest": (
        lambda bundle: put_together([part for part in taken_apart(bundle) if part.name != "manifest.json"]),
        "manifest.json: is not in the bundle",
    ),
    "no events": (without("events.jsonl"), "events.jsonl: is not in the bundle"),
    "no session": (without("session.json"), "session.json: is not in the bundle"),
    "another format": (manifest(lambda told: told.update(format="x")), "manifest.json: is not of the format"),
    "a manifest that is no JSON": (
        lambda bundle: put_together(
            [
                Part(part.name, b"{" if part.name == "manifest.json" else part.content, part.mode)
                for part in taken_apart(bundle)
            ]
        ),
        "manifest.json: Invalid JSON",
    ),
    "another version": (manifest(lambda told: told.update(version=2)), "manifest.json: is of a version"),
    "a version of another kind": (manifest(lambda told: told.update(version="1")), "manifest.json: is of a version"),
    "entries of no form": (manifest(lambda told: told.update(entries=[{}])), "manifest.json: entries.0"),
    "an unnamed entry": (manifest(lambda told: told["entries"].pop()), "is not named by the manifest"),
    "a named entry that is not there": (
        manifest(lambda told: told["entries"].append({"name": "workspace/z", "size": 0, "sha256": "0" * 64})),
        "workspace/z: is named by the manifest and not in the bundle",
    ),
    "an entry named twice": (
        manifest(lambda told: told["entries"].append(told["entries"][0])),
        "events.jsonl: is named more than once",
    ),
    "another size": (manifest(lambda told: told["entries"][0].update(size=1)), "events.jsonl: does not have the size"),
    "another checksum": (other_checksum, "events.jsonl: does not have the checksum"),
    "another number": (manifest(lambda told: told.update(last_seq=11)), "manifest.json: last_seq is not 12"),
    "another session": (
        manifest(lambda told: told["source"].update(session_id=new_id())),
        "session.json: is not of the session",
    ),
    "a source of no id": (manifest(lambda told: told["source"].update(session_id="x#y")), "manifest.json: source"),
    # Records
    "no JSON": (
        lambda bundle: resealed(
            [
                Part(part.name, b"{\n" if part.name == "events.jsonl" else part.content, part.mode)
                for part in taken_apart(bundle)
            ]
        ),
        "events.jsonl: record 1: is no JSON",
    ),
    "not a number": (
        lambda bundle: resealed(
            [
                Part(part.name, part.content.replace(b'"seq":1,', b'"seq":NaN,'), part.mode)
                for part in taken_apart(bundle)
            ]
        ),
        "events.jsonl: record 1",
    ),
    "no record": (records(lambda known: [[], *known]), "events.jsonl: record 1"),
    "an unknown type": (record(USER, type="user.shout"), "record 1: there is no type 'user.shout'"),
    "a deleted session": (inserted(type="session.deleted"), "record 12: there is no type"),
    "a field too much": (record(USER, tenant="t"), "record 1: tenant"),
    "content of no form": (record(USER, data={"content": "hello"}), "record 1: data.content"),
    "a block of no type": (record(USER, data={"content": [{"type": "sound"}]}), "record 1: data.content.0"),
    "no content": (record(USER, data={"content": []}), "record 1: data.content"),
    "an id printed twice": (
        record(USER, data={"content": [{"type": "text", "text": "a"}], "processed_at": "x"}),
        "record 1: data: .*processed_at",
    ),
    "an id of no form": (record(USER, id="a#b"), "record 1: id"),
    "an id twice": (records(lambda known: known[1].update(id=known[0]["id"])), "record 2: its id is that of another"),
    "numbers with a gap": (records(lambda known: known.pop(3) and None), "record 4: has the number 5"),
    "numbers from 2 on": (records(lambda known: known.pop(0) and None), "record 1: has the number 2"),
    "a number twice": (record(1, seq=1), "record 2: has the number 1"),
    "time going back": (record(3, at=1), "record 4: its time is before"),
    "time far ahead": (record(IDLE, at=now_ms() + 10**9), "record 6: its time is before"),
    "a run left open": (records(lambda known: known[:8]), "the log ends while the session is at work"),
    "a call left open": (
        records(lambda known: [one | {"seq": seq} for seq, one in enumerate(_without(known, "tool_result"), 1)]),
        "the log ends with a call that has no end",
    ),
    "a model call left open": (
        inserted(type="span.model_request_start", data={"model": "m"}),
        "the log ends with a call that has no end",
    ),
    "a result of no call": (
        record(3, data={"tool_use_id": new_id(), "content": [], "is_error": False}),
        "record 4: is the result of a call that was not made",
    ),
    "a result of another kind": (
        records(
            lambda known: known[3].update(
                type="user.custom_tool_result", data={"custom_tool_use_id": known[2]["id"], "content": []}
            )
        ),
        "record 4: is the result of a call that was not made",
    ),
    "a summary without a beginning": (
        inserted(type="agent.thread_context_compacted", data={"summary": "x"}),
        "record 12: private",
    ),
    "a summary of what comes": (
        inserted(type="agent.thread_context_compacted", data={"summary": "x"}, private={"kept_from": 99}),
        "record 12: keeps what comes behind it",
    ),
    "a strange private part": (record(USER, private={"admin": True}), "record 1: private.admin"),
    "a strange private part of a call": (record(2, private={"offered": 1}), "record 3: private.offered"),
    "thinking of no form": (inserted(type="agent.thinking", private={"blocks": ["x"]}), "record 12: private.blocks"),
    "thinking that is a call": (
        inserted(type="agent.thinking", private={"blocks": [{"type": "tool_use"}]}),
        "record 12: private.blocks",
    ),
    "a cost that is none": (
        inserted(
            type="span.model_request_end",
            data={"model_request_start_id": new_id(), "model": "m", "model_usage": {}},
            private={"cost": "Infinity"},
        ),
        "record 12: private.cost",
    ),
    "a thread that was not made": (record(ASSISTANT, thread=new_id()), "record 5: is of a thread that was not made"),
    "a thread of no id": (record(ASSISTANT, thread="a#b"), "record 5: thread"),
    "an outcome that nobody can judge": (
        inserted(
            type="user.define_outcome",
            data={"description": "x", "max_iterations": 3, "outcome_id": new_id(), "verifier": {"type": "magic"}},
        ),
        "record 12: data.verifier",
    ),
    # Threads
    "threads that are none": (
        lambda bundle: with_document(bundle, "threads.json", lambda _: {"a": 1}),
        "threads.json: is no list",
    ),
    "a thread of no form": (threads({"id": new_id()}), "threads.json: "),
    "a thread the log does not know": (threads(called()), "threads.json: the log knows nothing of the thread"),
    "turns that are not the log's": (threaded(called(id=THREAD, turns=[1, 2, 3])), "the turns of the thread"),
    "turns beyond the log": (threaded(called(id=THREAD, turns=[99])), "the turns of the thread"),
    "a thread of nobody": (threaded(called(id=THREAD, agent={"type": "boss"})), "of nobody who could be called"),
    "a thread of a stranger": (
        threaded(called(id=THREAD, agent={"type": "agent", "id": new_id(), "version": 1})),
        "of somebody whom the agent does not know",
    ),
    "a thread twice": (threaded(called(id=THREAD), called(id=THREAD)), "holds a thread twice"),
    # The session
    "no session's form": (session(lambda card: card.pop("agent") and None), "session.json: agent"),
    "a version of no agent": (session(lambda card: card["agent"].update(version=0)), "session.json: agent"),
    "an agent without a model": (session(lambda card: card["agent"].pop("model") and None), "session.json: model"),
    "an agent of no id": (session(lambda card: card["agent"].update(id="x#y")), "session.json: agent"),
    "tools that do not fit": (
        session(lambda card: card["agent"]["tools"].append({"type": "mcp_toolset", "mcp_server_name": "x"})),
        "session.json: ",
    ),
    "a roster with a gap": (
        session(
            lambda card: card["agent"].update(
                multiagent={"type": "coordinator", "agents": [{"type": "agent", "id": new_id(), "version": 1}]}
            )
        ),
        "session.json: ",
    ),
    "a budget of no amount": (session(lambda card: card.update(budget="-1")), "session.json: budget"),
    "metadata of no form": (session(lambda card: card.update(metadata={"a": 1})), "session.json: metadata"),
    "a resource of no type": (
        session(lambda card: card["resources"].append({"type": "disk", "id": new_id()})),
        "session.json: resources",
    ),
    "a repository with a password": (
        session(
            lambda card: card["resources"].append(
                {"type": "github_repository", "id": new_id(), "url": "https://a:b@example.com/a/b"}
            )
        ),
        "session.json: resources",
    ),
    "a repository elsewhere": (
        session(
            lambda card: card["resources"].append(
                {
                    "type": "github_repository",
                    "id": new_id(),
                    "url": "https://example.com/a/b",
                    "mount_path": "/etc",
                }
            )
        ),
        "session.json: resources",
    ),
}


def _without(known: list[Json], kind: str) -> list[Json]:
    return [one for one in known if not one["type"].endswith(kind)]


def test_the_corpus_is_made_of_a_bundle_that_is_taken(services: Services) -> None:
    ref = full_session(services)
    known = exported(services, ref)
    for same in (known, resealed(taken_apart(known)), with_records(known, lambda _: None)):
        assert imported(services, ref.space, same).events == 12
    threaded_bundle = threaded(called(id=THREAD, first=12, turns=[12]))(known)
    assert imported(services, ref.space, threaded_bundle).events == 15
    assert json.loads(taken_apart(known)[0].content.splitlines()[2])["type"] == FIRST_USE


def test_hostile_bundles_are_refused_by_name_and_nothing_is_kept(services: Services) -> None:
    ref = full_session(services)
    known = exported(services, ref)
    before = stored(services)
    wrong = {}
    for name, (change, told) in HOSTILE.items():
        try:
            imported(services, ref.space, change(known))
        except BadBundle as refused:
            if refused.field != "file" or not _tells(refused.message, told):
                wrong[name] = refused.message
        else:
            wrong[name] = "was taken"
    assert wrong == {}
    assert stored(services) == before


def _tells(message: str, told: str) -> bool:
    return message.startswith("file: ") and re.search(told, message) is not None and message.isascii()


def test_files_that_claim_to_be_one_output_are_apart_and_a_file_is_attached_once(services: Services) -> None:
    ref = full_session(services)
    path, first, second = "/mnt/session/outputs/o.txt", new_id(), new_id()
    facts = {"filename": "o.txt", "media_type": "text/plain", "maker": "agent", "attached": True, "output": path}

    def change(told: Json) -> None:
        for one in told["entries"]:
            if one["name"] in (f"files/{first}", f"files/{second}"):
                one["file"] = facts

    def attach(card: Json) -> None:
        place = {"type": "file", "file_id": first, "mount_path": "/workspace/o.txt"}
        card["resources"] += [place | {"id": new_id()}, place | {"id": new_id()}]

    parts = taken_apart(with_document(exported(services, ref), "session.json", attach))
    parts += [Part(name, b"out") for name in ("outputs/o.txt", f"files/{first}", f"files/{second}")]
    made = imported(services, ref.space, resealed(parts, change))
    assert (made.files, [(one.type, one.id) for one in made.missing]) == (3, [("file", first)])
    files = services.files.of_session(ref.space, made.session.head.id)
    assert sorted(file.filename for file in files) == ["a.txt", "o.txt", "o.txt"]


def test_ids_of_another_tenant_mean_nothing(services: Services) -> None:
    mine, theirs = full_session(services), full_session(services)
    stranger = services.sessions.get(theirs).head
    known = exported(services, mine)
    other = services.files.of_session(theirs.space, theirs.id)[0]
    store = {"type": "memory_store", "id": new_id(), "memory_store_id": new_id()}
    file = {"type": "file", "id": new_id(), "file_id": other.id, "mount_path": "/workspace/x"}

    def change(card: Json) -> None:
        card["vault_ids"] = [new_id()]
        card["resources"] += [store, file]

    made = imported(services, mine.space, with_document(known, "session.json", change))
    assert {one.type for one in made.missing} == {"vault", "memory_store", "file"}
    text = json.dumps([asdict(made.session.head), asdict(made.session.spec)])
    assert not any(one in text for one in (stranger.id, other.id, theirs.space.tenant))
    assert made.session.spec.vault_ids == []
    for field, value in (("environment_id", stranger.environment_id), ("agent", None)):

        def foreign(card: Json, field: str = field, value: Any = value) -> None:
            if field == "agent":
                card["agent"]["id"] = stranger.agent_id
            else:
                card[field] = value

        with pytest.raises(Exception, match="this tenant does not have"):
            imported(services, mine.space, with_document(known, "session.json", foreign))
    assert services.table.query(Space(mine.space.tenant).partition("session", mine.id)).rows
