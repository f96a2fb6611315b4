"""Sessions with something of everything, their bundles, and the same bundles with one thing changed."""

import hashlib
import io
import json
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.agents.draft import AgentCreate
from chalicelib.agents.policy import PLAIN
from chalicelib.bundles.model import Imported, ImportWanted
from chalicelib.core.ids import new_id
from chalicelib.environments import service as environments
from chalicelib.environments.draft import EnvironmentCreate
from chalicelib.events.event import Draft, Event
from chalicelib.events.log import SessionRef
from chalicelib.files.model import FileDraft
from chalicelib.sandbox.model import SandboxDraft
from chalicelib.sessions.draft import AgentChoice
from chalicelib.sessions.opening import Opening
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services
from chalicelib.workspaces.gathering import Finish

Json = dict[str, Any]
FOLDER, LINK = stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777


@dataclass(frozen=True)
class Coming:
    """An entry of a workspace."""

    path: str
    header: Mapping[str, Any]
    content: bytes = b""

    def pieces(self, size: int = 1 << 18) -> Iterator[bytes]:
        """The content."""
        return (self.content[at : at + size] for at in range(0, len(self.content), size))


def file_entry(path: str, content: bytes, mode: int = 0o644) -> Coming:
    """A file of a workspace."""
    return Coming(path, {"type": "file", "mode": mode, "mtime": 1_000_000_007, "size": len(content)}, content)


def new_session(services: Services, space: Space | None = None) -> SessionRef:
    """A session of an agent and an environment of its tenant."""
    space = space or Space(new_id())
    environment = services.environments.create(space, EnvironmentCreate(name=new_id()), environments.PLAIN)
    agent = services.agents.create(space, AgentCreate(name="Tester", model={"id": "claude-test"}), PLAIN)
    wanted = Opening(agent=AgentChoice(id=agent.id), environment_id=environment.id, title="First")
    return SessionRef(space, services.opener.open(space, wanted).head.id)


def said(text: str) -> Json:
    """Content of one text."""
    return {"content": [{"type": "text", "text": text}]}


def idle() -> Draft:
    """The session rests."""
    return Draft("session.status_idle", {"stop_reason": {"type": "end_turn"}, "stop_details": None})


def write(services: Services, ref: SessionRef, *drafts: Draft) -> list[Event]:
    """Append records, together with the head."""
    loaded = services.session_store.load(ref)
    head, was = loaded.head, loaded.head.rev
    head.rev = loaded.tail.next_seq + len(drafts) - 1
    return services.log.append(
        ref, loaded.tail, list(drafts), [services.session_store.head_write(ref, head, was, None)]
    )


def turn(services: Services, ref: SessionRef, number: int = 0) -> None:
    """One turn with a call, in several segments."""
    use = new_id()
    write(services, ref, Draft("user.message", said(f"question {number}")), Draft("session.status_running"))
    write(services, ref, Draft("agent.tool_use", {"name": "bash", "input": {"command": "true"}}, id=use))
    done = {"tool_use_id": use, **said("done"), "is_error": False}
    write(services, ref, Draft("agent.tool_result", done), Draft("agent.message", said(f"answer {number}")), idle())


def workspace(services: Services, ref: SessionRef, *entries: Coming, run: str = "") -> None:
    """Put entries into the session's workspace, in the course of a run."""
    services.sandboxes.ensure(ref.space, SandboxDraft("session", sandbox_id=ref.id))
    services.workspaces.ensure(ref.space, ref.id)
    services.workspaces.take(ref.space, ref.id, "", entries, Finish(), run)


def full_session(services: Services) -> SessionRef:
    """A session with turns, a file and a workspace with a folder, a link and a script."""
    ref = new_session(services)
    turn(services, ref)
    turn(services, ref, 1)
    services.files.create_from_bytes(ref.space, FileDraft("a.txt", "text/plain", session_id=ref.id), b"words")
    workspace(
        services,
        ref,
        Coming("/workspace/d", {"type": "dir", "mode": 0o755, "mtime": 0, "size": 0}),
        file_entry("/workspace/d/run.sh", b"#!/bin/sh\n", 0o750),
        Coming("/workspace/link", {"type": "symlink", "mode": 0o777, "mtime": 0, "size": 0, "target": "d/run.sh"}),
    )
    return ref


def exported(services: Services, ref: SessionRef) -> bytes:
    """The bundle of a session."""
    return b"".join(services.exporter.export(ref, "0.0.0"))


def imported(services: Services, space: Space, bundle: bytes, **wanted: Any) -> Imported:
    """The session a bundle makes."""
    digest = hashlib.sha256(bundle).hexdigest()
    return services.importer.read(space, io.BytesIO(bundle), digest, ImportWanted(**wanted))


@dataclass
class Part:
    """One entry of an archive."""

    name: str
    content: bytes
    mode: int = stat.S_IFREG | 0o644
    method: int = zipfile.ZIP_DEFLATED


def taken_apart(bundle: bytes) -> list[Part]:
    """The entries of a bundle."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return [Part(one.filename, archive.read(one), one.external_attr >> 16) for one in archive.infolist()]


def put_together(parts: Iterable[Part]) -> bytes:
    """An archive of these entries."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for part in parts:
            entry = zipfile.ZipInfo(part.name)
            entry.create_system, entry.external_attr, entry.compress_type = 3, part.mode << 16, part.method
            archive.writestr(entry, part.content)
    return target.getvalue()


def resealed(parts: list[Part], change: Callable[[Json], None] = lambda _manifest: None) -> bytes:
    """An archive whose manifest tells of its entries as they are; ``change`` is made to the manifest at the end."""
    manifest: Json = json.loads(next(part.content for part in parts if part.name == "manifest.json"))
    known = {one["name"]: one for one in manifest["entries"]}
    rest = [part for part in parts if part.name != "manifest.json"]
    manifest["entries"] = [
        known.get(part.name, {})
        | {"name": part.name, "size": len(part.content), "sha256": hashlib.sha256(part.content).hexdigest()}
        for part in rest
    ]
    change(manifest)
    return put_together([*rest, Part("manifest.json", json.dumps(manifest).encode())])


def with_records(bundle: bytes, change: Callable[[list[Json]], Any]) -> bytes:
    """The bundle with its records changed in place, or replaced by what ``change`` gives."""
    parts = taken_apart(bundle)
    events = next(part for part in parts if part.name == "events.jsonl")
    records = [json.loads(line) for line in events.content.splitlines()]
    changed = change(records)
    kept = records if changed is None else changed
    events.content = b"".join(json.dumps(one).encode() + b"\n" for one in kept)
    return resealed(parts, lambda manifest: manifest.update(last_seq=len(kept)))


def with_document(bundle: bytes, name: str, change: Callable[[Any], Any]) -> bytes:
    """The bundle with one of its documents changed in place, or replaced by what ``change`` gives."""
    parts = taken_apart(bundle)
    part = next(part for part in parts if part.name == name)
    document = json.loads(part.content)
    changed = change(document)
    part.content = json.dumps(document if changed is None else changed).encode()
    return resealed(parts)


def stored(services: Services) -> tuple[int, int]:
    """How many rows and objects there are in all."""
    rows = services.table._client.scan(TableName=services.table.name, Select="COUNT")["Count"]
    objects = services.objects
    found = objects._client.list_objects_v2(Bucket=objects._bucket)
    return rows, found.get("KeyCount", 0)
